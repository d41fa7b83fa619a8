//! CIFAR-10's archives. The first byte tells whether the rest is the file, or the tar file that is compressed first:
//! checksums would keep the fuzzer out otherwise.
#![no_main]

use std::io::Write;

use byol_fuzz::read_folder;
use flate2::write::GzEncoder;
use flate2::Compression;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, rest)) = input.split_first() else {
        return;
    };
    let name = match kind % 4 {
        0 | 1 => "cifar-10-binary.tar.gz",
        _ => "cifar-10-python.tar.gz",
    };
    if kind % 2 == 0 {
        return read_folder(&[(name, rest)], name);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(rest).unwrap();
    read_folder(&[(name, &encoder.finish().unwrap())], name);
});
