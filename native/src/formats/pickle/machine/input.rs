//! The bytes of a pickle, read in the pieces that its opcodes ask for.

use super::{malformed, shown, Dialect, Machine, ParseError};

const MAX_GLOBAL_NAME: usize = 64;

impl<'a, D: Dialect<'a>> Machine<'a, D> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], ParseError> {
        let rest = &self.input[self.position..];
        match rest.get(..length) {
            Some(bytes) => {
                self.position += length;
                Ok(bytes)
            }
            None => Err(ParseError::Truncated(format!(
                "it ends at byte {} where {length} more bytes were expected at byte {}",
                self.input.len(),
                self.position
            ))),
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, ParseError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// LONG1: a little-endian two's complement of up to eight bytes.
    pub(super) fn long(&mut self) -> Result<i64, ParseError> {
        let length = usize::from(self.byte()?);
        if length > 8 {
            return Err(malformed(format!(
                "an integer of {length} bytes, expected at most 8"
            )));
        }
        let digits = self.take(length)?;
        let negative = digits.last().is_some_and(|last| last & 0x80 != 0);
        let mut bytes = [if negative { 0xff } else { 0 }; 8];
        bytes[..length].copy_from_slice(digits);
        Ok(i64::from_le_bytes(bytes))
    }

    /// A string whose length is a little-endian number of `width` bytes. One that no batch could hold is
    /// refused as such: only a possible length can mean that the file was cut.
    pub(super) fn string(&mut self, width: usize) -> Result<&'a [u8], ParseError> {
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(self.take(width)?);
        let length = u64::from_le_bytes(bytes);
        match usize::try_from(length) {
            Ok(length) if length <= self.limits.string => self.take(length),
            _ => Err(malformed(format!(
                "a string of {length} bytes, expected at most {}",
                self.limits.string
            ))),
        }
    }

    pub(super) fn line(&mut self) -> Result<&'a [u8], ParseError> {
        let rest = &self.input[self.position..];
        let head = &rest[..rest.len().min(MAX_GLOBAL_NAME + 1)];
        match head.iter().position(|byte| *byte == b'\n') {
            Some(length) => {
                let line = self.take(length)?;
                self.take(1)?;
                Ok(line)
            }
            None if head.len() <= MAX_GLOBAL_NAME => Err(ParseError::Truncated(
                "it ends within a global's name".to_owned(),
            )),
            None => Err(malformed(format!(
                "the global's name {}… is too long",
                shown(head)
            ))),
        }
    }
}
