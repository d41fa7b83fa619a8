"""A peer of `deno task bench step`: builds one PyTorch program's step and then runs as many as it is asked to.

  python step_server.py PEER --resnet_type=resnet18 --batch_size=64 --threads=1
      [--hardware=mono-gpu] [--precision=mixed] [--image_size=224] [--workers=16]

PEER is contiguous, channels_last, compile (both with channels_last), original (PIL transforms in a DataLoader of the same
process, contiguous) or lightly (its heads, loss, LARS and moving average). Each line of stdin, {"count": N}, is answered
by one line: processor seconds of the steps, images, and the most memory so far. PEER pil or v2 makes both views of
batches instead, by torchvision. What comes first, before any question, says that the warm-up is done. On a GPU, views are
given there, --precision=mixed is autocast in bf16, seconds are those of the clock until the device is done, and memory is
the device's; --workers are the DataLoader's processes of the original.
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

LR, TAU = 0.2, 0.99


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


def made(kind, args):
    """Batches of both views, without end."""
    images = Views(kind, (4 if args.workers == 0 else 40) * args.batch_size)
    rest = {"num_workers": args.workers, "persistent_workers": args.workers > 0, "pin_memory": args.device == "cuda"}
    loader = torch.utils.data.DataLoader(images, args.batch_size, shuffle=True, **rest)
    while True:
        for views in loader:
            yield [view.to(args.device, non_blocking=True) for view in views]


def given(args, channels_last):
    views = torch.randn(2, args.batch_size, 3, args.image_size, args.image_size, device=args.device)
    if channels_last:
        return [view.contiguous(memory_format=torch.channels_last) for view in views]
    return list(views)


def plain_step(args, peer):
    o = options(args, channels_last=peer in ("channels_last", "compile"))
    online, target, optimizer = plain.build(o)
    if o.image_size >= 128:
        # The stem of large images, which byol_pytorch.py has no use for.
        for networks in (online, target):
            networks["encoder"] = plain.encoder(o.resnet_type, "imagenet")
        online, target, optimizer = rebuilt(o, online)
    for networks in (online, target):
        networks.to(o.device)
    if peer == "compile":
        for networks in (online, target):
            for name in networks:
                networks[name].compile()
    if peer == "original":
        batches = made("pil", o)
        return lambda: plain.train_step(online, target, optimizer, *next(batches), LR, TAU)
    views = given(o, o.channels_last)
    return lambda: plain.train_step(online, target, optimizer, *views, LR, TAU)


def rebuilt(o, online):
    """Target and optimizer for an encoder that was exchanged."""
    if o.channels_last:
        online = online.to(memory_format=torch.channels_last)
    target = torch.nn.ModuleDict({name: copy.deepcopy(online[name]) for name in ("encoder", "projector")})
    optimizer = plain.Lars(online.parameters(), lr=0.0, momentum=o.momentum, weight_decay=o.weight_decay, eta=o.eta)
    return online.train(), target.requires_grad_(False).train(), optimizer


def lightly_step(args):
    from lightly.loss import NegativeCosineSimilarity
    from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead
    from lightly.models.utils import deactivate_requires_grad, update_momentum
    from lightly.utils.lars import LARS

    o = options(args)
    encoder, features = plain.encoder(o.resnet_type, "cifar"), plain.feature_dim(o.resnet_type)
    projector = BYOLProjectionHead(features, o.hidden_dim, o.z_dim)
    predictor = BYOLPredictionHead(o.z_dim, o.hidden_dim, o.z_dim)
    moving = [copy.deepcopy(encoder), copy.deepcopy(projector)]
    for module in moving:
        deactivate_requires_grad(module)
    online = torch.nn.ModuleList([encoder, projector, predictor]).to(o.device)
    for module in moving:
        module.to(o.device)
    optimizer = LARS(online.parameters(), lr=LR, momentum=o.momentum, weight_decay=o.weight_decay, trust_coefficient=o.eta)
    criterion = NegativeCosineSimilarity()
    views = given(o, False)

    def step():
        for module, average in zip((encoder, projector), moving):
            update_momentum(module, average, m=TAU)
        p = [predictor(projector(encoder(view))) for view in views]
        with torch.no_grad():
            z = [moving[1](moving[0](view)) for view in views]
        loss = criterion(p[0], z[1]) + criterion(p[1], z[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer")
    parser.add_argument("--resnet_type", default="resnet18")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--hardware", choices=("cpu", "mono-gpu"), default="cpu")
    parser.add_argument("--precision", choices=("normal", "mixed"), default="normal")
    parser.add_argument("--image_size", type=int, default=32)
    parser.add_argument("--workers", type=int, default=0)
    args = parser.parse_args()
    on_gpu = args.hardware == "mono-gpu"
    args.device = "cuda" if on_gpu else "cpu"
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    if args.peer in ("pil", "v2"):
        args.device, args.workers = "cpu", 0
        batches = made(args.peer, args)
        work = lambda: next(batches)  # noqa: E731
    else:
        step = lightly_step(args) if args.peer == "lightly" else plain_step(args, args.peer)

        def work():
            with torch.autocast(args.device, torch.bfloat16, enabled=args.precision == "mixed"):
                step()

    for _ in range(8 if on_gpu else 2):
        work()
    print(json.dumps({"ready": torch.__version__}), flush=True)
    for line in sys.stdin:
        count = json.loads(line)["count"]
        clock = time.perf_counter if on_gpu else time.process_time
        start = clock()
        for _ in range(count):
            work()
        if on_gpu:
            torch.cuda.synchronize()
        seconds = clock() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if on_gpu:
            peak = torch.cuda.max_memory_reserved() / 2**20
        print(json.dumps({"seconds": {"step": seconds}, "images": count * args.batch_size, "peak_mib": peak}), flush=True)


if __name__ == "__main__":
    main()
