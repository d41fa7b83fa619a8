//! Batches of images and labels, checked and put in their places.

use md5::{Digest, Md5};
use sha2::Sha256;

use super::edition::{Edition, Format};
use super::{CifarImages, ReadError, ReadErrorKind, IMAGE_BYTES};
use crate::formats::hex::hex;
use crate::formats::pickle::{self, Batch, ParseError};

pub(super) const CLASS_NAMES: [&str; 10] = [
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

pub(super) const RECORD_BYTES: usize = 1 + IMAGE_BYTES;

/// The batches of one half, put in their places as they come (an archive has its own order).
pub(super) struct Batches<'e> {
    pub(super) edition: &'e Edition,
    pub(super) format: Format,
    pub(super) train: bool,
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
        format: Format,
        train: bool,
        allow_unverified: bool,
    ) -> Self {
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
    pub(super) fn add(&mut self, name: &str, shown: &str, bytes: &[u8]) -> Result<(), ReadError> {
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

    pub(super) fn verify(&mut self, name: &str, shown: &str, found: &str) -> Result<(), ReadError> {
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
    pub(super) fn name_classes(&mut self, shown: &str, bytes: &[u8]) {
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

    pub(super) fn finish(self, layout: &'static str) -> Result<CifarImages, ReadError> {
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
