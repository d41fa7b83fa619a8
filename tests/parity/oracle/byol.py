"""BYOL's step in plain PyTorch: loss, LARS, the target's movement, the schedules. Not run by itself.

Written from the recipe (Grill et al. 2020; the loss summed over both directions), for checking, not for speed.
"""

import math

import torch
from torch.nn import functional as F


def loss_of(online, target, view1, view2, bn_views):
    """2 - 2 cos for both directions, summed, mean over the batch.

    joint: one train-mode pass over both views, so BN sees 2N images; separate: view 1, then view 2, each its own pass.
    The target runs in train mode too: its running statistics move, its parameters get no gradient.
    """
    if bn_views == "joint":
        p1, p2 = online(torch.cat([view1, view2])).chunk(2)
    else:
        p1, p2 = online(view1), online(view2)
    with torch.no_grad():
        if bn_views == "joint":
            z1, z2 = target(torch.cat([view1, view2])).chunk(2)
        else:
            z1, z2 = target(view1), target(view2)

    def regression(p, z):
        return 2 - 2 * (F.normalize(p, dim=1) * F.normalize(z, dim=1)).sum(dim=1)

    return (regression(p1, z2) + regression(p2, z1)).mean()


def rotation_logits(online, images):
    """Logits of all four rotations of the images: first of those as they are, then turned by 90, 180 and 270 degrees.

    One train-mode pass of the encoder, by the batch's statistics: the running ones stay.
    """
    rotated = torch.cat([torch.rot90(images, turns, (2, 3)) for turns in range(4)])
    copies = {name: buffer.clone() for name, buffer in online.encoder.named_buffers()}
    return online.rotation(torch.func.functional_call(online.encoder, copies, (rotated,)))


def rotation_classes(images):
    """The right answers of rotation_logits for so many images."""
    return torch.arange(4).repeat_interleave(images)


@torch.no_grad()
def lars(p, g, buffer, *, lr, momentum, weight_decay, eta, variant):
    """Moves parameter and momentum buffer in place.

    Biases and BN parameters (one dimension) get neither weight decay nor adaptation. reference: the buffer holds
    lr * local * g; deepmind: the buffer holds local * g, and lr is applied last; clipped: as deepmind, with solo-learn's
    clip_lr, by which lr * local is at most lr.
    """
    local = 1.0
    if p.ndim > 1 and variant == "clipped":
        p_norm, g_norm = p.norm(), g.norm()
        if p_norm > 0 and g_norm > 0:
            local = eta * p_norm / (g_norm + p_norm * weight_decay + 1e-8)
            local = min(local / lr, 1) if lr > 0 else 1.0
            g = g + weight_decay * p
    elif p.ndim > 1:
        g = g + weight_decay * p
        p_norm, g_norm = p.norm(), g.norm()
        if p_norm > 0 and g_norm > 0:
            local = eta * p_norm / g_norm
    if variant == "reference":
        buffer.mul_(momentum).add_(lr * local * g)
        p.sub_(buffer)
    elif variant in ("deepmind", "clipped"):
        buffer.mul_(momentum).add_(local * g)
        p.sub_(lr * buffer)
    else:
        raise ValueError(f"Cannot step with larsVariant {variant}: expected reference, deepmind or clipped")


@torch.no_grad()
def move_target(target, online, tau):
    """Parameters only: running statistics are the target's own."""
    source = dict(online.named_parameters())
    for name, p in target.named_parameters():
        p.mul_(tau).add_((1 - tau) * source[name])


def learning_rate_at(step, *, total_steps, warmup_steps, lr_init):
    """Linear from 0 over the warm-up, then half a cosine from lr_init towards 0."""
    if step < warmup_steps:
        return lr_init * step / warmup_steps
    if warmup_steps >= total_steps:
        return lr_init
    return lr_init * 0.5 * (1 + math.cos(math.pi * (step - warmup_steps) / (total_steps - warmup_steps)))


def tau_at(step, *, total_steps, tau_base):
    return 1 - (1 - tau_base) * (math.cos(math.pi * step / total_steps) + 1) / 2
