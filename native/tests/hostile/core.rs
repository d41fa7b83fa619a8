//! The exported functions, called as the program calls them.

use std::ffi::CString;

use byol::abi;
use byol::error::Status;

const CAPACITY: usize = 1 << 16;

/// The outcome of a call: its status and its message.
pub struct Outcome {
    pub status: i32,
    pub message: String,
}

impl Outcome {
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok as i32
    }

    /// Returns whether it is a success or an error that tells of a bad file or bad options: no panic that was caught,
    /// nothing that only libtorch noticed, no memory that was not there.
    pub fn is_allowed(&self) -> bool {
        let allowed = [
            Status::Ok,
            Status::InvalidArgument,
            Status::BadHandle,
            Status::Io,
        ];
        allowed.iter().any(|status| *status as i32 == self.status)
    }
}

fn text_buffer() -> Vec<u8> {
    let mut buffer = vec![0; CAPACITY];
    buffer[..4].copy_from_slice(&(CAPACITY as u32).to_le_bytes());
    buffer
}

/// Calls a function that takes a text, up to its first zero byte, and an error buffer.
pub fn call(text: &[u8], body: impl FnOnce(*const u8, *mut u8) -> i32) -> Outcome {
    let end = text.iter().position(|byte| *byte == 0);
    let text = CString::new(&text[..end.unwrap_or(text.len())]).unwrap();
    let mut error = text_buffer();
    let status = body(text.as_ptr().cast(), error.as_mut_ptr());
    let mut length = [0; 4];
    length.copy_from_slice(&error[..4]);
    let length = (u32::from_le_bytes(length) as usize).min(CAPACITY - 4);
    let message = match status {
        0 => String::new(),
        _ => String::from_utf8_lossy(&error[4..4 + length]).into_owned(),
    };
    Outcome { status, message }
}

pub fn describe(path: &str) -> Outcome {
    let mut text = text_buffer();
    call(&json(path), |options, error| unsafe {
        abi::files::byol_checkpoint_describe(options, text.as_mut_ptr(), error)
    })
}

fn json(value: impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(&value).unwrap()
}

/// A function that makes an object of the core, which is closed at once.
pub fn create(
    options: &[u8],
    function: unsafe extern "C" fn(*const u8, *mut u32, *mut u8) -> i32,
) -> Outcome {
    let mut handle = 0;
    let outcome = call(options, |options, error| unsafe {
        function(options, &mut handle, error)
    });
    if outcome.is_ok() {
        close(handle);
    }
    outcome
}

pub fn close(handle: u32) {
    assert_eq!(
        unsafe { abi::core::byol_handle_close(handle, std::ptr::null_mut()) },
        0
    );
}

pub fn live_handles() -> u32 {
    let mut count = 0;
    let status = unsafe { abi::core::byol_core_live_handles(&mut count, std::ptr::null_mut()) };
    assert_eq!(status, 0);
    count
}

/// One thread: others wait for each other at every small copy.
pub fn use_one_thread() {
    assert_eq!(
        unsafe { abi::core::byol_core_set_threads(1, std::ptr::null_mut()) },
        0
    );
}

/// An object of the core for as long as the test runs.
pub struct Kept(pub u32);

impl Kept {
    pub fn new(
        options: &str,
        function: unsafe extern "C" fn(*const u8, *mut u32, *mut u8) -> i32,
    ) -> Self {
        let mut handle = 0;
        let outcome = call(options.as_bytes(), |options, error| unsafe {
            function(options, &mut handle, error)
        });
        assert!(outcome.is_ok(), "{}", outcome.message);
        Self(handle)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        close(self.0);
    }
}

/// Opens a data set without a job.
///
/// # Safety
/// As byol_dataset_open's.
pub unsafe extern "C" fn open_demo(options: *const u8, handle: *mut u32, error: *mut u8) -> i32 {
    unsafe { abi::dataset::byol_dataset_open(options, 0, handle, error) }
}
