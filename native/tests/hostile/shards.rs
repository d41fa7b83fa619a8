//! Packed shards that somebody damaged: before they are opened, or while they are read.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use byol::abi;

use crate::core::{call, close, Kept, Outcome};
use crate::files::Folder;
use crate::forms::{Tally, DEMO, VIEW};
use crate::memory::peak_of;
use crate::mutate::Random;
use crate::one_at_a_time;

// The fuzzer's way of reading a manifest or an index.
#[path = "../../fuzz/src/shards.rs"]
mod target;

const SEEDS: [&[u8]; 4] = [
    include_bytes!("../../fuzz/seeds/shards/manifest"),
    include_bytes!("../../fuzz/seeds/shards/manifest-huge"),
    include_bytes!("../../fuzz/seeds/shards/index"),
    include_bytes!("../../fuzz/seeds/shards/index-huge"),
];
/// Time for which each seed of the fuzzer is mutated at most.
const SECONDS_A_SEED: u64 = 4;
/// Images that are packed.
const IMAGES: usize = 4;

/// An image of 12 × 10 pixels.
fn png(seed: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 12, 10);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = (0..360).map(|i| seed.wrapping_add(i as u8)).collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Packs two classes of images, two images a shard.
pub fn pack(folder: &Folder) {
    for image in 0..IMAGES {
        let name = format!("photos/n0{}/{image}.png", image % 2);
        folder.write(&name, &png(40 * image as u8));
    }
    let job = serde_json::json!({
        "kind": "pack", "directory": folder.0.join("photos"), "cache": null, "out": folder.0.join("packed"),
        "name": "train", "imagesPerShard": 2, "reencoding": null, "workers": 1, "mostBad": 0.0,
    });
    let packed = result_of(&job.to_string());
    assert!(packed.is_ok(), "{}", packed.message);
}

/// Runs a job that tells of its work.
pub fn result_of(job: &str) -> Outcome {
    let job = Kept::new(job, abi::files::byol_data_job_start);
    let mut text = [0; 1024];
    text[..4].copy_from_slice(&1024u32.to_le_bytes());
    call(b"", |_, error| unsafe {
        abi::files::byol_data_job_result(job.0, text.as_mut_ptr(), error)
    })
}

