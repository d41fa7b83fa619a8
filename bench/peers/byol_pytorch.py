"""The same recipe in plain PyTorch: BYOL on CIFAR-10, then k-NN and a linear probe. The peer our numbers are compared with.

  python byol_pytorch.py --data_dir=cifar-10-batches-bin --resnet_type=resnet20 --limit_train=5000 --batch_size=128 \
      --nb_epochs=20 --nb_epochs_warmup=0 --lr_init=1.0 --nb_epochs_clsf=10 --seed=1 [--init_from=FILE.safetensors]
  python byol_pytorch.py --resnet_type=resnet18 --batch_size=64 --time_steps=10      time training steps on synthetic views

Needs torch, torchvision, numpy and safetensors. --init_from takes an encoder file (torchvision's names) or a
checkpoint (online.encoder.*, online.projector.*, online.predictor.*) of the Deno program. Options carry its names. Progress
goes to stderr; the result is one JSON line on stdout. float32 on the CPU.
"""

import argparse
import copy
import json
import pathlib
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.transforms import v2

# torchvision's ResNets, ResNet-20, the heads and the schedules are shared with the oracle of the parity tests.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/parity/oracle"))
from byol import learning_rate_at, tau_at  # noqa: E402
from models import encoder, feature_dim, head  # noqa: E402

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261)
CLASSES, NEIGHBOURS, TEMPERATURE = 10, 200, 0.1
BICUBIC = {"interpolation": v2.InterpolationMode.BICUBIC, "antialias": True}


class Lars(torch.optim.Optimizer):
    """The reference variant: the momentum buffer holds lr * local * g. No decay, no adaptation for one-dimensional parameters."""

    def __init__(self, parameters, *, lr, momentum, weight_decay, eta):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "eta": eta})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                g = p.grad
                if p.ndim > 1:
                    g = g.add(p, alpha=group["weight_decay"])
                    # On the device: a wait for each of these norms would cost a GPU more than the rest of the step.
                    p_norm, g_norm = p.norm(), g.norm()
                    local = torch.where(p_norm * g_norm > 0, group["eta"] * p_norm / g_norm, 1.0)
                    g = g * local
                if "momentum" not in self.state[p]:
                    self.state[p]["momentum"] = torch.zeros_like(p)
                buffer = self.state[p]["momentum"]
                buffer.mul_(group["momentum"]).add_(g, alpha=group["lr"])
                p.sub_(buffer)


def training_view(o, blur_probability, solarize_probability):
    """One of the two views. The crop works on bytes (saturating), what follows on floats; with --images=pil all on bytes."""
    pil = o.images == "pil"
    to_float = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    jitter, blur = v2.ColorJitter(0.4, 0.4, 0.2, 0.1), v2.GaussianBlur(3, (0.1, 2.0))
    return v2.Compose([
        v2.RandomResizedCrop(32, (0.2, 1), (3 / 4, 4 / 3), **BICUBIC), *([] if pil else to_float), v2.RandomHorizontalFlip(),
        v2.RandomApply([jitter], 0.8), v2.RandomGrayscale(0.2), v2.RandomApply([blur], blur_probability),
        v2.RandomSolarize(128 if pil else 128 / 255, solarize_probability), *(to_float if pil else []), v2.Normalize(MEAN, STD),
    ])


def probe_view(train):
    finish = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    if train:
        return v2.Compose([v2.RandomResizedCrop(32, (0.08, 1), **BICUBIC), v2.RandomHorizontalFlip(), *finish])
    return v2.Compose([v2.Resize(36, **BICUBIC), v2.CenterCrop(32), *finish])


class Cifar(torch.utils.data.Dataset):
    """The official binary layout. Each item is (one view per transform …, label)."""

    def __init__(self, folder, names, limit, transforms, pil):
        records = np.concatenate([np.fromfile(folder / n, dtype=np.uint8).reshape(-1, 3073) for n in names])[:limit]
        self.labels = torch.from_numpy(records[:, 0].astype(np.int64))
        self.images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32))
        if pil:
            self.images = [v2.functional.to_pil_image(image) for image in self.images]
        self.transforms = transforms

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return *(t(self.images[i]) for t in self.transforms), self.labels[i]


