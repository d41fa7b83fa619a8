//! The rotation auxiliary of a learner.

use tch::{Kind, Reduction, Tensor};

use super::{Learner, RankLink};
use crate::error::{Error, Result};
use crate::network::layers::Pass;
use crate::network::rotation::{rotation_classes, rotations};
use crate::torch::autocast::Autocast;

/// The auxiliary on the micro-batches of the last step so far: sums over this rank's images, and the logits of the last
/// micro-batch, 4 · images × 4.
pub(super) struct Rotated {
    loss: Tensor,
    hits: Tensor,
    images: i64,
    pub(super) logits: Tensor,
}

impl Rotated {
    /// Adds what was computed of the micro-batches before this one.
    pub(super) fn add(&mut self, before: &Self) -> Result<()> {
        self.loss = self.loss.f_add(&before.loss)?;
        self.hits = self.hits.f_add(&before.hits)?;
        self.images += before.images;
        Ok(())
    }
}

impl Learner {
    /// Returns the weighted loss of telling the four rotations of the images apart, in a pass of its own whose images
    /// move no running statistics; none without the auxiliary.
    pub(super) fn rotation_loss(&self, view: Option<&Tensor>) -> Result<Option<(Tensor, Rotated)>> {
        let (Some(head), Some(options)) = (&self.rotation, &self.options.rotation) else {
            return Ok(None);
        };
        let view = view.ok_or_else(|| {
            Error::invalid("Cannot tell rotations apart: expected a batch with a third view")
        })?;
        let logits = {
            let _autocast = Autocast::begin(self.options.precision, self.device);
            let encoder = &self.encoder;
            let turned = rotations(view)?;
            let embedding = encoder
                .layer
                .forward(&encoder.parameters, &turned, Pass::Still)?;
            head.layer.forward(&head.parameters, &embedding)?
        };
        let logits = logits.f_to_kind(self.kind)?;
        let classes = rotation_classes(view.size()[0], self.device)?;
        let none = None::<&Tensor>;
        let loss = logits.f_cross_entropy_loss(&classes, none, Reduction::Sum, -100, 0.0)?;
        let images = classes.size()[0];
        let hits = logits.f_argmax(1, false)?.f_eq_tensor(&classes)?;
        let rotated = Rotated {
            loss: loss.f_detach()?,
            hits: hits.f_sum(Kind::Int64)?,
            images,
            logits: logits.f_detach()?,
        };
        let weighted = loss.f_mul_scalar(options.weight / images as f64)?;
        Ok(Some((weighted, rotated)))
    }

    /// The auxiliary's loss, without its weight, and its share of right answers on the last step's images of all ranks.
    pub fn rotation_metrics(&self) -> Result<[f64; 2]> {
        let last = self.last.as_ref().and_then(|last| last.rotated.as_ref());
        let last = last.ok_or_else(|| {
            Error::invalid(
                "Cannot read the rotations' metrics: expected a learner with them, and a pass before",
            )
        })?;
        let (loss, hits) = (last.loss.f_detach_copy()?, last.hits.f_detach_copy()?);
        let mut images = last.images as f64;
        if let Some(RankLink { group, .. }) = &self.ranks {
            group.sum(&loss)?;
            group.sum(&hits)?;
            images *= group.size as f64;
        }
        let hits = hits.f_int64_value(&[])? as f64;
        Ok([loss.f_double_value(&[])? / images, hits / images])
    }

    /// The logits of the last micro-batch under their name in a trace; none without the auxiliary.
    pub fn rotation_logits(&self) -> Option<(String, Tensor)> {
        let last = self.last.as_ref()?.rotated.as_ref()?;
        Some(("rotation_logits".to_owned(), last.logits.shallow_clone()))
    }
}
