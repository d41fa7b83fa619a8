//! Memory that views take.

use crate::error::{Error, Result};
use crate::torch::memory::zeros;

/// The most numbers of one view of a batch: 8 GiB, three times what 4096 images of 224 pixels have.
const MAX_VIEW_VALUES: usize = 1 << 31;

/// Returns room for the values of `count` views of `side` × `side` pixels.
pub fn room_for_views(count: usize, side: usize) -> Result<Vec<f32>> {
    zeros(values_of_views(count, side)?, "a batch of views")
}

/// Returns the number of values of `count` views of `side` × `side` pixels; more than a machine's memory holds are
/// refused.
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
