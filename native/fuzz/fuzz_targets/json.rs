//! The JSON that crosses the boundary.
#![no_main]

use std::ffi::CString;
use std::sync::OnceLock;

use byol::abi::dataset::byol_dataset_open;
use byol::error::Status;
use libfuzzer_sys::fuzz_target;

#[path = "../src/json.rs"]
mod json;

const DEMO: &str = r#"{"source":{"kind":"demo","train":true,"count":4},"dtype":"float32","device":"cpu","workers":1,
    "mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}"#;

/// A dataset of four images, whose handle is alive for good.
fn dataset() -> u32 {
    static HANDLE: OnceLock<u32> = OnceLock::new();
    *HANDLE.get_or_init(|| {
        let text = CString::new(DEMO).unwrap();
        let mut handle = 0;
        let status = unsafe {
            byol_dataset_open(text.as_ptr().cast(), 0, &mut handle, std::ptr::null_mut())
        };
        assert_eq!(status, Status::Ok as i32);
        handle
    })
}

fuzz_target!(|input: &[u8]| json::read_json(input, dataset()));
