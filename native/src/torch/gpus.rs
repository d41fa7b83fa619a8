//! The GPUs of the machine, told by the driver itself: it is asked before libtorch is, so that a GPU without kernels in
//! this libtorch, or a driver too old for it, gets an error of our own.

use std::ffi::{c_char, c_int, c_uint, CStr};

use super::library::{self, Opened};

const SUCCESS: c_int = 0;
const NO_DEVICE: c_int = 100;
const CAPABILITY_MAJOR: c_int = 75;
const CAPABILITY_MINOR: c_int = 76;
const NAME_CAPACITY: usize = 256;

/// The driver's library (CUDA driver API).
struct Driver(Opened);

impl Driver {
    fn open() -> Result<Self, String> {
        // The driver stays loaded: libtorch uses it too.
        let opened = library::open("libcuda.so.1");
        let opened = opened.map_err(|_| "no NVIDIA driver: libcuda.so.1 cannot be loaded")?;
        Ok(Self(opened))
    }

    /// # Safety
    /// `F` must be the function's type in cuda.h.
    unsafe fn function<F: Copy>(&self, name: &str) -> Result<F, String> {
        let found = unsafe { self.0.function(name) };
        found.map_err(|_| format!("the NVIDIA driver has no {name}"))
    }

    fn describe(&self) -> Result<serde_json::Value, String> {
        type Init = unsafe extern "C" fn(c_uint) -> c_int;
        type Number = unsafe extern "C" fn(*mut c_int) -> c_int;
        type Get = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
        type Attribute = unsafe extern "C" fn(*mut c_int, c_int, c_int) -> c_int;
        type Name = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
        // The signatures are those of cuda.h.
        let init: Init = unsafe { self.function("cuInit") }?;
        let version: Number = unsafe { self.function("cuDriverGetVersion") }?;
        let count: Number = unsafe { self.function("cuDeviceGetCount") }?;
        let get: Get = unsafe { self.function("cuDeviceGet") }?;
        let attribute: Attribute = unsafe { self.function("cuDeviceGetAttribute") }?;
        let name: Name = unsafe { self.function("cuDeviceGetName") }?;
        let checked = |what: &str, status: c_int| match status {
            SUCCESS => Ok(()),
            NO_DEVICE => Err("the NVIDIA driver sees no GPU".to_owned()),
            _ => Err(format!("the NVIDIA driver's {what} failed with {status}")),
        };
        checked("cuInit", unsafe { init(0) })?;
        let number = |what: &str, call: Number| {
            let mut value = 0;
            checked(what, unsafe { call(&mut value) })?;
            Ok::<c_int, String>(value)
        };
        let cuda = number("cuDriverGetVersion", version)?;
        let mut gpus = Vec::new();
        for index in 0..number("cuDeviceGetCount", count)? {
            let mut device = 0;
            checked("cuDeviceGet", unsafe { get(&mut device, index) })?;
            let capability = |kind: c_int| {
                let mut value = 0;
                checked("cuDeviceGetAttribute", unsafe {
                    attribute(&mut value, kind, device)
                })?;
                Ok::<c_int, String>(value)
            };
            let mut text: [c_char; NAME_CAPACITY] = [0; NAME_CAPACITY];
            checked("cuDeviceGetName", unsafe {
                name(text.as_mut_ptr(), NAME_CAPACITY as c_int - 1, device)
            })?;
            let text = unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy();
            let (major, minor) = (capability(CAPABILITY_MAJOR)?, capability(CAPABILITY_MINOR)?);
            gpus.push(
                serde_json::json!({ "name": text, "architecture": format!("sm_{major}{minor}") }),
            );
        }
        Ok(
            serde_json::json!({ "cuda": format!("{}.{}", cuda / 1000, cuda % 1000 / 10), "gpus": gpus }),
        )
    }
}

/// JSON: the newest CUDA that the driver knows and its GPUs' names and architectures, or why there are none.
pub fn describe_gpus() -> String {
    let found = Driver::open().and_then(|driver| driver.describe());
    let described = found.unwrap_or_else(|problem| serde_json::json!({ "problem": problem }));
    described.to_string()
}
