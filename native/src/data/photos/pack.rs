//! Writes packed shards (packed.rs has the format): in parallel, each file beside and renamed, resuming where an
//! interrupted packing stopped.
//!
//! A shard holds images of all classes, in an order of its own: who reads a shard from front to back, as WebDataset
//! does, sees no class after the other.

use std::fs;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::bad::{require_few, BadFiles};
use super::listing::{FileList, Listing};
use super::packed::{index_path, shard_name};
use super::shard::{failed, replace, Shard, Task};
use super::source::Source;
use crate::checkpoint::open_plain;
use crate::data::progress::Progress;
use crate::error::{Error, Result};
use crate::formats::hex::hex;
use crate::formats::shards::{
    Manifest, Packing, Reencoding, ShardEntry, ShardHead, PACKED_FORMAT, SHARD_FORMAT,
};
use crate::views::random::permutation;

/// Images that are read at once, for each thread.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackOptions {
    directory: String,
    /// The images, where a list names them in the place of the directory.
    list: Option<FileList>,
    /// The folder that listings are kept in.
    cache: Option<String>,
    /// The folder that the shards go to.
    out: String,
    /// The prefix of the files' names.
    name: String,
    images_per_shard: usize,
    reencoding: Option<Reencoding>,
    workers: usize,
    most_bad: Option<f64>,
}

/// Names that the index of a shard can hold: it has a line for each image, with tabs around the class.
fn require_lines(listing: &Listing) -> Result<()> {
    let class = listing
        .classes
        .iter()
        .find(|name| name.contains(['\t', '\n', '\r']));
    let file = || {
        (0..listing.count())
            .map(|index| listing.name(index))
            .find(|name| name.contains(['\n', '\r']))
    };
    match class.cloned().or_else(file) {
        None => Ok(()),
        Some(name) => Err(Error::invalid(format!(
            "Cannot pack {name:?}: expected names without line ends, and classes without tabs; rename it"
        ))),
    }
}

/// Packs a folder. Returns a description of the shards, as JSON.
pub fn pack(options: &PackOptions, progress: &Progress) -> Result<String> {
    let cache = options.cache.as_deref().map(Path::new);
    let listing = match &options.list {
        Some(list) => Listing::of_list(list.clone())?,
        None => Listing::read(Path::new(&options.directory), cache, &Progress::default())?,
    };
    require_lines(&listing)?;
    let out = PathBuf::from(&options.out);
    fs::create_dir_all(&out).map_err(|error| failed(&out, error))?;
    if options.images_per_shard == 0 {
        return Err(Error::invalid(
            "Cannot pack 0 images to a shard: expected at least 1",
        ));
    }
    let threads = options.workers.clamp(1, 256);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::io(format!("Cannot start {threads} threads: {error}")))?;
    let count = listing.count();
    let bad = BadFiles::new(count, options.most_bad);
    let source = Source::Folder(listing);
    progress.start(count);
    let task = Task {
        source: &source,
        bad: &bad,
        reencoding: options.reencoding.as_ref(),
        pool: &pool,
        at_once: threads * AT_ONCE,
    };
    let packed = pack_shards(options, (&out, count), &task, progress)?;
    let digest = digest_of(source.digest(), options.reencoding.as_ref());
    let described = serde_json::json!({
        "count": count, "bad": packed.missing, "badFiles": bad.list(), "parts": packed.shards.len(),
        "found": source.found(), "kept": packed.kept, "bytes": packed.shards.iter().map(|shard| shard.filesize).sum::<u64>(),
        "digest": digest,
    });
    let manifest = Manifest {
        kind: "wids-shard-index-v1".to_owned(),
        wids_version: 1,
        name: options.name.clone(),
        shardlist: packed.shards,
        byol: Packing {
            format: PACKED_FORMAT.to_owned(),
            count,
            bad: packed.missing,
            classes: source.classes().to_vec(),
            listing: source.digest().to_owned(),
            digest,
            reencoding: options.reencoding.clone(),
        },
    };
    let path = out.join(format!("{}.json", options.name));
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| failed(&path, error))?;
    replace(&path, |file| writeln!(file, "{text}")).map_err(|error| failed(&path, error))?;
    Ok(described.to_string())
}

/// The shards of a folder.
struct PackedShards {
    shards: Vec<ShardEntry>,
    /// Shards that were there already.
    kept: usize,
    /// Images that could not be used.
    missing: usize,
}

/// Packs `count` images in an order of their own, shard by shard; a shard that an earlier run finished stays.
fn pack_shards(
    options: &PackOptions,
    (out, count): (&Path, usize),
    task: &Task,
    progress: &Progress,
) -> Result<PackedShards> {
    let order = permutation(0, 0, count);
    let (mut shards, mut kept, mut missing) = (Vec::new(), 0, 0);
    for (part, samples) in order.chunks(options.images_per_shard).enumerate() {
        let url = shard_name(&options.name, part);
        let wanted = ShardHead {
            format: SHARD_FORMAT.to_owned(),
            listing: task.source.digest().to_owned(),
            reencoding: options.reencoding.clone(),
            part,
            images_per_shard: options.images_per_shard,
            images: samples.len(),
            bad: 0,
            bytes: 0,
            sha256: String::new(),
        };
        let done = finished(out, &url, &wanted);
        kept += usize::from(done.is_some());
        let head = match done {
            Some(head) => {
                progress.advance(samples.len(), samples.len())?;
                head
            }
            None => Shard::create(out, &url)?.fill(task, (samples, wanted), progress)?,
        };
        missing += head.bad;
        // Those of shards that an earlier run finished, too.
        require_few(missing, count, options.most_bad)?;
        shards.push(ShardEntry {
            url,
            nsamples: head.images,
            filesize: head.bytes,
            sha256: head.sha256,
        });
    }
    Ok(PackedShards {
        shards,
        kept,
        missing,
    })
}

/// Images as they are give the folder's views, so they have its digest; others have one of their own.
fn digest_of(listing: &str, reencoding: Option<&Reencoding>) -> String {
    let Some(Reencoding { max_side, quality }) = reencoding else {
        return listing.to_owned();
    };
    hex(&Sha256::digest(format!("{listing} {max_side} {quality}")))
}

/// The head of a shard that an earlier run finished, with the same options and images.
fn finished(out: &Path, url: &str, wanted: &ShardHead) -> Option<ShardHead> {
    let (index, _) = open_plain(index_path(out, url)).ok()?;
    let head = ShardHead::read(BufReader::new(index)).ok()?;
    let same = ShardHead {
        bad: head.bad,
        bytes: head.bytes,
        sha256: head.sha256.clone(),
        ..wanted.clone()
    };
    let size = fs::metadata(out.join(url)).ok()?.len();
    (head == same && size == head.bytes).then_some(head)
}
