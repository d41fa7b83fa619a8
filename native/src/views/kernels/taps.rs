//! The pixels that each pixel of a resized image is made of.

/// A side of an image that is resized.
#[derive(Clone, Copy)]
pub struct Axis {
    /// Pixels after resizing.
    pub resized: usize,
    /// First of the pixels that are kept.
    pub start: usize,
}

/// The weights of a resize along one axis: bicubic (a = −1/2), widened by the scale when shrinking, cut off at the
/// edges and normalised to a sum of 1. PIL's convention, which torchvision has with antialias=True.
#[derive(Default)]
pub struct Taps {
    starts: Vec<usize>,
    counts: Vec<usize>,
    stride: usize,
    weights: Vec<f32>,
    prepared: Option<(usize, usize, usize, usize)>,
}

impl Taps {
    /// Computes the weights of the first `kept` pixels, unless they are those of the last call.
    pub fn prepare(&mut self, length: usize, axis: Axis, kept: usize) {
        let wanted = Some((length, axis.resized, axis.start, kept));
        if self.prepared == wanted {
            return;
        }
        self.prepared = wanted;
        let scale = length as f64 / axis.resized as f64;
        let stretch = scale.max(1.0);
        let support = 2.0 * stretch;
        self.stride = support.ceil() as usize * 2 + 1;
        self.starts.clear();
        self.counts.clear();
        self.weights.clear();
        self.weights.resize(kept * self.stride, 0.0);
        for (index, weights) in self.weights.chunks_exact_mut(self.stride).enumerate() {
            let center = scale * ((axis.start + index) as f64 + 0.5);
            // Truncation towards zero, as in PIL's C.
            let start = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(length);
            let mut sum = 0.0;
            for (offset, weight) in weights[..end - start].iter_mut().enumerate() {
                let value = bicubic(((start + offset) as f64 - center + 0.5) / stretch);
                *weight = value as f32;
                sum += value;
            }
            for weight in &mut weights[..end - start] {
                *weight = (f64::from(*weight) / sum) as f32;
            }
            self.starts.push(start);
            self.counts.push(end - start);
        }
    }

    /// The first line that pixel `index` is made of, and the weights of that and the following ones.
    pub fn of(&self, index: usize) -> (usize, &[f32]) {
        let first = index * self.stride;
        (
            self.starts[index],
            &self.weights[first..first + self.counts[index]],
        )
    }
}

/// The weight of a pixel at a distance, in pixels: cubic convolution with a = −1/2.
pub fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}
