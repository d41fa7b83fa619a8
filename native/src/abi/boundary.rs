//! What every exported function passes through: argument conversion, panics and errors as statuses, handles.
//!
//! The unsafe code of the boundary lives here. Texts come in as NUL-terminated JSON (JSON has no raw NUL); texts go
//! out into a buffer of the caller's whose first four bytes hold its capacity on the way in and the text's length
//! on the way out, so that a caller whose buffer was too small knows what to bring.

use std::any::Any;
use std::collections::HashMap;
use std::ffi::CStr;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use serde::de::DeserializeOwned;

/// What an exported function returns; the numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    Ok = 0,
    InvalidArgument = 1,
    BadHandle = 2,
    Io = 3,
    OutOfMemory = 4,
    Torch = 5,
    Panic = 6,
    Distributed = 7,
    NotFinite = 8,
    Interrupted = 9,
}

/// Every status with its name, for the generated table.
pub const STATUSES: [(&str, Status); 10] = [
    ("Ok", Status::Ok),
    ("InvalidArgument", Status::InvalidArgument),
    ("BadHandle", Status::BadHandle),
    ("Io", Status::Io),
    ("OutOfMemory", Status::OutOfMemory),
    ("Torch", Status::Torch),
    ("Panic", Status::Panic),
    ("Distributed", Status::Distributed),
    ("NotFinite", Status::NotFinite),
    ("Interrupted", Status::Interrupted),
];

/// Why an exported function failed.
#[derive(Debug)]
pub struct Error {
    pub status: Status,
    pub message: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: Status::InvalidArgument,
            message: message.into(),
        }
    }

    pub fn io(message: impl Into<String>) -> Self {
        Self {
            status: Status::Io,
            message: message.into(),
        }
    }
}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        let message = error.to_string();
        let status = if message.contains("out of memory") || message.contains("can't allocate") {
            Status::OutOfMemory
        } else {
            Status::Torch
        };
        Self { status, message }
    }
}

/// A type that may stand in the table: how it crosses, and what Deno calls it.
pub trait Argument: Sized {
    type Raw: Copy;
    /// Deno's name of the raw type.
    const FFI: &'static str;
    /// # Safety
    /// `raw` must be what the table promises: a scalar, or a pointer to a live buffer of the documented size.
    unsafe fn from_raw(raw: Self::Raw, name: &str) -> Result<Self>;
}

macro_rules! scalar {
    ($type:ty, $ffi:literal) => {
        impl Argument for $type {
            type Raw = $type;
            const FFI: &'static str = $ffi;
            unsafe fn from_raw(raw: $type, _: &str) -> Result<Self> {
                Ok(raw)
            }
        }
    };
}
scalar!(u32, "u32");
scalar!(u64, "u64");

/// A number that must be finite.
pub struct Finite(pub f64);

impl Argument for Finite {
    type Raw = f64;
    const FFI: &'static str = "f64";
    unsafe fn from_raw(raw: f64, name: &str) -> Result<Self> {
        if raw.is_finite() {
            return Ok(Self(raw));
        }
        Err(Error::invalid(format!(
            "Cannot use {name}={raw}: expected a finite number"
        )))
    }
}

/// A JSON text.
pub struct Json(String);

impl Json {
    /// Reads the text as `T`; unknown and missing fields are refused by name.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.0).map_err(|error| {
            Error::invalid(format!(
                "Cannot read the options given to the core: {error}"
            ))
        })
    }
}

impl Argument for Json {
    type Raw = *const u8;
    const FFI: &'static str = "buffer";
    unsafe fn from_raw(raw: *const u8, name: &str) -> Result<Self> {
        if raw.is_null() {
            return Err(Error::invalid(format!(
                "Cannot use {name}: expected a text, found null"
            )));
        }
        let bytes = unsafe { CStr::from_ptr(raw.cast()) };
        let text = bytes.to_str().map_err(|error| {
            Error::invalid(format!("Cannot use {name}: expected UTF-8 ({error})"))
        })?;
        Ok(Self(text.to_owned()))
    }
}

/// `N` numbers that the function writes.
pub struct OutNumbers<const N: usize>(*mut f64);

impl<const N: usize> OutNumbers<N> {
    pub fn write(&self, values: [f64; N]) {
        unsafe { self.0.cast::<[f64; N]>().write_unaligned(values) }
    }
}

