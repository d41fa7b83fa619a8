"""A peer of `deno task bench step`: builds one PyTorch program's step and then runs as many as it is asked to.

  python step_server.py PEER --resnet_type=resnet18 --batch_size=64 --threads=1

PEER is contiguous, channels_last, compile (both with channels_last), original (PIL transforms in a DataLoader of the same
process, contiguous) or lightly (its heads, loss, LARS and moving average). Each line of stdin, {"count": N}, is answered
by one line: processor seconds of the steps, images, and the most memory so far. PEER pil or v2 makes both views of
batches instead, by torchvision. What comes first, before any question, says that two steps of warm-up are done.
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


def made(kind, batch_size):
    """Batches of both views, without end."""
    while True:
        yield from torch.utils.data.DataLoader(Views(kind, 4 * batch_size), batch_size, shuffle=True, num_workers=0)


def plain_step(args, peer):
    o = options(args, channels_last=peer in ("channels_last", "compile"))
    online, target, optimizer = plain.build(o)
    if peer == "compile":
        for networks in (online, target):
            for name in networks:
                networks[name].compile()
    if peer == "original":
        batches = made("pil", o.batch_size)
        return lambda: plain.train_step(online, target, optimizer, *next(batches), LR, TAU)
    views = torch.randn(2, o.batch_size, 3, 32, 32)
    if o.channels_last:
        views = [view.contiguous(memory_format=torch.channels_last) for view in views]
    return lambda: plain.train_step(online, target, optimizer, *views, LR, TAU)


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
    online = torch.nn.ModuleList([encoder, projector, predictor])
    optimizer = LARS(online.parameters(), lr=LR, momentum=o.momentum, weight_decay=o.weight_decay, trust_coefficient=o.eta)
    criterion = NegativeCosineSimilarity()
    views = torch.randn(2, o.batch_size, 3, 32, 32)

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
        return loss.item()

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer")
    parser.add_argument("--resnet_type", default="resnet18")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    if args.peer in ("pil", "v2"):
        batches = made(args.peer, args.batch_size)
        work = lambda: next(batches)  # noqa: E731
    else:
        work = lightly_step(args) if args.peer == "lightly" else plain_step(args, args.peer)
    for _ in range(2):
        work()
    print(json.dumps({"ready": torch.__version__}), flush=True)
    for line in sys.stdin:
        count = json.loads(line)["count"]
        start = time.process_time()
        for _ in range(count):
            work()
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": {"step": seconds}, "images": count * args.batch_size, "peak_mib": peak}), flush=True)


if __name__ == "__main__":
    main()
