//! Convolution, linear layer and normalisations, initialised as torchvision and PyTorch initialise them.

use tch::{Kind, Tensor};

use super::parameters::{channels_last, Parameters, Role};
use crate::error::Result;
use crate::torch::convolution;
use crate::torch::gpu::batch_norm::{Forked, NormMode, Normalised};
use crate::torch::gpu::{gpu, Gpu};

const FLOAT: (Kind, tch::Device) = (Kind::Float, tch::Device::Cpu);
const BN_MOMENTUM: f64 = 0.1;
const BN_EPSILON: f64 = 1e-5;
const LN_EPSILON: f64 = 1e-5;

/// A kind of pass through a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// By the batch's statistics; the running ones move.
    Train,
    /// By the batch's statistics; the running ones stay: for activations that are computed again for the backward pass,
    /// as they have moved, and for images of another kind than an evaluation's.
    Still,
    /// By the running statistics.
    Evaluation,
}

/// A convolution without bias. Kaiming-normal weights, fan out (He et al. 2015, as torchvision's ResNets have it).
pub struct Conv {
    weight: usize,
    stride: i64,
    padding: i64,
}

/// A convolution's shape.
#[derive(Clone, Copy)]
pub struct ConvShape {
    pub inputs: i64,
    pub outputs: i64,
    pub side: i64,
    pub stride: i64,
}

impl Conv {
    pub fn new(parameters: &mut Parameters, name: &str, shape: ConvShape) -> Result<Self> {
        let ConvShape {
            inputs,
            outputs,
            side,
            stride,
        } = shape;
        let deviation = (2.0 / (outputs * side * side) as f64).sqrt();
        let weight =
            Tensor::f_randn([outputs, inputs, side, side], FLOAT)?.f_mul_scalar(deviation)?;
        let weight = parameters.add(format!("{name}.weight"), weight, Role::Parameter);
        Ok(Self {
            weight,
            stride,
            padding: side / 2,
        })
    }

    fn forward(
        &self,
        parameters: &Parameters,
        input: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Tensor> {
        let (stride, padding) = ([self.stride; 2], [self.padding; 2]);
        let weight = parameters.get(self.weight);
        if bias.is_none() && convolution::suits(input, weight) {
            return convolution::convolved(input, weight, (self.stride, self.padding));
        }
        Ok(input.f_conv2d(weight, bias, stride, padding, [1, 1], 1)?)
    }
}

/// A convolution and the normalisation of what it makes.
pub struct ConvNorm {
    conv: Conv,
    norm: BatchNorm,
}

impl ConvNorm {
    /// `gamma` as for BatchNorm.
    pub fn new(
        parameters: &mut Parameters,
        [conv, norm]: [&str; 2],
        shape: ConvShape,
        gamma: f64,
    ) -> Result<Self> {
        Ok(Self {
            conv: Conv::new(parameters, conv, shape)?,
            norm: BatchNorm::new(parameters, norm, shape.outputs, gamma)?,
        })
    }

    pub fn forward(&self, parameters: &Parameters, input: &Tensor, pass: Pass) -> Result<Tensor> {
        if parameters.folded {
            let bias = parameters.get(self.norm.bias);
            return self.conv.forward(parameters, input, Some(bias));
        }
        let hidden = self.conv.forward(parameters, input, None)?;
        self.norm.forward(parameters, &hidden, pass)
    }

    /// ReLU of it, to which a shortcut may be added before.
    pub fn forward_relu(
        &self,
        parameters: &Parameters,
        input: &Tensor,
        shortcut: Option<&Tensor>,
        pass: Pass,
    ) -> Result<Tensor> {
        if parameters.folded {
            let mut hidden = self.forward(parameters, input, pass)?;
            if let Some(shortcut) = shortcut {
                hidden = hidden.f_add_(shortcut)?;
            }
            return Ok(hidden.f_relu_()?);
        }
        let hidden = self.conv.forward(parameters, input, None)?;
        self.norm.forward_relu(parameters, &hidden, shortcut, pass)
    }

    /// The same for values that go two ways.
    pub fn forward_forked(
        &self,
        parameters: &Parameters,
        input: &Tensor,
        shortcut: Option<&Tensor>,
        pass: Pass,
    ) -> Result<Forked> {
        if parameters.folded {
            let values = self.forward_relu(parameters, input, shortcut, pass)?;
            return Ok(Forked::of(values));
        }
        let hidden = self.conv.forward(parameters, input, None)?;
        self.norm
            .forward_forked(parameters, &hidden, shortcut, pass)
    }

