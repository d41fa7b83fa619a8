//! CIFAR-10 from the official files: the binary or the Python layout, as a folder or as the archive.
//!
//! Every batch file, and an archive as a whole, is checked against its published MD5. The files are
//! untrusted until then and also after: sizes are bounded before anything is allocated, nothing is
//! unpacked to disk, and a pickle is parsed, never executed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::formats::hex::hex;
use crate::formats::pickle::{self, Batch, ParseError};

mod archive;
#[cfg(test)]
mod tests;

/// Values of one image: red, green and blue planes of 32 x 32, row by row.
pub const IMAGE_BYTES: usize = 3 * 32 * 32;
const RECORD_BYTES: usize = 1 + IMAGE_BYTES;
const MAX_META_BYTES: usize = 4096;

const CLASS_NAMES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// The published MD5 of every file and archive.
const OFFICIAL_MD5: [(&str, &str); 14] = [
    ("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
    ("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"),
    ("data_batch_1.bin", "5dd7e06a14cb22eb9f671a540d1b7c25"),
    ("data_batch_2.bin", "5ea93a67294ea407fff1d09f752e9692"),
    ("data_batch_3.bin", "942cd6a4bcdd0dd3c604fbe906cb4421"),
    ("data_batch_4.bin", "ae636b3ba5c66a11e91e8cb52e771fcb"),
    ("data_batch_5.bin", "53f37980c15c3d472c316c40844f3f0d"),
    ("test_batch.bin", "803d5f7f4d78ea53de84dbe85f74fb6d"),
    ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
    ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
    ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
    ("data_batch_4", "634d18415352ddfa80567beed471001a"),
    ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
    ("test_batch", "40351d587109b95175f43aff81a1287e"),
];

/// One half of CIFAR-10 in memory.
pub struct CifarImages {
    /// count x 3 x 32 x 32, in the order of the official files.
    pub images: Vec<u8>,
    /// 0 to 9, one for each image.
    pub labels: Vec<u8>,
    /// Ten names, those of the data's own `batches.meta` where it has one.
    pub class_names: Vec<String>,
    /// `binary`, `python`, `binary.tar.gz` or `python.tar.gz`.
    pub layout: &'static str,
    /// Whether every file read has its published MD5.
    pub verified: bool,
    /// What the record of a run should keep: files that are not the official ones.
    pub warnings: Vec<String>,
    /// SHA-256 over the images, then the labels, in lower-case hexadecimal.
    pub digest: String,
}

/// Somebody who waits for the data.
pub trait Watcher {
    /// So many bytes will be read.
    fn will_read(&self, bytes: usize);
    /// So many more were read: whether to go on.
    fn wants_more(&self, bytes: usize) -> bool;
}

/// Waits to the end.
impl Watcher for () {
    fn will_read(&self, _bytes: usize) {}

    fn wants_more(&self, _bytes: usize) -> bool {
        true
    }
}

/// What kept the data from being read.
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
    watcher: &dyn Watcher,
) -> Result<CifarImages, ReadError> {
    let place = find(directory, train)?;
    let edition = Edition::official();
    watcher.will_read(match &place {
        Place::Folder(format, _) => format.batches(train).len() * edition.max_batch_bytes(*format),
        Place::Archive(_, path) => path.metadata().map_or(0, |found| found.len() as usize),
    });
    read_place(place, train, allow_unverified, (&edition, watcher))
}

/// What the files are expected to be: the official edition, or a small one in tests.
pub struct Edition {
    images_per_batch: usize,
    md5: Vec<(String, String)>,
}

impl Edition {
    pub fn official() -> Self {
        let md5 = OFFICIAL_MD5
            .iter()
            .map(|(name, md5)| ((*name).to_owned(), (*md5).to_owned()));
        Self {
            images_per_batch: 10_000,
            md5: md5.collect(),
        }
    }

    /// One whose files no MD5 is known of.
    pub fn unpublished(images_per_batch: usize) -> Self {
        Self {
            images_per_batch,
            md5: Vec::new(),
        }
    }

    fn md5_of(&self, name: &str) -> Option<&str> {
        self.md5
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, md5)| md5.as_str())
    }

    fn max_batch_bytes(&self, format: Format) -> usize {
        match format {
            Format::Binary => self.images_per_batch * RECORD_BYTES,
            Format::Python => pickle::max_batch_bytes(self.images_per_batch),
        }
    }

    /// Bounds what an archive may unpack to: twice the size of the official one, 400 MB.
    fn max_unpacked_bytes(&self) -> u64 {
        self.images_per_batch as u64 * 40_000
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Binary,
    Python,
}

impl Format {
    const ALL: [Self; 2] = [Self::Binary, Self::Python];

