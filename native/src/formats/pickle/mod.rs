//! A strict reader of the one pickle shape that the Python batches of CIFAR-10 and CIFAR-100 have: machine/ runs none of it, and this
//! dialect's few globals mean "a uint8 array". Every count is bounded by the number of images expected.

use std::borrow::Cow;

pub mod machine;
#[cfg(test)]
pub(crate) mod tests;

pub use machine::ParseError;
use machine::{malformed, shown, Dialect, Limits, Machine, Object};

/// Values of one image: three planes of 32 x 32.
const VALUES_PER_IMAGE: usize = 3 * 32 * 32;

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

/// Reads a batch: a dictionary of `data`, labels, and optionally `batch_label`, `filenames` and `coarse_labels`.
/// Labels are checked to be below `classes`, the array to be uint8 of shape (count, 3072).
pub fn parse_batch<'a>(
    input: &'a [u8],
    count: usize,
    (labels_key, classes): (&[u8], usize),
) -> Result<Batch<'a>, ParseError> {
    let mut machine = batch_machine(input, count);
    let root = machine.run()?;
    let mut images = None;
    let mut labels = None;
    for (key, value) in machine.dictionary(root)? {
        match key {
            b"data" => images = Some(machine.image_bytes(value, count)?),
            key if key == labels_key => labels = Some(machine.labels(value, count, classes)?),
            b"coarse_labels" => {
                machine.list(value, "coarse_labels")?;
            }
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
        (_, None) => Err(malformed(format!(
            "the key {} is missing",
            shown(labels_key)
        ))),
    }
}

/// Reads the file of class names, which are the list of this key.
pub fn parse_class_names(input: &[u8], names_key: &[u8]) -> Result<Vec<String>, ParseError> {
    let mut machine = batch_machine(input, 100);
    let root = machine.run()?;
    let mut names = None;
    for (key, value) in machine.dictionary(root)? {
        match key {
            key if key == names_key => {
                let mut list = Vec::new();
                for name in machine.list(value, "class names")? {
                    let bytes = machine.text(*name, "a class name")?;
                    list.push(String::from_utf8_lossy(bytes).into_owned());
                }
                names = Some(list);
            }
            b"coarse_label_names" => {
                machine.list(value, "coarse_label_names")?;
            }
            b"num_cases_per_batch" | b"num_vis" => {
                machine.integer(value, "a count")?;
            }
            other => return Err(malformed(format!("the key {} is not known", shown(other)))),
        }
    }
    names.ok_or_else(|| malformed(format!("the key {} is missing", shown(names_key))))
}

/// The globals that a batch may name; each is only a word to this reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    Reconstruct,
    NdArray,
    Dtype,
    Encode,
}

type Value<'a> = machine::Value<'a, Global>;

/// The objects that a batch's calls make.
#[derive(Debug)]
enum Built<'a> {
    /// uint8, once its state has been seen.
    Dtype { complete: bool },
    /// Rows, columns and content, once the state has been seen.
    Array(Option<(i64, i64, Value<'a>)>),
}

struct Cifar;

fn batch_machine(input: &[u8], count: usize) -> Machine<'_, Cifar> {
    // Per image: at most two labels and one file name; Python 3's protocol 2 spends eight opcodes, one tuple
    // and three memo entries on a file name of bytes.
    let limits = Limits {
        opcodes: count.saturating_mul(16).saturating_add(4096),
        objects: count.saturating_mul(2).saturating_add(64),
        memo: count.saturating_mul(4).saturating_add(256),
        string: max_batch_bytes(count),
    };
    Machine::new(Cifar, input, limits)
}

impl<'a> Dialect<'a> for Cifar {
    type Global = Global;
    type Built = Built<'a>;
    const FILE: &'static str = "a CIFAR batch";
    const MORE_OPCODES: &'static [u8] = &[];

