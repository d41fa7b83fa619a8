//! JPEG, PNG, TIFF, WebP, BMP, PPM and PGM files as RGB pixels, by what the bytes are and not by what the file is called.
//!
//! Colours are those of PIL's `Image.open(…).convert("RGB")`: gray is repeated, transparency is dropped without a
//! background, embedded colour profiles and EXIF orientation are left alone, and Adobe's CMYK counts as inverted. Of
//! 16 bits the high byte is taken. The orientation of a TIFF counts, as in PIL.

mod bmp;
mod plain_png;
mod png_chunks;
mod pnm;
mod tiff;
mod webp;

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Condvar, Mutex, PoisonError};

use super::jpeg::Decoder;

/// More pixels than this are refused before memory is asked for: the limit of Pillow's Image.open.
pub const MOST_PIXELS: usize = 178_956_970;

/// Bytes of pixels beyond which a photo is large: of 22 megapixels. Large photos take turns, one at a time in a process,
/// and their memory is given back: however many workers decode, one of them holds half a gigabyte at most.
const LARGE: usize = 64 << 20;

/// An image: `height` × `width` × 3 bytes, or values of 16 bits.
#[derive(Default)]
pub struct Photo {
    pub width: usize,
    pub height: usize,
    /// Empty where `words` are there.
    pub pixels: Vec<u8>,
    /// The values of an image of 16 bits, where it keeps them; empty otherwise.
    pub words: Vec<u16>,
    /// True to keep all bits of an image of 16 bits; by default the high byte is taken.
    pub keeps_bits: bool,
    /// True of 16-bit gray without a value of 4096 or more: of its 256 grays sixteen are used.
    pub few_grays: bool,
    turn: Option<Turn>,
    /// Most pixels of a part of a photo, which takes no turn; none of a whole one.
    most_of_part: Option<usize>,
}

/// The high byte of 4096, the first value that 12 bits do not hold.
const BEYOND_12_BITS: u8 = 16;

impl Photo {
    /// Returns an empty photo that keeps all bits of images of 16 bits, or takes their high byte.
    pub fn new(keeps_bits: bool) -> Self {
        Self {
            keeps_bits,
            ..Self::default()
        }
    }

    /// Returns a part of a photo, of so many pixels at most: it has no turn of its own.
    fn part(most: usize) -> Self {
        Self {
            most_of_part: Some(most),
            ..Self::default()
        }
    }

    /// Takes a new size; the memory is used again, unless it was a large photo's. Waits for the turn of a large photo.
    pub fn resize(&mut self, width: usize, height: usize) -> Result<(), String> {
        self.take_size([width, height], 3)?;
        self.words.clear();
        resized(&mut self.pixels, self.width * self.height * 3);
        Ok(())
    }

    /// Takes a new size as `resize` does, for values of 16 bits.
    fn resize_words(&mut self, width: usize, height: usize) -> Result<(), String> {
        self.take_size([width, height], 6)?;
        self.pixels.clear();
        resized(&mut self.words, self.width * self.height * 3);
        Ok(())
    }

    fn take_size(&mut self, [width, height]: [usize; 2], each: usize) -> Result<(), String> {
        let pixels = width.saturating_mul(height);
        let most = self.most_of_part.unwrap_or(MOST_PIXELS);
        if pixels == 0 || pixels > most {
            return Err(format!(
                "its size is {width} × {height}, expected 1 to {most} pixels"
            ));
        }
        if self.pixels.capacity() > LARGE {
            self.pixels = Vec::new();
        }
        if self.words.capacity() > LARGE / 2 {
            self.words = Vec::new();
        }
        (self.few_grays, self.turn) = (false, None);
        if pixels * each > LARGE && self.most_of_part.is_none() {
            self.turn = Some(Turn::wait());
        }
        (self.width, self.height) = (width, height);
        Ok(())
    }

    /// Stretches values of 16 bits from a range to all of 16 bits; what lies outside is cut.
    pub fn stretch(&mut self, [least, most]: [u16; 2]) {
        let (least, length) = (
            u32::from(least),
            u32::from(most.saturating_sub(least)).max(1),
        );
        for value in &mut self.words {
            let above = u32::from(*value).saturating_sub(least).min(length);
            *value = ((above * 65535 + length / 2) / length) as u16;
        }
    }

    /// Notes of 16-bit gray whether it uses sixteen grays.
    fn note_few_grays(&mut self) {
        self.few_grays = self.pixels.iter().all(|&value| value < BEYOND_12_BITS);
    }
}

/// Gives a vector a length; what was in it may stay.
fn resized<T: Copy + Default>(values: &mut Vec<T>, length: usize) {
    if values.capacity() < length {
        // Pages that nothing is written to cost no memory.
        *values = vec![T::default(); length];
    }
    values.resize(length, T::default());
}

/// The turn of a large photo, until it is dropped.
struct Turn;

static TAKEN: Mutex<bool> = Mutex::new(false);
static GIVEN_BACK: Condvar = Condvar::new();

impl Turn {
    fn wait() -> Self {
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = GIVEN_BACK.wait_while(taken, |taken| *taken);
        *taken.unwrap_or_else(PoisonError::into_inner) = true;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = false;
        GIVEN_BACK.notify_one();
    }
}

/// The format of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Jpeg,
    Png,
    Tiff,
    WebP,
    Bmp,
    /// PBM, PGM and PPM.
    Pnm,
}

impl Format {
    /// Returns the format; fails, with the reason, where it is none that is read.
    pub fn of(bytes: &[u8]) -> Result<Self, String> {
        match bytes {
            [] => Err("it is empty".to_owned()),
            [0xff, 0xd8, 0xff, ..] => Ok(Self::Jpeg),
            [0x89, b'P', b'N', b'G', ..] => Ok(Self::Png),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Ok(Self::Tiff),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Self::WebP),
            [b'B', b'M', ..] => Ok(Self::Bmp),
            [b'P', b'1'..=b'6', b' ' | b'\t'..=b'\r' | b'#', ..] => Ok(Self::Pnm),
            _ => Err(
                "its first bytes are not those of a JPEG, PNG, TIFF, WebP, BMP, PPM or PGM"
                    .to_owned(),
            ),
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Tiff => "tif",
            Self::WebP => "webp",
            Self::Bmp => "bmp",
            Self::Pnm => "ppm",
        }
    }
}

/// Decodes an image into `photo`, whose memory is used again.
pub fn decode(bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    decode_by(Decoder::chosen(), bytes, photo)
}

/// Decodes an image, a JPEG by the given decoder. A decoder that panics has found a file that it cannot decode.
pub fn decode_by(decoder: Decoder, bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    let decoded = panic::catch_unwind(AssertUnwindSafe(|| match Format::of(bytes)? {
        Format::Jpeg => decoder.decode(bytes, photo),
        Format::Png => plain_png::decode(bytes, photo),
        Format::Tiff => tiff::decode(bytes, photo),
        Format::WebP => webp::decode(bytes, photo),
        Format::Bmp => bmp::decode(bytes, photo),
        Format::Pnm => pnm::decode(bytes, photo),
    }));
    decoded.unwrap_or_else(|_| Err("its decoder panicked".to_owned()))
}

#[cfg(test)]
mod tests;
