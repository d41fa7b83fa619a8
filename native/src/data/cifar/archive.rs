//! The .tar.gz files, as a stream: decompressed, searched and hashed in one pass, never unpacked to disk.

use std::io::{self, Read};

use flate2::read::GzDecoder;
use md5::{Digest, Md5};
use tar::{Archive, EntryType};

use crate::formats::hex::hex;

use super::batches::Batches;
use super::{ReadError, ReadErrorKind, MAX_META_BYTES};

/// The official archives have eight or nine entries.
const MAX_ENTRIES: usize = 1000;
/// The last bytes of the file, after the compressed stream, are hashed in pieces of this size.
const PIECE: usize = 1 << 16;

/// Reads the wanted batches of the archive `source` into `batches`; `shown` names it in messages.
/// The archive's own MD5 is checked too: damage that is not a cut is reported by it.
pub(super) fn read<R: Read>(
    source: R,
    shown: &str,
    batches: &mut Batches<'_>,
) -> Result<(), ReadError> {
    let hashing = Hashing {
        source,
        md5: Md5::new(),
    };
    let unpacked = Unpacked {
        decoder: GzDecoder::new(hashing),
        left: batches.edition.max_unpacked_bytes(),
        state: State::Sound,
    };
    let mut archive = Archive::new(unpacked);
    let mut outcome = read_entries(&mut archive, shown, batches);
    let mut unpacked = archive.into_inner();
    if outcome.is_ok() {
        outcome = unpacked
            .drain()
            .map_err(|error| malformed(shown, &error.to_string()));
    }
    // What the stream itself ran into is the cause of whatever tar made of it.
    match unpacked.state {
        State::Cut => {
            let message =
                format!("Cannot read {shown}: it ends too early (truncated; fetch it again)");
            return Err(ReadError::new(ReadErrorKind::Truncated, message));
        }
        State::TooLong => {
            let limit = batches.edition.max_unpacked_bytes();
            outcome = Err(malformed(
                shown,
                &format!("it unpacks to more than {limit} bytes"),
            ));
        }
        State::Sound | State::Damaged => {}
    }
    if outcome
        .as_ref()
        .is_err_and(|error| error.kind == ReadErrorKind::Truncated)
    {
        return outcome;
    }
    let found = unpacked.decoder.into_inner().finish();
    let found = found.map_err(|error| {
        ReadError::new(ReadErrorKind::Io, format!("Cannot read {shown}: {error}"))
    })?;
    batches.verify(batches.format.archive, shown, &found)?;
    outcome
}

fn malformed(shown: &str, reason: &str) -> ReadError {
    ReadError::new(
        ReadErrorKind::Malformed,
        format!("Cannot read {shown}: {reason}"),
    )
}

/// Takes the entries with exactly the official names; others are skipped, whatever they are called.
fn read_entries<R: Read>(
    archive: &mut Archive<R>,
    shown: &str,
    batches: &mut Batches<'_>,
) -> Result<(), ReadError> {
    let format = batches.format;
    let mut absent = format.batches(batches.train).to_vec();
    let mut seen: Vec<String> = Vec::new();
    // Raw: no long names or sizes from extension headers, whose content tar would hold in memory.
    let entries = archive
        .entries()
        .map_err(|error| malformed(shown, &error.to_string()))?
        .raw(true);
    for (index, entry) in entries.enumerate() {
        if index >= MAX_ENTRIES {
            return Err(malformed(
                shown,
                &format!("it has more than {MAX_ENTRIES} entries"),
            ));
        }
        let entry = entry.map_err(|error| malformed(shown, &error.to_string()))?;
        let path = entry.header().path_bytes();
        let name = std::str::from_utf8(&path)
            .ok()
            .and_then(|path| path.strip_prefix(format.folder))
            .and_then(|path| path.strip_prefix('/'));
        let Some(name) = name.map(str::to_owned) else {
            continue;
        };
        let is_meta = name == format.meta;
        if !is_meta
            && !format.batches(true).contains(&name.as_str())
            && !format.batches(false).contains(&name.as_str())
        {
            continue;
        }
        let shown_entry = format!("{}/{name} in {shown}", format.folder);
        if seen.contains(&name) {
            return Err(malformed(&shown_entry, "it comes twice"));
        }
        seen.push(name.clone());
        if !is_meta && !absent.contains(&name.as_str()) {
            continue;
        }
        if entry.header().entry_type() != EntryType::Regular {
            return Err(malformed(&shown_entry, "it is not a plain file"));
        }
        let limit = if is_meta {
            MAX_META_BYTES
        } else {
            batches.edition.max_batch_bytes(format, batches.train)
        };
        let bytes = read_entry(entry, limit, &shown_entry)?;
        match is_meta {
            true => batches.name_classes(&shown_entry, &bytes),
            false => {
                batches.add(&name, &shown_entry, &bytes)?;
                absent.retain(|other| *other != name);
            }
        }
    }
    match absent.first() {
        None => Ok(()),
        Some(name) => {
            let reason = format!("it has no entry {}/{name}", format.folder);
            Err(malformed(shown, &reason))
        }
    }
}

fn read_entry<R: Read>(
    entry: tar::Entry<'_, R>,
    limit: usize,
    shown: &str,
) -> Result<Vec<u8>, ReadError> {
    let size = entry.size();
    let Some(size) = usize::try_from(size).ok().filter(|size| *size <= limit) else {
        let reason = format!("it has {size} bytes, expected at most {limit}");
        return Err(malformed(shown, &reason));
    };
    // As far as it is there: the size alone, which the archive only claims, allocates nothing.
    let mut bytes = Vec::new();
    let mut entry = entry;
    entry
        .read_to_end(&mut bytes)
        .map_err(|error| malformed(shown, &error.to_string()))?;
    if bytes.len() < size {
        let message = format!(
            "Cannot read {shown}: it ends after {} of {size} bytes",
            bytes.len()
        );
        return Err(ReadError::new(ReadErrorKind::Truncated, message));
    }
    Ok(bytes)
}

/// The file's bytes, hashed as they pass.
struct Hashing<R> {
    source: R,
    md5: Md5,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.source.read(buffer) {
                Ok(count) => {
                    self.md5.update(&buffer[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> Hashing<R> {
    /// The MD5 of the whole file, of which the decoder may have left a rest.
    fn finish(mut self) -> io::Result<String> {
        let mut piece = vec![0; PIECE];
        while self.read(&mut piece)? > 0 {}
        Ok(hex(&self.md5.finalize()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sound,
    /// The file ended within the compressed stream.
    Cut,
    /// The compressed stream is damaged.
    Damaged,
    /// More came out than such an archive holds.
    TooLong,
}

/// The decompressed bytes, up to a limit; remembers how they ended, which tar's errors do not tell.
struct Unpacked<R> {
    decoder: GzDecoder<Hashing<R>>,
    left: u64,
    state: State,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.decoder.read(buffer) {
            Ok(count) if count as u64 > self.left => {
                self.state = State::TooLong;
                Err(io::Error::new(io::ErrorKind::InvalidData, "too long"))
            }
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) => {
                self.state = match error.kind() {
                    io::ErrorKind::UnexpectedEof => State::Cut,
                    _ => State::Damaged,
                };
                Err(error)
            }
        }
    }
}

impl<R: Read> Unpacked<R> {
    /// Reads to the end, so that the stream's own checksum is checked.
    fn drain(&mut self) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        while self.read(&mut piece)? > 0 {}
        Ok(())
    }
}
