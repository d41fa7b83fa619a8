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

/// Runs one function of the shim; its failure becomes an error of the given status, or OutOfMemory.
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
    Err(Error::by_libtorch(
        status,
        message.to_string_lossy().into_owned(),
    ))
}

/// Returns a list of tensors in the form that the shim takes.
pub fn pointers(tensors: &[&Tensor]) -> Vec<*mut C_tensor> {
    tensors
        .iter()
        .map(|tensor| tensor.as_ptr().cast_mut())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_the_shim_lacks_has_a_status_of_its_own() {
        let failing = |text: &'static str| {
            checked(Status::Torch, |error| {
                error.write(text);
                1
            })
        };
        for text in [
            "CUDA out of memory. Tried to allocate 2.00 GiB",
            "DefaultCPUAllocator: can't allocate memory",
            "std::bad_alloc",
            "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate",
        ] {
            let Err(Error { status, message }) = failing(text) else {
                panic!("{text}: expected a failure");
            };
            assert_eq!((status, message.as_str()), (Status::OutOfMemory, text));
        }
        let framed = failing("std::bad_alloc\nException raised from alloc\nframe #0: f");
        assert!(framed.is_err_and(|error| error.message == "std::bad_alloc"));
        let other = failing("mat1 and mat2 shapes cannot be multiplied");
        assert!(other.is_err_and(|error| error.status == Status::Torch));
    }
}