    fn folder(self) -> &'static str {
        match self {
            Self::Binary => "cifar-10-batches-bin",
            Self::Python => "cifar-10-batches-py",
        }
    }

    fn archive(self) -> &'static str {
        match self {
            Self::Binary => "cifar-10-binary.tar.gz",
            Self::Python => "cifar-10-python.tar.gz",
        }
    }

    fn meta(self) -> &'static str {
        match self {
            Self::Binary => "batches.meta.txt",
            Self::Python => "batches.meta",
        }
    }

    fn batches(self, train: bool) -> Vec<String> {
        let ending = match self {
            Self::Binary => ".bin",
            Self::Python => "",
        };
        match train {
            true => (1..=5)
                .map(|number| format!("data_batch_{number}{ending}"))
                .collect(),
            false => vec![format!("test_batch{ending}")],
        }
    }
}

enum Place {
    Folder(Format, PathBuf),
    Archive(Format, PathBuf),
}

pub fn read_edition(
    directory: &Path,
    train: bool,
    allow_unverified: bool,
    edition: &Edition,
) -> Result<CifarImages, ReadError> {
    let place = find(directory, train)?;
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
            let mut batches = Batches::new(edition, format, train, allow_unverified);
            for name in format.batches(train) {
                let path = folder.join(&name);
                let bytes = read_bounded(&path, edition.max_batch_bytes(format), watcher)?;
                batches.add(&name, &path.display().to_string(), &bytes)?;
            }
            let path = folder.join(format.meta());
            if path.is_file() {
                let bytes = read_bounded(&path, MAX_META_BYTES, watcher)?;
                batches.name_classes(&path.display().to_string(), &bytes);
            }
            batches.finish(match format {
                Format::Binary => "binary",
                Format::Python => "python",
            })
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
            let mut batches = Batches::new(edition, format, train, allow_unverified);
            let source = Wanted {
                source: file,
                watcher,
            };
            archive::read(source, &path.display().to_string(), &mut batches)?;
            batches.finish(match format {
                Format::Binary => "binary.tar.gz",
                Format::Python => "python.tar.gz",
            })
        }
    }
}

