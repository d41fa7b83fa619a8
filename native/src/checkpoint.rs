//! Training states and encoders as safetensors files: written beside, synced, renamed; read strictly.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use tch::{Kind, Tensor};

use crate::boundary::{Error, Result};

pub mod format;
mod read;

pub use read::Checkpoint;

/// The key of our JSON in a file's metadata.
const METADATA_KEY: &str = "byol";

/// Writes tensors and a JSON text. The file appears whole or not at all.
pub fn save(path: &Path, tensors: &[(String, Tensor)], metadata: &str) -> Result<()> {
    let bytes = encode(tensors, metadata)?;
    let failed = |error: std::io::Error| {
        Error::io(format!(
            "Cannot write {} ({} bytes): {error}",
            path.display(),
            bytes.len()
        ))
    };
    let beside = PathBuf::from(format!("{}.{}.part", path.display(), std::process::id()));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&beside, path)) {
        // The failure that is told is the first one; what is left beside is of no use to anybody.
        drop(fs::remove_file(&beside));
        return Err(failed(error));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

fn encode(tensors: &[(String, Tensor)], metadata: &str) -> Result<Vec<u8>> {
    let mut data = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let tensor = tensor.f_contiguous()?;
        let (dtype, width) = match tensor.kind() {
            Kind::Float => (Dtype::F32, 4),
            Kind::Double => (Dtype::F64, 8),
            Kind::Int64 => (Dtype::I64, 8),
            other => {
                return Err(Error::invalid(format!(
                    "Cannot save {name}: unexpected element type {other:?}"
                )))
            }
        };
        let shape: Vec<usize> = tensor.size().iter().map(|&size| size as usize).collect();
        let mut bytes = vec![0u8; tensor.numel() * width];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        data.push((name.as_str(), dtype, shape, bytes));
    }
    let views = data
        .iter()
        .map(|(name, dtype, shape, bytes)| {
            Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?))
        })
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| Error::invalid(format!("Cannot encode the tensors: {error}")))?;
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), metadata.to_owned())]);
    safetensors::serialize(views, Some(metadata))
        .map_err(|error| Error::invalid(format!("Cannot encode the tensors: {error}")))
}
