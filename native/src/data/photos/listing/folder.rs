//! One folder: its images, its subfolders, and what is left out.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirEntry, FileType};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::left_out::{suffix_of, LeftOut};
use crate::error::{Error, Result};

/// A folder that changed so shortly ago may change again with the same times.
const FRESH: Duration = Duration::from_secs(2);
/// A loop of links would never end.
pub(super) const DEEPEST: usize = 40;
/// Suffixes of the images that are read, in any case: torchvision's.
const SUFFIXES: [&str; 9] = [
    "jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp",
];
/// Folders of systems and programs whose names begin with no dot: of Synology and QNAP, of archives made by macOS, of
/// Windows, of file systems, of Python.
const SYSTEM_FOLDERS: [&str; 12] = [
    "@eaDir",
    "@Recycle",
    "@Recently-Snapshot",
    "@tmp",
    "#recycle",
    "#snapshot",
    "__MACOSX",
    "$RECYCLE.BIN",
    "RECYCLER",
    "System Volume Information",
    "lost+found",
    "__pycache__",
];

/// Times and inode of a folder. They stay equal as long as the folder is the same one, and nothing in it was added,
/// removed or renamed: a program can set the time of modification, but not that of the last change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Nanoseconds since 1970.
    modified: i64,
    /// Nanoseconds since 1970.
    changed: i64,
    inode: u64,
}

impl Stamp {
    /// Returns a folder's stamp; none where it changed so shortly ago that the stamp would not tell of a change.
    pub(super) fn of(path: &Path) -> std::io::Result<Option<Self>> {
        let found = fs::metadata(path)?;
        let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000) + rest;
        let stamp = Self {
            modified: nanoseconds(found.mtime(), found.mtime_nsec()),
            changed: nanoseconds(found.ctime(), found.ctime_nsec()),
            inode: found.ino(),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let settled = now.unwrap_or_default().saturating_sub(FRESH).as_nanos() as i64;
        Ok((stamp.modified.max(stamp.changed) <= settled).then_some(stamp))
    }
}

/// One folder with its images.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Folder {
    pub(super) class: usize,
    /// Relative to the root, with slashes; empty for the root itself.
    pub(super) path: String,
    /// None where the folder must be read again.
    pub(super) stamp: Option<Stamp>,
    pub(super) files: Vec<String>,
    /// Relative paths of the folders in it.
    pub(super) folders: Vec<String>,
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub(super) left_out: LeftOut,
}

pub(super) fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::io(format!("Cannot list {}: {error}", path.display()))
}

/// The path of a folder; without a slash at the end where it is the root itself.
pub(super) fn below(root: &Path, path: &str) -> PathBuf {
    if path.is_empty() {
        return root.to_owned();
    }
    root.join(path)
}

fn is_image(name: &[u8]) -> bool {
    let dot = name.iter().rposition(|&byte| byte == b'.');
    let suffix = dot.and_then(|dot| name.get(dot + 1..)).unwrap_or_default();
    SUFFIXES
        .iter()
        .any(|known| suffix.eq_ignore_ascii_case(known.as_bytes()))
}

fn is_hidden(name: &[u8]) -> bool {
    name.starts_with(b".")
}

fn is_system_folder(name: &[u8]) -> bool {
    is_hidden(name)
        || SYSTEM_FOLDERS
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Returns the type of an entry; of a link, that of what it leads to. Only links are asked for: the listing itself tells
/// the type of other entries.
fn type_of(entry: &DirEntry) -> std::io::Result<FileType> {
    let own = entry.file_type()?;
    if !own.is_symlink() {
        return Ok(own);
    }
    // A link that leads nowhere is a file that reading will find bad.
    Ok(fs::metadata(entry.path()).map_or(own, |found| found.file_type()))
}

/// Reads one folder: names of images and relative paths of subfolders, both sorted.
pub(super) fn read_folder(root: &Path, path: &str, class: usize) -> Result<Folder> {
    let full = below(root, path);
    // The times from before reading: what comes in between is found by the next run.
    let stamp = Stamp::of(&full).map_err(|error| failed(&full, error))?;
    let mut folder = Folder {
        class,
        path: path.to_owned(),
        stamp,
        files: Vec::new(),
        folders: Vec::new(),
        left_out: LeftOut::default(),
    };
    for entry in fs::read_dir(&full).map_err(|error| failed(&full, error))? {
        let entry = entry.map_err(|error| failed(&full, error))?;
        let kind = type_of(&entry).map_err(|error| failed(&full, error))?;
        let name = entry.file_name();
        if kind.is_dir() {
            folder.take_folder(&full, &name)?;
        } else {
            folder.take_file(&full, name, kind)?;
        }
    }
    folder.files.sort_unstable();
    folder.folders.sort_unstable();
    Ok(folder)
}

impl Folder {
    /// The path of an entry, relative to the root.
    fn relative(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        }
    }

    fn take_folder(&mut self, full: &Path, name: &OsStr) -> Result<()> {
        if is_system_folder(name.as_bytes()) {
            self.left_out.folders.add(&name.to_string_lossy());
            return Ok(());
        }
        match name.to_str() {
            Some(name) => self.folders.push(self.relative(name)),
            None if holds_images(&full.join(name), 0)? => return Err(not_utf8(full, name)),
            None => self.left_out.folders.add(&name.to_string_lossy()),
        }
        Ok(())
    }

    fn take_file(&mut self, full: &Path, name: OsString, kind: FileType) -> Result<()> {
        let bytes = name.as_bytes();
        if is_hidden(bytes) {
            self.left_out.hidden.add(&name.to_string_lossy());
        } else if !is_image(bytes) {
            self.left_out.unread.add(&suffix_of(bytes));
        } else if !kind.is_file() && !kind.is_symlink() {
            let path = self.relative(&name.to_string_lossy());
            self.left_out.special.add(&path);
        } else {
            let name = name.into_string().map_err(|name| not_utf8(full, &name))?;
            let is_line = |text: &str| !text.contains(['\n', '\r']);
            if self.left_out.line_end.is_none() && !(is_line(&name) && is_line(&self.path)) {
                self.left_out.line_end = Some(self.relative(&name));
            }
            self.files.push(name);
        }
        Ok(())
    }
}

fn not_utf8(folder: &Path, name: &OsStr) -> Error {
    failed(
        folder,
        format!(
            "it holds the name {name:?}, expected images and their folders to have names in UTF-8"
        ),
    )
}

/// Returns true where a folder holds images, at any depth.
fn holds_images(folder: &Path, depth: usize) -> Result<bool> {
    if depth > DEEPEST {
        return Ok(false);
    }
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let entry = entry.map_err(|error| failed(folder, error))?;
        let name = entry.file_name();
        let kind = type_of(&entry).map_err(|error| failed(folder, error))?;
        let holds = match kind.is_dir() {
            true => !is_system_folder(name.as_bytes()) && holds_images(&entry.path(), depth + 1)?,
            false => !is_hidden(name.as_bytes()) && is_image(name.as_bytes()),
        };
        if holds {
            return Ok(true);
        }
    }
    Ok(false)
}
