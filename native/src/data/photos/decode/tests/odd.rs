//! Files that Pillow opens although something is wrong with them; tests/parity/photos_test.ts compares many more.

use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use flate2::{write::ZlibEncoder, Compression};

use super::*;

/// Three rows of two pixels of colour: the second row is the first and 1, the third is 9.
const ROWS: [&[u8]; 3] = [
    &[0, 1, 2, 3, 4, 5, 6],
    &[2, 1, 1, 1, 1, 1, 1],
    &[0, 9, 9, 9, 9, 9, 9],
];
const COLORS: [u8; 18] = [1, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 7, 9, 9, 9, 9, 9, 9];

fn chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(body);
    let checksum = crc32fast::hash(&bytes[4..]);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

fn header(size: [u32; 2], last: [u8; 5]) -> Vec<u8> {
    let mut body = Vec::new();
    size.iter()
        .for_each(|side| body.extend_from_slice(&side.to_be_bytes()));
    body.extend_from_slice(&last);
    chunk(b"IHDR", &body)
}

fn deflated(rows: &[&[u8]]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    rows.iter().for_each(|row| encoder.write_all(row).unwrap());
    encoder.finish().unwrap()
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n", &chunks.concat()[..]].concat()
}

fn with_wrong_checksum(mut chunk: Vec<u8>) -> Vec<u8> {
    if let Some(last) = chunk.last_mut() {
        *last ^= 1;
    }
    chunk
}

#[test]
fn a_png_is_opened_by_its_header_palette_and_data() {
    let colors = header([2, 3], [8, 2, 0, 0, 0]);
    let data = chunk(b"IDAT", &deflated(&ROWS));
    let end = chunk(b"IEND", b"");
    let (first, second) = (deflated(&ROWS), deflated(&ROWS));
    let control = [0u32, 2, 3, 0, 0].map(u32::to_be_bytes).concat();
    let control = chunk(b"fcTL", &[&control[..], &[0, 1, 0, 1, 7, 7]].concat());
    let opened = [
        vec![colors.clone(), data.clone(), end.clone()],
        vec![colors.clone(), data.clone()],
        vec![colors.clone(), data.clone(), vec![1; 30]],
        vec![
            colors.clone(),
            with_wrong_checksum(data.clone()),
            end.clone(),
        ],
        vec![
            colors.clone(),
            chunk(b"IDAT", &first[..9]),
            chunk(b"IDAT", b""),
            chunk(b"IDAT", &second[9..]),
            end.clone(),
        ],
        vec![
            chunk(b"tEXt", b"a\0b"),
            colors.clone(),
            data.clone(),
            end.clone(),
        ],
        vec![
            colors.clone(),
            chunk(b"UNKN", b"any"),
            data.clone(),
            end.clone(),
        ],
        vec![colors.clone(), colors.clone(), data.clone(), end.clone()],
        vec![
            colors.clone(),
            chunk(b"PLTE", b"ab"),
            data.clone(),
            end.clone(),
        ],
        vec![header([2, 3], [8, 2, 9, 0, 0]), data.clone(), end.clone()],
        vec![colors.clone(), control, data.clone(), end.clone()],
        // A length beyond the file's end.
        vec![colors.clone(), [b"\xff", &data[1..]].concat()],
    ];
    for chunks in opened {
        assert_eq!(pixels_of(&file(&chunks)).pixels, COLORS, "{chunks:?}");
    }
    for chunks in [
        vec![
            with_wrong_checksum(colors.clone()),
            data.clone(),
            end.clone(),
        ],
        vec![data.clone(), end.clone()],
        vec![colors.clone(), end.clone(), data.clone()],
        vec![colors.clone(), data[..data.len() / 2].to_vec()],
    ] {
        let problem = problem_of(&file(&chunks));
        assert!(problem.contains("no PNG that can be decoded"), "{problem}");
    }
}

