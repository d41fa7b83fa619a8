//! Layer-wise adaptive rate scaling (You et al. 2017), in the two variants of the BYOL programs.

use serde::Deserialize;
use tch::Tensor;

use crate::boundary::Result;

/// Where the learning rate enters.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LarsVariant {
    /// Inside the momentum buffer.
    Reference,
    /// After it: the buffer holds updates without it.
    Deepmind,
}

/// One step's hyper-parameters.
pub struct LarsStep {
    pub variant: LarsVariant,
    pub learning_rate: f64,
    pub momentum: f64,
    pub weight_decay: f64,
    pub eta: f64,
}

impl LarsStep {
    /// Moves one parameter and its momentum buffer in place. Vectors and scalars (biases, batch normalisation) are
    /// neither decayed nor adapted: decided by dimension, as name filters miss some of them. Where `skip`, a bool of one
    /// element on the device, is true, both stay as they are, whatever the gradient holds.
    pub fn apply(
        &self,
        parameter: &mut Tensor,
        gradient: &Tensor,
        buffer: &mut Tensor,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let update = if parameter.dim() <= 1 {
            gradient.shallow_clone()
        } else {
            let decayed =
                gradient.f_add(&parameter.f_detach()?.f_mul_scalar(self.weight_decay)?)?;
            decayed.f_mul(&self.local_rate(parameter, &decayed)?)?
        };
        let inside = match self.variant {
            LarsVariant::Reference => self.learning_rate,
            LarsVariant::Deepmind => 1.0,
        };
        let after = match self.variant {
            LarsVariant::Reference => 1.0,
            LarsVariant::Deepmind => self.learning_rate,
        };
        match skip {
            None => {
                let _ = buffer.f_mul_scalar_(self.momentum)?;
                let _ = buffer.f_add_(&update.f_mul_scalar(inside)?)?;
                let _ = parameter.f_sub_(&buffer.f_mul_scalar(after)?)?;
            }
            Some(skip) => {
                let moved = buffer
                    .f_mul_scalar(self.momentum)?
                    .f_add(&update.f_mul_scalar(inside)?)?;
                buffer.f_copy_(&buffer.f_where_self(skip, &moved)?)?;
                let change = moved.f_mul_scalar(after)?.f_masked_fill(skip, 0.0)?;
                let _ = parameter.f_sub_(&change)?;
            }
        }
        Ok(())
    }

    /// eta·‖p‖ / ‖g‖, or 1 where either norm is 0; stays on the device.
    fn local_rate(&self, parameter: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let weight_norm = parameter.f_detach()?.f_norm()?;
        let gradient_norm = gradient.f_norm()?;
        let both = weight_norm.f_mul(&gradient_norm)?.f_gt(0.0)?;
        let rate = weight_norm.f_mul_scalar(self.eta)?.f_div(&gradient_norm)?;
        Ok(rate.f_where_self(&both, &weight_norm.f_ones_like()?)?)
    }
}
