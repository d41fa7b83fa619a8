//! Packed shards: tar files as WebDataset reads them, an index beside each, a manifest over all.
//!
//! `train.json` is a shard index of WebDataset's "wids" with a part of ours; `train-000000.tar` holds, for each image,
//! `<number>.jpg` (or .png) and `<number>.cls` (its class in digits), where the number is the image's place in the
//! folder's order; `train-000000.idx` says in text where each image lies. The tar files alone are a WebDataset.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use memmap2::{Advice, Mmap};
use serde::{Deserialize, Serialize};

use crate::data::progress::Progress;
use crate::error::{Error, Result};

pub const PACKED_FORMAT: &str = "byol packed 1";
pub const SHARD_FORMAT: &str = "byol shard 1";

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
#[derive(Clone, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(rename = "__kind__")]
    pub kind: String,
    pub wids_version: u32,
    pub name: String,
    pub shardlist: Vec<ShardEntry>,
    pub byol: Packing,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct ShardEntry {
    pub url: String,
    pub nsamples: usize,
    pub filesize: u64,
    pub sha256: String,
}

#[derive(Clone, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Serialize, Deserialize)]
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

/// Shards, mapped into memory.
pub struct Packed {
    pub manifest: Manifest,
    folder: PathBuf,
    shards: Vec<Mmap>,
    entries: Vec<Entry>,
    names: String,
}

pub fn shard_name(name: &str, part: usize) -> String {
    format!("{name}-{part:06}.tar")
}

pub fn index_path(folder: &Path, shard: &str) -> PathBuf {
    folder.join(shard).with_extension("idx")
}

