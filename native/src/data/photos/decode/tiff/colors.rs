//! Colours of a TIFF's samples, as Pillow makes them.

use crate::data::photos::jpeg::rgb_of;

/// The kind of an image.
pub(super) struct Kind {
    /// 0: gray, white is 0. 1: gray. 2: RGB. 3: palette. 5: CMYK. 6: YCbCr.
    pub(super) photometric: u16,
    /// Samples of a pixel.
    pub(super) samples: usize,
    /// Bits of a sample.
    pub(super) bits: usize,
    /// 1: whole numbers. 2: with a sign.
    pub(super) format: u16,
    /// Meanings of the samples behind the colours'. 1: transparency that the colours are multiplied with.
    pub(super) extra: Vec<u16>,
    /// True where each sample has strips or tiles of its own.
    pub(super) is_planar: bool,
    /// All reds, all greens, all blues, of 16 bits.
    pub(super) palette: Vec<u16>,
}

const WHITE_IS_ZERO: u16 = 0;
const RGB: u16 = 2;
const PALETTE: u16 = 3;
const CMYK: u16 = 5;
const YCBCR: u16 = 6;
const WITH_SIGN: u16 = 2;

impl Kind {
    /// Returns the kind, if it is one that is read.
    pub(super) fn checked(self) -> Result<Self, String> {
        let Self { bits, format, .. } = self;
        let depths: &[usize] = match self.photometric {
            0 | 1 => &[1, 2, 4, 8, 16],
            PALETTE => &[1, 2, 4, 8],
            RGB | CMYK => &[8, 16],
            YCBCR => &[8],
            other => {
                return Err(format!(
                    "its colours are of kind {other}, expected gray, RGB, a palette or CMYK"
                ))
            }
        };
        let is_read = match format {
            1 => depths.contains(&bits),
            WITH_SIGN => self.photometric < RGB && matches!(bits, 8 | 16),
            _ => false,
        };
        if !is_read {
            let of = match format {
                1 => "whole numbers",
                WITH_SIGN => "numbers with a sign",
                3 => "floating point",
                _ => "an unknown kind",
            };
            return Err(format!(
                "its samples are {of} of {bits} bits, expected whole numbers of {depths:?} bits"
            ));
        }
        if self.samples < self.colors() {
            return Err(format!("its pixels have {} samples", self.samples));
        }
        if self.photometric == PALETTE && self.palette.len() < 3 << bits {
            return Err(format!("its palette has {} values", self.palette.len()));
        }
        if self.is_planar && (self.is_multiplied() || self.photometric == CMYK) {
            return Err(
                "its colours lie apart, and are CMYK or multiplied with transparency".into(),
            );
        }
        Ok(self)
    }

    /// Samples that colours are made of.
    pub(super) fn colors(&self) -> usize {
        match self.photometric {
            RGB | YCBCR => 3,
            CMYK => 4,
            _ => 1,
        }
    }

    pub(super) fn is_wide_gray(&self) -> bool {
        self.bits == 16 && self.photometric < RGB
    }

    /// Returns true for an image of 16 bits whose colours are its samples.
    pub(super) fn is_deep(&self) -> bool {
        self.bits == 16 && self.photometric <= RGB && !self.is_multiplied()
    }

    pub(super) fn is_rgb(&self) -> bool {
        self.photometric == RGB
    }

    pub(super) fn is_ycbcr(&self) -> bool {
        self.photometric == YCBCR
    }

    fn is_multiplied(&self) -> bool {
        self.extra.first() == Some(&1) && self.samples > self.colors()
    }
}

/// A value of a colour: a byte, or all of 16 bits.
pub(super) trait Sample: Copy + Default + std::ops::Not<Output = Self> {
    /// Returns the value of a byte.
    fn of_byte(byte: u8) -> Self;
    /// Returns the value of 16 bits: of a byte, the high one.
    fn of_word(word: u16) -> Self;
    /// Returns the byte of the value.
    fn byte(self) -> u8;
}

impl Sample for u8 {
    fn of_byte(byte: u8) -> Self {
        byte
    }

    fn of_word(word: u16) -> Self {
        (word >> 8) as u8
    }

    fn byte(self) -> u8 {
        self
    }
}

impl Sample for u16 {
    fn of_byte(byte: u8) -> Self {
        u16::from(byte) * 257
    }

