//! What a view does to its pixels: crop, resize, flip, colour, blur, solarize, normalise.
//!
//! The resize is that of PIL and of torchvision on uint8 images: columns first, clamped to the range of a byte after
//! each of the two passes, but not rounded. All later operations are those of torchvision.transforms.v2.functional on
//! float images in [0, 1]: each clamps, none rounds. (On uint8 images torchvision truncates after each of them, which
//! darkens them by up to one level.) Without rounding, two implementations that differ in the last bit stay close.

use crate::view_parameters::{
    sample_view, Jitter, ViewKey, ViewParameters, ViewRecipe, BRIGHTNESS, CONTRAST, HUE, MAX_SIDE,
    SATURATION,
};
use rayon::prelude::*;

const CHANNELS: usize = 3;
/// Floats that loops take at once: enough for the compiler to fill vector registers of any width.
const LANES: usize = 16;
const LUMA: [f32; CHANNELS] = [0.2989, 0.587, 0.114];

/// Images as they lie in memory: `count` × 3 × `height` × `width` bytes.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    pub pixels: &'a [u8],
    pub height: usize,
    pub width: usize,
}

impl<'a> Images<'a> {
    fn size(&self) -> usize {
        CHANNELS * self.height * self.width
    }

    fn count(&self) -> usize {
        self.pixels.len().checked_div(self.size()).unwrap_or(0)
    }

    fn image(&self, index: u32) -> &'a [u8] {
        let start = index as usize * self.size();
        &self.pixels[start..start + self.size()]
    }
}

/// Mean and standard deviation of each channel, for values in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    pub mean: [f32; CHANNELS],
    pub std: [f32; CHANNELS],
}

/// Which views a batch holds; the sample of each is its index in the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchKey {
    pub seed: u64,
    pub step: u64,
    pub view: u32,
}

/// Draws and renders one view of each image named by `indices`, as count × size × size × 3 floats (channels last).
/// The result does not depend on the pool or on its number of threads; without a pool the caller's thread does all.
pub fn render_batch(
    images: Images,
    indices: &[u32],
    key: BatchKey,
    recipe: &ViewRecipe,
    normalization: &Normalization,
    out: &mut [f32],
    pool: Option<&rayon::ThreadPool>,
) -> Result<(), String> {
    recipe.validate()?;
    for_each_view(
        images,
        indices,
        recipe.crop_size,
        out,
        pool,
        |renderer, index, view| {
            let sample = ViewKey {
                seed: key.seed,
                step: key.step,
                sample: u64::from(index),
                view: key.view,
            };
            let parameters = sample_view(recipe, sample, images.height, images.width);
            let image = ImageRef::of(images, index);
            renderer.draw(
                image,
                &parameters,
                recipe.crop_size,
                recipe.blur_kernel,
                normalization,
                view,
            );
        },
    )
}

/// Renders the test transform of each image named by `indices`, as count × crop × crop × 3 floats (channels last).
pub fn render_centered_batch(
    images: Images,
    indices: &[u32],
    sides: CenteredSides,
    normalization: &Normalization,
    out: &mut [f32],
    pool: Option<&rayon::ThreadPool>,
) -> Result<(), String> {
    sides.validate()?;
    for_each_view(
        images,
        indices,
        sides.crop,
        out,
        pool,
        |renderer, index, view| {
            renderer.draw_centered(ImageRef::of(images, index), sides, normalization, view);
        },
    )
}

/// The test transform: the shorter side is resized to `resize` pixels, then the central `crop` × `crop` are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CenteredSides {
    pub resize: usize,
    pub crop: usize,
}

impl CenteredSides {
    /// Of a side that is resized with the shorter one: where the kept part starts, and the pixels after resizing. The
    /// longer side is truncated, the margin rounded to even, as torchvision does.
    pub fn window(self, side: usize, shorter: usize) -> (usize, usize) {
        let resized = self.resize * side / shorter;
        let start = ((resized - self.crop) as f64 / 2.0).round_ties_even() as usize;
        (start, resized)
    }

    pub fn validate(self) -> Result<(), String> {
        let Self { resize, crop } = self;
        if (1..=resize).contains(&crop) && resize <= MAX_SIDE {
            return Ok(());
        }
        Err(format!(
            "Cannot crop {crop} pixels from images resized to {resize}: expected 1 ≤ crop ≤ resize ≤ {MAX_SIDE}"
        ))
    }
}

