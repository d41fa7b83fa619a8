use super::*;
use crate::formats::zip::{Archive, Entry};

/// Files that PyTorch wrote; the fuzzer's seeds have one byte before them.
const NESTED: &[u8] = include_bytes!("../../../fuzz/seeds/pt/file-nested");
const FLAT: &[u8] = include_bytes!("../../../fuzz/seeds/pt/file-flat");
const LEGACY: &[u8] = include_bytes!("../../../fuzz/seeds/pt/file-legacy");
const SYSTEM: &[u8] = include_bytes!("../../../fuzz/seeds/pt/file-system");
const EXPANDED: &[u8] = include_bytes!("../../../fuzz/seeds/pt/file-expanded");
const DEFLATED: &[u8] = include_bytes!("../../../fuzz/seeds/pt/file-deflated");

fn read(bytes: &[u8]) -> Result<TorchFile, FormatError> {
    let file = TorchFile::read(&bytes, bytes.len() as u64)?;
    file.verify(&bytes)?;
    Ok(file)
}

fn refused(bytes: &[u8]) -> String {
    read(bytes).expect_err("expected an error").to_string()
}

/// The message for a data.pkl beside one storage of `length` bytes.
fn refused_pickle(pickle: &[u8], length: u64) -> String {
    let archive = Archive {
        entries: vec![Entry {
            name: "a/data/0".to_owned(),
            offset: 0,
            length,
            crc: 0,
        }],
    };
    let read = TorchFile::from_pickle(pickle, &archive, "a", 1 << 20);
    read.expect_err("expected an error").to_string()
}

