//! Packed shards: tar files as WebDataset reads them, an index beside each, a manifest over all (formats/shards has the
//! texts' format).
//!
//! `train.json` is a shard index of WebDataset's "wids" with a part of ours; `train-000000.tar` holds, for each image,
//! `<number>.jpg` (or .png, .tif, .webp, .bmp, .ppm) and `<number>.cls` (its class in digits), where the number is the
//! image's place in the folder's order; `train-000000.idx` says in text where each image lies. The tar files alone are a
//! WebDataset.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::source::twice;
use crate::checkpoint::open_plain;
use crate::data::progress::Progress;
use crate::error::{Error, Result};
use crate::formats::header::FormatError;
use crate::formats::shards::{Manifest, Row};

/// Shards that stay open. Those beyond are opened for each image: a process may open 1024 files by default.
const KEPT_OPEN: usize = 256;

/// The place of one image.
#[derive(Clone)]
struct Entry {
    shard: u32,
    offset: u64,
    length: u32,
    crc: u32,
    class: u16,
    name_end: u32,
}

/// A tar file of images.
struct Shard {
    path: PathBuf,
    file: Option<File>,
}

/// Shards, and where each image lies.
pub struct Packed {
    pub manifest: Manifest,
    /// Of the manifest.
    path: PathBuf,
    shards: Vec<Shard>,
    entries: Vec<Entry>,
    names: String,
}

pub fn shard_name(name: &str, part: usize) -> String {
    format!("{name}-{part:06}.tar")
}

pub fn index_path(folder: &Path, shard: &str) -> PathBuf {
    folder.join(shard).with_extension("idx")
}

fn refused(what: &str, path: &Path, problem: impl std::fmt::Display) -> Error {
    Error::io(format!(
        "Cannot use {what}{}: {problem}, expected what deno task pack writes",
        path.display()
    ))
}

/// Reads a manifest.
pub fn read_manifest(path: &Path) -> Result<Manifest> {
    let opened = open_plain(path).map_err(FormatError::Io);
    let read = opened.and_then(|(file, length)| Manifest::read(file, length));
    read.map_err(|error| refused("", path, error))
}

impl Packed {
    /// Opens the shards that a manifest names. A missing or short one is refused by name.
    pub fn open(path: &Path, progress: &Progress) -> Result<Self> {
        let manifest = read_manifest(path)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let classes = manifest.class_numbers();
        let parts = manifest.shardlist.len();
        progress.start(parts);
        let (mut shards, mut rows) = (Vec::new(), Vec::new());
        for (part, shard) in (0u32..).zip(&manifest.shardlist) {
            let tar = folder.join(&shard.url);
            shards.push(Shard::open(tar, shard.filesize, (shards.len(), parts))?);
            let index = index_path(&folder, &shard.url);
            let opened = open_plain(&index).map_err(FormatError::Io);
            let read = opened.and_then(|(file, length)| {
                manifest.read_index((BufReader::new(file), length), shard, &classes)
            });
            let read = read.map_err(|error| refused("the index ", &index, error))?;
            rows.extend(read.into_iter().map(|row| (part, row)));
            progress.advance(1, shard.nsamples)?;
        }
        rows.sort_unstable_by_key(|(_, row)| row.sample);
        if rows.iter().enumerate().any(|(i, (_, row))| row.sample != i) {
            let count = manifest.byol.count;
            let problem = format!("its indexes do not hold each of {count} images once");
            return Err(refused("", path, problem));
        }
        let (entries, names) = entries(rows)
            .ok_or_else(|| refused("", path, "the names of its images have more than 4 GiB"))?;
        Ok(Self {
            manifest,
            path: path.to_owned(),
            shards,
            entries,
            names,
        })
    }

    /// The path of the manifest.
    pub fn place(&self) -> String {
        self.path.display().to_string()
    }

    pub fn count(&self) -> usize {
        self.entries.len()
    }

