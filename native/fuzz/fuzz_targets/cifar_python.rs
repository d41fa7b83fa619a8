//! A batch of CIFAR-10's Python layout, and its class names: the first byte tells which of the two the rest is.
#![no_main]

use byol_fuzz::read_folder;
use libfuzzer_sys::fuzz_target;

/// A batch of one image, as Python 2 wrote it.
const BATCH: &[u8] = include_bytes!("batch.pickle");

fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((b'm', names)) => {
            read_folder(&[("test_batch", BATCH), ("batches.meta", names)], ".");
        }
        Some((_, batch)) => read_folder(&[("test_batch", batch)], "."),
        None => {}
    }
});
