//! libtorch's distributed engine (shim/distributed.cpp), made safe: the store, the process group, the Reducer, joint
//! batch statistics.

use std::ffi::{c_char, c_int, c_void, CString};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use tch::Tensor;
use torch_sys::C_tensor;

use super::library;
use super::shim::{checked, pointers, Message};
use crate::error::{Error, Result, Status};

mod reducer;
#[cfg(test)]
pub mod tests;

pub use reducer::Reducer;

#[repr(C)]
struct RawStore(u8);
#[repr(C)]
struct RawGroup(u8);

extern "C" {
    fn byol_store_open(
        host: *const c_char,
        port: u16,
        server: bool,
        timeout: i64,
        out: *mut *mut RawStore,
        error: Message,
    ) -> c_int;
    fn byol_store_set(
        store: *mut RawStore,
        key: *const c_char,
        value: *const u8,
        length: usize,
        error: Message,
    ) -> c_int;
    fn byol_store_claim(
        store: *mut RawStore,
        key: *const c_char,
        value: *const u8,
        length: usize,
        error: Message,
    ) -> c_int;
    fn byol_store_check(
        store: *mut RawStore,
        key: *const c_char,
        there: *mut bool,
        error: Message,
    ) -> c_int;
    fn byol_store_get(
        store: *mut RawStore,
        key: *const c_char,
        out: *mut u8,
        capacity: usize,
        length: *mut usize,
        error: Message,
    ) -> c_int;
    fn byol_store_counters(
        store: *mut RawStore,
        prefix: *const c_char,
        out: *mut i64,
        count: usize,
        error: Message,
    ) -> c_int;
    fn byol_store_close(store: *mut RawStore);
    fn byol_group_open(
        store: *mut RawStore,
        rank: c_int,
        size: c_int,
        interface: *const c_char,
        host: *const c_char,
        timeout: i64,
        out: *mut *mut RawGroup,
        error: Message,
    ) -> c_int;
    fn byol_group_broadcast(
        group: *mut RawGroup,
        tensors: *mut *mut C_tensor,
        count: usize,
        error: Message,
    ) -> c_int;
    fn byol_group_all_reduce(
        group: *mut RawGroup,
        tensor: *mut C_tensor,
        maximum: bool,
        error: Message,
    ) -> c_int;
    fn byol_group_all_gather(
        group: *mut RawGroup,
        tensor: *mut C_tensor,
        out: *mut *mut C_tensor,
        error: Message,
    ) -> c_int;
    #[cfg(test)]
    fn byol_group_collectives(group: *mut RawGroup, out: *mut u64, error: Message) -> c_int;
    fn byol_group_barrier(group: *mut RawGroup, error: Message) -> c_int;
    fn byol_group_check(group: *mut RawGroup, error: Message) -> c_int;
    fn byol_group_close(group: *mut RawGroup);
    fn byol_group_abort(group: *mut RawGroup);
    fn byol_sync_batch_norm(
        group: *mut RawGroup,
        input: *mut C_tensor,
        weight: *mut C_tensor,
        bias: *mut C_tensor,
        running_mean: *mut C_tensor,
        running_variance: *mut C_tensor,
        momentum: f64,
        epsilon: f64,
        out: *mut *mut C_tensor,
        error: Message,
    ) -> c_int;
}

/// The one function of shim/gpu/nccl.cpp, which is no part of the core.
type AttachNccl =
    unsafe extern "C" fn(*mut RawGroup, *mut RawStore, i64, *mut c_char, usize) -> c_int;

fn call(function: impl FnOnce(Message) -> c_int) -> Result<()> {
    checked(Status::Distributed, function)
}

fn c_text(text: &str) -> Result<CString> {
    CString::new(text)
        .map_err(|_| Error::invalid(format!("Cannot use {text:?}: it has a zero byte")))
}

/// A client of the key-value store that the ranks meet at; rank 0's holds the store itself too.
pub struct Store(*mut RawStore);

// c10d's TCPStore locks itself for each operation.
unsafe impl Send for Store {}
unsafe impl Sync for Store {}

