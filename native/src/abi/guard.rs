//! The way of every call: one thread, no gradients, panics and errors as statuses.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::handles::require_owner;
use super::results::write_text;
use crate::error::{Error, Result, Status};
use crate::torch::grad_mode::GradMode;

/// Runs one exported function and returns its status; an error's message goes into `error`.
///
/// # Safety
/// `error` must be null or a text buffer (results.rs).
pub unsafe fn guard(error: *mut u8, call: impl FnOnce() -> Result<()>) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        require_owner()?;
        let _no_grad = GradMode::set(false);
        call()
    }));
    let failure = match outcome {
        Ok(Ok(())) => return Status::Ok as i32,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "no message".to_owned());
            Error {
                status: Status::Panic,
                message: format!("The core panicked: {text}"),
            }
        }
    };
    if !error.is_null() {
        unsafe { write_text(error, &failure.message) };
    }
    failure.status as i32
}
