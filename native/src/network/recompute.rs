//! Activation checkpointing (Chen et al. 2016): of a residual block only the input is kept, and the backward pass computes
//! its activations again: a quarter more work, one forward pass beside the four that a step costs, for a fraction of the
//! memory (shim/recompute.cpp).

use std::ffi::{c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;

use tch::Tensor;
use torch_sys::C_tensor;

use super::layers::Pass;
use super::parameters::Parameters;
use super::resnet::Block;
use crate::abi::boundary::{Error, Result, Status};
use crate::torch::precision::{Autocast, Precision};
use crate::torch::shim::{checked, Message};

type Forward = unsafe extern "C" fn(
    *const c_void,
    *const c_void,
    *const C_tensor,
    bool,
    *mut *mut C_tensor,
    Message,
) -> c_int;

extern "C" {
    fn byol_recomputed(
        input: *const C_tensor,
        forward: Forward,
        part: *const c_void,
        parameters: *const c_void,
        out: *mut *mut C_tensor,
        error: Message,
    ) -> c_int;
}

/// What a block makes of an input in training. Block and parameters must stay where they are until the backward pass is
/// over; a network's are moved by nothing within a step.
pub fn forward_without_keeping(
    block: &Block,
    parameters: &Parameters,
    input: &Tensor,
) -> Result<Tensor> {
    let mut out = null_mut();
    checked(Status::Torch, |error| unsafe {
        byol_recomputed(
            input.as_ptr(),
            forward,
            std::ptr::from_ref(block).cast(),
            std::ptr::from_ref(parameters).cast(),
            &mut out,
            error,
        )
    })?;
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// libtorch calls it: in the forward pass, and, `again`, in the backward pass, whose thread may be another.
unsafe extern "C" fn forward(
    block: *const c_void,
    parameters: *const c_void,
    input: *const C_tensor,
    again: bool,
    out: *mut *mut C_tensor,
    error: Message,
) -> c_int {
    let (block, parameters) =
        unsafe { (&*block.cast::<Block>(), &*parameters.cast::<Parameters>()) };
    let made = catch_unwind(AssertUnwindSafe(|| {
        let input = unsafe { Tensor::clone_from_ptr(input.cast_mut()) };
        if !again {
            return block.forward(parameters, &input, Pass::Train);
        }
        let precision = parameters.again.unwrap_or(Precision::Normal);
        let _autocast = Autocast::begin(precision, input.device());
        block.forward(parameters, &input, Pass::Again)
    }));
    let made = made.unwrap_or_else(|_| Err(Error::invalid("Cannot compute a block: it panicked")));
    match made {
        Ok(tensor) => {
            // The caller deletes it, and not tch.
            unsafe { *out = std::mem::ManuallyDrop::new(tensor).as_mut_ptr() };
            0
        }
        Err(failure) => {
            error.write(&failure.message);
            1
        }
    }
}