fn for_each_view(
    images: Images,
    indices: &[u32],
    side: usize,
    out: &mut [f32],
    pool: Option<&rayon::ThreadPool>,
    render: impl Fn(&mut Renderer, u32, &mut [f32]) + Sync,
) -> Result<(), String> {
    let Images {
        pixels,
        height,
        width,
    } = images;
    if images.size() == 0 || pixels.len() % images.size() != 0 {
        return Err(format!(
            "Cannot read {} bytes as images: expected a multiple of 3 × {height} × {width}",
            pixels.len()
        ));
    }
    let count = images.count();
    if let Some(index) = indices.iter().find(|&&index| index as usize >= count) {
        return Err(format!(
            "Cannot make a view of image {index}: expected an index below {count}"
        ));
    }
    let view_size = side * side * CHANNELS;
    if out.len() != indices.len() * view_size {
        return Err(format!(
            "Cannot write {} views into {} floats: expected {} × {side} × {side} × 3",
            indices.len(),
            out.len(),
            indices.len()
        ));
    }
    match pool {
        None => {
            let mut renderer = Renderer::default();
            for (view, &index) in out.chunks_exact_mut(view_size).zip(indices) {
                render(&mut renderer, index, view);
            }
        }
        Some(pool) => pool.install(|| {
            out.par_chunks_exact_mut(view_size)
                .zip(indices)
                .for_each_init(Renderer::default, |renderer, (view, &index)| {
                    render(renderer, index, view)
                });
        }),
    }
    Ok(())
}

/// One image: 3 × `height` × `width` bytes.
#[derive(Clone, Copy, Debug)]
pub struct ImageRef<'a> {
    pub pixels: &'a [u8],
    pub height: usize,
    pub width: usize,
}

impl<'a> ImageRef<'a> {
    fn of(images: Images<'a>, index: u32) -> Self {
        Self {
            pixels: images.image(index),
            height: images.height,
            width: images.width,
        }
    }

    fn validate(&self) -> Result<(), String> {
        let expected = CHANNELS * self.height * self.width;
        if expected > 0 && self.pixels.len() == expected {
            return Ok(());
        }
        Err(format!(
            "Cannot read {} bytes as an image: expected 3 × {} × {}",
            self.pixels.len(),
            self.height,
            self.width
        ))
    }
}

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

#[derive(Clone, Copy)]
struct Axis {
    /// Pixels after resizing.
    resized: usize,
    /// First of the pixels that are kept.
    start: usize,
}

/// Renders views, one at a time, reusing its buffers.
#[derive(Default)]
pub struct Renderer {
    rows: Taps,
    columns: Taps,
    /// One channel of the crop as floats, columns first: both passes of the resize run along contiguous memory.
    source: Vec<f32>,
    /// That channel with its final number of columns, columns first and then rows first.
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
    pub fn render_centered(
        &mut self,
        image: ImageRef,
        sides: CenteredSides,
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
        self.draw_centered(image, sides, normalization, out);
        Ok(())
    }

