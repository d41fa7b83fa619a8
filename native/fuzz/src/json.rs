//! The JSON that crosses the boundary. The first byte tells which function's options the rest is; the function itself is
//! called, except where accepted options would make it build a network or read files: there only the check is. The core's
//! tests replay the seeds through the same function.

use std::ffi::CString;

use byol::abi::dataset::{
    byol_dataset_make_center_crops, byol_dataset_make_probe_batch, byol_dataset_make_views,
    byol_dataset_set_probe, byol_dataset_set_recipes,
};
use byol::abi::handles::Given;
use byol::abi::learner::{byol_learner_load, byol_learner_save, byol_learner_trace_write};
use byol::data::dataset::{Dataset, DatasetOptions};
use byol::data::label_subset::SubsetOptions;
use byol::error::{Result, Status};
use byol::evaluation::probe::LinearOptions;
use byol::training::learner::LearnerOptions;

/// Views of at most this size are made, not only checked.
const MADE: usize = 24;

/// An error is one of the caller's, never a panic that was caught.
fn expected(status: i32) -> bool {
    let wrong = [Status::InvalidArgument as i32, Status::BadHandle as i32];
    assert!(status == 0 || wrong.contains(&status), "status {status}");
    status == 0
}

fn all_finite(dataset: u32) {
    let mut given = Given::default();
    given.add::<Dataset>(dataset, "dataset").unwrap();
    let finite = given.locked(|objects| {
        let dataset: &mut Dataset = objects.take(dataset)?;
        let views = dataset.batch.iter().flat_map(|batch| &batch.views);
        let finite = views.map(|view| Ok(view.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1));
        finite.collect::<Result<Vec<bool>>>()
    });
    assert!(finite.unwrap().into_iter().all(|finite| finite));
}

/// A number somewhere in the text, before it is known to be good.
fn small(text: &str, fields: &[&str]) -> bool {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(text) else {
        return false;
    };
    let side = |path: &&str| value.pointer(path).and_then(|side| side.as_u64());
    fields
        .iter()
        .all(|path| side(path).is_some_and(|side| side <= MADE as u64))
}

/// Calls the function that the first byte names. `dataset` is a handle of four images of the demo.
pub fn read_json(input: &[u8], dataset: u32) {
    let Some((kind, text)) = input.split_first() else {
        return;
    };
    let (Ok(text), Ok(raw)) = (std::str::from_utf8(text), CString::new(text)) else {
        return;
    };
    let (raw, none) = (raw.as_ptr().cast(), std::ptr::null_mut());
    match kind % 7 {
        0 => unsafe {
            let set = expected(byol_dataset_set_recipes(dataset, raw, none));
            if set && small(text, &["/view1/cropSize", "/view2/cropSize"]) {
                assert!(expected(byol_dataset_make_views(
                    dataset,
                    1,
                    u64::MAX,
                    0,
                    none
                )));
                all_finite(dataset);
            }
        },
        1 => unsafe {
            let set = expected(byol_dataset_set_probe(dataset, raw, none));
            if set && small(text, &["/crop", "/train/cropSize"]) {
                assert!(expected(byol_dataset_make_probe_batch(
                    dataset,
                    1,
                    u64::MAX,
                    none
                )));
                assert!(expected(byol_dataset_make_center_crops(
                    dataset, 1, 2, none
                )));
                all_finite(dataset);
            }
        },
        2 => drop(serde_json::from_str(text).map(|options: LearnerOptions| options.validate())),
        3 => drop(serde_json::from_str(text).map(|options: LinearOptions| options.validate())),
        4 => drop(serde_json::from_str(text).map(|options: DatasetOptions| options.validate())),
        5 => drop(
            serde_json::from_str(text)
                .map(|options: SubsetOptions| options.choose(&[0, 1, 1, 0, 1, 0], 2)),
        ),
        _ => unsafe {
            assert!(!expected(byol_learner_save(0, raw, none)));
            assert!(!expected(byol_learner_load(0, raw, none)));
            assert!(!expected(byol_learner_trace_write(0, 0, 0, raw, none)));
        },
    }
}
