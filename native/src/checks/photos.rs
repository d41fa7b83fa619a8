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
    /// The folder that the pixels of file `n` go to as `n.rgb`, unless they are many.
    folder: String,
}

/// Decodes files one after the other. Returns of each width, height and CRC-32 of its pixels, or the problem.
pub fn decode_files(options: &DecodeOptions) -> Result<String> {
    let decoder = if options.own {
        Decoder::Zune
    } else {
        Decoder::chosen()
    };
    let failed = |path: &str, error| Error::io(format!("Cannot use {path}: {error}"));
    let mut photo = Photo::default();
    let mut found = Vec::new();
    for (number, file) in options.files.iter().enumerate() {
        let bytes = fs::read(file).map_err(|error| failed(file, error))?;
        if let Err(problem) = decode_by(decoder, &bytes, &mut photo) {
            found.push(serde_json::json!({ "problem": problem }));
            continue;
        }
        if photo.pixels.len() <= MOST_BYTES {
            let path = format!("{}/{number}.rgb", options.folder);
            fs::write(&path, &photo.pixels).map_err(|error| failed(&path, error))?;
        }
        found.push(serde_json::json!({
            "width": photo.width,
            "height": photo.height,
            "crc32": crc32fast::hash(&photo.pixels),
        }));
    }
    Ok(serde_json::Value::from(found).to_string())
}
