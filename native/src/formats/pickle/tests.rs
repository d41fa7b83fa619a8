use super::*;

/// The opcodes of a batch as Python 2.7 and the numpy of 2009 wrote it: `str` as SHORT_BINSTRING, the
/// array's content as BINSTRING, protocol 2, the memo counted from 1.
pub(crate) fn python2_batch(images: &[u8], labels: &[u8]) -> Vec<u8> {
    python2_lists(images, &[(b"labels", labels)])
}

/// A file of CIFAR-100: two lists of labels.
pub(crate) fn python2_batch_100(images: &[u8], fine: &[u8], coarse: &[u8]) -> Vec<u8> {
    python2_lists(
        images,
        &[(b"coarse_labels", coarse), (b"fine_labels", fine)],
    )
}

fn python2_lists(images: &[u8], lists: &[(&[u8], &[u8])]) -> Vec<u8> {
    let labels = lists[0].1;
    let mut out = Python2::new();
    out.raw(b"}").put().raw(b"(");
    out.text(b"batch_label")
        .put()
        .text(b"training batch 1 of 5")
        .put();
    for (key, labels) in lists {
        out.text(key).put().raw(b"]").put().raw(b"(");
        for label in *labels {
            out.raw(&[b'K', *label]);
        }
        out.raw(b"e");
    }
    out.text(b"data").put();
    out.raw(b"cnumpy.core.multiarray\n_reconstruct\n").put();
    out.raw(b"cnumpy\nndarray\n").put();
    out.raw(b"K\0\x85").text(b"b").raw(b"\x87R").put();
    out.raw(b"(K\x01M")
        .raw(&(labels.len() as u16).to_le_bytes())
        .raw(b"M\0\x0c\x86");
    out.raw(b"cnumpy\ndtype\n")
        .put()
        .text(b"u1")
        .raw(b"K\0K\x01\x87R")
        .put();
    out.raw(b"(K\x03")
        .text(b"|")
        .raw(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89");
    out.raw(b"T")
        .raw(&(images.len() as u32).to_le_bytes())
        .raw(images)
        .raw(b"tb");
    out.text(b"filenames").put().raw(b"]").put().raw(b"(");
    for index in 0..labels.len() {
        out.text(format!("image_s_{index:06}.png").as_bytes()).put();
    }
    out.raw(b"eu.");
    out.bytes
}

struct Python2 {
    bytes: Vec<u8>,
    memo: u32,
}

impl Python2 {
    fn new() -> Self {
        Self {
            bytes: b"\x80\x02".to_vec(),
            memo: 0,
        }
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn text(&mut self, text: &[u8]) -> &mut Self {
        self.raw(&[b'U', text.len() as u8]).raw(text)
    }

    fn put(&mut self) -> &mut Self {
        self.memo += 1;
        match u8::try_from(self.memo) {
            Ok(index) => self.raw(&[b'q', index]),
            Err(_) => {
                let index = self.memo.to_le_bytes();
                self.raw(b"r").raw(&index)
            }
        }
    }
}

/// splitmix64: enough for choosing mutations.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    /// A copy with one to four changes: a byte set, a bit flipped, a piece removed, repeated or cut off.
    /// Every other change falls into the first 512 bytes, where the structure is.
    pub(crate) fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let range = if self.below(2) == 0 {
                out.len().min(512)
            } else {
                out.len()
            };
            if range == 0 {
                return out;
            }
            let at = self.below(range);
            let end = (at + 1 + self.below(16)).min(out.len());
            match self.below(6) {
                0 | 1 => out[at] = self.below(256) as u8,
                2 => out[at] ^= 1 << self.below(8),
                3 => drop(out.drain(at..end)),
                4 => {
                    let piece = out[at..end].to_vec();
                    out.splice(at..at, piece);
                }
                _ if self.below(4) == 0 => out.truncate(at),
                _ => out[at] = [0, 0xff, b'(', b'.', b'R', b'b'][self.below(6)],
            }
        }
        out
    }
}

/// Key and number of CIFAR-10's labels.
const TEN: (&[u8], usize) = (b"labels", 10);

fn images(count: usize) -> Vec<u8> {
    (0..count * VALUES_PER_IMAGE)
        .map(|i| ((31 * i + i / 256) % 256) as u8)
        .collect()
}

