//! JPEG and PNG files as RGB pixels, by what the bytes are and not by what the file is called.
//!
//! Colours are those of PIL's `Image.open(…).convert("RGB")`: gray is repeated, transparency is dropped without a
//! background, embedded colour profiles and EXIF orientation are left alone, and Adobe's CMYK counts as inverted. Of
//! 16-bit PNG the high byte is taken.

mod plain_png;
mod png_chunks;

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Condvar, Mutex, PoisonError};

use super::jpeg::Decoder;

/// More pixels than this are refused before memory is asked for: the limit of Pillow's Image.open.
pub const MOST_PIXELS: usize = 178_956_970;

/// Bytes of pixels beyond which a photo is large: of 22 megapixels. Large photos take turns, one at a time in a process,
/// and their memory is given back: however many workers decode, one of them holds half a gigabyte at most.
const LARGE: usize = 64 << 20;

/// An image: `height` × `width` × 3 bytes.
#[derive(Default)]
pub struct Photo {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
    /// True of 16-bit gray without a value of 4096 or more: of its 256 grays sixteen are used.
    pub few_grays: bool,
    turn: Option<Turn>,
}

impl Photo {
    /// Takes a new size; the memory is used again, unless it was a large photo's. Waits for the turn of a large photo.
    pub fn resize(&mut self, width: usize, height: usize) -> Result<(), String> {
        let pixels = width.saturating_mul(height);
        if pixels == 0 || pixels > MOST_PIXELS {
            return Err(format!(
                "its size is {width} × {height}, expected 1 to {MOST_PIXELS} pixels"
            ));
        }
        if self.pixels.capacity() > LARGE {
            self.pixels = Vec::new();
        }
        (self.few_grays, self.turn) = (false, None);
        if pixels * 3 > LARGE {
            self.turn = Some(Turn::wait());
        }
        (self.width, self.height) = (width, height);
        if self.pixels.capacity() < pixels * 3 {
            // Pages that nothing is written to cost no memory.
            self.pixels = vec![0; pixels * 3];
        }
        self.pixels.resize(pixels * 3, 0);
        Ok(())
    }
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
}

impl Format {
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', ..] => Some(Self::Png),
            _ => None,
        }
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }
}

/// Decodes an image into `photo`, whose memory is used again.
pub fn decode(bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    decode_by(Decoder::chosen(), bytes, photo)
}

/// Decodes an image, a JPEG by the given decoder. A decoder that panics has found a file that it cannot decode.
pub fn decode_by(decoder: Decoder, bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    let decoded = panic::catch_unwind(AssertUnwindSafe(|| match Format::of(bytes) {
        Some(Format::Jpeg) => decoder.decode(bytes, photo),
        Some(Format::Png) => plain_png::decode(bytes, photo),
        None if bytes.is_empty() => Err("it is empty".to_owned()),
        None => Err("its first bytes are neither those of a JPEG nor of a PNG".to_owned()),
    }));
    decoded.unwrap_or_else(|_| Err("its decoder panicked".to_owned()))
}

#[cfg(test)]
mod tests;
