//! Colours of a TIFF's samples, as Pillow makes them.

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

/// Makes colours of rows of samples.
pub(super) struct Samples<'a> {
    kind: &'a Kind,
    /// Samples of a pixel in a row.
    each: usize,
    /// A row's samples, as bytes.
    row: Vec<u8>,
}

impl<'a> Samples<'a> {
    pub(super) fn new(kind: &'a Kind, each: usize) -> Self {
        let row = Vec::new();
        Self { kind, each, row }
    }

    /// Reads a row of at least `count` samples. Of 16 bits, which are in the order of this machine, the high byte is taken.
    fn read(&mut self, data: &[u8], count: usize) {
        let kind = self.kind;
        self.row.clear();
        match kind.bits {
            8 => self.row.extend_from_slice(&data[..count]),
            16 => {
                let high = |two: &[u8]| (u16::from_ne_bytes([two[0], two[1]]) >> 8) as u8;
                self.row.extend(data.chunks_exact(2).take(count).map(high));
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
                    (data[index / shades] >> shift & most) * factor
                };
                self.row.extend((0..count).map(sample));
            }
        }
        if kind.photometric == WHITE_IS_ZERO {
            self.row.iter_mut().for_each(|value| *value = !*value);
        }
        if kind.format == WITH_SIGN && kind.bits == 16 {
            // From the least value to the largest, as without a sign.
            self.row.iter_mut().for_each(|value| *value ^= 0x80);
        }
    }

    /// Writes the colours of a row, as many as `target` holds.
    pub(super) fn write(&mut self, data: &[u8], target: &mut [u8]) {
        let each = self.each;
        self.read(data, target.len() / 3 * each);
        let kind = self.kind;
        let pixels = target.chunks_exact_mut(3).zip(self.row.chunks_exact(each));
        for (target, pixel) in pixels {
            match kind.photometric {
                RGB | YCBCR => target.copy_from_slice(&pixel[..3]),
                PALETTE => kind.look_up(pixel[0], target),
                CMYK => crate::data::photos::jpeg::rgb_of(&inverted(pixel), target),
                _ => target.fill(pixel[0]),
            }
            if kind.is_multiplied() {
                divide(target, pixel[kind.colors()]);
            }
        }
    }

    /// Writes one sample of each pixel of a row.
    pub(super) fn write_plane(&mut self, data: &[u8], plane: usize, target: &mut [u8]) {
        self.read(data, target.len() / 3);
        for (target, value) in target.chunks_exact_mut(3).zip(&self.row) {
            match self.kind.photometric {
                RGB | YCBCR => target[plane] = *value,
                PALETTE => self.kind.look_up(*value, target),
                _ => target.fill(*value),
            }
        }
    }
}

impl Kind {
    fn look_up(&self, index: u8, target: &mut [u8]) {
        let colors = self.palette.chunks_exact(1 << self.bits);
        for (target, values) in target.iter_mut().zip(colors) {
            let value = values.get(usize::from(index)).copied();
            *target = (value.unwrap_or_default() >> 8) as u8;
        }
    }
}

/// Adobe's CMYK, where 255 is no ink, of CMYK where it is all.
fn inverted(pixel: &[u8]) -> [u8; 4] {
    std::array::from_fn(|index| !pixel[index])
}

/// Colours that were multiplied with a share of 255.
fn divide(target: &mut [u8], share: u8) {
    for value in target {
        *value = match share {
            0 => 0,
            share => (u32::from(*value) * 255 / u32::from(share)).min(255) as u8,
        };
    }
}
