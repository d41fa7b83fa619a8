//! The demo dataset: ten textures, drawn on demand, the same bytes on every machine.
//!
//! The class is the structure of a pattern that repeats all over the image, so that it outlives crops, flips, colour
//! changes, blur and solarize. Everything that is easy to see is drawn at random and without regard to the class:
//! colours, contrast and its sign, position, scale, tilt, light, an object in front, noise. Only integers are used.

use crate::views::random::{DrawKey, Draws, Purpose, Stream};
use rayon::prelude::*;

/// Names of the classes, in the order of their labels.
pub const CLASS_NAMES: [&str; 10] = [
    "horizontal stripes",
    "vertical stripes",
    "diagonal stripes",
    "checkerboard",
    "dots",
    "rings",
    "zigzag",
    "grid",
    "bricks",
    "triangles",
];

/// Height and width of an image, in pixels.
pub const SIDE: usize = 32;
/// Bytes of an image: three planes.
pub const IMAGE_SIZE: usize = 3 * SIDE * SIDE;

// The look of the dataset. Lengths are in 1/256 pixel, brightness in levels of a byte.

/// Changes with every change of the look.
const SEED: u64 = 1;
/// Length of a pattern's period.
const PERIOD: [i32; 2] = [8 * 256, 12 * 256];
/// Shard, in 1/256, by which height and width of the period may differ.
const STRETCH: i32 = 30;
/// Largest tilt, in degrees.
const TILT: usize = 8;
/// The difference in brightness between the pattern and its ground.
const CONTRAST: [i32; 2] = [40, 110];
/// Brightness of the ground.
const GROUND: [i32; 2] = [40, 215];
/// The most by which the light at each corner may depart from that.
const LIGHT: i32 = 30;
/// The most by which each channel of ground, pattern and object may depart from gray. Not more than the colour jitter
/// covers: a colour that outlives the augmentations is what training would learn instead of the class.
const TINT: i32 = 12;
/// Range of the noise's amplitude.
const NOISE: [i32; 2] = [8, 12];
/// Half sides of the disc or box in front.
const OBJECT: [i32; 2] = [3, 6];

/// 2^14 · sin of 0 … 15 degrees, and cos below: a table, since a library's sine is a float and differs by machine.
const SIN: [i32; 16] = [
    0, 286, 572, 857, 1143, 1428, 1713, 1997, 2280, 2563, 2845, 3126, 3406, 3686, 3964, 4240,
];
const COS: [i32; 16] = [
    16384, 16382, 16374, 16362, 16344, 16322, 16294, 16262, 16225, 16182, 16135, 16083, 16026,
    15964, 15897, 15826,
];
const TRIG_BITS: u32 = 14;

/// Draws as many images as `images` has room for (planes of bytes, count × 3 × 32 × 32) and returns their labels. Image
/// i is of class i mod 10 and does not depend on the count; training and test images have nothing in common.
pub fn fill(train: bool, images: &mut [u8]) -> Vec<u8> {
    let classes = CLASS_NAMES.len();
    let count = images.len() / IMAGE_SIZE;
    images
        .par_chunks_exact_mut(IMAGE_SIZE)
        .enumerate()
        .for_each(|(index, image)| {
            draw(index % classes, stream(train, index), image);
        });
    (0..count).map(|index| (index % classes) as u8).collect()
}

fn stream(train: bool, index: usize) -> Stream {
    Stream::new(DrawKey {
        seed: SEED,
        purpose: Purpose::Demo,
        step: 0,
        sample: index as u64,
        view: u32::from(!train),
    })
}

/// The slot of the numbers that each part of an image takes.
#[repr(u32)]
enum Slot {
    Geometry = 0,
    Colour = 1,
    Object = 2,
    Noise = 3,
}

