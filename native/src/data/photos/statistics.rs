//! Range, mean and standard deviation of the values of all images, in one pass over their files.
//!
//! The sums are of whole numbers: they do not depend on the number of threads, nor on the order of the images.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;

use super::bad::BadFiles;
use super::decode::{decode, Photo};
use super::listing::{FileList, Listing};
use super::packed::Packed;
use super::source::Source;
use crate::data::progress::Progress;
use crate::error::{Error, Result};

/// Images that are read at once, for each thread.
const AT_ONCE: usize = 8;
const CHANNELS: usize = 3;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatisticsOptions {
    /// A folder of images, or the manifest of packed shards.
    path: String,
    /// Images to measure in the place of the path's.
    list: Option<FileList>,
    /// The folder that listings are kept in.
    cache: Option<String>,
    workers: usize,
    most_bad: Option<f64>,
}

/// Sums over values: of each channel, the values and their squares.
#[derive(Clone, Copy, Default)]
struct Sums {
    images: u64,
    pixels: u64,
    values: [u128; CHANNELS],
    squares: [u128; CHANNELS],
}

impl Sums {
    fn of<T: Copy + Into<u64>>(values: &[T]) -> Self {
        let mut sums = Self {
            images: 1,
            pixels: (values.len() / CHANNELS) as u64,
            ..Self::default()
        };
        // The squares of a part fit 64 bits.
        for part in values.chunks(CHANNELS << 16) {
            let (mut plain, mut squares) = ([0u64; CHANNELS], [0u64; CHANNELS]);
            for pixel in part.chunks_exact(CHANNELS) {
                for channel in 0..CHANNELS {
                    let value: u64 = pixel[channel].into();
                    plain[channel] += value;
                    squares[channel] += value * value;
                }
            }
            for channel in 0..CHANNELS {
                sums.values[channel] += u128::from(plain[channel]);
                sums.squares[channel] += u128::from(squares[channel]);
            }
        }
        sums
    }

    fn add(&mut self, other: &Self) {
        self.images += other.images;
        self.pixels += other.pixels;
        for channel in 0..CHANNELS {
            self.values[channel] += other.values[channel];
            self.squares[channel] += other.squares[channel];
        }
    }

    /// Returns the sums of a channel's values and of their squares, when `least` has become 0 and `most` 1.
    fn scaled(&self, channel: usize, [least, most]: [u16; 2]) -> [f64; 2] {
        let (least, length) = (u128::from(least), f64::from(most - least));
        let (pixels, values) = (u128::from(self.pixels), self.values[channel]);
        let above = values - pixels * least;
        // Of (v - least)², whose terms are larger than their sum.
        let squares = self.squares[channel] + pixels * least * least - 2 * least * values;
        [above as f64 / length, squares as f64 / (length * length)]
    }
}

/// All that is measured.
#[derive(Clone, Copy)]
struct Measured {
    bytes: Sums,
    words: Sums,
    /// Least and largest value of 16 bits.
    range: [u16; 2],
}

impl Measured {
    const NOTHING: Self = Self {
        bytes: Sums {
            images: 0,
            pixels: 0,
            values: [0; CHANNELS],
            squares: [0; CHANNELS],
        },
        words: Sums {
            images: 0,
            pixels: 0,
            values: [0; CHANNELS],
            squares: [0; CHANNELS],
        },
        range: [u16::MAX, 0],
    };

    fn of(photo: &Photo) -> Self {
        let mut found = Self::NOTHING;
        if photo.words.is_empty() {
            found.bytes = Sums::of(&photo.pixels);
            return found;
        }
        found.words = Sums::of(&photo.words);
        for value in &photo.words {
            found.range[0] = found.range[0].min(*value);
            found.range[1] = found.range[1].max(*value);
        }
        found
    }

    fn and(mut self, other: Self) -> Self {
        self.bytes.add(&other.bytes);
        self.words.add(&other.words);
        self.range[0] = self.range[0].min(other.range[0]);
        self.range[1] = self.range[1].max(other.range[1]);
        self
    }

    /// Returns mean and standard deviation of each channel, of values in [0, 1].
    fn moments(&self) -> Result<[[f64; CHANNELS]; 2]> {
        let pixels = (self.bytes.pixels + self.words.pixels) as f64;
        let moments: [(f64, f64); CHANNELS] = std::array::from_fn(|channel| {
            let mut sums = self.bytes.scaled(channel, [0, 255]);
            if self.words.pixels > 0 {
                let more = self.words.scaled(channel, self.range);
                sums = [sums[0] + more[0], sums[1] + more[1]];
            }
            let mean = sums[0] / pixels;
            let variance = (sums[1] / pixels - mean * mean).max(0.0);
            (mean, variance.sqrt())
        });
        let (mean, std) = (moments.map(|of| of.0), moments.map(|of| of.1));
        let is_flat = self.words.pixels > 0 && self.range[0] >= self.range[1];
        if pixels == 0.0 || is_flat || std.iter().any(|&std| std < 0.001) {
            return Err(Error::invalid(
                "Cannot normalise by the data: expected images of more than one value in each channel",
            ));
        }
        Ok([mean, std])
    }
}

