//! The number of dimensions that embeddings make use of: a label-free sign of dimensional collapse.

use tch::{Device, Kind, Tensor};

use crate::error::Result;

/// Rows that are looked at: the number can be no greater, and its cost no more than that of so many rows. A GPU waits
/// for it at every logged step, and LAPACK's time grows with their cube.
pub const MOST_ROWS: i64 = 128;

/// exp of the entropy of the normalised singular values (Roy & Vetterli 2007; RankMe, Garrido et al. 2023) of rows ×
/// features, not centred, from 1 to the lesser of both; 0 where all are zero, NaN where one is not finite.
///
/// The singular values are the roots of the eigenvalues of the smaller Gram matrix, in float64: relative to the largest
/// one they are exact to about 1e-8.
pub fn effective_rank(embeddings: &Tensor) -> Result<f64> {
    let rows = embeddings.size()[0].min(MOST_ROWS);
    // The processor's LAPACK: few numbers, and no second library of a GPU's for them.
    let kept = embeddings.f_narrow(0, 0, rows)?.f_to_device(Device::Cpu)?;
    let kept = kept.f_to_kind(Kind::Double)?;
    // LAPACK refuses what is not finite, and this is a figure to look at, not a reason to stop.
    if !kept.f_sum(Kind::Double)?.f_double_value(&[])?.is_finite() {
        return Ok(f64::NAN);
    }
    let turned = kept.f_transpose(0, 1)?;
    let gram = if rows < kept.size()[1] {
        kept.f_matmul(&turned)?
    } else {
        turned.f_matmul(&kept)?
    };
    let values = {
        let _alone = OneThread::begin();
        gram.f_linalg_eigvalsh("L")?.f_clamp_min(0.0)?.f_sqrt()?
    };
    let total = values.f_sum(Kind::Double)?.f_double_value(&[])?;
    if total == 0.0 {
        return Ok(0.0);
    }
    let shares = values.f_div_scalar(total)?;
    // xlogy: 0·log 0 is 0.
    let entropy = shares.f_xlogy(&shares)?.f_sum(Kind::Double)?;
    Ok((-entropy.f_double_value(&[])?).exp())
}

/// LAPACK's eigenvalues in one thread, for as long as this lives: it enters and leaves parallel regions thousands of
/// times, and with 16 threads, or with 2 on busy cores, the waits between them cost up to thirty times the work.
struct OneThread {
    threads: i32,
}

impl OneThread {
    fn begin() -> Self {
        let threads = tch::get_num_threads();
        tch::set_num_threads(1);
        Self { threads }
    }
}

impl Drop for OneThread {
    fn drop(&mut self) {
        tch::set_num_threads(self.threads);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_orthogonal_directions() {
        let identity = Tensor::f_eye(7, (Kind::Float, tch::Device::Cpu)).expect("an identity");
        assert!((effective_rank(&identity).expect("a rank") - 7.0).abs() < 1e-9);
        let alike = Tensor::f_ones([5, 3], (Kind::Float, tch::Device::Cpu)).expect("ones");
        assert!((effective_rank(&alike).expect("a rank") - 1.0).abs() < 1e-5);
        let none = alike.f_zeros_like().expect("zeros");
        assert_eq!(effective_rank(&none).expect("a rank"), 0.0);
        let bad = alike.f_div_scalar(0.0).expect("infinities");
        assert!(effective_rank(&bad).expect("a rank").is_nan());
    }
}