    /// Writes to `folded`, a copy of `parameters`, the weights and the bias of a convolution that makes what both make
    /// in evaluation: w·γ/σ and β − μ·γ/σ, with γ, β and the running μ, σ of the normalisation; as `kind`.
    pub fn fold(&self, parameters: &Parameters, folded: &mut Parameters, kind: Kind) -> Result<()> {
        let norm = self.norm.parts(parameters);
        let deviation = norm.variance.f_add_scalar(BN_EPSILON)?.f_sqrt()?;
        let scale = norm.weight.f_div(&deviation)?;
        let bias = norm.bias.f_sub(&norm.mean.f_mul(&scale)?)?;
        let weight = parameters.get(self.conv.weight);
        let weight = weight.f_mul(&scale.f_view([-1, 1, 1, 1])?)?;
        folded.entries[self.conv.weight].tensor = channels_last(&weight.f_to_kind(kind)?)?;
        folded.entries[self.norm.bias].tensor = bias.f_to_kind(kind)?;
        Ok(())
    }
}

/// A linear layer; weights and bias uniform in ±1/√inputs, PyTorch's default.
pub struct Linear {
    weight: usize,
    bias: Option<usize>,
}

impl Linear {
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        sizes: (i64, i64),
        bias: bool,
    ) -> Result<Self> {
        let (inputs, outputs) = sizes;
        let bound = 1.0 / (inputs as f64).sqrt();
        let uniform = |shape: &[i64]| Tensor::f_zeros(shape, FLOAT)?.f_uniform_(-bound, bound);
        let weight = parameters.add(
            format!("{name}.weight"),
            uniform(&[outputs, inputs])?,
            Role::Parameter,
        );
        let bias = match bias {
            true => Some(parameters.add(
                format!("{name}.bias"),
                uniform(&[outputs])?,
                Role::Parameter,
            )),
            false => None,
        };
        Ok(Self { weight, bias })
    }

    pub fn forward(&self, parameters: &Parameters, input: &Tensor) -> Result<Tensor> {
        let bias = self.bias.map(|index| parameters.get(index));
        Ok(input.f_linear(parameters.get(self.weight), bias)?)
    }
}

/// Layer normalisation of rows.
pub struct LayerNorm {
    weight: usize,
    bias: usize,
    width: i64,
}

impl LayerNorm {
    pub fn new(parameters: &mut Parameters, name: &str, width: i64) -> Result<Self> {
        let (ones, zeros) = (
            Tensor::f_ones([width], FLOAT)?,
            Tensor::f_zeros([width], FLOAT)?,
        );
        Ok(Self {
            weight: parameters.add(format!("{name}.weight"), ones, Role::Parameter),
            bias: parameters.add(format!("{name}.bias"), zeros, Role::Parameter),
            width,
        })
    }

    pub fn forward(&self, parameters: &Parameters, input: &Tensor) -> Result<Tensor> {
        let [weight, bias] = [self.weight, self.bias].map(|index| Some(parameters.get(index)));
        Ok(input.f_layer_norm([self.width], weight, bias, LN_EPSILON, true)?)
    }
}

/// Batch normalisation over all but the channel dimension.
pub struct BatchNorm {
    weight: usize,
    bias: usize,
    mean: usize,
    variance: usize,
    batches: usize,
}

impl BatchNorm {
    /// `gamma` is the initial scale: 0 for the last normalisation of a residual block (Goyal et al. 2017, §5.1).
    pub fn new(parameters: &mut Parameters, name: &str, channels: i64, gamma: f64) -> Result<Self> {
        let full = |value: f64| Tensor::f_full([channels], value, FLOAT);
        let batches = Tensor::f_zeros([0; 0], (Kind::Int64, tch::Device::Cpu))?;
        Ok(Self {
            weight: parameters.add(format!("{name}.weight"), full(gamma)?, Role::Parameter),
            bias: parameters.add(format!("{name}.bias"), full(0.0)?, Role::Parameter),
            mean: parameters.add(format!("{name}.running_mean"), full(0.0)?, Role::Buffer),
            variance: parameters.add(format!("{name}.running_var"), full(1.0)?, Role::Buffer),
            batches: parameters.add(format!("{name}.num_batches_tracked"), batches, Role::Buffer),
        })
    }

