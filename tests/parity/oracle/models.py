"""The networks, as torchvision and the papers define them: encoders, and BYOL's two heads. Not run by itself.

ResNet-18 … 152 are torchvision's own classes; only the stem and the final layer are replaced. ResNet-20 (He et al. 2015,
section 4.2) is not in torchvision and is written out here, with option A shortcuts.
"""

import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock, Bottleneck

from common import BadInput

TORCHVISION = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


class BasicBlockA(nn.Module):
    """Two 3x3 convolutions; the shortcut subsamples and pads the new channels with zeros (option A: no parameters)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.added = stride, outputs - inputs

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        # Half of the new channels before, half after the old ones, as published implementations of option A do.
        return F.relu(y + F.pad(shortcut, (0, 0, 0, 0, self.added // 2, self.added - self.added // 2)))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        widths = ((16, 16, 1), (16, 32, 2), (32, 64, 2))
        for number, (inputs, outputs, stride) in enumerate(widths, 1):
            blocks = [BasicBlockA(inputs, outputs, stride)] + [BasicBlockA(outputs, outputs, 1) for _ in range(2)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
        # The same initialisation as torchvision's ResNets with zero_init_residual.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, BasicBlockA):
                nn.init.zeros_(module.bn2.weight)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x))).mean(dim=(2, 3))


def encoder(resnet_type, stem):
    """An encoder without its classifier; `feature_dim(encoder)` is the width of what it returns."""
    if resnet_type == "resnet20" and stem == "cifar":
        return ResNet20()
    if resnet_type not in TORCHVISION or stem not in ("cifar", "imagenet"):
        raise BadInput(f"Cannot build {resnet_type} with stem {stem}: expected resnet20 (cifar) or {', '.join(TORCHVISION)}")
    model = getattr(torchvision.models, resnet_type)(zero_init_residual=True)
    model.fc = nn.Identity()
    if stem == "cifar":
        model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
        model.maxpool = nn.Identity()
    return model


def feature_dim(resnet_type):
    return {"resnet20": 64, "resnet18": 512, "resnet34": 512}.get(resnet_type, 2048)


def head(inputs, hidden, outputs, heads="reference"):
    """Projector or predictor; names are 0, 1, 3. The bias: of the last layer (reference), of the first (deepmind)."""
    if heads not in ("reference", "deepmind"):
        raise BadInput(f"Cannot build heads {heads}: expected reference or deepmind")
    first = heads == "deepmind"
    return nn.Sequential(
        nn.Linear(inputs, hidden, bias=first), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, outputs, bias=not first)
    )


def rotation_head(inputs, hidden):
    """The classifier of four rotations (E-SSL, Dangovski et al. 2022); names are 0, 1, 3, 4, 5."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.LayerNorm(hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.LayerNorm(hidden),
        nn.Linear(hidden, 4),
    )


class Online(nn.Module):
    """Encoder, projector and predictor under the names the checkpoint uses; with `rotation`, the width of its hidden
    layers, the head of the rotations too."""

    def __init__(self, resnet_type, stem, hidden_dim, z_dim, heads="reference", rotation=0):
        super().__init__()
        self.encoder = encoder(resnet_type, stem)
        self.projector = head(feature_dim(resnet_type), hidden_dim, z_dim, heads)
        self.predictor = head(z_dim, hidden_dim, z_dim, heads)
        if rotation:
            self.rotation = rotation_head(feature_dim(resnet_type), rotation)

    def forward(self, x):
        return self.predictor(self.projector(self.encoder(x)))


class Target(nn.Module):
    def __init__(self, resnet_type, stem, hidden_dim, z_dim, heads="reference"):
        super().__init__()
        self.encoder = encoder(resnet_type, stem)
        self.projector = head(feature_dim(resnet_type), hidden_dim, z_dim, heads)

    def forward(self, x):
        return self.projector(self.encoder(x))


def randomise(module, generator):
    """Replaces every parameter and statistic by a random one.

    A freshly initialised network hides errors: zero gammas switch whole branches off, zero betas and running means make
    a forgotten term invisible, running variances of 1 make the square root invisible.
    """
    def uniform(tensor, low, high):
        tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=torch.float64) * (high - low) + low)

    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.LayerNorm):
                uniform(part.weight, 0.5, 1.5)
                uniform(part.bias, -0.5, 0.5)
            elif isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
                uniform(part.weight, 0.5, 1.5)
                uniform(part.bias, -0.5, 0.5)
                uniform(part.running_mean, -0.5, 0.5)
                uniform(part.running_var, 0.5, 2.0)
                part.num_batches_tracked.copy_(torch.randint(1, 1000, (), generator=generator))
            elif isinstance(part, (nn.Conv2d, nn.Linear)):
                # Variance 2 / fan-in keeps activations of order one through 152 layers.
                fan_in = part.weight[0].numel()
                noise = torch.randn(part.weight.shape, generator=generator, dtype=torch.float64)
                part.weight.copy_(noise * (2 / fan_in) ** 0.5)
                if part.bias is not None:
                    uniform(part.bias, -0.5, 0.5)
        # With gammas near 1 at the end of every branch, 50 blocks in train mode amplify float32's rounding a thousandfold
        # (PyTorch's own error in ResNet-152 is then 5e-4): smaller ones keep it at 3e-6, below the tolerance.
        for part in module.modules():
            if isinstance(part, (BasicBlockA, BasicBlock, Bottleneck)):
                uniform((part.bn3 if isinstance(part, Bottleneck) else part.bn2).weight, 0.05, 0.25)
