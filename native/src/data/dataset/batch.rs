//! One batch: its views, its labels, and what an encoder made of it.

use tch::Tensor;

use crate::error::Result;
use crate::torch::device::require_same;
use crate::training::learner::{Learner, StepViews};

/// Views of one batch, each count × 3 × side × side and normalised, with the labels of their images.
pub struct Batch {
    pub views: Vec<Tensor>,
    pub labels: Tensor,
    /// The encoder's embeddings of the batch, once it was asked for them: all ranks' where they have exchanged it.
    pub embedded: Option<Embedded>,
}

/// The views of a training batch, with the labels of their images.
pub struct Pair<'a> {
    pub views: StepViews<'a>,
    pub labels: &'a Tensor,
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
