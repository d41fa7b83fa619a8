//! The operations of a view on its colours: torchvision.transforms.v2.functional on floats.

use multiversion::multiversion;

use super::lanes::sum;
use super::CHANNELS;
use crate::views::recipe::{Jitter, BRIGHTNESS, CONTRAST, SATURATION};

const LUMA: [f32; CHANNELS] = [0.2989, 0.587, 0.114];

/// Red, green and blue of a view, values in [0, 1].
pub type Planes<'a> = [&'a mut [f32]; CHANNELS];

/// Brightness, contrast, saturation and hue, in the order that the jitter names.
pub fn apply_jitter(planes: &mut Planes, jitter: &Jitter) {
    for operation in jitter.order {
        match operation {
            BRIGHTNESS => apply_brightness(planes, jitter.brightness),
            CONTRAST => apply_contrast(planes, jitter.contrast),
            SATURATION => apply_saturation(planes, jitter.saturation),
            _ => apply_hue(planes, jitter.hue),
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
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
    scale_and_shift(planes, factor, mean * (1.0 - factor));
}

#[multiversion(targets("x86_64+avx2"))]
fn scale_and_shift(planes: &mut Planes, factor: f32, shift: f32) {
    for plane in planes {
        for value in plane.iter_mut() {
            *value = (*value * factor + shift).clamp(0.0, 1.0);
        }
    }
}

#[inline(always)]
fn luminance(red: f32, green: f32, blue: f32) -> f32 {
    LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
}

#[inline(always)]
fn for_each_pixel(planes: &mut Planes, change: impl Fn(f32, f32, f32) -> [f32; CHANNELS]) {
    let [red, green, blue] = planes;
    for ((red, green), blue) in red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut()) {
        [*red, *green, *blue] = change(*red, *green, *blue);
    }
}

/// Blends every pixel with its gray.
#[multiversion(targets("x86_64+avx2"))]
fn apply_saturation(planes: &mut Planes, factor: f32) {
    for_each_pixel(planes, |red, green, blue| {
        let shift = luminance(red, green, blue) * (1.0 - factor);
        [red, green, blue].map(|value| (value * factor + shift).clamp(0.0, 1.0))
    });
}

/// Turns the hue in HSV space. Value and chroma stay, so each channel is value − chroma · f(hue) and no branch is
/// needed: f is 0 on a third of the circle, 1 on a third, and linear in between.
#[multiversion(targets("x86_64+avx2"))]
pub fn apply_hue(planes: &mut Planes, turns: f32) {
    apply_hue_by(planes, turns);
}

#[inline(always)]
pub(super) fn apply_hue_by(planes: &mut Planes, turns: f32) {
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

/// Gives every channel the luminance.
#[multiversion(targets("x86_64+avx2"))]
pub fn apply_grayscale(planes: &mut Planes) {
    for_each_pixel(planes, |red, green, blue| {
        [luminance(red, green, blue); CHANNELS]
    });
}

/// Inverts what is not below the threshold.
#[multiversion(targets("x86_64+avx2"))]
pub fn apply_solarize(plane: &mut [f32], threshold: f32) {
    for value in plane {
        *value = if *value >= threshold {
            1.0 - *value
        } else {
            *value
        };
    }
}
