//! Images that a list names, in the place of those that a walk through folders finds.

use std::path::PathBuf;

use serde::Deserialize;

use super::{LeftOut, Listing};
use crate::error::{Error, Result};

/// Images by class and folder, as a list of files names them.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileList {
    /// The list's own path.
    place: PathBuf,
    /// The folder that paths are relative to.
    root: PathBuf,
    /// The names of the classes; one empty name for images without labels.
    classes: Vec<String>,
    folders: Vec<ListedFolder>,
}

/// Images of one class in one folder.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListedFolder {
    class: usize,
    /// Relative to the root, or absolute.
    path: String,
    files: Vec<String>,
}

impl Listing {
    /// Takes the images of a list, in its order. Whether a file is there, and an image, shows when it is read.
    pub fn of_list(list: FileList) -> Result<Self> {
        let FileList {
            place,
            root,
            classes,
            folders,
        } = list;
        if let Some(folder) = folders.iter().find(|folder| folder.class >= classes.len()) {
            return Err(Error::invalid(format!(
                "Cannot list {}: an image has class {}, expected less than {}",
                place.display(),
                folder.class,
                classes.len()
            )));
        }
        let folders = folders
            .into_iter()
            .map(|folder| (folder.class, folder.path, folder.files));
        Self::of((&root, &place), classes, LeftOut::default(), folders)
    }
}
