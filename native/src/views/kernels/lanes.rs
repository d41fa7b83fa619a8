//! Loops over contiguous floats that the compiler makes vector code of, in an order of sums that no width of register
//! changes: each loop is compiled for AVX2 as well, which the processor that runs it decides, and gives the same bits.

use multiversion::multiversion;

/// Floats that loops take at once: enough for the compiler to fill vector registers of any width.
const LANES: usize = 16;

/// The sum in a fixed order that vector registers of any width can follow.
#[multiversion(targets("x86_64+avx2"))]
pub fn sum(values: &[f32]) -> f32 {
    sum_by(values)
}

#[inline(always)]
pub(super) fn sum_by(values: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// target[j] = Σ_k weights[k] · rows[k][j], rows one after another and as long as the target.
#[multiversion(targets("x86_64+avx2"))]
pub fn weighted_sum(rows: &[f32], weights: &[f32], target: &mut [f32]) {
    weighted_sum_by(rows, weights, target);
}

#[inline(always)]
pub(super) fn weighted_sum_by(rows: &[f32], weights: &[f32], target: &mut [f32]) {
    let length = target.len();
    let mut chunks = target.chunks_exact_mut(LANES);
    let mut first = 0;
    for chunk in &mut chunks {
        let mut sums = [0.0f32; LANES];
        for (k, &weight) in weights.iter().enumerate() {
            let row = &rows[k * length + first..][..LANES];
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        chunk.copy_from_slice(&sums);
        first += LANES;
    }
    for (offset, value) in chunks.into_remainder().iter_mut().enumerate() {
        let column = first + offset;
        *value = weights
            .iter()
            .enumerate()
            .map(|(k, &w)| w * rows[k * length + column])
            .sum();
    }
}

/// target[j] = Σ_k weights[k] · line[j + k].
#[multiversion(targets("x86_64+avx2"))]
pub fn convolve(line: &[f32], weights: &[f32], target: &mut [f32]) {
    convolve_by(line, weights, target);
}

#[inline(always)]
pub(super) fn convolve_by(line: &[f32], weights: &[f32], target: &mut [f32]) {
    let mut chunks = target.chunks_exact_mut(LANES);
    let mut first = 0;
    for chunk in &mut chunks {
        let mut sums = [0.0f32; LANES];
        for (k, &weight) in weights.iter().enumerate() {
            let values = &line[first + k..][..LANES];
            for (sum, &value) in sums.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
        chunk.copy_from_slice(&sums);
        first += LANES;
    }
    for (offset, value) in chunks.into_remainder().iter_mut().enumerate() {
        let values = &line[first + offset..];
        *value = weights
            .iter()
            .zip(values)
            .map(|(&weight, &value)| weight * value)
            .sum();
    }
}
