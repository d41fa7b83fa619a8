//! CIFAR-10 and CIFAR-100 from the official files: the binary or the Python layout, as a folder or as the archive.
//!
//! Every batch file, and an archive as a whole, is checked against its published MD5. The files are
//! untrusted until then and also after: sizes are bounded before anything is allocated, nothing is
//! unpacked to disk, and a pickle is parsed, never executed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use edition::{Cifar, Edition};

use batches::Batches;
use edition::Format;

mod archive;
mod batches;
mod edition;
#[cfg(test)]
mod tests;

/// Values of one image: red, green and blue planes of 32 x 32, row by row.
pub const IMAGE_BYTES: usize = 3 * 32 * 32;
const MAX_META_BYTES: usize = 4096;

/// One half of a data set in memory.
pub struct CifarImages {
    /// count x 3 x 32 x 32, in the order of the official files.
    pub images: Vec<u8>,
    /// Class of each image: 0 to 9, or to 99.
    pub labels: Vec<u8>,
    /// A name for each class, those of the data's own file of names where it has one.
    pub class_names: Vec<String>,
    /// `binary`, `python`, `binary.tar.gz` or `python.tar.gz`.
    pub layout: &'static str,
    /// True where every file read has its published MD5.
    pub verified: bool,
    /// Warnings for the record of a run: files that are not the official ones.
    pub warnings: Vec<String>,
    /// SHA-256 over the images, then the labels, in lower-case hexadecimal.
    pub digest: String,
}

/// Somebody who waits for the data.
pub trait Watcher {
    /// Hears that so many bytes will be read.
    fn will_read(&self, bytes: usize);
    /// Hears that so many more were read, and returns whether to continue.
    fn wants_more(&self, bytes: usize) -> bool;
}

/// Waits to the end.
impl Watcher for () {
    fn will_read(&self, _bytes: usize) {}

    fn wants_more(&self, _bytes: usize) -> bool {
        true
    }
}

/// The kind of failure to read the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// No complete layout where it was looked for.
    Missing,
    /// A file ends too early.
    Truncated,
    /// A file is not the published one.
    Checksum,
    /// A file has not the expected content.
    Malformed,
    /// The system refused to read.
    Io,
}

/// An error with a message for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    pub kind: ReadErrorKind,
    pub message: String,
}

