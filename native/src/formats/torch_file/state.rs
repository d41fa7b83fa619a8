//! The dialect of pickle that `torch.save` writes for dictionaries of tensors: which globals it may name, and what each
//! of its few calls stands for. Nothing is called.

use safetensors::tensor::Dtype;

use super::layout::{elements, strides_of};
use crate::formats::header::{
    damaged, shown, FormatError, TensorEntry, MAX_NAME_BYTES, MAX_RANK, MAX_TENSORS,
};
use crate::formats::pickle::machine::{malformed, Dialect, Limits, Machine, Object, ParseError, V};
use crate::formats::zip::Archive;

const LIMITS: Limits = Limits {
    opcodes: 1 << 20,
    objects: 1 << 19,
    memo: 1 << 19,
    string: 8 << 20,
};
/// Items that are looked at in the search for tensors: a dictionary can stand in itself many times.
const MAX_ITEMS: usize = 1 << 20;

/// A tensor of the file's dictionary, and the archive's entry that it lies in.
pub struct Placed {
    pub tensor: TensorEntry,
    pub entry: usize,
}

/// Reads the tensors of a data.pkl: those of its dictionary, and those of the dictionaries in that, under `key.name`.
pub fn read(pickle: &[u8], archive: &Archive, root: &str) -> Result<Vec<Placed>, FormatError> {
    let dialect = State { archive, root };
    let mut machine = Machine::new(dialect, pickle, LIMITS);
    let value = machine.run().map_err(refused)?;
    let Some(Object::Dict(items)) = machine.object(value) else {
        return Err(FormatError::Refused(
            "it does not hold a dictionary: expected a state_dict() or a dictionary of them"
                .to_owned(),
        ));
    };
    let mut found = Found::default();
    for (key, value) in items {
        match machine.object(*value) {
            Some(Object::Dict(inner)) => {
                let Ok(prefix) = machine.text(*key, "") else {
                    continue;
                };
                for (name, value) in inner {
                    found.add(&machine, Some(prefix), (*name, *value))?;
                }
            }
            _ => found.add(&machine, None, (*key, *value))?,
        }
    }
    Ok(found.tensors)
}

fn refused(error: ParseError) -> FormatError {
    match error {
        ParseError::Truncated(reason) => damaged(format!("its data.pkl: {reason}")),
        ParseError::Malformed(reason) => FormatError::Refused(format!(
            "its data.pkl: {reason}; nothing in it is run: save a state_dict() alone, with torch.save"
        )),
    }
}

#[derive(Default)]
struct Found {
    tensors: Vec<Placed>,
    items: usize,
}

impl Found {
    /// Takes an item of a dictionary where it is a tensor; others are passed over.
    fn add<'a>(
        &mut self,
        machine: &Machine<'a, State<'a>>,
        prefix: Option<&[u8]>,
        (key, value): (V<'a, State<'a>>, V<'a, State<'a>>),
    ) -> Result<(), FormatError> {
        self.items += 1;
        if self.items > MAX_ITEMS {
            return Err(damaged(format!("it has more than {MAX_ITEMS} items")));
        }
        let Some(Object::Built(Built::Tensor(tensor))) = machine.object(value) else {
            return Ok(());
        };
        let key = machine.text(key, "a tensor's name").map_err(refused)?;
        let name = match prefix {
            Some(prefix) => [prefix, b".", key].concat(),
            None => key.to_vec(),
        };
        let name = String::from_utf8_lossy(&name).into_owned();
        if name.len() > MAX_NAME_BYTES || self.tensors.len() == MAX_TENSORS {
            return Err(damaged(format!(
                "more than {MAX_TENSORS} tensors, or a name of more than {MAX_NAME_BYTES} bytes"
            )));
        }
        self.tensors.push(Placed {
            tensor: TensorEntry {
                name,
                dtype: tensor.storage.dtype,
                shape: tensor.shape.clone(),
                strides: tensor.strides.clone(),
                begin: tensor.begin,
                end: tensor.end,
            },
            entry: tensor.storage.entry,
        });
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Global {
    RebuildTensor,
    RebuildParameter,
    OrderedDict,
    Storage(Dtype),
}

#[derive(Debug, Clone, Copy)]
struct Storage {
    dtype: Dtype,
    /// The number of the archive's entry.
    entry: usize,
}

#[derive(Debug)]
struct Tensor {
    storage: Storage,
    shape: Vec<usize>,
    strides: Option<Vec<i64>>,
    /// The place of its bytes in the file.
    begin: u64,
    end: u64,
}

#[derive(Debug)]
enum Built {
    Storage(Storage),
    Tensor(Tensor),
}

/// The words of the pickle, to be looked up.
struct State<'a> {
    archive: &'a Archive,
    root: &'a str,
}

