//! Steps over all tensors at once (shim/foreach.cpp): LARS, the target's moving average, zeros.

use std::ffi::c_int;

use tch::Tensor;
use torch_sys::C_tensor;

use super::gpu::{gpu, Kernels};
use super::shim::{checked, pointers, Message};
use crate::error::{Result, Status};

extern "C" {
    fn byol_lars(
        kernels: *const Kernels,
        parameters: *mut *mut C_tensor,
        gradients: *mut *mut C_tensor,
        buffers: *mut *mut C_tensor,
        count: usize,
        numbers: *const LarsNumbers,
        rate: *const C_tensor,
        skip: *const C_tensor,
        error: Message,
    ) -> c_int;
    fn byol_move_average(
        kernels: *const Kernels,
        targets: *mut *mut C_tensor,
        online: *mut *mut C_tensor,
        count: usize,
        weight: *const C_tensor,
        error: Message,
    ) -> c_int;
    fn byol_zero(tensors: *mut *mut C_tensor, count: usize, error: Message) -> c_int;
}

/// Numbers of one step of LARS.
#[repr(C)]
pub struct LarsNumbers {
    pub momentum: f64,
    pub weight_decay: f64,
    pub eta: f64,
    /// True where the learning rate enters the momentum buffer; else it is applied to what the buffer holds.
    pub rate_inside: bool,
    /// True where the adapted rate is at most the learning rate.
    pub clipped: bool,
}

/// Returns our own kernels for the device of a tensor; null where there are none.
fn kernels_for(tensor: &Tensor) -> *const Kernels {
    let kernels = gpu().and_then(|gpu| gpu.kernels_on(tensor.device()));
    kernels.map_or(std::ptr::null(), std::ptr::from_ref)
}

/// Moves parameters and momentum buffers by the gradients, in place: lists of one order. `rate` is the learning rate, a
/// tensor of no dimension. Where `skip`, a bool of no dimension on the device, is true, all stay as they are.
pub fn lars(
    [parameters, gradients, buffers]: [&[&Tensor]; 3],
    numbers: &LarsNumbers,
    rate: &Tensor,
    skip: Option<&Tensor>,
) -> Result<()> {
    let count = parameters.len();
    let [mut parameters, mut gradients, mut buffers] =
        [parameters, gradients, buffers].map(pointers);
    checked(Status::Torch, |error| unsafe {
        byol_lars(
            kernels_for(rate),
            parameters.as_mut_ptr(),
            gradients.as_mut_ptr(),
            buffers.as_mut_ptr(),
            count,
            numbers,
            rate.as_ptr(),
            skip.map_or(std::ptr::null(), Tensor::as_ptr),
            error,
        )
    })
}

/// target ← target + weight · (online − target), in place; the weight is a tensor of no dimension.
pub fn move_average(targets: &[&Tensor], online: &[&Tensor], weight: &Tensor) -> Result<()> {
    let (mut moved, mut followed) = (pointers(targets), pointers(online));
    checked(Status::Torch, |error| unsafe {
        byol_move_average(
            kernels_for(weight),
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
