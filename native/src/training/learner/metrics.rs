//! Metrics of the last step.

use tch::{Kind, Tensor};

use super::{Learner, RankLink};
use crate::error::{Error, Result};
use crate::network::loss::normalize;
use crate::torch::scaler::Scaler;
use crate::training::effective_rank::{effective_rank, MOST_ROWS};

impl Learner {
    /// Loss, embedding spread, gradient norm, parameter norm, effective rank, over the batches of all ranks: the only
    /// wait on the device.
    /// The spread is the standard deviation over the batch of the l2-normalised online projections, mean over
    /// dimensions: 1/√z_dim when spread, 0 when collapsed (Chen & He 2021, §4.1).
    /// The gradient norm of a step that was skipped, as float16 overflowed, is 0.
    /// The rank is that of the encoder's embeddings of the first MOST_ROWS images of the batch.
    pub fn metrics(&self) -> Result<[f64; 5]> {
        let last = self.last.as_ref().ok_or_else(|| {
            Error::invalid("Cannot read metrics: expected a forward and backward pass before")
        })?;
        let (mut loss, mut projections) = (
            last.loss.f_detach_copy()?,
            Tensor::f_cat(&last.projections, 0)?,
        );
        let mut embeddings = Tensor::f_cat(&last.embeddings, 0)?;
        if let Some(RankLink { group, .. }) = &self.ranks {
            group.sum(&loss)?;
            loss = loss.f_div_scalar(group.size as f64)?;
            projections = group.gather(&projections)?;
            let rows = embeddings.size()[0].min(MOST_ROWS);
            embeddings = group.gather(&embeddings.f_narrow(0, 0, rows)?.f_contiguous()?)?;
        }
        let spread = normalize(&projections)?
            .f_std_dim(Some([0].as_slice()), true, false)?
            .f_mean(None)?;
        let (mut gradients, mut weights) = (Vec::new(), Vec::new());
        let skip = self.scaler.as_ref().map(Scaler::overflowed).transpose()?;
        for parameter in self.online_parameters() {
            let norm = parameter.f_grad()?.f_norm()?;
            gradients.push(match &skip {
                Some(skip) => norm.f_masked_fill(skip, 0.0)?,
                None => norm,
            });
            weights.push(parameter.f_detach()?.f_norm()?);
        }
        let metrics = [
            loss.f_double_value(&[])?,
            spread.f_double_value(&[])?,
            norm_of(&gradients)?,
            norm_of(&weights)?,
            effective_rank(&embeddings)?,
        ];
        self.check_ranks()?;
        Ok(metrics)
    }
}

/// The l2 norm of all tensors together by those of each, copied from the device at once.
fn norm_of(norms: &[Tensor]) -> Result<f64> {
    let norms = Tensor::f_stack(norms, 0)?.f_to_kind(Kind::Double)?;
    let mut values = vec![0f64; norms.numel()];
    norms.f_copy_data(&mut values, norms.numel())?;
    let squares: f64 = values.iter().map(|value| value.powi(2)).sum();
    Ok(squares.sqrt())
}