    fn of_word(word: u16) -> Self {
        word
    }

    fn byte(self) -> u8 {
        (self >> 8) as u8
    }
}

/// Makes colours of rows of samples.
pub(super) struct Samples<'a, T> {
    kind: &'a Kind,
    /// Samples of a pixel in a row.
    each: usize,
    /// A row's samples.
    row: Vec<T>,
}

impl<'a, T: Sample> Samples<'a, T> {
    pub(super) fn new(kind: &'a Kind, each: usize) -> Self {
        let row = Vec::new();
        Self { kind, each, row }
    }

    /// Reads a row of at least `count` samples; those of 16 bits are in the order of this machine.
    fn read(&mut self, data: &[u8], count: usize) {
        let kind = self.kind;
        self.row.clear();
        match kind.bits {
            8 => self
                .row
                .extend(data[..count].iter().copied().map(T::of_byte)),
            16 => {
                // With a sign, from the least value to the largest, as without.
                let flip = if kind.format == WITH_SIGN { 0x8000 } else { 0 };
                let word = |two: &[u8]| T::of_word(u16::from_ne_bytes([two[0], two[1]]) ^ flip);
                self.row.extend(data.chunks_exact(2).take(count).map(word));
            }
            bits => {
                let shades = 8 / bits;
                let most = 0xff >> (8 - bits);
                // Gray is stretched; what stands in a palette stays.
                let factor = if kind.photometric == PALETTE {
                    1
                } else {
                    0xff / most
                };
                let sample = |index: usize| {
                    let shift = 8 - bits - index % shades * bits;
                    T::of_byte((data[index / shades] >> shift & most) * factor)
                };
                self.row.extend((0..count).map(sample));
            }
        }
        if kind.photometric == WHITE_IS_ZERO {
            self.row.iter_mut().for_each(|value| *value = !*value);
        }
    }

    /// Writes the colours of a row, as many as `target` holds.
    pub(super) fn write(&mut self, data: &[u8], target: &mut [T]) {
        let each = self.each;
        self.read(data, target.len() / 3 * each);
        let kind = self.kind;
        let pixels = target.chunks_exact_mut(3).zip(self.row.chunks_exact(each));
        for (target, pixel) in pixels {
            match kind.photometric {
                RGB | YCBCR if kind.is_multiplied() => {
                    let share = pixel[kind.colors()].byte();
                    put(
                        target,
                        std::array::from_fn(|at| divided(pixel[at].byte(), share)),
                    );
                }
                RGB | YCBCR => target.copy_from_slice(&pixel[..3]),
                PALETTE => put(target, kind.look_up(pixel[0].byte())),
                CMYK => {
                    let mut color = [0; 3];
                    // Adobe's, where 255 is no ink.
                    let ink: [u8; 4] = std::array::from_fn(|at| !pixel[at].byte());
                    rgb_of(&ink, &mut color);
                    put(target, color);
                }
                _ if kind.is_multiplied() => {
                    target.fill(T::of_byte(divided(pixel[0].byte(), pixel[1].byte())));
                }
                _ => target.fill(pixel[0]),
            }
        }
    }

    /// Writes one sample of each pixel of a row.
    pub(super) fn write_plane(&mut self, data: &[u8], plane: usize, target: &mut [T]) {
        self.read(data, target.len() / 3);
        for (target, value) in target.chunks_exact_mut(3).zip(&self.row) {
            match self.kind.photometric {
                RGB | YCBCR => target[plane] = *value,
                PALETTE => put(target, self.kind.look_up(value.byte())),
                _ => target.fill(*value),
            }
        }
    }
}

fn put<T: Sample>(target: &mut [T], color: [u8; 3]) {
    target.copy_from_slice(&color.map(T::of_byte));
}

impl Kind {
    fn look_up(&self, index: u8) -> [u8; 3] {
        let length = 1 << self.bits;
        std::array::from_fn(|channel| {
            let value = self.palette.get(channel * length + usize::from(index));
            (value.copied().unwrap_or_default() >> 8) as u8
        })
    }
}

/// A colour that was multiplied with a share of 255.
fn divided(value: u8, share: u8) -> u8 {
    match share {
        0 => 0,
        share => (u32::from(value) * 255 / u32::from(share)).min(255) as u8,
    }
}
