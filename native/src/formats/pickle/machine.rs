//! A machine for pickles that runs nothing.
//!
//! A pickle is a program. This machine runs none of it: a short list of opcodes builds plain values, a dialect's
//! short list of globals is understood as words with one known meaning each, and everything else is refused by name.
//! Strings are slices of the input, containers live in one arena and refer to each other by number (so nothing
//! recurses, not even a drop), and every count is bounded by the dialect's limits.

use std::collections::HashMap;
use std::fmt;

const MAX_PROTOCOL: u8 = 4;
const MAX_MARKS: usize = 16;
const MAX_GLOBAL_NAME: usize = 64;

/// Why a batch was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseError {
    /// The input ends before the batch does.
    Truncated(String),
    /// The input has not the expected shape.
    Malformed(String),
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(message) | Self::Malformed(message) => formatter.write_str(message),
        }
    }
}

impl std::error::Error for ParseError {}

/// What one kind of file may say in a pickle, and what its few calls mean.
pub(crate) trait Dialect<'a>: Sized {
    /// A global that the file may name: only a word.
    type Global: Copy + PartialEq + fmt::Debug;
    /// What its calls make.
    type Built: fmt::Debug;
    /// The kind of file, for messages: "a CIFAR-10 batch".
    const FILE: &'static str;
    /// Opcodes beside those that every pickle has: of BINFLOAT, LONG1 and BINPERSID.
    const MORE_OPCODES: &'static [u8];

    /// The word for a global, or None for one that is to be refused.
    fn global(module: &[u8], name: &[u8]) -> Option<Self::Global>;
    /// Pushes what calling `global` with the tuple `arguments` stands for.
    fn reduce(
        machine: &mut Machine<'a, Self>,
        global: Self::Global,
        arguments: V<'a, Self>,
    ) -> Result<(), ParseError>;
    /// Gives the object with the number `index` its state.
    fn build(
        machine: &mut Machine<'a, Self>,
        index: usize,
        state: V<'a, Self>,
    ) -> Result<(), ParseError>;
    /// Pushes what a persistent id stands for; without BINPERSID it is never asked.
    fn load(_machine: &mut Machine<'a, Self>, _id: V<'a, Self>) -> Result<(), ParseError> {
        Err(malformed(format!("{} has no persistent ids", Self::FILE)))
    }
}