/// Opens a manifest as a data set, makes views of all its images, and closes it. `opened` runs before the views.
pub fn read_all(manifest: &str, opened: impl FnOnce()) -> Outcome {
    let job = serde_json::json!({ "kind": "open", "manifest": manifest }).to_string();
    let job = Kept::new(&job, abi::files::byol_data_job_start);
    let demo = r#"{"kind":"demo","train":true,"count":8}"#;
    let options = DEMO.replace(demo, r#"{"kind":"photos","mostBad":0.5,"ahead":0}"#);
    let mut dataset = 0;
    let outcome = call(options.as_bytes(), |options, error| unsafe {
        abi::dataset::byol_dataset_open(options, job.0, &mut dataset, error)
    });
    if !outcome.is_ok() {
        return outcome;
    }
    opened();
    let recipes = format!(r#"{{"batchSize":{IMAGES},"view1":{VIEW},"view2":{VIEW}}}"#);
    let set = call(recipes.as_bytes(), |text, error| unsafe {
        abi::dataset::byol_dataset_set_recipes(dataset, text, error)
    });
    let made = match set.is_ok() {
        true => call(b"", |_, error| unsafe {
            abi::dataset::byol_dataset_make_views(dataset, 1, 0, 0, error)
        }),
        false => set,
    };
    close(dataset);
    made
}

/// A shard is cut before or after it was opened; a manifest and an index are damaged before. Each is also verified or
/// staged.
pub fn packed_shards(times: usize) -> Tally {
    let (folder, mut random, mut tally) = (Folder::new("shards"), Random(8), Tally::default());
    pack(&folder);
    let packed = folder.0.join("packed");
    let manifest = packed.join("train.json").to_str().unwrap().to_owned();
    let names = ["train.json", "train-000000.idx", "train-000001.tar"];
    let files = names.map(|name| fs::read(packed.join(name)).unwrap());
    let staged = folder.0.join("staged");
    for round in 0..times {
        let which = round % names.len();
        let path = packed.join(names[which]);
        let other = &files[(which + 1) % names.len()];
        let bytes = random.mutate(&files[which], other);
        let late = which == 2 && random.below(2) == 0;
        if !late {
            fs::write(&path, &bytes).unwrap();
        }
        let cut = random.below(files[which].len()) as u64;
        let (outcome, peak) = peak_of(|| match random.below(6) {
            0 => result_of(
                &serde_json::json!({ "kind": "verify", "manifest": manifest }).to_string(),
            ),
            1 => result_of(
                &serde_json::json!({ "kind": "stage", "manifest": manifest, "target": staged })
                    .to_string(),
            ),
            _ => read_all(&manifest, || {
                if late {
                    let file = File::options().write(true).open(&path).unwrap();
                    file.set_len(cut).unwrap();
                }
            }),
        });
        // Copies and checksums are made in pieces of 4 MiB.
        tally.check(&outcome, peak, (6 << 20) + 8 * bytes.len());
        fs::write(&path, &files[which]).unwrap();
        if parts_below(&staged) > 0 {
            tally.fail("a part of a copy is left".to_owned());
        }
        let _ = fs::remove_dir_all(&staged);
    }
    tally
}

fn parts_below(folder: &std::path::Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| match path.is_dir() {
            true => parts_below(&path),
            false => usize::from(path.extension().is_some_and(|end| end == "part")),
        })
        .sum()
}

/// As they are, and mutated 2,500 times each, as far as the time allows.
#[test]
fn the_fuzzers_seeds_of_packed_shards_are_read_or_refused() {
    let _alone = one_at_a_time();
    let mut random = Random(9);
    for (index, seed) in SEEDS.iter().enumerate() {
        target::read_shards(seed);
        let (began, other) = (Instant::now(), SEEDS[(index + 1) % SEEDS.len()]);
        for _ in 0..2_500 {
            let bytes = random.mutate(seed, other);
            let (_, peak) = peak_of(|| target::read_shards(&bytes));
            assert!(
                peak < 200_000 + 40 * bytes.len(),
                "{peak} bytes are held for {bytes:?}"
            );
            if began.elapsed() > Duration::from_secs(SECONDS_A_SEED) {
                break;
            }
        }
    }
}

/// Numbers that no file backs; the first ended the process.
#[test]
fn numbers_of_packed_shards_take_no_memory() {
    let _alone = one_at_a_time();
    let folder = Folder::new("numbers");
    pack(&folder);
    let packed = folder.0.join("packed");
    let manifest = packed.join("train.json");
    let (path, text) = (
        manifest.to_str().unwrap(),
        fs::read_to_string(&manifest).unwrap(),
    );
    let sound = read_all(path, || {});
    assert!(sound.is_ok(), "{}", sound.message);
    let huge = (1u64 << 40).to_string();
    let both = |shard: &str, count: &str| {
        let first = text.replacen(r#""nsamples": 2"#, &format!(r#""nsamples": {shard}"#), 1);
        first.replacen(r#""count": 4"#, &format!(r#""count": {count}"#), 1)
    };
    let none = text.replace(r#""nsamples": 2"#, r#""nsamples": 0"#);
    for (changed, reason) in [
        (both(&huge, "4"), "its shards do not hold its 4 images"),
        (
            both(&huge, &((1u64 << 40) + 2).to_string()),
            "its shards do not hold its",
        ),
        (
            both("4294967290", "4294967292"),
            "too few for 4294967290 images",
        ),
        (
            none.replace(r#""count": 4"#, r#""count": 0"#),
            "it holds no images",
        ),
    ] {
        fs::write(&manifest, changed).unwrap();
        let (outcome, peak) = peak_of(|| read_all(path, || {}));
        assert!(outcome.is_allowed() && !outcome.is_ok());
        assert!(outcome.message.contains(reason), "{}", outcome.message);
        assert!(peak < 1 << 20, "{peak} bytes");
    }
    // Files of terabytes that hold nothing.
    fs::write(&manifest, &text).unwrap();
    for (name, reason) in [
        ("train.json", "expected at most"),
        (
            "train-000000.idx",
            "it holds a line of more than 65536 bytes",
        ),
        ("train-000000.tar", "bytes and not"),
    ] {
        let path_of = packed.join(name);
        let bytes = fs::read(&path_of).unwrap();
        let file = File::options().write(true).open(&path_of).unwrap();
        file.set_len(10 << 40).unwrap();
        let (outcome, peak) = peak_of(|| read_all(path, || {}));
        assert!(outcome.is_allowed() && !outcome.is_ok());
        assert!(
            outcome.message.contains(reason),
            "{name}: {}",
            outcome.message
        );
        assert!(peak < 1 << 20, "{name}: {peak} bytes");
        fs::write(&path_of, bytes).unwrap();
    }
}

/// A page beyond the end of a mapped file ended the process (SIGBUS).
#[test]
fn a_shard_that_is_cut_while_it_is_read_costs_its_images() {
    let _alone = one_at_a_time();
    let folder = Folder::new("cut");
    pack(&folder);
    let packed = folder.0.join("packed");
    let manifest = packed.join("train.json").to_str().unwrap().to_owned();
    let cut = |names: &[&str]| {
        for name in names {
            let file = File::options().write(true).open(packed.join(name)).unwrap();
            file.set_len(0).unwrap();
        }
    };
    let one = read_all(&manifest, || cut(&["train-000000.tar"]));
    assert!(one.is_ok(), "{}", one.message);
    fs::remove_dir_all(&packed).unwrap();
    pack(&folder);
    let both = read_all(&manifest, || cut(&["train-000000.tar", "train-000001.tar"]));
    assert!(both.is_allowed() && !both.is_ok());
    let reason = "images cannot be used, expected at most the share --max_bad_fraction=0.5";
    assert!(both.message.contains(reason), "{}", both.message);
    assert!(
        both.message.contains("its shard is too short"),
        "{}",
        both.message
    );
}