fn draw(class: usize, stream: Stream, image: &mut [u8]) {
    let pattern = Pattern::sample(class, &mut stream.slot(Slot::Geometry as u32));
    let palette = Palette::sample(&mut stream.slot(Slot::Colour as u32));
    let object = Object::sample(&mut stream.slot(Slot::Object as u32));
    let mut noise = stream.slot(Slot::Noise as u32);
    let amplitude = integer(&mut noise, NOISE);
    let mut grains = [0; IMAGE_SIZE];
    for bytes in grains.chunks_exact_mut(4) {
        bytes.copy_from_slice(&noise.bits().to_le_bytes());
    }
    let (coverage, hidden) = (pattern.coverage(), object.coverage());
    for (channel, plane) in image.chunks_exact_mut(SIDE * SIDE).enumerate() {
        for (at, value) in plane.iter_mut().enumerate() {
            let (row, column) = ((at / SIDE) as i32, (at % SIDE) as i32);
            let plain = palette.colour(channel, column, row, coverage[at]);
            let colour = if hidden[at] {
                object.colour[channel]
            } else {
                plain
            };
            // One byte of randomness a value.
            let byte = i32::from(grains[3 * at + channel]);
            let grain = ((byte * (2 * amplitude + 1)) >> 8) - amplitude;
            *value = (colour + grain).clamp(0, 255) as u8;
        }
    }
}

/// Uniform from the first to the second bound, both included.
fn integer(draws: &mut Draws, [low, high]: [i32; 2]) -> i32 {
    low + draws.below((high - low + 1) as u32) as i32
}

/// A gray with a little colour.
fn tinted(draws: &mut Draws, brightness: i32) -> [i32; 3] {
    std::array::from_fn(|_| brightness + integer(draws, [-TINT, TINT]))
}

/// A pattern and its place: period, phase, tilt and the width of its lines.
struct Pattern {
    class: usize,
    /// Periods per pixel along both axes, in 1/65536.
    frequency: [i32; 2],
    phase: [i32; 2],
    sin: i32,
    cos: i32,
    /// Leaning of diagonals, 1 or −1.
    lean: i32,
    /// From 0 to 255: from the thinnest form to the thickest.
    weight: i32,
}

impl Pattern {
    fn sample(class: usize, draws: &mut Draws) -> Self {
        let period = integer(draws, PERIOD);
        let stretch = integer(draws, [-STRETCH, STRETCH]);
        let tilt = draws.below(TILT as u32 + 1) as usize;
        let sign = 1 - 2 * draws.below(2) as i32;
        let lean = 1 - 2 * draws.below(2) as i32;
        let per_pixel = |stretch: i32| (1 << 24) / (period * (256 + stretch) / 256);
        Self {
            class,
            frequency: [per_pixel(stretch), per_pixel(-stretch)],
            phase: [integer(draws, [0, 511]), integer(draws, [0, 511])],
            sin: sign * SIN[tilt],
            cos: COS[tilt],
            lean,
            weight: integer(draws, [0, 255]),
        }
    }

    /// Counts the four subpixels of each pixel that the pattern covers. The class is a constant of the loop, of which the
    /// compiler then computes several pixels at once.
    fn coverage(&self) -> [i32; SIDE * SIDE] {
        match self.class {
            0 => self.coverage_of::<0>(),
            1 => self.coverage_of::<1>(),
            2 => self.coverage_of::<2>(),
            3 => self.coverage_of::<3>(),
            4 => self.coverage_of::<4>(),
            5 => self.coverage_of::<5>(),
            6 => self.coverage_of::<6>(),
            7 => self.coverage_of::<7>(),
            8 => self.coverage_of::<8>(),
            _ => self.coverage_of::<9>(),
        }
    }

    fn coverage_of<const CLASS: usize>(&self) -> [i32; SIDE * SIDE] {
        let mut covered = [0; SIDE * SIDE];
        for (y, line) in covered.chunks_exact_mut(SIDE).enumerate() {
            for (x, count) in line.iter_mut().enumerate() {
                for (dx, dy) in [(1, 1), (3, 1), (1, 3), (3, 3)] {
                    // Quarters of a pixel from the centre of the image; turned, 1/256 pixel.
                    let (x, y) = (4 * x as i32 + dx - 64, 4 * y as i32 + dy - 64);
                    let u = (x * self.cos + y * self.sin) >> (TRIG_BITS - 6);
                    let v = (y * self.cos - x * self.sin) >> (TRIG_BITS - 6);
                    // Times 1/65536 period per pixel, down to 1/256 period.
                    let s = ((u * self.frequency[0]) >> 16) + self.phase[0];
                    let t = ((v * self.frequency[1]) >> 16) + self.phase[1];
                    *count += i32::from(self.covers::<CLASS>(s, t));
                }
            }
        }
        covered
    }

