//! The header of a safetensors file, read strictly: what it says is checked against the file's length before anything
//! of that size is allocated. Needs no libtorch.
//!
//! The format: eight bytes with the length of a JSON text, the text, then the tensors' bytes without gaps.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Read};

use safetensors::tensor::Dtype;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;

#[cfg(test)]
mod tests;

/// The longest header that is read.
pub const MAX_HEADER_BYTES: u64 = 100_000_000;
/// The longest file: ten times the training state of the largest network, and read in minutes.
pub const MAX_FILE_BYTES: u64 = 64 << 30;
/// The training state of a ResNet-152 has about 3,000 tensors.
pub const MAX_TENSORS: usize = 1 << 16;
pub const MAX_RANK: usize = 8;
pub const MAX_NAME_BYTES: usize = 512;
/// The name in the header that no tensor can have.
const RESERVED: &str = "__metadata__";

/// Why a header was not read.
#[derive(Debug)]
pub enum FormatError {
    Io(io::Error),
    Damaged(String),
    /// Whole, it seems, but not what is read here: the message says what instead.
    Refused(String),
}

impl fmt::Display for FormatError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(formatter),
            Self::Damaged(reason) => write!(formatter, "it is damaged ({reason})"),
            Self::Refused(reason) => formatter.write_str(reason),
        }
    }
}

pub fn damaged(reason: impl Into<String>) -> FormatError {
    FormatError::Damaged(reason.into())
}

/// The content of a file: its tensors, sorted by name, and its texts.
#[derive(Debug)]
pub struct Header {
    pub tensors: Vec<TensorEntry>,
    texts: Vec<(String, String)>,
    data_start: u64,
}

/// One tensor and where its bytes are, counted from the end of the header.
#[derive(Clone, Debug)]
pub struct TensorEntry {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Set where the elements are in another order than that of the sides: each once and without a gap all the same.
    pub strides: Option<Vec<i64>>,
    pub begin: u64,
    pub end: u64,
}

impl TensorEntry {
    /// Returns the number of its bytes.
    pub fn length(&self) -> u64 {
        self.end - self.begin
    }
}

impl Header {
    /// Reads the header at the start of a file of `file_length` bytes.
    pub fn read(mut source: impl Read, file_length: u64) -> Result<Self, FormatError> {
        let Some(rest) = file_length.checked_sub(8) else {
            return Err(damaged(format!("it has {file_length} bytes")));
        };
        if file_length > MAX_FILE_BYTES {
            return Err(damaged(format!(
                "it has {file_length} bytes, expected at most {MAX_FILE_BYTES}"
            )));
        }
        let mut start = [0; 8];
        read_exactly(&mut source, &mut start)?;
        let length = u64::from_le_bytes(start);
        if length > rest.min(MAX_HEADER_BYTES) {
            return Err(damaged(format!(
                "its header has {length} bytes, expected at most {}",
                rest.min(MAX_HEADER_BYTES)
            )));
        }
        // As far as it is there: the length alone allocates nothing.
        let mut text = Vec::new();
        let read = source.take(length).read_to_end(&mut text);
        read.map_err(FormatError::Io)?;
        if (text.len() as u64) < length {
            return Err(damaged("its header ends too early"));
        }
        let header = Self::parse(&text)?;
        header.check_layout(rest - length)?;
        Ok(Self {
            data_start: 8 + length,
            ..header
        })
    }

