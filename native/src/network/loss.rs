//! BYOL's loss (Grill et al. 2020, eq. 2), both directions summed.

use tch::Tensor;

use crate::error::Result;

/// Rows scaled to unit length; norms below 1e-12 count as 1e-12, as in PyTorch's normalize.
pub fn normalize(rows: &Tensor) -> Result<Tensor> {
    let norms = rows.f_norm_scalaropt_dim(2.0, [-1i64].as_slice(), true)?;
    Ok(rows.f_div(&norms.f_clamp_min(1e-12)?)?)
}

/// Mean over the batch of 2 − 2·cos(prediction, target) for view 1 against view 2 and the reverse, summed.
/// Both inputs hold view 1's rows and then view 2's: 2·batch × z_dim.
pub fn byol_loss(predictions: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let half = predictions.size()[0] / 2;
    let swapped = targets.f_roll([half], [0])?;
    let cosines = normalize(predictions)?
        .f_mul(&normalize(&swapped)?)?
        .f_sum(None)?;
    Ok(cosines
        .f_mul_scalar(-2.0 / half as f64)?
        .f_add_scalar(4.0)?)
}
