use std::sync::{Mutex, MutexGuard};
use std::thread;

use super::arguments::Argument;
use super::core::{
    byol_core_live_handles, byol_core_long_text, byol_core_panic, byol_handle_close,
};
use super::dataset::{
    byol_dataset_make_probe_batch, byol_dataset_make_views, byol_dataset_open,
    byol_dataset_set_probe, byol_dataset_set_recipes,
};
use super::handles::{register, Given, Object};
use super::results::{Flag, Handle, Numbers, Text};
use super::table::table;
use crate::data::dataset::Dataset;
use crate::error::Status;

pub struct Cup(u32);
pub struct Spoon(u32);

impl Object for Cup {
    const NOUN: &'static str = "cup";
}

impl Object for Spoon {
    const NOUN: &'static str = "spoon";
}

table! {
    /// Makes a cup.
    fn test_cup(content: u32) -> Handle { Ok(Cup(content)) }

    /// Pours one cup into another.
    fn test_pour(from: &mut Cup, into: &mut Cup) {
        into.0 += std::mem::take(&mut from.0);
        Ok(())
    }

    /// Returns the content of both.
    fn test_contents(one: &Cup, other: &Cup) -> Numbers<2> {
        Ok([f64::from(one.0), f64::from(other.0)])
    }

    /// Stirs, with a spoon or without.
    fn test_stir(cup: &Cup, spoon: Option<&mut Spoon>) -> Flag {
        Ok(spoon.is_some_and(|spoon| spoon.0 >= cup.0))
    }

    /// Says something.
    fn test_say() -> Text { Ok("tea".to_owned()) }

    /// Fills a cup, and says a number of letters.
    fn test_tell(cup: &mut Cup, letters: u32) -> Text {
        cup.0 += 1;
        Ok("t".repeat(letters as usize))
    }

    /// Fails after it has been given a place for numbers.
    fn test_spill(cup: &mut Cup) -> Numbers<2> {
        cup.0 = 0;
        Err::<[f64; 2], _>(crate::error::Error::io("Cannot keep the tea"))
    }
}

/// The registry is the process's: one test at a time.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn cup(content: u32) -> u32 {
    let mut handle = 0;
    let status = unsafe { test_cup(content, &mut handle, std::ptr::null_mut()) };
    assert_eq!(status, Status::Ok as i32);
    handle
}

fn close(handles: &[u32]) {
    for &handle in handles {
        unsafe { byol_handle_close(handle, std::ptr::null_mut()) };
    }
}

fn error_of(call: impl FnOnce(*mut u8) -> i32) -> (i32, String) {
    let mut buffer = vec![0u8; 1024];
    buffer[..4].copy_from_slice(&1024u32.to_ne_bytes());
    let status = call(buffer.as_mut_ptr());
    let length = u32::from_ne_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]) as usize;
    let text = String::from_utf8(buffer[4..4 + length.min(1020)].to_vec()).unwrap();
    (status, text)
}

#[test]
fn objects_are_locked_whatever_the_order_of_their_handles() {
    let _alone = one_at_a_time();
    let (first, second) = (cup(1), cup(2));
    let none = std::ptr::null_mut();
    assert_eq!(unsafe { test_pour(second, first, none) }, 0);
    let mut contents = [0.0; 2];
    let status = unsafe { test_contents(second, first, contents.as_mut_ptr(), none) };
    assert_eq!((status, contents), (0, [0.0, 3.0]));
    assert_eq!(unsafe { test_pour(first, second, none) }, 0);
    let status = unsafe { test_contents(second, first, contents.as_mut_ptr(), none) };
    assert_eq!((status, contents), (0, [3.0, 0.0]));
    close(&[first, second]);
}

#[test]
fn one_handle_given_twice_is_a_bad_handle_and_no_deadlock() {
    let _alone = one_at_a_time();
    let handle = cup(1);
    let (status, message) = error_of(|error| unsafe { test_pour(handle, handle, error) });
    assert_eq!(status, Status::BadHandle as i32);
    let expected = "expected a cup, found one for into that the call is given already";
    assert_eq!(message, format!("Cannot use handle {handle}: {expected}"));
    close(&[handle]);
}

