//! Files and options that are damaged and read, many times over.

use std::fs;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;

use byol::abi;
use byol::data::cifar::{read_edition, Cifar, Edition, IMAGE_BYTES};
use byol::data::dataset::DatasetOptions;
use byol::data::photos::decode::{decode, Photo};
use byol::training::learner::LearnerOptions;

use crate::core::{call, create, describe, open_demo, use_one_thread, Kept, Outcome};
use crate::files::{binary_batch, checkpoints, gzip, python_batch, tar, Folder};
use crate::memory::peak_of;
use crate::mutate::Random;
use crate::shards::packed_shards;

pub const LEARNER: &str = r#"{"resnetType":"resnet20","stem":"cifar","hiddenDim":4,"zDim":4,"heads":"reference","bnViews":"joint",
    "larsVariant":"reference","dtype":"float32","device":"cpu","precision":"normal","activationCheckpointing":false,"seed":1}"#;
pub const DEMO: &str = r#"{"source":{"kind":"demo","train":true,"count":8},"dtype":"float32","device":"cpu","workers":1,
    "mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#;
const READ: &str = r#"{"source":{"kind":"read"},
    "dtype":"float32","device":"cpu","workers":1,"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#;
pub const VIEW: &str = r#"{"cropSize":8,"cropScale":[0.2,1],"cropRatio":[0.75,1.33],"flipProbability":0.5,
    "jitterProbability":0.8,"brightness":0.4,"contrast":0.4,"saturation":0.2,"hue":0.1,"grayscaleProbability":0.2,
    "blurProbability":0.5,"blurSigma":[0.1,2],"blurKernel":3,"solarizeProbability":0.2,"solarizeThreshold":0.5}"#;
pub const LINEAR: &str = r#"{"features":64,"classes":10,"dtype":"float32","device":"cpu","seed":0,"momentum":0.9,"weightDecay":0}"#;

/// The fuzzer's seeds of images.
const IMAGES: [&[u8]; 17] = [
    include_bytes!("../../fuzz/seeds/images/bmp-fields"),
    include_bytes!("../../fuzz/seeds/images/bmp-palette"),
    include_bytes!("../../fuzz/seeds/images/bmp-runs"),
    include_bytes!("../../fuzz/seeds/images/pbm-bits"),
    include_bytes!("../../fuzz/seeds/images/pgm-words"),
    include_bytes!("../../fuzz/seeds/images/png-16"),
    include_bytes!("../../fuzz/seeds/images/ppm-bytes"),
    include_bytes!("../../fuzz/seeds/images/tiff-jpeg"),
    include_bytes!("../../fuzz/seeds/images/tiff-lzw"),
    include_bytes!("../../fuzz/seeds/images/tiff-multiplied"),
    include_bytes!("../../fuzz/seeds/images/tiff-packbits-turned"),
    include_bytes!("../../fuzz/seeds/images/tiff-palette"),
    include_bytes!("../../fuzz/seeds/images/tiff-planar-16"),
    include_bytes!("../../fuzz/seeds/images/tiff-tiles-big"),
    include_bytes!("../../fuzz/seeds/images/webp-animated"),
    include_bytes!("../../fuzz/seeds/images/webp-lossless"),
    include_bytes!("../../fuzz/seeds/images/webp-lossy"),
];

pub const SUBSET: &str = r#"{"seed":0,"percent":10,"heldOut":10,"part":"learn"}"#;

/// Results of reading the damaged files of one form.
#[derive(Default)]
pub struct Tally {
    pub runs: usize,
    pub accepted: usize,
    /// The most memory that one run held, in bytes.
    pub peak: usize,
    pub failures: Vec<String>,
}

impl Tally {
    fn note(&mut self, accepted: bool, peak: usize) {
        self.runs += 1;
        self.accepted += usize::from(accepted);
        self.peak = self.peak.max(peak);
    }

    pub fn fail(&mut self, what: String) {
        if self.failures.len() < 10 {
            self.failures.push(format!("run {}: {what}", self.runs));
        }
    }

    pub fn check(&mut self, outcome: &Outcome, peak: usize, limit: usize) {
        if !outcome.is_allowed() {
            self.fail(format!("status {}: {}", outcome.status, outcome.message));
        }
        if !outcome.is_ok() && outcome.message.is_empty() {
            self.fail(format!("status {} without a message", outcome.status));
        }
        self.check_peak(peak, limit);
        self.note(outcome.is_ok(), peak);
    }