impl<'a> Dialect<'a> for State<'a> {
    type Global = Global;
    type Built = Built;
    const FILE: &'static str = "a file of weights";
    const MORE_OPCODES: &'static [u8] = &[b'G', 0x8a, b'Q'];

    fn global(module: &[u8], name: &[u8]) -> Option<Global> {
        match (module, name) {
            (b"torch._utils", b"_rebuild_tensor_v2") => Some(Global::RebuildTensor),
            (b"torch._utils", b"_rebuild_parameter") => Some(Global::RebuildParameter),
            (b"collections", b"OrderedDict") => Some(Global::OrderedDict),
            (b"torch", name) => storage_type(name).map(Global::Storage),
            _ => None,
        }
    }

    fn reduce(
        machine: &mut Machine<'a, Self>,
        global: Global,
        arguments: V<'a, Self>,
    ) -> Result<(), ParseError> {
        use crate::formats::pickle::machine::Value::{Bool, Int};
        let given = machine.tuple(arguments, "a call's arguments")?;
        match (global, given) {
            (Global::OrderedDict, []) => machine.push_object(Object::Dict(Vec::new())),
            (Global::RebuildTensor, &[storage, Int(offset), shape, strides, Bool(_), hooks])
                if is_empty(machine, hooks) =>
            {
                let tensor = place(machine, (storage, offset), shape, strides)?;
                machine.push_object(Object::Built(Built::Tensor(tensor)))
            }
            (Global::RebuildParameter, &[tensor, Bool(_), hooks])
                if is_empty(machine, hooks) && is_tensor(machine, tensor) =>
            {
                machine.push(tensor)
            }
            _ => Err(malformed(format!(
                "it calls {global:?} with other arguments than torch.save does"
            ))),
        }
    }

    /// A state_dict() has attributes, such as the versions of its modules: they change no tensor.
    fn build(
        machine: &mut Machine<'a, Self>,
        index: usize,
        state: V<'a, Self>,
    ) -> Result<(), ParseError> {
        let target = machine.object(crate::formats::pickle::machine::Value::Object(index));
        match (target, machine.object(state)) {
            (Some(Object::Dict(_)), Some(Object::Dict(_))) => Ok(()),
            _ => Err(malformed("it gives a state to what is not a dictionary")),
        }
    }

    /// ("storage", type, key, device, elements)
    fn load(machine: &mut Machine<'a, Self>, id: V<'a, Self>) -> Result<(), ParseError> {
        use crate::formats::pickle::machine::Value::{Global as Word, Int};
        let &[kind, Word(Global::Storage(dtype)), key, device, Int(count)] =
            machine.tuple(id, "a persistent id")?
        else {
            return Err(malformed("a persistent id is not that of a storage"));
        };
        if !machine.is_text(kind, b"storage") {
            return Err(malformed("a persistent id is not that of a storage"));
        }
        machine.text(device, "a storage's device")?;
        let key = machine.text(key, "a storage's key")?;
        let key = std::str::from_utf8(key).map_err(|_| malformed("a storage's key is no text"))?;
        let State { archive, root } = machine.dialect;
        let name = format!("{root}/data/{key}");
        let entry = archive
            .index_of(&name)
            .ok_or_else(|| malformed(format!("the archive has no entry {}", shown(&name))))?;
        let length = archive.entries[entry].length;
        let expected = u64::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(width(dtype)));
        if expected != Some(length) {
            return Err(malformed(format!(
                "the entry {} has {length} bytes, which is not what {count} elements of {dtype:?} take",
                shown(&name)
            )));
        }
        machine.push_object(Object::Built(Built::Storage(Storage { dtype, entry })))
    }
}

