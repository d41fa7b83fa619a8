//! The directory of a zip archive as `torch.save` writes it, read strictly: plain stored entries that do not overlap,
//! listed at the very end of the file. General readers of zip accept much that such a file never has (compressed and
//! encrypted entries, names that come twice, bytes before and after), and each of these is a way to mean two things.

use std::io;

use super::header::{damaged, shown, FormatError};
use super::torch_file::ReadAt;

/// The training state of a ResNet-152 has about 3,000 storages.
const MAX_ENTRIES: u64 = 1 << 17;
const MAX_DIRECTORY_BYTES: u64 = 32 << 20;
const MAX_NAME_BYTES: usize = 512;
/// Signatures, and the fixed lengths of what they begin.
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: u64 = 30;
const CENTRAL: &[u8] = b"PK\x01\x02";
const CENTRAL_BYTES: usize = 46;
const END: &[u8] = b"PK\x05\x06";
const END_BYTES: u64 = 22;
const END64: &[u8] = b"PK\x06\x06";
const END64_BYTES: u64 = 56;
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_BYTES: u64 = 20;
/// The number of the extra field of 64-bit sizes.
const ZIP64: u16 = 1;
/// Bytes are read in pieces of this size.
const PIECE: usize = 1 << 16;

/// One stored file of the archive: where its bytes are.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub offset: u64,
    pub length: u64,
    /// CRC-32 of its bytes, as the archive says.
    pub crc: u32,
}

/// The entries, sorted by name.
#[derive(Debug)]
pub struct Archive {
    pub entries: Vec<Entry>,
}

/// Little-endian numbers from a slice that was read whole.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (head, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| damaged("its directory ends too early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn number(&mut self, width: usize) -> Result<u64, FormatError> {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(self.take(width)?);
        Ok(u64::from_le_bytes(bytes))
    }
}

fn read(source: &impl ReadAt, length: u64, offset: u64) -> Result<Vec<u8>, FormatError> {
    // Only for lengths that are bounded by a constant.
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    source
        .fill(&mut bytes, offset)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
            _ => FormatError::Io(error),
        })?;
    Ok(bytes)
}

/// The place of the directory, and the number of its entries.
struct Place {
    offset: u64,
    length: u64,
    entries: u64,
}

impl Archive {
    /// Reads the directory of an archive of `length` bytes.
    pub fn read(source: &impl ReadAt, length: u64) -> Result<Self, FormatError> {
        let place = find_directory(source, length)?;
        if place.entries > MAX_ENTRIES || place.length > MAX_DIRECTORY_BYTES {
            return Err(damaged(format!(
                "it has {} entries in {} bytes, expected at most {MAX_ENTRIES} in {MAX_DIRECTORY_BYTES}",
                place.entries, place.length
            )));
        }
        let directory = read(source, place.length, place.offset)?;
        let mut fields = Fields(&directory);
        let mut entries = Vec::new();
        let mut extents = Vec::new();
        for _ in 0..place.entries {
            let (entry, header) = read_entry(&mut fields, source, place.offset)?;
            extents.push((header, entry.offset + entry.length));
            entries.push(entry);
        }
        if !fields.0.is_empty() {
            return Err(damaged("its directory has more than its entries"));
        }
        extents.sort_unstable();
        if extents.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            return Err(damaged("two of its entries overlap"));
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(damaged(format!(
                "the entry {} comes twice",
                shown(&pair[0].name)
            )));
        }
        Ok(Self { entries })
    }

    /// The number of the entry with a name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        let found = self
            .entries
            .binary_search_by(|entry| entry.name.as_str().cmp(name));
        found.ok()
    }

    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.index_of(name).map(|index| &self.entries[index])
    }

    /// The bytes of an entry of at most `most` bytes, compared with its CRC-32.
    pub fn content(
        &self,
        source: &impl ReadAt,
        entry: &Entry,
        most: u64,
    ) -> Result<Vec<u8>, FormatError> {
        if entry.length > most {
            return Err(damaged(format!(
                "its entry {} has {} bytes, expected at most {most}",
                shown(&entry.name),
                entry.length
            )));
        }
        let bytes = read(source, entry.length, entry.offset)?;
        check(entry, crc32fast::hash(&bytes))?;
        Ok(bytes)
    }
}

/// Compares an entry's bytes, read piece by piece, with its CRC-32.
pub fn verify(source: &impl ReadAt, entry: &Entry) -> Result<(), FormatError> {
    let mut hasher = crc32fast::Hasher::new();
    let mut piece = [0; PIECE];
    let (mut offset, mut left) = (entry.offset, entry.length);
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        source
            .fill(&mut piece[..length], offset)
            .map_err(FormatError::Io)?;
        hasher.update(&piece[..length]);
        offset += length as u64;
        left -= length as u64;
    }
    check(entry, hasher.finalize())
}

fn check(entry: &Entry, found: u32) -> Result<(), FormatError> {
    if found == entry.crc {
        return Ok(());
    }
    Err(damaged(format!(
        "its entry {} has the CRC-32 {found:08x}, expected {:08x}: copy or save it again, with \
         torch.serialization.set_crc32_options(True)",
        shown(&entry.name),
        entry.crc
    )))
}

