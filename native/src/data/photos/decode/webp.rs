//! WebP files: with loss, without, with transparency, which is dropped, and the first picture of an animation.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::Photo;

/// Decodes a WebP into `photo`.
pub fn decode(bytes: &[u8], photo: &mut Photo) -> Result<(), String> {
    let failed = |reason: String| format!("it is no WebP that can be decoded: {reason}");
    let decoder = WebPDecoder::new(Cursor::new(bytes));
    let mut decoder = decoder.map_err(|error| failed(error.to_string()))?;
    let (width, height) = decoder.dimensions();
    photo.resize(width as usize, height as usize)?;
    require_frames_inside(bytes, [width, height]).map_err(failed)?;
    let read = match decoder.has_alpha() {
        false => decoder.read_image(&mut photo.pixels),
        true => {
            let mut rgba = vec![0; photo.pixels.len() / 3 * 4];
            let read = decoder.read_image(&mut rgba);
            let targets = photo.pixels.chunks_exact_mut(3);
            for (target, pixel) in targets.zip(rgba.chunks_exact(4)) {
                target.copy_from_slice(&pixel[..3]);
            }
            read
        }
    };
    read.map_err(|error| failed(error.to_string()))
}

/// Refuses pictures that are larger than the image that holds them: the decoder takes memory for them before it compares
/// the sizes.
fn require_frames_inside(bytes: &[u8], [width, height]: [u32; 2]) -> Result<(), String> {
    let mut open = vec![bytes.get(12..).unwrap_or_default()];
    while let Some(mut rest) = open.pop() {
        while let Some((head, after)) = rest.split_first_chunk::<8>() {
            let [name @ .., a, b, c, d] = *head;
            let length = u32::from_le_bytes([a, b, c, d]) as usize;
            let body = &after[..length.min(after.len())];
            let size = match &name {
                b"VP8 " => number(body, 6).map(|sides| [sides & 0x3fff, sides >> 16 & 0x3fff]),
                b"VP8L" => {
                    number(body, 1).map(|sides| [(sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1])
                }
                _ => None,
            };
            if size.is_some_and(|[wide, high]| wide > width || high > height) {
                return Err("it holds a picture that is larger than the image".to_owned());
            }
            if &name == b"ANMF" {
                open.push(body.get(16..).unwrap_or_default());
            }
            rest = after.get(length + length % 2..).unwrap_or_default();
        }
    }
    Ok(())
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*found))
}
