use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::write::GzEncoder;
use flate2::Compression;
use md5::{Digest, Md5};
use sha2::Sha256;

use super::edition::{Encoding, BINARY, BINARY_100, PYTHON, PYTHON_100};
use super::*;
use crate::formats::hex::hex;
use crate::formats::pickle::tests::{python2_batch, python2_batch_100, Random};

const COUNT: usize = 2;
const FORMATS: [&Format; 4] = [&BINARY, &PYTHON, &BINARY_100, &PYTHON_100];

/// A folder of its own, removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("byol-cifar-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn is_training(name: &str) -> bool {
    name.starts_with("data") || name.starts_with("train")
}

/// The batches of one layout: names in the official order and bytes. Both layouts hold the same images.
fn batches(format: &'static Format) -> Vec<(String, Vec<u8>)> {
    let is_hundred = [&BINARY_100, &PYTHON_100].contains(&format);
    let classes = if is_hundred { 100 } else { 10 };
    let names = [format.batches(true), format.batches(false)].concat();
    let batch = |(number, name): (usize, &str)| {
        let value = |i: usize| ((37 * i + i / 256 + 91 * number) % 256) as u8;
        let images: Vec<u8> = (0..COUNT * IMAGE_BYTES).map(value).collect();
        let label = |i: usize| ((classes - 3 + i + 3 * number) % classes) as u8;
        let labels: Vec<u8> = (0..COUNT).map(label).collect();
        let coarse: Vec<u8> = labels.iter().map(|label| label % 20).collect();
        let bytes = match format.encoding {
            Encoding::Python if is_hundred => python2_batch_100(&images, &labels, &coarse),
            Encoding::Python => python2_batch(&images, &labels),
            Encoding::Binary { label_bytes } => {
                let records = images.chunks(IMAGE_BYTES).zip(coarse.iter().zip(&labels));
                records
                    .flat_map(|(image, (coarse, label))| {
                        [&[*coarse, *label][2 - label_bytes..], image].concat()
                    })
                    .collect()
            }
        };
        (name.to_owned(), bytes)
    };
    names.into_iter().enumerate().map(batch).collect()
}

fn expected(train: bool) -> (Vec<u8>, Vec<u8>) {
    expected_of(&BINARY, train)
}

/// Images and labels of a half, by a binary format.
fn expected_of(format: &'static Format, train: bool) -> (Vec<u8>, Vec<u8>) {
    let Encoding::Binary { label_bytes } = format.encoding else {
        panic!("a binary format was expected");
    };
    let mut images = Vec::new();
    let mut labels = Vec::new();
    for (_, bytes) in batches(format)
        .iter()
        .filter(|(name, _)| is_training(name) == train)
    {
        for record in bytes.chunks(label_bytes + IMAGE_BYTES) {
            labels.push(record[label_bytes - 1]);
            images.extend_from_slice(&record[label_bytes..]);
        }
    }
    (images, labels)
}