/// A data.pkl with a dictionary of one tensor of float32, `x`, whose storage claims `count` elements.
fn one_tensor(count: u8, offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let mut out = b"\x80\x02}X\x01\0\0\0xctorch._utils\n_rebuild_tensor_v2\n(".to_vec();
    out.extend(b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK");
    out.extend([count, b't', b'Q', b'J']);
    out.extend(offset.to_le_bytes());
    for numbers in [shape, strides] {
        out.push(b'(');
        for number in numbers {
            out.push(b'J');
            out.extend(number.to_le_bytes());
        }
        out.push(b't');
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtRs.");
    out
}

#[test]
fn reads_what_pytorch_writes() {
    let file = read(&FLAT[1..]).unwrap();
    let found: Vec<String> = file
        .tensors
        .iter()
        .map(|t| format!("{} {:?} {:?} {}", t.name, t.dtype, t.shape, t.length()))
        .collect();
    assert_eq!(
        found,
        [
            "bn1.bias BF16 [2] 4",
            "bn1.num_batches_tracked I64 [] 8",
            "bn1.weight F16 [2] 4",
            "conv1.weight F32 [2, 3, 3, 3] 216",
            "double F64 [3] 24",
            "empty F32 [0, 5] 0",
            "part F32 [4] 16",
            "tied F64 [3] 24",
        ]
    );
    let part = file.tensors.iter().find(|t| t.name == "part").unwrap();
    let bytes = &FLAT[1..][part.begin as usize..part.end as usize];
    let values: Vec<u8> = [2f32, 3.0, 4.0, 5.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    assert_eq!(bytes, values);
}

#[test]
fn names_tensors_of_dictionaries_within_and_keeps_the_order_of_channels_last() {
    let file = read(&NESTED[1..]).unwrap();
    let names: Vec<&str> = file.tensors.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["model.bias", "model.weight", "p"]);
    assert_eq!(file.tensors[0].strides, None);
    assert_eq!(file.tensors[1].strides, Some(vec![18, 1, 6, 2]));
}

#[test]
fn refuses_by_name_and_with_the_repair() {
    let message = refused(&SYSTEM[1..]);
    assert!(message.contains("'posix.system'"), "{message}");
    assert!(message.contains("save a state_dict() alone"), "{message}");
    let message = refused(&LEGACY[1..]);
    assert!(message.contains("before PyTorch 1.6"), "{message}");
    assert!(message.contains("save it again"), "{message}");
    let message = refused(&EXPANDED[1..]);
    assert!(
        message.contains("strides [1, 0] let elements overlap"),
        "{message}"
    );
    let message = refused(&DEFLATED[1..]);
    assert!(
        message.contains("archive/data.pkl is compressed"),
        "{message}"
    );
    for (pickle, word) in [
        (&b"\x80\x02cbuiltins\neval\n."[..], "'builtins.eval'"),
        (
            b"\x80\x02ctorch.storage\n_load_from_bytes\n.",
            "'torch.storage._load_from_bytes'",
        ),
        (b"\x80\x02ctorch\nload\n.", "'torch.load'"),
        (
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v3\n.",
            "'torch._utils._rebuild_tensor_v3'",
        ),
        (b"\x80\x02}\x81.", "NEWOBJ"),
        (b"\x80\x02ios\nsystem\n.", "INST"),
        (b"\x80\x02P0\n.", "PERSID"),
        (b"\x80\x02N\x8b\0\0\0\0.", "LONG4"),
        (b"\x80\x02(K\0o.", "OBJ"),
        (b"\x80\x02X\x01\0\0\0xQ.", "persistent id"),
        (
            b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.",
            "OrderedDict with other arguments",
        ),
        (b"\x80\x02]}b.", "state to what is not a dictionary"),
        (b"\x80\x02].", "does not hold a dictionary"),
    ] {
        let message = refused_pickle(pickle, 8);
        assert!(message.contains(word), "{word}: {message}");
    }
}

#[test]
fn refuses_tensors_that_do_not_fit_their_storages() {
    let cases: [(Vec<u8>, &str); 9] = [
        (one_tensor(6, 0, &[2, 3], &[3, 1]), ""),
        (one_tensor(7, 0, &[2, 3], &[3, 1]), "not what 7 elements"),
        (
            one_tensor(6, 1, &[2, 3], &[3, 1]),
            "does not fit in its storage of 24 bytes",
        ),
        (one_tensor(6, -1, &[2, 3], &[3, 1]), "does not fit"),
        (one_tensor(6, 0, &[-2, 3], &[3, 1]), "shape [-2, 3]"),
        (one_tensor(6, 0, &[2, 3], &[0, 1]), "let elements overlap"),
        (one_tensor(6, 0, &[2, 2], &[3, 1]), "leave holes"),
        (one_tensor(6, 0, &[2, 3], &[3]), "strides 1"),
        (
            one_tensor(6, 0, &[i32::MAX, i32::MAX, i32::MAX], &[1, 1, 1]),
            "let elements overlap",
        ),
    ];
    for (pickle, word) in cases {
        if word.is_empty() {
            let archive = Archive {
                entries: vec![Entry {
                    name: "a/data/0".to_owned(),
                    offset: 40,
                    length: 24,
                    crc: 0,
                }],
            };
            let file = TorchFile::from_pickle(&pickle, &archive, "a", 100).unwrap();
            assert_eq!((file.tensors[0].begin, file.tensors[0].end), (40, 64));
            continue;
        }
        let message = refused_pickle(&pickle, 24);
        assert!(message.contains(word), "{word}: {message}");
    }
    let huge = one_tensor(6, 0, &[i32::MAX, i32::MAX, i32::MAX], &[1, i32::MAX, 1]);
    assert!(!refused_pickle(&huge, 24).is_empty());
    let sides = one_tensor(6, 0, &[1; 9], &[1; 9]);
    assert!(refused_pickle(&sides, 24).contains("9 sides"));
}

#[test]
fn refuses_bombs() {
    // Each would take memory, or time, far beyond the file's size.
    let opcodes = [&b"\x80\x02"[..], &vec![b'N'; 2 << 20]].concat();
    assert!(refused_pickle(&opcodes, 24).contains("opcodes"));
    let containers = [&b"\x80\x02"[..], &vec![b'}'; 1 << 20]].concat();
    assert!(refused_pickle(&containers, 24).contains("containers"));
    let mut dictionaries = b"\x80\x02}(X\x01\0\0\0a}q\0(".to_vec();
    dictionaries.extend(b"NN".repeat(2000));
    dictionaries.push(b'u');
    dictionaries.extend(b"X\x01\0\0\0ah\0".repeat(2000));
    dictionaries.extend(b"u.");
    assert!(refused_pickle(&dictionaries, 24).contains("items"));
    // One storage under many names.
    let one = one_tensor(6, 0, &[6], &[1]);
    let tensor = &one[9..one.len() - 2];
    let mut many = b"\x80\x02}X\x01\0\0\0x".to_vec();
    many.extend(tensor);
    many.extend(b"q\0s");
    for index in 0..200u32 {
        many.extend(b"X\x04\0\0\0");
        many.extend(format!("{index:04}").bytes());
        many.extend(b"h\0s");
    }
    many.push(b'.');
    let archive = Archive {
        entries: vec![Entry {
            name: "a/data/0".to_owned(),
            offset: 0,
            length: 24,
            crc: 0,
        }],
    };
    let error = TorchFile::from_pickle(&many, &archive, "a", 2000).unwrap_err();
    assert!(error.to_string().contains("share storages"), "{error}");
}

#[test]
fn every_cut_is_refused() {
    let bytes = &NESTED[1..];
    for length in 0..bytes.len() {
        refused(&bytes[..length]);
    }
    refused(&[bytes, b"x"].concat());
}

#[test]
fn every_flipped_byte_is_refused_or_changes_nothing_that_is_read() {
    let bytes = &NESTED[1..];
    let whole = read(bytes).unwrap();
    let contents = |file: &TorchFile, bytes: &[u8]| -> Vec<(String, Vec<u8>)> {
        let content = |t: &TensorEntry| bytes[t.begin as usize..t.end as usize].to_vec();
        file.tensors
            .iter()
            .map(|t| (t.name.clone(), content(t)))
            .collect()
    };
    let expected = contents(&whole, bytes);
    for index in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[index] ^= 0x41;
        if let Ok(file) = read(&changed) {
            assert_eq!(contents(&file, &changed), expected, "byte {index}");
        }
    }
}

#[test]
fn refuses_a_directory_that_can_be_read_in_two_ways() {
    let bytes = &NESTED[1..];
    let rename = |from: &[u8], to: &[u8]| {
        let mut out = bytes.to_vec();
        for at in 0..out.len() - from.len() {
            if out[at..].starts_with(from) {
                out[at..at + from.len()].copy_from_slice(to);
            }
        }
        out
    };
    let twice = rename(b"archive/data/1", b"archive/data/0");
    assert!(refused(&twice).contains("comes twice"));
    let none = rename(b"archive/data.pkl", b"archive/data.pkx");
    assert!(refused(&none).contains("without a data.pkl"));
}
