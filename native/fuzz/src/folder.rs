//! Files in memory of their own process, read as an edition of CIFAR-10 with one image a batch.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::data::cifar::{read_edition, Cifar, Edition, IMAGE_BYTES};

/// Writes the files and reads the test images at `path`, which must give them or an error.
pub fn read_folder(files: &[(&str, &[u8])], path: &str) {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = PathBuf::from(format!("/dev/shm/byol-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    });
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let outcome = read_edition(&folder.join(path), false, true, &Edition::unpublished(Cifar::Ten, 1));
    for (name, _) in files {
        fs::remove_file(folder.join(name)).unwrap();
    }
    if let Ok(read) = outcome {
        assert_eq!((read.images.len(), read.labels.len()), (IMAGE_BYTES, 1));
        assert!(read.labels[0] <= 9 && read.class_names.len() == 10);
    }
}
