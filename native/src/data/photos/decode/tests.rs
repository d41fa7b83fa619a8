use super::*;
use crate::data::photos::jpeg::Library;
use jpeg_encoder::{ColorType as JpegColor, Encoder, SamplingFactor};
use png::{BitDepth, ColorType};

mod kinds;
mod odd;

/// A smooth picture: what a JPEG keeps.
fn picture(width: usize, height: usize, samples: usize) -> Vec<u8> {
    (0..width * height * samples)
        .map(|i| {
            let (x, y, channel) = (i / samples % width, i / samples / width, i % samples);
            (40 + x * 120 / width + y * 60 / height + channel * 15) as u8
        })
        .collect()
}

fn jpeg(
    pixels: &[u8],
    [width, height]: [usize; 2],
    color: JpegColor,
    edit: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 100);
    edit(&mut encoder);
    encoder
        .encode(pixels, width as u16, height as u16, color)
        .unwrap();
    bytes
}

fn png_of(
    pixels: &[u8],
    [width, height]: [u32; 2],
    color: ColorType,
    depth: BitDepth,
    palette: Option<&[u8]>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The core's own decoder of JPEG files and, where the variable BYOL_LIBJPEG names one, libjpeg-turbo.
fn decoders() -> Vec<Decoder> {
    let path = std::env::var("BYOL_LIBJPEG").unwrap_or_default();
    if path.is_empty() {
        eprintln!("SKIPPED: libjpeg-turbo is not tested, as BYOL_LIBJPEG does not name it");
        return vec![Decoder::Zune];
    }
    vec![Decoder::Zune, Decoder::Turbo(Library::open(&path).unwrap())]
}

/// Returns the pixels that each of them makes of a JPEG.
fn jpeg_pixels_of(bytes: &[u8]) -> Vec<Photo> {
    let decoded = decoders().into_iter().map(|decoder| {
        let mut photo = Photo::default();
        decoder.decode(bytes, &mut photo).unwrap();
        photo
    });
    decoded.collect()
}

fn jpeg_problems_of(bytes: &[u8]) -> Vec<String> {
    let refused = decoders().into_iter();
    refused
        .map(|decoder| decoder.decode(bytes, &mut Photo::default()).unwrap_err())
        .collect()
}

fn pixels_of(bytes: &[u8]) -> Photo {
    let mut photo = Photo::default();
    decode(bytes, &mut photo).unwrap();
    photo
}

fn problem_of(bytes: &[u8]) -> String {
    decode(bytes, &mut Photo::default()).unwrap_err()
}

fn assert_close(found: &[u8], expected: &[u8], tolerance: u8) {
    assert_eq!(found.len(), expected.len());
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(a.abs_diff(*b) <= tolerance, "byte {index}: {a}, not {b}");
    }
}

#[test]
fn a_jpeg_of_any_layout_gives_its_pixels() {
    let size = [37, 21];
    let pixels = picture(37, 21, 3);
    for progressive in [false, true] {
        for sampling in [SamplingFactor::F_1_1, SamplingFactor::F_2_2] {
            let bytes = jpeg(&pixels, size, JpegColor::Rgb, |encoder| {
                encoder.set_progressive(progressive);
                encoder.set_sampling_factor(sampling);
            });
            for photo in jpeg_pixels_of(&bytes) {
                assert_eq!([photo.width, photo.height], size);
                assert_close(&photo.pixels, &pixels, 4);
            }
        }
    }
}

#[test]
fn a_gray_jpeg_repeats_its_gray() {
    let gray = picture(24, 16, 1);
    let bytes = jpeg(&gray, [24, 16], JpegColor::Luma, |_| {});
    let expected: Vec<u8> = gray.iter().flat_map(|&value| [value; 3]).collect();
    for photo in jpeg_pixels_of(&bytes) {
        assert_close(&photo.pixels, &expected, 2);
    }
}

