//! Tensors on their way into a safetensors file: copied first, so that whoever made them can continue, then written
//! beside, synced and renamed. A snapshot costs as much memory as the tensors in it, until it is written.

use std::cmp::Reverse;
use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use super::digest::{digest_place, DIGEST_KEY, DIGEST_ZEROS};
use super::METADATA_KEY;
use crate::error::{Error, Result, Status};
use crate::formats::hex::hex;

const BUFFER_BYTES: usize = 1 << 20;

struct Stored {
    name: String,
    dtype: &'static str,
    width: usize,
    shape: Vec<i64>,
    bytes: Vec<u8>,
}

/// Copies of tensors, and the JSON text to go with them.
pub struct Snapshot {
    tensors: Vec<Stored>,
    metadata: String,
}

impl Snapshot {
    pub fn take(tensors: &[(String, Tensor)], metadata: String) -> Result<Self> {
        let mut stored = tensors
            .iter()
            .map(|(name, tensor)| Stored::copy(name, tensor))
            .collect::<Result<Vec<_>>>()?;
        // Widest first, so that each lies aligned for whoever maps the file into memory.
        stored.sort_by(|a, b| (Reverse(a.width), &a.name).cmp(&(Reverse(b.width), &b.name)));
        Ok(Self {
            tensors: stored,
            metadata,
        })
    }

    /// Refuses NaN and infinity, wherever they came from: a run that resumes from them is lost.
    pub fn require_finite(&self) -> Result<()> {
        let Some(bad) = self.tensors.iter().find(|tensor| !tensor.is_finite()) else {
            return Ok(());
        };
        Err(Error {
            status: Status::NotFinite,
            message: format!(
                "Cannot save {}: it holds NaN or infinity, expected finite numbers",
                bad.name
            ),
        })
    }

    /// Writes the file, which appears whole or not at all. What is in `sync_first` is on the disk before it appears.
    pub fn write(&self, path: &Path, sync_first: &[PathBuf]) -> Result<()> {
        let header = self.header()?;
        let data: usize = self.tensors.iter().map(|tensor| tensor.bytes.len()).sum();
        let total = 8 + header.len() + data;
        let failed = |error: std::io::Error| {
            let path = path.display();
            Error::io(format!("Cannot write {path} ({total} bytes): {error}"))
        };
        let beside = PathBuf::from(format!("{}.{}.part", path.display(), std::process::id()));
        let written = self.write_beside(&beside, &header).and_then(|()| {
            for other in sync_first {
                File::open(other)?.sync_data()?;
            }
            fs::rename(&beside, path)
        });
        if let Err(error) = written {
            // The failure that is told is the first one; what is left beside is of no use to anybody.
            drop(fs::remove_file(&beside));
            return Err(failed(error));
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        sync_folder(folder).map_err(failed)
    }

    fn write_beside(&self, beside: &Path, header: &str) -> std::io::Result<()> {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(beside)?);
        let mut hash = Sha256::new();
        let length = (header.len() as u64).to_le_bytes();
        let parts = [length.as_slice(), header.as_bytes()].into_iter();
        for bytes in parts.chain(self.tensors.iter().map(|tensor| tensor.bytes.as_slice())) {
            hash.update(bytes);
            out.write_all(bytes)?;
        }
        let mut file = out.into_inner().map_err(|error| error.into_error())?;
        if let Some(place) = digest_place(header.as_bytes()) {
            file.seek(SeekFrom::Start((length.len() + place.start) as u64))?;
            file.write_all(hex(&hash.finalize()).as_bytes())?;
        }
        file.sync_all()
    }

    /// The JSON that a safetensors file begins with, with zeros for the digest, padded to a multiple of eight bytes.
    fn header(&self) -> Result<String> {
        let mut entries = serde_json::Map::new();
        let metadata = serde_json::json!({ METADATA_KEY: self.metadata, DIGEST_KEY: DIGEST_ZEROS });
        entries.insert("__metadata__".to_owned(), metadata);
        let mut start = 0;
        for tensor in &self.tensors {
            let end = start + tensor.bytes.len();
            let entry = serde_json::json!({
                "dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, end],
            });
            if entries.insert(tensor.name.clone(), entry).is_some() {
                let name = &tensor.name;
                return Err(Error::invalid(format!(
                    "Cannot save two tensors called {name}"
                )));
            }
            start = end;
        }
        let mut header = serde_json::Value::Object(entries).to_string();
        header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
        Ok(header)
    }
}

impl Stored {
    fn is_finite(&self) -> bool {
        // Without a branch in the loop, so that it runs as fast as the memory.
        match self.dtype {
            "F32" => self.bytes.chunks(4096).all(|block| {
                let numbers = block.chunks_exact(4);
                numbers.fold(true, |all, b| {
                    all & f32::from_ne_bytes([b[0], b[1], b[2], b[3]]).is_finite()
                })
            }),
            "F64" => self.bytes.chunks(4096).all(|block| {
                let numbers = block.chunks_exact(8);
                numbers.fold(true, |all, b| {
                    let bytes = [b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]];
                    all & f64::from_ne_bytes(bytes).is_finite()
                })
            }),
            _ => true,
        }
    }

    fn copy(name: &str, tensor: &Tensor) -> Result<Self> {
        let (dtype, width) = match tensor.kind() {
            Kind::Float => ("F32", 4),
            Kind::Double => ("F64", 8),
            Kind::Int => ("I32", 4),
            Kind::Int64 => ("I64", 8),
            other => {
                return Err(Error::invalid(format!(
                    "Cannot save {name}: unexpected element type {other:?}"
                )))
            }
        };
        let count = tensor.numel();
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(count * width)
            .map_err(|error| Error {
                status: Status::OutOfMemory,
                message: format!("Cannot copy {name} ({} bytes): {error}", count * width),
            })?;
        bytes.resize(count * width, 0);
        tensor.f_contiguous()?.f_copy_data_u8(&mut bytes, count)?;
        Ok(Self {
            name: name.to_owned(),
            dtype,
            width,
            shape: tensor.size(),
            bytes,
        })
    }
}

/// Syncs a folder, so that a rename in it survives a crash. A file system that has no such sync answers EINVAL, as some of
/// FUSE do: the rename is as safe there as it can be.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match File::open(path)?.sync_all() {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        synced => synced,
    }
}

/// Writes tensors and a JSON text at once.
pub fn save(path: &Path, tensors: &[(String, Tensor)], metadata: &str) -> Result<()> {
    Snapshot::take(tensors, metadata.to_owned())?.write(path, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_whose_file_system_has_no_sync_is_let_pass() {
        // Linux gives the answer that some file systems of FUSE give.
        let proc = Path::new("/proc");
        let answer = File::open(proc).unwrap().sync_all().unwrap_err();
        assert_eq!(answer.raw_os_error(), Some(libc::EINVAL));
        sync_folder(proc).unwrap();
        sync_folder(Path::new(".")).unwrap();
        assert!(sync_folder(Path::new("/nowhere")).is_err());
    }
}
