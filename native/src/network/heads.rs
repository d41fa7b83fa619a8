//! The projector and the predictor: Linear → BN → ReLU → Linear (BYOL, §3.3).

use serde::Deserialize;
use tch::Tensor;

use super::layers::{BatchNorm, Linear, Pass};
use super::parameters::Parameters;
use crate::error::Result;

/// The layer of a head that has a bias.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Heads {
    /// The second, as in the reference program.
    Reference,
    /// The first, as in DeepMind's program. The normalisation after it takes its effect away.
    Deepmind,
}

/// Widths of a head's input, hidden layer and output.
#[derive(Clone, Copy)]
pub struct HeadShape {
    pub inputs: i64,
    pub hidden: i64,
    pub outputs: i64,
}

pub struct Head {
    hidden: Linear,
    norm: BatchNorm,
    output: Linear,
}

impl Head {
    pub fn new(parameters: &mut Parameters, shape: HeadShape, heads: Heads) -> Result<Self> {
        let HeadShape {
            inputs,
            hidden,
            outputs,
        } = shape;
        let first = heads == Heads::Deepmind;
        Ok(Self {
            hidden: Linear::new(parameters, "0", (inputs, hidden), first)?,
            norm: BatchNorm::new(parameters, "1", hidden, 1.0)?,
            output: Linear::new(parameters, "3", (hidden, outputs), !first)?,
        })
    }

    pub fn forward(&self, parameters: &Parameters, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let hidden = self.hidden.forward(parameters, input)?;
        let hidden = self.norm.forward_relu(parameters, &hidden, None, pass)?;
        self.output.forward(parameters, &hidden)
    }
}