#[test]
fn cmyk_is_taken_for_adobe_s_inverted_one() {
    // Stored inverted: 255 is no ink.
    let pixels: Vec<u8> = (0..16 * 16).flat_map(|_| [200, 100, 50, 128]).collect();
    for color in [JpegColor::Cmyk, JpegColor::CmykAsYcck] {
        // The encoder inverts what it is given, as Adobe does.
        let given: Vec<u8> = pixels.iter().map(|value| 255 - value).collect();
        let bytes = jpeg(&given, [16, 16], color, |_| {});
        let ink = [200u32, 100, 50].map(|value| (value * 128 / 255) as u8);
        let expected: Vec<u8> = (0..256).flat_map(|_| ink).collect();
        for photo in jpeg_pixels_of(&bytes) {
            assert_close(&photo.pixels, &expected, 3);
        }
    }
}

#[test]
fn a_png_of_any_kind_gives_its_colours() {
    let size = [5, 3];
    let rgb = picture(5, 3, 3);
    let eight = BitDepth::Eight;
    let bytes = png_of(&rgb, size, ColorType::Rgb, eight, None);
    assert_eq!(pixels_of(&bytes).pixels, rgb);

    // Transparency is dropped without a background.
    let rgba: Vec<u8> = rgb.chunks(3).flat_map(|p| [p[0], p[1], p[2], 7]).collect();
    let bytes = png_of(&rgba, size, ColorType::Rgba, eight, None);
    assert_eq!(pixels_of(&bytes).pixels, rgb);

    let gray = picture(5, 3, 1);
    let repeated: Vec<u8> = gray.iter().flat_map(|&value| [value; 3]).collect();
    let bytes = png_of(&gray, size, ColorType::Grayscale, eight, None);
    assert_eq!(pixels_of(&bytes).pixels, repeated);
    let with_alpha: Vec<u8> = gray.iter().flat_map(|&value| [value, 9]).collect();
    let bytes = png_of(&with_alpha, size, ColorType::GrayscaleAlpha, eight, None);
    assert_eq!(pixels_of(&bytes).pixels, repeated);

    // Of 16 bits the high byte.
    let sixteen: Vec<u8> = rgb.iter().flat_map(|&value| [value, 0x7f]).collect();
    let bytes = png_of(&sixteen, size, ColorType::Rgb, BitDepth::Sixteen, None);
    assert_eq!(pixels_of(&bytes).pixels, rgb);

    let palette: Vec<u8> = (0..15).flat_map(|i| [i * 3, i * 5, i * 7]).collect();
    let indices: Vec<u8> = (0..15).collect();
    let bytes = png_of(&indices, size, ColorType::Indexed, eight, Some(&palette));
    assert_eq!(pixels_of(&bytes).pixels, palette);
    // A single row of four pixels in one byte.
    let bytes = png_of(
        &[0b0001_1011],
        [4, 1],
        ColorType::Indexed,
        BitDepth::Two,
        Some(&palette[..12]),
    );
    assert_eq!(pixels_of(&bytes).pixels, palette[..12]);
}

#[test]
fn the_memory_of_a_larger_photo_is_used_again() {
    let mut photo = Photo::default();
    let eight = BitDepth::Eight;
    decode(
        &png_of(&picture(9, 9, 3), [9, 9], ColorType::Rgb, eight, None),
        &mut photo,
    )
    .unwrap();
    let small = picture(2, 2, 3);
    decode(
        &png_of(&small, [2, 2], ColorType::Rgb, eight, None),
        &mut photo,
    )
    .unwrap();
    assert_eq!(photo.pixels, small);
}

