//! A strict reader of the one pickle shape that CIFAR-10's Python batches have.
//!
//! A pickle is a program. This reader runs none of it: a short list of opcodes builds plain values, a
//! short list of globals is understood as "a uint8 array", and everything else is refused by name.
//! Strings are slices of the input, containers live in one arena and refer to each other by number (so
//! nothing recurses, not even a drop), and every count is bounded by the number of images expected.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

#[cfg(test)]
pub(crate) mod tests;

/// Values of one image: three planes of 32 x 32.
const VALUES_PER_IMAGE: usize = 3 * 32 * 32;
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

/// One batch: `images` holds count x 3 x 32 x 32 bytes (borrowed from the input where that is possible).
#[derive(Debug)]
pub struct Batch<'a> {
    pub images: Cow<'a, [u8]>,
    pub labels: Vec<u8>,
}

/// The largest file that a batch of `count` images may be. Python 3 writes bytes in protocol 2 as UTF-8
/// text, which takes up to two bytes for each value; the rest is for labels and file names.
pub fn max_batch_bytes(count: usize) -> usize {
    count
        .saturating_mul(2 * VALUES_PER_IMAGE + 256)
        .saturating_add(4096)
}

/// Reads a batch: a dictionary of `data`, `labels`, and optionally `batch_label` and `filenames`.
/// Labels are checked to be 0 to 9, the array to be uint8 of shape (count, 3072).
pub fn parse_batch(input: &[u8], count: usize) -> Result<Batch<'_>, ParseError> {
    let mut machine = Machine::new(input, count);
    let root = machine.run()?;
    let mut images = None;
    let mut labels = None;
    for (key, value) in machine.dictionary(root)? {
        match key {
            b"data" => images = Some(machine.image_bytes(value, count)?),
            b"labels" => labels = Some(machine.labels(value, count)?),
            b"batch_label" => {
                machine.text(value, "batch_label")?;
            }
            b"filenames" => {
                for name in machine.list(value, "filenames")? {
                    machine.text(*name, "a file name")?;
                }
            }
            other => return Err(malformed(format!("the key {} is not known", shown(other)))),
        }
    }
    match (images, labels) {
        (Some(images), Some(labels)) => Ok(Batch { images, labels }),
        (None, _) => Err(malformed("the key 'data' is missing")),
        (_, None) => Err(malformed("the key 'labels' is missing")),
    }
}

/// Reads `batches.meta`: the ten class names.
pub fn parse_class_names(input: &[u8]) -> Result<Vec<String>, ParseError> {
    let mut machine = Machine::new(input, 10);
    let root = machine.run()?;
    let mut names = None;
    for (key, value) in machine.dictionary(root)? {
        match key {
            b"label_names" => {
                let mut list = Vec::new();
                for name in machine.list(value, "label_names")? {
                    let bytes = machine.text(*name, "a class name")?;
                    list.push(String::from_utf8_lossy(bytes).into_owned());
                }
                names = Some(list);
            }
            b"num_cases_per_batch" | b"num_vis" => {
                machine.integer(value, "a count")?;
            }
            other => return Err(malformed(format!("the key {} is not known", shown(other)))),
        }
    }
    names.ok_or_else(|| malformed("the key 'label_names' is missing"))
}

/// The globals that a batch may name; each is only a word to this reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    Reconstruct,
    NdArray,
    Dtype,
    Encode,
}

