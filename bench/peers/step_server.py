"""A peer of `deno task bench step`: builds one PyTorch program's step and then runs as many as it is asked to.

  python step_server.py PEER --resnet_type=resnet18 --batch_size=64 --threads=1
      [--clock=wall --device=cuda --precision=bf16 --tf32 --workers=N --image_size=32]

PEER is contiguous, channels_last, compile (both with channels_last), original (PIL transforms in a DataLoader,
contiguous) or lightly (its heads, loss, LARS and moving average). Each line of stdin, {"count": N}, is answered by one
line: seconds of the steps, images, and the most memory so far. PEER pil or v2 makes both views of batches instead, by
torchvision; evaluation embeds a batch in evaluation mode (channels_last). What comes first, before any question, says that the warm-up is done.

By the processor's clock seconds are the process's own, and the DataLoader is in it. With --clock=wall they pass between two
waits for the device; the step is that of on_gpu.py; the DataLoader has --workers processes, which start before the
clock does and end with the round, so that nothing is made ahead between rounds and nobody else is disturbed. {"release":
true} gives back memory of the device that only a running step needs.
"""

import argparse
import copy
import json
import pathlib
import resource
import sys
import time

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import byol_pytorch as plain  # noqa: E402
import on_gpu  # noqa: E402

LR, TAU = 0.2, 0.99
# So many steps before each round by the wall's clock: memory that was given back is taken again.
UNTIMED = 2


def random_bytes(count):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8))


def options(args, **more):
    rest = {"hidden_dim": 4096, "z_dim": 256, "init_from": None, "channels_last": False, "momentum": 0.9, "weight_decay": 1e-6, "eta": 1e-3}
    return argparse.Namespace(**(rest | vars(args) | more))


class Views(torch.utils.data.Dataset):
    """Both views of an image, by the recipe of CIFAR-10."""

    def __init__(self, kind, count):
        o = argparse.Namespace(images=kind)
        self.transforms = [plain.training_view(o, 1.0, 0.0), plain.training_view(o, 0.1, 0.2)]
        images = random_bytes(count)
        self.images = [plain.v2.functional.to_pil_image(one) for one in images] if kind == "pil" else list(images)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return tuple(transform(self.images[index]) for transform in self.transforms)


def made(kind, batch_size):
    """Batches of both views, without end, made in this process."""
    while True:
        yield from torch.utils.data.DataLoader(Views(kind, 4 * batch_size), batch_size, shuffle=True, num_workers=0)


class Loader:
    """Batches of both views, without end, made by processes and brought to the device: a program's own input pipeline."""

    def __init__(self, kind, args):
        dataset = Views(kind, 4 * args.batch_size)
        sampler = torch.utils.data.RandomSampler(dataset, replacement=True, num_samples=10**9)
        self.device, self.workers = args.device, args.workers
        self.loader = torch.utils.data.DataLoader(
            dataset, args.batch_size, sampler=sampler, num_workers=args.workers, pin_memory=args.device == "cuda"
        )
        self.batches = None

    def start(self):
        self.batches = iter(self.loader)
        for _ in range(max(1, self.workers)):  # one of each worker: from here on they are in their stride
            self.next()

    def next(self):
        return [view.to(self.device, non_blocking=True) for view in next(self.batches)]

    def stop(self):
        self.batches = None


class Work:
    """What a round repeats, and what stands around it."""

    def __init__(self, body, start=lambda: None, stop=lambda: None):
        self.body, self.start, self.stop = body, start, stop


def synthetic_views(args, channels_last):
    views = torch.randn(2, args.batch_size, 3, args.image_size, args.image_size, device=args.device)
    return [view.contiguous(memory_format=torch.channels_last) if channels_last else view for view in views]


