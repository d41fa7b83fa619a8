//! A step recorded as a CUDA graph.

use std::ffi::c_void;
use std::ptr::null_mut;

use super::Gpu;
use crate::error::{Result, Status};
use crate::torch::shim::checked;

/// The work enqueued on the GPU between begin() and end(), to be run again and again on the same memory.
pub struct Graph {
    raw: *mut c_void,
    gpu: &'static Gpu,
}

unsafe impl Send for Graph {}

impl Graph {
    /// Waits for the device, then records what this thread enqueues instead of running it.
    pub fn begin(gpu: &'static Gpu) -> Result<Self> {
        let mut raw = null_mut();
        checked(Status::Torch, |error| unsafe {
            (gpu.graph_begin)(&mut raw, error)
        })?;
        Ok(Self { raw, gpu })
    }

    pub fn end(&self) -> Result<()> {
        checked(Status::Torch, |error| unsafe {
            (self.gpu.graph_end)(self.raw, error)
        })
    }

    /// Enqueues all of it at once.
    pub fn replay(&self) -> Result<()> {
        checked(Status::Torch, |error| unsafe {
            (self.gpu.graph_replay)(self.raw, error)
        })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        unsafe { (self.gpu.graph_close)(self.raw) }
    }
}
