//! The images and labels that a data set is opened with.

use std::collections::HashMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::cifar::{self, Cifar, ReadErrorKind};
use super::demo;
use super::photos::jpeg::Decoder;
use super::photos::source::Source;
use super::progress::Progress;
use crate::error::{Error, Result, Status};
use crate::formats::hex::hex;
use crate::torch::memory::zeros;

/// Pixels, labels and the description.
pub type Loaded = (Vec<u8>, Vec<u16>, serde_json::Value);

/// Photos are read when they are asked for: no pixels. Labels are numbers of `named` classes, or of the images' own.
pub fn describe_photos(source: &Source, named: Option<&[String]>) -> Result<Loaded> {
    let classes = named.unwrap_or_else(|| source.classes());
    if source.count() >= u32::MAX as usize || classes.len() > usize::from(u16::MAX) {
        return Err(Error::invalid(format!(
            "Cannot use {} images of {} classes: expected fewer than 2^32 of at most 65535",
            source.count(),
            classes.len()
        )));
    }
    let numbers = numbers_in(classes, source)?;
    let labels = (0..source.count())
        .map(|i| numbers.get(source.class(i)).copied().unwrap_or_default())
        .collect();
    let mut warnings = Vec::new();
    if numbers.len() < classes.len() {
        warnings.push(format!(
            "{} has images of {} of the {} classes: labels go by the names of classes",
            source.place(),
            numbers.len(),
            classes.len()
        ));
    }
    if let Decoder::Zune = Decoder::chosen() {
        warnings.push(
            "JPEG files are decoded by zune-jpeg, more slowly than by libjpeg-turbo and not to the same bits: \
             set-up found none; with network, run: deno task setup"
                .to_owned(),
        );
    }
    let description = serde_json::json!({
        "count": source.count(), "classes": classes.len(), "classNames": classes, "digest": source.digest(),
        "layout": source.layout(), "verified": null, "warnings": warnings, "found": source.found(),
    });
    Ok((Vec::new(), labels, description))
}

/// Returns the number that each class of the images has among `classes`. Fails on a class that is not among them.
fn numbers_in(classes: &[String], source: &Source) -> Result<Vec<u16>> {
    let known: HashMap<&str, u16> = classes.iter().map(String::as_str).zip(0..).collect();
    let number = |name: &String| {
        known.get(name.as_str()).copied().ok_or_else(|| {
            Error::invalid(format!(
                "Cannot use {}: its class {name} is none of the {} classes to train on, expected the same names",
                source.place(),
                classes.len()
            ))
        })
    };
    source.classes().iter().map(number).collect()
}

/// The embedded images, or the first of those to evaluate on.
pub fn load_demo(train: bool, count: usize) -> Result<Loaded> {
    let mut pixels = zeros(count * demo::IMAGE_SIZE, "the demo's images")?;
    let labels = demo::fill(train, &mut pixels);
    let digest = Sha256::new()
        .chain_update(&pixels)
        .chain_update(&labels)
        .finalize();
    let digest = hex(&digest);
    let description = serde_json::json!({
        "count": labels.len(), "classes": 10, "classNames": demo::CLASS_NAMES, "digest": digest,
        "layout": "demo", "verified": null, "warnings": [],
        "found": { "place": "the program itself", "images": labels.len(), "classes": 10 },
    });
    Ok((pixels, widened(&labels), description))
}

/// Reads one half of CIFAR-10 or CIFAR-100.
pub fn load_cifar(
    directory: &Path,
    train: bool,
    allow_unverified: bool,
    (cifar, progress): (Cifar, &Progress),
) -> Result<Loaded> {
    let read = cifar::read(directory, train, allow_unverified, (cifar, progress));
    let read = read.map_err(|error| Error {
        status: match error.kind {
            ReadErrorKind::Io => Status::Io,
            _ => Status::InvalidArgument,
        },
        message: error.message,
    })?;
    let classes = cifar.classes();
    let description = serde_json::json!({
        "count": read.labels.len(), "classes": classes, "classNames": read.class_names, "digest": read.digest,
        "layout": read.layout, "verified": read.verified, "warnings": read.warnings,
        "found": { "place": directory.display().to_string(), "images": read.labels.len(), "classes": classes },
    });
    Ok((read.images, widened(&read.labels), description))
}

fn widened(labels: &[u8]) -> Vec<u16> {
    labels.iter().map(|&label| u16::from(label)).collect()
}
