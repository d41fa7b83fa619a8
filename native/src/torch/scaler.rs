//! The scale of the loss that keeps float16's gradients in its range (shim/scaler.cpp).

use std::ffi::c_int;

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

use super::shim::{checked, pointers, Message};
use crate::error::{Result, Status};

extern "C" {
    fn byol_unscale(
        tensors: *mut *mut C_tensor,
        count: usize,
        found: *mut C_tensor,
        factor: *mut C_tensor,
        error: Message,
    ) -> c_int;
}

/// PyTorch's defaults: the scale starts at 2^16, halves on an overflow, doubles after 2,000 steps without one.
const FIRST_SCALE: f64 = 65536.0;
const GROWTH: f64 = 2.0;
const BACKOFF: f64 = 0.5;
const GROWTH_INTERVAL: i64 = 2000;

/// The factor that a loss is multiplied by before the backward pass, and whether the last gradients overflowed. All of
/// it stays on the device: no step waits to know whether it counts.
pub struct Scaler {
    scale: Tensor,
    /// Steps without an overflow since the scale last changed.
    tracker: Tensor,
    /// 1 where the last gradients were not finite.
    found: Tensor,
    skipped: Tensor,
}

impl Scaler {
    pub fn new(device: Device) -> Result<Self> {
        Ok(Self {
            scale: Tensor::f_full([1], FIRST_SCALE, (Kind::Float, device))?,
            tracker: Tensor::f_zeros([1], (Kind::Int, device))?,
            found: Tensor::f_zeros([1], (Kind::Float, device))?,
            skipped: Tensor::f_zeros([1], (Kind::Int64, device))?,
        })
    }

    /// The loss that the backward pass starts from.
    pub fn scaled(&self, loss: &Tensor) -> Result<Tensor> {
        Ok(loss.f_mul(&self.scale.f_squeeze()?)?)
    }

    /// Brings gradients back to their own size, notes whether they overflowed, and moves the scale.
    pub fn unscale(&mut self, gradients: &[&Tensor]) -> Result<()> {
        let _ = self.found.f_zero_()?;
        let factor = self.scale.f_reciprocal()?;
        let mut list = pointers(gradients);
        let raw = |tensor: &Tensor| tensor.as_ptr().cast_mut();
        checked(Status::Torch, |error| unsafe {
            byol_unscale(
                list.as_mut_ptr(),
                list.len(),
                raw(&self.found),
                raw(&factor),
                error,
            )
        })?;
        let _ = self.skipped.f_add_(&self.found.f_to_kind(Kind::Int64)?)?;
        let _ = self.scale.f_internal_amp_update_scale_(
            &self.tracker,
            &self.found,
            GROWTH,
            BACKOFF,
            GROWTH_INTERVAL,
        )?;
        Ok(())
    }

    /// Returns whether the last step is to change nothing: a bool of no dimension.
    pub fn overflowed(&self) -> Result<Tensor> {
        Ok(self.found.f_gt(0.0)?.f_squeeze()?)
    }

    /// Steps skipped so far, and the scale. Waits for the device.
    pub fn counts(&self) -> Result<[f64; 2]> {
        Ok([
            self.skipped.f_int64_value(&[0])? as f64,
            self.scale.f_double_value(&[0])?,
        ])
    }

    /// Returns the tensors that a resume needs.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        [
            ("scaler.scale", &self.scale),
            ("scaler.tracker", &self.tracker),
            ("scaler.skipped", &self.skipped),
        ]
        .map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone()))
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.f_to_kind(Kind::Double).expect("doubles")).expect("values")
    }

    #[test]
    fn an_overflow_is_noted_halves_the_scale_and_is_counted() {
        let mut scaler = Scaler::new(Device::Cpu).expect("a scaler");
        let fine = || Tensor::from_slice(&[65536f32, -131072.0]);
        let gradients = [fine(), fine()];
        scaler.unscale(&gradients.each_ref()).expect("unscaled");
        assert_eq!(values(&gradients[1]), [1.0, -2.0]);
        assert!(!bool::try_from(scaler.overflowed().expect("a flag")).expect("a bool"));
        assert_eq!(scaler.counts().expect("counts"), [0.0, FIRST_SCALE]);

        for (count, bad) in [(1.0, f32::INFINITY), (2.0, f32::NAN)] {
            let gradients = [fine(), Tensor::from_slice(&[bad])];
            scaler.unscale(&gradients.each_ref()).expect("unscaled");
            assert!(bool::try_from(scaler.overflowed().expect("a flag")).expect("a bool"));
            let scale = FIRST_SCALE * BACKOFF.powf(count);
            assert_eq!(scaler.counts().expect("counts"), [count, scale]);
        }
    }

    #[test]
    fn the_scale_grows_after_2000_steps_without_an_overflow() {
        let mut scaler = Scaler::new(Device::Cpu).expect("a scaler");
        let gradients = [Tensor::from_slice(&[1f32])];
        for _ in 0..1999 {
            scaler.unscale(&gradients.each_ref()).expect("unscaled");
        }
        assert_eq!(scaler.counts().expect("counts"), [0.0, FIRST_SCALE]);
        scaler.unscale(&gradients.each_ref()).expect("unscaled");
        assert_eq!(scaler.counts().expect("counts"), [0.0, 2.0 * FIRST_SCALE]);
    }
}
