use super::*;

const MANIFEST: &str = r#"{"__kind__":"wids-shard-index-v1","wids_version":1,"name":"train",
    "shardlist":[{"url":"train-000000.tar","nsamples":2,"filesize":4096,"sha256":"ab"}],
    "byol":{"format":"byol packed 1","count":2,"bad":0,"classes":["n01","n02"],"listing":"11","digest":"22",
    "reencoding":null}}"#;
const INDEX: &str = "{\"format\":\"byol shard 1\",\"listing\":\"11\",\"reencoding\":null,\"part\":0,\"imagesPerShard\":2,\
    \"images\":2,\"bad\":0,\"bytes\":4096,\"sha256\":\"ab\"}\n\
    1\t512\t100\tdeadbeef\tn02\tn02/a b.JPEG\n0\t1024\t3072\t0000000f\tn01\tn01/\u{e9}\t.png\n";

fn manifest(text: &str) -> Result<Manifest, FormatError> {
    Manifest::read(text.as_bytes(), text.len() as u64)
}

fn rows(index: &str, nsamples: usize) -> Result<Vec<Row>, FormatError> {
    let manifest = manifest(MANIFEST).unwrap();
    let shard = ShardEntry {
        nsamples,
        ..manifest.shardlist[0].clone()
    };
    let length = index.len() as u64;
    manifest.read_index(
        (index.as_bytes(), length),
        &shard,
        &manifest.class_numbers(),
    )
}

#[test]
fn what_was_packed_is_read() {
    assert_eq!(manifest(MANIFEST).unwrap().bytes(), 4096);
    let rows = rows(INDEX, 2).unwrap();
    let expected = Row {
        sample: 0,
        offset: 1024,
        length: 3072,
        crc: 15,
        class: 0,
        name: "n01/\u{e9}\t.png".to_owned(),
    };
    assert_eq!((rows.len(), &rows[1], rows[0].class), (2, &expected, 1));
    assert_eq!(ShardHead::read(INDEX.as_bytes()).unwrap().images, 2);
}

#[test]
fn numbers_that_contradict_the_file_or_each_other_are_refused() {
    for (from, to, reason) in [
        (r#""count":2"#, r#""count":0"#, "no images"),
        (r#""count":2"#, r#""count":3"#, "its 3 images"),
        (
            r#""nsamples":2"#,
            r#""nsamples":1099511627776"#,
            "its 2 images",
        ),
        (r#""nsamples":2"#, r#""nsamples":-1"#, "invalid value"),
        ("\"n02\"]", "\"n01\"]", "2 classes, 1 of them different"),
        ("train-000000.tar", "../x.tar", "names the shard"),
        ("byol packed 1", "byol packed 2", "its format is"),
    ] {
        let error = manifest(&MANIFEST.replace(from, to))
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{to}: {error}");
    }
    // Together the same number, in one shard more than any file has.
    let all = MANIFEST
        .replace(r#""count":2"#, r#""count":18446744073709551615"#)
        .replace(r#""nsamples":2"#, r#""nsamples":18446744073709551615"#);
    assert!(manifest(&all)
        .unwrap_err()
        .to_string()
        .contains("its shards do not hold"));
    let long = Manifest::read(MANIFEST.as_bytes(), 10 << 40).unwrap_err();
    assert!(long.to_string().contains("expected at most"), "{long}");
}

#[test]
fn rows_that_no_shard_holds_are_refused() {
    for (from, to, reason) in [
        ("\t3072\t", "\t3073\t", "it holds the line"),
        ("\t1024\t", "\t18446744073709551615\t", "it holds the line"),
        ("\t100\t", "\t4294967296\t", "it holds the line"),
        ("deadbeef", "deadbeef0", "it holds the line"),
        ("\tn01\t", "\tn03\t", "it holds the line"),
        ("\"ab\"", "\"cd\"", "another packing"),
        ("byol shard 1", "byol shard 2", "its format is"),
        ("{\"format\"", "[\"format\"", "its first line is no head"),
        (
            "0\t1024",
            "0\t1024\t1\t0\tn01\tx\n0\t1024",
            "3 images and not 2",
        ),
    ] {
        let error = rows(&INDEX.replace(from, to), 2).unwrap_err().to_string();
        assert!(error.contains(reason), "{to}: {error}");
    }
    let error = rows(INDEX, 1 << 40).unwrap_err().to_string();
    assert!(
        error.contains("too few for 1099511627776 images"),
        "{error}"
    );
    assert!(rows("", 2).unwrap_err().to_string().contains("no head"));
}

#[test]
fn a_line_without_end_is_not_held() {
    let (head, _) = INDEX.split_once('\n').unwrap();
    let endless = format!("{head}\n{}", "0".repeat(1 << 20));
    let error = rows(&endless, 2).unwrap_err().to_string();
    assert!(error.contains("a line of more than 65536 bytes"), "{error}");
    assert!(ShardHead::read("0".repeat(1 << 20).as_bytes()).is_err());
}
