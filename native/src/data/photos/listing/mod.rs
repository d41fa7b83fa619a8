//! The images of a folder, in the order of torchvision's ImageFolder, kept in a file for the next run.
//!
//! A class is a subfolder, and they count in the order of their names. An image of a class lies anywhere below its
//! folder; those go by the path of their folder, then by name. A folder without subfolders is a single class. What is
//! kept is believed folder by folder, as long as a folder's time of modification is still the one of then: adding,
//! removing and renaming files changes it. Only the folders that changed are read again.

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::data::progress::Progress;
use crate::error::{Error, Result};
use crate::formats::hex::hex;

/// Folders read at once: a network file system answers many questions in the time of one.
const THREADS: usize = 16;
/// A folder that changed so shortly ago may change again with the same time of modification.
const FRESH: Duration = Duration::from_secs(2);
/// A loop of links would never end.
const DEEPEST: usize = 40;
const FORMAT: &str = "byol listing 1";

/// One folder with its images.
#[derive(Clone, Serialize, Deserialize)]
struct Folder {
    class: usize,
    /// Relative to the root, with slashes; empty for the root itself.
    path: String,
    /// Nanoseconds since 1970; 0 where they would not tell of a change.
    modified: u64,
    files: Vec<String>,
    /// Relative paths of the folders in it.
    folders: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    root: String,
    classes: Vec<String>,
    folders: usize,
}

/// The images below a folder. Names lie one behind the other, not each in memory of its own: ImageNet has 1.28 million.
pub struct Listing {
    pub root: PathBuf,
    pub classes: Vec<String>,
    pub digest: String,
    folders: Vec<Part>,
    names: String,
    /// The end of each name.
    ends: Vec<u32>,
}

struct Part {
    class: usize,
    path: String,
    /// Index of its first image.
    first: usize,
}

impl Listing {
    /// Lists the images below `root`; `cache` is the folder that listings are kept in.
    pub fn read(root: &Path, cache: Option<&Path>, progress: &Progress) -> Result<Self> {
        let kept = cache.map(|folder| cache_file(folder, root));
        let before = kept.as_deref().and_then(|file| load(file, root));
        let (head, folders, changed) = walk(root, before, progress)?;
        if let (Some(file), true) = (&kept, changed) {
            // A cache that cannot be written costs the next run a minute, not this run its life.
            let _ = store(file, &head, &folders);
        }
        Self::of(root, head.classes, folders)
    }

    fn of(root: &Path, classes: Vec<String>, folders: Vec<Folder>) -> Result<Self> {
        let mut hash = Sha256::new();
        for class in &classes {
            hash.update(format!("{class}\n"));
        }
        let (mut parts, mut names, mut ends) = (Vec::new(), String::new(), Vec::new());
        for folder in folders {
            parts.push(Part {
                class: folder.class,
                first: ends.len(),
                path: folder.path,
            });
            let path = parts.last().map_or("", |part| &part.path);
            for file in &folder.files {
                hash.update(format!("{path}/{file}\n"));
                names.push_str(file);
                ends.push(names.len() as u32);
            }
        }
        if names.len() > u32::MAX as usize {
            return Err(Error::invalid(format!(
                "Cannot list {}: the names of its {} images have more than 4 GiB",
                root.display(),
                ends.len()
            )));
        }
        let digest = hex(&hash.finalize());
        Ok(Self {
            root: root.to_owned(),
            classes,
            digest,
            folders: parts,
            names,
            ends,
        })
    }

    pub fn count(&self) -> usize {
        self.ends.len()
    }

    pub fn class(&self, index: usize) -> usize {
        self.part(index).map_or(0, |part| part.class)
    }

    /// The path relative to the root.
    pub fn name(&self, index: usize) -> String {
        let end = self.ends.get(index).map_or(0, |&end| end as usize);
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |&end| end as usize);
        let name = self.names.get(start..end).unwrap_or_default();
        match self.part(index) {
            Some(part) if !part.path.is_empty() => format!("{}/{name}", part.path),
            _ => name.to_owned(),
        }
    }

    fn part(&self, index: usize) -> Option<&Part> {
        let after = self.folders.partition_point(|part| part.first <= index);
        self.folders.get(after.checked_sub(1)?)
    }
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::io(format!("Cannot list {}: {error}", path.display()))
}

/// The path of a folder; without a slash at the end where it is the root itself.
fn below(root: &Path, path: &str) -> PathBuf {
    if path.is_empty() {
        return root.to_owned();
    }
    root.join(path)
}

