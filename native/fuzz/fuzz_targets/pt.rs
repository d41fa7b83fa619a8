//! A file of torch.save. The first byte tells whether the rest is the file, or its data.pkl beside three storages:
//! checksums would keep the fuzzer out of the pickle otherwise.
#![no_main]

use byol_fuzz::formats::torch_file::TorchFile;
use byol_fuzz::formats::zip::{Archive, Entry};
use libfuzzer_sys::fuzz_target;

/// A file of this many bytes, of which the storages are the first.
const LENGTH: u64 = 4096;

fn archive() -> Archive {
    let entry = |key: u64, offset: u64, length: u64| Entry {
        name: format!("a/data/{key}"),
        offset,
        length,
        crc: 0,
    };
    Archive {
        entries: vec![entry(0, 0, 216), entry(1, 216, 12), entry(2, 228, 8)],
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    let length = match kind % 2 {
        0 => rest.len() as u64,
        _ => LENGTH,
    };
    let read = match kind % 2 {
        0 => TorchFile::read(&rest, length),
        _ => TorchFile::from_pickle(rest, &archive(), "a", length),
    };
    let Ok(file) = read else {
        return;
    };
    let tensors = &file.tensors;
    assert!(tensors.windows(2).all(|pair| pair[0].name < pair[1].name));
    for tensor in tensors {
        let elements: usize = tensor.shape.iter().product();
        assert_eq!(
            elements as u64 * tensor.dtype.bitsize() as u64 / 8,
            tensor.length()
        );
        assert!(tensor.begin <= tensor.end && tensor.end <= length);
        // The farthest element of a permuted tensor is its last one.
        if let Some(strides) = &tensor.strides {
            let sides = tensor.shape.iter().map(|&side| side as i64 - 1);
            let last: i64 = sides.zip(strides).map(|(side, stride)| side * stride).sum();
            assert_eq!(last + 1, elements as i64);
        }
    }
    if kind % 2 == 0 {
        let _ = file.verify(&rest);
    }
});