fn reason(input: &[u8]) -> String {
    match parse_batch(input, 2, TEN) {
        Err(ParseError::Malformed(message)) => message,
        Err(ParseError::Truncated(message)) => panic!("truncated: {message}"),
        Ok(_) => panic!("a hostile pickle was read"),
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn good() -> Vec<u8> {
    python2_batch(&images(2), &[3, 9])
}

#[test]
fn reads_the_shape_python2_wrote_without_copying() {
    let bytes = good();
    let batch = parse_batch(&bytes, 2, TEN).unwrap();
    assert!(matches!(batch.images, Cow::Borrowed(_)));
    assert!(batch.images == images(2), "other images");
    assert_eq!(batch.labels, [3, 9]);
}

#[test]
fn reads_many_file_names_with_long_memo_numbers() {
    let labels: Vec<u8> = (0..300).map(|n| (n % 10) as u8).collect();
    let bytes = python2_batch(&images(300), &labels);
    assert_eq!(parse_batch(&bytes, 300, TEN).unwrap().labels, labels);
}

#[test]
fn reads_what_python3_writes() {
    let fixtures: [&[u8]; 4] = [
        include_bytes!("../../../../tests/fixtures/cifar_python3_protocol2.pickle"),
        include_bytes!("../../../../tests/fixtures/cifar_python3_protocol3.pickle"),
        include_bytes!("../../../../tests/fixtures/cifar_python3_protocol4.pickle"),
        include_bytes!("../../../../tests/fixtures/cifar_python3_numpy1_protocol4.pickle"),
    ];
    for bytes in fixtures {
        let batch = parse_batch(bytes, 4, TEN).unwrap();
        assert!(batch.images == images(4), "other images");
        assert_eq!(batch.labels, [3, 0, 9, 7]);
    }
}

#[test]
fn every_prefix_is_truncated() {
    let bytes = good();
    for length in 0..bytes.len() {
        let error = parse_batch(&bytes[..length], 2, TEN).unwrap_err();
        assert!(
            matches!(error, ParseError::Truncated(_)),
            "{length}: {error}"
        );
    }
}

#[test]
fn refuses_other_opcodes_by_name() {
    assert!(reason(b"\x80\x02I5\n.").contains("INT (0x49)"));
    assert!(reason(b"\x80\x02}2.").contains("DUP (0x32)"));
    assert!(reason(b"\x80\x02(ios\nsystem\n.").contains("INST (0x69)"));
    assert!(reason(b"\x80\x02)\x81.").contains("NEWOBJ (0x81)"));
    assert!(reason(b"\x80\x02\xfe").contains("UNKNOWN (0xfe)"));
    assert!(reason(b"\x80\x05}.").contains("protocol 5"));
    assert!(reason(b"(dp0\n.").contains("PROTO"));
}

#[test]
fn refuses_other_globals_by_name() {
    assert!(reason(b"\x80\x02cos\nsystem\nU\x02id\x85R.").contains("'os.system'"));
    assert!(reason(b"\x80\x02cnumpy\nload\n.").contains("'numpy.load'"));
    assert!(reason(b"\x80\x04\x8c\x05posix\x8c\x06system\x93.").contains("'posix.system'"));
    let long = [b"\x80\x02c".as_slice(), &[b'a'; 1000]].concat();
    assert!(reason(&long).contains("too long"));
}

#[test]
fn refuses_calls_with_other_arguments() {
    assert!(
        reason(b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x03\0\0\0hex\x86R.").contains("arguments")
    );
    assert!(
        reason(b"\x80\x02c_codecs\nencode\nX\x03\0\0\0\xe2\x82\xacX\x06\0\0\0latin1\x86R.")
            .contains("above 255")
    );
    assert!(reason(&replaced(&good(), b"U\x02u1", b"U\x02O8")).contains("uint8"));
}

#[test]
fn refuses_lengths_no_batch_can_have() {
    assert!(reason(b"\x80\x02T\xff\xff\xff\xff").contains("4294967295 bytes"));
    assert!(reason(b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f").contains("9223372036854775807"));
}

#[test]
fn refuses_bombs_of_marks_containers_and_memo() {
    let bomb = |piece: &[u8]| reason(&[b"\x80\x02".as_slice(), &piece.repeat(1_000_000)].concat());
    assert!(bomb(b"(").contains("16 levels"));
    assert!(bomb(b"]").contains("68 containers"));
    assert!(bomb(b")\x85").contains("68 containers"));
    assert!(bomb(b"N").contains("4128 opcodes"));
    let mut puts = b"\x80\x02N".to_vec();
    for index in 0..1_000_000_u32 {
        puts.push(b'r');
        puts.extend_from_slice(&(u32::MAX - index).to_le_bytes());
    }
    assert!(reason(&puts).contains("264 memo entries"));
}

#[test]
fn refuses_stacks_that_do_not_add_up() {
    for program in [
        b"\x80\x02R.".as_slice(),
        b"\x80\x02b.",
        b"\x80\x02t.",
        b"\x80\x02.",
        b"\x80\x02}(a.",
    ] {
        assert!(reason(program).contains("stack"), "{program:?}");
    }
    assert!(reason(b"\x80\x02h\x07.").contains("memo entry 7"));
    assert!(reason(b"\x80\x02NN.").contains("left over"));
    assert!(reason(b"\x80\x02}(Nu.").contains("no value"));
    assert!(reason(&[good(), vec![0]].concat()).contains("1 bytes follow"));
}

#[test]
fn refuses_dictionaries_of_another_shape() {
    assert!(reason(b"\x80\x02}.").contains("'data' is missing"));
    assert!(reason(b"\x80\x02].").contains("a dictionary"));
    assert!(reason(&replaced(&good(), b"batch_label", b"batch_lapel")).contains("'batch_lapel'"));
    assert!(reason(b"\x80\x02}(U\x06labels]U\x06labels]u.").contains("twice"));
    // A list that holds itself is harmless: nothing here recurses.
    assert!(reason(b"\x80\x02]q\0h\0a}U\x06labelsh\0s.").contains("left over"));
}

#[test]
fn refuses_labels_that_are_not_classes() {
    assert!(reason(&python2_batch(&images(2), &[3, 10])).contains("label of image 1 is 10"));
    let negative = replaced(&good(), b"K\x03K\x09e", b"J\xff\xff\xff\xffK\x09e");
    assert!(reason(&negative).contains("label of image 0 is -1"));
    assert!(reason(&replaced(&good(), b"K\x03K\x09e", b"K\x09e")).contains("1 labels, expected 2"));
    assert!(reason(&replaced(&good(), b"K\x03K\x09e", b"NK\x09e")).contains("not an integer"));
}

#[test]
fn refuses_arrays_of_another_shape_order_or_size() {
    assert!(reason(&replaced(&good(), b"M\x02\0M", b"M\x03\0M")).contains("shape (3, 3072)"));
    assert!(reason(&replaced(&good(), b"M\0\x0c\x86", b"M\0\x06\x86")).contains("shape (2, 1536)"));
    assert!(reason(&replaced(&good(), b"\x89T", b"\x88T")).contains("C-ordered"));
    assert!(reason(&python2_batch(&images(1), &[1, 2])).contains("an array of 3072 bytes"));
    let unbuilt = replaced(&good(), b"K\0tb\x89", b"K\0ta\x89");
    assert!(reason(&unbuilt).contains("not a list"));
}

#[test]
fn reads_class_names() {
    let mut meta = b"\x80\x02}(U\x0blabel_names](".to_vec();
    for name in ["airplane", "truck"] {
        meta.extend_from_slice(&[b'U', name.len() as u8]);
        meta.extend_from_slice(name.as_bytes());
    }
    meta.extend_from_slice(b"eU\x13num_cases_per_batchM\x10'U\x07num_visM\0\x0cu.");
    assert_eq!(
        parse_class_names(&meta, b"label_names").unwrap(),
        ["airplane", "truck"]
    );
    assert!(parse_class_names(b"\x80\x02}U\x04evilNs.", b"label_names").is_err());
    assert!(parse_class_names(b"\x80\x02}.", b"label_names").is_err());
}

#[test]
fn mutations_give_errors_or_batches_and_never_a_panic() {
    let sources = [
        good(),
        include_bytes!("../../../../tests/fixtures/cifar_python3_protocol2.pickle").to_vec(),
        include_bytes!("../../../../tests/fixtures/cifar_python3_protocol4.pickle").to_vec(),
    ];
    let mut random = Random(1);
    let mut refused = 0;
    for round in 0..6_000 {
        let which = round % sources.len();
        let count = if which == 0 { 2 } else { 4 };
        match parse_batch(&random.mutate(&sources[which]), count, TEN) {
            Ok(batch) => assert_eq!(batch.images.len(), batch.labels.len() * VALUES_PER_IMAGE),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 2_000, "only {refused} of 6000 were refused");
}
