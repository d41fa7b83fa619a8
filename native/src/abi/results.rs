//! Types of results that the table may name. A result goes into a buffer of the caller's, and only
//! on success.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

use super::handles::{register, Object};
use crate::error::{Error, Result};

/// A type of result: how it crosses.
pub trait Output {
    /// The C type that the caller's buffer holds.
    type Raw;
    /// The argument's name in the table.
    const NAME: &'static str;
    /// The length of the caller's buffer in numbers, where the result is that; 0 for others.
    const NUMBERS: usize = 0;

    /// Writes the result.
    ///
    /// # Safety
    /// `place` must point to a buffer for it.
    unsafe fn write(self, place: *mut Self::Raw) -> Result<()>;
}

/// Refuses a buffer that is none, before anything is done.
pub fn require_place<T: Output>(place: *mut T::Raw) -> Result<()> {
    if place.is_null() {
        return Err(Error::invalid(format!(
            "Cannot write {}: expected a buffer, found null",
            T::NAME
        )));
    }
    Ok(())
}

/// `N` numbers.
pub struct Numbers<const N: usize>([f64; N]);

impl<const N: usize> From<[f64; N]> for Numbers<N> {
    fn from(numbers: [f64; N]) -> Self {
        Self(numbers)
    }
}

impl<const N: usize> Output for Numbers<N> {
    type Raw = f64;
    const NAME: &'static str = "numbers";
    const NUMBERS: usize = N;

    unsafe fn write(self, place: *mut f64) -> Result<()> {
        unsafe { place.cast::<[f64; N]>().write_unaligned(self.0) };
        Ok(())
    }
}

/// A whole number.
pub struct Count(u32);

impl From<u32> for Count {
    fn from(count: u32) -> Self {
        Self(count)
    }
}

impl Output for Count {
    type Raw = u32;
    const NAME: &'static str = "count";

    unsafe fn write(self, place: *mut u32) -> Result<()> {
        unsafe { place.write_unaligned(self.0) };
        Ok(())
    }
}

/// 1 or 0.
pub struct Flag(bool);

impl From<bool> for Flag {
    fn from(flag: bool) -> Self {
        Self(flag)
    }
}

impl Output for Flag {
    type Raw = u32;
    const NAME: &'static str = "flag";

    unsafe fn write(self, place: *mut u32) -> Result<()> {
        unsafe { place.write_unaligned(u32::from(self.0)) };
        Ok(())
    }
}

/// The handle of a new object, which the caller has to close.
pub struct Handle {
    noun: &'static str,
    object: Box<dyn Any + Send>,
}

impl<T: Object> From<T> for Handle {
    fn from(object: T) -> Self {
        Self {
            noun: T::NOUN,
            object: Box::new(object),
        }
    }
}

impl Output for Handle {
    type Raw = u32;
    const NAME: &'static str = "handle";

    unsafe fn write(self, place: *mut u32) -> Result<()> {
        let handle = register(self.noun, self.object)?;
        unsafe { place.write_unaligned(handle) };
        Ok(())
    }
}

/// A text. The first four bytes of the caller's buffer hold its capacity on the way in and the
/// text's length on the way out. The text follows, cut where it does not fit; then it is kept, and
/// `byol_core_long_text` gives it to a caller who brings a larger buffer: no function is called
/// twice for one answer.
pub struct Text(String);

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// The last text that did not fit.
static LONG_TEXT: Mutex<Option<String>> = Mutex::new(None);

impl Text {
    /// Takes the text that was kept. Error: none was.
    pub fn kept() -> Result<String> {
        let mut kept = LONG_TEXT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take().ok_or_else(|| {
            Error::invalid("Cannot give a text again: expected one that did not fit its buffer")
        })
    }
}

impl Output for Text {
    type Raw = u8;
    const NAME: &'static str = "text";

    unsafe fn write(self, place: *mut u8) -> Result<()> {
        let whole = unsafe { write_text(place, &self.0) };
        let mut kept = LONG_TEXT.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = (!whole).then_some(self.0);
        Ok(())
    }
}

/// Writes a text. Returns false where it was cut.
///
/// # Safety
/// `buffer` must be a buffer as Text describes it.
pub unsafe fn write_text(buffer: *mut u8, text: &str) -> bool {
    let head = buffer.cast::<u32>();
    unsafe {
        let capacity = head.read_unaligned() as usize;
        let room = text.len().min(capacity.saturating_sub(4));
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.add(4), room);
        head.write_unaligned(u32::try_from(text.len()).unwrap_or(u32::MAX));
        room == text.len()
    }
}