#[test]
fn a_handle_of_another_noun_or_of_none_is_a_bad_handle() {
    let _alone = one_at_a_time();
    let cup = cup(1);
    let spoon = register(Spoon::NOUN, Box::new(Spoon(1))).unwrap();
    let mut flag = 7;
    let (status, message) = error_of(|error| unsafe { test_stir(spoon, 0, &mut flag, error) });
    assert_eq!(status, Status::BadHandle as i32);
    let expected = format!("Cannot use handle {spoon}: expected a cup, found a spoon");
    assert_eq!(message, expected);
    close(&[spoon]);
    let (status, message) = error_of(|error| unsafe { test_stir(cup, spoon, &mut flag, error) });
    assert_eq!(status, Status::BadHandle as i32);
    assert!(
        message.ends_with("expected a spoon, found none (closed, or never made)"),
        "{message}"
    );
    assert_eq!(flag, 7, "an output is written only on success");
    close(&[cup]);
}

#[test]
fn an_object_may_be_left_out_by_handle_0() {
    let _alone = one_at_a_time();
    let cup = cup(1);
    let spoon = register(Spoon::NOUN, Box::new(Spoon(1))).unwrap();
    let mut flag = 7;
    let none = std::ptr::null_mut();
    assert_eq!(unsafe { test_stir(cup, 0, &mut flag, none) }, 0);
    assert_eq!(flag, 0);
    assert_eq!(unsafe { test_stir(cup, spoon, &mut flag, none) }, 0);
    assert_eq!(flag, 1);
    close(&[cup, spoon]);
}

#[test]
fn nothing_is_written_or_done_without_a_place_for_the_result() {
    let _alone = one_at_a_time();
    let handle = cup(3);
    let nowhere = std::ptr::null_mut();
    let (status, message) = error_of(|error| unsafe { test_spill(handle, nowhere, error) });
    assert_eq!(status, Status::InvalidArgument as i32);
    assert_eq!(
        message,
        "Cannot write numbers: expected a buffer, found null"
    );
    let mut contents = [7.0; 2];
    let (status, message) =
        error_of(|error| unsafe { test_spill(handle, contents.as_mut_ptr(), error) });
    assert_eq!((status, contents), (Status::Io as i32, [7.0; 2]));
    assert_eq!(message, "Cannot keep the tea");
    close(&[handle]);
}

#[test]
fn a_text_that_does_not_fit_is_cut_and_its_length_told() {
    let _alone = one_at_a_time();
    let mut buffer = [6u8, 0, 0, 0, 0, 0, 9, 9];
    assert_eq!(
        unsafe { test_say(buffer.as_mut_ptr(), std::ptr::null_mut()) },
        0
    );
    assert_eq!(buffer, [3, 0, 0, 0, b't', b'e', 9, 9]);
}

#[test]
fn a_text_that_does_not_fit_is_kept_and_its_function_called_once() {
    let _alone = one_at_a_time();
    let handle = cup(0);
    let none = std::ptr::null_mut();
    let buffer = |capacity: u32| {
        let mut buffer = vec![0; capacity as usize];
        buffer[..4].copy_from_slice(&capacity.to_ne_bytes());
        buffer
    };
    let (mut short, mut long) = (buffer(10), buffer(24));
    assert_eq!(
        unsafe { test_tell(handle, 20, short.as_mut_ptr(), none) },
        0
    );
    assert_eq!(short, [20, 0, 0, 0, b't', b't', b't', b't', b't', b't']);
    // Too short a buffer loses nothing.
    let mut again = buffer(10);
    assert_eq!(unsafe { byol_core_long_text(again.as_mut_ptr(), none) }, 0);
    assert_eq!(again, short);
    assert_eq!(unsafe { byol_core_long_text(long.as_mut_ptr(), none) }, 0);
    assert_eq!(&long[4..], [b't'; 20]);
    let (status, message) =
        error_of(|error| unsafe { byol_core_long_text(again.as_mut_ptr(), error) });
    assert_eq!(status, Status::InvalidArgument as i32);
    assert!(message.starts_with("Cannot give a text again"), "{message}");
    let mut contents = [0.0; 2];
    let other = cup(0);
    let status = unsafe { test_contents(handle, other, contents.as_mut_ptr(), none) };
    assert_eq!((status, contents), (0, [1.0, 0.0]), "it was called once");
    close(&[handle, other]);
}

