//! A batch of CIFAR-10's binary layout.
#![no_main]

use byol_fuzz::read_folder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| read_folder(&[("test_batch.bin", bytes)], "."));