impl Store {
    /// Opens the store's port (`server`) or connects to it. May block for longer than the timeout where something
    /// other than a store answers.
    pub fn open(host: &str, port: u16, server: bool, timeout_milliseconds: u32) -> Result<Self> {
        let host = c_text(host)?;
        let mut store = null_mut();
        call(|error| unsafe {
            let timeout = i64::from(timeout_milliseconds);
            byol_store_open(host.as_ptr(), port, server, timeout, &mut store, error)
        })?;
        Ok(Self(store))
    }

    pub fn set(&self, key: &str, value: &[u8]) -> Result<()> {
        let key = c_text(key)?;
        call(|error| unsafe {
            byol_store_set(self.0, key.as_ptr(), value.as_ptr(), value.len(), error)
        })
    }

    /// Sets a key that nobody has set; else nothing happens.
    pub fn claim(&self, key: &str, value: &[u8]) -> Result<()> {
        let key = c_text(key)?;
        call(|error| unsafe {
            byol_store_claim(self.0, key.as_ptr(), value.as_ptr(), value.len(), error)
        })
    }

    /// The value of a key, or None where nobody has set it yet.
    pub fn read(&self, key: &str) -> Result<Option<String>> {
        let key = c_text(key)?;
        let mut there = false;
        call(|error| unsafe { byol_store_check(self.0, key.as_ptr(), &mut there, error) })?;
        if !there {
            return Ok(None);
        }
        let mut value = vec![0u8; 4096];
        loop {
            let mut length = 0;
            call(|error| unsafe {
                let (out, capacity) = (value.as_mut_ptr(), value.len());
                byol_store_get(self.0, key.as_ptr(), out, capacity, &mut length, error)
            })?;
            let fits = length <= value.len();
            value.resize(length, 0);
            if fits {
                return Ok(Some(String::from_utf8_lossy(&value).into_owned()));
            }
        }
    }

    /// The counters `prefix`0, `prefix`1, …; waits for those that are missing.
    pub fn counters(&self, prefix: &str, count: usize) -> Result<Vec<i64>> {
        let prefix = c_text(prefix)?;
        let mut values = vec![0; count];
        call(|error| unsafe {
            byol_store_counters(self.0, prefix.as_ptr(), values.as_mut_ptr(), count, error)
        })?;
        Ok(values)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        unsafe { byol_store_close(self.0) }
    }
}

/// The ranks' collectives. All ranks must call the same ones in the same order.
pub struct Group {
    raw: *mut RawGroup,
    failed: AtomicBool,
    pub rank: usize,
    pub size: usize,
}

// Used by one thread at a time: the learner's, which holds its own lock.
unsafe impl Send for Group {}
unsafe impl Sync for Group {}

/// The way the ranks reach each other: an interface by name, else an address of this machine, else its name's.
pub struct Network<'a> {
    pub interface: &'a str,
    pub host: &'a str,
}

impl Group {
    pub fn open(
        store: &Store,
        (rank, size): (usize, usize),
        network: &Network,
        timeout_milliseconds: u32,
    ) -> Result<Self> {
        let (interface, host) = (c_text(network.interface)?, c_text(network.host)?);
        let mut raw = null_mut();
        call(|error| unsafe {
            byol_group_open(
                store.0,
                rank as c_int,
                size as c_int,
                interface.as_ptr(),
                host.as_ptr(),
                i64::from(timeout_milliseconds),
                &mut raw,
                error,
            )
        })?;
        Ok(Self {
            raw,
            failed: AtomicBool::new(false),
            rank,
            size,
        })
    }

    /// Gives the group NCCL for CUDA tensors. The library (shim/gpu/nccl.cpp) links libtorch_cuda, which must be
    /// loaded; it stays open, as the group's backend lives in it.
    pub fn attach_nccl(&self, store: &Store, library: &str, timeout: u32) -> Result<()> {
        let cannot = |why: String| Error {
            status: Status::Distributed,
            message: format!("Cannot use {library}: {why}"),
        };
        let opened = library::open(library).map_err(cannot)?;
        // SAFETY: the type is that of the function in shim/gpu/nccl.cpp.
        let attach = unsafe { opened.function::<AttachNccl>("byol_nccl_attach") };
        let attach = attach.map_err(cannot)?;
        self.call(|error| unsafe {
            attach(
                self.raw,
                store.0,
                i64::from(timeout),
                error.text,
                error.capacity,
            )
        })
    }

