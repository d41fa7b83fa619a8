//! Mixed precision (Micikevicius et al. 2018): convolutions and products in 16 bits, everything else in float32
//! (shim/autocast.cpp).

use serde::Deserialize;
use tch::{Device, Kind};

extern "C" {
    fn byol_autocast_begin(cuda: bool, bfloat16: bool);
    fn byol_autocast_end(cuda: bool);
}

/// Type that convolutions and matrix products are computed in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// The learner's own type.
    Normal,
    Bf16,
    /// With a gradient scaler.
    Fp16,
}

impl Precision {
    /// Returns the type of what convolutions take, for a learner of type `own`.
    pub fn kind(self, own: Kind) -> Kind {
        match self {
            Self::Normal => own,
            Self::Bf16 => Kind::BFloat16,
            Self::Fp16 => Kind::Half,
        }
    }
}

/// Returns whether the processor multiplies bfloat16 in hardware: without that, bfloat16 is slower than float32.
pub fn processor_has_bf16() -> bool {
    let described = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = described.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|flags| {
        let mut words = flags.split_whitespace();
        words.any(|word| matches!(word, "avx512_bf16" | "amx_bf16"))
    })
}

/// Autocast, for as long as this lives: of this thread alone.
pub struct Autocast {
    cuda: Option<bool>,
}

impl Autocast {
    /// Switches autocast on, but for normal precision.
    pub fn begin(precision: Precision, device: Device) -> Self {
        let cuda = device.is_cuda();
        if precision == Precision::Normal {
            return Self { cuda: None };
        }
        unsafe { byol_autocast_begin(cuda, precision == Precision::Bf16) };
        Self { cuda: Some(cuda) }
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        if let Some(cuda) = self.cuda {
            unsafe { byol_autocast_end(cuda) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    #[test]
    fn autocast_ends_with_its_guard() {
        let ones = Tensor::f_ones([4, 4], (Kind::Float, Device::Cpu)).expect("ones");
        let kind = || ones.f_matmul(&ones).expect("a product").kind();
        {
            let _autocast = Autocast::begin(Precision::Bf16, Device::Cpu);
            assert_eq!(kind(), Kind::BFloat16);
        }
        assert_eq!(kind(), Kind::Float);
        let _autocast = Autocast::begin(Precision::Normal, Device::Cpu);
        assert_eq!(kind(), Kind::Float);
    }
}
