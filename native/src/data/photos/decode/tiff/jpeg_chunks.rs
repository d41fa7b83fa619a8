//! Strips and tiles of a TIFF that are JPEG files without their tables.

use ::tiff::tags::Tag;

use super::colors::Kind;
use super::{failed, Chunks, Photo, Reader};
use crate::data::photos::decode::LARGE;
use crate::data::photos::jpeg::Decoder;

const START: [u8; 2] = [0xff, 0xd8];
/// The end of the tables' file.
const END: usize = 2;

/// The pieces of one image.
pub(super) struct JpegChunks<'a> {
    bytes: &'a [u8],
    places: Vec<u64>,
    lengths: Vec<u64>,
    /// Bytes before each piece.
    head: Vec<u8>,
}

impl<'a> JpegChunks<'a> {
    pub(super) fn new(reader: &mut Reader, bytes: &'a [u8], kind: &Kind) -> Result<Self, String> {
        let is_read = matches!((kind.photometric, kind.samples), (1, 1) | (2 | 6, 3));
        if kind.is_planar || kind.bits != 8 || !is_read {
            return Err(failed(
                "it holds JPEG data that are neither gray nor colours",
            ));
        }
        let mut places = |tags: [Tag; 2]| -> Result<Vec<u64>, String> {
            for tag in tags {
                if let Some(found) = reader.find_tag_unsigned_vec(tag).map_err(failed)? {
                    return Ok(found);
                }
            }
            Ok(Vec::new())
        };
        let offsets = places([Tag::StripOffsets, Tag::TileOffsets])?;
        let lengths = places([Tag::StripByteCounts, Tag::TileByteCounts])?;
        let tables = reader.find_tag(Tag::JPEGTables).map_err(failed)?;
        let tables = match tables {
            Some(value) => value.into_u8_vec().map_err(failed)?,
            None => Vec::new(),
        };
        let mut head = START.to_vec();
        if kind.samples == 3 {
            // Adobe's segment tells RGB from YCbCr.
            let transform = if kind.is_rgb() { 0 } else { 1 };
            head.extend_from_slice(b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0");
            head.push(transform);
        }
        if tables.starts_with(&START) && tables.len() >= START.len() + END {
            head.extend_from_slice(&tables[START.len()..tables.len() - END]);
        }
        Ok(Self {
            bytes,
            places: offsets,
            lengths,
            head,
        })
    }

    fn piece(&self, index: usize) -> Option<Vec<u8>> {
        let start = usize::try_from(*self.places.get(index)?).ok()?;
        let end = start.checked_add(usize::try_from(*self.lengths.get(index)?).ok()?)?;
        let piece = self.bytes.get(start..end)?.strip_prefix(&START)?;
        Some([&self.head, piece].concat())
    }

    pub(super) fn decode(&self, chunks: &Chunks, photo: &mut Photo) -> Result<(), String> {
        let [wide, high] = chunks.chunk;
        let [width, height] = chunks.size;
        let damaged = || failed("its JPEG data are not where they should be");
        if chunks.places().nth(1).is_none() && [wide, high] == [width, height] {
            Decoder::chosen().decode(&self.piece(0).ok_or_else(damaged)?, photo)?;
            return match [photo.width, photo.height] == [width, height] {
                true => Ok(()),
                false => Err(damaged()),
            };
        }
        // Large photos take turns, and this one may be in its own.
        if wide.saturating_mul(high) > LARGE / 3 {
            return Err(failed(format!("its tiles have {wide} × {high} pixels")));
        }
        photo.resize(width, height)?;
        let mut tile = Photo::part(LARGE / 3);
        for (index, [left, top]) in chunks.places().enumerate() {
            let piece = self.piece(index).ok_or_else(damaged)?;
            Decoder::chosen().decode(&piece, &mut tile)?;
            let columns = wide.min(width - left);
            let rows = high.min(height - top);
            if tile.width < columns || tile.height < rows {
                return Err(damaged());
            }
            for y in 0..rows {
                let source = &tile.pixels[y * tile.width * 3..][..columns * 3];
                let start = ((top + y) * width + left) * 3;
                photo.pixels[start..start + columns * 3].copy_from_slice(source);
            }
        }
        Ok(())
    }
}
