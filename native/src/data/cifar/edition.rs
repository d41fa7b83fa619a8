//! The files of CIFAR-10: their names, their sizes, their MD5.

use super::batches::RECORD_BYTES;
use crate::formats::pickle;

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

/// The files that are expected: the official edition, or a small one in tests.
pub struct Edition {
    pub(super) images_per_batch: usize,
    pub(super) md5: Vec<(String, String)>,
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

    pub(super) fn md5_of(&self, name: &str) -> Option<&str> {
        self.md5
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, md5)| md5.as_str())
    }

    pub(super) fn max_batch_bytes(&self, format: Format) -> usize {
        match format {
            Format::Binary => self.images_per_batch * RECORD_BYTES,
            Format::Python => pickle::max_batch_bytes(self.images_per_batch),
        }
    }

    /// Bounds what an archive may unpack to: twice the size of the official one, 400 MB.
    pub(super) fn max_unpacked_bytes(&self) -> u64 {
        self.images_per_batch as u64 * 40_000
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Binary,
    Python,
}

impl Format {
    pub(super) const ALL: [Self; 2] = [Self::Binary, Self::Python];

    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Binary => "cifar-10-batches-bin",
            Self::Python => "cifar-10-batches-py",
        }
    }

    pub(super) fn archive(self) -> &'static str {
        match self {
            Self::Binary => "cifar-10-binary.tar.gz",
            Self::Python => "cifar-10-python.tar.gz",
        }
    }

    pub(super) fn meta(self) -> &'static str {
        match self {
            Self::Binary => "batches.meta.txt",
            Self::Python => "batches.meta",
        }
    }

    pub(super) fn batches(self, train: bool) -> Vec<String> {
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