    /// Returns whether the pattern covers a point given in 1/256 of a period.
    #[inline(always)]
    fn covers<const CLASS: usize>(&self, s: i32, t: i32) -> bool {
        let (u, v) = (s & 255, t & 255);
        // Distance from the middle of the tile.
        let (du, dv) = ((u - 128).abs(), (v - 128).abs());
        let half = 104 + self.weight * 48 / 256;
        let line = 60 + self.weight * 30 / 256;
        match CLASS {
            0 => v < half,
            1 => u < half,
            // A diagonal of this period is 1.4 times as fine as a stripe: draw it coarser.
            2 => (((s + self.lean * t) * 181) >> 8) & 255 < half,
            3 => (u < 128) != (v < 128),
            4 => du * du + dv * dv < (70 + self.weight * 20 / 256).pow(2),
            5 => {
                let square = du * du + dv * dv;
                square < 118 * 118 && square >= (64 - self.weight * 16 / 256).pow(2)
            }
            6 => (t + (s & 511).min(512 - (s & 511))) & 255 < half,
            7 => u < line || v < line,
            8 => {
                let shift = ((t >> 8) & 1) * 256;
                v < line || (s + shift) & 511 < line
            }
            _ => du * 2 < v && v < 240,
        }
    }
}

/// The colours of an image: four corners of the ground and what the pattern adds to them.
struct Palette {
    corners: [[i32; 3]; 4],
    added: [i32; 3],
}

impl Palette {
    fn sample(draws: &mut Draws) -> Self {
        let brightness = integer(draws, GROUND);
        let ground = tinted(draws, brightness);
        let corners = std::array::from_fn(|_| {
            let light = integer(draws, [-LIGHT, LIGHT]);
            ground.map(|level| level + light)
        });
        // Towards the middle of the range, or the clamp would eat the pattern.
        let contrast = integer(draws, CONTRAST);
        let signed = if brightness > 127 {
            -contrast
        } else {
            contrast
        };
        Self {
            corners,
            added: tinted(draws, signed),
        }
    }

    fn colour(&self, channel: usize, x: i32, y: i32, coverage: i32) -> i32 {
        let last = SIDE as i32 - 1;
        let [a, b, c, d] = self.corners.map(|corner| corner[channel]);
        let top = a * (last - x) + b * x;
        let bottom = c * (last - x) + d * x;
        (top * (last - y) + bottom * y) / (last * last) + self.added[channel] * coverage / 4
    }
}

/// A plain disc or box in front of the pattern.
struct Object {
    round: bool,
    center: [i32; 2],
    half: [i32; 2],
    colour: [i32; 3],
}

impl Object {
    fn sample(draws: &mut Draws) -> Self {
        let last = SIDE as i32 - 1;
        Self {
            round: draws.below(2) == 1,
            center: [integer(draws, [0, last]), integer(draws, [0, last])],
            half: [integer(draws, OBJECT), integer(draws, OBJECT)],
            colour: {
                let brightness = integer(draws, [0, 255]);
                tinted(draws, brightness)
            },
        }
    }

    /// Returns which pixels the object hides.
    fn coverage(&self) -> [bool; SIDE * SIDE] {
        std::array::from_fn(|at| self.covers((at % SIDE) as i32, (at / SIDE) as i32))
    }

