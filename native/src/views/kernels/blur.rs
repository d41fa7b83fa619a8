//! The blur of a view.

use super::lanes::{convolve, weighted_sum};

/// The Gaussian blur: separable, the same along both axes, borders reflected without repeating the edge pixel.
#[derive(Default)]
pub struct BlurBuffers {
    weights: Vec<f32>,
    padded: Vec<f32>,
    line: Vec<f32>,
}

impl BlurBuffers {
    /// Blurs a plane of `size` × `size`; half the odd kernel is less than the size.
    pub fn apply(&mut self, plane: &mut [f32], size: usize, kernel: usize, sigma: f32) {
        self.prepare(kernel, sigma);
        let radius = kernel / 2;
        // Along the contiguous axis, from a padded copy of one line into the middle of the padded block.
        self.padded.resize((size + 2 * radius) * size, 0.0);
        self.line.resize(size + 2 * radius, 0.0);
        for (index, line) in plane.chunks_exact(size).enumerate() {
            self.line[radius..radius + size].copy_from_slice(line);
            for offset in 1..=radius {
                self.line[radius - offset] = line[offset];
                self.line[radius + size - 1 + offset] = line[size - 1 - offset];
            }
            let target = &mut self.padded[(radius + index) * size..][..size];
            convolve(&self.line, &self.weights, target);
        }
        for offset in 1..=radius {
            let first = radius * size;
            let last = (radius + size - 1) * size;
            let step = offset * size;
            self.padded
                .copy_within(first + step..first + step + size, first - step);
            self.padded
                .copy_within(last - step..last - step + size, last + step);
        }
        for (index, target) in plane.chunks_exact_mut(size).enumerate() {
            weighted_sum(&self.padded[index * size..], &self.weights, target);
        }
    }

    fn prepare(&mut self, kernel: usize, sigma: f32) {
        let radius = (kernel / 2) as f64;
        let sigma = f64::from(sigma);
        let density = |index: usize| (-0.5 * ((index as f64 - radius) / sigma).powi(2)).exp();
        let total: f64 = (0..kernel).map(density).sum();
        self.weights.clear();
        self.weights
            .extend((0..kernel).map(|index| (density(index) / total) as f32));
    }
}
