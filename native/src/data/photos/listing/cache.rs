//! Listings kept in files for later runs.

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::folder::Folder;
use crate::formats::hex::hex;

pub(super) const FORMAT: &str = "byol listing 3";

#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: String,
    pub(super) root: String,
    pub(super) classes: Vec<String>,
    pub(super) folders: usize,
}

/// The file that a root's listing is kept in.
pub(super) fn cache_file(folder: &Path, root: &Path) -> PathBuf {
    let digest = Sha256::digest(root.to_string_lossy().as_bytes());
    let name = hex(&digest[..8]);
    folder.join(format!("{name}.jsonl"))
}

/// Returns what is kept of a root, or nothing where it is missing or not what `store` writes.
pub(super) fn load(file: &Path, root: &Path) -> Option<Vec<Folder>> {
    let mut lines = BufReader::new(fs::File::open(file).ok()?).lines();
    let head: Head = serde_json::from_str(&lines.next()?.ok()?).ok()?;
    if head.format != FORMAT || head.root != root.to_string_lossy() {
        return None;
    }
    let folders: Vec<Folder> = lines
        .map(|line| serde_json::from_str(&line.ok()?).ok())
        .collect::<Option<_>>()?;
    (folders.len() == head.folders).then_some(folders)
}

/// Writes beside, then renames: ranks that start together may all do it.
pub(super) fn store(file: &Path, head: &Head, folders: &[Folder]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = file.with_extension(format!("{}.part", std::process::id()));
    let mut out = BufWriter::new(fs::File::create(&beside)?);
    serde_json::to_writer(&mut out, head)?;
    for folder in folders {
        out.write_all(b"\n")?;
        serde_json::to_writer(&mut out, folder)?;
    }
    out.into_inner()
        .map_err(|error| error.into_error())?
        .sync_all()?;
    fs::rename(&beside, file)
}
