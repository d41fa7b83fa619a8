//! Residual networks without their classifier: torchvision's five, and ResNet-20 (He et al. 2015, §4.2).

use tch::{Kind, Tensor};

use super::layers::{ConvNorm, ConvShape, Pass};
use super::parameters::{Entry, Parameters};
use crate::error::{Error, Result};
use crate::torch::autocast::{Autocast, Precision};
use crate::torch::gpu::batch_norm::Forked;
use crate::torch::recompute::{forward_without_keeping, Recompute};

/// An encoder: images (count × 3 × height × width) to embeddings (count × `features`).
pub struct ResNet {
    stem: ConvNorm,
    max_pool: bool,
    blocks: Vec<Block>,
    pub features: i64,
}

/// A residual block.
pub struct Block {
    layers: Vec<ConvNorm>,
    shortcut: Shortcut,
}

enum Shortcut {
    Identity,
    /// 1×1 convolution and normalisation (option B of He et al. 2015).
    Projection(ConvNorm),
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
        let shape = ConvShape {
            inputs: 3,
            outputs: width,
            side,
            stride,
        };
        let stem = ConvNorm::new(parameters, ["conv1", "bn1"], shape, 1.0)?;
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
            stem,
            max_pool: imagenet,
            blocks,
            features: inputs,
        })
    }

    pub fn forward(&self, parameters: &Parameters, images: &Tensor, pass: Pass) -> Result<Tensor> {
        let mut hidden = self.stem.forward_forked(parameters, images, None, pass)?;
        if self.max_pool {
            let main = &hidden.main;
            hidden = Forked::of(main.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?);
        }
        for block in &self.blocks {
            hidden = match parameters.recompute {
                Some(_) if pass == Pass::Train => {
                    Forked::of(forward_without_keeping(block, parameters, &hidden.main)?)
                }
                _ => block.forward(parameters, &hidden, pass)?,
            };
        }
        let hidden = hidden.main;
        Ok(hidden.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1)?)
    }

    /// The tensors of the same network in evaluation with each normalisation made part of the convolution before it, as
    /// `kind`: one pass over the activations less for every convolution.
    pub fn folded(&self, parameters: &Parameters, kind: Kind) -> Result<Parameters> {
        let same = |entry: &Entry| Entry {
            name: entry.name.clone(),
            tensor: entry.tensor.shallow_clone(),
            role: entry.role,
        };
        let mut folded = Parameters {
            entries: parameters.entries.iter().map(same).collect(),
            folded: true,
            ..Parameters::default()
        };
        let blocks = self.blocks.iter().flat_map(Block::convolutions);
        for convolution in std::iter::once(&self.stem).chain(blocks) {
            convolution.fold(parameters, &mut folded, kind)?;
        }
        Ok(folded)
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
            let names = [format!("{name}.conv{index}"), format!("{name}.bn{index}")];
            let gamma = if index == last { 0.0 } else { 1.0 };
            let names = names.each_ref().map(String::as_str);
            layers.push(ConvNorm::new(parameters, names, shape, gamma)?);
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
            let names = [
                format!("{name}.downsample.0"),
                format!("{name}.downsample.1"),
            ];
            let names = names.each_ref().map(String::as_str);
            Shortcut::Projection(ConvNorm::new(parameters, names, shape, 1.0)?)
        };
        Ok(Self { layers, shortcut })
    }

    fn convolutions(&self) -> impl Iterator<Item = &ConvNorm> {
        let shortcut = match &self.shortcut {
            Shortcut::Projection(convolution) => Some(convolution),
            Shortcut::Identity | Shortcut::Padding { .. } => None,
        };
        self.layers.iter().chain(shortcut)
    }

    /// Takes an input that goes two ways, through the layers and past them, and returns an output that may.
    fn forward(&self, parameters: &Parameters, input: &Forked, pass: Pass) -> Result<Forked> {
        let past = &input.branch;
        let shortcut = match &self.shortcut {
            Shortcut::Identity => past.shallow_clone(),
            Shortcut::Projection(convolution) => convolution.forward(parameters, past, pass)?,
            Shortcut::Padding { channels } => {
                let sparse = past.f_slice(2, None, None, 2)?.f_slice(3, None, None, 2)?;
                let (before, after) = (channels / 2, channels - channels / 2);
                sparse.f_constant_pad_nd([0, 0, 0, 0, before, after])?
            }
        };
        let mut hidden = input.main.shallow_clone();
        let Some((last, layers)) = self.layers.split_last() else {
            return Err(Error::invalid("Cannot run a block: it has no layers"));
        };
        for convolution in layers {
            hidden = convolution.forward_relu(parameters, &hidden, None, pass)?;
        }
        last.forward_forked(parameters, &hidden, Some(&shortcut), pass)
    }
}

impl Recompute for Block {
    type Parameters = Parameters;

    fn forward(&self, parameters: &Parameters, input: &Tensor, recompute: bool) -> Result<Tensor> {
        let input = Forked::of(input.shallow_clone());
        if !recompute {
            return Ok(self.forward(parameters, &input, Pass::Train)?.main);
        }
        let precision = parameters.recompute.unwrap_or(Precision::Normal);
        let _autocast = Autocast::begin(precision, input.main.device());
        Ok(self.forward(parameters, &input, Pass::Still)?.main)
    }
}
