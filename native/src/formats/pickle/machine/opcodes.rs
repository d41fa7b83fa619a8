//! The opcodes that a pickle may have.

use super::{malformed, Dialect, Machine, Object, ParseError, Value};

impl<'a, D: Dialect<'a>> Machine<'a, D> {
    /// Does what one opcode says; one that is not known is refused by its name.
    pub(super) fn step(&mut self, opcode: u8) -> Result<(), ParseError> {
        let known = self.push_value(opcode)?
            || self.build_container(opcode)?
            || self.use_memo(opcode)?
            || self.use_global(opcode)?
            || self.follow_dialect(opcode)?;
        if known {
            return Ok(());
        }
        Err(malformed(format!(
            "the pickle opcode {} (0x{opcode:02x}) is not one that {} has",
            opcode_name(opcode),
            D::FILE
        )))
    }

    /// Pushes a plain value; false for another opcode.
    fn push_value(&mut self, opcode: u8) -> Result<bool, ParseError> {
        match opcode {
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'K' => {
                let [value] = self.array()?;
                self.push(Value::Int(i64::from(value)))?;
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(value)))?;
            }
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(value)))?;
            }
            b'U' | b'C' => self.push_bytes(1)?,
            b'T' | b'B' => self.push_bytes(4)?,
            0x8e => self.push_bytes(8)?,
            0x8c => self.push_text(1)?,
            b'X' => self.push_text(4)?,
            0x8d => self.push_text(8)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Makes or fills a container; false for another opcode.
    fn build_container(&mut self, opcode: u8) -> Result<bool, ParseError> {
        match opcode {
            b'}' => self.push_object(Object::Dict(Vec::new()))?,
            b']' => self.push_object(Object::List(Vec::new()))?,
            b')' => self.push_object(Object::Tuple(Vec::new()))?,
            b'(' => self.mark()?,
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_object(Object::Tuple(items))?;
            }
            0x85..=0x87 => {
                let length = usize::from(opcode - 0x84);
                let items = self.pop_many(length)?;
                self.push_object(Object::Tuple(items))?;
            }
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(items)?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)?;
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Keeps a value in the memo or takes one out; false for another opcode.
    fn use_memo(&mut self, opcode: u8) -> Result<bool, ParseError> {
        match opcode {
            b'q' => {
                let [index] = self.array()?;
                self.remember(u32::from(index))?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.array()?);
                self.remember(index)?;
            }
            0x94 => {
                let index = u32::try_from(self.memo.len()).unwrap_or(u32::MAX);
                self.remember(index)?;
            }
            b'h' => {
                let [index] = self.array()?;
                self.recall(u32::from(index))?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.array()?);
                self.recall(index)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Names a global, calls one, or gives an object its state; false for another opcode.
    fn use_global(&mut self, opcode: u8) -> Result<bool, ParseError> {
        match opcode {
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.push_global(module, name)?;
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                let (module, name) = (self.text(module, "a module")?, self.text(name, "a name")?);
                self.push_global(module, name)?;
            }
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            // A frame is only a hint for buffered reading: its length says nothing that must be believed.
            0x95 => drop(self.array::<8>()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Follows the opcodes that some dialects have; false for another opcode.
    fn follow_dialect(&mut self, opcode: u8) -> Result<bool, ParseError> {
        if !D::MORE_OPCODES.contains(&opcode) {
            return Ok(false);
        }
        match opcode {
            b'G' => {
                self.take(8)?;
                self.push(Value::Float)?;
            }
            0x8a => {
                let value = self.long()?;
                self.push(Value::Int(value))?;
            }
            b'Q' => {
                let id = self.pop()?;
                D::load(self, id)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Names, as in Python's pickletools, of the opcodes that are refused.
fn opcode_name(opcode: u8) -> &'static str {
    match opcode {
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        b'F' => "FLOAT",
        b'G' => "BINFLOAT",
        b'I' => "INT",
        b'L' => "LONG",
        b'P' => "PERSID",
        b'Q' => "BINPERSID",
        b'S' => "STRING",
        b'V' => "UNICODE",
        b'd' => "DICT",
        b'g' => "GET",
        b'i' => "INST",
        b'l' => "LIST",
        b'o' => "OBJ",
        b'p' => "PUT",
        0x80 => "PROTO",
        0x81 => "NEWOBJ",
        0x82 => "EXT1",
        0x83 => "EXT2",
        0x84 => "EXT4",
        0x8a => "LONG1",
        0x8b => "LONG4",
        0x8f => "EMPTY_SET",
        0x90 => "ADDITEMS",
        0x91 => "FROZENSET",
        0x92 => "NEWOBJ_EX",
        0x96 => "BYTEARRAY8",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        _ => "UNKNOWN",
    }
}
