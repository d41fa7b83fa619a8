//! Reads training states and encoders: tensor by tensor, never the file as a whole.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use safetensors::tensor::Dtype;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use super::digest::verify;
use super::METADATA_KEY;
use crate::error::{Error, Result, Status};
use crate::formats::encoder_file::{first_names, Architecture, EncoderFile};
use crate::formats::header::{FormatError, Header, TensorEntry};
use crate::formats::hex::hex;
use crate::formats::torch_file::{is_torch, TorchFile};

/// The end of the names of batch normalisations' counts.
const COUNT: &str = ".num_batches_tracked";
/// Bytes are hashed in pieces of this size.
const PIECE: usize = 1 << 16;

/// An open file whose header has been checked against its length.
pub struct Checkpoint {
    path: PathBuf,
    file: File,
    header: Header,
    /// Set where it is a file of torch.save.
    torch: Option<TorchFile>,
}

/// A plain file and its length.
pub fn open_plain(path: impl AsRef<Path>) -> io::Result<(File, u64)> {
    // Looked at before it is opened: a pipe would wait for its writer.
    if !fs::metadata(&path)?.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

impl Checkpoint {
    pub fn open(path: &str) -> Result<Self> {
        let failed = |error: FormatError| {
            let message = format!("Cannot read the checkpoint {path}: {error}");
            match error {
                FormatError::Io(_) => Error::io(message),
                FormatError::Damaged(_) | FormatError::Refused(_) => Error::invalid(message),
            }
        };
        let (file, length) = open_plain(path).map_err(|error| failed(FormatError::Io(error)))?;
        // Told by content: files of both forms go by many names.
        let mut start = [0; 4];
        let known = length.min(4) as usize;
        file.read_exact_at(&mut start[..known], 0)
            .map_err(|error| failed(FormatError::Io(error)))?;
        let torch = match is_torch(&start[..known]) {
            true => Some(TorchFile::read(&file, length).map_err(failed)?),
            false => None,
        };
        Ok(Self {
            header: match &torch {
                Some(torch) => Header::placed(torch.tensors.clone()),
                None => Header::read(&file, length).map_err(failed)?,
            },
            path: PathBuf::from(path),
            file,
            torch,
        })
    }

    /// Returns whether the file was seen to be whole by the SHA-256 it holds; another one than its bytes give is an
    /// error. A file of torch.save holds none: false, once its CRC-32 are seen to be right.
    pub fn verify(&self) -> Result<bool> {
        let name = self.path.display();
        if let Some(torch) = &self.torch {
            let failed =
                |error| Error::invalid(format!("Cannot read the checkpoint {name}: {error}"));
            return torch.verify(&self.file).map(|()| false).map_err(failed);
        }
        (&self.file)
            .seek(SeekFrom::Start(0))
            .map_err(|error| Error::io(format!("Cannot read the checkpoint {name}: {error}")))?;
        verify(&self.file, &name.to_string())
    }

    /// Our JSON of the file's metadata, the number of tensors, and SHA-256 over all tensors sorted by name: each
    /// as name, dtype, shape and bytes.
    pub fn describe(&self) -> Result<String> {
        let whole = self.verify()?;
        // Checked, but passed on as the text it is: values in memory take many times its size.
        let metadata = self.header.text(METADATA_KEY).unwrap_or("null");
        let metadata: &RawValue = serde_json::from_str(metadata).map_err(|error| {
            Error::invalid(format!(
                "Cannot read the metadata of {}: {error}",
                self.path.display()
            ))
        })?;
        let tensors = &self.header.tensors;
        let mut hash = Sha256::new();
        let mut shapes = serde_json::Map::new();
        for tensor in tensors {
            let TensorEntry {
                name, dtype, shape, ..
            } = tensor;
            hash.update(format!("{name}\0{dtype:?}\0{shape:?}\0"));
            if let Some(strides) = &tensor.strides {
                hash.update(format!("{strides:?}\0"));
            }
            self.pieces(tensor, |piece| hash.update(piece))?;
            shapes.insert(name.clone(), serde_json::json!(shape));
        }
        let description = Description {
            metadata,
            whole,
            tensors: tensors.len(),
            sha256: hex(&hash.finalize()),
            shapes,
            encoder: EncoderFile::find(tensors).ok().map(|encoder| {
                let architecture = encoder.architecture();
                EncoderDescription {
                    words: encoder.words,
                    prefix: encoder.prefix,
                    resnet_type: architecture.map(|found| found.resnet_type),
                    stem: architecture.map(|found| found.stem),
                    left_out: encoder.left_out,
                }
            }),
        };
        serde_json::to_string(&description).map_err(|error| {
            Error::invalid(format!("Cannot describe {}: {error}", self.path.display()))
        })
    }

    /// A tensor's bytes, piece by piece.
    fn pieces(&self, tensor: &TensorEntry, mut take: impl FnMut(&[u8])) -> Result<()> {
        let mut piece = [0; PIECE];
        let (mut offset, mut left) = (self.header.offset_of(tensor), tensor.length());
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            self.read_at(&mut piece[..length], offset)?;
            take(&piece[..length]);
            offset += length as u64;
            left -= length as u64;
        }
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<()> {
        self.file.read_exact_at(bytes, offset).map_err(|error| {
            Error::io(format!(
                "Cannot read the checkpoint {}: {error}",
                self.path.display()
            ))
        })
    }

    /// Fills `targets` from the file's tensors of the same names; a missing, extra, reshaped or retyped tensor is
    /// an error that names it, and then nothing was written. Names that are not to be kept are passed over.
    pub fn load(&self, targets: Vec<(String, Tensor)>, keep: impl Fn(&str) -> bool) -> Result<()> {
        self.verify()?;
        let wrong = |what: String| self.cannot_load(what);
        let tensors = self.header.tensors.iter();
        let tensors = tensors.filter(|tensor| keep(&tensor.name));
        let mut found: HashMap<&str, &TensorEntry> = tensors
            .map(|tensor| (tensor.name.as_str(), tensor))
            .collect();
        let mut loaded = Vec::new();
        for (name, target) in targets {
            let stored = found
                .remove(name.as_str())
                .ok_or_else(|| wrong(format!("the tensor {name} is missing")))?;
            let shape = shape_of(stored);
            if shape != target.size() {
                return Err(wrong(format!(
                    "{name} has shape {shape:?}, expected {:?}",
                    target.size()
                )));
            }
            let kind = kind_of(stored.dtype)
                .filter(|kind| !matches!(kind, Kind::Half | Kind::BFloat16))
                .ok_or_else(|| wrong(format!("{name} has element type {:?}", stored.dtype)))?;
            if kind != target.kind() {
                return Err(wrong(format!(
                    "{name} has element type {kind:?}, expected {:?}",
                    target.kind()
                )));
            }
            loaded.push((target, self.tensor(stored, &shape, kind)?));
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

    /// Returns whether there is a tensor of that name.
    pub fn holds(&self, name: &str) -> bool {
        self.header.tensors.iter().any(|tensor| tensor.name == name)
    }

    /// Fills an encoder's tensors from a file of any of the forms in encoder_file.rs; `wanted` is the network that they
    /// are of. Numbers may become wider, never narrower. Counts of batches that a whole file lacks, as files before
    /// PyTorch 0.4.1 do, stay as they are. An error names what is missing, unexpected or of another shape, and the
    /// network that would fit; then nothing was written.
    pub fn load_encoder(&self, targets: Vec<(String, Tensor)>, wanted: &Wanted<'_>) -> Result<()> {
        self.verify()?;
        let wrong = |what: String| self.cannot_load(what);
        let file = EncoderFile::find(&self.header.tensors).map_err(wrong)?;
        let mut found = file.by_name();
        let counted = found.keys().any(|name| name.ends_with(COUNT));
        let (mut missing, mut reshaped, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        for (name, target) in targets {
            let Some(stored) = found.remove(name.as_str()) else {
                if counted || !name.ends_with(COUNT) {
                    missing.push(name);
                }
                continue;
            };
            let shape = shape_of(stored);
            if shape != target.size() {
                reshaped.push(format!("{name} {shape:?} instead of {:?}", target.size()));
            }
            pairs.push((name, target, stored, shape));
        }
        let mut unexpected: Vec<&str> = found
            .into_keys()
            .chain(file.unexpected.iter().copied())
            .collect();
        unexpected.sort_unstable();
        if !missing.is_empty() || !reshaped.is_empty() || !unexpected.is_empty() {
            let mut parts = Vec::new();
            for (what, names) in [
                ("missing", first_names(missing.iter().map(String::as_str))),
                ("unexpected", first_names(unexpected.iter().copied())),
                (
                    "of another shape",
                    first_names(reshaped.iter().map(String::as_str)),
                ),
            ] {
                if names != "nothing" {
                    parts.push(format!("{what}: {names}"));
                }
            }
            let fit = repair(file.architecture(), wanted);
            return Err(wrong(format!(
                "it is not the {} with the {} stem that is expected; {}{fit}",
                wanted.resnet_type,
                wanted.stem,
                parts.join("; ")
            )));
        }
        let mut loaded = Vec::new();
        for (name, target, stored, shape) in pairs {
            let kind = kind_of(stored.dtype)
                .filter(|kind| widens(*kind, target.kind()))
                .ok_or_else(|| {
                    let repair = match (stored.dtype, target.kind()) {
                        (Dtype::F64, Kind::Float) => ": give --dtype=float64",
                        _ => "",
                    };
                    wrong(format!(
                        "{name} has element type {:?}, which {:?} cannot hold{repair}",
                        stored.dtype,
                        target.kind()
                    ))
                })?;
            loaded.push((target, self.tensor(stored, &shape, kind)?));
        }
        for (mut target, value) in loaded {
            target.f_copy_(&value)?;
        }
        Ok(())
    }

    fn cannot_load(&self, what: String) -> Error {
        Error::invalid(format!("Cannot load {}: {what}", self.path.display()))
    }

    /// The tensor of a name, which must be of the given element type.
    pub fn named(&self, name: &str, kind: Kind) -> Result<Tensor> {
        let wrong =
            |what: String| Error::invalid(format!("Cannot use {}: {what}", self.path.display()));
        let mut tensors = self.header.tensors.iter();
        let stored = tensors
            .find(|tensor| tensor.name == name)
            .ok_or_else(|| wrong(format!("the tensor {name} is missing")))?;
        if kind_of(stored.dtype) != Some(kind) {
            return Err(wrong(format!(
                "{name} has element type {:?}, expected {kind:?}",
                stored.dtype
            )));
        }
        self.tensor(stored, &shape_of(stored), kind)
    }

    /// Only for a tensor whose shape is known to be a possible one.
    fn tensor(&self, stored: &TensorEntry, shape: &[i64], kind: Kind) -> Result<Tensor> {
        let length = usize::try_from(stored.length()).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|error| Error {
            status: Status::OutOfMemory,
            message: format!("Cannot read {} ({length} bytes): {error}", stored.name),
        })?;
        bytes.resize(length, 0);
        self.read_at(&mut bytes, self.header.offset_of(stored))?;
        match &stored.strides {
            None => Ok(Tensor::f_from_data_size(&bytes, shape, kind)?),
            Some(strides) => {
                let count: i64 = shape.iter().product();
                let flat = Tensor::f_from_data_size(&bytes, &[count], kind)?;
                Ok(flat.f_as_strided(shape, strides, 0)?.f_contiguous()?)
            }
        }
    }
}

/// The network that a file is loaded into.
pub struct Wanted<'a> {
    pub resnet_type: &'a str,
    pub stem: &'a str,
}

/// The words that end an error, where the file's network is another one.
fn repair(found: Option<Architecture>, wanted: &Wanted<'_>) -> String {
    match found {
        Some(found) if found.resnet_type != wanted.resnet_type => {
            format!(": it fits --resnet_type={}", found.resnet_type)
        }
        Some(found) if found.stem != wanted.stem => {
            let datasets = match found.stem {
                "imagenet" => "imagenet or folder",
                _ => "cifar10 or demo",
            };
            format!(
                ": it has the {} stem, which fits --dataset_name={datasets}",
                found.stem
            )
        }
        Some(_) => String::new(),
        None => ": it fits no --resnet_type".to_owned(),
    }
}

/// Returns whether every number of one element type is one of another.
fn widens(from: Kind, to: Kind) -> bool {
    from == to
        || matches!(
            (from, to),
            (Kind::Half | Kind::BFloat16, Kind::Float | Kind::Double) | (Kind::Float, Kind::Double)
        )
}

fn shape_of(stored: &TensorEntry) -> Vec<i64> {
    stored.shape.iter().map(|&size| size as i64).collect()
}

/// The element type as tensors have it, where they have it.
fn kind_of(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F32 => Some(Kind::Float),
        Dtype::F64 => Some(Kind::Double),
        Dtype::I32 => Some(Kind::Int),
        Dtype::I64 => Some(Kind::Int64),
        Dtype::F16 => Some(Kind::Half),
        Dtype::BF16 => Some(Kind::BFloat16),
        _ => None,
    }
}

#[derive(serde::Serialize)]
struct Description<'a> {
    metadata: &'a RawValue,
    whole: bool,
    tensors: usize,
    sha256: String,
    shapes: serde_json::Map<String, serde_json::Value>,
    encoder: Option<EncoderDescription<'a>>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct EncoderDescription<'a> {
    words: &'static str,
    prefix: &'a str,
    resnet_type: Option<&'static str>,
    stem: Option<&'static str>,
    left_out: Vec<String>,
}
