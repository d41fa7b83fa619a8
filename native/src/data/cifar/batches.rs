//! Batches of images and labels, checked and put in their places.

use md5::{Digest, Md5};
use sha2::Sha256;

use super::edition::{Cifar, Edition, Encoding, Format};
use super::{CifarImages, ReadError, ReadErrorKind, IMAGE_BYTES};
use crate::formats::hex::hex;
use crate::formats::pickle::{self, Batch, ParseError};

/// The batches of one half, put in their places as they come (an archive has its own order).
pub(super) struct Batches<'e> {
    pub(super) edition: &'e Edition,
    pub(super) format: &'static Format,
    pub(super) train: bool,
    /// True where the files come from an archive, whose MD5 vouches for those that have none of their own.
    in_archive: bool,
    allow_unverified: bool,
    images: Vec<u8>,
    pub(super) labels: Vec<u8>,
    class_names: Vec<String>,
    verified: bool,
    warnings: Vec<String>,
}

impl<'e> Batches<'e> {
    pub(super) fn new(
        edition: &'e Edition,
        format: &'static Format,
        train: bool,
        (in_archive, allow_unverified): (bool, bool),
    ) -> Self {
        Self {
            edition,
            format,
            train,
            in_archive,
            allow_unverified,
            images: Vec::new(),
            labels: Vec::new(),
            class_names: edition
                .cifar
                .class_names()
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            verified: true,
            warnings: Vec::new(),
        }
    }

    /// Checks one batch file and copies its images and labels. `shown` names it in messages.
    pub(super) fn add(&mut self, name: &str, shown: &str, bytes: &[u8]) -> Result<(), ReadError> {
        let count = self.edition.images_in(self.train);
        let names = self.format.batches(self.train);
        let Some(slot) = names.iter().position(|known| *known == name) else {
            let title = self.edition.cifar.title();
            let message = format!("Cannot use {shown}: no batch of {title} has this name");
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
        let is_covered = self.in_archive && self.edition.md5_of(name).is_none();
        if !is_covered {
            self.verify(name, shown, &hex(&Md5::digest(bytes)))?;
        }
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
        let (count, cifar) = (self.edition.images_in(self.train), self.edition.cifar);
        let parsed = match self.format.encoding {
            Encoding::Binary { label_bytes } => parse_binary(bytes, count, label_bytes, cifar),
            Encoding::Python => {
                pickle::parse_batch(bytes, count, (cifar.labels_key(), cifar.classes()))
            }
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

    pub(super) fn verify(&mut self, name: &str, shown: &str, found: &str) -> Result<(), ReadError> {
        let (doubt, repair) = match self.edition.md5_of(name) {
            Some(expected) if found == expected => return Ok(()),
            Some(expected) => (
                format!("its MD5 is {found}, expected {expected}"),
                "fetch it again",
            ),
            None => (
                "no MD5 of it is published".to_owned(),
                "put the archive, or the Python files, in its place",
            ),
        };
        if !self.allow_unverified {
            let message = format!(
                "Cannot trust {shown}: {doubt}; {repair}, or pass --allow_unverified_data to use it as it is"
            );
            return Err(ReadError::new(ReadErrorKind::Checksum, message));
        }
        self.verified = false;
        self.warnings
            .push(format!("{shown} is not the official file: {doubt}"));
        Ok(())
    }

    /// Class names are for display only: a bad file of them is a warning.
    pub(super) fn name_classes(&mut self, shown: &str, bytes: &[u8]) {
        let cifar = self.edition.cifar;
        let names = match self.format.encoding {
            Encoding::Binary { .. } => parse_meta_text(bytes),
            Encoding::Python => pickle::parse_class_names(bytes, cifar.names_key()).ok(),
        };
        match names {
            Some(names) if is_list_of_names(&names, cifar) => self.class_names = names,
            _ => self.warnings.push(format!(
                "{shown} does not hold {} class names: the official ones are used",
                cifar.classes()
            )),
        }
    }

    pub(super) fn finish(self) -> Result<CifarImages, ReadError> {
        let digest = Sha256::new()
            .chain_update(&self.images)
            .chain_update(&self.labels)
            .finalize();
        Ok(CifarImages {
            images: self.images,
            labels: self.labels,
            class_names: self.class_names,
            layout: self.format.layout(self.in_archive),
            verified: self.verified,
            warnings: self.warnings,
            digest: hex(&digest),
        })
    }
}

/// Records of labels and the image's planes, nothing else.
fn parse_binary(
    bytes: &[u8],
    count: usize,
    label_bytes: usize,
    cifar: Cifar,
) -> Result<Batch<'_>, ParseError> {
    let record_bytes = label_bytes + IMAGE_BYTES;
    let expected = count * record_bytes;
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
    for (index, record) in bytes.chunks_exact(record_bytes).enumerate() {
        let (of_record, image) = record.split_at(label_bytes);
        let label = of_record[label_bytes - 1];
        if usize::from(label) >= cifar.classes() {
            let message = format!(
                "the label of image {index} is {label}, expected 0 to {}",
                cifar.classes() - 1
            );
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

fn is_list_of_names(names: &[String], cifar: Cifar) -> bool {
    names.len() == cifar.classes()
        && names
            .iter()
            .all(|name| name.len() <= 64 && !name.chars().any(char::is_control))
}