def loader(dataset, o, batch_size, train):
    rest = {"drop_last": train and len(dataset.transforms) == 2, "persistent_workers": o.nb_workers > 0}  # the probe sees all
    return torch.utils.data.DataLoader(dataset, batch_size, shuffle=train, num_workers=o.nb_workers, **rest)


def build(o, stem="cifar"):
    online = nn.ModuleDict({
        "encoder": encoder(o.resnet_type, stem),
        "projector": head(feature_dim(o.resnet_type), o.hidden_dim, o.z_dim),
        "predictor": head(o.z_dim, o.hidden_dim, o.z_dim),
    })
    if o.init_from:
        from safetensors.torch import load_file
        weights = load_file(o.init_from)
        if any(name.startswith("online.") for name in weights):
            online.load_state_dict({n[7:]: t for n, t in weights.items() if n.startswith("online.")}, strict=True)
        else:
            online["encoder"].load_state_dict(weights, strict=True)
    if o.channels_last:
        online = online.to(memory_format=torch.channels_last)
    target = nn.ModuleDict({name: copy.deepcopy(online[name]) for name in ("encoder", "projector")}).requires_grad_(False)
    optimizer = Lars(online.parameters(), lr=0.0, momentum=o.momentum, weight_decay=o.weight_decay, eta=o.eta)
    return online.train(), target.train(), optimizer


def train_step(online, target, optimizer, view1, view2, lr, tau):
    views = torch.cat([view1, view2])
    p1, p2 = online["predictor"](online["projector"](online["encoder"](views))).chunk(2)
    with torch.no_grad():
        z1, z2 = target["projector"](target["encoder"](views)).chunk(2)
    # Both directions summed, 2 - 2 cos each; mean over the batch.
    loss = (4 - 2 * F.cosine_similarity(p1, z2) - 2 * F.cosine_similarity(p2, z1)).mean()
    optimizer.param_groups[0]["lr"] = lr
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():  # parameters only: the target's running statistics are its own
        for name in target:
            for t, p in zip(target[name].parameters(), online[name].parameters()):
                t.lerp_(p, 1 - tau)
    return loss.detach()


def pretrain(o, folder):
    views = [training_view(o, 1.0, 0.0), training_view(o, 0.1, 0.2)]
    dataset = Cifar(folder, [f"data_batch_{i}.bin" for i in range(1, 6)], o.limit_train, views, o.images == "pil")
    batches = loader(dataset, o, o.batch_size, train=True)
    total, warmup = o.nb_epochs * len(batches), o.nb_epochs_warmup * len(batches)
    online, target, optimizer = build(o)
    untrained = copy.deepcopy(online["encoder"])
    step, curve = 0, []
    for epoch in range(o.nb_epochs):
        losses = []
        for view1, view2, _ in batches:
            if o.channels_last:
                view1, view2 = (v.contiguous(memory_format=torch.channels_last) for v in (view1, view2))
            lr = learning_rate_at(step, total_steps=total, warmup_steps=warmup, lr_init=o.lr_init)
            tau = tau_at(step, total_steps=total, tau_base=o.tau_base)
            losses.append(train_step(online, target, optimizer, view1, view2, lr, tau).item())
            step += 1
        curve.append(round(sum(losses) / len(losses), 5))
        print(f"epoch {epoch + 1}/{o.nb_epochs} loss {curve[-1]}", file=sys.stderr)
    return untrained, online["encoder"], curve


@torch.no_grad()
def features_of(enc, batches):
    enc.eval()
    pairs = [(enc(images), labels) for images, labels in batches]
    return torch.cat([f for f, _ in pairs]), torch.cat([y for _, y in pairs])


def knn(train, labels, test, test_labels):
    """Wu et al. 2018: cosine similarity, weights exp(similarity / T), the class with the largest sum."""
    similarity, rows = (F.normalize(test) @ F.normalize(train).T).topk(min(NEIGHBOURS, len(train)), dim=1)
    votes = torch.zeros(len(test), CLASSES).scatter_add_(1, labels[rows], (similarity / TEMPERATURE).exp())
    return 100 * (votes.argmax(dim=1) == test_labels).float().mean().item()