/// Measures all images. Returns JSON: how many there are, and how many of 16 bits; their range, none without any; mean
/// and standard deviation of each channel, of bytes in [0, 1] and of 16 bits stretched from their range to that.
pub fn statistics(options: StatisticsOptions, progress: &Progress) -> Result<String> {
    let (threads, most_bad) = (options.workers.clamp(1, 256), options.most_bad);
    let source = open(options)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::io(format!("Cannot start {threads} threads: {error}")))?;
    let bad = BadFiles::new(source.count(), most_bad);
    progress.start(source.count());
    let mut measured = Measured::NOTHING;
    let all: Vec<u32> = (0..source.count() as u32).collect();
    for chunk in all.chunks(threads * AT_ONCE) {
        let parts: Vec<Measured> = pool.install(|| {
            chunk
                .par_iter()
                .map_init(Default::default, |buffers, &index| {
                    measure_one(&source, &bad, index, buffers)
                })
                .collect::<Result<_>>()
        })?;
        measured = parts.into_iter().fold(measured, Measured::and);
        progress.advance(chunk.len(), chunk.len())?;
    }
    let [mean, std] = measured.moments()?;
    let range = (measured.words.images > 0).then_some(measured.range);
    let images = measured.bytes.images + measured.words.images;
    Ok(serde_json::json!({
        "images": images, "deep": measured.words.images, "range": range, "mean": mean, "std": std,
    })
    .to_string())
}

fn open(options: StatisticsOptions) -> Result<Source> {
    if let Some(list) = options.list {
        return Listing::of_list(list).map(Source::Folder);
    }
    let path = Path::new(&options.path);
    if path.extension().is_some_and(|end| end == "json") && path.is_file() {
        return Packed::open(path, &Progress::default()).map(Source::Packed);
    }
    let cache = options.cache.as_ref().map(PathBuf::from);
    Listing::read(path, cache.as_deref(), &Progress::default()).map(Source::Folder)
}

/// Measures an image; one that cannot be used counts as nothing, and is noted.
fn measure_one(
    source: &Source,
    bad: &BadFiles,
    index: u32,
    (file, photo): &mut (Vec<u8>, Photo),
) -> Result<Measured> {
    photo.keeps_bits = true;
    let decoded = source
        .bytes(index as usize, file)
        .and_then(|bytes| decode(bytes, photo));
    match decoded {
        Ok(()) => Ok(Measured::of(photo)),
        Err(reason) => {
            let name = source.name(index as usize);
            bad.add(index, format!("{name}: {reason}"))?;
            Ok(Measured::NOTHING)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: Vec<u16>) -> Photo {
        let mut photo = Photo::default();
        photo.words = words;
        photo
    }

    #[test]
    fn values_of_16_bits_are_measured_from_their_range() {
        let mut photo = of(vec![100, 200, 300, 300, 100, 200]);
        let measured = Measured::of(&photo);
        assert_eq!(measured.range, [100, 300]);
        let [mean, std] = measured.moments().unwrap();
        assert_eq!(mean, [0.5, 0.25, 0.75]);
        assert_eq!(std, [0.5, 0.25, 0.25]);
        // Beside them an image of bytes, with as many pixels.
        photo.words.clear();
        photo.pixels = vec![0, 255, 0, 255, 0, 255];
        let [mean, _] = measured.and(Measured::of(&photo)).moments().unwrap();
        assert_eq!(mean, [0.5, 0.375, 0.625]);
    }

    #[test]
    fn images_of_one_value_are_refused() {
        let photo = of(vec![7; 30]);
        let message = Measured::of(&photo).moments().unwrap_err().message;
        assert!(message.contains("more than one value"), "{message}");
        assert!(Measured::NOTHING.moments().is_err());
    }

    #[test]
    fn large_values_are_summed_without_loss() {
        let words: Vec<u16> = (0..300_000).map(|i| 65_000 + (i / 3 % 2) as u16).collect();
        let [mean, std] = Measured::of(&of(words)).moments().unwrap();
        assert_eq!((mean, std), ([0.5; 3], [0.5; 3]));
    }
}