    fn draw(
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

    /// Renders one view from its crop, resized already: `size` × `size` × 3 bytes (channels last). Without parameters,
    /// the crop is only normalised.
    pub fn render_resized(
        &mut self,
        crop: &[u8],
        parameters: Option<&ViewParameters>,
        size: usize,
        blur_kernel: usize,
        normalization: &Normalization,
        out: &mut [f32],
    ) -> Result<(), String> {
        let expected = size * size * CHANNELS;
        if crop.len() != expected || out.len() != expected || size == 0 {
            return Err(format!(
                "Cannot render a view from {} bytes into {} floats: expected {size} × {size} × 3",
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

    /// What follows the resize, on the planes.
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

    fn draw_centered(
        &mut self,
        image: ImageRef,
        sides: CenteredSides,
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

/// The weights of a resize along one axis: bicubic (a = −1/2), widened by the scale when shrinking, cut off at the
/// edges and normalised to a sum of 1. PIL's convention, which torchvision has with antialias=True.
#[derive(Default)]
struct Taps {
    starts: Vec<usize>,
    counts: Vec<usize>,
    stride: usize,
    weights: Vec<f32>,
    prepared: Option<(usize, usize, usize, usize)>,
}

impl Taps {
    fn prepare(&mut self, length: usize, axis: Axis, kept: usize) {
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

    fn of(&self, index: usize) -> (usize, &[f32]) {
        let first = index * self.stride;
        (
            self.starts[index],
            &self.weights[first..first + self.counts[index]],
        )
    }
}

fn bicubic(x: f64) -> f64 {
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

/// target[j] = Σ_k weights[k] · rows[k][j], rows one after another and as long as the target.
#[inline(always)]
fn weighted_sum(rows: &[f32], weights: &[f32], target: &mut [f32]) {
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

/// Bytes with the channels innermost as planes of values in [0, 1], mirrored where asked.
fn separate(crop: &[u8], planes: &mut [Vec<f32>; CHANNELS], size: usize, flip: bool) {
    for (channel, plane) in planes.iter_mut().enumerate() {
        plane.resize(size * size, 0.0);
        let rows = plane
            .chunks_exact_mut(size)
            .zip(crop.chunks_exact(size * CHANNELS));
        for (target, source) in rows {
            let pixels = source.chunks_exact(CHANNELS);
            let pairs = target.iter_mut().zip(pixels);
            for (value, pixel) in pairs {
                *value = f32::from(pixel[channel]) * (1.0 / 255.0);
            }
            if flip {
                target.reverse();
            }
        }
    }
}

type Planes<'a> = [&'a mut [f32]; CHANNELS];

fn apply_jitter(planes: &mut Planes, jitter: &Jitter) {
    for operation in jitter.order {
        match operation {
            BRIGHTNESS => apply_brightness(planes, jitter.brightness),
            CONTRAST => apply_contrast(planes, jitter.contrast),
            SATURATION => apply_saturation(planes, jitter.saturation),
            _ => apply_hue(planes, jitter.hue),
        }
    }
}

fn apply_brightness(planes: &mut Planes, factor: f32) {
    for plane in planes {
        for value in plane.iter_mut() {
            *value = (*value * factor).clamp(0.0, 1.0);
        }
    }
}

/// Blends with the mean of the gray image.
fn apply_contrast(planes: &mut Planes, factor: f32) {
    let count = planes[0].len() as f32;
    let mean: f32 = planes
        .iter()
        .zip(LUMA)
        .map(|(plane, luma)| luma * (sum(plane) / count))
        .sum();
    let shift = mean * (1.0 - factor);
    for plane in planes {
        for value in plane.iter_mut() {
            *value = (*value * factor + shift).clamp(0.0, 1.0);
        }
    }
}

/// The sum in a fixed order that vector registers of any width can follow.
fn sum(values: &[f32]) -> f32 {
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

fn luminance(red: f32, green: f32, blue: f32) -> f32 {
    LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
}

fn for_each_pixel(planes: &mut Planes, change: impl Fn(f32, f32, f32) -> [f32; CHANNELS]) {
    let [red, green, blue] = planes;
    for ((red, green), blue) in red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut()) {
        [*red, *green, *blue] = change(*red, *green, *blue);
    }
}

/// Blends every pixel with its gray.
fn apply_saturation(planes: &mut Planes, factor: f32) {
    for_each_pixel(planes, |red, green, blue| {
        let shift = luminance(red, green, blue) * (1.0 - factor);
        [red, green, blue].map(|value| (value * factor + shift).clamp(0.0, 1.0))
    });
}

/// Turns the hue in HSV space. Value and chroma stay, so each channel is value − chroma · f(hue) and no branch is
/// needed: f is 0 on a third of the circle, 1 on a third, and linear in between.
fn apply_hue(planes: &mut Planes, turns: f32) {
    if turns == 0.0 {
        return;
    }
    let shift = 6.0 * turns;
    for_each_pixel(planes, |red, green, blue| {
        let value = red.max(green).max(blue);
        let chroma = value - red.min(green).min(blue);
        let scale = if chroma > 0.0 { 1.0 / chroma } else { 0.0 };
        // Sixths of a turn from red, between −1 and 5.
        let hue = if value == red {
            (green - blue) * scale
        } else if value == green {
            2.0 + (blue - red) * scale
        } else {
            4.0 + (red - green) * scale
        };
        let hue = wrap(hue + shift);
        [5.0, 3.0, 1.0].map(|offset| {
            let distance = wrap(hue + offset);
            value - chroma * distance.min(4.0 - distance).clamp(0.0, 1.0)
        })
    });
}

/// Brings a hue in sixths of a turn from [−6, 12) to [0, 6).
#[inline(always)]
fn wrap(hue: f32) -> f32 {
    let hue = if hue < 0.0 { hue + 6.0 } else { hue };
    if hue >= 6.0 {
        hue - 6.0
    } else {
        hue
    }
}

fn apply_grayscale(planes: &mut Planes) {
    for_each_pixel(planes, |red, green, blue| {
        [luminance(red, green, blue); CHANNELS]
    });
}

fn apply_solarize(plane: &mut [f32], threshold: f32) {
    for value in plane {
        *value = if *value >= threshold {
            1.0 - *value
        } else {
            *value
        };
    }
}

/// The Gaussian blur: separable, the same along both axes, borders reflected without repeating the edge pixel.
#[derive(Default)]
struct BlurBuffers {
    weights: Vec<f32>,
    padded: Vec<f32>,
    line: Vec<f32>,
}

impl BlurBuffers {
    fn apply(&mut self, plane: &mut [f32], size: usize, kernel: usize, sigma: f32) {
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

/// target[j] = Σ_k weights[k] · line[j + k].
#[inline(always)]
fn convolve(line: &[f32], weights: &[f32], target: &mut [f32]) {
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

/// Writes planes as pixels, normalised, channels last.
fn write_normalized<P: AsRef<[f32]>>(
    planes: &[P; CHANNELS],
    normalization: &Normalization,
    out: &mut [f32],
) {
    let Normalization { mean, std } = *normalization;
    let scale = std.map(|std| 1.0 / std);
    let [red, green, blue] = [planes[0].as_ref(), planes[1].as_ref(), planes[2].as_ref()];
    let pixels = out.chunks_exact_mut(CHANNELS).zip(red).zip(green).zip(blue);
    for (((pixel, red), green), blue) in pixels {
        pixel[0] = (red - mean[0]) * scale[0];
        pixel[1] = (green - mean[1]) * scale[1];
        pixel[2] = (blue - mean[2]) * scale[2];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view_parameters::tests::cifar_recipe;

    const PLAIN: Normalization = Normalization {
        mean: [0.0; 3],
        std: [1.0; 3],
    };
    const CIFAR: Normalization = Normalization {
        mean: [0.4914, 0.4822, 0.4465],
        std: [0.247, 0.243, 0.261],
    };

    fn bytes(count: usize) -> Vec<u8> {
        (0..count)
            .map(|i| (i * i * 37 + i * 11 + 5) as u8)
            .collect()
    }

    fn crop(top: usize, left: usize, height: usize, width: usize) -> ViewParameters {
        ViewParameters {
            top,
            left,
            height,
            width,
            flip: false,
            jitter: None,
            grayscale: false,
            blur_sigma: None,
            solarize: None,
        }
    }

    /// Four by four pixels that are not resized.
    fn square() -> ViewParameters {
        crop(1, 2, 4, 4)
    }

    const NO_JITTER: Jitter = Jitter {
        order: [0, 1, 2, 3],
        brightness: 1.0,
        contrast: 1.0,
        saturation: 1.0,
        hue: 0.0,
    };

    fn jittered(jitter: Jitter) -> ViewParameters {
        ViewParameters {
            jitter: Some(jitter),
            ..square()
        }
    }

    fn channels_first(pixels: &[f32]) -> Vec<f32> {
        (0..CHANNELS)
            .flat_map(|c| pixels.iter().skip(c).step_by(CHANNELS).copied())
            .collect()
    }

    /// A 4 × 4 view of the 6 × 8 image of `bytes(144)`, channels first, as the recorded values lie.
    fn view_of_bytes(parameters: &ViewParameters, blur_kernel: usize) -> Vec<f32> {
        let pixels = bytes(144);
        let image = ImageRef {
            pixels: &pixels,
            height: 6,
            width: 8,
        };
        let mut out = vec![f32::NAN; 48];
        Renderer::default()
            .render(image, parameters, 4, blur_kernel, &PLAIN, &mut out)
            .unwrap();
        channels_first(&out)
    }

    fn assert_close(values: &[f32], expected: &[f32], tolerance: f32) {
        assert_eq!(values.len(), expected.len());
        for (i, (v, e)) in values.iter().zip(expected).enumerate() {
            assert!((v - e).abs() <= tolerance, "value {i} is {v}, expected {e}");
        }
    }

    /// Against values that torchvision 0.26 gave for the uint8 image: equal but for its rounding to bytes.
    fn assert_close_to_bytes(values: &[f32], expected: &[u8]) {
        let expected: Vec<f32> = expected
            .iter()
            .map(|&byte| f32::from(byte) / 255.0)
            .collect();
        assert_close(values, &expected, 1.1 / 255.0);
    }

    #[test]
    fn a_crop_is_shrunk_as_torchvision_shrinks_it() {
        let expected = [
            213, 125, 111, 138, 130, 119, 197, 125, 165, 180, 133, 94, 131, 139, 173, 128, 170,
            192, 87, 91, 138, 66, 49, 134, 97, 71, 177, 166, 156, 117, 59, 113, 104, 125, 188, 155,
            107, 191, 127, 146, 146, 131, 120, 186, 108, 159, 131, 178,
        ];
        assert_close_to_bytes(&view_of_bytes(&crop(1, 2, 5, 6), 3), &expected);
    }

    #[test]
    fn a_crop_is_enlarged_as_torchvision_enlarges_it() {
        let expected = [
            135, 158, 95, 0, 126, 164, 122, 28, 109, 177, 175, 107, 100, 183, 202, 147, 119, 105,
            136, 194, 111, 116, 135, 156, 95, 139, 133, 80, 87, 150, 132, 42, 105, 73, 66, 89, 97,
            79, 93, 130, 81, 91, 146, 212, 73, 97, 173, 253,
        ];
        assert_close_to_bytes(&view_of_bytes(&crop(2, 1, 2, 3), 3), &expected);
    }

    #[test]
    fn the_test_transform_is_that_of_torchvision() {
        let expected = [
            118, 161, 135, 163, 132, 187, 89, 152, 159, 93, 162, 191, 177, 161, 187, 113, 86, 80,
            55, 135, 96, 188, 166, 62, 122, 122, 28, 73, 146, 64, 106, 192, 73, 167, 175, 116, 164,
            85, 160, 178, 76, 153, 200, 100, 104, 195, 73, 144,
        ];
        let pixels = bytes(144);
        let image = ImageRef {
            pixels: &pixels,
            height: 6,
            width: 8,
        };
        let mut out = vec![f32::NAN; 48];
        let sides = CenteredSides { resize: 5, crop: 4 };
        Renderer::default()
            .render_centered(image, sides, &PLAIN, &mut out)
            .unwrap();
        assert_close_to_bytes(&channels_first(&out), &expected);
    }

    // The values below are torchvision 0.26's for the float image.

    #[test]
    fn brightness_is_that_of_torchvision() {
        let expected = [
            1.0, 1.0, 0.45373, 0.0051, 0.81059, 0.01529, 0.90235, 0.86157, 1.0, 0.70863, 0.69843,
            1.0, 0.72902, 0.74941, 1.0, 0.61686, 0.93294, 0.87176, 1.0, 0.57608, 0.56588, 0.91255,
            0.33137, 0.12745, 0.85137, 0.30078, 0.12745, 0.33137, 0.48431, 0.34157, 0.57608, 1.0,
            0.68824, 0.46392, 0.61686, 1.0, 0.32118, 0.50471, 1.0, 0.69843, 0.60667, 1.0, 0.86157,
            0.90235, 0.23961, 1.0, 0.0051, 0.45373,
        ];
        let view = jittered(Jitter {
            brightness: 1.3,
            ..NO_JITTER
        });
        assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
    }

    #[test]
    fn contrast_is_that_of_torchvision() {
        let expected = [
            0.7875, 0.8424, 0.3977, 0.15613, 0.58986, 0.16162, 0.63927, 0.61731, 0.74358, 0.53495,
            0.52946, 0.72711, 0.54593, 0.55691, 0.77103, 0.48554, 0.65574, 0.6228, 0.79299,
            0.46358, 0.45809, 0.64476, 0.33182, 0.22201, 0.61182, 0.31535, 0.22201, 0.33182,
            0.41417, 0.33731, 0.46358, 0.79299, 0.52397, 0.40319, 0.48554, 0.77103, 0.32633,
            0.42515, 0.72711, 0.52946, 0.48005, 0.79848, 0.61731, 0.63927, 0.2824, 0.82044,
            0.15613, 0.3977,
        ];
        let view = jittered(Jitter {
            contrast: 0.7,
            ..NO_JITTER
        });
        assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
    }

    #[test]
    fn saturation_is_that_of_torchvision() {
        let expected = [
            1.0, 1.0, 0.07242, 0.0, 0.74631, 0.0, 0.88898, 0.93943, 0.96593, 0.65813, 0.73211, 1.0,
            0.68356, 0.68951, 1.0, 0.27974, 0.68986, 0.62424, 1.0, 0.50814, 0.40749, 0.89567,
            0.0984, 0.0, 0.62711, 0.09343, 0.0, 0.07983, 0.34474, 0.1248, 0.3782, 1.0, 0.35104,
            0.05953, 0.2983, 1.0, 0.06866, 0.33096, 1.0, 0.71355, 0.28829, 1.0, 0.95799, 0.87042,
            0.00591, 1.0, 0.0, 0.05385,
        ];
        let view = jittered(Jitter {
            saturation: 1.8,
            ..NO_JITTER
        });
        assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
    }

    #[test]
    fn hue_is_that_of_torchvision() {
        let expected = [
            0.79294, 0.79608, 0.91373, 0.26745, 0.51059, 0.70196, 0.2549, 0.09804, 0.7302, 0.23137,
            0.09804, 0.2549, 0.44784, 0.26275, 0.61882, 0.91373, 0.52941, 0.35686, 0.58745,
            0.88235, 0.24706, 0.52627, 0.81961, 0.42431, 0.46667, 0.92157, 0.66275, 0.58118,
            0.18431, 0.95294, 0.00392, 0.34902, 0.90588, 0.98431, 0.34902, 0.00392, 0.62353,
            0.01176, 0.80706, 0.66275, 0.84314, 0.68314, 0.6502, 0.81961, 0.56078, 0.71451,
            0.88235, 0.36157,
        ];
        let view = jittered(Jitter {
            hue: -0.3,
            ..NO_JITTER
        });
        assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
    }

    #[test]
    fn grayscale_is_that_of_torchvision() {
        let expected = [
            0.75238, 0.72853, 0.69477, 0.36188, 0.47006, 0.45983, 0.45053, 0.31689, 0.68964,
            0.4038, 0.29369, 0.47374, 0.40732, 0.43517, 0.5243, 0.71798, 0.75238, 0.72853, 0.69477,
            0.36188, 0.47006, 0.45983, 0.45053, 0.31689, 0.68964, 0.4038, 0.29369, 0.47374,
            0.40732, 0.43517, 0.5243, 0.71798, 0.75238, 0.72853, 0.69477, 0.36188, 0.47006,
            0.45983, 0.45053, 0.31689, 0.68964, 0.4038, 0.29369, 0.47374, 0.40732, 0.43517, 0.5243,
            0.71798,
        ];
        let view = ViewParameters {
            grayscale: true,
            ..square()
        };
        assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
    }

    #[test]
    fn blur_is_that_of_torchvision() {
        let expected = [
            0.57589, 0.54652, 0.51052, 0.49253, 0.56216, 0.54642, 0.54136, 0.53996, 0.5811,
            0.58018, 0.60313, 0.61654, 0.59404, 0.60024, 0.63397, 0.65154, 0.58327, 0.54811,
            0.46311, 0.41265, 0.52791, 0.49196, 0.41339, 0.37163, 0.42604, 0.39652, 0.35032,
            0.33513, 0.37839, 0.35757, 0.33794, 0.34092, 0.45721, 0.50495, 0.60049, 0.64538,
            0.49482, 0.53389, 0.60004, 0.62944, 0.57434, 0.58946, 0.58504, 0.58102, 0.60423,
            0.60507, 0.56058, 0.53841,
        ];
        let view = ViewParameters {
            blur_sigma: Some(1.1),
            ..square()
        };
        assert_close(&view_of_bytes(&view, 5), &expected, 1e-5);
    }

    #[test]
    fn solarize_is_that_of_torchvision() {
        let expected = [
            0.09412, 0.01569, 0.34902, 0.00392, 0.37647, 0.01176, 0.30588, 0.33725, 0.15686,
            0.4549, 0.46275, 0.18039, 0.43922, 0.42353, 0.11765, 0.47451, 0.28235, 0.32941,
            0.08627, 0.44314, 0.43529, 0.29804, 0.2549, 0.09804, 0.3451, 0.23137, 0.09804, 0.2549,
            0.37255, 0.26275, 0.44314, 0.08627, 0.47059, 0.35686, 0.47451, 0.11765, 0.24706,
            0.38824, 0.18039, 0.46275, 0.46667, 0.07843, 0.33725, 0.30588, 0.18431, 0.04706,
            0.00392, 0.34902,
        ];
        let view = ViewParameters {
            solarize: Some(128.0 / 255.0),
            ..square()
        };
        assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
    }

    #[test]
    fn operations_run_in_the_order_that_the_parameters_name() {
        let expected = [
            0.362, 0.45105, 0.39748, 0.25427, 0.47756, 0.38824, 0.49677, 0.481, 0.37914, 0.39679,
            0.43385, 0.43824, 0.4212, 0.33037, 0.38889, 0.48416, 0.30855, 0.3365, 0.49128, 0.20237,
            0.447, 0.45002, 0.24401, 0.11262, 0.4927, 0.27383, 0.19324, 0.21427, 0.41612, 0.28678,
            0.47395, 0.45327, 0.38653, 0.43598, 0.43618, 0.48196, 0.35736, 0.48789, 0.44429,
            0.29066, 0.44522, 0.43558, 0.35769, 0.26703, 0.37623, 0.45467, 0.31339, 0.32932,
        ];
        let order = [HUE, CONTRAST, BRIGHTNESS, SATURATION];
        let jitter = Jitter {
            order,
            brightness: 0.8,
            contrast: 1.4,
            saturation: 0.8,
            hue: 0.1,
        };
        let after = ViewParameters {
            blur_sigma: Some(0.6),
            solarize: Some(128.0 / 255.0),
            ..jittered(jitter)
        };
        assert_close(&view_of_bytes(&after, 3), &expected, 1e-5);
        let order = [BRIGHTNESS, CONTRAST, SATURATION, HUE];
        let other = ViewParameters {
            jitter: Some(Jitter { order, ..jitter }),
            ..after
        };
        let values = view_of_bytes(&other, 3);
        assert!(values
            .iter()
            .zip(expected)
            .any(|(v, e)| (v - e).abs() > 0.01));
    }

    #[test]
    fn solarize_inverts_from_the_threshold_on() {
        let mut values = [0.0, 127.0 / 255.0, 128.0 / 255.0, 1.0];
        apply_solarize(&mut values, 128.0 / 255.0);
        assert_eq!(values, [0.0, 127.0 / 255.0, 1.0 - 128.0 / 255.0, 0.0]);
    }

    #[test]
    fn a_gray_pixel_has_no_hue_and_a_full_turn_changes_nothing() {
        let gray: [f32; 3] = [0.0, 0.25, 1.0];
        let mut channels = [gray, gray, gray];
        apply_hue(&mut channels.each_mut().map(|c| &mut c[..]), 0.37);
        assert_eq!(channels, [gray, gray, gray]);

        let pixels = [
            vec![0.9f32, 0.1, 0.2],
            vec![0.3, 0.8, 0.2],
            vec![0.1, 0.5, 0.7],
        ];
        let mut turned = pixels.clone();
        for _ in 0..10 {
            apply_hue(&mut turned.each_mut().map(|c| &mut c[..]), 0.1);
        }
        assert_close(&turned.concat(), &pixels.concat(), 1e-5);
        apply_hue(&mut turned.each_mut().map(|c| &mut c[..]), 1.0 / 3.0);
        assert_close(&turned[1], &pixels[0], 1e-5);
    }

    #[test]
    fn a_crop_of_the_view_s_size_keeps_every_pixel() {
        let pixels = bytes(144);
        let values = view_of_bytes(&square(), 3);
        for (i, value) in values.iter().enumerate() {
            let (channel, y, x) = (i / 16, i / 4 % 4 + 1, i % 4 + 2);
            assert_eq!(
                *value,
                f32::from(pixels[(channel * 6 + y) * 8 + x]) * (1.0 / 255.0)
            );
        }
    }

    #[test]
    fn flip_mirrors_left_and_right() {
        for parameters in [square(), crop(0, 1, 6, 5)] {
            let plain = view_of_bytes(&parameters, 3);
            let flipped = view_of_bytes(
                &ViewParameters {
                    flip: true,
                    ..parameters
                },
                3,
            );
            let mirrored: Vec<f32> = plain
                .chunks(4)
                .flat_map(|row| row.iter().rev().copied())
                .collect();
            assert_eq!(flipped, mirrored);
            assert_ne!(flipped, plain);
        }
    }

    #[test]
    fn channels_are_normalised_each_by_its_own() {
        let pixels = vec![255; 12];
        let image = ImageRef {
            pixels: &pixels,
            height: 2,
            width: 2,
        };
        let mut out = vec![0.0; 12];
        Renderer::default()
            .render(image, &crop(0, 0, 2, 2), 2, 3, &CIFAR, &mut out)
            .unwrap();
        let expected = [
            (1.0 - 0.4914) / 0.247,
            (1.0 - 0.4822) / 0.243,
            (1.0 - 0.4465) / 0.261,
        ];
        assert_close(&out, &expected.repeat(4), 1e-5);
    }

    /// The definition, in float64: a window of the whole resized image, each pixel a double sum.
    fn resize_naively(image: &[u8], [height, width]: [usize; 2], size: usize) -> Vec<f32> {
        let weights = |length: usize, index: usize| -> Vec<f64> {
            let scale = length as f64 / size as f64;
            let center = scale * (index as f64 + 0.5);
            let raw: Vec<f64> = (0..length)
                .map(|i| bicubic((i as f64 + 0.5 - center) / scale.max(1.0)))
                .collect();
            let total: f64 = raw.iter().sum();
            raw.iter().map(|w| w / total).collect()
        };
        let mut out = Vec::new();
        for (y, x) in (0..size * size).map(|i| (i / size, i % size)) {
            let rows = weights(height, y);
            let columns = weights(width, x);
            for channel in image.chunks(height * width) {
                let of_row = |row: &[u8]| -> f64 {
                    let sum: f64 = row
                        .iter()
                        .zip(&columns)
                        .map(|(&b, w)| f64::from(b) * w)
                        .sum();
                    sum.clamp(0.0, 255.0)
                };
                let value: f64 = channel
                    .chunks(width)
                    .zip(&rows)
                    .map(|(r, w)| of_row(r) * w)
                    .sum();
                out.push((value / 255.0).clamp(0.0, 1.0) as f32);
            }
        }
        out
    }

    #[test]
    fn every_size_is_resized_by_the_definition() {
        // Sizes around the vector length, shrinking and enlarging, and one buffer for all of them.
        let mut renderer = Renderer::default();
        for (height, width, size) in [
            (70, 90, 33),
            (1, 1, 5),
            (3, 40, 17),
            (40, 3, 16),
            (16, 16, 16),
            (5, 7, 1),
            (9, 20, 32),
        ] {
            let pixels = bytes(3 * height * width);
            let image = ImageRef {
                pixels: &pixels,
                height,
                width,
            };
            let mut out = vec![f32::NAN; 3 * size * size];
            let parameters = crop(0, 0, height, width);
            renderer
                .render(image, &parameters, size, 1, &PLAIN, &mut out)
                .unwrap();
            assert_close(&out, &resize_naively(&pixels, [height, width], size), 2e-6);
        }
    }

    #[test]
    fn a_blur_of_any_size_keeps_a_constant_and_spreads_a_point() {
        for (size, kernel) in [(32, 3), (19, 23), (224, 23), (2, 3), (1, 1)] {
            let mut plane = vec![0.25; size * size];
            BlurBuffers::default().apply(&mut plane, size, kernel, 1.5);
            assert_close(&plane, &vec![0.25; size * size], 1e-6);
        }
        let mut plane = vec![0.0; 32 * 32];
        plane[10 * 32 + 20] = 1.0;
        BlurBuffers::default().apply(&mut plane, 32, 3, 0.8);
        let side = (-0.5f32 / 0.64).exp() / (1.0 + 2.0 * (-0.5f32 / 0.64).exp());
        let middle = 1.0 - 2.0 * side;
        assert!((plane[10 * 32 + 20] - middle * middle).abs() < 1e-6);
        assert!((plane[9 * 32 + 20] - middle * side).abs() < 1e-6);
        assert!((plane[10 * 32 + 21] - middle * side).abs() < 1e-6);
        assert!((plane[11 * 32 + 19] - side * side).abs() < 1e-6);
        assert!((sum(&plane) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_batch_is_the_same_with_any_number_of_threads() {
        let pixels = bytes(3 * 40 * 36 * 23);
        let images = Images {
            pixels: &pixels,
            height: 40,
            width: 36,
        };
        let indices: Vec<u32> = (0..50).map(|i| i * 7 % 23).collect();
        let key = BatchKey {
            seed: 1,
            step: 2,
            view: 1,
        };
        let render = |pool: Option<&rayon::ThreadPool>| {
            let mut out = vec![f32::NAN; 50 * 32 * 32 * 3];
            render_batch(
                images,
                &indices,
                key,
                &cifar_recipe(),
                &CIFAR,
                &mut out,
                pool,
            )
            .unwrap();
            out
        };
        let alone = render(None);
        assert!(alone.iter().all(|value| value.is_finite()));
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            assert!(render(Some(&pool)) == alone, "{threads} threads");
        }
    }

    #[test]
    fn a_view_depends_on_its_sample_and_not_on_its_place_in_the_batch() {
        let pixels = bytes(3 * 32 * 32 * 8);
        let images = Images {
            pixels: &pixels,
            height: 32,
            width: 32,
        };
        let recipe = cifar_recipe();
        let key = BatchKey {
            seed: 1,
            step: 2,
            view: 0,
        };
        let mut batch = vec![0.0; 3 * 3072];
        render_batch(images, &[4, 7, 4], key, &recipe, &CIFAR, &mut batch, None).unwrap();
        assert_eq!(batch[..3072], batch[6144..]);

        let view = ViewKey {
            seed: 1,
            step: 2,
            sample: 7,
            view: 0,
        };
        let parameters = sample_view(&recipe, view, 32, 32);
        let image = ImageRef {
            pixels: &pixels[7 * 3072..],
            height: 32,
            width: 32,
        };
        let mut single = vec![0.0; 3072];
        Renderer::default()
            .render(image, &parameters, 32, 3, &CIFAR, &mut single)
            .unwrap();
        assert_eq!(batch[3072..6144], single);

        let mut other = vec![0.0; 3 * 3072];
        let key = BatchKey { step: 3, ..key };
        render_batch(images, &[4, 7, 4], key, &recipe, &CIFAR, &mut other, None).unwrap();
        assert_ne!(batch, other);
    }

    #[test]
    fn the_test_transform_of_a_batch_is_that_of_each_image() {
        let pixels = bytes(3 * 32 * 32 * 4);
        let images = Images {
            pixels: &pixels,
            height: 32,
            width: 32,
        };
        let sides = CenteredSides {
            resize: 36,
            crop: 32,
        };
        let mut batch = vec![0.0; 2 * 3072];
        render_centered_batch(images, &[3, 1], sides, &CIFAR, &mut batch, None).unwrap();
        for (index, view) in [3, 1].into_iter().zip(batch.chunks(3072)) {
            let pixels = &pixels[index * 3072..][..3072];
            let image = ImageRef {
                pixels,
                height: 32,
                width: 32,
            };
            let mut single = vec![0.0; 3072];
            Renderer::default()
                .render_centered(image, sides, &CIFAR, &mut single)
                .unwrap();
            assert_eq!(view, single);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_before_anything_is_written() {
        let pixels = bytes(3 * 32 * 32 * 2);
        let images = Images {
            pixels: &pixels,
            height: 32,
            width: 32,
        };
        let key = BatchKey {
            seed: 1,
            step: 2,
            view: 0,
        };
        let try_batch = |images: Images, indices: &[u32], recipe: &ViewRecipe, floats: usize| {
            let mut out = vec![7.0; floats];
            let message = render_batch(images, indices, key, recipe, &CIFAR, &mut out, None);
            assert!(out.iter().all(|&value| value == 7.0));
            message.unwrap_err()
        };
        let recipe = cifar_recipe();
        let message = try_batch(images, &[0, 2], &recipe, 6144);
        assert!(
            message.contains("image 2: expected an index below 2"),
            "{message}"
        );
        let message = try_batch(images, &[0, 1], &recipe, 6143);
        assert!(
            message.contains("6143 floats: expected 2 × 32 × 32 × 3"),
            "{message}"
        );
        let message = try_batch(
            Images {
                height: 31,
                ..images
            },
            &[0],
            &recipe,
            3072,
        );
        assert!(
            message.contains("expected a multiple of 3 × 31 × 32"),
            "{message}"
        );
        let message = try_batch(
            Images {
                height: 0,
                ..images
            },
            &[0],
            &recipe,
            3072,
        );
        assert!(message.contains("3 × 0 × 32"), "{message}");
        let message = try_batch(images, &[0], &ViewRecipe { hue: 2.0, ..recipe }, 3072);
        assert!(message.contains("hue=2.0"), "{message}");

        let image = ImageRef {
            pixels: &pixels[..3072],
            height: 32,
            width: 32,
        };
        let mut out = vec![0.0; 3072];
        let mut renderer = Renderer::default();
        let mut refusal = |parameters: &ViewParameters, kernel: usize| {
            renderer
                .render(image, parameters, 32, kernel, &CIFAR, &mut out)
                .unwrap_err()
        };
        assert!(refusal(&crop(1, 0, 32, 32), 3).contains("a box inside 32 × 32"));
        assert!(refusal(&crop(0, usize::MAX, 1, 1), 3).contains("a box inside 32 × 32"));
        assert!(refusal(&crop(0, 0, 0, 32), 3).contains("a box inside 32 × 32"));
        assert!(refusal(&crop(0, 0, 32, 32), 4).contains("blurKernel=4"));
        assert!(refusal(&crop(0, 0, 32, 32), 65).contains("blurKernel=65"));
        let order = [0, 1, 2, 4];
        assert!(refusal(&jittered(Jitter { order, ..NO_JITTER }), 3).contains("order"));
        let sides = CenteredSides {
            resize: 30,
            crop: 32,
        };
        let message = renderer
            .render_centered(image, sides, &CIFAR, &mut out)
            .unwrap_err();
        assert!(message.contains("1 ≤ crop ≤ resize"), "{message}");
    }
}
