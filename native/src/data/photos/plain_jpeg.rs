//! JPEG files as zune-jpeg needs them: of the segments before the first scan those that count, by libjpeg's rules.
//! zune-jpeg refuses files for the length or content of segments that libjpeg skips.

/// Of a frame header: bits, lines, columns, number of layers; then three bytes for each layer.
const FRAME_LENGTH: usize = 6;
const JFIF: &[u8] = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

/// Returns the file with these segments alone; none where it is of a kind that zune-jpeg does not know, or damaged.
pub fn plain(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    let (mut jfif, mut adobe, mut frame) = (false, None, None);
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, after) = next_marker(rest)?;
        if matches!(marker, 0x01 | 0xd0..=0xd7) {
            rest = after;
            continue;
        }
        let (length, after) = after.split_first_chunk()?;
        // A length below its own two bytes counts as none.
        let length = usize::from(u16::from_be_bytes(*length)).saturating_sub(2);
        let (body, after) = after.split_at_checked(length)?;
        match marker {
            0xc0..=0xc2 if frame.is_none() && body.len() >= FRAME_LENGTH => {
                frame = Some((marker, body[FRAME_LENGTH - 1]));
                kept.push((marker, plain_frame(body)));
            }
            0xc4 | 0xdb | 0xdd => kept.push((marker, body.to_vec())),
            0xda => {
                let (kind, layers) = frame?;
                kept.push((marker, plain_scan(body, kind)));
                rest = after;
                let colors = if jfif && layers == 3 { None } else { adobe };
                let head = color_segment(layers, jfif, colors);
                return Some(joined(head.into_iter().chain(kept), rest));
            }
            0xe0 => jfif |= body.len() >= JFIF.len() && body.starts_with(b"JFIF\0"),
            0xee if body.len() >= 12 && body.starts_with(b"Adobe") => adobe = Some(body[11]),
            0xcc | 0xdc | 0xe1..=0xef | 0xfe => {}
            _ => return None,
        }
        rest = after;
    }
}

/// Skips what stands before the next marker, and returns that.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = bytes.windows(2).position(|pair| pair[0] == 0xff)?;
        let (&marker, after) = bytes[at + 1..].split_first()?;
        match marker {
            0xff => bytes = &bytes[at + 1..],
            0 => bytes = after,
            _ => return Some((marker, after)),
        }
    }
}

/// A single layer has no sampling factors that count.
fn plain_frame(body: &[u8]) -> Vec<u8> {
    let mut frame = body.to_vec();
    if let [.., 1, _, factors, _] = &mut frame[..] {
        *factors = 0x11;
    }
    frame
}

/// A sequential scan has no spectrum that counts: its last three bytes.
fn plain_scan(body: &[u8], kind: u8) -> Vec<u8> {
    let mut scan = body.to_vec();
    if let ([.., first, last, bits], 0xc0 | 0xc1) = (&mut scan[..], kind) {
        (*first, *last, *bits) = (0, 63, 0);
    }
    scan
}

/// The segment that names the colours, if any.
fn color_segment(layers: u8, jfif: bool, adobe: Option<u8>) -> Option<(u8, Vec<u8>)> {
    let transform = match (layers, adobe) {
        (3 | 4, Some(0)) => 0,
        (3, Some(_)) => 1,
        (4, Some(_)) => 2,
        _ => return jfif.then(|| (0xe0, JFIF.to_vec())),
    };
    Some((0xee, [b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat()))
}

fn joined(segments: impl Iterator<Item = (u8, Vec<u8>)>, rest: &[u8]) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    for (marker, body) in segments {
        file.extend_from_slice(&[0xff, marker]);
        file.extend_from_slice(&((body.len() + 2) as u16).to_be_bytes());
        file.extend_from_slice(&body);
    }
    file.extend_from_slice(rest);
    file
}
