//! Views made on the GPU, by the parameters that the one sampler draws.

#[cfg(test)]
mod tests;

use std::ptr::null_mut;

use tch::{Kind, Tensor};

use super::kernels::Normalization;
use super::recipe::ViewParameters;
use crate::error::{Result, Status};
use crate::torch::gpu::Gpu;
use crate::torch::shim::checked;

/// Words of 32 bits that one view is described by (ViewWords in shim/gpu/views.cuh).
pub const WORDS: usize = 16;
/// One view's description.
pub type Words = [u32; WORDS];
/// A threshold that no value reaches.
const NO_SOLARIZE: f32 = 2.0;

/// A crop that is only normalised.
pub const UNCHANGED: Words = {
    let mut words = [0; WORDS];
    words[13] = NO_SOLARIZE.to_bits();
    words
};

/// A view's parameters as the kernel reads them.
pub fn words(image: u32, view: &ViewParameters) -> Words {
    let number = |value: usize| value as u32;
    let mut words = UNCHANGED;
    words[..6].copy_from_slice(&[
        image,
        number(view.top),
        number(view.left),
        number(view.height),
        number(view.width),
        u32::from(view.flip),
    ]);
    if let Some(jitter) = &view.jitter {
        let order = jitter.order.iter().rev();
        words[6] = 1 + order.fold(0, |order, &operation| 4 * order + u32::from(operation));
        let factors = [
            jitter.brightness,
            jitter.contrast,
            jitter.saturation,
            jitter.hue,
        ];
        words[7..11].copy_from_slice(&factors.map(f32::to_bits));
    }
    words[11] = u32::from(view.grayscale);
    words[12] = view.blur_sigma.unwrap_or(0.0).to_bits();
    words[13] = view.solarize.unwrap_or(NO_SOLARIZE).to_bits();
    words
}

/// Pixels that views are cut from, on the GPU.
pub enum Pixels<'a> {
    /// Count × 3 × height × width bytes.
    Images(&'a Tensor),
    /// A size × size × 3 crop for each view.
    Crops(&'a Tensor),
}

impl Gpu {
    /// Count × size × size × 3 normalised floats. `views` are words() of each, on the GPU: count × WORDS of int32.
    pub fn views(
        &self,
        pixels: &Pixels,
        views: &Tensor,
        (size, blur_kernel): (usize, usize),
        normalization: &Normalization,
    ) -> Result<Tensor> {
        debug_assert_eq!(views.kind(), Kind::Int);
        let (tensor, cropped) = match pixels {
            Pixels::Images(images) => (images, false),
            Pixels::Crops(crops) => (crops, true),
        };
        let scale = normalization.std.map(|std| 1.0 / std);
        let mut out = null_mut();
        checked(Status::Torch, |error| unsafe {
            (self.views)(
                tensor.as_ptr(),
                views.as_ptr(),
                cropped,
                size as i64,
                blur_kernel as i64,
                normalization.mean.as_ptr(),
                scale.as_ptr(),
                &mut out,
                error,
            )
        })?;
        Ok(unsafe { Tensor::from_ptr(out) })
    }
}
