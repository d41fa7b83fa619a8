//! Copies of packed shards on a faster disk, and whether shards are still what was packed.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::packed::{index_path, read_manifest, Manifest};
use crate::data::progress::Progress;
use crate::error::{Error, Result};
use crate::formats::hex::hex;

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
    let bytes = |missing: &dyn Fn(&Path) -> bool| -> u64 {
        let shards = parts.shardlist.iter();
        shards
            .filter(|shard| missing(&folder.join(&shard.url)))
            .map(|shard| shard.filesize)
            .sum()
    };
    progress.start((bytes(&|_| true) / MEGABYTE) as usize + 1);
    require_room(&folder, bytes(&|path| !path.exists()))?;
    for shard in &parts.shardlist {
        let (from, to) = (source.join(&shard.url), folder.join(&shard.url));
        if fs::metadata(&to).is_ok_and(|found| found.len() == shard.filesize) {
            progress.advance((shard.filesize / MEGABYTE) as usize, shard.nsamples)?;
        } else if copy(&from, &to, progress)? != shard.sha256 {
            let _ = fs::remove_file(&to);
            return Err(damaged(&from));
        }
        let (from, to) = (
            index_path(source, &shard.url),
            index_path(&folder, &shard.url),
        );
        copy(&from, &to, &Progress::default())?;
    }
    let name = manifest.file_name().unwrap_or_default();
    let to = folder.join(name);
    copy(manifest, &to, &Progress::default())?;
    Ok(serde_json::json!({ "manifest": to.to_string_lossy() }).to_string())
}

/// Reads every shard and says which are not what was packed, as JSON.
pub fn verify(manifest: &Path, progress: &Progress) -> Result<String> {
    let Manifest { shardlist, .. } = read_manifest(manifest)?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let total: u64 = shardlist.iter().map(|shard| shard.filesize).sum();
    progress.start((total / MEGABYTE) as usize + 1);
    let mut bad = Vec::new();
    for shard in &shardlist {
        let path = folder.join(&shard.url);
        match digest(&path, |_| Ok(()), progress) {
            Ok(found) if found == shard.sha256 => {}
            Ok(_) => bad.push(format!("{}: its checksum is another", path.display())),
            Err(error) => bad.push(error.message),
        }
    }
    let parts = shardlist.len();
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

/// Copies a file, beside and renamed, and returns its SHA-256.
fn copy(from: &Path, to: &Path, progress: &Progress) -> Result<String> {
    let beside: PathBuf = to.with_extension("part");
    let mut out = File::create(&beside).map_err(|error| failed(&beside, error))?;
    let found = digest(from, |bytes| out.write_all(bytes), progress)?;
    fs::rename(&beside, to).map_err(|error| failed(to, error))?;
    Ok(found)
}

/// SHA-256 of a file, each piece of which is also given to `each`.
fn digest(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> std::io::Result<()>,
    progress: &Progress,
) -> Result<String> {
    let read =
        |error: std::io::Error| Error::io(format!("Cannot read {}: {error}", path.display()));
    let mut file = File::open(path).map_err(read)?;
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
