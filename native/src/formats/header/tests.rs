use super::*;

fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 7);
    bytes
}

fn read(bytes: &[u8]) -> Result<Header, FormatError> {
    Header::read(bytes, bytes.len() as u64)
}

fn refusal(header: &str, data: usize) -> String {
    read(&file(header, data)).unwrap_err().to_string()
}

fn tensor(name: &str, shape: &str, begin: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
}

fn two(second: &str) -> String {
    format!("{{{},{second}}}", tensor("a", "[2,1]", 0, 8))
}

#[test]
fn tensors_are_sorted_by_name_and_found_where_they_are() {
    let b = tensor("b", "[]", 8, 12);
    let header = format!(
        r#"{{{b},"__metadata__":{{"byol":"{{}}","format":"pt"}},{},{}}}  "#,
        tensor("c", "[0,3]", 12, 12),
        tensor("a", "[2,1]", 0, 8)
    );
    let read = read(&file(&header, 12)).unwrap();
    let shown: Vec<_> = read
        .tensors
        .iter()
        .map(|tensor| {
            (
                tensor.name.as_str(),
                tensor.shape.as_slice(),
                tensor.length(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("a", [2, 1].as_slice(), 8),
            ("b", &[], 4),
            ("c", &[0, 3], 0)
        ]
    );
    assert_eq!(
        read.offset_of(&read.tensors[1]),
        8 + header.len() as u64 + 8
    );
    assert_eq!((read.text("byol"), read.text("other")), (Some("{}"), None));
}

#[test]
fn what_the_library_writes_is_read() {
    let data = [1u8; 24];
    let view = |shape: &[usize], bytes| {
        safetensors::tensor::TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap()
    };
    let views = [
        ("x", view(&[2, 2], &data[..16])),
        ("y", view(&[2], &data[16..])),
    ];
    let bytes = safetensors::serialize(views, None).unwrap();
    assert_eq!(read(&bytes).unwrap().tensors.len(), 2);
}

#[test]
fn overlaps_holes_and_places_outside_are_refused() {
    let overlap = refusal(&two(&tensor("b", "[2]", 4, 12)), 12);
    assert!(
        overlap.contains("the tensor b overlaps another at byte 4"),
        "{overlap}"
    );
    let same = refusal(&two(&tensor("b", "[2]", 0, 8)), 8);
    assert!(same.contains("overlaps another at byte 0"), "{same}");
    let hole = refusal(&two(&tensor("b", "[1]", 12, 16)), 16);
    assert!(
        hole.contains("the tensor b follows a hole at byte 12"),
        "{hole}"
    );
    let tail = refusal(&two(&tensor("b", "[1]", 8, 12)), 16);
    assert!(tail.contains("have 12 bytes, expected 16"), "{tail}");
    for (begin, end) in [(8, 16), (8, u64::MAX), (12, 8), (u64::MAX, u64::MAX)] {
        let outside = refusal(&two(&tensor("b", "[1]", begin, end)), 12);
        assert!(outside.contains("of 12 bytes"), "{outside}");
    }
}

#[test]
fn a_shape_that_takes_other_bytes_or_overflows_is_refused() {
    for shape in [
        "[2]",
        "[4294967296,4294967296,4294967296]",
        "[9223372036854775808]",
        "[18446744073709551615,0,2]",
        // 2^62 · 4 bytes wrap around to 0.
        "[4611686018427387904,4]",
    ] {
        let message = refusal(&two(&tensor("b", shape, 8, 12)), 12);
        assert!(
            message.contains("the tensor b has 4 bytes"),
            "{shape}: {message}"
        );
    }
    for (shape, wanted) in [
        ("[1,1,1,1,1,1,1,1,1]", "at most 8 sides"),
        ("[-1]", "invalid value"),
        ("[1e3]", "invalid type"),
        ("[99999999999999999999]", "invalid"),
    ] {
        let message = refusal(&two(&tensor("b", shape, 8, 12)), 12);
        assert!(message.contains(wanted), "{shape}: {message}");
    }
    let halves = r#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}"#;
    assert!(refusal(halves, 1).contains("not what F4 of shape [3] takes"));
}

#[test]
fn what_comes_twice_is_refused() {
    let twice = refusal(&two(&tensor("a", "[2,1]", 0, 8)), 8);
    assert!(twice.contains("the tensor a comes twice"), "{twice}");
    // Tensors without bytes overlap nothing.
    let empty = refusal(&two(&format!("{0},{0}", tensor("e", "[0]", 8, 8))), 8);
    assert!(empty.contains("the tensor e comes twice"), "{empty}");
    let field = r#"{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#;
    assert!(refusal(field, 0).contains("duplicate field `dtype`"));
    let reserved = r#"{"__metadata__":{},"__metadata__":{}}"#;
    assert!(refusal(reserved, 0).contains("__metadata__ comes twice"));
    let text = r#"{"__metadata__":{"byol":"1","byol":"2"}}"#;
    assert!(refusal(text, 0).contains("byol twice"));
}

#[test]
fn a_header_that_is_none_is_refused() {
    let deep = format!("{{\"a\":{}", "[".repeat(1 << 20));
    for header in [
        "",
        "[]",
        " {}",
        "{",
        "{}x",
        "{\"a\":1}",
        "{\"a\":{}}",
        r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"more":1}}"#,
        r#"{"a":{"dtype":"F31","shape":[0],"data_offsets":[0,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0,0]}}"#,
        r#"{"__metadata__":{"byol":{}}}"#,
        r#"{"__metadata__":[]}"#,
        deep.as_str(),
    ] {
        let message = refusal(header, 0);
        assert!(message.contains("its header"), "{header:.40}: {message}");
    }
    let mut bytes = file("{\"a\"}", 0);
    bytes[9] = 0xff;
    assert!(read(&bytes).is_err());
    let long = tensor(&"n".repeat(513), "[0]", 0, 0);
    assert!(refusal(&format!("{{{long}}}"), 0).contains("a name of more than 512 bytes"));
}

#[test]
fn more_tensors_than_any_network_has_are_refused() {
    let many: Vec<_> = (0..=MAX_TENSORS)
        .map(|index| tensor(&index.to_string(), "[0]", 0, 0))
        .collect();
    assert!(refusal(&format!("{{{}}}", many.join(",")), 0).contains("more than 65536 tensors"));
    let fits = format!("{{{}}}", many[1..].join(","));
    assert_eq!(read(&file(&fits, 0)).unwrap().tensors.len(), MAX_TENSORS);
}

#[test]
fn a_length_is_believed_only_as_far_as_the_file_goes() {
    for length in 0..8 {
        assert!(read(&[0; 8][..length])
            .unwrap_err()
            .to_string()
            .contains("damaged"));
    }
    let whole = file(&two(&tensor("b", "[1]", 8, 12)), 12);
    for length in 8..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length}");
    }
    for (said, file_length) in [
        (u64::MAX, 100),
        (93, 100),
        (MAX_HEADER_BYTES + 1, 10 << 30),
        (2, MAX_FILE_BYTES + 1),
    ] {
        let mut bytes = said.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{}");
        let message = Header::read(bytes.as_slice(), file_length)
            .unwrap_err()
            .to_string();
        assert!(message.contains("expected at most"), "{message}");
    }
    // A file that ends before its length says so: cut while it is read.
    let mut bytes = 1000u64.to_le_bytes().to_vec();
    bytes.extend_from_slice(b"{}");
    let message = Header::read(bytes.as_slice(), 2000)
        .unwrap_err()
        .to_string();
    assert!(message.contains("ends too early"), "{message}");
}
