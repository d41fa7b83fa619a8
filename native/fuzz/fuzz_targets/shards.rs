//! The manifest and the indexes of packed shards.
#![no_main]

use byol_fuzz::read_shards;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_shards(input));
