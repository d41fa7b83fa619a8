//! The devices of tensors: the processor, or one GPU.

use std::ffi::c_int;
use std::ptr::null_mut;

use serde::{Deserialize, Deserializer};
use tch::{Cuda, Device, Kind, Tensor};
use torch_sys::C_tensor;

use super::shim::{checked, Message};
use crate::error::{Error, Result, Status};

extern "C" {
    fn byol_pinned(
        shape: *const i64,
        dimensions: usize,
        kind: c_int,
        out: *mut *mut C_tensor,
        error: Message,
    ) -> c_int;
    fn byol_upload(
        host: *const C_tensor,
        index: c_int,
        out: *mut *mut C_tensor,
        error: Message,
    ) -> c_int;
    fn byol_use_gpu(index: c_int, error: Message) -> c_int;
    fn byol_set_numerics(tf32: bool, deterministic: bool, error: Message) -> c_int;
}

/// The numerics of GPUs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Numerics {
    /// True where float32 convolutions and products may round their inputs to TF32.
    tf32: bool,
    /// True where sums are always made in the same order; libtorch warns of an operation that cannot.
    deterministic: bool,
}

impl Numerics {
    pub fn set(&self) -> Result<()> {
        checked(Status::Torch, |error| unsafe {
            byol_set_numerics(self.tf32, self.deterministic, error)
        })
    }
}

/// A device as options name it: "cpu" or "cuda:0".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceName(Device);

impl<'de> Deserialize<'de> for DeviceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let index = name.strip_prefix("cuda:").map(str::parse::<u8>);
        match (name.as_str(), index) {
            ("cpu", _) => Ok(Self(Device::Cpu)),
            (_, Some(Ok(index))) => Ok(Self(Device::Cuda(usize::from(index)))),
            _ => Err(serde::de::Error::custom(format!(
                "unknown device {name:?}, expected \"cpu\" or \"cuda:0\""
            ))),
        }
    }
}

impl DeviceName {
    /// The device, once libtorch has it. A GPU becomes the current one of this thread, and without that a rank would
    /// have a context on the first GPU, too.
    pub fn open(self) -> Result<Device> {
        let Device::Cuda(index) = self.0 else {
            return Ok(self.0);
        };
        let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
        if index < count {
            checked(Status::Torch, |error| unsafe {
                byol_use_gpu(index as c_int, error)
            })?;
            return Ok(self.0);
        }
        Err(Error::invalid(format!(
            "Cannot compute on cuda:{index}: libtorch sees {count} GPUs, expected its libtorch_cuda, a driver and that GPU"
        )))
    }
}

/// A tensor of the host, on the device. The copy to a GPU is only enqueued: pinned memory is kept until it is done, and
/// other memory is read before the call returns.
pub fn moved(tensor: &Tensor, device: Device) -> Result<Tensor> {
    Ok(tensor.f_to_device_(device, tensor.kind(), device.is_cuda(), false)?)
}

/// The same on a stream of its own, beside what the device computes: for the large parts of a batch.
pub fn uploaded(tensor: &Tensor, device: Device) -> Result<Tensor> {
    let Device::Cuda(index) = device else {
        return moved(tensor, device);
    };
    let mut out = null_mut();
    checked(Status::Torch, |error| unsafe {
        byol_upload(tensor.as_ptr(), index as c_int, &mut out, error)
    })?;
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// A tensor of the host, of any values, on its way to a device. Of bytes, int32, int64, float32 or float64.
pub fn host_tensor(shape: &[i64], kind: Kind, device: Device) -> Result<Tensor> {
    if !device.is_cuda() {
        return Ok(Tensor::f_empty(shape, (kind, Device::Cpu))?);
    }
    let mut out = null_mut();
    checked(Status::Torch, |error| unsafe {
        byol_pinned(
            shape.as_ptr(),
            shape.len(),
            scalar_type(kind),
            &mut out,
            error,
        )
    })?;
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// libtorch's number of a type (c10/core/ScalarType.h).
fn scalar_type(kind: Kind) -> c_int {
    match kind {
        Kind::Uint8 => 0,
        Kind::Int => 3,
        Kind::Int64 => 4,
        Kind::Double => 7,
        _ => 6,
    }
}

/// Refuses tensors of another device, which libtorch would name less clearly, and later.
pub fn require_same(what: &str, found: Device, expected: Device) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Cannot use {what} on {found:?}: expected the learner's {expected:?}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> serde_json::Result<DeviceName> {
        serde_json::from_value(serde_json::json!(name))
    }

    #[test]
    fn devices_have_two_forms_of_names() {
        assert_eq!(named("cpu").expect("a device").0, Device::Cpu);
        assert_eq!(named("cuda:3").expect("a device").0, Device::Cuda(3));
        for name in ["", "cuda", "cuda:", "cuda:-1", "cuda:x", "gpu", "CPU"] {
            let error = named(name).expect_err("no device").to_string();
            assert!(error.contains("expected \"cpu\" or \"cuda:0\""), "{error}");
        }
    }

    #[test]
    fn a_gpu_that_is_not_there_is_refused_by_its_number() {
        let error = named("cuda:250").expect("a name").open();
        let message = error.expect_err("no such GPU").message;
        assert!(message.contains("cuda:250"), "{message}");
    }
}