def evaluate(o, folder, enc):
    """k-NN on plain images; then the probe, whose training images are cropped and flipped anew each epoch."""
    def images(names, limit, augmented):
        data = Cifar(folder, names, limit, [probe_view(augmented)], o.images == "pil")
        return loader(data, o, o.batch_size_clsf, train=augmented)

    train_names = [f"data_batch_{i}.bin" for i in range(1, 6)]
    test, test_labels = features_of(enc, images(["test_batch.bin"], o.limit_test, False))
    result = {"knn_top1": knn(*features_of(enc, images(train_names, o.limit_train, False)), test, test_labels)}
    if not o.nb_epochs_clsf:
        return result
    batches, probe = images(train_names, o.limit_train, True), nn.Linear(test.shape[1], CLASSES)
    optimizer = torch.optim.SGD(
        probe.parameters(), lr=o.lr_init_clsf, momentum=o.momentum_clsf, weight_decay=o.weight_decay_clsf, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, o.nb_epochs_clsf * len(batches), eta_min=1e-4)
    for _ in range(o.nb_epochs_clsf):
        for x, y in batches:
            with torch.no_grad():
                h = enc(x)
            optimizer.zero_grad()
            F.cross_entropy(probe(h), y).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        best = probe(test).topk(5, dim=1).indices == test_labels[:, None]
    return result | {"top1": 100 * best[:, 0].float().mean().item(), "top5": 100 * best.any(dim=1).float().mean().item()}


def time_steps(o):
    online, target, optimizer = build(o)
    view1, view2 = torch.randn(2, o.batch_size, 3, 32, 32)
    if o.channels_last:
        view1, view2 = (v.contiguous(memory_format=torch.channels_last) for v in (view1, view2))
    seconds = []
    for step in range(o.time_steps + 2):  # the first two are warm-up: allocation and the choice of kernels
        start = time.perf_counter()
        train_step(online, target, optimizer, view1, view2, o.lr_init, o.tau_base)
        seconds.append(time.perf_counter() - start)
    median = float(np.median(seconds[2:]))
    return {"steps": o.time_steps, "seconds_per_step": median, "images_per_second": o.batch_size / median}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = {
        "nb_epochs": 800, "nb_epochs_warmup": 10, "batch_size": 512, "lr_init": 2.0, "momentum": 0.9, "weight_decay": 1e-6,
        "eta": 1e-3, "z_dim": 256, "hidden_dim": 4096, "tau_base": 0.996, "nb_epochs_clsf": 90, "batch_size_clsf": 256,
        "lr_init_clsf": 0.2, "momentum_clsf": 0.9, "weight_decay_clsf": 0.0, "nb_workers": 0, "threads": 1, "seed": 0,
        "limit_train": 50_000, "limit_test": 10_000, "time_steps": 0,
    }
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    parser.add_argument("--data_dir", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--resnet_type", default="resnet18")
    parser.add_argument("--images", choices=("tensor", "pil"), default="tensor")
    parser.add_argument("--init_from")
    parser.add_argument("--channels_last", action="store_true")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    result = {"program": "pytorch", "torch": torch.__version__, "resnet_type": o.resnet_type, "seed": o.seed}
    if o.time_steps:
        return print(json.dumps(result | time_steps(o)))
    folder = next((f for f in (o.data_dir, o.data_dir / "cifar-10-batches-bin") if (f / "data_batch_1.bin").exists()), None)
    if folder is None:
        sys.exit(f"Cannot find data_batch_1.bin in {o.data_dir}: expected the CIFAR-10 binary files")
    start = time.perf_counter()
    untrained, trained, curve = pretrain(o, folder)
    result |= {"loss": curve, "train_seconds": round(time.perf_counter() - start, 1)}
    only_knn = argparse.Namespace(**(vars(o) | {"nb_epochs_clsf": 0}))
    result["untrained_knn_top1"] = evaluate(only_knn, folder, untrained)["knn_top1"]
    print(json.dumps(result | evaluate(o, folder, trained)))


if __name__ == "__main__":
    main()
