//! Training states and encoders as safetensors files: written beside, synced, renamed; read strictly.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use crate::boundary::{Error, Result};

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

/// A file's bytes, with what is wrong with it said by name.
pub struct Checkpoint {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Checkpoint {
    pub fn open(path: &str) -> Result<Self> {
        let bytes = fs::read(path)
            .map_err(|error| Error::io(format!("Cannot read the checkpoint {path}: {error}")))?;
        Ok(Self {
            path: PathBuf::from(path),
            bytes,
        })
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.bytes).map_err(|error| {
            Error::invalid(format!(
                "Cannot read the checkpoint {}: it is damaged ({error:?})",
                self.path.display()
            ))
        })
    }

    /// Our JSON of the file's metadata, the number of tensors, and SHA-256 over all tensors sorted by name: each
    /// as name, dtype, shape and bytes.
    pub fn describe(&self) -> Result<String> {
        let tensors = self.tensors()?;
        let (_, header) = SafeTensors::read_metadata(&self.bytes).map_err(|error| {
            Error::invalid(format!("Cannot read {}: {error:?}", self.path.display()))
        })?;
        let text = header
            .metadata()
            .as_ref()
            .and_then(|map| map.get(METADATA_KEY));
        let metadata: serde_json::Value = match text {
            Some(text) => serde_json::from_str(text).map_err(|error| {
                Error::invalid(format!(
                    "Cannot read the metadata of {}: {error}",
                    self.path.display()
                ))
            })?,
            None => serde_json::Value::Null,
        };
        let mut names = tensors.names();
        names.sort_unstable();
        let mut hash = Sha256::new();
        let mut shapes = serde_json::Map::new();
        for name in &names {
            let view = view_of(&tensors, name)?;
            hash.update(format!("{name}\0{:?}\0{:?}\0", view.dtype(), view.shape()));
            hash.update(view.data());
            shapes.insert((*name).to_owned(), serde_json::json!(view.shape()));
        }
        let digest: String = hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(serde_json::json!({
            "metadata": metadata, "tensors": names.len(), "sha256": digest, "shapes": shapes,
        })
        .to_string())
    }

    /// Fills `targets` from the file's tensors of the same names; a missing, extra, reshaped or retyped tensor is
    /// an error that names it, and then nothing was written.
    pub fn load(
        &self,
        targets: Vec<(String, Tensor)>,
        keep: impl Fn(&str) -> Option<String>,
    ) -> Result<()> {
        let file = self.tensors()?;
        let wrong =
            |what: String| Error::invalid(format!("Cannot load {}: {what}", self.path.display()));
        let mut found: HashMap<String, String> = file
            .names()
            .into_iter()
            .filter_map(|name| keep(name).map(|key| (key, name.to_owned())))
            .collect();
        let mut loaded = Vec::new();
        for (name, target) in targets {
            let stored = found
                .remove(&name)
                .ok_or_else(|| wrong(format!("the tensor {name} is missing")))?;
            let view = view_of(&file, &stored)?;
            let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
            if shape != target.size() {
                return Err(wrong(format!(
                    "{name} has shape {shape:?}, expected {:?}",
                    target.size()
                )));
            }
            let kind = match view.dtype() {
                Dtype::F32 => Kind::Float,
                Dtype::F64 => Kind::Double,
                Dtype::I64 => Kind::Int64,
                other => return Err(wrong(format!("{name} has element type {other:?}"))),
            };
            if kind != target.kind() {
                return Err(wrong(format!(
                    "{name} has element type {kind:?}, expected {:?}",
                    target.kind()
                )));
            }
            loaded.push((target, Tensor::f_from_data_size(view.data(), &shape, kind)?));
        }
        if let Some(name) = found.keys().min() {
            return Err(wrong(format!(
                "the tensor {name} does not belong to this network"
            )));
        }
        for (mut target, value) in loaded {
            target.f_copy_(&value)?;
        }
        Ok(())
    }
}

fn view_of<'a>(tensors: &'a SafeTensors, name: &str) -> Result<TensorView<'a>> {
    tensors
        .tensor(name)
        .map_err(|error| Error::invalid(format!("Cannot read the tensor {name}: {error:?}")))
}
