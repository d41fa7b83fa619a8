//! The SHA-256 that a file of ours holds of itself.
//!
//! It stands in the header's metadata, so that the file stays a plain safetensors file, and is taken over the whole
//! file, header included, with 64 zeros where its 64 characters stand. Whoever writes the file puts zeros first.

use std::io::Read;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::Checkpoint;
use crate::error::{Error, Result};
use crate::formats::header::MAX_HEADER_BYTES;
use crate::formats::hex::hex;

/// The metadata's key of it.
pub const DIGEST_KEY: &str = "file_sha256";
/// The characters in its place while it is taken.
pub const DIGEST_ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const CHUNK_BYTES: usize = 1 << 20;

/// Returns the place of the digest in a header. Inside a JSON text quotes are escaped, so that no value can pass for
/// the key.
pub fn digest_place(header: &[u8]) -> Option<Range<usize>> {
    let key = format!("\"{DIGEST_KEY}\":\"");
    let start = header
        .windows(key.len())
        .position(|window| window == key.as_bytes())?
        + key.len();
    let place = start..start + DIGEST_ZEROS.len();
    (header.get(place.end) == Some(&b'"')).then_some(place)
}

/// Makes sure that a file is there to the last byte, as one of ours says of itself.
pub fn require_whole(path: &str) -> Result<()> {
    if Checkpoint::open(path)?.verify()? {
        return Ok(());
    }
    Err(damaged(path, "it does not hold its own SHA-256"))
}

/// Reads a file to its end and compares; false where it holds no digest. `name` is what messages call it.
pub fn verify(mut file: impl Read, name: &str) -> Result<bool> {
    let failed = |error: std::io::Error| {
        let what = "Cannot read the checkpoint";
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged(name, "it is cut short"),
            _ => Error::io(format!("{what} {name}: {error}")),
        }
    };
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(failed)?;
    let header_bytes = u64::from_le_bytes(length);
    if header_bytes > MAX_HEADER_BYTES {
        let what = format!("its header is to have {header_bytes} bytes");
        return Err(damaged(name, &what));
    }
    let mut header = Vec::new();
    file.by_ref()
        .take(header_bytes)
        .read_to_end(&mut header)
        .map_err(failed)?;
    let Some(place) = digest_place(&header) else {
        return Ok(false);
    };
    let told = String::from_utf8_lossy(&header[place.clone()]).into_owned();
    header[place].copy_from_slice(DIGEST_ZEROS.as_bytes());
    let mut hash = Sha256::new();
    hash.update(length);
    hash.update(&header);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk).map_err(failed)? {
            0 => break,
            count => hash.update(&chunk[..count]),
        }
    }
    let found = hex(&hash.finalize());
    if found == told {
        return Ok(true);
    }
    let what = format!("its SHA-256 is {found}, expected {told} as it says itself");
    Err(damaged(name, &what))
}

fn damaged(name: &str, what: &str) -> Error {
    Error::invalid(format!(
        "Cannot read the checkpoint {name}: it is damaged: {what}"
    ))
}
