//! The manifest and the indexes of packed shards, read strictly: a number is checked against the length of the file that it
//! stands in before anything of that size is allocated. Needs no libtorch.
//!
//! The manifest is a shard index of WebDataset's "wids" with a part of ours. An index has a line of JSON, its head, and a
//! line for each image of its shard: `number offset length crc class name`, with tabs between.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, Read};

use serde::{Deserialize, Serialize};

use super::header::{damaged, FormatError};

#[cfg(test)]
mod tests;

pub const PACKED_FORMAT: &str = "byol packed 1";
pub const SHARD_FORMAT: &str = "byol shard 1";
/// The longest manifest: room for 200,000 shards.
const MAX_MANIFEST_BYTES: u64 = 64 << 20;
/// The longest line of an index. A path of Linux has at most 4096 bytes.
const MAX_LINE_BYTES: u64 = 1 << 16;
/// Classes have 16 bits.
const MAX_CLASSES: usize = 1 << 16;
/// The shortest line of an index: four numbers and five tabs.
const MIN_ROW_BYTES: u64 = 9;

/// The change of images that were packed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reencoding {
    /// The shorter side is at most so many pixels.
    pub max_side: usize,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
}

/// The manifest, in the names of wids and, under `byol`, ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(rename = "__kind__")]
    pub kind: String,
    pub wids_version: u32,
    pub name: String,
    pub shardlist: Vec<ShardEntry>,
    pub byol: Packing,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShardEntry {
    pub url: String,
    pub nsamples: usize,
    pub filesize: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Packing {
    pub format: String,
    pub count: usize,
    /// Images that could not be packed.
    pub bad: usize,
    pub classes: Vec<String>,
    /// The digest of the folder's listing.
    pub listing: String,
    /// The digest of the images that views are made from: the listing's digest where images are packed as they are.
    pub digest: String,
    pub reencoding: Option<Reencoding>,
}

/// The first line of an index: what its shard is, so that an interrupted packing knows what is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardHead {
    pub format: String,
    pub listing: String,
    pub reencoding: Option<Reencoding>,
    pub part: usize,
    pub images_per_shard: usize,
    pub images: usize,
    pub bad: usize,
    pub bytes: u64,
    pub sha256: String,
}

/// One image of a shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its number in the whole set.
    pub sample: usize,
    /// The place of its bytes in the shard; `length` 0 for an image that could not be packed.
    pub offset: u64,
    pub length: u32,
    pub crc: u32,
    pub class: u16,
    /// The path that the image had in its folder.
    pub name: String,
}

impl Manifest {
    /// Reads the manifest in a file of `length` bytes. Error: no manifest, a set without images, or numbers that
    /// contradict each other.
    pub fn read(source: impl Read, length: u64) -> Result<Self, FormatError> {
        if length > MAX_MANIFEST_BYTES {
            return Err(damaged(format!(
                "it has {length} bytes, expected at most {MAX_MANIFEST_BYTES}"
            )));
        }
        let mut text = Vec::new();
        let read = source.take(length).read_to_end(&mut text);
        read.map_err(FormatError::Io)?;
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), FormatError> {
        let Packing {
            format,
            count,
            classes,
            ..
        } = &self.byol;
        if format != PACKED_FORMAT {
            return Err(FormatError::Refused(format!("its format is {format:?}")));
        }
        // A name that leads elsewhere would be read, and when staging written, there.
        let plain =
            |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
        if let Some(shard) = self.shardlist.iter().find(|shard| !plain(&shard.url)) {
            return Err(damaged(format!("it names the shard {:?}", shard.url)));
        }
        if *count == 0 {
            return Err(FormatError::Refused("it holds no images".to_owned()));
        }
        let held = self
            .shardlist
            .iter()
            .try_fold(0usize, |sum, shard| sum.checked_add(shard.nsamples));
        // Images are numbered by 32 bits.
        if held != Some(*count) || u32::try_from(*count).is_err() {
            return Err(damaged(format!(
                "its shards do not hold its {count} images"
            )));
        }
        let known: HashSet<&String> = classes.iter().collect();
        if classes.len() > MAX_CLASSES || known.len() < classes.len() {
            return Err(damaged(format!(
                "it has {} classes, {} of them different",
                classes.len(),
                known.len()
            )));
        }
        Ok(())
    }

