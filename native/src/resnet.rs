//! Residual networks without their classifier: torchvision's five, and ResNet-20 (He et al. 2015, §4.2).

use tch::Tensor;

use crate::boundary::{Error, Result};
use crate::layers::{BatchNorm, Conv, ConvShape};
use crate::parameters::Parameters;

/// An encoder: images (count × 3 × height × width) to embeddings (count × `features`).
pub struct ResNet {
    conv: Conv,
    norm: BatchNorm,
    max_pool: bool,
    blocks: Vec<Block>,
    pub features: i64,
}

struct Block {
    layers: Vec<(Conv, BatchNorm)>,
    shortcut: Shortcut,
}

enum Shortcut {
    Identity,
    /// 1×1 convolution and normalisation (option B of He et al. 2015).
    Projection(Conv, BatchNorm),
    /// Every second pixel, new channels zero (option A): no parameters.
    Padding {
        channels: i64,
    },
}

struct Plan {
    bottleneck: bool,
    depths: &'static [usize],
    width: i64,
    padded_shortcuts: bool,
}

fn plan(name: &str) -> Result<Plan> {
    let torchvision = |bottleneck, depths| Plan {
        bottleneck,
        depths,
        width: 64,
        padded_shortcuts: false,
    };
    Ok(match name {
        "resnet18" => torchvision(false, &[2, 2, 2, 2]),
        "resnet34" => torchvision(false, &[3, 4, 6, 3]),
        "resnet50" => torchvision(true, &[3, 4, 6, 3]),
        "resnet101" => torchvision(true, &[3, 4, 23, 3]),
        "resnet152" => torchvision(true, &[3, 8, 36, 3]),
        "resnet20" => Plan {
            bottleneck: false,
            depths: &[3, 3, 3],
            width: 16,
            padded_shortcuts: true,
        },
        other => {
            return Err(Error::invalid(format!(
                "Cannot build the network {other}: expected resnet18, 34, 50, 101, 152 or resnet20"
            )))
        }
    })
}

impl ResNet {
    /// `stem` is "cifar" (3×3 convolution of stride 1, no pooling) or "imagenet" (7×7 of stride 2, max-pool).
    pub fn new(parameters: &mut Parameters, name: &str, stem: &str) -> Result<Self> {
        let Plan {
            bottleneck,
            depths,
            width,
            padded_shortcuts,
        } = plan(name)?;
        let imagenet = match stem {
            "cifar" => false,
            "imagenet" if name != "resnet20" => true,
            other => {
                return Err(Error::invalid(format!(
                    "Cannot build {name} with the stem {other}: expected cifar{}",
                    if name == "resnet20" {
                        ""
                    } else {
                        " or imagenet"
                    }
                )))
            }
        };
        let (side, stride) = if imagenet { (7, 2) } else { (3, 1) };
        let conv = Conv::new(
            parameters,
            "conv1",
            ConvShape {
                inputs: 3,
                outputs: width,
                side,
                stride,
            },
        )?;
        let norm = BatchNorm::new(parameters, "bn1", width, 1.0)?;
        let expansion = if bottleneck { 4 } else { 1 };
        let mut blocks = Vec::new();
        let mut inputs = width;
        for (stage, &depth) in depths.iter().enumerate() {
            let inner = width << stage;
            for block in 0..depth {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                let shape = BlockShape {
                    inputs,
                    inner,
                    outputs: inner * expansion,
                    stride,
                };
                let name = format!("layer{}.{block}", stage + 1);
                blocks.push(Block::new(parameters, &name, shape, padded_shortcuts)?);
                inputs = inner * expansion;
            }
        }
        Ok(Self {
            conv,
            norm,
            max_pool: imagenet,
            blocks,
            features: inputs,
        })
    }

    pub fn forward(&self, parameters: &Parameters, images: &Tensor, train: bool) -> Result<Tensor> {
        let stem = self.conv.forward(parameters, images)?;
        let mut hidden = self.norm.forward_relu(parameters, &stem, None, train)?;
        if self.max_pool {
            hidden = hidden.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        }
        for block in &self.blocks {
            hidden = block.forward(parameters, &hidden, train)?;
        }
        Ok(hidden.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1)?)
    }
}

struct BlockShape {
    inputs: i64,
    inner: i64,
    outputs: i64,
    stride: i64,
}

impl Block {
    fn new(
        parameters: &mut Parameters,
        name: &str,
        shape: BlockShape,
        padded: bool,
    ) -> Result<Self> {
        let BlockShape {
            inputs,
            inner,
            outputs,
            stride,
        } = shape;
        // torchvision strides the 3×3 convolution of a bottleneck, not its first 1×1.
        let convolutions: Vec<(i64, i64, i64, i64)> = if inner == outputs {
            vec![(inputs, inner, 3, stride), (inner, inner, 3, 1)]
        } else {
            vec![
                (inputs, inner, 1, 1),
                (inner, inner, 3, stride),
                (inner, outputs, 1, 1),
            ]
        };
        let last = convolutions.len();
        let mut layers = Vec::new();
        for (index, (inputs, outputs, side, stride)) in (1..).zip(convolutions) {
            let shape = ConvShape {
                inputs,
                outputs,
                side,
                stride,
            };
            let conv = Conv::new(parameters, &format!("{name}.conv{index}"), shape)?;
            let gamma = if index == last { 0.0 } else { 1.0 };
            layers.push((
                conv,
                BatchNorm::new(parameters, &format!("{name}.bn{index}"), outputs, gamma)?,
            ));
        }
        let shortcut = if stride == 1 && inputs == outputs {
            Shortcut::Identity
        } else if padded {
            Shortcut::Padding {
                channels: outputs - inputs,
            }
        } else {
            let shape = ConvShape {
                inputs,
                outputs,
                side: 1,
                stride,
            };
            let conv = Conv::new(parameters, &format!("{name}.downsample.0"), shape)?;
            let norm = BatchNorm::new(parameters, &format!("{name}.downsample.1"), outputs, 1.0)?;
            Shortcut::Projection(conv, norm)
        };
        Ok(Self { layers, shortcut })
    }

    fn forward(&self, parameters: &Parameters, input: &Tensor, train: bool) -> Result<Tensor> {
        let shortcut = match &self.shortcut {
            Shortcut::Identity => input.shallow_clone(),
            Shortcut::Projection(conv, norm) => {
                norm.forward(parameters, &conv.forward(parameters, input)?, train)?
            }
            Shortcut::Padding { channels } => {
                let sparse = input.f_slice(2, None, None, 2)?.f_slice(3, None, None, 2)?;
                let (before, after) = (channels / 2, channels - channels / 2);
                sparse.f_constant_pad_nd([0, 0, 0, 0, before, after])?
            }
        };
        let mut hidden = input.shallow_clone();
        for (index, (conv, norm)) in self.layers.iter().enumerate() {
            let is_last = index + 1 == self.layers.len();
            hidden = conv.forward(parameters, &hidden)?;
            hidden = norm.forward_relu(parameters, &hidden, is_last.then_some(&shortcut), train)?;
        }
        Ok(hidden)
    }
}