    fn parse(text: &[u8]) -> Result<Self, FormatError> {
        if text.first() != Some(&b'{') {
            return Err(damaged("its header is not a JSON object"));
        }
        let Entries { mut tensors, texts } = serde_json::from_slice(text)
            .map_err(|error| damaged(format!("its header: {error}")))?;
        tensors.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = tensors.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(damaged(format!(
                "the tensor {} comes twice",
                shown(&pair[0].name)
            )));
        }
        Ok(Self {
            tensors,
            texts,
            data_start: 0,
        })
    }

    /// Every byte of the data belongs to exactly one tensor, and each tensor has the bytes that its shape needs.
    fn check_layout(&self, data_length: u64) -> Result<(), FormatError> {
        let mut in_order: Vec<&TensorEntry> = self.tensors.iter().collect();
        in_order.sort_unstable_by_key(|tensor| (tensor.begin, tensor.end));
        let mut covered = 0;
        for tensor in in_order {
            let name = shown(&tensor.name);
            let TensorEntry { begin, end, .. } = *tensor;
            if end < begin || end > data_length {
                return Err(damaged(format!(
                    "the tensor {name} lies at {begin} to {end} of {data_length} bytes"
                )));
            }
            if begin != covered {
                let what = if begin < covered {
                    "overlaps another"
                } else {
                    "follows a hole"
                };
                return Err(damaged(format!("the tensor {name} {what} at byte {begin}")));
            }
            if byte_length(tensor.dtype, &tensor.shape) != Some(end - begin) {
                return Err(damaged(format!(
                    "the tensor {name} has {} bytes, which is not what {:?} of shape {:?} takes",
                    end - begin,
                    tensor.dtype,
                    tensor.shape
                )));
            }
            covered = end;
        }
        if covered != data_length {
            return Err(damaged(format!(
                "its tensors have {covered} bytes, expected {data_length}"
            )));
        }
        Ok(())
    }

    /// Tensors whose places are counted from the start of the file.
    pub fn placed(tensors: Vec<TensorEntry>) -> Self {
        Self {
            tensors,
            texts: Vec::new(),
            data_start: 0,
        }
    }

    /// One of the file's own texts.
    pub fn text(&self, key: &str) -> Option<&str> {
        let found = self.texts.iter().find(|(name, _)| name == key);
        found.map(|(_, text)| text.as_str())
    }

    /// Returns the place where a tensor's bytes start in the file.
    pub fn offset_of(&self, tensor: &TensorEntry) -> u64 {
        self.data_start + tensor.begin
    }
}

fn read_exactly(source: &mut impl Read, bytes: &mut [u8]) -> Result<(), FormatError> {
    source
        .read_exact(bytes)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
            _ => FormatError::Io(error),
        })
}

/// None for what no file can hold, or where elements do not fill whole bytes.
fn byte_length(dtype: Dtype, shape: &[usize]) -> Option<u64> {
    let elements = shape
        .iter()
        .try_fold(1u64, |product, &side| product.checked_mul(side as u64))?;
    let bits = elements.checked_mul(dtype.bitsize() as u64)?;
    (bits % 8 == 0).then_some(bits / 8)
}

/// A name of the file's, escaped for a message.
pub fn shown(name: &str) -> String {
    name.escape_debug().take(128).collect()
}

struct Entries {
    tensors: Vec<TensorEntry>,
    texts: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    dtype: Dtype,
    shape: Shape,
    data_offsets: [u64; 2],
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut tensors = Vec::new();
                let mut texts = None;
                while let Some(name) = map.next_key::<String>()? {
                    if name == RESERVED {
                        if texts.is_some() {
                            return Err(A::Error::custom(format!("{RESERVED} comes twice")));
                        }
                        texts = Some(map.next_value::<Texts>()?.0);
                        continue;
                    }
                    if name.len() > MAX_NAME_BYTES || tensors.len() == MAX_TENSORS {
                        return Err(A::Error::custom(format!(
                            "more than {MAX_TENSORS} tensors, or a name of more than {MAX_NAME_BYTES} bytes"
                        )));
                    }
                    let Info {
                        dtype,
                        shape,
                        data_offsets: [begin, end],
                    } = map.next_value()?;
                    let shape = shape.0;
                    tensors.push(TensorEntry {
                        name,
                        dtype,
                        shape,
                        strides: None,
                        begin,
                        end,
                    });
                }
                Ok(Entries {
                    tensors,
                    texts: texts.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// At most MAX_RANK sides.
struct Shape(Vec<usize>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShapeVisitor;
        impl<'de> Visitor<'de> for ShapeVisitor {
            type Value = Shape;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "at most {MAX_RANK} sides")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sides: A) -> Result<Shape, A::Error> {
                let mut shape = Vec::new();
                while let Some(side) = sides.next_element()? {
                    if shape.len() == MAX_RANK {
                        return Err(A::Error::invalid_length(MAX_RANK + 1, &self));
                    }
                    shape.push(side);
                }
                Ok(Shape(shape))
            }
        }
        deserializer.deserialize_seq(ShapeVisitor)
    }
}

/// Texts by name, each name once.
struct Texts(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;
        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                let mut names = HashSet::new();
                while let Some((name, text)) = map.next_entry::<String, String>()? {
                    if !names.insert(name.clone()) || texts.len() == MAX_TENSORS {
                        return Err(A::Error::custom(format!(
                            "more than {MAX_TENSORS} texts, or {} twice",
                            shown(&name)
                        )));
                    }
                    texts.push((name, text));
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_map(TextsVisitor)
    }
}