/// Reads a manifest.
pub fn read_manifest(path: &Path) -> Result<Manifest> {
    let refused = |problem: String| {
        Error::io(format!(
            "Cannot use {}: {problem}, expected what deno task pack writes",
            path.display()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
    if manifest.byol.format != PACKED_FORMAT {
        return Err(refused(format!("its format is {}", manifest.byol.format)));
    }
    // A name that leads elsewhere would be read, and when staging written, there.
    let plain = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    if let Some(shard) = manifest.shardlist.iter().find(|shard| !plain(&shard.url)) {
        return Err(refused(format!("it names the shard {:?}", shard.url)));
    }
    Ok(manifest)
}

impl Packed {
    /// Maps the shards that a manifest names. A missing or short one is refused by name.
    pub fn open(path: &Path, progress: &Progress) -> Result<Self> {
        let manifest = read_manifest(path)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        progress.start(manifest.shardlist.len());
        let (mut shards, mut rows) = (Vec::new(), Vec::new());
        for (part, shard) in manifest.shardlist.iter().enumerate() {
            let tar = folder.join(&shard.url);
            shards.push(map(&tar, shard.filesize, manifest.shardlist.len())?);
            let index = index_path(&folder, &shard.url);
            rows.extend(read_index(&index, part, shard, &manifest)?);
            progress.advance(1, shard.nsamples)?;
        }
        rows.sort_unstable_by_key(|row| row.sample);
        let complete = rows.len() == manifest.byol.count
            && rows.iter().enumerate().all(|(i, row)| row.sample == i);
        if !complete {
            return Err(Error::io(format!(
                "Cannot use {}: its indexes hold {} images, expected each of {} once",
                path.display(),
                rows.len(),
                manifest.byol.count
            )));
        }
        let mut names = String::new();
        let entries = rows
            .into_iter()
            .map(|row| {
                names.push_str(&row.name);
                Entry {
                    name_end: names.len() as u32,
                    ..row.entry
                }
            })
            .collect();
        Ok(Self {
            manifest,
            folder,
            shards,
            entries,
            names,
        })
    }

    /// The path of the manifest.
    pub fn place(&self) -> String {
        let name = format!("{}.json", self.manifest.name);
        self.folder.join(name).display().to_string()
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
        let shard = self
            .entries
            .get(index)
            .map_or(0, |entry| entry.shard as usize);
        let shard = self
            .manifest
            .shardlist
            .get(shard)
            .map_or("", |shard| &shard.url);
        let name = self.relative_name(index);
        format!("{name} in {}", self.folder.join(shard).display())
    }

    /// An image's bytes, if they are still those that were packed.
    pub fn bytes(&self, index: usize) -> std::result::Result<&[u8], String> {
        let entry = self
            .entries
            .get(index)
            .ok_or_else(|| format!("there is no image {index}"))?;
        if entry.length == 0 {
            return Err("it could not be packed".to_owned());
        }
        let start = entry.offset as usize;
        let length = entry.length as usize;
        let shard = self.shards.get(entry.shard as usize);
        let shard = shard.ok_or("its shard is missing")?;
        let bytes = shard
            .get(start..start + length)
            .ok_or("its shard is too short")?;
        // All of the image in one request, not page by page; advice that is not taken costs time only.
        let _ = shard.advise_range(Advice::WillNeed, start, length);
        if crc32fast::hash(bytes) != entry.crc {
            return Err("its bytes in the shard are damaged: their checksum is another".to_owned());
        }
        Ok(bytes)
    }
}

fn map(path: &Path, size: u64, parts: usize) -> Result<Mmap> {
    let failed = |problem: String| {
        Error::io(format!(
            "Cannot use the shard {}: {problem}, expected {parts} parts as they were packed",
            path.display()
        ))
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let found = file
        .metadata()
        .map_err(|error| failed(error.to_string()))?
        .len();
    if found != size {
        return Err(failed(format!("it has {found} bytes and not {size}")));
    }
    // Sound as long as nobody cuts the file short meanwhile: shards are written once, beside, and renamed.
    unsafe { Mmap::map(&file) }.map_err(|error| failed(error.to_string()))
}

struct Row {
    sample: usize,
    entry: Entry,
    name: String,
}

fn read_index(
    path: &Path,
    part: usize,
    shard: &ShardEntry,
    manifest: &Manifest,
) -> Result<Vec<Row>> {
    let refused = |problem: String| {
        Error::io(format!(
            "Cannot use the index {}: {problem}, expected what deno task pack writes",
            path.display()
        ))
    };
    let file = File::open(path).map_err(|error| refused(error.to_string()))?;
    let mut lines = BufReader::new(file).lines();
    let mut next = || -> Result<Option<String>> {
        lines
            .next()
            .transpose()
            .map_err(|error| refused(error.to_string()))
    };
    let head: Option<ShardHead> = next()?.and_then(|line| serde_json::from_str(&line).ok());
    let head = head.ok_or_else(|| refused("its first line is no head".to_owned()))?;
    if head.format != SHARD_FORMAT
        || head.listing != manifest.byol.listing
        || head.sha256 != shard.sha256
    {
        return Err(refused("it belongs to another packing".to_owned()));
    }
    let classes: HashMap<&str, u16> = manifest
        .byol
        .classes
        .iter()
        .zip(0..)
        .map(|(name, class)| (name.as_str(), class))
        .collect();
    let mut rows = Vec::with_capacity(shard.nsamples);
    while let Some(line) = next()? {
        let row = parse_row(&line, part as u32, shard.filesize, &classes);
        rows.push(row.ok_or_else(|| refused(format!("it holds the line {line:?}")))?);
    }
    if rows.len() != shard.nsamples {
        return Err(refused(format!(
            "it holds {} images and not {}",
            rows.len(),
            shard.nsamples
        )));
    }
    Ok(rows)
}

/// `number offset length crc class name`, with tabs between.
fn parse_row(line: &str, shard: u32, filesize: u64, classes: &HashMap<&str, u16>) -> Option<Row> {
    let mut fields = line.splitn(6, '\t');
    let sample = fields.next()?.parse().ok()?;
    let offset: u64 = fields.next()?.parse().ok()?;
    let length: u32 = fields.next()?.parse().ok()?;
    let crc = u32::from_str_radix(fields.next()?, 16).ok()?;
    let class = *classes.get(fields.next()?)?;
    let name = fields.next()?.to_owned();
    if offset.checked_add(u64::from(length))? > filesize {
        return None;
    }
    let entry = Entry {
        shard,
        offset,
        length,
        crc,
        class,
        name_end: 0,
    };
    Some(Row {
        sample,
        entry,
        name,
    })
}