    /// In train mode the batch's statistics are used, and the running ones move. Where the network is normalised
    /// over several ranks, the batch is that of all of them.
    pub fn forward(&self, parameters: &Parameters, input: &Tensor, pass: Pass) -> Result<Tensor> {
        self.count(parameters, pass)?;
        if let Some(gpu) = self.kernels(parameters, input) {
            let mode = pass.mode(parameters, false);
            return gpu.batch_norm(input, None, &self.parts(parameters), mode);
        }
        if let Some(group) = parameters.sync.as_ref().filter(|_| pass.trains()) {
            // What mixed precision computed in 16 bits: joint statistics are those of float32.
            let input = &input.f_to_kind(parameters.get(self.mean).kind())?;
            return group.batch_norm(
                input,
                [self.weight, self.bias].map(|index| parameters.get(index)),
                [self.mean, self.variance].map(|index| parameters.get(index)),
                (pass.momentum(), BN_EPSILON),
            );
        }
        Ok(input.f_batch_norm(
            Some(parameters.get(self.weight)),
            Some(parameters.get(self.bias)),
            Some(parameters.get(self.mean)),
            Some(parameters.get(self.variance)),
            pass.trains(),
            pass.momentum(),
            BN_EPSILON,
            true,
        )?)
    }

    /// ReLU of the normalised input, to which a shortcut may be added before.
    pub fn forward_relu(
        &self,
        parameters: &Parameters,
        input: &Tensor,
        shortcut: Option<&Tensor>,
        pass: Pass,
    ) -> Result<Tensor> {
        if let Some(gpu) = self.kernels(parameters, input) {
            self.count(parameters, pass)?;
            let mode = pass.mode(parameters, true);
            return gpu.batch_norm(input, shortcut, &self.parts(parameters), mode);
        }
        let normalised = self.forward(parameters, input, pass)?;
        Ok(match shortcut {
            Some(shortcut) => normalised.f_add(shortcut)?,
            None => normalised,
        }
        .f_relu_()?)
    }

    /// The same for values that go two ways.
    fn forward_forked(
        &self,
        parameters: &Parameters,
        input: &Tensor,
        shortcut: Option<&Tensor>,
        pass: Pass,
    ) -> Result<Forked> {
        let Some(gpu) = self.kernels(parameters, input) else {
            let values = self.forward_relu(parameters, input, shortcut, pass)?;
            return Ok(Forked::of(values));
        };
        self.count(parameters, pass)?;
        let mode = pass.mode(parameters, true);
        gpu.batch_norm_forked(input, shortcut, &self.parts(parameters), mode)
    }

    /// The GPU's own kernels, where they do what is asked for: not in float64.
    fn kernels(&self, parameters: &Parameters, input: &Tensor) -> Option<&'static Gpu> {
        let is_float32 = parameters.get(self.mean).kind() == Kind::Float;
        gpu().filter(|gpu| is_float32 && gpu.takes(input))
    }

    fn count(&self, parameters: &Parameters, pass: Pass) -> Result<()> {
        if pass == Pass::Train {
            let mut batches = parameters.get(self.batches).shallow_clone();
            let _ = batches.f_add_scalar_(1)?;
        }
        Ok(())
    }

    fn parts<'a>(&self, parameters: &'a Parameters) -> Normalised<'a> {
        Normalised {
            weight: parameters.get(self.weight),
            bias: parameters.get(self.bias),
            mean: parameters.get(self.mean),
            variance: parameters.get(self.variance),
        }
    }
}

impl Pass {
    fn trains(self) -> bool {
        self != Self::Evaluation
    }

    /// Returns the share by which the running statistics move.
    fn momentum(self) -> f64 {
        match self {
            Self::Train => BN_MOMENTUM,
            Self::Still | Self::Evaluation => 0.0,
        }
    }

    fn mode(self, parameters: &Parameters, relu: bool) -> NormMode<'_> {
        NormMode {
            train: self.trains(),
            group: parameters.sync.as_deref(),
            momentum: self.momentum(),
            epsilon: BN_EPSILON,
            relu,
        }
    }
}