    fn check_peak(&mut self, peak: usize, limit: usize) {
        if peak > limit {
            self.fail(format!("{peak} bytes were held, expected at most {limit}"));
        }
    }
}

/// A form: its name, how often it runs of every hundred, and what it does.
pub type Form = (&'static str, usize, fn(usize) -> Tally);

pub const FORMS: [Form; 9] = [
    ("checkpoints, described", 20, described_checkpoints),
    ("files of torch.save", 10, torch_files),
    ("checkpoints, loaded", 5, loaded_checkpoints),
    ("CIFAR-10 batches, binary", 10, binary_batches),
    ("CIFAR-10 batches, Python", 18, python_batches),
    ("CIFAR-10 archives", 15, archives),
    ("packed shards", 10, packed_shards),
    ("images", 10, images),
    ("options as JSON", 12, options),
];

/// The exported function on small checkpoints.
fn described_checkpoints(times: usize) -> Tally {
    let (folder, mut random, mut tally) = (Folder::new("describe"), Random(1), Tally::default());
    let files = checkpoints();
    for round in 0..times {
        let bytes = random.mutate(&files[round % 2], &files[(round + 1) % 2]);
        let path = folder.write("checkpoint.safetensors", &bytes);
        let (outcome, peak) = peak_of(|| describe(&path));
        // The buffers of the call have 128 kB.
        tally.check(&outcome, peak, 150_000 + 8 * bytes.len());
    }
    tally
}

/// The exported function on files that PyTorch wrote; the fuzzer's seeds have one byte before them.
fn torch_files(times: usize) -> Tally {
    let (folder, mut random, mut tally) = (Folder::new("torch"), Random(7), Tally::default());
    let files = [
        &include_bytes!("../../fuzz/seeds/pt/file-flat")[1..],
        &include_bytes!("../../fuzz/seeds/pt/file-nested")[1..],
    ];
    for round in 0..times {
        let bytes = random.mutate(files[round % 2], files[(round + 1) % 2]);
        let path = folder.write("checkpoint.pt", &bytes);
        let (outcome, peak) = peak_of(|| describe(&path));
        // The buffers of the call have 128 kB, pieces that are hashed 64 kB each.
        tally.check(&outcome, peak, 300_000 + 8 * bytes.len());
    }
    tally
}

/// The exported function on a real encoder, whose learner must stay as it is unless all fits.
fn loaded_checkpoints(times: usize) -> Tally {
    use_one_thread();
    let (folder, mut random, mut tally) = (Folder::new("load"), Random(2), Tally::default());
    let learner = Kept::new(LEARNER, abi::learner::byol_learner_create);
    let path = folder.0.join("encoder.safetensors");
    let options = |path: &Path| {
        format!(
            r#"{{"path":{:?},"encoderOnly":true}}"#,
            path.to_str().unwrap()
        )
    };
    let saved = folder.0.join("saved.safetensors");
    let save = |path: &Path| {
        let options = format!(
            r#"{{"path":{:?},"encoderOnly":true,"metadata":{{}}}}"#,
            path.to_str().unwrap()
        );
        let outcome = call(options.as_bytes(), |text, error| unsafe {
            abi::learner::byol_learner_save(learner.0, text, error)
        });
        assert!(outcome.is_ok(), "{}", outcome.message);
    };
    save(&path);
    let valid = fs::read(&path).unwrap();
    let [other, _] = checkpoints();
    for _ in 0..times {
        let bytes = random.mutate(&valid, &other);
        fs::write(&path, &bytes).unwrap();
        let (outcome, peak) = peak_of(|| {
            call(options(&path).as_bytes(), |text, error| unsafe {
                abi::learner::byol_learner_load(learner.0, text, error)
            })
        });
        tally.check(&outcome, peak, 150_000 + 2 * bytes.len());
    }
    // What was refused has written nothing: the valid file goes in and comes out again.
    fs::write(&path, &valid).unwrap();
    let load = |path: &Path| {
        call(options(path).as_bytes(), |text, error| unsafe {
            abi::learner::byol_learner_load(learner.0, text, error)
        })
    };
    assert!(load(&path).is_ok());
    let mut damaged = valid.clone();
    damaged.truncate(valid.len() - 1);
    fs::write(&path, &damaged).unwrap();
    assert!(!load(&path).is_ok());
    save(&saved);
    if fs::read(&saved).unwrap() != valid {
        tally.fail("a refused file has changed the learner".to_owned());
    }
    tally
}

/// Reads the test images of a folder as an edition of two images a batch.
fn read_images(tally: &mut Tally, path: &Path, limit: usize) {
    let edition = Edition::unpublished(Cifar::Ten, 2);
    let (outcome, peak) = peak_of(|| {
        catch_unwind(AssertUnwindSafe(|| {
            read_edition(path, false, true, &edition)
        }))
    });
    match &outcome {
        Ok(Ok(read)) => {
            let whole = read.images.len() == 2 * IMAGE_BYTES && read.labels.len() == 2;
            if !whole || read.labels.iter().any(|label| *label > 9) {
                tally.fail("images or labels that are none".to_owned());
            }
        }
        Ok(Err(_)) => {}
        Err(_) => tally.fail("a panic".to_owned()),
    }
    tally.check_peak(peak, limit);
    tally.note(matches!(outcome, Ok(Ok(_))), peak);
}

fn binary_batches(times: usize) -> Tally {
    let (folder, mut random, mut tally) = (Folder::new("binary"), Random(3), Tally::default());
    let [valid, other] = [binary_batch(2, 0), binary_batch(2, 5)];
    for _ in 0..times {
        let bytes = random.mutate(&valid, &other);
        folder.write("test_batch.bin", &bytes);
        read_images(&mut tally, &folder.0, 50_000 + 3 * bytes.len());
    }
    tally
}

fn python_batches(times: usize) -> Tally {
    let (folder, mut random, mut tally) = (Folder::new("python"), Random(4), Tally::default());
    let [valid, other] = [python_batch(2, 0), python_batch(2, 5)];
    for _ in 0..times {
        let bytes = random.mutate(&valid, &other);
        folder.write("test_batch", &bytes);
        // Limits on opcodes and memo entries: some hundred kB of values at most.
        read_images(&mut tally, &folder.0, 600_000 + 3 * bytes.len());
    }
    tally
}

/// Half of the archives are damaged outside, half of them inside of the compression.
fn archives(times: usize) -> Tally {
    let (folder, mut random, mut tally) = (Folder::new("archive"), Random(5), Tally::default());
    let tars = [
        tar(false, &binary_batch(2, 0)),
        tar(true, &python_batch(2, 0)),
    ];
    let archives = [gzip(&tars[0]), gzip(&tars[1])];
    for round in 0..times {
        let (python, inside) = (round % 2, round / 2 % 2 == 0);
        let bytes = match inside {
            true => gzip(&random.mutate(&tars[python], &tars[1 - python])),
            false => random.mutate(&archives[python], &archives[1 - python]),
        };
        let name = ["cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"][python];
        folder.write(name, &bytes);
        // What is unpacked is at most 80 kB of this edition.
        read_images(&mut tally, &folder.0.join(name), 700_000 + 3 * bytes.len());
    }
    tally
}

/// Images of all formats, each spliced with the next; what they say of their size is believed up to half a gigabyte.
fn images(times: usize) -> Tally {
    let (mut random, mut tally) = (Random(10), Tally::default());
    for round in 0..times {
        let [seed, other] = [0, 1].map(|next| IMAGES[(round + next) % IMAGES.len()]);
        let bytes = random.mutate(seed, other);
        let ((accepted, claimed), peak) = peak_of(|| {
            let mut photo = Photo::new(round % 2 == 1);
            let decoded = decode(&bytes, &mut photo);
            if matches!(&decoded, Err(reason) if reason.is_empty() || reason.contains("panicked")) {
                tally.fail(format!("{decoded:?} for {bytes:?}"));
            }
            let values = photo.pixels.len() + photo.words.len();
            if decoded.is_ok() && values != photo.width * photo.height * 3 {
                tally.fail("pixels that are not those of its size".to_owned());
            }
            (decoded.is_ok(), values + photo.words.len())
        });
        // A WebP without loss may claim 65,536 groups of codes.
        let fixed = if bytes.starts_with(b"RIFF") {
            16 << 20
        } else {
            500_000
        };
        tally.check_peak(peak, fixed + 5 * claimed + 40 * bytes.len());
        tally.note(accepted, peak);
    }
    tally
}

/// The exported functions that take JSON. Options that are right and large are only checked: the work would be real.
fn options(times: usize) -> Tally {
    let (mut random, mut tally) = (Random(6), Tally::default());
    let dataset = Kept::new(DEMO, open_demo);
    let recipes = format!(r#"{{"batchSize":2,"view1":{VIEW},"view2":{VIEW}}}"#);
    let probe = format!(r#"{{"batchSize":3,"train":{VIEW},"resize":9,"crop":8}}"#);
    let texts = [
        recipes.as_str(),
        &probe,
        LEARNER,
        LINEAR,
        DEMO,
        READ,
        SUBSET,
    ];
    for round in 0..times {
        let which = round % texts.len();
        let bytes = random.mutate(texts[which].as_bytes(), random_other(&texts, which));
        let (outcome, peak) = peak_of(|| match which {
            0 => set(
                &bytes,
                dataset.0,
                abi::dataset::byol_dataset_set_recipes,
                make_views,
            ),
            1 => set(
                &bytes,
                dataset.0,
                abi::dataset::byol_dataset_set_probe,
                make_probe_batch,
            ),
            2 if is_large_learner(&bytes) => {
                refused_or_nothing(&bytes, |o: LearnerOptions| o.validate())
            }
            2 => create(&bytes, abi::learner::byol_learner_create),
            3 => create(&bytes, abi::probe::byol_probe_create),
            6 => call(&bytes, |text, error| unsafe {
                abi::dataset::byol_dataset_take_subset(dataset.0, text, error)
            }),
            4 if is_large_demo(&bytes) => {
                refused_or_nothing(&bytes, |o: DatasetOptions| o.validate())
            }
            _ => create(&bytes, open_demo),
        });
        tally.check(&outcome, peak, 8_000_000);
    }
    tally
}

fn random_other<'a>(texts: &[&'a str], which: usize) -> &'a [u8] {
    texts[(which + 1) % texts.len()].as_bytes()
}

