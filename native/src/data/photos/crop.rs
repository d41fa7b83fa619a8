//! Crop and resize: bicubic with antialias on bytes, PIL's convention, by a library that uses what the processor has.

use std::fmt::Display;

use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, IntoImageView, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::decode::Photo;
use crate::views::kernels::CenterCrop;

/// Pixels on either side that a bicubic value is made of, where nothing shrinks.
const BICUBIC_REACH: f64 = 2.0;

/// A value of a colour that photos are made of: a byte, or 16 bits.
pub trait Value: Copy + Default {
    /// Pixels of three values.
    const PIXELS: PixelType;

    /// Returns the values of a photo.
    fn of(photo: &Photo) -> &[Self];

    /// Returns the buffer of a cropper, between its two passes.
    fn narrowed(cropper: &mut Cropper) -> (&mut Resizer, &mut Vec<Self>);
}

impl Value for u8 {
    const PIXELS: PixelType = PixelType::U8x3;

    fn of(photo: &Photo) -> &[Self] {
        &photo.pixels
    }

    fn narrowed(cropper: &mut Cropper) -> (&mut Resizer, &mut Vec<Self>) {
        (&mut cropper.resizer, &mut cropper.bytes)
    }
}

impl Value for u16 {
    const PIXELS: PixelType = PixelType::U16x3;

    fn of(photo: &Photo) -> &[Self] {
        &photo.words
    }

    fn narrowed(cropper: &mut Cropper) -> (&mut Resizer, &mut Vec<Self>) {
        (&mut cropper.resizer, &mut cropper.words)
    }
}

/// The bytes of values, in the order of this machine.
fn bytes_of<T: Value>(values: &[T]) -> &[u8] {
    // SAFETY: bytes have no alignment, and values no padding.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), std::mem::size_of_val(values)) }
}

/// The bytes of values, in the order of this machine.
fn bytes_of_mut<T: Value>(values: &mut [T]) -> &mut [u8] {
    let length = std::mem::size_of_val(values);
    // SAFETY: bytes have no alignment, and all of them are values.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), length) }
}

/// Cuts and resizes photos, reusing its buffers.
#[derive(Default)]
pub struct Cropper {
    resizer: Resizer,
    /// The box with its final number of columns.
    bytes: Vec<u8>,
    /// The same of 16 bits.
    words: Vec<u16>,
}

impl Cropper {
    /// The box `[top, left, height, width]` of a photo, as `size` × `size` × 3 values. As in torchvision, the box is cut
    /// out first: no pixel outside of it counts.
    pub fn crop<T: Value>(
        &mut self,
        photo: &Photo,
        [top, left, height, width]: [usize; 4],
        size: usize,
        out: &mut Vec<T>,
    ) -> Result<(), String> {
        let whole = view(T::of(photo), photo.width, photo.height)?;
        let part = CroppedImage::new(&whole, left as u32, top as u32, width as u32, height as u32)
            .map_err(|error| {
                format!("a box of {height} × {width} at ({top}, {left}) cannot be cut: {error}")
            })?;
        let (resizer, narrowed) = T::narrowed(self);
        resize(resizer, &part, [size, height], bicubic(), narrowed)?;
        let narrowed = view(narrowed, size, height)?;
        resize(resizer, &narrowed, [size, size], bicubic(), out)
    }

    /// The test transform: the shorter side resized to `sides.resize`, the middle `sides.crop` × `sides.crop` × 3 values
    /// of that. Only what is kept is computed: the window's box is a fraction of the photo.
    pub fn center<T: Value>(
        &mut self,
        photo: &Photo,
        sides: CenterCrop,
        out: &mut Vec<T>,
    ) -> Result<(), String> {
        let shorter = photo.height.min(photo.width);
        let axis = |side: usize| {
            let (start, resized) = sides.window(side, shorter);
            let scale = side as f64 / resized as f64;
            let first = start as f64 * scale;
            // The last bit of a product may lie outside.
            (first, (sides.crop as f64 * scale).min(side as f64 - first))
        };
        let ((top, height), (left, width)) = (axis(photo.height), axis(photo.width));
        let size = sides.crop;
        let whole = view(T::of(photo), photo.width, photo.height)?;
        let (resizer, narrowed) = T::narrowed(self);
        // The rows that the window is made of, and no more: a photo may be one pixel wide and millions high.
        let reach = BICUBIC_REACH * (height / size as f64).max(1.0) + 1.0;
        let first = (top - reach).max(0.0).floor();
        let last = (top + height + reach).min(photo.height as f64).ceil();
        let count = (last - first) as usize;
        let columns = bicubic().crop(left, first, width, last - first);
        resize(resizer, &whole, [size, count], columns, narrowed)?;
        let narrowed = view(narrowed, size, count)?;
        let rows = bicubic().crop(0.0, top - first, size as f64, height);
        resize(resizer, &narrowed, [size, size], rows, out)
    }
}

