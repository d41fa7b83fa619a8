//! A machine for pickles that runs nothing.
//!
//! A pickle is a program. This machine runs none of it: a short list of opcodes builds plain values, a dialect's
//! short list of globals is understood as words with one known meaning each, and everything else is refused by name.
//! Strings are slices of the input, containers live in one arena and refer to each other by number (so nothing
//! recurses, not even a drop), and every count is bounded by the dialect's limits.

mod input;
mod opcodes;

use std::collections::HashMap;
use std::fmt;

const MAX_PROTOCOL: u8 = 4;
const MAX_MARKS: usize = 16;

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

/// The pickles of one kind of file: the globals that they may name, and the meaning of their few calls.
pub(crate) trait Dialect<'a>: Sized {
    /// A global that the file may name: only a word.
    type Global: Copy + PartialEq + fmt::Debug;
    /// The objects that its calls make.
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
    /// The dialect's knowledge beside the pickle.
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
