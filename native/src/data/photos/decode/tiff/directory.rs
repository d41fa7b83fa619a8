//! The directory of a TIFF, before the crate reads it.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use ::tiff::tags::Tag;

const BLACK_IS_ZERO: u16 = 1;
/// The type of a field's values: 16 bits.
const SHORT: u16 = 3;

/// A file whose directory says that its samples are gray. The crate then leaves them all as they are: it knows no
/// palettes, and drops samples after it has counted on them.
pub(super) struct Plain<'a> {
    file: Cursor<&'a [u8]>,
    /// Place of the photometric interpretation.
    at: u64,
    pub(super) photometric: u16,
    gray: [u8; 2],
}

/// Bytes of a value, by its type; 0 of types that there are not.
const TYPE_LENGTHS: [u64; 19] = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

impl<'a> Plain<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, String> {
        let directory = Directory::of(bytes).ok_or("it ends within its header")?;
        let mut found = None;
        for index in 0..directory.entries {
            let entry = directory
                .entry(index)
                .ok_or("it ends within its directory")?;
            // The crate takes memory for values before it reads them.
            let length = TYPE_LENGTHS.get(usize::from(entry.kind)).copied();
            let length = entry.count.saturating_mul(length.unwrap_or_default());
            if length > bytes.len() as u64 {
                return Err(format!("its field {} has {length} bytes", entry.tag));
            }
            if entry.tag == Tag::PhotometricInterpretation.to_u16() && entry.kind == SHORT {
                found = found.or(Some(entry));
            }
        }
        let found = found.ok_or("it says nothing about its colours")?;
        let value = directory.number(found.value, 2).unwrap_or_default();
        Ok(Self {
            file: Cursor::new(bytes),
            at: found.value as u64,
            photometric: value as u16,
            gray: match directory.is_big_endian {
                true => BLACK_IS_ZERO.to_be_bytes(),
                false => BLACK_IS_ZERO.to_le_bytes(),
            },
        })
    }
}

/// The first directory of a file.
struct Directory<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
    /// True of BigTIFF, with its wider places and counts.
    is_wide: bool,
    /// Place of the first entry.
    start: usize,
    entries: usize,
}

/// A field of a directory.
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Place of the value, or of the value's place.
    value: usize,
}

impl<'a> Directory<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut found = Self {
            bytes,
            is_big_endian: bytes.starts_with(b"MM"),
            is_wide: false,
            start: 0,
            entries: 0,
        };
        found.is_wide = found.number(2, 2)? == 43;
        let (place, count) = if found.is_wide { (8, 8) } else { (4, 2) };
        let start = usize::try_from(found.number(place, count.max(4))?).ok()?;
        found.entries = usize::try_from(found.number(start, count)?).ok()?;
        found.start = start.checked_add(count)?;
        Some(found)
    }

    fn entry(&self, index: usize) -> Option<Entry> {
        let (step, count) = if self.is_wide { (20, 8) } else { (12, 4) };
        let at = self.start.checked_add(index.checked_mul(step)?)?;
        Some(Entry {
            tag: self.number(at, 2)? as u16,
            kind: self.number(at.checked_add(2)?, 2)? as u16,
            count: self.number(at.checked_add(4)?, count)?,
            value: at.checked_add(4 + count)?,
        })
    }

    /// Returns the number of so many bytes.
    fn number(&self, at: usize, length: usize) -> Option<u64> {
        let found = self.bytes.get(at..at.checked_add(length)?)?;
        let shifted = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(match self.is_big_endian {
            true => found.iter().fold(0, shifted),
            false => found.iter().rev().fold(0, shifted),
        })
    }
}

impl Read for Plain<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let start = self.file.position();
        let length = self.file.read(out)?;
        for (offset, value) in self.gray.iter().enumerate() {
            let place = (self.at + offset as u64).checked_sub(start);
            if let Some(target) = place.and_then(|place| out[..length].get_mut(place as usize)) {
                *target = *value;
            }
        }
        Ok(length)
    }
}

impl Seek for Plain<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
