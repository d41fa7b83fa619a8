//! Images, decoded as the loader decodes them.

use std::panic;
use std::sync::Once;

use crate::data::photos::decode::{decode, Photo};

static QUIET: Once = Once::new();

/// Decodes an image, which must give the pixels of its size, or an error.
pub fn read_image(input: &[u8]) {
    // A decoder that panics has found a file that it cannot decode; the core's own code must not.
    QUIET.call_once(|| {
        panic::set_hook(Box::new(|found| {
            let is_own = |file: &str| file.contains("photos/decode");
            if found.location().is_some_and(|place| is_own(place.file())) {
                eprintln!("{found}");
                std::process::abort();
            }
        }));
    });
    for keeps_bits in [false, true] {
        let mut photo = Photo::new(keeps_bits);
        let decoded = decode(input, &mut photo);
        let values = photo.pixels.len() + photo.words.len();
        if decoded.is_ok() && values != photo.width * photo.height * 3 {
            eprintln!("{values} values");
            std::process::abort();
        }
    }
}
