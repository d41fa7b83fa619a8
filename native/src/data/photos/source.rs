//! The files of images: loose in folders, or packed in shards. Either gives an image's bytes by its index.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::listing::Listing;
use super::packed::Packed;

/// The files of one data set.
pub enum Source {
    Folder(Listing),
    Packed(Packed),
}

impl Source {
    pub fn count(&self) -> usize {
        match self {
            Self::Folder(listing) => listing.count(),
            Self::Packed(packed) => packed.count(),
        }
    }

    pub fn classes(&self) -> &[String] {
        match self {
            Self::Folder(listing) => &listing.classes,
            Self::Packed(packed) => &packed.manifest.byol.classes,
        }
    }

    /// The class of an image.
    pub fn class(&self, index: usize) -> usize {
        match self {
            Self::Folder(listing) => listing.class(index),
            Self::Packed(packed) => packed.class(index),
        }
    }

    /// Returns the digest of the images and their order: packed as they are, the same.
    pub fn digest(&self) -> &str {
        match self {
            Self::Folder(listing) => &listing.digest,
            Self::Packed(packed) => &packed.manifest.byol.digest,
        }
    }

    /// Returns the place of the images, their number, and what was left out beside them, as JSON.
    pub fn found(&self) -> serde_json::Value {
        let mut found = match self {
            Self::Folder(listing) => listing.left_out.describe(),
            Self::Packed(packed) => match packed.manifest.byol.bad {
                0 => serde_json::Map::new(),
                bad => [("unpacked".to_owned(), bad.into())].into_iter().collect(),
            },
        };
        found.insert("place".to_owned(), self.place().into());
        found.insert("images".to_owned(), self.count().into());
        found.insert("classes".to_owned(), self.classes().len().into());
        found.into()
    }

    /// The folder, list or manifest of the images.
    pub fn place(&self) -> String {
        match self {
            Self::Folder(listing) => listing.place.display().to_string(),
            Self::Packed(packed) => packed.place(),
        }
    }

    pub fn layout(&self) -> &'static str {
        match self {
            Self::Folder(_) => "folder",
            Self::Packed(_) => "packed",
        }
    }

    /// Returns an image's name in messages.
    pub fn name(&self, index: usize) -> String {
        match self {
            Self::Folder(listing) => listing.root.join(listing.name(index)).display().to_string(),
            Self::Packed(packed) => packed.name(index),
        }
    }

    /// The path of an image in the folder that was listed.
    pub fn relative_name(&self, index: usize) -> String {
        match self {
            Self::Folder(listing) => listing.name(index),
            Self::Packed(packed) => packed.relative_name(index).to_owned(),
        }
    }

    /// Reads the bytes of an image's file into `buffer`.
    pub fn bytes<'a>(&self, index: usize, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], String> {
        match self {
            Self::Folder(listing) => {
                let path = listing.root.join(listing.name(index));
                twice(|| read(&path, buffer))
                    .map_err(|error| format!("it cannot be read: {error}"))?;
                Ok(buffer)
            }
            Self::Packed(packed) => packed.bytes(index, buffer),
        }
    }
}

/// Reads again after a failure that may pass, as a network file system's moment of weakness does; what is not there will
/// not come.
pub(super) fn twice<T>(mut read: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    read().or_else(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::PermissionDenied => Err(error),
        _ => read(),
    })
}

/// Reads a whole file. What has become a pipe or a device since the listing is refused: its reading would not end.
fn read(path: &Path, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    let mut file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    file.read_to_end(buffer)?;
    Ok(())
}
