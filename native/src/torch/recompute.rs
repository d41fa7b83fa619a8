//! Activation checkpointing (Chen et al. 2016): of a part of a network only the input is kept, and the backward pass
//! computes its activations again: a quarter more work, one forward pass beside the four that a step costs, for a fraction
//! of the memory (shim/recompute.cpp).

use std::ffi::{c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;

use tch::Tensor;
use torch_sys::C_tensor;

use super::shim::{checked, Message};
use crate::error::{Error, Result, Status};

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

/// A part of a network that can be computed again.
pub trait Recompute {
    type Parameters;
    /// Returns the output of an input in training, for the forward pass or, `recompute`, for the backward pass.
    fn forward(
        &self,
        parameters: &Self::Parameters,
        input: &Tensor,
        recompute: bool,
    ) -> Result<Tensor>;
}

/// Returns the output of an input in training. Part and parameters must stay where they are until the backward pass is
/// over; a network's are moved by nothing within a step.
pub fn forward_without_keeping<P: Recompute>(
    part: &P,
    parameters: &P::Parameters,
    input: &Tensor,
) -> Result<Tensor> {
    let mut out = null_mut();
    checked(Status::Torch, |error| unsafe {
        byol_recomputed(
            input.as_ptr(),
            forward::<P>,
            std::ptr::from_ref(part).cast(),
            std::ptr::from_ref(parameters).cast(),
            &mut out,
            error,
        )
    })?;
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// Function that libtorch calls: in the forward pass, and, `recompute`, in the backward pass, whose thread may be another.
unsafe extern "C" fn forward<P: Recompute>(
    part: *const c_void,
    parameters: *const c_void,
    input: *const C_tensor,
    recompute: bool,
    out: *mut *mut C_tensor,
    error: Message,
) -> c_int {
    let (part, parameters) = unsafe { (&*part.cast::<P>(), &*parameters.cast::<P::Parameters>()) };
    let made = catch_unwind(AssertUnwindSafe(|| {
        let input = unsafe { Tensor::clone_from_ptr(input.cast_mut()) };
        part.forward(parameters, &input, recompute)
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