#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// A byte string, or a `str` of Python 2.
    Bytes(&'a [u8]),
    Text(&'a str),
    /// Bytes that Python 3 wrote as text of the same code points (all below 256).
    Latin1(&'a str),
    Global(Global),
    /// A number in the arena.
    Object(usize),
}

#[derive(Debug)]
enum Object<'a> {
    List(Vec<Value<'a>>),
    Tuple(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    /// uint8, once its state has been seen.
    Dtype {
        complete: bool,
    },
    /// Rows, columns and content, once the state has been seen.
    Array(Option<(i64, i64, Value<'a>)>),
}

struct Limits {
    opcodes: usize,
    objects: usize,
    memo: usize,
    string: usize,
}

struct Machine<'a> {
    input: &'a [u8],
    position: usize,
    stack: Vec<Value<'a>>,
    marks: Vec<usize>,
    objects: Vec<Object<'a>>,
    memo: HashMap<u32, Value<'a>>,
    limits: Limits,
}

fn malformed(message: impl Into<String>) -> ParseError {
    ParseError::Malformed(message.into())
}

/// At most 64 characters of untrusted bytes, quoted and escaped for a message.
fn shown(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(64)];
    format!("'{}'", String::from_utf8_lossy(head).escape_debug())
}

impl<'a> Machine<'a> {
    fn new(input: &'a [u8], count: usize) -> Self {
        // Per image: one label and one file name; Python 3's protocol 2 spends eight opcodes, one tuple
        // and three memo entries on a file name of bytes.
        let limits = Limits {
            opcodes: count.saturating_mul(16).saturating_add(4096),
            objects: count.saturating_mul(2).saturating_add(64),
            memo: count.saturating_mul(4).saturating_add(256),
            string: max_batch_bytes(count),
        };
        Self {
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
    fn run(&mut self) -> Result<Value<'a>, ParseError> {
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

    fn stop(&mut self) -> Result<Value<'a>, ParseError> {
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
            other => Err(malformed(format!(
                "the pickle opcode {} (0x{other:02x}) is not one that a CIFAR-10 batch has",
                opcode_name(other)
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

    fn push(&mut self, value: Value<'a>) -> Result<(), ParseError> {
        self.stack.push(value);
        Ok(())
    }

    fn push_object(&mut self, object: Object<'a>) -> Result<(), ParseError> {
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
        let global = match (module, name) {
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"_reconstruct") => {
                Global::Reconstruct
            }
            (b"numpy", b"ndarray") => Global::NdArray,
            (b"numpy", b"dtype") => Global::Dtype,
            (b"_codecs", b"encode") => Global::Encode,
            _ => {
                let full = [module, b".", name].concat();
                return Err(malformed(format!(
                    "it names {}, which a CIFAR-10 batch has no use for",
                    shown(&full)
                )));
            }
        };
        self.push(Value::Global(global))
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

    fn pop(&mut self) -> Result<Value<'a>, ParseError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(malformed("an opcode finds too few values on the stack"));
        }
        self.stack
            .pop()
            .ok_or_else(|| malformed("an opcode finds no value on the stack"))
    }

    fn pop_many(&mut self, length: usize) -> Result<Vec<Value<'a>>, ParseError> {
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(self.pop()?);
        }
        items.reverse();
        Ok(items)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value<'a>>, ParseError> {
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
    fn top_object(&mut self) -> Result<usize, ParseError> {
        let value = self.pop()?;
        self.push(value)?;
        match value {
            Value::Object(index) => Ok(index),
            _ => Err(malformed("an opcode expects a container")),
        }
    }

    fn append(&mut self, items: Vec<Value<'a>>) -> Result<(), ParseError> {
        let index = self.top_object()?;
        match self.objects.get_mut(index) {
            Some(Object::List(list)) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(malformed("an opcode appends to what is not a list")),
        }
    }

    fn set_items(&mut self, items: &[Value<'a>]) -> Result<(), ParseError> {
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
        let arguments = self.tuple(arguments, "a call's arguments")?;
        match (global, arguments) {
            (Global::Encode, [Value::Text(text), encoding])
                if self.is_text(*encoding, b"latin1") =>
            {
                let text = *text;
                if text.chars().any(|character| u32::from(character) > 0xff) {
                    return Err(malformed(
                        "a text that should be bytes has characters above 255",
                    ));
                }
                self.push(Value::Latin1(text))
            }
            (Global::Dtype, [code, align, copy])
                if self.is_text(*code, b"u1") && is_flag(*align, false) && is_flag(*copy, true) =>
            {
                self.push_object(Object::Dtype { complete: false })
            }
            (Global::Reconstruct, [Value::Global(Global::NdArray), shape, code])
                if matches!(self.tuple(*shape, "a shape")?, [Value::Int(0)])
                    && self.is_text(*code, b"b") =>
            {
                self.push_object(Object::Array(None))
            }
            (Global::Dtype, _) => Err(malformed("its array is not of type uint8")),
            _ => Err(malformed(
                "a call has other arguments than a CIFAR-10 batch's",
            )),
        }
    }

    /// BUILD would run `__setstate__`: here it fills in the array or checks the type.
    fn build(&mut self) -> Result<(), ParseError> {
        let state = self.pop()?;
        let index = self.top_object()?;
        let state = self.tuple(state, "a state")?;
        let built = match (self.objects.get(index), state) {
            (
                Some(Object::Dtype { complete: false }),
                [Value::Int(3), order, Value::None, Value::None, Value::None, Value::Int(-1), Value::Int(-1), Value::Int(0)],
            ) if self.is_text(*order, b"|") => Object::Dtype { complete: true },
            (
                Some(Object::Array(None)),
                [Value::Int(1), shape, Value::Object(dtype), fortran, content],
            ) if is_flag(*fortran, false) => {
                if !matches!(
                    self.objects.get(*dtype),
                    Some(Object::Dtype { complete: true })
                ) {
                    return Err(malformed("its array is not of type uint8"));
                }
                match self.tuple(*shape, "a shape")? {
                    [Value::Int(rows), Value::Int(columns)] => {
                        Object::Array(Some((*rows, *columns, *content)))
                    }
                    _ => return Err(malformed("its array has not two dimensions")),
                }
            }
            _ => {
                return Err(malformed(
                    "a state is not that of a C-ordered array of uint8",
                ))
            }
        };
        self.objects[index] = built;
        Ok(())
    }

    fn object(&self, value: Value<'a>) -> Option<&Object<'a>> {
        match value {
            Value::Object(index) => self.objects.get(index),
            _ => None,
        }
    }

    fn tuple(&self, value: Value<'a>, what: &str) -> Result<&[Value<'a>], ParseError> {
        match self.object(value) {
            Some(Object::Tuple(items)) => Ok(items),
            _ => Err(malformed(format!("{what} is not a tuple"))),
        }
    }

    fn list(&self, value: Value<'a>, what: &str) -> Result<&[Value<'a>], ParseError> {
        match self.object(value) {
            Some(Object::List(items)) => Ok(items),
            _ => Err(malformed(format!("{what} is not a list"))),
        }
    }

    /// The entries of a dictionary with its keys as bytes; a key that comes twice is refused.
    fn dictionary(&self, value: Value<'a>) -> Result<Vec<(&'a [u8], Value<'a>)>, ParseError> {
        let Some(Object::Dict(entries)) = self.object(value) else {
            return Err(malformed("it does not hold a dictionary"));
        };
        // Five keys are the most that a batch or batches.meta can have; checked before the quadratic search.
        if entries.len() > 8 {
            return Err(malformed(format!(
                "a dictionary of {} entries",
                entries.len()
            )));
        }
        let mut result: Vec<(&'a [u8], Value<'a>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.text(*key, "a key")?;
            if result.iter().any(|(earlier, _)| *earlier == key) {
                return Err(malformed(format!("the key {} comes twice", shown(key))));
            }
            result.push((key, *value));
        }
        Ok(result)
    }

    /// The bytes of a string of any kind. Text of Python 3 that stands for bytes must be ASCII here.
    fn text(&self, value: Value<'a>, what: &str) -> Result<&'a [u8], ParseError> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Text(text) => Ok(text.as_bytes()),
            Value::Latin1(text) if text.is_ascii() => Ok(text.as_bytes()),
            _ => Err(malformed(format!("{what} is not a string"))),
        }
    }

    fn is_text(&self, value: Value<'a>, expected: &[u8]) -> bool {
        self.text(value, "").is_ok_and(|text| text == expected)
    }

    fn integer(&self, value: Value<'a>, what: &str) -> Result<i64, ParseError> {
        match value {
            Value::Int(value) => Ok(value),
            _ => Err(malformed(format!("{what} is not an integer"))),
        }
    }

    fn labels(&self, value: Value<'a>, count: usize) -> Result<Vec<u8>, ParseError> {
        let items = self.list(value, "'labels'")?;
        if items.len() != count {
            return Err(malformed(format!(
                "{} labels, expected {count}",
                items.len()
            )));
        }
        let mut labels = Vec::with_capacity(count);
        for (index, item) in items.iter().enumerate() {
            let label = self.integer(*item, "a label")?;
            match u8::try_from(label) {
                Ok(label @ 0..=9) => labels.push(label),
                _ => {
                    return Err(malformed(format!(
                        "the label of image {index} is {label}, expected 0 to 9"
                    )))
                }
            }
        }
        Ok(labels)
    }

    fn image_bytes(&self, value: Value<'a>, count: usize) -> Result<Cow<'a, [u8]>, ParseError> {
        let Some(Object::Array(Some((rows, columns, content)))) = self.object(value) else {
            return Err(malformed("'data' is not a complete array"));
        };
        let expected = (i64::try_from(count).ok(), VALUES_PER_IMAGE as i64);
        if (Some(*rows), *columns) != expected {
            return Err(malformed(format!(
                "an array of shape ({rows}, {columns}), expected ({count}, {VALUES_PER_IMAGE})"
            )));
        }
        let bytes = match *content {
            Value::Bytes(bytes) => Cow::Borrowed(bytes),
            // Every character is below 256, as checked when it was encoded.
            Value::Latin1(text) => Cow::Owned(text.chars().map(|c| c as u8).collect()),
            _ => return Err(malformed("the array's content is not bytes")),
        };
        match bytes.len() == count * VALUES_PER_IMAGE {
            true => Ok(bytes),
            false => Err(malformed(format!(
                "an array of {} bytes, expected {}",
                bytes.len(),
                count * VALUES_PER_IMAGE
            ))),
        }
    }
}

/// Python 2 writes flags as integers, Python 3 as booleans.
fn is_flag(value: Value<'_>, expected: bool) -> bool {
    match value {
        Value::Bool(flag) => flag == expected,
        Value::Int(number) => number == i64::from(expected),
        _ => false,
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
