//! The pixels of image files that another program decodes too, by the code that training decodes with. Cold: nothing
//! of a run calls this.

use std::fs;

use serde::Deserialize;

use crate::data::photos::decode::{decode_by, Photo};
use crate::data::photos::jpeg::Decoder;
use crate::error::{Error, Result};

/// Pixels of more bytes than this are not written.
const MOST_BYTES: usize = 16 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DecodeOptions {
    files: Vec<String>,
    /// True to decode JPEG files by the core's own decoder, whatever this process's is.
    own: bool,
    /// True to keep all bits of images of 16 bits.
    keeps_bits: bool,
    /// The folder that the pixels of file `n` go to as `n.rgb`, unless they are many; of 16 bits, little-endian.
    folder: String,
}

/// Decodes files one after the other. Returns of each width, height, bits of a value and CRC-32 of its pixels, or the
/// problem.
pub fn decode_files(options: &DecodeOptions) -> Result<String> {
    let decoder = if options.own {
        Decoder::Zune
    } else {
        Decoder::chosen()
    };
    let failed = |path: &str, error| Error::io(format!("Cannot use {path}: {error}"));
    let mut photo = Photo::new(options.keeps_bits);
    let mut found = Vec::new();
    for (number, file) in options.files.iter().enumerate() {
        let bytes = fs::read(file).map_err(|error| failed(file, error))?;
        if let Err(problem) = decode_by(decoder, &bytes, &mut photo) {
            found.push(serde_json::json!({ "problem": problem }));
            continue;
        }
        let words = photo.words.iter().flat_map(|value| value.to_le_bytes());
        let pixels = if photo.words.is_empty() {
            &photo.pixels
        } else {
            &words.collect()
        };
        if pixels.len() <= MOST_BYTES {
            let path = format!("{}/{number}.rgb", options.folder);
            fs::write(&path, pixels).map_err(|error| failed(&path, error))?;
        }
        found.push(serde_json::json!({
            "width": photo.width,
            "height": photo.height,
            "crc32": crc32fast::hash(pixels),
            "bits": if photo.words.is_empty() { 8 } else { 16 },
        }));
    }
    Ok(serde_json::Value::from(found).to_string())
}
