//! Image files of all formats but JPEG, which libjpeg-turbo decodes.
#![no_main]

use byol_fuzz::read_image;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_image(input));