#[test]
fn an_image_that_is_too_large_is_refused_by_what_it_says() {
    // 100,000 × 100,000 pixels in a few bytes: 30 GB, if anybody believed it.
    let mut bytes = png_of(&[0; 3], [1, 1], ColorType::Rgb, BitDepth::Eight, None);
    bytes[16..20].copy_from_slice(&100_000u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&100_000u32.to_be_bytes());
    let crc = crc32fast::hash(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    let problem = problem_of(&bytes);
    assert!(problem.contains("100000 × 100000"), "{problem}");

    let mut bytes = jpeg(&picture(16, 16, 3), [16, 16], JpegColor::Rgb, |_| {});
    let frame = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    // libjpeg's largest side.
    bytes[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    for problem in jpeg_problems_of(&bytes) {
        assert!(problem.contains("65500 × 65500"), "{problem}");
    }
}

#[test]
fn what_is_no_image_is_refused_in_words() {
    assert!(problem_of(b"").contains("empty"));
    assert!(problem_of(b"GIF89a").contains("first bytes are not those of"));
    for problem in jpeg_problems_of(&[0xff, 0xd8, 0xff, 0xe0, 0, 0]) {
        assert!(problem.contains("no JPEG that can be decoded"), "{problem}");
    }
    let png = png_of(
        &picture(40, 40, 3),
        [40, 40],
        ColorType::Rgb,
        BitDepth::Eight,
        None,
    );
    assert!(problem_of(&png[..png.len() / 2]).contains("no PNG that can be decoded"));
}

/// Whatever the bytes, an error or pixels: no panic.
#[test]
fn damaged_files_give_errors_or_pixels() {
    let size = [48, 40];
    let files = [
        jpeg(&picture(48, 40, 3), size, JpegColor::Rgb, |_| {}),
        jpeg(&picture(48, 40, 3), size, JpegColor::Rgb, |encoder| {
            encoder.set_progressive(true);
        }),
        png_of(
            &picture(48, 40, 3),
            [48, 40],
            ColorType::Rgb,
            BitDepth::Eight,
            None,
        ),
    ];
    let mut photo = Photo::default();
    for (number, file) in files.iter().enumerate() {
        for trial in 0..2000u64 {
            let draws = crate::views::random::philox([trial as u32, number as u32, 0, 0], [1, 2]);
            let mut bytes = file.clone();
            let at = draws[0] as usize % bytes.len();
            bytes[at] ^= (draws[1] % 255 + 1) as u8;
            if draws[2] % 3 == 0 {
                bytes.truncate(draws[3] as usize % bytes.len());
            }
            let _ = decode(&bytes, &mut photo);
            if number < 2 {
                for decoder in decoders() {
                    let _ = decoder.decode(&bytes, &mut photo);
                }
            }
        }
    }
}

/// As PIL has it; zune-jpeg makes the best of such a file.
#[test]
fn libjpeg_turbo_takes_a_file_that_ends_too_early_for_damaged() {
    let whole = jpeg(&picture(64, 48, 3), [64, 48], JpegColor::Rgb, |_| {});
    for decoder in decoders() {
        if matches!(decoder, Decoder::Zune) {
            continue;
        }
        for length in [whole.len() / 2, whole.len() * 9 / 10] {
            let problem = decoder
                .decode(&whole[..length], &mut Photo::default())
                .unwrap_err();
            assert!(problem.contains("it ends too early"), "{problem}");
        }
    }
}

/// Each scan costs the time of a whole image: a small file could take hours.
#[test]
fn libjpeg_turbo_refuses_a_file_of_a_thousand_scans() {
    let whole = jpeg(&picture(64, 48, 3), [64, 48], JpegColor::Rgb, |encoder| {
        encoder.set_progressive(true);
    });
    let scan = |from: usize| {
        let found = whole[from..]
            .windows(2)
            .position(|pair| pair == [0xff, 0xda]);
        found.map(|at| from + at)
    };
    let last = std::iter::successors(scan(0), |&at| scan(at + 2))
        .last()
        .unwrap();
    let mut bytes = whole[..whole.len() - 2].to_vec();
    for _ in 0..1000 {
        bytes.extend_from_slice(&whole[last..whole.len() - 2]);
    }
    bytes.extend_from_slice(&whole[whole.len() - 2..]);
    for decoder in decoders() {
        if let Decoder::Turbo(_) = decoder {
            let problem = decoder.decode(&bytes, &mut Photo::default()).unwrap_err();
            assert!(problem.contains("too many scans"), "{problem}");
        }
    }
}

#[test]
fn a_library_that_is_none_is_refused_in_words() {
    let problem = |path: &str| Library::open(path).map(|_| ()).unwrap_err().message;
    assert!(problem("/nowhere/libjpeg.so").contains("/nowhere/libjpeg.so"));
    // A library of another kind.
    assert!(problem("libc.so.6").contains("lacks functions"));
}