/// A value of a dialect.
pub(crate) type V<'a, D> = Value<'a, <D as Dialect<'a>>::Global>;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a, G> {
    None,
    Bool(bool),
    Int(i64),
    /// A number with a point: passed over, as no dialect has a use for one.
    Float,
    /// A byte string, or a `str` of Python 2.
    Bytes(&'a [u8]),
    Text(&'a str),
    /// Bytes that Python 3 wrote as text of the same code points (all below 256).
    Latin1(&'a str),
    Global(G),
    /// A number in the arena.
    Object(usize),
}

pub(crate) enum Object<'a, D: Dialect<'a>> {
    List(Vec<V<'a, D>>),
    Tuple(Vec<V<'a, D>>),
    Dict(Vec<(V<'a, D>, V<'a, D>)>),
    Built(D::Built),
}

/// The most of each that a pickle may have.
pub(crate) struct Limits {
    pub opcodes: usize,
    pub objects: usize,
    pub memo: usize,
    /// Bytes of one string.
    pub string: usize,
}

pub(crate) struct Machine<'a, D: Dialect<'a>> {
    /// What the dialect knows beside the pickle.
    pub dialect: D,
    input: &'a [u8],
    position: usize,
    stack: Vec<V<'a, D>>,
    marks: Vec<usize>,
    objects: Vec<Object<'a, D>>,
    memo: HashMap<u32, V<'a, D>>,
    limits: Limits,
}

pub(crate) fn malformed(message: impl Into<String>) -> ParseError {
    ParseError::Malformed(message.into())
}

/// At most 64 characters of untrusted bytes, quoted and escaped for a message.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(64)];
    format!("'{}'", String::from_utf8_lossy(head).escape_debug())
}

impl<'a, D: Dialect<'a>> Machine<'a, D> {
    pub fn new(dialect: D, input: &'a [u8], limits: Limits) -> Self {
        Self {
            dialect,
            input,
            position: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            objects: Vec::new(),
            memo: HashMap::new(),
            limits,
        }
    }

    /// Runs to STOP and gives the one value left on the stack.
    pub fn run(&mut self) -> Result<V<'a, D>, ParseError> {
        if self.byte()? != 0x80 {
            return Err(malformed("it does not start with a pickle's PROTO opcode"));
        }
        let protocol = self.byte()?;
        if !(2..=MAX_PROTOCOL).contains(&protocol) {
            return Err(malformed(format!(
                "pickle protocol {protocol}, expected 2 to 4"
            )));
        }
        for _ in 0..self.limits.opcodes {
            let opcode = self.byte()?;
            if opcode == b'.' {
                return self.stop();
            }
            self.step(opcode)?;
        }
        Err(malformed(format!(
            "more than {} opcodes",
            self.limits.opcodes
        )))
    }

    fn stop(&mut self) -> Result<V<'a, D>, ParseError> {
        let value = self.pop()?;
        if !self.stack.is_empty() || !self.marks.is_empty() {
            return Err(malformed("values are left over at the pickle's end"));
        }
        match self.input.len() - self.position {
            0 => Ok(value),
            rest => Err(malformed(format!("{rest} bytes follow the pickle's end"))),
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), ParseError> {
        match opcode {
            b'}' => self.push_object(Object::Dict(Vec::new())),
            b']' => self.push_object(Object::List(Vec::new())),
            b')' => self.push_object(Object::Tuple(Vec::new())),
            b'(' => self.mark(),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_object(Object::Tuple(items))
            }
            0x85..=0x87 => {
                let length = usize::from(opcode - 0x84);
                let items = self.pop_many(length)?;
                self.push_object(Object::Tuple(items))
            }
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => {
                let [value] = self.array()?;
                self.push(Value::Int(i64::from(value)))
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(value)))
            }
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(value)))
            }
            b'U' | b'C' => self.push_bytes(1),
            b'T' | b'B' => self.push_bytes(4),
            0x8e => self.push_bytes(8),
            0x8c => self.push_text(1),
            b'X' => self.push_text(4),
            0x8d => self.push_text(8),
            b'q' => {
                let [index] = self.array()?;
                self.remember(u32::from(index))
            }
            b'r' => {
                let index = u32::from_le_bytes(self.array()?);
                self.remember(index)
            }
            0x94 => {
                let index = u32::try_from(self.memo.len()).unwrap_or(u32::MAX);
                self.remember(index)
            }
            b'h' => {
                let [index] = self.array()?;
                self.recall(u32::from(index))
            }
            b'j' => {
                let index = u32::from_le_bytes(self.array()?);
                self.recall(index)
            }
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(items)
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)
            }
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(&items)
            }
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.push_global(module, name)
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                let (module, name) = (self.text(module, "a module")?, self.text(name, "a name")?);
                self.push_global(module, name)
            }
            b'R' => self.reduce(),
            b'b' => self.build(),
            // A frame is only a hint for buffered reading: its length says nothing that must be believed.
            0x95 => self.array::<8>().map(|_| ()),
            b'G' if D::MORE_OPCODES.contains(&opcode) => {
                self.take(8)?;
                self.push(Value::Float)
            }
            0x8a if D::MORE_OPCODES.contains(&opcode) => {
                let value = self.long()?;
                self.push(Value::Int(value))
            }
            b'Q' if D::MORE_OPCODES.contains(&opcode) => {
                let id = self.pop()?;
                D::load(self, id)
            }
            other => Err(malformed(format!(
                "the pickle opcode {} (0x{other:02x}) is not one that {} has",
                opcode_name(other),
                D::FILE
            ))),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ParseError> {
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

    fn byte(&mut self) -> Result<u8, ParseError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// LONG1: a little-endian two's complement of up to eight bytes.
    fn long(&mut self) -> Result<i64, ParseError> {
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
    fn string(&mut self, width: usize) -> Result<&'a [u8], ParseError> {
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

    fn line(&mut self) -> Result<&'a [u8], ParseError> {
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

    pub fn push(&mut self, value: V<'a, D>) -> Result<(), ParseError> {
        self.stack.push(value);
        Ok(())
    }

    pub fn push_object(&mut self, object: Object<'a, D>) -> Result<(), ParseError> {
        if self.objects.len() >= self.limits.objects {
            return Err(malformed(format!(
                "more than {} containers",
                self.limits.objects
            )));
        }
        self.objects.push(object);
        self.push(Value::Object(self.objects.len() - 1))
    }

    fn push_bytes(&mut self, width: usize) -> Result<(), ParseError> {
        let bytes = self.string(width)?;
        self.push(Value::Bytes(bytes))
    }

    fn push_text(&mut self, width: usize) -> Result<(), ParseError> {
        let bytes = self.string(width)?;
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("a text is not UTF-8"))?;
        self.push(Value::Text(text))
    }

    fn push_global(&mut self, module: &[u8], name: &[u8]) -> Result<(), ParseError> {
        match D::global(module, name) {
            Some(global) => self.push(Value::Global(global)),
            None => {
                let full = [module, b".", name].concat();
                Err(malformed(format!(
                    "it names {}, which {} has no use for",
                    shown(&full),
                    D::FILE
                )))
            }
        }
    }

    fn mark(&mut self) -> Result<(), ParseError> {
        if self.marks.len() >= MAX_MARKS {
            return Err(malformed(format!(
                "more than {MAX_MARKS} levels of nesting"
            )));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    pub fn pop(&mut self) -> Result<V<'a, D>, ParseError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(malformed("an opcode finds too few values on the stack"));
        }
        self.stack
            .pop()
            .ok_or_else(|| malformed("an opcode finds no value on the stack"))
    }

    fn pop_many(&mut self, length: usize) -> Result<Vec<V<'a, D>>, ParseError> {
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(self.pop()?);
        }
        items.reverse();
        Ok(items)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<V<'a, D>>, ParseError> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => Err(malformed("an opcode finds no mark on the stack")),
        }
    }

    fn remember(&mut self, index: u32) -> Result<(), ParseError> {
        if self.memo.len() >= self.limits.memo {
            return Err(malformed(format!(
                "more than {} memo entries",
                self.limits.memo
            )));
        }
        let value = self.pop()?;
        self.memo.insert(index, value);
        self.push(value)
    }

    fn recall(&mut self, index: u32) -> Result<(), ParseError> {
        match self.memo.get(&index) {
            Some(value) => self.push(*value),
            None => Err(malformed(format!("the memo entry {index} does not exist"))),
        }
    }

    /// The number in the arena of the object on top of the stack, which stays there.
    pub fn top_object(&mut self) -> Result<usize, ParseError> {
        let value = self.pop()?;
        self.push(value)?;
        match value {
            Value::Object(index) => Ok(index),
            _ => Err(malformed("an opcode expects a container")),
        }
    }

    fn append(&mut self, items: Vec<V<'a, D>>) -> Result<(), ParseError> {
        let index = self.top_object()?;
        match self.objects.get_mut(index) {
            Some(Object::List(list)) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(malformed("an opcode appends to what is not a list")),
        }
    }

    fn set_items(&mut self, items: &[V<'a, D>]) -> Result<(), ParseError> {
        let index = self.top_object()?;
        if items.len() % 2 != 0 {
            return Err(malformed("a dictionary's key has no value"));
        }
        match self.objects.get_mut(index) {
            Some(Object::Dict(entries)) => {
                entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                Ok(())
            }
            _ => Err(malformed(
                "an opcode sets items of what is not a dictionary",
            )),
        }
    }

    /// REDUCE would call a function: here each allowed global stands for one known result.
    fn reduce(&mut self) -> Result<(), ParseError> {
        let arguments = self.pop()?;
        let callable = self.pop()?;
        let Value::Global(global) = callable else {
            return Err(malformed("an opcode calls what is not a global"));
        };
        self.tuple(arguments, "a call's arguments")?;
        D::reduce(self, global, arguments)
    }

    /// BUILD would run `__setstate__`: here the dialect fills in what it knows.
    fn build(&mut self) -> Result<(), ParseError> {
        let state = self.pop()?;
        let index = self.top_object()?;
        D::build(self, index, state)
    }

    pub fn object(&self, value: V<'a, D>) -> Option<&Object<'a, D>> {
        match value {
            Value::Object(index) => self.objects.get(index),
            _ => None,
        }
    }

    pub fn tuple(&self, value: V<'a, D>, what: &str) -> Result<&[V<'a, D>], ParseError> {
        match self.object(value) {
            Some(Object::Tuple(items)) => Ok(items),
            _ => Err(malformed(format!("{what} is not a tuple"))),
        }
    }

    pub fn list(&self, value: V<'a, D>, what: &str) -> Result<&[V<'a, D>], ParseError> {
        match self.object(value) {
            Some(Object::List(items)) => Ok(items),
            _ => Err(malformed(format!("{what} is not a list"))),
        }
    }

    /// The bytes of a string of any kind. Text of Python 3 that stands for bytes must be ASCII here.
    pub fn text(&self, value: V<'a, D>, what: &str) -> Result<&'a [u8], ParseError> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Text(text) => Ok(text.as_bytes()),
            Value::Latin1(text) if text.is_ascii() => Ok(text.as_bytes()),
            _ => Err(malformed(format!("{what} is not a string"))),
        }
    }

    pub fn is_text(&self, value: V<'a, D>, expected: &[u8]) -> bool {
        self.text(value, "").is_ok_and(|text| text == expected)
    }

    pub fn integer(&self, value: V<'a, D>, what: &str) -> Result<i64, ParseError> {
        match value {
            Value::Int(value) => Ok(value),
            _ => Err(malformed(format!("{what} is not an integer"))),
        }
    }

    /// Puts another object in the place of one.
    pub fn replace(&mut self, index: usize, built: D::Built) {
        if let Some(object) = self.objects.get_mut(index) {
            *object = Object::Built(built);
        }
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