#[test]
fn a_palette_of_any_length_gives_its_whole_colours_and_black() {
    let indices = chunk(b"IDAT", &deflated(&[&[0, 0, 1], &[0, 2, 255]]));
    let header = header([2, 2], [8, 3, 0, 0, 0]);
    for (palette, expected) in [
        (&b""[..], [0; 12]),
        (&[7], [0; 12]),
        (&[7, 8, 9, 1, 2], [7, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (&[7, 8, 9, 4, 5, 6, 1], [7, 8, 9, 4, 5, 6, 0, 0, 0, 0, 0, 0]),
    ] {
        let palette = chunk(b"PLTE", palette);
        let bytes = file(&[header.clone(), palette, indices.clone()]);
        assert_eq!(pixels_of(&bytes).pixels, expected);
    }
}

/// As Pillow has it; the rest is black, or the palette's first colour.
#[test]
fn a_stream_that_ends_with_a_row_is_whole() {
    let mut photo = Photo::default();
    // What was there before does not show.
    decode(
        &png_of(&[5; 18], [2, 3], ColorType::Rgb, BitDepth::Eight, None),
        &mut photo,
    )
    .unwrap();
    let colors = header([2, 3], [8, 2, 0, 0, 0]);
    let short = |rows: &[&[u8]]| file(&[colors.clone(), chunk(b"IDAT", &deflated(rows))]);
    decode(&short(&ROWS[..2]), &mut photo).unwrap();
    assert_eq!(photo.pixels[..12], COLORS[..12]);
    assert_eq!(photo.pixels[12..], [0; 6]);
    problem_of(&short(&[]));
    problem_of(&short(&[ROWS[0], ROWS[1], &ROWS[2][..4]]));
    let bytes = file(&[
        header([1, 2], [8, 3, 0, 0, 0]),
        chunk(b"PLTE", &[7, 8, 9, 1, 2, 3]),
        chunk(b"IDAT", &deflated(&[&[0, 1]])),
    ]);
    assert_eq!(pixels_of(&bytes).pixels, [1, 2, 3, 7, 8, 9]);
}

#[test]
fn grays_of_12_bits_in_16_are_noticed() {
    let gray = |values: [u16; 4]| {
        let samples = values.map(u16::to_be_bytes).concat();
        pixels_of(&png_of(
            &samples,
            [2, 2],
            ColorType::Grayscale,
            BitDepth::Sixteen,
            None,
        ))
    };
    assert!(gray([0, 255, 256, 4095]).few_grays);
    let photo = gray([0, 255, 256, 4096]);
    assert!(!photo.few_grays);
    assert_eq!(photo.pixels, [0, 0, 0, 0, 0, 0, 1, 1, 1, 16, 16, 16]);
    let eight = png_of(&[3; 4], [2, 2], ColorType::Grayscale, BitDepth::Eight, None);
    assert!(!pixels_of(&eight).few_grays);
}

#[test]
fn a_photo_has_up_to_pillow_s_number_of_pixels() {
    let mut photo = Photo::default();
    photo.resize(178_956_970, 1).unwrap();
    drop(photo);
    for size in [[178_956_971, 1], [usize::MAX, 2], [0, 5], [5, 0]] {
        let problem = Photo::default().resize(size[0], size[1]).unwrap_err();
        assert!(problem.contains("expected 1 to 178956970"), "{problem}");
    }
}

/// One bit a pixel, and no buffer of the whole image beside the photo's.
#[test]
fn the_memory_of_a_large_photo_is_given_back() {
    let side = 5000;
    let black = vec![0; side / 8 * side];
    let size = [side as u32; 2];
    let bytes = png_of(&black, size, ColorType::Grayscale, BitDepth::One, None);
    let mut photo = Photo::default();
    decode(&bytes, &mut photo).unwrap();
    assert!(photo.pixels.len() > LARGE && photo.pixels.iter().all(|&value| value == 0));
    photo.resize(10, 10).unwrap();
    assert!(photo.pixels.capacity() <= LARGE);
}

#[test]
fn large_photos_take_turns() {
    let (mut first, (sender, receiver)) = (Photo::default(), mpsc::channel());
    first.resize(5000, 5000).unwrap();
    let second = thread::spawn(move || {
        let mut photo = Photo::default();
        photo.resize(5000, 5000).unwrap();
        sender.send(()).unwrap();
    });
    // Small ones need not wait.
    Photo::default().resize(5000, 500).unwrap();
    assert!(receiver.recv_timeout(Duration::from_millis(200)).is_err());
    first.resize(1, 1).unwrap();
    receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    second.join().unwrap();
}

/// Segments that libjpeg skips, whatever their lengths and contents.
#[test]
fn a_jpeg_is_opened_whatever_stands_before_its_picture() {
    let whole = jpeg(&picture(40, 24, 3), [40, 24], JpegColor::Rgb, |_| {});
    let expected = jpeg_pixels_of(&whole);
    let segments: [&[u8]; 9] = [
        b"\xff\xe1\0\0",
        b"\xff\xe2\0\x01",
        b"\xff\xed\0\x04ab",
        b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\x09",
        b"\xff\xee\0\x07Adobe",
        b"\xff\xdc\0\x04\0\x20",
        b"\xff\xd3",
        b"\0junk\xff\xff\xff",
        b"\xff\xfe\0\x06\xff\xd9\xff\xda",
    ];
    for segment in segments {
        let bytes = [&whole[..2], segment, &whole[2..]].concat();
        for (photo, expected) in jpeg_pixels_of(&bytes).iter().zip(&expected) {
            assert_eq!(photo.pixels, expected.pixels, "{segment:x?}");
        }
    }
}

/// Gray of 3 × 2 pixels; zune-jpeg knows no lossless files.
const LOSSLESS: [u8; 67] = [
    0xff, 0xd8, 0xff, 0xc4, 0x00, 0x1f, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
    0x09, 0x0a, 0x0b, 0xff, 0xc3, 0x00, 0x0b, 0x08, 0x00, 0x02, 0x00, 0x03, 0x01, 0x01, 0x11, 0x00,
    0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x01, 0x00, 0x00, 0x76, 0xa9, 0x24, 0xbc, 0xe6, 0x39,
    0xa3, 0xff, 0xd9,
];
const GRAYS: [u8; 6] = [54, 63, 61, 132, 83, 118];

#[test]
fn libjpeg_turbo_opens_a_lossless_gray_file() {
    for decoder in decoders() {
        if let Decoder::Turbo(_) = decoder {
            let mut photo = Photo::default();
            decoder.decode(&LOSSLESS, &mut photo).unwrap();
            let grays: Vec<u8> = photo.pixels.chunks(3).map(|pixel| pixel[0]).collect();
            assert_eq!(grays, GRAYS);
        }
    }
}
