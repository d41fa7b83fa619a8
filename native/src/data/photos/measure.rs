//! The speed of the parts of the loader, for the bench: files in memory, one thread, nothing else.

use serde::Deserialize;

use super::crop::Cropper;
use super::decode::{decode, Photo};
use super::source::Source;
use crate::data::progress::Progress;
use crate::error::{Error, Result};
use crate::views::random::{DrawKey, Purpose, Stream};

/// The part that is measured.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Decoding alone.
    Decode,
    /// Decoding, and two crops resized to 224 pixels.
    Crops,
}

/// Decodes each image `rounds` times. Returns images and seconds of this thread's processor
/// time as JSON.
pub fn measure(source: &Source, part: Part, rounds: usize, progress: &Progress) -> Result<String> {
    let mut files = Vec::new();
    for index in 0..source.count() {
        let mut buffer = Vec::new();
        let bytes = source.bytes(index, &mut buffer).map_err(Error::io)?;
        files.push(bytes.to_vec());
    }
    let (mut photo, mut cropper) = (Photo::default(), Cropper::default());
    let mut crop: Vec<u8> = Vec::new();
    progress.start(rounds);
    let mut seconds = 0.0;
    for _ in 0..rounds {
        let start = thread_seconds();
        for (sample, bytes) in files.iter().enumerate() {
            decode(bytes, &mut photo).map_err(Error::invalid)?;
            let views = if part == Part::Crops { 2 } else { 0 };
            for view in 0..views {
                let area = some_box(&photo, sample as u64, view);
                cropper
                    .crop(&photo, area, 224, &mut crop)
                    .map_err(Error::invalid)?;
            }
        }
        seconds += thread_seconds() - start;
        progress.advance(1, files.len())?;
    }
    let images = files.len() * rounds;
    Ok(serde_json::json!({ "images": images, "seconds": seconds }).to_string())
}

/// Returns the processor's time of this thread: right on a busy machine too.
fn thread_seconds() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A box of a third of the image's area, anywhere: about what a random resized crop takes.
fn some_box(photo: &Photo, sample: u64, view: u32) -> [usize; 4] {
    let key = DrawKey {
        seed: 0,
        purpose: Purpose::View,
        step: 0,
        sample,
        view,
    };
    let mut draws = Stream::new(key).slot(0);
    let (height, width) = (photo.height * 4 / 7, photo.width * 4 / 7);
    let (height, width) = (height.max(1), width.max(1));
    let top = draws.below((photo.height - height + 1) as u32) as usize;
    let left = draws.below((photo.width - width + 1) as u32) as usize;
    [top, left, height, width]
}