impl<const N: usize> Argument for OutNumbers<N> {
    type Raw = *mut f64;
    const FFI: &'static str = "buffer";
    unsafe fn from_raw(raw: *mut f64, name: &str) -> Result<Self> {
        if raw.is_null() {
            return Err(Error::invalid(format!(
                "Cannot write {name}: expected a buffer, found null"
            )));
        }
        Ok(Self(raw))
    }
}

/// A handle or count that the function writes.
pub struct OutU32(*mut u32);

impl OutU32 {
    pub fn write(&self, value: u32) {
        unsafe { self.0.write_unaligned(value) }
    }
}

impl Argument for OutU32 {
    type Raw = *mut u32;
    const FFI: &'static str = "buffer";
    unsafe fn from_raw(raw: *mut u32, name: &str) -> Result<Self> {
        if raw.is_null() {
            return Err(Error::invalid(format!(
                "Cannot write {name}: expected a buffer, found null"
            )));
        }
        Ok(Self(raw))
    }
}

/// A text that the function writes: see the top of this file.
pub struct OutText(*mut u8);

impl OutText {
    pub fn write(&self, text: &str) {
        unsafe { write_text(self.0, text) }
    }
}

impl Argument for OutText {
    type Raw = *mut u8;
    const FFI: &'static str = "buffer";
    unsafe fn from_raw(raw: *mut u8, name: &str) -> Result<Self> {
        if raw.is_null() {
            return Err(Error::invalid(format!(
                "Cannot write {name}: expected a buffer, found null"
            )));
        }
        Ok(Self(raw))
    }
}

unsafe fn write_text(buffer: *mut u8, text: &str) {
    let head = buffer.cast::<u32>();
    unsafe {
        let capacity = head.read_unaligned() as usize;
        let room = text.len().min(capacity.saturating_sub(4));
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.add(4), room);
        head.write_unaligned(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }
}

/// Runs one exported function: gradients off, panics caught, errors told.
///
/// # Safety
/// `error` must be null or a text buffer (see the top of this file).
pub unsafe fn guard(error: *mut u8, body: impl FnOnce() -> Result<()>) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _no_grad = GradMode::set(false);
        body()
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
        unsafe { write_text(error, &failure.message) }
    }
    failure.status as i32
}

/// Sets the thread's gradient mode and puts the old one back, also when unwinding.
pub struct GradMode(i32);

impl GradMode {
    pub fn set(enabled: bool) -> Self {
        Self(unsafe { torch_sys::at_grad_set_enabled(i32::from(enabled)) })
    }
}

impl Drop for GradMode {
    fn drop(&mut self) {
        unsafe { torch_sys::at_grad_set_enabled(self.0) };
    }
}

type Slot = Arc<Mutex<Box<dyn Any + Send>>>;

#[derive(Default)]
struct Registry {
    last: u32,
    slots: HashMap<u32, (&'static str, Slot)>,
}

fn registry() -> MutexGuard<'static, Registry> {
    static REGISTRY: OnceLock<Mutex<Registry>> = OnceLock::new();
    let lock = REGISTRY.get_or_init(Mutex::default);
    lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Something that handles may name.
pub trait Object: Any + Send {
    /// As it is called in messages.
    const NOUN: &'static str;
}

/// Keeps an object and returns its handle. Handles are never used again.
pub fn register<T: Object>(object: T) -> u32 {
    let mut registry = registry();
    registry.last += 1;
    let handle = registry.last;
    let slot: Slot = Arc::new(Mutex::new(Box::new(object)));
    registry.slots.insert(handle, (T::NOUN, slot));
    handle
}

/// Runs `body` on the object behind a handle.
pub fn with<T: Object, R>(handle: u32, body: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
    let found = registry().slots.get(&handle).cloned();
    let bad = |what: String| Error {
        status: Status::BadHandle,
        message: format!(
            "Cannot use handle {handle}: expected a {}, found {what}",
            T::NOUN
        ),
    };
    let (noun, slot) = found.ok_or_else(|| bad("none (closed, or never made)".to_owned()))?;
    // Before its lock, which a call that is given one handle twice holds already.
    if noun != T::NOUN {
        return Err(bad(format!("a {noun}")));
    }
    let mut object = slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let object = object
        .downcast_mut::<T>()
        .ok_or_else(|| bad(format!("a {noun}")))?;
    body(object)
}

/// Drops an object; harmless when repeated.
pub fn close(handle: u32) -> Result<()> {
    let slot = registry().slots.remove(&handle);
    drop(slot);
    Ok(())
}

/// How many objects are alive.
pub fn live_handles() -> u32 {
    u32::try_from(registry().slots.len()).unwrap_or(u32::MAX)
}
