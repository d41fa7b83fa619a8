//! Images in memory, and the sides of what is made of them.

use super::CHANNELS;
use crate::views::recipe::MAX_SIDE;

/// Images as they lie in memory: `count` × 3 × `height` × `width` bytes.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    pub pixels: &'a [u8],
    pub height: usize,
    pub width: usize,
}

impl<'a> Images<'a> {
    pub(super) fn size(&self) -> usize {
        CHANNELS * self.height * self.width
    }

    pub(super) fn count(&self) -> usize {
        self.pixels.len().checked_div(self.size()).unwrap_or(0)
    }

    pub(super) fn image(&self, index: u32) -> &'a [u8] {
        let start = index as usize * self.size();
        &self.pixels[start..start + self.size()]
    }
}

/// One image: 3 × `height` × `width` bytes.
#[derive(Clone, Copy, Debug)]
pub struct ImageRef<'a> {
    pub pixels: &'a [u8],
    pub height: usize,
    pub width: usize,
}

impl<'a> ImageRef<'a> {
    pub(super) fn of(images: Images<'a>, index: u32) -> Self {
        Self {
            pixels: images.image(index),
            height: images.height,
            width: images.width,
        }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
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

/// Mean and standard deviation of each channel, for values in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    pub mean: [f32; CHANNELS],
    pub std: [f32; CHANNELS],
}

/// The test transform: the shorter side is resized to `resize` pixels, then the central `crop` × `crop` are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CenterCrop {
    pub resize: usize,
    pub crop: usize,
}

impl CenterCrop {
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
