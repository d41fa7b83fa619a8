//! The operations of a view on its pixels: crop, resize, flip, colour, blur, solarize, normalise.
//!
//! The resize is that of PIL and of torchvision on uint8 images: columns first, clamped to the range of a byte after
//! each of the two passes, but not rounded. All later operations are those of torchvision.transforms.v2.functional on
//! float images in [0, 1]: each clamps, none rounds. (On uint8 images torchvision truncates after each of them, which
//! darkens them by up to one level.) Without rounding, two implementations that differ in the last bit stay close.

mod batch;
mod blur;
mod colour;
mod images;
mod lanes;
mod renderer;
mod taps;
#[cfg(test)]
mod tests;

pub use batch::{render_batch, render_center_crops, BatchKey};
pub use images::{CenterCrop, ImageRef, Images, Normalization};
pub use renderer::Renderer;

const CHANNELS: usize = 3;
