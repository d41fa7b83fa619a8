//! One view at a time: resize, then the operations of a recipe.

use multiversion::multiversion;

use super::blur::BlurBuffers;
use super::colour::{apply_grayscale, apply_jitter, apply_solarize};
use super::images::{CenterCrop, ImageRef, Normalization};
use super::lanes::weighted_sum;
use super::taps::{Axis, Taps};
use super::CHANNELS;
use crate::views::recipe::{ViewParameters, HUE};

/// A part of an image, resized: the box, the size it is resized to, and the window of that which is kept.
struct Resize {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
    rows: Axis,
    columns: Axis,
    flip: bool,
}

/// Renders views, one at a time, reusing its buffers.
#[derive(Default)]
pub struct Renderer {
    rows: Taps,
    columns: Taps,
    /// One channel of the crop as floats, columns first: both passes of the resize run along contiguous memory.
    source: Vec<f32>,
    /// The channel with its final number of columns, columns first and then rows first.
    narrowed: Vec<f32>,
    transposed: Vec<f32>,
    planes: [Vec<f32>; CHANNELS],
    blur: BlurBuffers,
}

impl Renderer {
    /// Renders one view as `size` × `size` × 3 normalised floats (channels last).
    pub fn render(
        &mut self,
        image: ImageRef,
        parameters: &ViewParameters,
        size: usize,
        blur_kernel: usize,
        normalization: &Normalization,
        out: &mut [f32],
    ) -> Result<(), String> {
        image.validate()?;
        let ViewParameters {
            top,
            left,
            height,
            width,
            ..
        } = *parameters;
        let inside = |start: usize, length: usize, side: usize| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= side)
        };
        if !inside(top, height, image.height) || !inside(left, width, image.width) {
            return Err(format!(
                "Cannot crop {height} × {width} pixels at ({top}, {left}): expected a box inside {} × {}",
                image.height, image.width
            ));
        }
        if parameters
            .jitter
            .is_some_and(|jitter| jitter.order.iter().any(|&op| op > HUE))
        {
            return Err("Cannot jitter colours: expected an order of 0, 1, 2 and 3".to_owned());
        }
        if blur_kernel % 2 == 0 || blur_kernel / 2 >= size || out.len() != size * size * CHANNELS {
            return Err(format!(
                "Cannot render a view of {size} pixels with blurKernel={blur_kernel} into {} floats: \
                 expected an odd kernel below twice the size and {size} × {size} × 3 floats",
                out.len()
            ));
        }
        self.draw(image, parameters, size, blur_kernel, normalization, out);
        Ok(())
    }

    /// Renders the test transform as `crop` × `crop` × 3 normalised floats (channels last).
    pub fn render_center_crop(
        &mut self,
        image: ImageRef,
        sides: CenterCrop,
        normalization: &Normalization,
        out: &mut [f32],
    ) -> Result<(), String> {
        image.validate()?;
        sides.validate()?;
        let crop = sides.crop;
        if out.len() != crop * crop * CHANNELS {
            return Err(format!(
                "Cannot render a view into {} floats: expected {crop} × {crop} × 3",
                out.len()
            ));
        }
        self.draw_center_crop(image, sides, normalization, out);
        Ok(())
    }

    pub(super) fn draw(
        &mut self,
        image: ImageRef,
        parameters: &ViewParameters,
        size: usize,
        blur_kernel: usize,
        normalization: &Normalization,
        out: &mut [f32],
    ) {
        let whole = Axis {
            resized: size,
            start: 0,
        };
        let resize = Resize {
            top: parameters.top,
            left: parameters.left,
            height: parameters.height,
            width: parameters.width,
            rows: whole,
            columns: whole,
            flip: parameters.flip,
        };
        self.resize(image, &resize, size);
        self.finish(parameters, size, blur_kernel, normalization, out);
    }

    /// Renders one view from its crop, resized already: `size` × `size` × 3 values (channels last). Without parameters,
    /// the crop is only normalised.
    pub fn render_resized<T: Level>(
        &mut self,
        crop: &[T],
        parameters: Option<&ViewParameters>,
        size: usize,
        blur_kernel: usize,
        normalization: &Normalization,
        out: &mut [f32],
    ) -> Result<(), String> {
        let expected = size * size * CHANNELS;
        if crop.len() != expected || out.len() != expected || size == 0 {
            return Err(format!(
                "Cannot render a view from {} values into {} floats: expected {size} × {size} × 3",
                crop.len(),
                out.len()
            ));
        }
        let flip = parameters.is_some_and(|parameters| parameters.flip);
        separate(crop, &mut self.planes, size, flip);
        match parameters {
            Some(parameters) => self.finish(parameters, size, blur_kernel, normalization, out),
            None => {
                let [red, green, blue] = &self.planes;
                write_normalized(&[red, green, blue], normalization, out);
            }
        }
        Ok(())
    }

    /// Applies the operations that follow the resize to the planes.
    fn finish(
        &mut self,
        parameters: &ViewParameters,
        size: usize,
        blur_kernel: usize,
        normalization: &Normalization,
        out: &mut [f32],
    ) {
        let [red, green, blue] = &mut self.planes;
        let mut planes = [
            red.as_mut_slice(),
            green.as_mut_slice(),
            blue.as_mut_slice(),
        ];
        if let Some(jitter) = &parameters.jitter {
            apply_jitter(&mut planes, jitter);
        }
        if parameters.grayscale {
            apply_grayscale(&mut planes);
        }
        if let Some(sigma) = parameters.blur_sigma {
            for plane in &mut planes {
                self.blur.apply(plane, size, blur_kernel, sigma);
            }
        }
        if let Some(threshold) = parameters.solarize {
            for plane in &mut planes {
                apply_solarize(plane, threshold);
            }
        }
        write_normalized(&planes, normalization, out);
    }

    pub(super) fn draw_center_crop(
        &mut self,
        image: ImageRef,
        sides: CenterCrop,
        normalization: &Normalization,
        out: &mut [f32],
    ) {
        let shorter = image.height.min(image.width);
        let axis = |side: usize| {
            let (start, resized) = sides.window(side, shorter);
            Axis { resized, start }
        };
        let resize = Resize {
            top: 0,
            left: 0,
            height: image.height,
            width: image.width,
            rows: axis(image.height),
            columns: axis(image.width),
            flip: false,
        };
        self.resize(image, &resize, sides.crop);
        let [red, green, blue] = &self.planes;
        write_normalized(&[red, green, blue], normalization, out);
    }

    /// Leaves the resized box in the planes, values in [0, 1].
    fn resize(&mut self, image: ImageRef, resize: &Resize, size: usize) {
        let Resize {
            top,
            left,
            height,
            width,
            ..
        } = *resize;
        self.rows.prepare(height, resize.rows, size);
        self.columns.prepare(width, resize.columns, size);
        self.source.resize(height * width, 0.0);
        self.narrowed.resize(size * height, 0.0);
        self.transposed.resize(size * height, 0.0);
        for (channel, plane) in self.planes.iter_mut().enumerate() {
            plane.resize(size * size, 0.0);
            let first = (channel * image.height + top) * image.width + left;
            transpose(
                &image.pixels[first..],
                image.width,
                [height, width],
                &mut self.source,
                f32::from,
            );
            for (column, target) in self.narrowed.chunks_exact_mut(height).enumerate() {
                let column = if resize.flip {
                    size - 1 - column
                } else {
                    column
                };
                let (start, weights) = self.columns.of(column);
                weighted_sum(&self.source[start * height..], weights, target);
                for value in target {
                    *value = value.clamp(0.0, 255.0);
                }
            }
            transpose(
                &self.narrowed,
                height,
                [size, height],
                &mut self.transposed,
                |value| value,
            );
            for (row, target) in plane.chunks_exact_mut(size).enumerate() {
                let (start, weights) = self.rows.of(row);
                weighted_sum(&self.transposed[start * size..], weights, target);
                for value in target {
                    *value = (*value * (1.0 / 255.0)).clamp(0.0, 1.0);
                }
            }
        }
    }
}