/// The first complete layout. The error lists every place that was looked at, and what it lacks.
fn find(directory: &Path, train: bool) -> Result<Place, ReadError> {
    let which = if train { "training" } else { "test" };
    let missing = |reason: String| {
        let message = format!("Cannot find CIFAR-10's {which} images: {reason}");
        Err(ReadError::new(ReadErrorKind::Missing, message))
    };
    match directory.metadata() {
        Ok(metadata) if metadata.is_file() => {
            let name = directory.file_name().and_then(|name| name.to_str());
            return match Format::ALL
                .into_iter()
                .find(|format| Some(format.archive()) == name)
            {
                Some(format) => Ok(Place::Archive(format, directory.to_owned())),
                None => missing(format!(
                    "{} is a file of another name than {} or {}",
                    directory.display(),
                    Format::Binary.archive(),
                    Format::Python.archive()
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
    for format in Format::ALL {
        for folder in [directory.join(format.folder()), directory.to_owned()] {
            let names = format.batches(train);
            let absent = names.iter().find(|name| !folder.join(name).is_file());
            match absent {
                None => return Ok(Place::Folder(format, folder)),
                Some(name) => tried.push(folder.join(name)),
            }
        }
    }
    for format in Format::ALL {
        let path = directory.join(format.archive());
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

/// The batches of one half, put in their places as they come (an archive has its own order).
struct Batches<'e> {
    edition: &'e Edition,
    format: Format,
    train: bool,
    allow_unverified: bool,
    images: Vec<u8>,
    labels: Vec<u8>,
    class_names: Vec<String>,
    verified: bool,
    warnings: Vec<String>,
}

impl<'e> Batches<'e> {
    fn new(edition: &'e Edition, format: Format, train: bool, allow_unverified: bool) -> Self {
        Self {
            edition,
            format,
            train,
            allow_unverified,
            images: Vec::new(),
            labels: Vec::new(),
            class_names: CLASS_NAMES.iter().map(|name| (*name).to_owned()).collect(),
            verified: true,
            warnings: Vec::new(),
        }
    }

    /// Checks one batch file and copies its images and labels. `shown` names it in messages.
    fn add(&mut self, name: &str, shown: &str, bytes: &[u8]) -> Result<(), ReadError> {
        let count = self.edition.images_per_batch;
        let names = self.format.batches(self.train);
        let Some(slot) = names.iter().position(|known| known == name) else {
            let message = format!("Cannot use {shown}: no batch of CIFAR-10 has this name");
            return Err(ReadError::new(ReadErrorKind::Malformed, message));
        };
        // A cut file is reported as such, not as one with another MD5: it is the more useful message.
        let parsed = self.parse(shown, bytes);
        if let Err(
            error @ ReadError {
                kind: ReadErrorKind::Truncated,
                ..
            },
        ) = parsed
        {
            return Err(error);
        }
        self.verify(name, shown, &hex(&Md5::digest(bytes)))?;
        let batch = parsed?;
        self.make_room(names.len() * count, shown)?;
        let images = slot * count * IMAGE_BYTES..(slot + 1) * count * IMAGE_BYTES;
        self.images[images].copy_from_slice(&batch.images);
        self.labels[slot * count..(slot + 1) * count].copy_from_slice(&batch.labels);
        Ok(())
    }

    /// The memory of the whole, once one batch has shown that the files are what they should be.
    fn make_room(&mut self, count: usize, shown: &str) -> Result<(), ReadError> {
        if self.labels.len() == count {
            return Ok(());
        }
        let length = count * IMAGE_BYTES;
        self.images.try_reserve_exact(length).map_err(|error| {
            let message = format!("Cannot read {shown}: {length} bytes for the images: {error}");
            ReadError::new(ReadErrorKind::Io, message)
        })?;
        self.images.resize(length, 0);
        self.labels.resize(count, 0);
        Ok(())
    }

    fn parse<'b>(&self, shown: &str, bytes: &'b [u8]) -> Result<Batch<'b>, ReadError> {
        let count = self.edition.images_per_batch;
        let parsed = match self.format {
            Format::Binary => parse_binary(bytes, count),
            Format::Python => pickle::parse_batch(bytes, count),
        };
        parsed.map_err(|error| {
            let (kind, reason) = match error {
                ParseError::Truncated(reason) => (ReadErrorKind::Truncated, reason),
                ParseError::Malformed(reason) => (ReadErrorKind::Malformed, reason),
            };
            let cut = if kind == ReadErrorKind::Truncated {
                " (truncated; fetch it again)"
            } else {
                ""
            };
            ReadError::new(kind, format!("Cannot read {shown}: {reason}{cut}"))
        })
    }

    fn verify(&mut self, name: &str, shown: &str, found: &str) -> Result<(), ReadError> {
        let expected = self.edition.md5_of(name).unwrap_or("unknown");
        if found == expected {
            return Ok(());
        }
        if !self.allow_unverified {
            let message = format!(
                "Cannot trust {shown}: its MD5 is {found}, expected {expected}; fetch it again, or pass --allow_unverified_data to use it as it is"
            );
            return Err(ReadError::new(ReadErrorKind::Checksum, message));
        }
        self.verified = false;
        self.warnings.push(format!(
            "{shown} is not the official file: its MD5 is {found}, expected {expected}"
        ));
        Ok(())
    }

    /// Class names are for display only: a bad file of them is a warning.
    fn name_classes(&mut self, shown: &str, bytes: &[u8]) {
        let names = match self.format {
            Format::Binary => parse_meta_text(bytes),
            Format::Python => pickle::parse_class_names(bytes).ok(),
        };
        match names {
            Some(names) if is_list_of_names(&names) => self.class_names = names,
            _ => self.warnings.push(format!(
                "{shown} does not hold ten class names: the official ones are used"
            )),
        }
    }

    fn finish(self, layout: &'static str) -> Result<CifarImages, ReadError> {
        let digest = Sha256::new()
            .chain_update(&self.images)
            .chain_update(&self.labels)
            .finalize();
        Ok(CifarImages {
            images: self.images,
            labels: self.labels,
            class_names: self.class_names,
            layout,
            verified: self.verified,
            warnings: self.warnings,
            digest: hex(&digest),
        })
    }
}

/// Records of one label byte and the image's planes, nothing else.
fn parse_binary(bytes: &[u8], count: usize) -> Result<Batch<'_>, ParseError> {
    let expected = count * RECORD_BYTES;
    if bytes.len() < expected {
        let message = format!("it has {} bytes, expected {expected}", bytes.len());
        return Err(ParseError::Truncated(message));
    }
    if bytes.len() > expected {
        return Err(ParseError::Malformed(format!(
            "it has more than {expected} bytes"
        )));
    }
    let mut images = Vec::with_capacity(count * IMAGE_BYTES);
    let mut labels = Vec::with_capacity(count);
    for (index, record) in bytes.chunks_exact(RECORD_BYTES).enumerate() {
        let (label, image) = (record[0], &record[1..]);
        if label > 9 {
            let message = format!("the label of image {index} is {label}, expected 0 to 9");
            return Err(ParseError::Malformed(message));
        }
        labels.push(label);
        images.extend_from_slice(image);
    }
    Ok(Batch {
        images: images.into(),
        labels,
    })
}

fn parse_meta_text(bytes: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

fn is_list_of_names(names: &[String]) -> bool {
    names.len() == 10
        && names
            .iter()
            .all(|name| name.len() <= 64 && !name.chars().any(char::is_control))
}
