//! Valid files, small ones: what the mutations start from.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use byol::data::cifar::IMAGE_BYTES;
use flate2::write::GzEncoder;
use flate2::Compression;
use safetensors::tensor::{Dtype, TensorView};

/// A folder in memory of one's own, removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let parent = match memory.is_dir() {
            true => memory.to_owned(),
            false => std::env::temp_dir(),
        };
        let path = parent.join(format!("byol-hostile-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Two checkpoints of a few tensors.
pub fn checkpoints() -> [Vec<u8>; 2] {
    let bytes: Vec<u8> = (0..400).map(|index| index as u8).collect();
    let view = |dtype, shape: &[usize], range: std::ops::Range<usize>| {
        TensorView::new(dtype, shape.to_vec(), &bytes[range]).unwrap()
    };
    let small = [
        ("conv1.weight", view(Dtype::F32, &[2, 3, 3, 3], 0..216)),
        ("bn1.weight", view(Dtype::F32, &[2], 216..224)),
        ("bn1.num_batches_tracked", view(Dtype::I64, &[], 224..232)),
        ("empty", view(Dtype::F64, &[0, 5], 0..0)),
    ];
    let prefixed = [
        (
            "online.encoder.conv1.weight",
            view(Dtype::F64, &[4, 3], 0..96),
        ),
        (
            "target.encoder.conv1.weight",
            view(Dtype::F64, &[4, 3], 96..192),
        ),
        (
            "momentum.encoder.conv1.weight",
            view(Dtype::F64, &[4, 3], 192..288),
        ),
    ];
    let texts = r#"{"step":12,"config":{"epochs":3,"lrInit":0.2,"name":"demo"}}"#;
    let metadata = std::collections::HashMap::from([("byol".to_owned(), texts.to_owned())]);
    [
        safetensors::serialize(small, Some(metadata)).unwrap(),
        safetensors::serialize(prefixed, None).unwrap(),
    ]
}

/// A batch of CIFAR-10's binary layout.
pub fn binary_batch(count: usize, shift: usize) -> Vec<u8> {
    let record = |image: usize| {
        let label = ((image + shift) % 10) as u8;
        let pixels = (0..IMAGE_BYTES).map(move |i| ((37 * i + i / 256 + 91 * image) % 256) as u8);
        std::iter::once(label).chain(pixels)
    };
    (0..count).flat_map(record).collect()
}

/// A batch of the Python layout as pickle protocol 2 of Python 2, without file names.
pub fn python_batch(count: usize, shift: usize) -> Vec<u8> {
    let records = binary_batch(count, shift);
    let mut out = b"\x80\x02}q\x01(U\x06labelsq\x02]q\x03(".to_vec();
    for record in records.chunks(1 + IMAGE_BYTES) {
        out.extend([b'K', record[0]]);
    }
    out.extend(b"eU\x04dataq\x04cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06");
    out.extend(b"K\0\x85U\x01b\x87Rq\x07(K\x01J");
    out.extend((count as u32).to_le_bytes());
    out.extend(b"M\0\x0c\x86cnumpy\ndtype\nq\x08U\x02u1K\0K\x01\x87Rq\x09");
    out.extend(b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T");
    out.extend(((count * IMAGE_BYTES) as u32).to_le_bytes());
    for record in records.chunks(1 + IMAGE_BYTES) {
        out.extend(&record[1..]);
    }
    out.extend(b"tbu.");
    out
}

/// A tar file with the test batch of the binary layout, or of the Python one.
pub fn tar(python: bool, batch: &[u8]) -> Vec<u8> {
    let (folder, meta) = match python {
        true => ("cifar-10-batches-py", "test_batch"),
        false => ("cifar-10-batches-bin", "test_batch.bin"),
    };
    let mut builder = tar::Builder::new(Vec::new());
    let entries: [(String, &[u8]); 3] = [
        (format!("{folder}/readme.html"), b"<html>"),
        (
            format!("{folder}/batches.meta.txt"),
            b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n",
        ),
        (format!("{folder}/{meta}"), batch),
    ];
    for (name, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A checkpoint with this header and as many zeros behind it.
pub fn checkpoint(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}
