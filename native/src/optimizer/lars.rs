//! Layer-wise adaptive rate scaling (You et al. 2017), in the two variants of the BYOL programs, and the target's moving
//! average: over all tensors at once (shim/update.cpp).

use std::ffi::c_int;

use serde::Deserialize;
use tch::Tensor;
use torch_sys::C_tensor;

use crate::abi::boundary::{Result, Status};
use crate::torch::shim::{checked, pointers, Message};

extern "C" {
    fn byol_lars(
        parameters: *mut *mut C_tensor,
        gradients: *mut *mut C_tensor,
        buffers: *mut *mut C_tensor,
        count: usize,
        numbers: *const Numbers,
        rate: *const C_tensor,
        skip: *const C_tensor,
        error: Message,
    ) -> c_int;
    fn byol_move_average(
        targets: *mut *mut C_tensor,
        online: *mut *mut C_tensor,
        count: usize,
        weight: *const C_tensor,
        error: Message,
    ) -> c_int;
    fn byol_zero(tensors: *mut *mut C_tensor, count: usize, error: Message) -> c_int;
}

#[repr(C)]
struct Numbers {
    momentum: f64,
    weight_decay: f64,
    eta: f64,
    rate_inside: bool,
}

/// Where the learning rate enters.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LarsVariant {
    /// Inside the momentum buffer.
    Reference,
    /// After it: the buffer holds updates without it.
    Deepmind,
}

/// One step's hyper-parameters.
pub struct LarsStep {
    pub variant: LarsVariant,
    pub learning_rate: f64,
    pub momentum: f64,
    pub weight_decay: f64,
    pub eta: f64,
}

/// Parameters with their gradients and momentum buffers, in one order.
pub struct Learned<'a> {
    pub parameters: Vec<&'a Tensor>,
    pub gradients: Vec<Tensor>,
    pub buffers: Vec<&'a Tensor>,
}

impl LarsStep {
    /// Moves parameters and buffers in place, by the learning rate in `rate`, a tensor of no dimension. Vectors and
    /// scalars (biases, batch normalisation) are neither decayed nor adapted. Where `skip`, a bool of no dimension on the
    /// device, is true, all stay as they are, whatever the gradients hold.
    pub fn apply(&self, learned: &Learned, rate: &Tensor, skip: Option<&Tensor>) -> Result<()> {
        let numbers = Numbers {
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            eta: self.eta,
            rate_inside: self.variant == LarsVariant::Reference,
        };
        let gradients: Vec<&Tensor> = learned.gradients.iter().collect();
        let mut lists = [&learned.parameters, &gradients, &learned.buffers]
            .map(|tensors| pointers(tensors.as_slice()));
        let [parameters, gradients, buffers] = &mut lists;
        checked(Status::Torch, |error| unsafe {
            byol_lars(
                parameters.as_mut_ptr(),
                gradients.as_mut_ptr(),
                buffers.as_mut_ptr(),
                learned.parameters.len(),
                &numbers,
                rate.as_ptr(),
                skip.map_or(std::ptr::null(), Tensor::as_ptr),
                error,
            )
        })
    }
}

/// target ← target + weight · (online − target), in place; the weight is a tensor of no dimension.
pub fn move_average(targets: &[&Tensor], online: &[&Tensor], weight: &Tensor) -> Result<()> {
    let (mut moved, mut followed) = (pointers(targets), pointers(online));
    checked(Status::Torch, |error| unsafe {
        byol_move_average(
            moved.as_mut_ptr(),
            followed.as_mut_ptr(),
            moved.len(),
            weight.as_ptr(),
            error,
        )
    })
}

/// Fills tensors with zeros, in place.
pub fn fill_zeros(tensors: &[&Tensor]) -> Result<()> {
    let mut list = pointers(tensors);
    checked(Status::Torch, |error| unsafe {
        byol_zero(list.as_mut_ptr(), list.len(), error)
    })
}