fn number(bytes: &[u8], pointer: &str) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    value.pointer(pointer)?.as_u64()
}

fn is_large_learner(bytes: &[u8]) -> bool {
    ["/hiddenDim", "/zDim"]
        .iter()
        .any(|path| number(bytes, path).is_some_and(|side| side > 64))
}

fn is_large_demo(bytes: &[u8]) -> bool {
    number(bytes, "/source/count").is_some_and(|count| count > 64)
}

fn refused_or_nothing<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    validate: impl Fn(T) -> byol::error::Result<()>,
) -> Outcome {
    let status = match serde_json::from_slice(bytes).map(validate) {
        Ok(Err(error)) => error.status as i32,
        Ok(Ok(())) | Err(_) => 0,
    };
    Outcome {
        status,
        message: "checked only".to_owned(),
    }
}

/// Sets options on the dataset and, where they are right and small, makes what they are for.
fn set(
    bytes: &[u8],
    dataset: u32,
    function: unsafe extern "C" fn(u32, *const u8, *mut u8) -> i32,
    make: fn(u32) -> Outcome,
) -> Outcome {
    let outcome = call(bytes, |text, error| unsafe {
        function(dataset, text, error)
    });
    let sides = [
        "/view1/cropSize",
        "/view2/cropSize",
        "/train/cropSize",
        "/crop",
    ];
    let small = sides
        .iter()
        .all(|path| number(bytes, path).is_none_or(|side| side <= 64));
    match outcome.is_ok() && small {
        true => make(dataset),
        false => outcome,
    }
}

fn make_views(dataset: u32) -> Outcome {
    call(b"", |_, error| unsafe {
        abi::dataset::byol_dataset_make_views(dataset, 1, u64::MAX, 0, error)
    })
}

fn make_probe_batch(dataset: u32) -> Outcome {
    call(b"", |_, error| unsafe {
        abi::dataset::byol_dataset_make_probe_batch(dataset, 1, u64::MAX, error)
    })
}
