//! One batch: its views, its labels, and what an encoder made of it.

use tch::Tensor;

use crate::abi::boundary::{Error, Result};
use crate::torch::device::require_same;
use crate::torch::memory::zeros;
use crate::training::learner::Learner;

/// The most numbers of one view of a batch: 8 GiB, three times what 4096 images of 224 pixels have.
const MAX_VIEW_VALUES: usize = 1 << 31;

/// Views of one batch, each count × 3 × side × side and normalised, with the labels of their images.
pub struct Batch {
    pub views: Vec<Tensor>,
    pub labels: Tensor,
    /// What an encoder made of the batch, once it was asked to: all ranks' where they have exchanged it.
    pub embedded: Option<Embedded>,
}

/// Embeddings with the labels of their images.
pub struct Embedded {
    pub features: Tensor,
    pub labels: Tensor,
}

impl Batch {
    pub fn new(views: Vec<Tensor>, labels: Tensor) -> Self {
        Self {
            views,
            labels,
            embedded: None,
        }
    }

    /// The one view's embeddings with their labels: those that are kept, or made now.
    pub fn embeddings(&self, learner: &Learner) -> Result<Embedded> {
        Ok(match &self.embedded {
            Some(Embedded { features, labels }) => Embedded {
                features: features.shallow_clone(),
                labels: labels.shallow_clone(),
            },
            None => {
                require_same("views", self.views[0].device(), learner.device())?;
                Embedded {
                    features: learner.embed(&self.views[0])?,
                    labels: self.labels.shallow_clone(),
                }
            }
        })
    }
}

/// The numbers of `count` views of `side` × `side` pixels.
pub fn room_for_views(count: usize, side: usize) -> Result<Vec<f32>> {
    zeros(values_of_views(count, side)?, "a batch of views")
}

/// How many numbers `count` views of `side` × `side` pixels have; more than a machine's memory holds are refused.
pub fn values_of_views(count: usize, side: usize) -> Result<usize> {
    let values = [count, side, side]
        .into_iter()
        .try_fold(3usize, |product, factor| product.checked_mul(factor))
        .filter(|&values| values <= MAX_VIEW_VALUES);
    values.ok_or_else(|| {
        Error::invalid(format!(
            "Cannot make {count} views of {side} × {side} pixels: expected at most {MAX_VIEW_VALUES} values"
        ))
    })
}
