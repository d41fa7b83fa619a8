//! A file of `torch.save`, read strictly: nothing that it holds is run, and what it says is checked against the file's
//! length before anything of that size is allocated. Needs no libtorch.
//!
//! The format (PyTorch 1.6 and later): a zip archive of stored entries below one folder. `data.pkl` is a pickle with
//! the structure; `data/N` are the bytes of storage N, which tensors are views of. Why no Python is run for it, not
//! even with `weights_only`: CVE-2025-32434 and CVE-2026-24747.

use std::collections::HashSet;
use std::io;

use super::header::{damaged, shown, FormatError, TensorEntry, MAX_FILE_BYTES};

mod layout;
mod state;
#[cfg(test)]
mod tests;

use super::zip::{self, Archive, Entry};

/// The longest data.pkl: a ResNet-152 with its optimizer has one of about 200 kB.
const MAX_PICKLE_BYTES: u64 = 8 << 20;
/// The first bytes of a zip archive, and of a bare pickle.
const ZIP: [u8; 4] = *b"PK\x03\x04";
const PICKLE: [u8; 2] = [0x80, 0x02];

/// Something that bytes are read from at any place, such as a file.
pub trait ReadAt {
    /// Fills `bytes` from `offset` on. Errors: those of the system, and UnexpectedEof.
    fn fill(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for std::fs::File {
    fn fill(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, bytes, offset)
    }
}

impl ReadAt for &[u8] {
    fn fill(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(bytes.len());
        let found = self.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }
}

/// The content of a file: the tensors of its dictionary, sorted by name, placed in the file.
#[derive(Debug)]
pub struct TorchFile {
    /// Those of a dictionary within it have its key and a dot before their own names.
    pub tensors: Vec<TensorEntry>,
    /// The archive's entries that they lie in.
    storages: Vec<Entry>,
}

/// Returns whether a file that starts so is one of `torch.save`: of today's form, or of one before PyTorch 1.6.
pub fn is_torch(start: &[u8]) -> bool {
    start.starts_with(&ZIP) || start.starts_with(&PICKLE)
}

impl TorchFile {
    /// Reads what a file of `length` bytes holds, all but the tensors' own bytes.
    pub fn read(source: &impl ReadAt, length: u64) -> Result<Self, FormatError> {
        if length > MAX_FILE_BYTES {
            return Err(damaged(format!(
                "it has {length} bytes, expected at most {MAX_FILE_BYTES}"
            )));
        }
        let mut start = [0; 2];
        if length >= 2 {
            source.fill(&mut start, 0).map_err(FormatError::Io)?;
        }
        if start == PICKLE {
            return Err(FormatError::Refused(
                "it has the form of torch.save before PyTorch 1.6, a bare pickle: load it there, and save it again \
                 with PyTorch 1.6 or later"
                    .to_owned(),
            ));
        }
        let archive = Archive::read(source, length)?;
        let root = root_of(&archive)?;
        if let Some(entry) = archive.find(&format!("{root}/byteorder")) {
            let order = archive.content(source, entry, 16)?;
            if order != b"little" {
                return Err(FormatError::Refused(format!(
                    "its bytes are in the order '{}', expected little",
                    String::from_utf8_lossy(&order).escape_debug()
                )));
            }
        }
        let name = format!("{root}/data.pkl");
        let entry = archive
            .find(&name)
            .ok_or_else(|| damaged(format!("it has no entry {name}")))?;
        let pickle = archive.content(source, entry, MAX_PICKLE_BYTES)?;
        Self::from_pickle(&pickle, &archive, &root, length)
    }

    /// The tensors that a data.pkl places in the entries below `root` of an archive of `length` bytes.
    pub fn from_pickle(
        pickle: &[u8],
        archive: &Archive,
        root: &str,
        length: u64,
    ) -> Result<Self, FormatError> {
        let (mut tensors, mut used) = (Vec::new(), HashSet::new());
        for placed in state::read(pickle, archive, root)? {
            used.insert(placed.entry);
            tensors.push(placed.tensor);
        }
        tensors.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = tensors.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(damaged(format!(
                "the tensor {} comes twice",
                shown(&pair[0].name)
            )));
        }
        // Tied weights share a storage; a file that is read many times over for its size is made for that.
        let total = tensors
            .iter()
            .fold(0u64, |sum, tensor| sum.saturating_add(tensor.length()));
        if total > length.saturating_mul(2) {
            return Err(FormatError::Refused(format!(
                "its tensors have {total} bytes in a file of {length}: they share storages"
            )));
        }
        let mut used: Vec<usize> = used.into_iter().collect();
        used.sort_unstable();
        let storages = used.iter().map(|&index| archive.entries[index].clone());
        Ok(Self {
            tensors,
            storages: storages.collect(),
        })
    }

    /// Compares the bytes of all tensors with the archive's CRC-32.
    pub fn verify(&self, source: &impl ReadAt) -> Result<(), FormatError> {
        self.storages
            .iter()
            .try_for_each(|entry| zip::verify(source, entry))
    }
}

/// The one folder that holds data.pkl.
fn root_of(archive: &Archive) -> Result<String, FormatError> {
    let mut roots = archive.entries.iter().filter_map(|entry| {
        let root = entry.name.strip_suffix("/data.pkl")?;
        (!root.contains('/')).then(|| root.to_owned())
    });
    match (roots.next(), roots.next()) {
        (Some(root), None) => Ok(root),
        (None, _) => Err(FormatError::Refused(
            "it is a zip archive without a data.pkl: expected a file of torch.save".to_owned(),
        )),
        (Some(_), Some(_)) => Err(damaged("it has more than one data.pkl")),
    }
}
