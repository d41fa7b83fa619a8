//! The projector and the predictor: Linear → BN → ReLU → Linear (BYOL, §3.3; the hidden layer has no bias).

use tch::Tensor;

use super::layers::{BatchNorm, Linear, Pass};
use super::parameters::Parameters;
use crate::error::Result;

pub struct Head {
    hidden: Linear,
    norm: BatchNorm,
    output: Linear,
}

impl Head {
    pub fn new(
        parameters: &mut Parameters,
        inputs: i64,
        hidden: i64,
        outputs: i64,
    ) -> Result<Self> {
        Ok(Self {
            hidden: Linear::new(parameters, "0", (inputs, hidden), false)?,
            norm: BatchNorm::new(parameters, "1", hidden, 1.0)?,
            output: Linear::new(parameters, "3", (hidden, outputs), true)?,
        })
    }

    pub fn forward(&self, parameters: &Parameters, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let hidden = self.hidden.forward(parameters, input)?;
        let hidden = self.norm.forward_relu(parameters, &hidden, None, pass)?;
        self.output.forward(parameters, &hidden)
    }
}
