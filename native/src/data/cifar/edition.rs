//! The files of CIFAR-10 and CIFAR-100: their names, their sizes, their MD5.

use serde::Deserialize;

use super::IMAGE_BYTES;
use crate::formats::pickle;

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Cifar {
    #[serde(rename = "cifar10")]
    Ten,
    #[serde(rename = "cifar100")]
    Hundred,
}

impl Cifar {
    pub fn title(self) -> &'static str {
        match self {
            Self::Ten => "CIFAR-10",
            Self::Hundred => "CIFAR-100",
        }
    }

    /// Number of classes.
    pub fn classes(self) -> usize {
        self.class_names().len()
    }

    pub(super) fn class_names(self) -> &'static [&'static str] {
        match self {
            Self::Ten => &TEN_NAMES,
            Self::Hundred => &HUNDRED_NAMES,
        }
    }

    /// The layouts that the data set is published in, in the order in which they are looked for.
    pub(super) fn formats(self) -> [&'static Format; 2] {
        match self {
            Self::Ten => [&BINARY, &PYTHON],
            Self::Hundred => [&BINARY_100, &PYTHON_100],
        }
    }

    /// The name of a pickle's list of labels. CIFAR-100 has a second one, of 20 coarse classes, which is not used.
    pub(super) fn labels_key(self) -> &'static [u8] {
        match self {
            Self::Ten => b"labels",
            Self::Hundred => b"fine_labels",
        }
    }

    pub(super) fn names_key(self) -> &'static [u8] {
        match self {
            Self::Ten => b"label_names",
            Self::Hundred => b"fine_label_names",
        }
    }
}

/// A layout of the files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) encoding: Encoding,
    /// The folder that holds the files, in the archive also.
    pub(super) folder: &'static str,
    pub(super) archive: &'static str,
    /// The file of class names.
    pub(super) meta: &'static str,
    /// The files of the training images, each with as many, in their order.
    train: &'static [&'static str],
    test: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Records of an image's planes behind so many bytes of labels, of which the last is used.
    Binary {
        label_bytes: usize,
    },
    Python,
}

impl Format {
    pub(super) fn batches(&self, train: bool) -> &'static [&'static str] {
        if train {
            self.train
        } else {
            self.test
        }
    }

    /// The word for the layout in records.
    pub(super) fn layout(&self, is_archive: bool) -> &'static str {
        match (self.encoding, is_archive) {
            (Encoding::Binary { .. }, false) => "binary",
            (Encoding::Binary { .. }, true) => "binary.tar.gz",
            (Encoding::Python, false) => "python",
            (Encoding::Python, true) => "python.tar.gz",
        }
    }
}

pub(super) static BINARY: Format = Format {
    encoding: Encoding::Binary { label_bytes: 1 },
    folder: "cifar-10-batches-bin",
    archive: "cifar-10-binary.tar.gz",
    meta: "batches.meta.txt",
    train: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test: &["test_batch.bin"],
};

pub(super) static PYTHON: Format = Format {
    encoding: Encoding::Python,
    folder: "cifar-10-batches-py",
    archive: "cifar-10-python.tar.gz",
    meta: "batches.meta",
    train: &[
        "data_batch_1",
        "data_batch_2",
        "data_batch_3",
        "data_batch_4",
        "data_batch_5",
    ],
    test: &["test_batch"],
};

pub(super) static BINARY_100: Format = Format {
    encoding: Encoding::Binary { label_bytes: 2 },
    folder: "cifar-100-binary",
    archive: "cifar-100-binary.tar.gz",
    meta: "fine_label_names.txt",
    train: &["train.bin"],
    test: &["test.bin"],
};

pub(super) static PYTHON_100: Format = Format {
    encoding: Encoding::Python,
    folder: "cifar-100-python",
    archive: "cifar-100-python.tar.gz",
    meta: "meta",
    train: &["train"],
    test: &["test"],
};

/// The published MD5 of every file and archive. None is published of the files in CIFAR-100's binary archive.
const OFFICIAL_MD5: [(&str, &str); 18] = [
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
    (
        "cifar-100-binary.tar.gz",
        "03b5dce01913d631647c71ecec9e9cb8",
    ),
    (
        "cifar-100-python.tar.gz",
        "eb9058c3a382ffc7106e4002c42a8d85",
    ),
    ("train", "16019d7e3df5f24257cddd939b257f8d"),
    ("test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),
];

/// The files that are expected: the official edition, or a small one in tests.
pub struct Edition {
    pub(super) cifar: Cifar,
    /// Number of images in each file of training images, and in the file of test images.
    pub(super) images_per_batch: [usize; 2],
    pub(super) md5: Vec<(String, String)>,
}

impl Edition {
    pub fn official(cifar: Cifar) -> Self {
        let md5 = OFFICIAL_MD5
            .iter()
            .map(|(name, md5)| ((*name).to_owned(), (*md5).to_owned()));
        Self {
            cifar,
            images_per_batch: match cifar {
                Cifar::Ten => [10_000, 10_000],
                Cifar::Hundred => [50_000, 10_000],
            },
            md5: md5.collect(),
        }
    }

    /// One whose files no MD5 is known of.
    pub fn unpublished(cifar: Cifar, images_per_batch: usize) -> Self {
        Self {
            cifar,
            images_per_batch: [images_per_batch; 2],
            md5: Vec::new(),
        }
    }

    pub(super) fn md5_of(&self, name: &str) -> Option<&str> {
        self.md5
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, md5)| md5.as_str())
    }

    /// Number of images in each file of one half.
    pub(super) fn images_in(&self, train: bool) -> usize {
        self.images_per_batch[usize::from(!train)]
    }

    pub(super) fn max_batch_bytes(&self, format: &Format, train: bool) -> usize {
        let count = self.images_in(train);
        match format.encoding {
            Encoding::Binary { label_bytes } => count * (label_bytes + IMAGE_BYTES),
            Encoding::Python => pickle::max_batch_bytes(count),
        }
    }

    /// Bounds what an archive may unpack to: twice the size of the official one, 400 MB.
    pub(super) fn max_unpacked_bytes(&self) -> u64 {
        let files = self.cifar.formats()[0].train.len();
        let images = files * self.images_in(true) + self.images_in(false);
        images as u64 * 20_000 / 3
    }
}

const TEN_NAMES: [&str; 10] = [
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

#[rustfmt::skip]
const HUNDRED_NAMES: [&str; 100] = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest",
    "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard",
    "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum",
    "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper",
    "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone",
    "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm",
];
