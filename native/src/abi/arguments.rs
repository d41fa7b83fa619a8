//! Types that may stand in the table: how they cross the boundary.
//!
//! Texts come in as NUL-terminated JSON (JSON has no raw NUL); texts go out into a buffer of the caller's whose first
//! four bytes hold its capacity on the way in and the text's length on the way out, so that a caller whose buffer was
//! too small knows what to bring.

use std::ffi::CStr;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

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

/// # Safety
/// `buffer` must be a text buffer: see the top of this file.
pub unsafe fn write_text(buffer: *mut u8, text: &str) {
    let head = buffer.cast::<u32>();
    unsafe {
        let capacity = head.read_unaligned() as usize;
        let room = text.len().min(capacity.saturating_sub(4));
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.add(4), room);
        head.write_unaligned(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }
}