fn is_image(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["jpg", "jpeg", "png"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

fn modified(path: &Path) -> std::io::Result<u64> {
    let time = fs::metadata(path)?.modified()?;
    if SystemTime::now().duration_since(time).unwrap_or_default() < FRESH {
        return Ok(0);
    }
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(since.as_nanos() as u64)
}

/// Reads one folder: names of images and relative paths of subfolders, both sorted.
fn read_folder(root: &Path, path: &str, class: usize) -> Result<Folder> {
    let full = below(root, path);
    // The time from before reading: what comes in between is found by the next run.
    let modified = modified(&full).map_err(|error| failed(&full, error))?;
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(&full).map_err(|error| failed(&full, error))? {
        let entry = entry.map_err(|error| failed(&full, error))?;
        let name = entry.file_name().into_string().map_err(|name| {
            failed(
                &full,
                format!("it holds the name {name:?}, expected names in UTF-8"),
            )
        })?;
        let kind = entry.file_type().map_err(|error| failed(&full, error))?;
        // A link counts as what it leads to; one that leads nowhere is a file that reading will find bad.
        let folder = kind.is_dir() || (kind.is_symlink() && full.join(&name).is_dir());
        if folder {
            folders.push(if path.is_empty() {
                name
            } else {
                format!("{path}/{name}")
            });
        } else if is_image(&name) {
            files.push(name);
        }
    }
    files.sort_unstable();
    folders.sort_unstable();
    Ok(Folder {
        class,
        path: path.to_owned(),
        modified,
        files,
        folders,
    })
}

type Walked = (Head, Vec<Folder>, bool);

/// Goes through the folders, taking from `before` those that did not change.
fn walk(root: &Path, before: Option<(Head, Vec<Folder>)>, progress: &Progress) -> Result<Walked> {
    let mut top = read_folder(root, "", 0)?;
    let known: std::collections::HashMap<String, Folder> = before
        .map(|(_, folders)| folders)
        .unwrap_or_default()
        .into_iter()
        .map(|folder| (folder.path.clone(), folder))
        .collect();
    let flat = top.folders.is_empty();
    let names = if flat {
        vec![String::new()]
    } else {
        std::mem::take(&mut top.folders)
    };
    progress.start(names.len());
    let next = AtomicUsize::new(0);
    let changed = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<Folder>)>> {
        let mut found = Vec::new();
        loop {
            let class = next.fetch_add(1, Ordering::Relaxed);
            let Some(name) = names.get(class) else {
                return Ok(found);
            };
            let mut folders = Vec::new();
            walk_class(root, (class, name.as_str()), &known, &mut folders, &changed)?;
            let images: usize = folders.iter().map(|folder| folder.files.len()).sum();
            if images == 0 {
                return Err(Error::io(format!(
                    "Cannot use {}: it holds no .jpg, .jpeg or .png, expected images in each class folder",
                    below(root, name).display()
                )));
            }
            progress.advance(1, images)?;
            found.push((class, folders));
        }
    };
    let mut classes = Vec::new();
    let found: Vec<Result<_>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.min(names.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let joined = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| {
                Err(failed(
                    root,
                    "the thread that read its folders ended by itself",
                ))
            })
        });
        joined.collect()
    });
    for result in found {
        classes.extend(result?);
    }
    classes.sort_unstable_by_key(|(class, _)| *class);
    let folders: Vec<Folder> = classes
        .into_iter()
        .flat_map(|(_, folders)| folders)
        .collect();
    let head = Head {
        format: FORMAT.to_owned(),
        root: root.to_string_lossy().into_owned(),
        classes: names,
        folders: folders.len(),
    };
    let changed = changed.into_inner() > 0 || folders.len() != known.len();
    Ok((head, folders, changed))
}

/// A class's folders, by path. The root itself, as a class, has no subfolders.
fn walk_class(
    root: &Path,
    (class, name): (usize, &str),
    known: &std::collections::HashMap<String, Folder>,
    found: &mut Vec<Folder>,
    changed: &AtomicUsize,
) -> Result<()> {
    let mut open = vec![name.to_owned()];
    while let Some(path) = open.pop() {
        if path.split('/').count() > DEEPEST {
            return Err(failed(
                &root.join(&path),
                format!("it lies more than {DEEPEST} folders deep (a loop of links?)"),
            ));
        }
        let full = root.join(&path);
        let kept = known.get(&path).filter(|folder| {
            folder.class == class
                && modified(&full).is_ok_and(|time| time == folder.modified && time > 0)
        });
        let folder = match kept {
            Some(folder) => folder.clone(),
            None => {
                changed.fetch_add(1, Ordering::Relaxed);
                read_folder(root, &path, class)?
            }
        };
        open.extend(folder.folders.iter().cloned());
        found.push(folder);
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(())
}

/// The file that a root's listing is kept in.
fn cache_file(folder: &Path, root: &Path) -> PathBuf {
    let digest = Sha256::digest(root.to_string_lossy().as_bytes());
    let name = hex(&digest[..8]);
    folder.join(format!("{name}.jsonl"))
}

/// Returns what is kept of a root, or nothing where it is missing or not what `store` writes.
fn load(file: &Path, root: &Path) -> Option<(Head, Vec<Folder>)> {
    let mut lines = BufReader::new(fs::File::open(file).ok()?).lines();
    let head: Head = serde_json::from_str(&lines.next()?.ok()?).ok()?;
    if head.format != FORMAT || head.root != root.to_string_lossy() {
        return None;
    }
    let folders: Vec<Folder> = lines
        .map(|line| serde_json::from_str(&line.ok()?).ok())
        .collect::<Option<_>>()?;
    (folders.len() == head.folders).then_some((head, folders))
}

/// Writes beside, then renames: ranks that start together may all do it.
fn store(file: &Path, head: &Head, folders: &[Folder]) -> std::io::Result<()> {
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

#[cfg(test)]
mod tests;
