//! TIFF files: the first image, in strips or tiles, of one to six samples of 1, 2, 4, 8 or 16 bits in a pixel, with
//! Pillow's colours. The crate `tiff` finds the samples; colors.rs makes colours of them.

mod colors;
mod directory;
mod jpeg_chunks;

use ::tiff::decoder::{ChunkType, Decoder};
use ::tiff::tags::Tag;

use self::colors::{Kind, Sample, Samples};
use self::directory::Plain;
use self::jpeg_chunks::JpegChunks;
use super::{Photo, MOST_PIXELS};

/// Most samples of a pixel, as in Pillow.
const MOST_SAMPLES: usize = 6;
const JPEG: u16 = 7;

type Reader<'a> = Decoder<Plain<'a>>;

/// Decodes a TIFF into `photo`.
pub fn decode(bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    let plain = Plain::new(bytes).map_err(failed)?;
    let photometric = plain.photometric;
    let mut reader = Decoder::new(plain).map_err(failed)?;
    let kind = kind_of(&mut reader, photometric)?;
    let (width, height) = reader.dimensions().map_err(failed)?;
    let chunks = Chunks::of(&reader, [width as usize, height as usize])?;
    if number(&mut reader, Tag::Compression)?.unwrap_or(1) == JPEG {
        JpegChunks::new(&mut reader, bytes, &kind)?.decode(&chunks, photo)?;
    } else if kind.is_ycbcr() {
        return Err(failed("its colours are YCbCr without JPEG"));
    } else if photo.keeps_bits && kind.is_deep() {
        photo.resize_words(width as usize, height as usize)?;
        decode_samples(&mut reader, &kind, &chunks, &mut photo.words)?;
    } else {
        photo.resize(width as usize, height as usize)?;
        decode_samples(&mut reader, &kind, &chunks, &mut photo.pixels)?;
    }
    let orientation = number(&mut reader, Tag::Orientation)?.unwrap_or(1);
    orient(photo, orientation)?;
    if kind.is_wide_gray() && photo.words.is_empty() {
        photo.note_few_grays();
    }
    Ok(())
}

fn failed(reason: impl ToString) -> String {
    format!("it is no TIFF that can be decoded: {}", reason.to_string())
}

fn number(reader: &mut Reader, tag: Tag) -> Result<Option<u16>, String> {
    reader.find_tag_unsigned(tag).map_err(failed)
}

fn numbers(reader: &mut Reader, tag: Tag) -> Result<Vec<u16>, String> {
    let found = reader.find_tag_unsigned_vec(tag).map_err(failed)?;
    Ok(found.unwrap_or_default())
}

/// Reads the kind of an image; fails for those that are not read.
fn kind_of(reader: &mut Reader, photometric: u16) -> Result<Kind, String> {
    let samples = number(reader, Tag::SamplesPerPixel)?.unwrap_or(1);
    let bits = numbers(reader, Tag::BitsPerSample)?;
    let palette = match photometric {
        3 => numbers(reader, Tag::ColorMap)?,
        _ => Vec::new(),
    };
    let extra = numbers(reader, Tag::ExtraSamples)?;
    let formats = numbers(reader, Tag::SampleFormat)?;
    if usize::from(samples) > MOST_SAMPLES {
        return Err(failed(format!(
            "its pixels have {samples} samples, expected at most {MOST_SAMPLES}"
        )));
    }
    if number(reader, Tag::FillOrder)?.unwrap_or(1) != 1 {
        return Err(failed("the bits of its bytes are in reverse order"));
    }
    Kind {
        photometric,
        samples: usize::from(samples),
        bits: usize::from(bits.first().copied().unwrap_or(1)),
        format: formats.first().copied().unwrap_or(1),
        extra,
        is_planar: number(reader, Tag::PlanarConfiguration)?.unwrap_or(1) == 2,
        palette,
    }
    .checked()
    .map_err(failed)
}

/// The strips or tiles of an image.
struct Chunks {
    /// Width and height of the image.
    size: [usize; 2],
    /// Width and height of a strip or tile.
    chunk: [usize; 2],
}