    /// After a failed collective the group is of no use, and taking it down would wait for ranks that are gone: it
    /// is left to the end of the process.
    pub fn give_up(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// The group as the shim takes it.
    pub(super) fn raw(&self) -> *mut c_void {
        self.raw.cast()
    }

    pub(super) fn call(&self, function: impl FnOnce(Message) -> c_int) -> Result<()> {
        call(function).inspect_err(|_| self.give_up())
    }

    /// Gives every rank rank 0's values.
    pub fn broadcast(&self, tensors: &[&Tensor]) -> Result<()> {
        let mut list = pointers(tensors);
        self.call(|error| unsafe {
            byol_group_broadcast(self.raw, list.as_mut_ptr(), list.len(), error)
        })
    }

    /// Sums a tensor over the ranks, in place.
    pub fn sum(&self, tensor: &Tensor) -> Result<()> {
        self.call(|error| unsafe {
            byol_group_all_reduce(self.raw, tensor.as_ptr().cast_mut(), false, error)
        })
    }

    /// The largest of the ranks' values, in place.
    pub fn maximum(&self, tensor: &Tensor) -> Result<()> {
        self.call(|error| unsafe {
            byol_group_all_reduce(self.raw, tensor.as_ptr().cast_mut(), true, error)
        })
    }

    /// The ranks' tensors of one shape, joined along the first dimension in the order of the ranks.
    pub fn gather(&self, tensor: &Tensor) -> Result<Tensor> {
        let mut out = null_mut();
        self.call(|error| unsafe {
            byol_group_all_gather(self.raw, tensor.as_ptr().cast_mut(), &mut out, error)
        })?;
        let rows = unsafe { Tensor::from_ptr(out) };
        Ok(rows.f_flatten(0, 1)?)
    }

    /// Returns the number of collectives that this rank has begun.
    #[cfg(test)]
    pub fn collectives(&self) -> Result<u64> {
        let mut count = 0;
        self.call(|error| unsafe { byol_group_collectives(self.raw, &mut count, error) })?;
        Ok(count)
    }

    /// Fails where a collective between GPUs has failed or took too long, which those who wait for the device do not
    /// see. To be asked when the device was waited for, before anything is made of its numbers.
    pub fn check(&self) -> Result<()> {
        self.call(|error| unsafe { byol_group_check(self.raw, error) })
    }

    /// Gives up the group after the failure of a backward pass with collectives in it. Returns the failure, as one of
    /// the ranks where the words are those of their libraries.
    pub fn blamed(&self, error: Error) -> Error {
        self.give_up();
        by_collectives(error)
    }

    pub fn barrier(&self) -> Result<()> {
        self.call(|error| unsafe { byol_group_barrier(self.raw, error) })
    }

    /// Batch normalisation in train mode with the statistics of all ranks, which bring as many values each.
    pub fn batch_norm(
        &self,
        input: &Tensor,
        affine: [&Tensor; 2],
        running: [&Tensor; 2],
        (momentum, epsilon): (f64, f64),
    ) -> Result<Tensor> {
        let mut out = null_mut();
        let raw = |tensor: &Tensor| tensor.as_ptr().cast_mut();
        self.call(|error| unsafe {
            byol_sync_batch_norm(
                self.raw,
                raw(input),
                raw(affine[0]),
                raw(affine[1]),
                raw(running[0]),
                raw(running[1]),
                momentum,
                epsilon,
                &mut out,
                error,
            )
        })?;
        Ok(unsafe { Tensor::from_ptr(out) })
    }
}

/// Returns a failure of libtorch with the status of the ranks where Gloo, NCCL or c10d has said it.
fn by_collectives(error: Error) -> Error {
    let names = ["gloo", "NCCL", "nccl", "c10d"];
    let is_theirs = names.iter().any(|name| error.message.contains(name));
    match error.status {
        Status::Torch if is_theirs => Error {
            status: Status::Distributed,
            ..error
        },
        _ => error,
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        unsafe {
            match self.failed.load(Ordering::Relaxed) {
                true => byol_group_abort(self.raw),
                false => byol_group_close(self.raw),
            }
        }
    }
}