/// The tensor types of PyTorch that have a name of their own.
fn storage_type(name: &[u8]) -> Option<Dtype> {
    Some(match name {
        b"DoubleStorage" => Dtype::F64,
        b"FloatStorage" => Dtype::F32,
        b"HalfStorage" => Dtype::F16,
        b"BFloat16Storage" => Dtype::BF16,
        b"LongStorage" => Dtype::I64,
        b"IntStorage" => Dtype::I32,
        b"ShortStorage" => Dtype::I16,
        b"CharStorage" => Dtype::I8,
        b"ByteStorage" => Dtype::U8,
        b"BoolStorage" => Dtype::BOOL,
        _ => return None,
    })
}

/// Bytes of an element.
fn width(dtype: Dtype) -> u64 {
    dtype.bitsize() as u64 / 8
}

fn is_empty<'a>(machine: &Machine<'a, State<'a>>, value: V<'a, State<'a>>) -> bool {
    matches!(machine.object(value), Some(Object::Dict(items)) if items.is_empty())
}

fn is_tensor<'a>(machine: &Machine<'a, State<'a>>, value: V<'a, State<'a>>) -> bool {
    matches!(machine.object(value), Some(Object::Built(Built::Tensor(_))))
}

/// A view of a storage, checked to lie in it.
fn place<'a>(
    machine: &Machine<'a, State<'a>>,
    (storage, offset): (V<'a, State<'a>>, i64),
    shape: V<'a, State<'a>>,
    strides: V<'a, State<'a>>,
) -> Result<Tensor, ParseError> {
    let Some(Object::Built(Built::Storage(storage))) = machine.object(storage) else {
        return Err(malformed("a tensor is rebuilt from what is not a storage"));
    };
    let strides = integers(machine, strides)?;
    let shape = integers(machine, shape)?;
    let sides: Result<Vec<usize>, _> = shape.iter().map(|&side| usize::try_from(side)).collect();
    let sides = sides.map_err(|_| malformed(format!("a tensor has the shape {shape:?}")))?;
    let wrong = |what: String| malformed(format!("a tensor of shape {shape:?}: {what}"));
    let strides = strides_of(&sides, &strides)
        .map_err(|what| wrong(format!("{what} (save it with .contiguous())")))?;
    let entry = &machine.dialect.archive.entries[storage.entry];
    let bytes = |count: u64| count.checked_mul(width(storage.dtype));
    let first = u64::try_from(offset).ok().and_then(bytes);
    let length = elements(&sides).and_then(bytes);
    let end = first
        .zip(length)
        .and_then(|(first, length)| first.checked_add(length));
    match (first, end) {
        (Some(first), Some(end)) if end <= entry.length => Ok(Tensor {
            storage: *storage,
            shape: sides,
            strides,
            begin: entry.offset + first,
            end: entry.offset + end,
        }),
        _ => Err(wrong(format!(
            "from element {offset} on it does not fit in its storage of {} bytes",
            entry.length
        ))),
    }
}

fn integers<'a>(
    machine: &Machine<'a, State<'a>>,
    value: V<'a, State<'a>>,
) -> Result<Vec<i64>, ParseError> {
    let items = machine.tuple(value, "a shape")?;
    if items.len() > MAX_RANK {
        return Err(malformed(format!(
            "a tensor of {} sides, expected at most {MAX_RANK}",
            items.len()
        )));
    }
    items
        .iter()
        .map(|item| machine.integer(*item, "a side"))
        .collect()
}
