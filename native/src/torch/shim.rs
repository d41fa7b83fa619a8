//! Calls of the C++ shim (shim/guarded.h): failures as errors, tensors as pointers.

use std::ffi::{c_char, c_int, CStr};

use tch::Tensor;
use torch_sys::C_tensor;

use crate::error::{Error, Result, Status};

const MESSAGE_CAPACITY: usize = 2048;

/// Buffer that a function of the shim writes its failure into.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Message {
    pub text: *mut c_char,
    pub capacity: usize,
}

impl Message {
    /// Writes a text, cut where it does not fit, for a caller in C++.
    pub fn write(self, text: &str) {
        let fits = text.len().min(self.capacity.saturating_sub(1));
        if self.capacity > 0 {
            unsafe {
                std::ptr::copy_nonoverlapping(text.as_ptr().cast(), self.text, fits);
                *self.text.add(fits) = 0;
            }
        }
    }
}

/// Runs one function of the shim; its failure becomes an error of the given status.
pub fn checked(status: Status, function: impl FnOnce(Message) -> c_int) -> Result<()> {
    let mut text: [c_char; MESSAGE_CAPACITY] = [0; MESSAGE_CAPACITY];
    let failed = function(Message {
        text: text.as_mut_ptr(),
        capacity: MESSAGE_CAPACITY,
    });
    if failed == 0 {
        return Ok(());
    }
    let message = unsafe { CStr::from_ptr(text.as_ptr()) };
    Err(Error {
        status,
        message: message.to_string_lossy().into_owned(),
    })
}

/// Returns a list of tensors in the form that the shim takes.
pub fn pointers(tensors: &[&Tensor]) -> Vec<*mut C_tensor> {
    tensors
        .iter()
        .map(|tensor| tensor.as_ptr().cast_mut())
        .collect()
}
