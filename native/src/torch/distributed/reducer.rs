//! c10d's Reducer, made safe.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use tch::Tensor;
use torch_sys::C_tensor;

use super::{call, Group, RawGroup};
use crate::error::Result;
use crate::torch::shim::{pointers, Message};

#[repr(C)]
struct RawReducer(u8);

extern "C" {
    fn byol_reducer_open(
        group: *mut RawGroup,
        parameters: *mut *mut C_tensor,
        count: usize,
        out: *mut *mut RawReducer,
        error: Message,
    ) -> c_int;
    fn byol_reducer_prepare(reducer: *mut RawReducer, error: Message) -> c_int;
    fn byol_reducer_close(reducer: *mut RawReducer, error: Message) -> c_int;
}

/// Averages gradients over the ranks, bucket by bucket, during the backward pass.
pub struct Reducer {
    raw: *mut RawReducer,
    // The Reducer uses the group until it is gone itself.
    group: Arc<Group>,
}

unsafe impl Send for Reducer {}

impl Reducer {
    pub fn open(group: &Arc<Group>, parameters: &[&Tensor]) -> Result<Self> {
        let mut list = pointers(parameters);
        let mut raw = null_mut();
        call(|error| unsafe {
            byol_reducer_open(group.raw, list.as_mut_ptr(), list.len(), &mut raw, error)
        })?;
        Ok(Self {
            raw,
            group: Arc::clone(group),
        })
    }

    /// Announces that the next backward pass is to end with averaged gradients.
    pub fn prepare(&self) -> Result<()> {
        call(|error| unsafe { byol_reducer_prepare(self.raw, error) })
    }
}

impl Drop for Reducer {
    fn drop(&mut self) {
        if !self.group.failed.load(Ordering::Relaxed) {
            // It may throw, and nothing more can be done then.
            drop(call(|error| unsafe { byol_reducer_close(self.raw, error) }));
        }
    }
}
