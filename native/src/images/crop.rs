//! Crop and resize: bicubic with antialias on bytes, PIL's convention, by a library that uses what the processor has.

use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::decode::Photo;
use crate::view_kernels::CenteredSides;

/// Cuts and resizes photos, reusing its buffers.
#[derive(Default)]
pub struct Cropper {
    resizer: Resizer,
}

impl Cropper {
    /// The box `[top, left, height, width]` of a photo, as `size` × `size` × 3 bytes. As in torchvision, the box is cut
    /// out first: no pixel outside of it counts.
    pub fn crop(
        &mut self,
        photo: &Photo,
        [top, left, height, width]: [usize; 4],
        size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let whole = view(photo)?;
        let part = CroppedImage::new(&whole, left as u32, top as u32, width as u32, height as u32)
            .map_err(|error| {
                format!("a box of {height} × {width} at ({top}, {left}) cannot be cut: {error}")
            })?;
        out.resize(size * size * 3, 0);
        self.resize(&part, size, bicubic(), out)
    }

    /// The test transform: the shorter side resized to `sides.resize`, the middle `sides.crop` × `sides.crop` × 3 bytes
    /// of that. Only what is kept is computed: the window's box is a fraction of the photo.
    pub fn center(
        &mut self,
        photo: &Photo,
        sides: CenteredSides,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let shorter = photo.height.min(photo.width);
        let axis = |side: usize| {
            let (start, resized) = sides.window(side, shorter);
            let scale = side as f64 / resized as f64;
            (start as f64 * scale, sides.crop as f64 * scale)
        };
        let ((top, height), (left, width)) = (axis(photo.height), axis(photo.width));
        // The last bit of a product may lie outside.
        let height = height.min(photo.height as f64 - top);
        let width = width.min(photo.width as f64 - left);
        out.resize(sides.crop * sides.crop * 3, 0);
        let options = bicubic().crop(left, top, width, height);
        self.resize(&view(photo)?, sides.crop, options, out)
    }

    fn resize(
        &mut self,
        source: &impl fast_image_resize::IntoImageView,
        size: usize,
        options: ResizeOptions,
        out: &mut [u8],
    ) -> Result<(), String> {
        let side = size as u32;
        let mut target = Image::from_slice_u8(side, side, out, PixelType::U8x3)
            .map_err(|error| format!("it cannot be resized to {size} pixels: {error}"))?;
        self.resizer
            .resize(source, &mut target, &options)
            .map_err(|error| format!("it cannot be resized to {size} pixels: {error}"))
    }
}

fn bicubic() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
}

fn view(photo: &Photo) -> Result<ImageRef<'_>, String> {
    let (width, height) = (photo.width as u32, photo.height as u32);
    ImageRef::new(width, height, &photo.pixels, PixelType::U8x3)
        .map_err(|error| format!("its pixels cannot be used: {error}"))
}
