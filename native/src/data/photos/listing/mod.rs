//! The images of a folder, in the order of torchvision's ImageFolder, kept in a file for the next run.
//!
//! A class is a subfolder, and they count in the order of their names. An image of a class lies anywhere below its
//! folder; those go by the path of their folder, then by name. A folder without subfolders is a single class. Hidden
//! files, folders of systems, files that are no images to read, and what is no file are left out, and counted. What is
//! kept is believed folder by folder, as long as a folder's times and inode are still those of then: adding, removing
//! and renaming files changes them. Only the folders that changed are read again.

mod cache;
mod file_list;
mod folder;
mod left_out;
#[cfg(test)]
mod tests;
mod walk;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use self::cache::{cache_file, load, store, Head, FORMAT};
use self::walk::{walk, Walked};
use crate::data::progress::Progress;
use crate::error::{Error, Result};
use crate::formats::hex::hex;
pub use file_list::FileList;
pub use left_out::LeftOut;

/// The images below a folder. Names lie one behind the other, not each in memory of its own: ImageNet has 1.28 million.
pub struct Listing {
    /// The folder that paths are relative to.
    pub root: PathBuf,
    /// The folder or the list that the images were found by.
    pub place: PathBuf,
    pub classes: Vec<String>,
    pub digest: String,
    pub left_out: LeftOut,
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
        let walked = walk(root, before, progress)?;
        if let (Some(file), true) = (&kept, walked.changed) {
            let head = Head {
                format: FORMAT.to_owned(),
                root: root.to_string_lossy().into_owned(),
                classes: walked.classes.clone(),
                folders: walked.folders.len(),
            };
            // A cache that cannot be written costs the next run a minute, not this run its life.
            let _ = store(file, &head, &walked.folders);
        }
        let Walked {
            classes,
            folders,
            beside: mut left_out,
            ..
        } = walked;
        for folder in &folders {
            left_out.merge(&folder.left_out);
        }
        let folders = folders
            .into_iter()
            .map(|folder| (folder.class, folder.path, folder.files));
        Self::of((root, root), classes, left_out, folders)
    }

    /// Puts class, path and names of folders into one listing.
    fn of(
        (root, place): (&Path, &Path),
        classes: Vec<String>,
        left_out: LeftOut,
        folders: impl Iterator<Item = (usize, String, Vec<String>)>,
    ) -> Result<Self> {
        let mut hash = Sha256::new();
        for class in &classes {
            hash.update(format!("{class}\n"));
        }
        let (mut parts, mut names, mut ends) = (Vec::new(), String::new(), Vec::new());
        for (class, path, files) in folders {
            parts.push(Part {
                class,
                first: ends.len(),
                path,
            });
            let path = parts.last().map_or("", |part| &part.path);
            for file in &files {
                hash.update(format!("{path}/{file}\n"));
                names.push_str(file);
                ends.push(names.len() as u32);
            }
        }
        if names.len() > u32::MAX as usize {
            return Err(Error::invalid(format!(
                "Cannot list {}: the names of its {} images have more than 4 GiB",
                place.display(),
                ends.len()
            )));
        }
        let digest = hex(&hash.finalize());
        Ok(Self {
            root: root.to_owned(),
            place: place.to_owned(),
            classes,
            digest,
            left_out,
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
