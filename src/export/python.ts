/** Python for the model card: whole programs that go from an image file to its embedding. */

import { probeTransformsOf } from "../recipes/preset_views.ts";
import { normalisationOf, TO_MEASURE } from "../recipes/normalisation.ts";
import type { ExportedRun } from "./encoder.ts";

/** Lines that make the batch `images` of one file, as an evaluation makes a test image. */
export function imageLines({ config }: ExportedRun): string {
  const { datasetName, preset = null, imageSize = null, normalisation = null } = config;
  if (datasetName === undefined || normalisation === TO_MEASURE) {
    return "# images: batch x 3 x height x width, normalised as in the training, which is not known";
  }
  const { resize, crop } = probeTransformsOf({ datasetName, preset, imageSize }).test;
  const { mean, std, range } = normalisationOf({ datasetName, normalisation });
  const normalize = `transforms.Normalize((${mean.join(", ")}), (${std.join(", ")}))`;
  if (range !== undefined) return deepImageLines({ resize, crop }, range, normalize);
  return `from PIL import Image
from torchvision import transforms
prepare = transforms.Compose([
    transforms.Resize(${resize}, transforms.InterpolationMode.BICUBIC),
    transforms.CenterCrop(${crop}),
    transforms.ToTensor(),
    ${normalize},
])
images = prepare(Image.open("image.png").convert("RGB"))[None]`;
}

/** Returns the lines for images of 16-bit gray, whose values from the range become 0 to 1, and for others. */
function deepImageLines(
  { resize, crop }: { resize: number; crop: number },
  [least, most]: readonly [number, number],
  normalize: string,
): string {
  return `import numpy, torch
from PIL import Image
from torchvision import transforms
image = Image.open("image.png")
if image.mode.startswith("I"):  # 16 bits
    values = torch.tensor(numpy.asarray(image).astype("float32"))
    values = ((values - ${least}) / ${most - least}).clip(0, 1).expand(3, -1, -1)
else:
    values = transforms.functional.to_tensor(image.convert("RGB"))
prepare = transforms.Compose([
    transforms.Resize(${resize}, transforms.InterpolationMode.BICUBIC, antialias=True),
    transforms.CenterCrop(${crop}),
    transforms.Lambda(lambda values: values.clip(0, 1)),
    ${normalize},
])
images = prepare(values)[None]`;
}

/** Lines that make torchvision's network, without weights, as `model`. ResNet-20 is written out. */
export function modelLines({ resnetType, stem }: ExportedRun): string {
  if (resnetType === "resnet20") return RESNET20;
  const lines = [
    "import torch, torchvision",
    `model = torchvision.models.${resnetType}()`,
    "model.fc = torch.nn.Identity()",
  ];
  return [...lines, ...stem === "cifar" ? [SMALL_STEM] : []].join("\n");
}

/** Lines that replace a stem by a 3×3 convolution without pooling, for small images. */
export const SMALL_STEM = `# the stem for small images: a 3x3 convolution of stride 1, no pooling
model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
model.maxpool = torch.nn.Identity()`;

/** Lines that embed `images` by `model`. */
export const EMBED_LINES = `model.eval()
with torch.no_grad():
    embeddings = model(images)`;

/** ResNet-20 of He et al. 2015 (section 4.2, shortcuts of option A), which torchvision and timm do not have. */
const RESNET20 = `import torch
from torch import nn
from torch.nn import functional as F

class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.pad = stride, (outputs - inputs) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        x = x[:, :, ::self.stride, ::self.stride]
        return F.relu(y + F.pad(x, (0, 0, 0, 0, self.pad, self.pad)))

class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x))).mean((2, 3))

model = ResNet20()`;
