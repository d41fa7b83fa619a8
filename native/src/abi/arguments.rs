//! Types of arguments that the table may name: scalars, JSON, and objects by their handles.
//!
//! A call has three phases. Each argument is found first: scalars and texts are checked, JSON is
//! read, handles are looked up. Then all objects are locked, in the order of their handles. Then
//! the function gets its values.

use std::ffi::CStr;

use serde::de::DeserializeOwned;

use super::handles::{Given, Object, Objects};
use crate::error::{Error, Result};

/// A type of argument: how it crosses, and Deno's name of that.
pub trait Argument {
    /// The C type.
    type Raw: Copy;
    /// Deno's name of the C type.
    const FFI: &'static str;
    /// The result of the first phase, for the third.
    type Found;
    /// The value that the function gets.
    type Value<'objects>;

    /// Checks the argument, and notes the object it stands for among those of the call.
    ///
    /// # Safety
    /// `raw` must be what the table promises: a scalar, or a pointer to a text that a zero byte
    /// ends.
    unsafe fn find(raw: Self::Raw, name: &str, given: &mut Given) -> Result<Self::Found>;

    /// Returns the function's value; an object is taken out of those that are locked.
    fn value<'objects>(
        found: Self::Found,
        objects: &mut Objects<'objects>,
    ) -> Result<Self::Value<'objects>>;
}

/// Scalars: the C type, Deno's name, the function's type, and how the one is made the other.
macro_rules! scalars {
    ($($type:ty: $raw:ty = $ffi:literal, |$value:ident, $name:ident| $made:expr;)*) => {$(
        impl Argument for $type {
            type Raw = $raw;
            const FFI: &'static str = $ffi;
            type Found = $type;
            type Value<'objects> = $type;

            unsafe fn find($value: $raw, $name: &str, _: &mut Given) -> Result<$type> {
                $made
            }

            fn value<'objects>(found: $type, _: &mut Objects<'objects>) -> Result<$type> {
                Ok(found)
            }
        }
    )*};
}

scalars! {
    u32: u32 = "u32", |value, _name| Ok(value);
    u64: u64 = "u64", |value, _name| Ok(value);
    usize: u32 = "u32", |value, _name| Ok(value as usize);
    i64: u32 = "u32", |value, _name| Ok(i64::from(value));
    bool: u32 = "u32", |value, _name| Ok(value != 0);
    f64: f64 = "f64", |value, name| finite(value, name);
}

fn finite(value: f64, name: &str) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::invalid(format!(
        "Cannot use {name}={value}: expected a finite number"
    )))
}

/// Options as a JSON text, ended by a zero byte (JSON has no raw one). Unknown and missing fields
/// are refused by name.
pub struct Json<T>(T);

impl<T: DeserializeOwned> Argument for Json<T> {
    type Raw = *const u8;
    const FFI: &'static str = "buffer";
    type Found = T;
    type Value<'objects> = T;

    unsafe fn find(raw: *const u8, name: &str, _: &mut Given) -> Result<T> {
        if raw.is_null() {
            return Err(Error::invalid(format!(
                "Cannot use {name}: expected a text, found null"
            )));
        }
        let bytes = unsafe { CStr::from_ptr(raw.cast()) };
        let text = bytes.to_str().map_err(|error| {
            Error::invalid(format!("Cannot use {name}: expected UTF-8 ({error})"))
        })?;
        serde_json::from_str(text).map_err(|error| {
            Error::invalid(format!(
                "Cannot read the options given to the core: {error}"
            ))
        })
    }

    fn value<'objects>(found: T, _: &mut Objects<'objects>) -> Result<T> {
        Ok(found)
    }
}

impl<T: Object> Argument for &mut T {
    type Raw = u32;
    const FFI: &'static str = "u32";
    type Found = u32;
    type Value<'objects> = &'objects mut T;

    unsafe fn find(handle: u32, name: &str, given: &mut Given) -> Result<u32> {
        given.add::<T>(handle, name)?;
        Ok(handle)
    }

    fn value<'objects>(handle: u32, objects: &mut Objects<'objects>) -> Result<&'objects mut T> {
        objects.take(handle)
    }
}

impl<T: Object> Argument for &T {
    type Raw = u32;
    const FFI: &'static str = "u32";
    type Found = u32;
    type Value<'objects> = &'objects T;

    unsafe fn find(handle: u32, name: &str, given: &mut Given) -> Result<u32> {
        given.add::<T>(handle, name)?;
        Ok(handle)
    }

    fn value<'objects>(handle: u32, objects: &mut Objects<'objects>) -> Result<&'objects T> {
        Ok(objects.take(handle)?)
    }
}

/// An object that may be left out: handle 0.
impl<T: Object> Argument for Option<&mut T> {
    type Raw = u32;
    const FFI: &'static str = "u32";
    type Found = u32;
    type Value<'objects> = Option<&'objects mut T>;

    unsafe fn find(handle: u32, name: &str, given: &mut Given) -> Result<u32> {
        if handle != 0 {
            given.add::<T>(handle, name)?;
        }
        Ok(handle)
    }

    fn value<'objects>(
        handle: u32,
        objects: &mut Objects<'objects>,
    ) -> Result<Self::Value<'objects>> {
        match handle {
            0 => Ok(None),
            _ => objects.take(handle).map(Some),
        }
    }
}