def plain_work(args, peer):
    o = options(args, channels_last=peer in ("channels_last", "compile"))
    by_wall = args.clock == "wall"
    stem = "imagenet" if args.image_size > 32 else "cifar"
    online, target, optimizer = on_gpu.build(o, args.device, stem) if by_wall else plain.build(o, stem)
    if peer == "compile":
        for networks in (online, target):
            for name in networks:
                networks[name].compile()
    more = {}
    if by_wall:
        scaler = torch.amp.GradScaler(args.device) if args.precision == "fp16" else None
        more = {"precision": args.precision, "scaler": scaler}
    train_step = on_gpu.train_step if by_wall else plain.train_step

    def step(views):
        return train_step(online, target, optimizer, *views, LR, TAU, **more)

    if peer != "original":
        views = synthetic_views(args, o.channels_last)
        return Work(lambda: step(views))
    if by_wall:
        loader = Loader("pil", args)
        return Work(lambda: step(loader.next()), loader.start, loader.stop)
    batches = made("pil", o.batch_size)
    return Work(lambda: step(next(batches)))


def lightly_work(args):
    from lightly.loss import NegativeCosineSimilarity
    from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead
    from lightly.models.utils import deactivate_requires_grad, update_momentum
    from lightly.utils.lars import LARS

    o = options(args)
    stem = "imagenet" if args.image_size > 32 else "cifar"
    encoder, features = plain.encoder(o.resnet_type, stem), plain.feature_dim(o.resnet_type)
    projector = BYOLProjectionHead(features, o.hidden_dim, o.z_dim)
    predictor = BYOLPredictionHead(o.z_dim, o.hidden_dim, o.z_dim)
    for module in (encoder, projector, predictor):
        module.to(args.device)
    moving = [copy.deepcopy(encoder), copy.deepcopy(projector)]
    for module in moving:
        deactivate_requires_grad(module)
    online = torch.nn.ModuleList([encoder, projector, predictor])
    optimizer = LARS(online.parameters(), lr=LR, momentum=o.momentum, weight_decay=o.weight_decay, trust_coefficient=o.eta)
    criterion = NegativeCosineSimilarity()
    views = synthetic_views(args, False)
    if args.precision == "fp16":
        raise SystemExit("lightly's step is not written for fp16 here: bf16 and normal are")

    def step():
        for module, average in zip((encoder, projector), moving):
            update_momentum(module, average, m=TAU)
        with on_gpu.autocast(args.device, args.precision):
            p = [predictor(projector(encoder(view))) for view in views]
            with torch.no_grad():
                z = [moving[1](moving[0](view)) for view in views]
            loss = criterion(p[0], z[1]) + criterion(p[1], z[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return Work(step)


def views_work(args, kind):
    if args.clock == "wall":
        loader = Loader(kind, args)
        return Work(loader.next, loader.start, loader.stop)
    batches = made(kind, args.batch_size)
    return Work(lambda: next(batches))


def evaluation_work(args):
    encoder = plain.encoder(args.resnet_type, "imagenet" if args.image_size > 32 else "cifar")
    encoder.to(args.device, memory_format=torch.channels_last).eval()
    images = synthetic_views(args, True)[0]

    def embed():
        with torch.inference_mode(), on_gpu.autocast(args.device, args.precision):
            return encoder(images)

    return Work(embed)


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(work, count, args):
    if args.clock == "processor":
        start = time.process_time()
        for _ in range(count):
            work.body()
        return time.process_time() - start
    work.start()
    for _ in range(UNTIMED):
        work.body()
    wait(args.device)
    start = time.perf_counter()
    for _ in range(count):
        work.body()
    wait(args.device)
    seconds = time.perf_counter() - start
    work.stop()
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer")
    parser.add_argument("--resnet_type", default="resnet18")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=("processor", "wall"), default="processor")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("normal", "bf16", "fp16"), default="normal")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--image_size", type=int, default=32)
    args = parser.parse_args()
    if args.clock == "processor" and (args.device, args.precision) != ("cpu", "normal"):
        parser.error("--device=cuda and other precisions take --clock=wall")
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = args.tf32
    if args.peer in ("pil", "v2"):
        work = views_work(args, args.peer)
    elif args.peer == "evaluation":
        work = evaluation_work(args)
    else:
        work = lightly_work(args) if args.peer == "lightly" else plain_work(args, args.peer)
    seconds_of(work, 2, args)
    print(json.dumps({"ready": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("release"):
            if args.device == "cuda":
                torch.cuda.empty_cache()
            print("{}", flush=True)
            continue
        count = request["count"]
        seconds = seconds_of(work, count, args)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": {"step": seconds}, "images": count * args.batch_size, "peak_mib": peak}), flush=True)


if __name__ == "__main__":
    main()