/// One call for each axis, columns first, as PIL does: values are cut to bytes in between, so the order shows. Left to
/// itself, the library takes the rows first.
fn resize<T: Value>(
    resizer: &mut Resizer,
    source: &impl IntoImageView,
    [width, height]: [usize; 2],
    options: ResizeOptions,
    out: &mut Vec<T>,
) -> Result<(), String> {
    out.resize(width * height * 3, T::default());
    let failed =
        |error: &dyn Display| format!("it cannot be resized to {width} × {height} pixels: {error}");
    let mut target =
        Image::from_slice_u8(width as u32, height as u32, bytes_of_mut(out), T::PIXELS)
            .map_err(|error| failed(&error))?;
    resizer
        .resize(source, &mut target, &options)
        .map_err(|error| failed(&error))
}

fn bicubic() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
}

fn view<T: Value>(values: &[T], width: usize, height: usize) -> Result<ImageRef<'_>, String> {
    ImageRef::new(width as u32, height as u32, bytes_of(values), T::PIXELS)
        .map_err(|error| format!("its pixels cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with hard edges, where the passes overshoot.
    fn edges(width: usize, height: usize) -> Photo {
        let pixels = (0..width * height * 3)
            .map(|i| {
                let (x, y, channel) = (i / 3 % width, i / 3 / width, i % 3);
                if (x / 5 + y / 7 + channel) % 2 == 0 {
                    255
                } else {
                    (x * 7 + y * 3) as u8 % 40
                }
            })
            .collect();
        let mut photo = Photo::default();
        photo.resize(width, height).unwrap();
        photo.pixels = pixels;
        photo
    }

    /// One pass by the definition: bicubic (a = −1/2) widened by the scale, cut off at the edges, rounded to bytes.
    fn pass(row: &[u8], start: f64, scale: f64, kept: usize) -> Vec<u8> {
        let cubic = |x: f64| {
            let x = x.abs();
            match x {
                x if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
                x if x < 2.0 => ((x - 5.0) * x + 8.0) * x * -0.5 + 2.0,
                _ => 0.0,
            }
        };
        (0..kept)
            .map(|index| {
                let center = start + scale * (index as f64 + 0.5);
                let weights: Vec<f64> = (0..row.len())
                    .map(|i| cubic((i as f64 + 0.5 - center) / scale.max(1.0)))
                    .collect();
                let sum: f64 = weights.iter().sum();
                let value: f64 = row
                    .iter()
                    .zip(&weights)
                    .map(|(&v, w)| f64::from(v) * w)
                    .sum();
                (value / sum).round().clamp(0.0, 255.0) as u8
            })
            .collect()
    }

    struct Axis {
        first: usize,
        length: usize,
        start: f64,
        scale: f64,
    }

    fn by_definition(photo: &Photo, rows: Axis, columns: Axis, size: usize) -> Vec<u8> {
        let mut out = vec![0; size * size * 3];
        for channel in 0..3 {
            let narrowed: Vec<Vec<u8>> = (rows.first..rows.first + rows.length)
                .map(|y| {
                    let row: Vec<u8> = (columns.first..columns.first + columns.length)
                        .map(|x| photo.pixels[(y * photo.width + x) * 3 + channel])
                        .collect();
                    pass(&row, columns.start, columns.scale, size)
                })
                .collect();
            for x in 0..size {
                let column: Vec<u8> = narrowed.iter().map(|row| row[x]).collect();
                for (y, value) in pass(&column, rows.start, rows.scale, size)
                    .into_iter()
                    .enumerate()
                {
                    out[(y * size + x) * 3 + channel] = value;
                }
            }
        }
        out
    }

    fn assert_within_one(found: &[u8], expected: &[u8]) {
        assert_eq!(found.len(), expected.len());
        let worst = found
            .iter()
            .zip(expected)
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(worst <= Some(1), "off by {worst:?}");
    }

    #[test]
    fn a_crop_is_resized_as_pil_does_columns_first() {
        let photo = edges(90, 70);
        let mut out: Vec<u8> = Vec::new();
        for ([top, left, height, width], size) in [
            ([0, 0, 70, 90], 32),
            ([5, 11, 60, 41], 24),
            ([30, 20, 9, 13], 40),
            ([3, 4, 16, 16], 16),
        ] {
            let axis = |first, length: usize| Axis {
                first,
                length,
                start: 0.0,
                scale: length as f64 / size as f64,
            };
            let expected = by_definition(&photo, axis(top, height), axis(left, width), size);
            Cropper::default()
                .crop(&photo, [top, left, height, width], size, &mut out)
                .unwrap();
            assert_within_one(&out, &expected);
        }
    }

    #[test]
    fn the_test_transform_is_the_middle_of_the_whole_photo_resized() {
        let sides = CenterCrop {
            resize: 36,
            crop: 32,
        };
        for (width, height) in [(90, 70), (50, 83), (36, 36), (20, 31)] {
            let photo = edges(width, height);
            let axis = |side: usize| {
                let (start, resized) = sides.window(side, width.min(height));
                let scale = side as f64 / resized as f64;
                Axis {
                    first: 0,
                    length: side,
                    start: start as f64 * scale,
                    scale,
                }
            };
            let expected = by_definition(&photo, axis(height), axis(width), sides.crop);
            let mut out: Vec<u8> = Vec::new();
            Cropper::default().center(&photo, sides, &mut out).unwrap();
            assert_within_one(&out, &expected);
        }
    }

    /// One pixel wide, two million high: the window is of 224 × 224 pixels, and so is what it is made of.
    #[test]
    fn a_narrow_photo_takes_no_memory_for_its_length() {
        let sides = CenterCrop {
            resize: 256,
            crop: 224,
        };
        for (width, height) in [(1, 2_000_000), (2_000_000, 1)] {
            let mut photo = Photo::default();
            photo.resize(width, height).unwrap();
            let (mut cropper, mut out) = (Cropper::default(), Vec::<u8>::new());
            cropper.center(&photo, sides, &mut out).unwrap();
            assert_eq!(out.len(), 224 * 224 * 3);
            assert!(cropper.bytes.capacity() < 1 << 20);
        }
    }

    #[test]
    fn values_of_16_bits_are_resized_as_bytes_are_and_keep_their_bits() {
        let bytes = edges(90, 70);
        let mut words = Photo::default();
        (words.width, words.height) = (90, 70);
        words.words = bytes
            .pixels
            .iter()
            .map(|&value| u16::from(value) * 257)
            .collect();
        let sides = CenterCrop {
            resize: 36,
            crop: 32,
        };
        let (mut coarse, mut fine) = (Vec::<u8>::new(), Vec::<u16>::new());
        let mut cropper = Cropper::default();
        for area in [None, Some([5, 11, 60, 41])] {
            match area {
                None => {
                    cropper.center(&bytes, sides, &mut coarse).unwrap();
                    cropper.center(&words, sides, &mut fine).unwrap();
                }
                Some(area) => {
                    cropper.crop(&bytes, area, 24, &mut coarse).unwrap();
                    cropper.crop(&words, area, 24, &mut fine).unwrap();
                }
            }
            let near: Vec<u8> = fine
                .iter()
                .map(|&v| (f64::from(v) / 257.0).round() as u8)
                .collect();
            assert_within_one(&near, &coarse);
            // Between two bytes there are values.
            assert!(fine.iter().any(|value| value % 257 != 0));
        }
    }
}
