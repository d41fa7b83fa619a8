//! A network's named tensors: parameters, and the buffers of its batch normalisations.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::torch::autocast::Precision;
use crate::torch::device::moved;
use crate::torch::distributed::Group;

/// The role of a tensor for the optimizer and to the moving average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Learned, and averaged into the target.
    Parameter,
    /// A running statistic, moved by the network's own train-mode forward pass.
    Buffer,
}

/// One named tensor, called as torchvision calls it.
pub struct Entry {
    pub name: String,
    pub tensor: Tensor,
    pub role: Role,
}

/// The tensors of one network in the order of its layers; layers hold indices into it.
#[derive(Default)]
pub struct Parameters {
    pub entries: Vec<Entry>,
    /// The ranks whose batches are normalised together; None: each rank's own.
    pub sync: Option<Arc<Group>>,
    /// The precision in which activations within a block are computed again for the backward pass; None: they are kept.
    pub recompute: Option<Precision>,
    /// True where the normalisations are part of the convolutions (ConvNorm::fold).
    pub folded: bool,
}

impl Parameters {
    pub fn add(&mut self, name: String, tensor: Tensor, role: Role) -> usize {
        self.entries.push(Entry { name, tensor, role });
        self.entries.len() - 1
    }

    pub fn get(&self, index: usize) -> &Tensor {
        &self.entries[index].tensor
    }

    pub fn learned(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.role == Role::Parameter)
    }

    pub fn learned_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries
            .iter_mut()
            .filter(|entry| entry.role == Role::Parameter)
    }

    /// Brings all tensors to the device, floating-point ones to `kind`, and makes parameters leaves of the graph where
    /// `trained`.
    pub fn prepare(&mut self, kind: Kind, device: Device, trained: bool) -> Result<()> {
        for entry in &mut self.entries {
            if entry.tensor.kind() != Kind::Int64 {
                entry.tensor = channels_last(&entry.tensor.f_detach_copy()?.f_to_kind(kind)?)?;
            }
            entry.tensor = moved(&entry.tensor, device)?;
            if trained && entry.role == Role::Parameter {
                entry.tensor = entry.tensor.f_set_requires_grad(true)?;
            }
        }
        Ok(())
    }

    /// Copies values of the same names and shapes from another network.
    pub fn copy_from(&mut self, other: &Parameters) -> Result<()> {
        for (mine, theirs) in self.entries.iter_mut().zip(&other.entries) {
            if mine.name != theirs.name {
                return Err(Error::invalid(format!(
                    "Cannot copy {} into {}",
                    theirs.name, mine.name
                )));
            }
            mine.tensor.f_copy_(&theirs.tensor)?;
        }
        Ok(())
    }
}

/// The same values with the channels innermost in memory, which oneDNN convolves without reordering.
pub fn channels_last(tensor: &Tensor) -> Result<Tensor> {
    if tensor.dim() != 4 {
        return Ok(tensor.f_contiguous()?);
    }
    Ok(tensor
        .f_permute([0, 2, 3, 1])?
        .f_contiguous()?
        .f_permute([0, 3, 1, 2])?)
}
