//! Copies of packed shards on a faster disk, and whether shards are still what was packed.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::beside::Beside;
use super::packed::{index_path, read_manifest};
use crate::checkpoint::open_plain;
use crate::data::progress::Progress;
use crate::error::{Error, Result};
use crate::formats::hex::hex;
use crate::formats::shards::ShardEntry;

const CHUNK: usize = 4 << 20;
/// Progress is told in these.
const MEGABYTE: u64 = 1 << 20;

/// Copies what a manifest names into a folder of its own below `target`, unless it is there, and compares the checksums
/// on the way. Ranks of one node take turns: the first copies, the others find it done. Returns the copy's manifest.
pub fn stage(manifest: &Path, target: &Path, progress: &Progress) -> Result<String> {
    let parts = read_manifest(manifest)?;
    let source = manifest.parent().unwrap_or(Path::new(""));
    let digest = parts.byol.digest.chars().filter(char::is_ascii_hexdigit);
    let folder = target.join(format!("byol-{}", digest.take(16).collect::<String>()));
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    let lock = File::create(folder.join(".lock")).map_err(|error| failed(&folder, error))?;
    lock_exclusively(&lock).map_err(|error| failed(&folder, error))?;
    progress.start((parts.bytes() / MEGABYTE) as usize + 1);
    let missing = |shard: &&ShardEntry| !folder.join(&shard.url).exists();
    let missing = parts.shardlist.iter().filter(missing);
    let needed = missing.fold(0, |sum: u64, shard| sum.saturating_add(shard.filesize));
    require_room(&folder, needed)?;
    for shard in &parts.shardlist {
        let (from, to) = (source.join(&shard.url), folder.join(&shard.url));
        if fs::metadata(&to).is_ok_and(|found| found.len() == shard.filesize) {
            progress.advance((shard.filesize / MEGABYTE) as usize, shard.nsamples)?;
        } else {
            copy(&from, &to, Some(&shard.sha256), progress)?;
        }
        let (from, to) = (
            index_path(source, &shard.url),
            index_path(&folder, &shard.url),
        );
        copy(&from, &to, None, &Progress::default())?;
    }
    let name = manifest.file_name().unwrap_or_default();
    let to = folder.join(name);
    copy(manifest, &to, None, &Progress::default())?;
    Ok(serde_json::json!({ "manifest": to.to_string_lossy() }).to_string())
}

/// Reads every shard and says which are not what was packed, as JSON.
pub fn verify(manifest: &Path, progress: &Progress) -> Result<String> {
    let parts = read_manifest(manifest)?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    progress.start((parts.bytes() / MEGABYTE) as usize + 1);
    let mut bad = Vec::new();
    for shard in &parts.shardlist {
        let path = folder.join(&shard.url);
        match digest(&path, |_| Ok(()), progress) {
            Ok(found) if found == shard.sha256 => {}
            Ok(_) => bad.push(format!("{}: its checksum is another", path.display())),
            Err(error) => bad.push(error.message),
        }
    }
    let parts = parts.shardlist.len();
    Ok(serde_json::json!({ "parts": parts, "damaged": bad }).to_string())
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::io(format!("Cannot stage to {}: {error}", path.display()))
}

fn damaged(path: &Path) -> Error {
    Error::io(format!(
        "Cannot stage {}: its checksum is not the manifest's, expected the shard as it was packed",
        path.display()
    ))
}

fn require_room(folder: &Path, needed: u64) -> Result<()> {
    let free = free_bytes(folder).map_err(|error| failed(folder, error))?;
    if free >= needed {
        return Ok(());
    }
    Err(Error::io(format!(
        "Cannot stage to {}: {} MiB are free, expected {} MiB",
        folder.display(),
        free / MEGABYTE,
        needed / MEGABYTE
    )))
}

/// Waits until nobody else holds the file's lock; a process that dies gives it back. The folder is on a disk of the node,
/// where such locks work.
fn lock_exclusively(file: &File) -> std::io::Result<()> {
    match unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let path = CString::new(folder.as_os_str().as_bytes())?;
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    if unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    let found = unsafe { found.assume_init() };
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Copies a file, beside and renamed, if its SHA-256 is the `wanted` one.
fn copy(from: &Path, to: &Path, wanted: Option<&str>, progress: &Progress) -> Result<()> {
    let created = Beside::create(to.with_extension("part"));
    let (beside, mut out) = created.map_err(|error| failed(to, error))?;
    let found = digest(from, |bytes| out.write_all(bytes), progress)?;
    if wanted.is_some_and(|wanted| found != wanted) {
        return Err(damaged(from));
    }
    beside.place(to).map_err(|error| failed(to, error))
}

/// SHA-256 of a file, each piece of which is also given to `each`.
fn digest(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> std::io::Result<()>,
    progress: &Progress,
) -> Result<String> {
    let read =
        |error: std::io::Error| Error::io(format!("Cannot read {}: {error}", path.display()));
    let (mut file, _) = open_plain(path).map_err(read)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = file.read(&mut buffer).map_err(read)?;
        if length == 0 {
            break;
        }
        hash.update(&buffer[..length]);
        each(&buffer[..length])
            .map_err(|error| Error::io(format!("Cannot copy {}: {error}", path.display())))?;
        progress.advance(length / MEGABYTE as usize, 0)?;
    }
    Ok(hex(&hash.finalize()))
}
