"""A step of the plain PyTorch program as a GPU wants it: autocast, and LARS and moving average in foreach kernels that never
wait for the device. The numbers are those of byol_pytorch.py; run by itself, this file checks that in float64 on the CPU:

  python on_gpu.py
"""

import argparse
import contextlib

import torch
from torch.nn import functional as F

import byol_pytorch as plain

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class ForeachLars:
    """plain.Lars without a wait: norms and local rates stay on the device."""

    def __init__(self, parameters, *, lr, momentum, weight_decay, eta):
        self.lr, self.momentum, self.weight_decay, self.eta = lr, momentum, weight_decay, eta
        self.parameters = list(parameters)
        self.adapted = [index for index, p in enumerate(self.parameters) if p.ndim > 1]
        self.buffers = [torch.zeros_like(p) for p in self.parameters]
        # What torch.amp.GradScaler takes for an optimizer.
        self.param_groups = [{"params": self.parameters}]

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self):
        gradients = [p.grad for p in self.parameters]
        weights = [self.parameters[index] for index in self.adapted]
        decayed = torch._foreach_add([gradients[index] for index in self.adapted], weights, alpha=self.weight_decay)
        p_norm, g_norm = (torch.stack(torch._foreach_norm(tensors)) for tensors in (weights, decayed))
        local = torch.where((p_norm > 0) & (g_norm > 0), self.eta * p_norm / g_norm, 1.0)
        torch._foreach_mul_(decayed, list(local.unbind()))
        for index, gradient in zip(self.adapted, decayed):
            gradients[index] = gradient
        torch._foreach_mul_(self.buffers, self.momentum)
        torch._foreach_add_(self.buffers, gradients, alpha=self.lr)
        torch._foreach_sub_(self.parameters, self.buffers)


def autocast(device, precision):
    return torch.autocast(device, AUTOCAST[precision]) if precision in AUTOCAST else contextlib.nullcontext()


def build(o, device, stem="cifar"):
    """Networks and optimizer of plain.build(), on the device, and the scaler of fp16's loss."""
    online, target, _ = plain.build(o, stem)
    online, target = online.to(device), target.to(device)
    optimizer = ForeachLars(online.parameters(), lr=0.0, momentum=o.momentum, weight_decay=o.weight_decay, eta=o.eta)
    return online, target, optimizer


def train_step(online, target, optimizer, view1, view2, lr, tau, *, precision="normal", scaler=None):
    views = torch.cat([view1, view2])
    with autocast(views.device.type, precision):
        p1, p2 = online["predictor"](online["projector"](online["encoder"](views))).chunk(2)
        with torch.no_grad():
            z1, z2 = target["projector"](target["encoder"](views)).chunk(2)
    p1, p2, z1, z2 = (x if precision == "normal" else x.float() for x in (p1, p2, z1, z2))
    loss = (4 - 2 * F.cosine_similarity(p1, z2) - 2 * F.cosine_similarity(p2, z1)).mean()
    optimizer.lr = lr
    optimizer.zero_grad()
    if scaler is None:
        loss.backward()
        optimizer.step()
    else:
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
    with torch.no_grad():
        for name in target:
            torch._foreach_lerp_(list(target[name].parameters()), list(online[name].parameters()), 1 - tau)
    return loss.detach()


def main():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    o = argparse.Namespace(
        resnet_type="resnet20", hidden_dim=16, z_dim=8, init_from=None, channels_last=False, momentum=0.9, weight_decay=1e-2, eta=1e-2
    )
    theirs = plain.build(o)
    online, target, ours = build(o, "cpu")
    online.load_state_dict(theirs[0].state_dict())
    target.load_state_dict(theirs[1].state_dict())
    for _ in range(3):
        views = torch.randn(2, 8, 3, 32, 32)
        expected = plain.train_step(*theirs, *views, 0.1, 0.9)
        found = train_step(online, target, ours, *views, 0.1, 0.9).item()
        worst = max(
            ((a - b).norm() / (1e-12 + b.norm())).item()
            for one, other in ((online, theirs[0]), (target, theirs[1]))
            for a, b in zip(one.parameters(), other.parameters())
        )
        if abs(found - expected) > 1e-12 or worst > 1e-9:
            raise SystemExit(f"the step differs from byol_pytorch.py's: loss {found} for {expected}, parameters by {worst:.2g}")
    print(f"the same step as byol_pytorch.py's: parameters within {worst:.1g}")


if __name__ == "__main__":
    main()