/// A value of a colour: a byte, or 16 bits.
pub trait Level: Copy + Into<f32> {
    /// The step between two values in [0, 1].
    const STEP: f32;
}

impl Level for u8 {
    const STEP: f32 = 1.0 / 255.0;
}

impl Level for u16 {
    const STEP: f32 = 1.0 / 65535.0;
}

/// Levels with the channels innermost as planes of values in [0, 1], mirrored where asked.
fn separate<T: Level>(crop: &[T], planes: &mut [Vec<f32>; CHANNELS], size: usize, flip: bool) {
    for (channel, plane) in planes.iter_mut().enumerate() {
        plane.resize(size * size, 0.0);
        let rows = plane
            .chunks_exact_mut(size)
            .zip(crop.chunks_exact(size * CHANNELS));
        for (target, source) in rows {
            let pixels = source.chunks_exact(CHANNELS);
            let pairs = target.iter_mut().zip(pixels);
            for (value, pixel) in pairs {
                *value = pixel[channel].into() * T::STEP;
            }
            if flip {
                target.reverse();
            }
        }
    }
}

/// Writes `height` rows of `width` values, which begin `stride` apart, as `width` rows of `height`, in tiles that stay
/// in the cache.
fn transpose<T: Copy>(
    source: &[T],
    stride: usize,
    [height, width]: [usize; 2],
    target: &mut [f32],
    convert: impl Fn(T) -> f32,
) {
    const TILE: usize = 16;
    for top in (0..height).step_by(TILE) {
        let bottom = (top + TILE).min(height);
        for (x, column) in target.chunks_exact_mut(height).enumerate().take(width) {
            for (y, value) in (top..bottom).zip(&mut column[top..bottom]) {
                *value = convert(source[y * stride + x]);
            }
        }
    }
}

/// Writes planes as pixels, normalised, channels last.
fn write_normalized<P: AsRef<[f32]>>(
    planes: &[P; CHANNELS],
    normalization: &Normalization,
    out: &mut [f32],
) {
    write_planes(planes.each_ref().map(AsRef::as_ref), normalization, out);
}

#[multiversion(targets("x86_64+avx2"))]
fn write_planes(planes: [&[f32]; CHANNELS], normalization: &Normalization, out: &mut [f32]) {
    let Normalization { mean, std } = *normalization;
    let scale = std.map(|std| 1.0 / std);
    let [red, green, blue] = planes;
    let pixels = out.chunks_exact_mut(CHANNELS).zip(red).zip(green).zip(blue);
    for (((pixel, red), green), blue) in pixels {
        pixel[0] = (red - mean[0]) * scale[0];
        pixel[1] = (green - mean[1]) * scale[1];
        pixel[2] = (blue - mean[2]) * scale[2];
    }
}
