//! Memory whose size others decide: refused with a message, where a vector that grows by itself ends the process. And
//! what becomes of freed memory.

use std::sync::Once;

use crate::error::{Error, Result, Status};

extern "C" {
    fn byol_keep_freed_memory();
}

/// From now on, large blocks of tensors that are freed are kept for the next of their size (shim/memory.cpp), as far as
/// the process never holds 15 % more than was in use at once.
pub fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| unsafe { byol_keep_freed_memory() });
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