fn tar_header(name: &[u8], size: u64, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    // set_path refuses the names that the reader must survive.
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

/// A tar file of plain entries.
fn tar_of(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let header = tar_header(name.as_bytes(), bytes.len() as u64, tar::EntryType::Regular);
        builder.append(&header, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The entries of an archive in an order that is not that of the batches, as in the official one.
fn entries(format: &'static Format) -> Vec<(String, Vec<u8>)> {
    let mut entries = batches(format);
    entries.reverse();
    entries.push(("readme.html".to_owned(), b"<html>".to_vec()));
    for entry in &mut entries {
        entry.0 = format!("{}/{}", format.folder, entry.0);
    }
    entries
}

fn edition() -> Edition {
    edition_of(Cifar::Ten)
}

/// An edition of small files. As of the official ones, no MD5 is known of the files of CIFAR-100's binary layout.
fn edition_of(cifar: Cifar) -> Edition {
    let mut md5 = Vec::new();
    for format in FORMATS {
        for (name, bytes) in batches(format) {
            if format != &BINARY_100 {
                md5.push((name, hex(&Md5::digest(bytes))));
            }
        }
        let archive = gzip(&tar_of(&entries(format)));
        md5.push((format.archive.to_owned(), hex(&Md5::digest(archive))));
    }
    Edition {
        cifar,
        images_per_batch: [COUNT; 2],
        md5,
    }
}

fn write_folder(folder: &Folder, format: &'static Format) {
    for (name, bytes) in batches(format) {
        folder.write(&format!("{}/{name}", format.folder), &bytes);
    }
}

fn write_archive(folder: &Folder, format: &'static Format, entries: &[(String, Vec<u8>)]) {
    folder.write(format.archive, &gzip(&tar_of(entries)));
}

fn ok(directory: &Path, train: bool, allow_unverified: bool) -> CifarImages {
    match read_edition(directory, train, allow_unverified, &edition()) {
        Ok(images) => images,
        Err(error) => panic!("{:?}: {error}", error.kind),
    }
}

fn fails(directory: &Path, train: bool, allow_unverified: bool) -> ReadError {
    match read_edition(directory, train, allow_unverified, &edition()) {
        Ok(_) => panic!("bad data was read"),
        Err(error) => error,
    }
}

fn assert_read(directory: &Path, layout: &str) {
    for train in [true, false] {
        let read = ok(directory, train, false);
        assert!(
            (read.images, read.labels) == expected(train),
            "other images or labels"
        );
        assert_eq!((read.layout, read.verified), (layout, true));
        assert!(read.warnings.is_empty());
        assert_eq!(read.class_names, Cifar::Ten.class_names());
    }
}

#[test]
fn every_batch_and_archive_has_a_published_md5() {
    for cifar in [Cifar::Ten, Cifar::Hundred] {
        let official = Edition::official(cifar);
        for format in cifar.formats() {
            let names = [
                format.batches(true),
                format.batches(false),
                &[format.archive],
            ];
            for name in names.concat() {
                let length = official.md5_of(name).map(str::len);
                let is_published = format != &BINARY_100 || name == format.archive;
                assert_eq!(length, is_published.then_some(32), "{name}");
            }
        }
        assert_eq!(official.max_unpacked_bytes(), 400_000_000);
        assert_eq!(cifar.class_names().len(), cifar.classes());
    }
    let official = Edition::official(Cifar::Ten);
    assert_eq!(official.max_batch_bytes(&BINARY, true), 30_730_000);
    let official = Edition::official(Cifar::Hundred);
    assert_eq!(official.max_batch_bytes(&BINARY_100, true), 153_700_000);
    assert!(Cifar::Hundred.class_names().is_sorted());
}

#[test]
fn reads_the_fine_labels_of_both_layouts_of_cifar_100() {
    let edition = edition_of(Cifar::Hundred);
    for format in [&BINARY_100, &PYTHON_100] {
        let folder = Folder::new();
        write_archive(&folder, format, &entries(format));
        for train in [true, false] {
            let read = read_edition(&folder.0, train, false, &edition).unwrap();
            assert!(
                (read.images, read.labels) == expected_of(&BINARY_100, train),
                "other images or labels"
            );
            assert_eq!((read.layout, read.verified), (format.layout(true), true));
            assert_eq!(read.class_names, Cifar::Hundred.class_names());
        }
        assert!(expected_of(&BINARY_100, true).1.contains(&98));
    }
    let folder = Folder::new();
    write_folder(&folder, &PYTHON_100);
    assert!(
        read_edition(&folder.0, true, false, &edition)
            .unwrap()
            .verified
    );
}

#[test]
fn files_of_which_no_md5_is_published_are_refused_outside_their_archive() {
    let edition = edition_of(Cifar::Hundred);
    let folder = Folder::new();
    write_folder(&folder, &BINARY_100);
    let Err(error) = read_edition(&folder.0, true, false, &edition) else {
        panic!("unpublished files were read");
    };
    assert_eq!(error.kind, ReadErrorKind::Checksum);
    assert!(
        error.message.contains("no MD5 of it is published"),
        "{error}"
    );
    let read = read_edition(&folder.0, true, true, &edition).unwrap();
    assert!(!read.verified && read.warnings.len() == 1);
    // In the archive, one changed byte shows in the archive's own MD5.
    let mut changed = entries(&BINARY_100);
    changed[0].1[5] ^= 1;
    write_archive(&folder, &BINARY_100, &changed);
    fs::remove_dir_all(folder.0.join(BINARY_100.folder)).unwrap();
    let Err(error) = read_edition(&folder.0, false, false, &edition) else {
        panic!("a changed archive was read");
    };
    assert_eq!(error.kind, ReadErrorKind::Checksum);
}

#[test]
fn cifar_10_is_not_cifar_100() {
    let folder = Folder::new();
    write_folder(&folder, &BINARY);
    let Err(error) = read_edition(&folder.0, true, false, &edition_of(Cifar::Hundred)) else {
        panic!("another data set was read");
    };
    assert_eq!(error.kind, ReadErrorKind::Missing);
    assert!(error
        .message
        .starts_with("Cannot find CIFAR-100's training images"));
    // A label that CIFAR-10 has not is damage there.
    let (name, mut bytes) = batches(&BINARY_100).remove(0);
    bytes[1] = 100;
    folder.write(&format!("{}/{name}", BINARY_100.folder), &bytes);
    let Err(error) = read_edition(&folder.0, true, true, &edition_of(Cifar::Hundred)) else {
        panic!("a label that is none was read");
    };
    assert!(
        error.message.contains("is 100, expected 0 to 99"),
        "{error}"
    );
}

#[test]
fn reads_both_layouts_as_folder_and_as_archive() {
    for (format, layout) in [(&BINARY, "binary"), (&PYTHON, "python")] {
        let folder = Folder::new();
        write_folder(&folder, format);
        assert_read(&folder.0, layout);
        assert_read(&folder.0.join(format.folder), layout);

        let folder = Folder::new();
        write_archive(&folder, format, &entries(format));
        assert_read(&folder.0, &format!("{layout}.tar.gz"));
        assert_read(&folder.0.join(format.archive), &format!("{layout}.tar.gz"));
    }
}

#[test]
fn the_digest_is_sha256_of_images_then_labels() {
    let folder = Folder::new();
    write_folder(&folder, &BINARY);
    let (images, labels) = expected(true);
    assert_eq!(
        ok(&folder.0, true, false).digest,
        hex(&Sha256::digest([images, labels].concat()))
    );
}

#[test]
fn a_missing_layout_lists_what_was_tried() {
    let folder = Folder::new();
    let error = fails(&folder.0, true, true);
    assert_eq!(error.kind, ReadErrorKind::Missing);
    for format in [&BINARY, &PYTHON] {
        for name in [format.folder, format.archive, format.batches(true)[0]] {
            assert!(error.message.contains(name), "{name}: {error}");
        }
    }
    // A folder that lacks one batch is passed over for a complete layout.
    write_folder(&folder, &BINARY);
    fs::remove_file(folder.0.join("cifar-10-batches-bin/data_batch_3.bin")).unwrap();
    let error = fails(&folder.0, true, true);
    assert_eq!(error.kind, ReadErrorKind::Missing);
    assert!(
        error
            .message
            .contains("cifar-10-batches-bin/data_batch_3.bin"),
        "{error}"
    );
    assert_eq!(ok(&folder.0, false, false).layout, "binary");
    write_folder(&folder, &PYTHON);
    assert_eq!(ok(&folder.0, true, false).layout, "python");
}

#[test]
fn a_missing_folder_or_another_file_is_missing() {
    let folder = Folder::new();
    let error = fails(&folder.0.join("nowhere"), true, false);
    assert_eq!(error.kind, ReadErrorKind::Missing);
    assert!(error.message.ends_with("nowhere does not exist"), "{error}");
    folder.write("other.zip", b"");
    let error = fails(&folder.0.join("other.zip"), true, false);
    assert_eq!(error.kind, ReadErrorKind::Missing);
    assert!(error.message.contains("cifar-10-binary.tar.gz"), "{error}");
}

#[test]
fn a_truncated_batch_is_truncated_whatever_the_option() {
    for format in [&BINARY, &PYTHON] {
        let folder = Folder::new();
        write_folder(&folder, format);
        let (name, bytes) = &batches(format)[2];
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            folder.write(&format!("{}/{name}", format.folder), &bytes[..length]);
            for allow_unverified in [false, true] {
                let error = fails(&folder.0, true, allow_unverified);
                assert_eq!(error.kind, ReadErrorKind::Truncated, "{error}");
                assert!(error.message.contains(name.as_str()), "{error}");
            }
        }
        assert!(
            ok(&folder.0, false, false).verified,
            "the test batch is another file"
        );
    }
}

#[test]
fn a_flipped_byte_is_a_wrong_md5_or_a_warning() {
    for format in [&BINARY, &PYTHON] {
        let folder = Folder::new();
        write_folder(&folder, format);
        let (name, mut bytes) = batches(format).remove(5);
        let middle = bytes.len() / 2 + 100;
        bytes[middle] ^= 1;
        folder.write(&format!("{}/{name}", format.folder), &bytes);
        let error = fails(&folder.0, false, false);
        assert_eq!(error.kind, ReadErrorKind::Checksum);
        let (found, wanted) = (
            hex(&Md5::digest(&bytes)),
            edition().md5_of(&name).unwrap().to_owned(),
        );
        for part in [name.as_str(), &found, &wanted, "--allow_unverified_data"] {
            assert!(error.message.contains(part), "{part}: {error}");
        }
        let read = ok(&folder.0, false, true);
        assert!(!read.verified);
        assert_eq!(read.warnings.len(), 1);
        assert!(read.warnings[0].contains(&found) && read.warnings[0].contains(&wanted));
        assert!(read.images != expected(false).0, "read as it is");
        assert!(
            ok(&folder.0, true, true).verified,
            "the training batches are official"
        );
    }
}

#[test]
fn a_label_of_ten_is_refused_even_unverified() {
    let folder = Folder::new();
    write_folder(&folder, &BINARY);
    let (name, mut bytes) = batches(&BINARY).remove(0);
    bytes[1 + IMAGE_BYTES] = 10;
    folder.write(&format!("cifar-10-batches-bin/{name}"), &bytes);
    assert_eq!(fails(&folder.0, true, false).kind, ReadErrorKind::Checksum);
    let error = fails(&folder.0, true, true);
    assert_eq!(error.kind, ReadErrorKind::Malformed);
    assert!(
        error.message.contains("image 1 is 10, expected 0 to 9"),
        "{error}"
    );
}

#[test]
fn a_batch_that_is_too_long_is_refused() {
    let folder = Folder::new();
    write_folder(&folder, &BINARY);
    let (name, mut bytes) = batches(&BINARY).remove(0);
    bytes.push(0);
    folder.write(&format!("cifar-10-batches-bin/{name}"), &bytes);
    let error = fails(&folder.0, true, true);
    assert_eq!(error.kind, ReadErrorKind::Malformed);
    assert!(error.message.contains("more than 6146 bytes"), "{error}");
}

#[test]
fn class_names_come_from_the_data_if_they_are_ten() {
    let folder = Folder::new();
    write_folder(&folder, &BINARY);
    folder.write(
        "cifar-10-batches-bin/batches.meta.txt",
        b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n",
    );
    let read = ok(&folder.0, true, false);
    assert_eq!(read.class_names.concat(), "abcdefghij");
    assert!(read.verified && read.warnings.is_empty());
    for bad in [b"a\nb\n".as_slice(), b"\xff", &[b'x'; 100_000]] {
        folder.write("cifar-10-batches-bin/batches.meta.txt", bad);
        let read = ok(&folder.0, true, false);
        assert_eq!(read.class_names, Cifar::Ten.class_names());
        assert!(
            read.warnings[0].contains("batches.meta.txt"),
            "{:?}",
            read.warnings
        );
    }
}

#[test]
fn names_outside_the_official_folder_are_ignored() {
    let folder = Folder::new();
    let mut all = entries(&BINARY);
    let bad = vec![255; 100];
    for name in [
        "../data_batch_1.bin",
        "/etc/data_batch_1.bin",
        "cifar-10-batches-bin/../data_batch_1.bin",
        "cifar-10-batches-bin//data_batch_1.bin",
        "./cifar-10-batches-bin/data_batch_1.bin",
        "cifar-10-batches-bin/data_batch_1.bin/",
    ] {
        all.insert(0, (name.to_owned(), bad.clone()));
    }
    write_archive(&folder, &BINARY, &all);
    let read = ok(&folder.0, true, true);
    assert!(
        (read.images, read.labels) == expected(true),
        "other images or labels"
    );
    assert_eq!(
        read.warnings.len(),
        1,
        "the archive is not the official one"
    );
    assert_eq!(
        fs::read_dir(&folder.0).unwrap().count(),
        1,
        "nothing is unpacked"
    );
}

#[test]
fn duplicate_linked_and_absent_entries_are_refused() {
    let folder = Folder::new();
    for duplicate in ["data_batch_1.bin", "test_batch.bin"] {
        let mut all = entries(&BINARY);
        let name = format!("cifar-10-batches-bin/{duplicate}");
        let copy = all.iter().find(|entry| entry.0 == name).unwrap().clone();
        all.push(copy);
        write_archive(&folder, &BINARY, &all);
        let error = fails(&folder.0, true, true);
        assert_eq!(error.kind, ReadErrorKind::Malformed);
        assert!(
            error.message.contains(duplicate) && error.message.contains("twice"),
            "{error}"
        );
    }

    let mut all = entries(&BINARY);
    all.retain(|entry| !entry.0.ends_with("data_batch_4.bin"));
    write_archive(&folder, &BINARY, &all);
    let error = fails(&folder.0, true, true);
    assert!(
        error
            .message
            .contains("no entry cifar-10-batches-bin/data_batch_4.bin"),
        "{error}"
    );

    let name = b"cifar-10-batches-bin/data_batch_4.bin";
    let mut header = tar_header(name, 0, tar::EntryType::Symlink);
    header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
    header.set_cksum();
    folder.write(
        BINARY.archive,
        &gzip(&[header.as_bytes(), tar_of(&all).as_slice()].concat()),
    );
    let error = fails(&folder.0, true, true);
    assert!(error.message.contains("not a plain file"), "{error}");
}

#[test]
fn a_cut_archive_is_truncated_whatever_the_option() {
    let folder = Folder::new();
    for format in [&BINARY, &PYTHON] {
        let bytes = gzip(&tar_of(&entries(format)));
        for length in [0, 5, 100, bytes.len() / 2, bytes.len() - 9, bytes.len() - 1] {
            folder.write(format.archive, &bytes[..length]);
            for allow_unverified in [false, true] {
                let error = fails(&folder.0.join(format.archive), true, allow_unverified);
                assert_eq!(error.kind, ReadErrorKind::Truncated, "{length}: {error}");
            }
        }
    }
}

#[test]
fn a_damaged_archive_has_a_wrong_md5_and_cannot_be_read_unverified() {
    let folder = Folder::new();
    let good = gzip(&tar_of(&entries(&BINARY)));
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    for bytes in [
        damaged,
        b"<html>404 Not Found, in twenty bytes</html>".to_vec(),
    ] {
        folder.write(BINARY.archive, &bytes);
        let error = fails(&folder.0, true, false);
        assert_eq!(error.kind, ReadErrorKind::Checksum, "{error}");
        assert!(
            error.message.contains(&hex(&Md5::digest(&bytes))),
            "the MD5 of the whole file: {error}"
        );
        assert_ne!(fails(&folder.0, true, true).kind, ReadErrorKind::Checksum);
    }
    let longer = [good.as_slice(), b"more"].concat();
    folder.write(BINARY.archive, &longer);
    assert_eq!(fails(&folder.0, true, false).kind, ReadErrorKind::Checksum);
    let read = ok(&folder.0, true, true);
    assert!(read.images == expected(true).0 && !read.verified);
}

#[test]
fn an_archive_that_unpacks_without_end_is_refused() {
    let folder = Folder::new();
    let limit = edition().max_unpacked_bytes();
    let zeros = vec![0; limit as usize];
    for name in ["zeros", "cifar-10-batches-bin/data_batch_1.bin"] {
        let bomb = [vec![(name.to_owned(), zeros.clone())], entries(&BINARY)].concat();
        write_archive(&folder, &BINARY, &bomb);
        let error = fails(&folder.0, true, true);
        assert_eq!(error.kind, ReadErrorKind::Malformed);
        assert!(
            error.message.contains("at most 6146") || error.message.contains("more than 80000")
        );
    }
    // Behind the end of the tar file, too.
    let tail = [tar_of(&entries(&BINARY)), zeros].concat();
    folder.write(BINARY.archive, &gzip(&tail));
    assert!(fails(&folder.0, true, true)
        .message
        .contains("more than 80000"));
    // A size that the archive only claims.
    let name = b"cifar-10-batches-bin/data_batch_1.bin";
    for size in [u64::MAX, 1 << 40, 6147] {
        let header = tar_header(name, size, tar::EntryType::Regular);
        folder.write(BINARY.archive, &gzip(header.as_bytes()));
        let error = fails(&folder.0, true, true);
        assert_eq!(error.kind, ReadErrorKind::Malformed);
    }
    let header = tar_header(name, 6146, tar::EntryType::Regular);
    folder.write(BINARY.archive, &gzip(header.as_bytes()));
    assert_eq!(fails(&folder.0, true, true).kind, ReadErrorKind::Truncated);
}

#[test]
fn mutated_archives_give_errors_or_images_and_never_a_panic() {
    let edition = edition();
    let tar = tar_of(&entries(&BINARY)[..1]);
    let archive = gzip(&tar);
    let mut random = Random(7);
    let mut refused = 0;
    for round in 0..5_000 {
        let bytes = match round % 2 {
            0 => random.mutate(&archive),
            _ => gzip(&random.mutate(&tar)),
        };
        let mut batches = Batches::new(&edition, &BINARY, false, (true, true));
        match archive::read(bytes.as_slice(), "archive", &mut batches) {
            Ok(()) => assert!(batches.labels.iter().all(|label| *label <= 9)),
            Err(error) => {
                assert_ne!(error.kind, ReadErrorKind::Io, "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 2_000, "only {refused} of 5000 were refused");
}
