//! TIFF, WebP, BMP, PPM and PGM files; tests/parity/photos_test.ts compares many more with Pillow.

use super::*;

/// A little-endian TIFF of one strip: its fields, then its data.
fn tiff(fields: &[(u16, u16, u32, u32)], data: &[u8]) -> Vec<u8> {
    let mut bytes = b"II*\0".to_vec();
    bytes.extend_from_slice(&(8 + data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(&(fields.len() as u16).to_le_bytes());
    for &(tag, kind, count, value) in fields {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

/// Fields of an image of this size, bits of a sample and samples of a pixel; 1: gray, 2: colours.
fn fields(
    [width, height]: [u32; 2],
    bits: u32,
    samples: u32,
    color: u32,
) -> Vec<(u16, u16, u32, u32)> {
    let length = (width * bits * samples).div_ceil(8) * height;
    vec![
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, bits),
        (259, 3, 1, 1),
        (262, 3, 1, color),
        (273, 4, 1, 8),
        (277, 3, 1, samples),
        (278, 4, 1, height),
        (279, 4, 1, length),
    ]
}

fn changed(
    mut fields: Vec<(u16, u16, u32, u32)>,
    tag: u16,
    value: u32,
) -> Vec<(u16, u16, u32, u32)> {
    fields.retain(|field| field.0 != tag);
    fields.push((tag, 3, 1, value));
    fields.sort_unstable();
    fields
}

fn gray(values: &[u8]) -> Vec<u8> {
    values.iter().flat_map(|&value| [value; 3]).collect()
}

#[test]
fn a_file_of_any_kind_is_told_by_its_first_bytes() {
    let rgb = [10, 20, 30, 40, 50, 60];
    let bmp = [
        &b"BM\x3e\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\x18\0"[..],
        &[0; 24],
        &[30, 20, 10, 60, 50, 40, 0, 0],
    ]
    .concat();
    for (bytes, extension) in [
        (tiff(&fields([2, 1], 8, 3, 2), &rgb), "tif"),
        (bmp, "bmp"),
        ([b"P6 2 1 255\n", &rgb[..]].concat(), "ppm"),
        (b"P3\n2 1\n255\n10 20 30 40 50 60".to_vec(), "ppm"),
    ] {
        assert_eq!(Format::of(&bytes).unwrap().extension(), extension);
        assert_eq!(pixels_of(&bytes).pixels, rgb, "{extension}");
    }
    let webp = include_bytes!("../../../../../fuzz/seeds/images/webp-lossless");
    assert_eq!(Format::of(webp), Ok(Format::WebP));
    assert_eq!([pixels_of(webp).width, pixels_of(webp).height], [13, 9]);
}

#[test]
fn of_samples_without_whole_bytes_each_row_begins_with_a_byte() {
    for (bits, color, data, expected) in [
        (1, 1, [0b1010_0000, 0b0110_0000], [255, 0, 255, 0, 255, 255]),
        (1, 0, [0b1010_0000, 0b0110_0000], [0, 255, 0, 255, 0, 0]),
        (2, 1, [0b0001_1011, 0b1100_0111], [0, 85, 170, 255, 0, 85]),
    ] {
        let bytes = tiff(&fields([3, 2], bits, 1, color), &data);
        assert_eq!(pixels_of(&bytes).pixels, gray(&expected), "{bits} bits");
    }
    // A row of a BMP has a multiple of four bytes, and the last row stands first.
    let head = b"BM\0\0\0\0\0\0\0\0\x3e\0\0\0\x28\0\0\0\x03\0\0\0\x02\0\0\0\x01\0\x01\0";
    let colors = [1, 2, 3, 0, 4, 5, 6, 0];
    let rows = [0b1010_0000, 0, 0, 0, 0b0100_0000, 0, 0, 0];
    let bytes = [&head[..], &[0; 24], &colors, &rows].concat();
    let [first, second] = [[3, 2, 1], [6, 5, 4]];
    let expected = [first, second, first, second, first, second].concat();
    assert_eq!(pixels_of(&bytes).pixels, expected);
    let bytes = b"P4 3 2\n\xa0\x40";
    assert_eq!(pixels_of(bytes).pixels, gray(&[0, 255, 0, 255, 0, 255]));
}

#[test]
fn of_16_bits_the_high_byte_is_taken_whatever_the_format() {
    let values = [0u16, 255, 256, 4095];
    let little: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let big: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect();
    for bytes in [
        tiff(&fields([2, 2], 16, 1, 1), &little),
        [b"P5 2 2 65535\n", &big[..]].concat(),
    ] {
        let photo = pixels_of(&bytes);
        assert_eq!(photo.pixels, gray(&[0, 0, 1, 15]));
        assert!(photo.few_grays);
    }
    // A file that says what its largest value is.
    let photo = pixels_of(&[b"P5 2 2 4095\n", &big[..]].concat());
    assert_eq!(photo.pixels, gray(&[0, 15, 16, 255]));
    assert!(!photo.few_grays);
    // With a sign, from the least value to the largest.
    let signs: Vec<u8> = [-32768i16, -1, 0, 32767]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let bytes = tiff(&changed(fields([2, 2], 16, 1, 1), 339, 2), &signs);
    assert_eq!(pixels_of(&bytes).pixels, gray(&[0, 127, 128, 255]));
}

#[test]
fn the_orientation_of_a_tiff_counts() {
    let data = [1, 2, 3, 4, 5, 6];
    for (orientation, size, expected) in [
        (1, [3, 2], [1, 2, 3, 4, 5, 6]),
        (2, [3, 2], [3, 2, 1, 6, 5, 4]),
        (3, [3, 2], [6, 5, 4, 3, 2, 1]),
        (4, [3, 2], [4, 5, 6, 1, 2, 3]),
        (5, [2, 3], [1, 4, 2, 5, 3, 6]),
        (6, [2, 3], [4, 1, 5, 2, 6, 3]),
        (7, [2, 3], [6, 3, 5, 2, 4, 1]),
        (8, [2, 3], [3, 6, 2, 5, 1, 4]),
    ] {
        let bytes = tiff(&changed(fields([3, 2], 8, 1, 1), 274, orientation), &data);
        let photo = pixels_of(&bytes);
        assert_eq!([photo.width, photo.height], size, "{orientation}");
        assert_eq!(photo.pixels, gray(&expected), "{orientation}");
    }
}

#[test]
fn a_kind_that_is_not_read_is_refused_in_words() {
    let plain = || fields([2, 1], 8, 1, 1);
    for (fields, reason) in [
        (
            changed(changed(plain(), 258, 32), 339, 3),
            "floating point of 32 bits",
        ),
        (changed(plain(), 258, 32), "whole numbers of 32 bits"),
        (changed(plain(), 258, 12), "whole numbers of 12 bits"),
        (changed(plain(), 262, 8), "colours are of kind 8"),
        (changed(plain(), 277, 7), "have 7 samples"),
        (changed(plain(), 266, 2), "in reverse order"),
        (changed(plain(), 259, 4), "no TIFF that can be decoded"),
        (changed(plain(), 262, 3), "its palette has 0 values"),
        (
            changed(changed(plain(), 262, 6), 277, 3),
            "YCbCr without JPEG",
        ),
    ] {
        let problem = problem_of(&tiff(&fields, &[0; 99]));
        assert!(problem.contains(reason), "{problem}, expected {reason}");
    }
    for (bytes, reason) in [
        (&b"P5 2 2 70000\n1234"[..], "expected 1 to 65535"),
        (b"P2 2 1 9\n1 x", "the digit 'x'"),
        (b"P6 2 2 255\n1234", "it ends too early"),
        (b"P7\nWIDTH 2\n", "first bytes are not those of"),
        (
            b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x29\0\0\0",
            "header has 41 bytes",
        ),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "nothing about its colours"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "no WebP that can be decoded"),
    ] {
        let problem = problem_of(bytes);
        assert!(problem.contains(reason), "{problem}, expected {reason}");
    }
}

/// Sizes in a few bytes that would take gigabytes, if anybody believed them.
#[test]
fn a_large_size_alone_takes_no_memory() {
    let huge = [100_000, 100_000];
    for bytes in [
        tiff(&fields(huge, 8, 3, 2), &[]),
        b"P6 100000 100000 255\n".to_vec(),
        [
            &b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xa0\x86\x01\0\xa0\x86\x01\0\x01\0\x18\0"[..],
            &[0; 24],
        ]
        .concat(),
    ] {
        let problem = problem_of(&bytes);
        assert!(problem.contains("100000 × 100000"), "{problem}");
    }
    // The decoder takes memory for a tile, a field and a picture by what they say.
    let mut tiles = fields([2, 1], 8, 1, 1);
    tiles.retain(|field| !matches!(field.0, 273 | 278 | 279));
    tiles.extend([
        (322, 4, 1, 1 << 20),
        (323, 4, 1, 1 << 20),
        (324, 4, 1, 8),
        (325, 4, 1, 2),
    ]);
    let problem = problem_of(&tiff(&tiles, &[1, 2]));
    assert!(problem.contains("1048576 × 1048576"), "{problem}");
    let mut field = fields([2, 1], 8, 1, 1);
    field[5].2 = 1 << 30;
    let problem = problem_of(&tiff(&field, &[1, 2]));
    assert!(
        problem.contains("field 273 has 4294967296 bytes"),
        "{problem}"
    );
    let mut webp = include_bytes!("../../../../../fuzz/seeds/images/webp-animated").to_vec();
    let at = webp.windows(4).position(|name| name == b"VP8L").unwrap();
    webp[at + 9..at + 13].copy_from_slice(&[0xff, 0xff, 0xff, 0x0f]);
    let problem = problem_of(&webp);
    assert!(problem.contains("larger than the image"), "{problem}");
}

/// Whatever the bytes, an error or pixels: no panic.
#[test]
fn damaged_files_of_all_kinds_give_errors_or_pixels() {
    let seeds: [&[u8]; 6] = [
        include_bytes!("../../../../../fuzz/seeds/images/tiff-lzw"),
        include_bytes!("../../../../../fuzz/seeds/images/tiff-jpeg"),
        include_bytes!("../../../../../fuzz/seeds/images/tiff-tiles-big"),
        include_bytes!("../../../../../fuzz/seeds/images/webp-lossy"),
        include_bytes!("../../../../../fuzz/seeds/images/bmp-runs"),
        include_bytes!("../../../../../fuzz/seeds/images/pgm-words"),
    ];
    for (number, seed) in seeds.iter().enumerate() {
        let mut accepted = 0;
        for trial in 0..500u64 {
            let draws = crate::views::random::philox([trial as u32, number as u32, 1, 0], [1, 2]);
            let mut bytes = seed.to_vec();
            let at = draws[0] as usize % bytes.len();
            bytes[at] ^= (draws[1] % 255 + 1) as u8;
            if draws[2] % 3 == 0 {
                bytes.truncate(draws[3] as usize % bytes.len());
            }
            let mut photo = Photo::default();
            match decode(&bytes, &mut photo) {
                Ok(()) => {
                    assert_eq!(photo.pixels.len(), photo.width * photo.height * 3);
                    accepted += 1;
                }
                Err(problem) => assert!(!problem.contains("panicked"), "{problem}: {bytes:?}"),
            }
        }
        assert!((1..500).contains(&accepted), "seed {number}: {accepted}");
    }
}

#[test]
fn images_of_16_bits_keep_their_values_where_they_should() {
    let values = [0u16, 255, 256, 4095];
    let little: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let big: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect();
    let sixteen = BitDepth::Sixteen;
    let mut photo = Photo {
        keeps_bits: true,
        ..Photo::default()
    };
    let repeated: Vec<u16> = values.iter().flat_map(|&value| [value; 3]).collect();
    for bytes in [
        tiff(&fields([2, 2], 16, 1, 1), &little),
        [b"P5 2 2 65535\n", &big[..]].concat(),
        png_of(&big, [2, 2], ColorType::Grayscale, sixteen, None),
    ] {
        decode(&bytes, &mut photo).unwrap();
        assert_eq!(photo.words, repeated);
        assert!(photo.pixels.is_empty() && !photo.few_grays);
    }
    // What lies outside the range is cut.
    photo.stretch([255, 256]);
    assert_eq!(
        photo.words,
        [0, 0, 0, 0, 0, 0, 65535, 65535, 65535, 65535, 65535, 65535]
    );
    // Images of bytes stay as they are.
    let eight = png_of(&[3; 4], [2, 2], ColorType::Grayscale, BitDepth::Eight, None);
    decode(&eight, &mut photo).unwrap();
    assert_eq!((photo.pixels.len(), photo.words.len()), (12, 0));
    photo.stretch([255, 256]);
    assert_eq!(photo.pixels, [3; 12]);
}
