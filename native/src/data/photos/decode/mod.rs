//! JPEG and PNG files as RGB pixels, by what the bytes are and not by what the file is called.
//!
//! Colours are those of PIL's `Image.open(…).convert("RGB")`: gray is repeated, transparency is dropped without a
//! background, embedded colour profiles and EXIF orientation are left alone, and Adobe's CMYK counts as inverted. Of
//! 16-bit PNG the high byte is taken.

use std::io::Cursor;

use png::{ColorType, Transformations};

use super::jpeg::Decoder;

/// More pixels than this are refused before memory is asked for: PIL's limit, far above any photo of ImageNet.
pub const MOST_PIXELS: usize = 89_478_485;

/// An image: `height` × `width` × 3 bytes.
#[derive(Default)]
pub struct Photo {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

impl Photo {
    /// Takes a new size; the memory is used again.
    pub fn resize(&mut self, width: usize, height: usize) -> Result<(), String> {
        let pixels = width.saturating_mul(height);
        if pixels == 0 || pixels > MOST_PIXELS {
            return Err(format!(
                "its size is {width} × {height}, expected 1 to {MOST_PIXELS} pixels"
            ));
        }
        (self.width, self.height) = (width, height);
        self.pixels.resize(pixels * 3, 0);
        Ok(())
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
    match Format::of(bytes) {
        Some(Format::Jpeg) => Decoder::chosen().decode(bytes, photo),
        Some(Format::Png) => decode_png(bytes, photo),
        None if bytes.is_empty() => Err("it is empty".to_owned()),
        None => Err("its first bytes are neither those of a JPEG nor of a PNG".to_owned()),
    }
}

fn decode_png(bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    let failed = |error| format!("it is no PNG that can be decoded: {error}");
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(failed)?;
    let (width, height) = reader.info().size();
    photo.resize(width as usize, height as usize)?;
    let pixels = photo.width * photo.height;
    let color = reader.output_color_type().0;
    match color {
        ColorType::Rgb => {
            reader.next_frame(&mut photo.pixels).map_err(failed)?;
            return Ok(());
        }
        ColorType::Indexed => return Err("its palette cannot be used".to_owned()),
        ColorType::Grayscale | ColorType::GrayscaleAlpha | ColorType::Rgba => {}
    }
    let samples = color.samples();
    let mut raw = vec![0; pixels * samples];
    reader.next_frame(&mut raw).map_err(failed)?;
    let targets = photo.pixels.chunks_exact_mut(3);
    for (target, source) in targets.zip(raw.chunks_exact(samples)) {
        match *source {
            [red, green, blue, _] => target.copy_from_slice(&[red, green, blue]),
            [gray, ..] => target.fill(gray),
            [] => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