/// The record at the end of the file; the directory reaches up to it.
fn find_directory(source: &impl ReadAt, length: u64) -> Result<Place, FormatError> {
    let end_at = length
        .checked_sub(END_BYTES)
        .ok_or_else(|| damaged(format!("it has {length} bytes")))?;
    let end = read(source, END_BYTES, end_at)?;
    let mut fields = Fields(&end);
    if fields.take(4)? != END {
        return Err(damaged(
            "it is cut, or something follows it: a zip archive's end is missing",
        ));
    }
    let disks = (fields.number(2)?, fields.number(2)?);
    let (here, entries) = (fields.number(2)?, fields.number(2)?);
    let mut place = Place {
        entries,
        length: fields.number(4)?,
        offset: fields.number(4)?,
    };
    if disks != (0, 0) || here != entries || fields.number(2)? != 0 {
        return Err(damaged("it is a part of an archive, or has a comment"));
    }
    let mut directory_end = end_at;
    if let Some(locator_at) = end_at.checked_sub(LOCATOR_BYTES) {
        let locator = read(source, LOCATOR_BYTES, locator_at)?;
        let mut fields = Fields(&locator);
        if fields.take(4)? == LOCATOR {
            fields.take(4)?;
            directory_end = fields.number(8)?;
            if directory_end.checked_add(END64_BYTES) != Some(locator_at) {
                return Err(damaged("its end and its directory do not meet"));
            }
            place = read_end64(source, directory_end)?;
        }
    }
    if place.offset.checked_add(place.length) != Some(directory_end) {
        return Err(damaged("its end and its directory do not meet"));
    }
    Ok(place)
}

fn read_end64(source: &impl ReadAt, offset: u64) -> Result<Place, FormatError> {
    let end = read(source, END64_BYTES, offset)?;
    let mut fields = Fields(&end);
    if fields.take(4)? != END64 || fields.number(8)? != END64_BYTES - 12 {
        return Err(damaged("its 64-bit end is not one"));
    }
    fields.take(12)?;
    let (here, entries) = (fields.number(8)?, fields.number(8)?);
    if here != entries {
        return Err(damaged("it is a part of an archive"));
    }
    Ok(Place {
        entries,
        length: fields.number(8)?,
        offset: fields.number(8)?,
    })
}

/// One entry of the directory, compared with its header before the bytes; and where that header begins.
fn read_entry(
    fields: &mut Fields<'_>,
    source: &impl ReadAt,
    directory: u64,
) -> Result<(Entry, u64), FormatError> {
    let mut fixed = Fields(fields.take(CENTRAL_BYTES)?);
    if fixed.take(4)? != CENTRAL {
        return Err(damaged("its directory has something else than entries"));
    }
    fixed.take(4)?;
    let (flags, method) = (fixed.number(2)?, fixed.number(2)?);
    fixed.take(4)?;
    let crc = fixed.number(4)? as u32;
    let (mut packed, mut length) = (fixed.number(4)?, fixed.number(4)?);
    let lengths = [fixed.number(2)?, fixed.number(2)?, fixed.number(2)?];
    let disk = fixed.number(2)?;
    fixed.take(6)?;
    let mut header = fixed.number(4)?;
    let [name, extra, comment] = lengths.map(|length| length as usize);
    let name = fields.take(name)?;
    let name = match std::str::from_utf8(name) {
        Ok(name) if name.len() <= MAX_NAME_BYTES => name.to_owned(),
        _ => return Err(damaged("an entry's name is too long, or not UTF-8")),
    };
    let wrong = |what: &str| damaged(format!("its entry {} {what}", shown(&name)));
    let mut extra = Fields(fields.take(extra)?);
    fields.take(comment)?;
    while !extra.0.is_empty() {
        let (kind, size) = (extra.number(2)? as u16, extra.number(2)? as usize);
        let mut content = Fields(extra.take(size)?);
        if kind != ZIP64 {
            continue;
        }
        // In this order, and only those that do not fit above.
        for value in [&mut length, &mut packed, &mut header] {
            if *value == u64::from(u32::MAX) {
                *value = content.number(8)?;
            }
        }
    }
    if flags & 1 != 0 {
        return Err(wrong("is encrypted"));
    }
    if method != 0 {
        return Err(FormatError::Refused(format!(
            "its entry {} is compressed, which torch.save does not do: save it again with torch.save",
            shown(&name)
        )));
    }
    if packed != length || disk != 0 {
        return Err(wrong("has two lengths, or lies elsewhere"));
    }
    if header >= directory {
        return Err(wrong("lies behind the directory"));
    }
    let local = read(source, LOCAL_BYTES, header)?;
    let mut local = Fields(&local);
    if local.take(4)? != LOCAL {
        return Err(wrong("has no header of its own"));
    }
    local.take(22)?;
    let (name_length, extra_length) = (local.number(2)?, local.number(2)?);
    if name_length != name.len() as u64
        || read(source, name_length, header + LOCAL_BYTES)? != name.as_bytes()
    {
        return Err(wrong("has another name in its own header"));
    }
    let offset = header + LOCAL_BYTES + name_length + extra_length;
    if offset.checked_add(length).is_none_or(|end| end > directory) {
        return Err(wrong("reaches beyond the directory"));
    }
    let entry = Entry {
        name,
        offset,
        length,
        crc,
    };
    Ok((entry, header))
}