    pub fn class(&self, index: usize) -> usize {
        self.entries
            .get(index)
            .map_or(0, |entry| usize::from(entry.class))
    }

    /// The path that the image had in its folder.
    pub fn relative_name(&self, index: usize) -> &str {
        let end = self.entries.get(index).map_or(0, |entry| entry.name_end);
        let start = index
            .checked_sub(1)
            .and_then(|before| self.entries.get(before))
            .map_or(0, |before| before.name_end as usize);
        self.names.get(start..end as usize).unwrap_or_default()
    }

    /// The same, with its shard.
    pub fn name(&self, index: usize) -> String {
        let entry = self.entries.get(index);
        let shard = entry.and_then(|entry| self.shards.get(entry.shard as usize));
        let path = shard.map_or(Path::new(""), |shard| &shard.path);
        format!("{} in {}", self.relative_name(index), path.display())
    }

    /// Reads an image's bytes into `buffer`, if they are still those that were packed.
    pub fn bytes<'a>(
        &self,
        index: usize,
        buffer: &'a mut Vec<u8>,
    ) -> std::result::Result<&'a [u8], String> {
        let entry = self
            .entries
            .get(index)
            .ok_or_else(|| format!("there is no image {index}"))?;
        if entry.length == 0 {
            return Err("it could not be packed".to_owned());
        }
        let shard = self.shards.get(entry.shard as usize);
        let shard = shard.ok_or("its shard is missing")?;
        let length = entry.length as usize;
        let more = length.saturating_sub(buffer.len());
        buffer
            .try_reserve_exact(more)
            .map_err(|error| format!("it has {length} bytes: {error}"))?;
        buffer.resize(length, 0);
        shard
            .read(entry.offset, buffer)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => "its shard is too short".to_owned(),
                _ => format!("its shard cannot be read: {error}"),
            })?;
        if crc32fast::hash(buffer) != entry.crc {
            return Err("its bytes in the shard are damaged: their checksum is another".to_owned());
        }
        Ok(buffer)
    }
}

impl Shard {
    /// Opens the shard number `part` of `parts`, which has to have `size` bytes.
    fn open(path: PathBuf, size: u64, (part, parts): (usize, usize)) -> Result<Self> {
        let failed = |problem: String| {
            Error::io(format!(
                "Cannot use the shard {}: {problem}, expected {parts} parts as they were packed",
                path.display()
            ))
        };
        let (file, found) = open_plain(&path).map_err(|error| failed(error.to_string()))?;
        if found != size {
            return Err(failed(format!("it has {found} bytes and not {size}")));
        }
        read_no_more_than_asked(&file);
        Ok(Self {
            file: (part < KEPT_OPEN).then_some(file),
            path,
        })
    }

    /// Fills the buffer from `offset`. The second attempt opens the file anew: a server that came back may not know the
    /// file that was open.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut open = self.file.as_ref();
        twice(|| match open.take() {
            Some(file) => file.read_exact_at(buffer, offset),
            None => {
                let file = File::open(&self.path)?;
                read_no_more_than_asked(&file);
                file.read_exact_at(buffer, offset)
            }
        })
    }
}

/// Tells the system that the next bytes are somewhere else: it reads an image in one request, and nothing beyond. Advice
/// that is not taken costs time only.
fn read_no_more_than_asked(file: &File) {
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_RANDOM) };
}

/// The images of all shards, in their order, and their names in one text. None where the text has more than 4 GiB.
fn entries(rows: Vec<(u32, Row)>) -> Option<(Vec<Entry>, String)> {
    let (mut entries, mut names) = (Vec::with_capacity(rows.len()), String::new());
    for (shard, row) in rows {
        names.push_str(&row.name);
        entries.push(Entry {
            shard,
            offset: row.offset,
            length: row.length,
            crc: row.crc,
            class: row.class,
            name_end: u32::try_from(names.len()).ok()?,
        });
    }
    Some((entries, names))
}
