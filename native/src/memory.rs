//! Memory whose size others decide: refused with a message, where a vector that grows by itself ends the process.

use crate::boundary::{Error, Result, Status};

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
