//! The manifest of packed shards, or an index: the first byte tells which of the two the rest is. The core's tests replay
//! the seeds through the same function.

use crate::formats::shards::{Manifest, Packing, ShardEntry, PACKED_FORMAT};

/// A manifest of one shard of 4096 bytes with so many images, as the seeds' indexes name it.
fn manifest(nsamples: usize) -> Manifest {
    Manifest {
        kind: "wids-shard-index-v1".to_owned(),
        wids_version: 1,
        name: "train".to_owned(),
        shardlist: vec![ShardEntry {
            url: "train-000000.tar".to_owned(),
            nsamples,
            filesize: 4096,
            sha256: "ab".to_owned(),
        }],
        byol: Packing {
            format: PACKED_FORMAT.to_owned(),
            count: nsamples,
            bad: 0,
            classes: vec!["n01".to_owned(), "n02".to_owned()],
            listing: "11".to_owned(),
            digest: "11".to_owned(),
            reencoding: None,
        },
    }
}

/// Reads the input, which must give what the format allows, or an error.
pub fn read_shards(input: &[u8]) {
    let Some((kind, text)) = input.split_first() else {
        return;
    };
    let length = text.len() as u64;
    if kind % 2 == 0 {
        let Ok(read) = Manifest::read(text, length) else {
            return;
        };
        let images: usize = read.shardlist.iter().map(|shard| shard.nsamples).sum();
        assert!(images == read.byol.count && images > 0 && images <= u32::MAX as usize);
        assert!(read.shardlist.iter().all(|shard| !shard.url.contains('/')));
        assert_eq!(read.class_numbers().len(), read.byol.classes.len());
        let _ = read.bytes();
        return;
    }
    // As many images as there are rows, or as many as no index of this length has.
    let images = match kind / 2 % 2 {
        0 => text.split(|byte| *byte == b'\n').count().saturating_sub(2),
        _ => 1 << 40,
    };
    let manifest = manifest(images);
    let shard = &manifest.shardlist[0];
    let classes = manifest.class_numbers();
    let Ok(rows) = manifest.read_index((text, length), shard, &classes) else {
        return;
    };
    assert_eq!(rows.len(), images);
    for row in rows {
        assert!(row.offset + u64::from(row.length) <= shard.filesize);
        assert!(usize::from(row.class) < manifest.byol.classes.len());
    }
}