    fn global(module: &[u8], name: &[u8]) -> Option<Global> {
        match (module, name) {
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"_reconstruct") => {
                Some(Global::Reconstruct)
            }
            (b"numpy", b"ndarray") => Some(Global::NdArray),
            (b"numpy", b"dtype") => Some(Global::Dtype),
            (b"_codecs", b"encode") => Some(Global::Encode),
            _ => None,
        }
    }

    fn reduce(
        machine: &mut Machine<'a, Self>,
        global: Global,
        arguments: Value<'a>,
    ) -> Result<(), ParseError> {
        let arguments = machine.tuple(arguments, "a call's arguments")?;
        match (global, arguments) {
            (Global::Encode, [Value::Text(text), encoding])
                if machine.is_text(*encoding, b"latin1") =>
            {
                let text = *text;
                if text.chars().any(|character| u32::from(character) > 0xff) {
                    return Err(malformed(
                        "a text that should be bytes has characters above 255",
                    ));
                }
                machine.push(Value::Latin1(text))
            }
            (Global::Dtype, [code, align, copy])
                if machine.is_text(*code, b"u1")
                    && is_flag(*align, false)
                    && is_flag(*copy, true) =>
            {
                machine.push_object(Object::Built(Built::Dtype { complete: false }))
            }
            (Global::Reconstruct, [Value::Global(Global::NdArray), shape, code])
                if matches!(machine.tuple(*shape, "a shape")?, [Value::Int(0)])
                    && machine.is_text(*code, b"b") =>
            {
                machine.push_object(Object::Built(Built::Array(None)))
            }
            (Global::Dtype, _) => Err(malformed("its array is not of type uint8")),
            _ => Err(malformed("a call has other arguments than a CIFAR batch's")),
        }
    }

    fn build(
        machine: &mut Machine<'a, Self>,
        index: usize,
        state: Value<'a>,
    ) -> Result<(), ParseError> {
        let state = machine.tuple(state, "a state")?;
        let built = match (machine.object(Value::Object(index)), state) {
            (
                Some(Object::Built(Built::Dtype { complete: false })),
                [Value::Int(3), order, Value::None, Value::None, Value::None, Value::Int(-1), Value::Int(-1), Value::Int(0)],
            ) if machine.is_text(*order, b"|") => Built::Dtype { complete: true },
            (
                Some(Object::Built(Built::Array(None))),
                [Value::Int(1), shape, Value::Object(dtype), fortran, content],
            ) if is_flag(*fortran, false) => {
                if !matches!(
                    machine.object(Value::Object(*dtype)),
                    Some(Object::Built(Built::Dtype { complete: true }))
                ) {
                    return Err(malformed("its array is not of type uint8"));
                }
                match machine.tuple(*shape, "a shape")? {
                    [Value::Int(rows), Value::Int(columns)] => {
                        Built::Array(Some((*rows, *columns, *content)))
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
        machine.replace(index, built);
        Ok(())
    }
}

impl<'a> Machine<'a, Cifar> {
    /// The entries of a dictionary with its keys as bytes; a key that comes twice is refused.
    fn dictionary(&self, value: Value<'a>) -> Result<Vec<(&'a [u8], Value<'a>)>, ParseError> {
        let Some(Object::Dict(entries)) = self.object(value) else {
            return Err(malformed("it does not hold a dictionary"));
        };
        // Five keys are the most that a batch or a file of class names can have; checked before the quadratic search.
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

    fn labels(
        &self,
        value: Value<'a>,
        count: usize,
        classes: usize,
    ) -> Result<Vec<u8>, ParseError> {
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
                Ok(label) if usize::from(label) < classes => labels.push(label),
                _ => {
                    return Err(malformed(format!(
                        "the label of image {index} is {label}, expected 0 to {}",
                        classes - 1
                    )))
                }
            }
        }
        Ok(labels)
    }

    fn image_bytes(&self, value: Value<'a>, count: usize) -> Result<Cow<'a, [u8]>, ParseError> {
        let Some(Object::Built(Built::Array(Some((rows, columns, content))))) = self.object(value)
        else {
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