impl Chunks {
    fn of(reader: &Reader, size: [usize; 2]) -> Result<Self, String> {
        let (wide, high) = reader.chunk_dimensions();
        let [wide, high] = [wide as usize, high as usize];
        // A strip may claim any height; a tile may be larger than the image.
        let high = match reader.get_chunk_type() {
            ChunkType::Strip => high.min(size[1]),
            ChunkType::Tile => high,
        };
        if wide.saturating_mul(high) > MOST_PIXELS {
            return Err(failed(format!("its tiles have {wide} × {high} pixels")));
        }
        let chunk = [wide, high];
        Ok(Self { size, chunk })
    }

    /// Returns the left and the top side of each.
    fn places(&self) -> impl Iterator<Item = [usize; 2]> + '_ {
        let tops = (0..self.size[1]).step_by(self.chunk[1].max(1));
        tops.flat_map(|top| {
            let lefts = (0..self.size[0]).step_by(self.chunk[0].max(1));
            lefts.map(move |left| [left, top])
        })
    }
}

fn decode_samples<T: Sample>(
    reader: &mut Reader,
    kind: &Kind,
    chunks: &Chunks,
    out: &mut [T],
) -> Result<(), String> {
    let [columns, lines] = chunks.size;
    let (planes, each) = match kind.is_planar {
        true => (kind.colors(), 1),
        false => (1, kind.samples),
    };
    let count = chunks.places().count();
    let mut samples = Samples::new(kind, each);
    let mut buffer = Vec::new();
    for plane in 0..planes {
        for (index, [left, top]) in chunks.places().enumerate() {
            let chunk = (plane * count + index) as u32;
            let (wide, high) = reader.chunk_data_dimensions(chunk);
            let length = (wide as usize * each * kind.bits).div_ceil(8);
            let bytes = length.saturating_mul(high as usize);
            if bytes > MOST_PIXELS * 3 {
                return Err(failed(format!("one of its strips has {bytes} bytes")));
            }
            buffer.resize(bytes, 0);
            reader
                .read_chunk_bytes(chunk, &mut buffer)
                .map_err(failed)?;
            let width = (wide as usize).min(columns - left);
            let rows = buffer.chunks_exact(length).take(lines - top);
            for (y, row) in rows.enumerate() {
                let start = ((top + y) * columns + left) * 3;
                let target = &mut out[start..start + width * 3];
                match kind.is_planar {
                    true => samples.write_plane(row, plane, target),
                    false => samples.write(row, target),
                }
            }
        }
    }
    Ok(())
}

/// Turns an image the way that Pillow does: TIFF is the one format whose orientation counts.
fn orient(photo: &mut Photo, orientation: u16) -> Result<(), String> {
    // The place of the first pixel, and the steps to the next column and row.
    let (width, height) = (photo.width as isize, photo.height as isize);
    let (right, down) = (1, width);
    let (last_column, last_row) = (width - 1, (height - 1) * width);
    let (first, across, along) = match orientation {
        2 => (last_column, -right, down),
        3 => (last_row + last_column, -right, -down),
        4 => (last_row, right, -down),
        5 => (0, down, right),
        6 => (last_row, -down, right),
        7 => (last_row + last_column, -down, -right),
        8 => (last_column, down, -right),
        _ => return Ok(()),
    };
    let (wide, high) = match orientation {
        5.. => (photo.height, photo.width),
        _ => (photo.width, photo.height),
    };
    let steps = (first, across, along);
    if photo.words.is_empty() {
        let source = std::mem::take(&mut photo.pixels);
        photo.resize(wide, high)?;
        turn(&source, &mut photo.pixels, wide, steps);
    } else {
        let source = std::mem::take(&mut photo.words);
        photo.resize_words(wide, high)?;
        turn(&source, &mut photo.words, wide, steps);
    }
    Ok(())
}

/// Copies pixels in another order: the place of the first, and the steps to the next column and row.
fn turn<T: Copy>(
    source: &[T],
    out: &mut [T],
    width: usize,
    (first, across, along): (isize, isize, isize),
) {
    for (y, row) in out.chunks_exact_mut(width * 3).enumerate() {
        for (x, target) in row.chunks_exact_mut(3).enumerate() {
            let place = (first + x as isize * across + y as isize * along) as usize * 3;
            target.copy_from_slice(&source[place..place + 3]);
        }
    }
}