    #[inline(always)]
    fn covers(&self, x: i32, y: i32) -> bool {
        let (dx, dy) = (x - self.center[0], y - self.center[1]);
        let [a, b] = self.half;
        if self.round {
            dx * dx * b * b + dy * dy * a * a < a * a * b * b
        } else {
            dx.abs() < a && dy.abs() < b
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::hex::hex;
    use sha2::{Digest, Sha256};

    fn generate(train: bool, count: usize) -> (Vec<u8>, Vec<u8>) {
        let mut images = vec![0; count * IMAGE_SIZE];
        let labels = fill(train, &mut images);
        (images, labels)
    }

    fn digest(train: bool, count: usize) -> String {
        let (images, labels) = generate(train, count);
        let mut hash = Sha256::new();
        hash.update(&images);
        hash.update(&labels);
        hex(&hash.finalize())
    }

    #[test]
    fn every_machine_makes_the_same_bytes() {
        assert_eq!(
            digest(true, 5000),
            "f57a9a7352018e9b11789c976410d6bf6a25f8ad73e9c50ededafbcc3212f8d3"
        );
        assert_eq!(
            digest(false, 1000),
            "2f7a9a661222c635f776682bdbe353a53e97fc3b111fa50f6a9ff8daa9739c63"
        );
    }

    #[test]
    fn a_smaller_dataset_is_the_beginning_of_a_larger_one() {
        let (many, labels) = generate(true, 50);
        let (few, first_labels) = generate(true, 23);
        assert_eq!(many[..few.len()], few);
        assert_eq!(labels[..23], first_labels);
        assert_eq!(generate(true, 0), (vec![], vec![]));
    }

    #[test]
    fn classes_are_balanced() {
        let (images, labels) = generate(false, 200);
        assert_eq!(images.len(), 200 * IMAGE_SIZE);
        for class in 0..CLASS_NAMES.len() {
            assert_eq!(
                labels
                    .iter()
                    .filter(|&&label| usize::from(label) == class)
                    .count(),
                20
            );
        }
    }

    #[test]
    fn no_image_occurs_twice() {
        let mut images: Vec<Vec<u8>> = Vec::new();
        for train in [true, false] {
            images.extend(
                generate(train, 1000)
                    .0
                    .chunks(IMAGE_SIZE)
                    .map(<[u8]>::to_vec),
            );
        }
        images.sort_unstable();
        images.dedup();
        assert_eq!(images.len(), 2000);
    }

    /// Mean over the images of a class of how much each pixel differs from its right and from its lower neighbour.
    fn roughness(images: &[u8], class: usize) -> [u64; 2] {
        let mut total = [0; 2];
        for plane in images
            .chunks(IMAGE_SIZE)
            .skip(class)
            .step_by(10)
            .flat_map(|i| i.chunks(SIDE * SIDE))
        {
            for (y, x) in (0..SIDE - 1).flat_map(|y| (0..SIDE - 1).map(move |x| (y, x))) {
                let at = y * SIDE + x;
                total[0] += u64::from(plane[at].abs_diff(plane[at + 1]));
                total[1] += u64::from(plane[at].abs_diff(plane[at + SIDE]));
            }
        }
        total
    }

    #[test]
    fn the_pattern_is_in_the_pixels() {
        let (images, _) = generate(true, 1000);
        let [across, down] = roughness(&images, 0);
        assert!(
            down * 2 > across * 3,
            "horizontal stripes: {across} across, {down} down"
        );
        let [across, down] = roughness(&images, 1);
        assert!(
            across * 2 > down * 3,
            "vertical stripes: {across} across, {down} down"
        );
        let [across, down] = roughness(&images, 3);
        assert!(
            across.abs_diff(down) * 5 < down,
            "checkerboard: {across} across, {down} down"
        );
    }

    #[test]
    fn colours_do_not_tell_the_class() {
        let (images, _) = generate(true, 5000);
        for channel in 0..3 {
            let mean = |class: usize| -> f64 {
                let planes = images.chunks(IMAGE_SIZE).skip(class).step_by(10);
                let plane = channel * SIDE * SIDE..(channel + 1) * SIDE * SIDE;
                let sum: u64 = planes
                    .flat_map(|i| &i[plane.clone()])
                    .map(|&v| u64::from(v))
                    .sum();
                sum as f64 / (500 * SIDE * SIDE) as f64
            };
            for class in 0..10 {
                // The means of images spread by about 50 levels, those of 500 by about 2.
                assert!(
                    (mean(class) - 127.5).abs() < 9.0,
                    "class {class}: {}",
                    mean(class)
                );
            }
        }
    }

    #[test]
    fn raw_pixels_tell_little_of_the_class() {
        let (train, labels) = generate(true, 2000);
        let (test, expected) = generate(false, 200);
        let distance = |a: &[u8], b: &[u8]| -> u64 {
            a.iter()
                .zip(b)
                .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
                .sum()
        };
        let hits = test
            .chunks(IMAGE_SIZE)
            .zip(expected)
            .filter(|(image, label)| {
                let nearest = train
                    .chunks(IMAGE_SIZE)
                    .zip(&labels)
                    .min_by_key(|(other, _)| distance(image, other))
                    .map(|(_, label)| *label);
                nearest == Some(*label)
            });
        let percent = hits.count() * 100 / 200;
        // One in ten is chance. The look was tuned with the trainer (`deno task bench demo`), not by this figure.
        assert!((10..=45).contains(&percent), "{percent} %");
    }
}
