//! Options of a learner.

use serde::Deserialize;
use tch::Kind;

use crate::error::{Error, Result};
use crate::network::heads::Heads;
use crate::optimizer::lars::LarsVariant;
use crate::torch::autocast::Precision;
use crate::torch::device::DeviceName;

/// Networks, optimizer, and how they compute.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LearnerOptions {
    pub resnet_type: String,
    pub stem: String,
    pub hidden_dim: i64,
    pub z_dim: i64,
    pub heads: Heads,
    pub bn_views: BnViews,
    pub lars_variant: LarsVariant,
    /// None without the rotation auxiliary.
    pub rotation: Option<RotationOptions>,
    pub dtype: Dtype,
    pub device: DeviceName,
    pub precision: Precision,
    /// True where the online encoder's activations are computed again for the backward pass, and not kept.
    pub activation_checkpointing: bool,
    pub seed: u64,
}

/// The rotation auxiliary.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotationOptions {
    /// Factor of its loss.
    pub weight: f64,
    /// Width of the hidden layers of its head.
    pub hidden_dim: i64,
}

/// One batch-normalisation pass over both views, or one for each.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum BnViews {
    Joint,
    Separate,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    Float32,
    Float64,
}

/// The widest head, and the most weights of one of its layers: half a gigabyte.
const MAX_WIDTH: i64 = 1 << 16;
const MAX_WEIGHTS: i64 = 1 << 27;
/// The widest head of the rotation auxiliary, whose square is below MAX_WEIGHTS.
const MAX_ROTATION: i64 = 1 << 13;

impl LearnerOptions {
    /// Refuses what no machine has the memory for. No embedding is too wide for MAX_WIDTH.
    pub fn validate(&self) -> Result<()> {
        for (name, value) in [("hiddenDim", self.hidden_dim), ("zDim", self.z_dim)] {
            if !(1..=MAX_WIDTH).contains(&value) {
                return Err(Error::invalid(format!(
                    "Cannot build a head with {name}={value}: expected 1 to {MAX_WIDTH}"
                )));
            }
        }
        if self.precision != Precision::Normal && self.dtype != Dtype::Float32 {
            return Err(Error::invalid(format!(
                "Cannot compute in mixed precision ({:?}) from float64: expected float32",
                self.precision
            )));
        }
        if let Some(RotationOptions { weight, hidden_dim }) = self.rotation {
            let is_weight = weight > 0.0 && weight.is_finite();
            if !(is_weight && (1..=MAX_ROTATION).contains(&hidden_dim)) {
                return Err(Error::invalid(format!(
                    "Cannot tell rotations apart with weight={weight} and hiddenDim={hidden_dim}: expected a number \
                     above 0, and 1 to {MAX_ROTATION}"
                )));
            }
        }
        let weights = self.hidden_dim * self.z_dim;
        if weights > MAX_WEIGHTS {
            return Err(Error::invalid(format!(
                "Cannot build a head with hiddenDim={} and zDim={}: expected a product of at most {MAX_WEIGHTS}",
                self.hidden_dim, self.z_dim
            )));
        }
        Ok(())
    }
}

impl Dtype {
    pub fn kind(self) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::Float64 => Kind::Double,
        }
    }
}