#[test]
fn another_thread_is_refused_while_objects_are_alive_and_free_after_that() {
    let _alone = one_at_a_time();
    let live = || {
        let mut count = 0;
        error_of(|error| unsafe { byol_core_live_handles(&mut count, error) })
    };
    let handle = cup(1);
    let (status, message) = thread::spawn(live).join().unwrap();
    assert_eq!(status, Status::InvalidArgument as i32);
    assert!(
        message.starts_with("Cannot use the core from this thread"),
        "{message}"
    );
    assert_eq!(live().0, 0);
    close(&[handle]);
    assert_eq!(thread::spawn(live).join().unwrap().0, 0);
    // The first object of another thread binds the core to that one.
    let theirs = thread::spawn(|| cup(1)).join().unwrap();
    assert_eq!(live().0, Status::InvalidArgument as i32);
    let close_it = move || close(&[theirs]);
    thread::spawn(close_it).join().unwrap();
    // A thread that has ended frees nothing by itself: its objects are still alive.
    assert_eq!(live().0, Status::InvalidArgument as i32);
    super::handles::close(theirs).unwrap();
    assert_eq!(live().0, 0);
}

#[test]
fn a_panic_is_a_status_and_leaves_the_objects_usable() {
    let _alone = one_at_a_time();
    let (status, message) = error_of(|error| unsafe { byol_core_panic(error) });
    assert_eq!(status, Status::Panic as i32);
    assert_eq!(message, "The core panicked: asked to");
}

#[test]
fn recipes_survive_a_panic_that_was_caught() {
    let _alone = one_at_a_time();
    let view = r#"{"cropSize":8,"cropScale":[0.2,1],"cropRatio":[0.75,1.33],"flipProbability":0.5,
        "jitterProbability":0.8,"brightness":0.4,"contrast":0.4,"saturation":0.2,"hue":0.1,"grayscaleProbability":0.2,
        "blurProbability":0.5,"blurSigma":[0.1,2],"blurKernel":3,"solarizeProbability":0.2,"solarizeThreshold":0.5}"#;
    let demo = r#"{"source":{"kind":"demo","train":true,"count":8},"dtype":"float32","device":"cpu","workers":1,
        "mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#;
    let text = |text: String| std::ffi::CString::new(text).unwrap();
    let none = std::ptr::null_mut();
    let (demo, mut dataset) = (text(demo.to_owned()), 0);
    let opened = unsafe { byol_dataset_open(demo.as_ptr().cast(), 0, &mut dataset, none) };
    assert_eq!(opened, 0);
    let views = text(format!(
        r#"{{"batchSize":2,"view1":{view},"view2":{view}}}"#
    ));
    let probe = text(format!(
        r#"{{"batchSize":2,"train":{view},"resize":9,"crop":8}}"#
    ));
    let set = unsafe {
        [
            byol_dataset_set_recipes(dataset, views.as_ptr().cast(), none),
            byol_dataset_set_probe(dataset, probe.as_ptr().cast(), none),
        ]
    };
    assert_eq!(set, [0, 0]);
    let make = || unsafe {
        [
            byol_dataset_make_views(dataset, 1, 0, 0, none),
            byol_dataset_make_probe_batch(dataset, 1, 0, none),
        ]
    };
    let change = |body: &dyn Fn(&mut Dataset)| {
        let mut given = Given::default();
        given.add::<Dataset>(dataset, "dataset").unwrap();
        given.locked(|objects| body(objects.take(dataset).unwrap()));
    };
    let labels = std::cell::RefCell::new(Vec::new());
    change(&|dataset| *labels.borrow_mut() = std::mem::take(&mut dataset.labels));
    assert_eq!(
        make(),
        [Status::Panic as i32; 2],
        "a data set without labels"
    );
    change(&|dataset| dataset.labels = labels.take());
    assert_eq!(make(), [0, 0]);
    close(&[dataset]);
}

#[test]
fn the_description_names_arguments_results_and_their_types() {
    let contents = TABLE
        .iter()
        .find(|symbol| symbol.name == "test_contents")
        .unwrap();
    let expected = [("one", "u32"), ("other", "u32"), ("numbers", "buffer")];
    assert_eq!(contents.arguments, expected);
    assert_eq!(contents.numbers, 2);
    assert_eq!(contents.doc.trim(), "Returns the content of both.");
    assert_eq!(<&mut Cup as Argument>::FFI, "u32");
}

#[test]
fn names_are_given_once_and_have_a_noun() {
    let names: Vec<_> = super::symbols().map(|symbol| symbol.name).collect();
    for symbol in super::symbols() {
        let name = symbol.name;
        assert_eq!(
            names.iter().filter(|other| **other == name).count(),
            1,
            "{name}"
        );
        assert!(
            name.starts_with("byol_") && name.matches('_').count() >= 2,
            "{name}"
        );
        let mut arguments: Vec<_> = symbol.arguments.iter().map(|(name, _)| name).collect();
        arguments.sort_unstable();
        arguments.dedup();
        assert_eq!(arguments.len(), symbol.arguments.len(), "{name}");
    }
}
