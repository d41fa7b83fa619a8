//! Layer-wise adaptive rate scaling (You et al. 2017), in the variants of three BYOL programs.

use serde::Deserialize;
use tch::Tensor;

use crate::error::Result;
use crate::torch::foreach::{lars, LarsNumbers};

/// Place where the learning rate enters, and the adapted rate's bound.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LarsVariant {
    /// Inside the momentum buffer.
    Reference,
    /// After it: the buffer holds updates without it.
    Deepmind,
    /// After it, and the adapted rate is at most the learning rate (solo-learn's clip_lr).
    Clipped,
}

/// One step's hyper-parameters.
pub struct LarsStep {
    pub variant: LarsVariant,
    pub learning_rate: f64,
    pub momentum: f64,
    pub weight_decay: f64,
    pub eta: f64,
}

/// Parameters with their gradients and momentum buffers, in one order.
pub struct Learned<'a> {
    pub parameters: Vec<&'a Tensor>,
    pub gradients: Vec<Tensor>,
    pub buffers: Vec<&'a Tensor>,
}

impl LarsStep {
    /// Moves parameters and buffers in place, by the learning rate in `rate`, a tensor of no dimension. Vectors and
    /// scalars (biases, batch normalisation) are neither decayed nor adapted. Where `skip`, a bool of no dimension on the
    /// device, is true, all stay as they are, whatever the gradients hold.
    pub fn apply(&self, learned: &Learned, rate: &Tensor, skip: Option<&Tensor>) -> Result<()> {
        let numbers = LarsNumbers {
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            eta: self.eta,
            rate_inside: self.variant == LarsVariant::Reference,
            clipped: self.variant == LarsVariant::Clipped,
        };
        let gradients: Vec<&Tensor> = learned.gradients.iter().collect();
        let lists = [
            learned.parameters.as_slice(),
            &gradients,
            learned.buffers.as_slice(),
        ];
        lars(lists, &numbers, rate, skip)
    }
}
