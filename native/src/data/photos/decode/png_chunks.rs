//! The chunks of a PNG file, and a reader of pieces of them.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// A chunk's content, as much as there is of it.
pub struct Body<'a> {
    pub bytes: &'a [u8],
    /// CRC-32 of name and body, where the file has one.
    checksum: Option<u32>,
}

impl<'a> Body<'a> {
    /// The content, unless its checksum is wrong.
    pub fn checked(&self, name: &[u8]) -> Result<&'a [u8], String> {
        let mut hash = crc32fast::Hasher::new();
        hash.update(name);
        hash.update(self.bytes);
        if self.checksum == Some(hash.finalize()) {
            return Ok(self.bytes);
        }
        let name = String::from_utf8_lossy(name);
        Err(format!("the checksum of {name} is wrong"))
    }
}

/// The first chunk's name and body, as much as there is of it, and what stands behind it.
pub fn next_chunk(bytes: &[u8]) -> Option<(&[u8; 4], Body<'_>, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    let (length, name) = (number(head, 0), head.last_chunk()?);
    let (body, rest) = rest.split_at(length.min(rest.len()));
    let (checksum, after) = match rest.split_first_chunk() {
        Some((checksum, after)) => (Some(u32::from_be_bytes(*checksum)), after),
        None => (None, &[][..]),
    };
    let body = Body {
        bytes: body,
        checksum,
    };
    Some((name, body, after))
}

/// The number in four bytes; 0 where there are fewer.
pub fn number(bytes: &[u8], at: usize) -> usize {
    let four = bytes
        .get(at..)
        .and_then(|bytes| bytes.first_chunk())
        .copied();
    u32::from_be_bytes(four.unwrap_or_default()) as usize
}

/// Pieces of a file, one after the other.
pub struct Feed<'a>(VecDeque<&'a [u8]>);

impl<'a> Feed<'a> {
    pub fn new(head: &'a [u8], data: &[&'a [u8]], tail: &[&'a [u8]]) -> Self {
        let pieces = std::iter::once(&head).chain(data).chain(tail);
        let some = pieces.filter(|piece| !piece.is_empty());
        Self(some.copied().collect())
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Feed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.0.front().copied().unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        if let Some(first) = self.0.front_mut() {
            *first = &first[count..];
            if first.is_empty() {
                self.0.pop_front();
            }
        }
    }
}

/// The decoder asks for a reader that could, and never does.
impl Seek for Feed<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