    /// Returns the bytes of all shards.
    pub fn bytes(&self) -> u64 {
        let sizes = self.shardlist.iter().map(|shard| shard.filesize);
        sizes.fold(0, u64::saturating_add)
    }

    /// Returns the number of each class.
    pub fn class_numbers(&self) -> HashMap<&str, u16> {
        let names = self.byol.classes.iter().map(String::as_str);
        (0..=u16::MAX)
            .zip(names)
            .map(|(n, name)| (name, n))
            .collect()
    }

    /// Reads the index of a shard, in a file of `length` bytes. Error: another shard's index, or a row of an image that
    /// the shard cannot hold.
    pub fn read_index(
        &self,
        (source, length): (impl BufRead, u64),
        shard: &ShardEntry,
        classes: &HashMap<&str, u16>,
    ) -> Result<Vec<Row>, FormatError> {
        let mut lines = Lines {
            source: source.take(length),
            line: Vec::new(),
        };
        let head = ShardHead::of(lines.next()?.unwrap_or_default())?;
        if head.listing != self.byol.listing || head.sha256 != shard.sha256 {
            let reason = "it belongs to another packing".to_owned();
            return Err(FormatError::Refused(reason));
        }
        let images = shard.nsamples;
        if images as u64 > length / MIN_ROW_BYTES {
            return Err(damaged(format!(
                "it has {length} bytes, too few for {images} images"
            )));
        }
        let mut rows = Vec::with_capacity(images);
        while let Some(line) = lines.next()? {
            let row = Row::of(line, shard.filesize, classes);
            rows.push(row.ok_or_else(|| damaged(format!("it holds the line {line:?}")))?);
        }
        if rows.len() != images {
            let found = rows.len();
            return Err(damaged(format!("it holds {found} images and not {images}")));
        }
        Ok(rows)
    }
}

impl ShardHead {
    /// Reads the head at the start of an index.
    pub fn read(source: impl BufRead) -> Result<Self, FormatError> {
        let mut lines = Lines {
            source: source.take(MAX_LINE_BYTES),
            line: Vec::new(),
        };
        Self::of(lines.next()?.unwrap_or_default())
    }

    fn of(line: &str) -> Result<Self, FormatError> {
        let head: Self = serde_json::from_str(line)
            .map_err(|error| damaged(format!("its first line is no head: {error}")))?;
        match head.format == SHARD_FORMAT {
            true => Ok(head),
            false => Err(FormatError::Refused(format!(
                "its format is {:?}",
                head.format
            ))),
        }
    }
}

impl Row {
    fn of(line: &str, filesize: u64, classes: &HashMap<&str, u16>) -> Option<Self> {
        let mut fields = line.splitn(6, '\t');
        let sample = fields.next()?.parse().ok()?;
        let offset: u64 = fields.next()?.parse().ok()?;
        let length: u32 = fields.next()?.parse().ok()?;
        let crc = u32::from_str_radix(fields.next()?, 16).ok()?;
        let class = *classes.get(fields.next()?)?;
        let name = fields.next()?.to_owned();
        let inside = offset.checked_add(u64::from(length))? <= filesize;
        inside.then_some(Self {
            sample,
            offset,
            length,
            crc,
            class,
            name,
        })
    }
}

/// The lines of a file, one at a time: a file without line ends is never held as a whole.
struct Lines<R> {
    source: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<&str>, FormatError> {
        self.line.clear();
        let mut limited = (&mut self.source).take(MAX_LINE_BYTES);
        let read = limited.read_until(b'\n', &mut self.line);
        let length = read.map_err(FormatError::Io)?;
        if length as u64 == MAX_LINE_BYTES {
            return Err(damaged(format!(
                "it holds a line of more than {MAX_LINE_BYTES} bytes"
            )));
        }
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let text = std::str::from_utf8(text).map_err(|error| damaged(error.to_string()))?;
        Ok((length > 0).then_some(text))
    }
}
