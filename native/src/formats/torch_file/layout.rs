//! The layout of a tensor in its storage: each element once and no gap, in the order of its sides or of a permutation
//! of them.

/// The number of elements of a shape; None for what no file can hold.
pub fn elements(shape: &[usize]) -> Option<u64> {
    shape
        .iter()
        .try_fold(1u64, |product, &side| product.checked_mul(side as u64))
}

/// The strides of a tensor whose elements are not in the order of its sides, as those of channels_last are not; None
/// for one whose elements are. Sides of one element have the stride 1, whatever the file says.
///
/// Errors: in words, where elements overlap (expanded tensors do) or leave holes.
pub fn strides_of(shape: &[usize], strides: &[i64]) -> Result<Option<Vec<i64>>, String> {
    if shape.len() != strides.len() {
        return Err(format!(
            "its shape has {} sides and its strides {}",
            shape.len(),
            strides.len()
        ));
    }
    if elements(shape) == Some(0) {
        return Ok(None);
    }
    let mut moving: Vec<(i64, usize)> = strides
        .iter()
        .copied()
        .zip(shape.iter().copied())
        .filter(|(_, side)| *side > 1)
        .collect();
    let row_major = moving.clone();
    moving.sort_unstable();
    let mut covered: i64 = 1;
    for (stride, side) in &moving {
        if *stride != covered {
            let what = if *stride < covered {
                "let elements overlap"
            } else {
                "leave holes"
            };
            return Err(format!("its strides {strides:?} {what}"));
        }
        let side = i64::try_from(*side).ok();
        covered = side
            .and_then(|side| covered.checked_mul(side))
            .ok_or_else(|| format!("its shape {shape:?} is too large"))?;
    }
    if row_major.iter().rev().eq(moving.iter()) {
        return Ok(None);
    }
    let kept = strides.iter().zip(shape);
    Ok(Some(
        kept.map(|(&stride, &side)| if side > 1 { stride } else { 1 })
            .collect(),
    ))
}
