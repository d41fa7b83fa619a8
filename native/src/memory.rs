//! Memory whose size others decide: refused with a message, where a vector that grows by itself ends the process. And
//! what becomes of freed memory.

use std::sync::Once;

use crate::boundary::{Error, Result, Status};

/// From now on, freed memory stays with the process. By default glibc gives every block of 32 MiB or more back to the
/// system and gets a new one, whose pages the system clears one by one: a fifth of a step of ResNet-18 at batch 64, whose
/// tensors have the same sizes each time. The peak grows by what lies unused between others, a quarter there (docs/performance.md).
pub fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    #[cfg(target_env = "gnu")]
    ONCE.call_once(|| unsafe {
        // No block comes from mmap, and the heap is never cut. Where glibc refuses, it stays as it was.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
    });
}

/// `length` zeros for `what`.
pub fn zeros<T: Copy + Default>(length: usize, what: &str) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|error| Error {
        status: Status::OutOfMemory,
        message: format!("Cannot keep {length} values for {what}: {error}"),
    })?;
    values.resize(length, T::default());
    Ok(values)
}