impl ReadError {
    fn new(kind: ReadErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

/// Reads the training images (`train`) or the test images from `directory`: a folder that holds one of the
/// official folders, archives or the batch files themselves, or the path of an official archive.
///
/// With `allow_unverified` a wrong MD5 becomes a warning; all other checks stay. `watcher` hears of the bytes that are
/// read, and may end the reading.
pub fn read(
    directory: &Path,
    train: bool,
    allow_unverified: bool,
    (cifar, watcher): (Cifar, &dyn Watcher),
) -> Result<CifarImages, ReadError> {
    let edition = Edition::official(cifar);
    let place = find(directory, train, cifar)?;
    watcher.will_read(match &place {
        Place::Folder(format, _) => {
            format.batches(train).len() * edition.max_batch_bytes(format, train)
        }
        Place::Archive(_, path) => path.metadata().map_or(0, |found| found.len() as usize),
    });
    read_place(place, train, allow_unverified, (&edition, watcher))
}

enum Place {
    Folder(&'static Format, PathBuf),
    Archive(&'static Format, PathBuf),
}

pub fn read_edition(
    directory: &Path,
    train: bool,
    allow_unverified: bool,
    edition: &Edition,
) -> Result<CifarImages, ReadError> {
    let place = find(directory, train, edition.cifar)?;
    read_place(place, train, allow_unverified, (edition, &()))
}

fn read_place(
    place: Place,
    train: bool,
    allow_unverified: bool,
    (edition, watcher): (&Edition, &dyn Watcher),
) -> Result<CifarImages, ReadError> {
    match place {
        Place::Folder(format, folder) => {
            let mut batches = Batches::new(edition, format, train, (false, allow_unverified));
            let limit = edition.max_batch_bytes(format, train);
            for name in format.batches(train) {
                let path = folder.join(name);
                let bytes = read_bounded(&path, limit, watcher)?;
                batches.add(name, &path.display().to_string(), &bytes)?;
            }
            let path = folder.join(format.meta);
            if path.is_file() {
                let bytes = read_bounded(&path, MAX_META_BYTES, watcher)?;
                batches.name_classes(&path.display().to_string(), &bytes);
            }
            batches.finish()
        }
        Place::Archive(format, path) => {
            let file = File::open(&path).map_err(|error| io_error(&path, &error))?;
            let length = file.metadata().map_err(|error| io_error(&path, &error))?;
            let (length, limit) = (length.len(), edition.max_unpacked_bytes());
            // Its MD5 is that of all its bytes: a file that never ends would never be done.
            if length > limit {
                let message = format!(
                    "Cannot read {}: it has {length} bytes, expected at most {limit}",
                    path.display()
                );
                return Err(ReadError::new(ReadErrorKind::Malformed, message));
            }
            let mut batches = Batches::new(edition, format, train, (true, allow_unverified));
            let source = Wanted {
                source: file,
                watcher,
            };
            archive::read(source, &path.display().to_string(), &mut batches)?;
            batches.finish()
        }
    }
}

/// The first complete layout. The error lists every place that was looked at, and what it lacks.
fn find(directory: &Path, train: bool, cifar: Cifar) -> Result<Place, ReadError> {
    let which = if train { "training" } else { "test" };
    let missing = |reason: String| {
        let message = format!("Cannot find {}'s {which} images: {reason}", cifar.title());
        Err(ReadError::new(ReadErrorKind::Missing, message))
    };
    match directory.metadata() {
        Ok(metadata) if metadata.is_file() => {
            let name = directory.file_name().and_then(|name| name.to_str());
            let formats = cifar.formats();
            return match formats
                .into_iter()
                .find(|format| Some(format.archive) == name)
            {
                Some(format) => Ok(Place::Archive(format, directory.to_owned())),
                None => missing(format!(
                    "{} is a file of another name than {} or {}",
                    directory.display(),
                    formats[0].archive,
                    formats[1].archive
                )),
            };
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return missing(format!("{} does not exist", directory.display()));
        }
        Err(error) => return Err(io_error(directory, &error)),
    }
    let mut tried = Vec::new();
    for format in cifar.formats() {
        for folder in [directory.join(format.folder), directory.to_owned()] {
            let names = format.batches(train);
            let absent = names.iter().find(|name| !folder.join(name).is_file());
            match absent {
                None => return Ok(Place::Folder(format, folder)),
                Some(name) => tried.push(folder.join(name)),
            }
        }
    }
    for format in cifar.formats() {
        let path = directory.join(format.archive);
        match path.is_file() {
            true => return Ok(Place::Archive(format, path)),
            false => tried.push(path),
        }
    }
    let tried: Vec<_> = tried
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    missing(format!("none of these files exists: {}", tried.join(", ")))
}

fn io_error(path: &Path, error: &io::Error) -> ReadError {
    ReadError::new(
        ReadErrorKind::Io,
        format!("Cannot read {}: {error}", path.display()),
    )
}

/// Reads a file of at most `limit` bytes; a longer one is read to one byte beyond, for the caller to refuse.
fn read_bounded(path: &Path, limit: usize, watcher: &dyn Watcher) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path).map_err(|error| io_error(path, &error))?;
    let length = file
        .metadata()
        .map_err(|error| io_error(path, &error))?
        .len();
    let capacity = usize::try_from(length).unwrap_or(limit).min(limit) + 1;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(capacity)
        .map_err(|error| io_error(path, &error.into()))?;
    let source = Wanted {
        source: file,
        watcher,
    };
    source
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| io_error(path, &error))?;
    Ok(bytes)
}

/// A file for as long as somebody waits for what is in it.
struct Wanted<'p> {
    source: File,
    watcher: &'p dyn Watcher,
}

/// Bytes read between two looks at whether it is still wanted: a fraction of a second on the slowest network disk.
const LOOK_EVERY: usize = 1 << 20;

impl Read for Wanted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = buffer.len().min(LOOK_EVERY);
        let count = self.source.read(&mut buffer[..end])?;
        match self.watcher.wants_more(count) {
            true => Ok(count),
            false => Err(io::Error::other("no longer wanted")),
        }
    }
}
