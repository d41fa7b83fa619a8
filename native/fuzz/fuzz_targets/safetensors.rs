//! The header of a checkpoint.
#![no_main]

use byol_fuzz::formats::header::Header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(header) = Header::read(bytes, bytes.len() as u64) else {
        return;
    };
    let tensors = &header.tensors;
    assert!(tensors.windows(2).all(|pair| pair[0].name < pair[1].name));
    let first = tensors.iter().map(|tensor| header.offset_of(tensor)).min();
    let total: u64 = tensors.iter().map(|tensor| tensor.length()).sum();
    assert_eq!(
        first.unwrap_or(bytes.len() as u64) + total,
        bytes.len() as u64
    );
    // Ours is the stricter reader.
    assert!(safetensors::SafeTensors::deserialize(bytes).is_ok());
});
