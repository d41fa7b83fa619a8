//! Files and options that somebody damaged, through the functions that the program calls: errors only, and memory only
//! for what is there. `deno task bench endurance --only=mutations` runs the same with BYOL_MUTATIONS=100000.

#![allow(clippy::unwrap_used, clippy::too_many_lines)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard};

use byol::abi;
// For the fuzzer's sources.
use byol::formats;

use crate::core::{call, close, create, describe, live_handles, open_demo, Kept, Outcome};
use crate::files::{checkpoint, gzip, tar, Folder};
use crate::forms::{Tally, DEMO, FORMS, LEARNER, LINEAR, VIEW};
use crate::memory::{live, peak_of, resident};

mod core;
mod files;
mod forms;
mod json;
mod memory;
mod mutate;
mod refused;
mod shards;

/// Memory is counted for the process as a whole: one test at a time.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Bytes that may be held at the end of a form beyond what was before: a few tables of the libraries.
const MAX_LEFT: usize = 100_000;

/// The same where datasets were opened: what the queues of their ended threads leave is freed late, and does not grow
/// with the number of datasets (1.12 MB after 360 runs, 1.08 MB after 1080).
const MAX_LEFT_BY_THREADS: usize = 2 << 20;

/// Bytes that are held beyond `held`, once the threads of closed datasets are gone: they end by themselves.
fn settled(held: usize, most: usize) -> usize {
    for _ in 0..300 {
        if live().saturating_sub(held) <= most {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    live().saturating_sub(held)
}

#[test]
fn damaged_files_and_options_give_errors_only() {
    let _alone = one_at_a_time();
    let total: usize = std::env::var("BYOL_MUTATIONS").map_or(3_000, |text| text.parse().unwrap());
    let mut rows = String::new();
    let mut failures = Vec::new();
    for (name, share, form) in FORMS {
        // What is made once and kept, such as the threads that all datasets share, is not a leak: the same damage again
        // must leave nothing.
        form((total * share / 100).min(500));
        let (handles, held, before) = (live_handles(), live(), resident());
        let mut tally: Tally = form(total * share / 100);
        let opens_datasets = ["options as JSON", "packed shards"].contains(&name);
        let most = if opens_datasets {
            MAX_LEFT_BY_THREADS
        } else {
            MAX_LEFT
        };
        let left = settled(held, most);
        let grown = resident().saturating_sub(before);
        if live_handles() != handles {
            tally
                .failures
                .push(format!("{} handles are left", live_handles()));
        }
        if left > most {
            tally.failures.push(format!("{left} bytes are left"));
        }
        if grown > 64 << 20 {
            tally
                .failures
                .push(format!("the process has grown by {grown} bytes"));
        }
        let row = serde_json::json!({
            "form": name, "times": tally.runs, "accepted": tally.accepted, "peakBytes": tally.peak,
            "leftBytes": left, "grownBytes": grown, "failures": tally.failures,
        });
        writeln!(rows, "{row}").unwrap();
        // Damage that is never noticed, or always: then the files were not what they should be.
        assert!(tally.accepted < tally.runs, "{name}: nothing was refused");
        failures.extend(
            tally
                .failures
                .into_iter()
                .map(|what| format!("{name}: {what}")),
        );
    }
    print!("{rows}");
    if let Ok(path) = std::env::var("BYOL_MUTATION_ROWS") {
        fs::write(path, rows).unwrap();
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_sparse_file_of_terabytes_takes_no_memory() {
    let _alone = one_at_a_time();
    let folder = Folder::new("sparse");
    let path = folder.write("checkpoint.safetensors", b"");
    let file = File::options().write(true).open(&path).unwrap();
    let length: u64 = 10 << 40;
    file.set_len(length).unwrap();
    let header = format!(
        r#"{{"a":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}}"#,
        length - 8 - 100
    );
    let start = checkpoint(&format!("{header:100}"), 0);
    for bytes in [
        start,
        u64::MAX.to_le_bytes().to_vec(),
        (100u64 << 20).to_le_bytes().to_vec(),
    ] {
        file.write_all_at(&bytes, 0).unwrap();
        let (outcome, peak) = peak_of(|| describe(&path));
        assert!(outcome.is_allowed() && !outcome.is_ok());
        assert!(
            outcome.message.contains("expected at most"),
            "{}",
            outcome.message
        );
        assert!(peak < 200_000, "{peak} bytes");
    }
    // CIFAR-10's files have their sizes; what is longer is not read to its end, nor hashed.
    for name in [
        "test_batch.bin",
        "batches.meta.txt",
        "cifar-10-binary.tar.gz",
    ] {
        let path = folder.write(name, b"");
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(length).unwrap();
    }
    for (name, limit) in [("", 32 << 20), ("cifar-10-binary.tar.gz", 1 << 20)] {
        let (outcome, peak) = peak_of(|| open_cifar(&folder, name));
        assert!(outcome.is_allowed() && !outcome.is_ok());
        assert!(outcome.message.contains("bytes"), "{}", outcome.message);
        assert!(peak < limit, "{name}: {peak} bytes");
    }
}

/// The exported functions on the test images of a folder or of an archive in it.
fn open_cifar(folder: &Folder, name: &str) -> Outcome {
    let path = folder.0.join(name);
    let reading = format!(
        r#"{{"kind":"read","name":"cifar10","directory":{:?},"train":false,"allowUnverified":true}}"#,
        path.to_str().unwrap()
    );
    let job = Kept::new(&reading, abi::files::byol_data_job_start);
    let source = r#"{"kind":"demo","train":true,"count":8}"#;
    let options = DEMO.replace(source, r#"{"kind":"read"}"#);
    let mut handle = 0;
    let outcome = call(options.as_bytes(), |options, error| unsafe {
        abi::dataset::byol_dataset_open(options, job.0, &mut handle, error)
    });
    if outcome.is_ok() {
        close(handle);
    }
    outcome
}

#[test]
fn an_archive_that_unpacks_without_end_takes_no_memory() {
    let _alone = one_at_a_time();
    let folder = Folder::new("bomb");
    let zeros = gzip(&vec![0; 50 << 20]);
    let batch = gzip(&tar(false, &vec![0; 50 << 20]));
    for bytes in [zeros, batch] {
        folder.write("cifar-10-binary.tar.gz", &bytes);
        let (outcome, peak) = peak_of(|| open_cifar(&folder, ""));
        assert!(outcome.is_allowed() && !outcome.is_ok());
        assert!(
            peak < 1 << 20,
            "{peak} bytes for {}: {}",
            bytes.len(),
            outcome.message
        );
    }
}

#[test]
fn what_is_not_a_plain_file_is_refused_at_once() {
    let folder = Folder::new("pipe");
    let pipe = folder.0.join("pipe.safetensors");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [
        pipe.to_str().unwrap(),
        "/dev/zero",
        folder.0.to_str().unwrap(),
    ] {
        let outcome = describe(path);
        assert!(
            outcome.message.contains("not a plain file"),
            "{}",
            outcome.message
        );
    }
    assert!(!describe("/nowhere\0/x").is_ok());
}

#[test]
fn a_file_whose_tensors_stand_for_the_same_one_is_not_loaded() {
    let _alone = one_at_a_time();
    let folder = Folder::new("same");
    let learner = Kept::new(LEARNER, abi::learner::byol_learner_create);
    let tensor = |name: &str, at: u64| {
        format!(
            r#""{name}":{{"dtype":"F32","shape":[1],"data_offsets":[{at},{}]}}"#,
            at + 4
        )
    };
    let header = format!(
        "{{{},{}}}",
        tensor("conv1.weight", 0),
        tensor("online.encoder.conv1.weight", 4)
    );
    let path = folder.write("two.safetensors", &checkpoint(&header, 8));
    let options = format!(r#"{{"path":{path:?},"encoderOnly":true}}"#);
    let outcome = call(options.as_bytes(), |text, error| unsafe {
        abi::learner::byol_learner_load(learner.0, text, error)
    });
    // The one with the prefix is the encoder's; the other then belongs to nothing.
    assert!(!outcome.is_ok());
    let wanted = "unexpected: conv1.weight";
    assert!(outcome.message.contains(wanted), "{}", outcome.message);
}

#[test]
fn absurd_sizes_are_refused_before_memory_is_taken() {
    let _alone = one_at_a_time();
    let huge = [
        "-1",
        "0",
        "1e3",
        "18446744073709551615",
        "9223372036854775807",
        "4294967296",
    ];
    let changed = |text: &str, field: &str, value: &str| {
        let start = text.find(&format!("\"{field}\":")).unwrap() + field.len() + 3;
        let end = start + text[start..].find([',', '}']).unwrap();
        format!("{}{value}{}", &text[..start], &text[end..])
    };
    let refused = |outcome: Outcome, peak: usize, what: &str| {
        assert!(
            outcome.is_allowed() && !outcome.is_ok(),
            "{what}: {}",
            outcome.message
        );
        assert!(
            outcome.message.starts_with("Cannot "),
            "{what}: {}",
            outcome.message
        );
        assert!(peak < 1 << 20, "{what}: {peak} bytes");
    };
    for value in huge.iter().chain(&["65537", "100000000"]) {
        for field in ["hiddenDim", "zDim"] {
            let text = changed(LEARNER, field, value);
            let (outcome, peak) =
                peak_of(|| create(text.as_bytes(), abi::learner::byol_learner_create));
            refused(outcome, peak, &text);
        }
    }
    // Each of them possible, but not both.
    let both = changed(&changed(LEARNER, "hiddenDim", "65536"), "zDim", "65536");
    let (outcome, peak) = peak_of(|| create(both.as_bytes(), abi::learner::byol_learner_create));
    refused(outcome, peak, &both);
    for value in huge {
        for field in ["features", "classes"] {
            let text = changed(LINEAR, field, value);
            let (outcome, peak) =
                peak_of(|| create(text.as_bytes(), abi::probe::byol_probe_create));
            refused(outcome, peak, &text);
        }
        let text = changed(DEMO, "count", value);
        let (outcome, peak) = peak_of(|| create(text.as_bytes(), open_demo));
        refused(outcome, peak, &text);
    }
    for numbers in ["[0,0,0]", "[1e39,1,1]", "[1e-30,1,1]", "[-1,1,1]"] {
        let text = DEMO.replace("[0.25,0.25,0.25]", numbers);
        let (outcome, peak) = peak_of(|| create(text.as_bytes(), open_demo));
        refused(outcome, peak, &text);
    }
    let dataset = Kept::new(DEMO, open_demo);
    let recipes = format!(r#"{{"batchSize":2,"view1":{VIEW},"view2":{VIEW}}}"#);
    let probe = format!(r#"{{"batchSize":3,"train":{VIEW},"resize":9,"crop":8}}"#);
    let set = |text: &str, function: unsafe extern "C" fn(u32, *const u8, *mut u8) -> i32| {
        peak_of(|| {
            call(text.as_bytes(), |text, error| unsafe {
                function(dataset.0, text, error)
            })
        })
    };
    for value in huge {
        for field in ["batchSize", "cropSize", "blurKernel"] {
            let text = changed(&recipes, field, value);
            let (outcome, peak) = set(&text, abi::dataset::byol_dataset_set_recipes);
            refused(outcome, peak, &text);
        }
        for field in ["batchSize", "cropSize", "resize", "crop"] {
            let text = changed(&probe, field, value);
            let (outcome, peak) = set(&text, abi::dataset::byol_dataset_set_probe);
            refused(outcome, peak, &text);
        }
    }
    let deep = format!(
        r#"{{"path":"","encoderOnly":true,"metadata":{}"#,
        "[".repeat(1 << 20)
    );
    let learner = Kept::new(LEARNER, abi::learner::byol_learner_create);
    let outcome = call(deep.as_bytes(), |text, error| unsafe {
        abi::learner::byol_learner_save(learner.0, text, error)
    });
    assert!(
        outcome.message.contains("recursion limit"),
        "{}",
        outcome.message
    );
}
