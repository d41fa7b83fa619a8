//! A convolution whose weights' gradient is a product of matrices (shim/convolution.cpp). oneDNN makes the forward pass
//! and the input's gradient at the speed of its products; without AVX-512 it has for the weights' gradient, of many
//! channels and few places, a kernel of half that speed and less.

use std::ffi::c_int;
use std::ptr::null_mut;

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

use super::shim::{checked, Message};
use crate::error::{Result, Status};

/// Fewer input channels make products too narrow to gain anything (ResNet-18 at batch 64, one thread, AVX2).
const LEAST_CHANNELS: i64 = 128;

extern "C" {
    fn byol_convolution(
        input: *const C_tensor,
        weight: *const C_tensor,
        stride: i64,
        padding: i64,
        out: *mut *mut C_tensor,
        error: Message,
    ) -> c_int;
}

/// Returns whether `convolved` is the faster way here.
pub fn suits(input: &Tensor, weight: &Tensor) -> bool {
    weight.requires_grad()
        && weight.size()[1] >= LEAST_CHANNELS
        && input.device() == Device::Cpu
        && input.kind() == Kind::Float
        && !is_x86_feature_detected!("avx512f")
}

/// The convolution of a batch with a square kernel, without bias: images × channels × height × width. In mixed
/// precision it is libtorch's altogether.
pub fn convolved(input: &Tensor, weight: &Tensor, (stride, padding): (i64, i64)) -> Result<Tensor> {
    let mut out = null_mut();
    checked(Status::Torch, |error| unsafe {
        byol_convolution(
            input.as_ptr(),
            weight.as_ptr(),
            stride,
            padding,
            &mut out,
            error,
        )
    })?;
    Ok(unsafe { Tensor::from_ptr(out) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

    /// Output and both gradients, of a loss that weighs every output differently.
    fn all(
        input: &Tensor,
        weight: &Tensor,
        convolve: impl Fn(&Tensor, &Tensor) -> Tensor,
    ) -> [Tensor; 3] {
        let input = input.detach().set_requires_grad(true);
        let weight = weight.detach().set_requires_grad(true);
        let output = convolve(&input, &weight);
        let weights = Tensor::arange(output.numel() as i64, DOUBLE).sin();
        (&output * weights.view_as(&output))
            .sum(Kind::Double)
            .backward();
        [output.detach(), input.grad(), weight.grad()]
    }

    #[test]
    fn output_and_gradients_are_libtorchs() {
        tch::manual_seed(3);
        // Images, inputs, outputs, side of the images, of the kernel, stride: places of less than one product, of
        // several with a rest, and rows of one image; odd sides.
        for (count, inputs, outputs, height, width, side, stride) in [
            (3, 5, 4, 6, 6, 3, 1),
            (70, 3, 2, 4, 4, 3, 1),
            (2, 3, 4, 40, 33, 3, 1),
            (5, 4, 3, 9, 7, 3, 2),
            (3, 6, 5, 8, 8, 1, 2),
            (2, 3, 4, 21, 30, 7, 2),
        ] {
            let input = Tensor::randn([count, inputs, height, width], DOUBLE);
            let weight = Tensor::randn([outputs, inputs, side, side], DOUBLE);
            let padding = side / 2;
            let ours = all(&input, &weight, |x, w| {
                convolved(x, w, (stride, padding)).expect("a convolution")
            });
            let theirs = all(&input, &weight, |x, w| {
                x.conv2d(w, None::<Tensor>, [stride; 2], [padding; 2], [1, 1], 1)
            });
            for (one, other) in ours.iter().zip(&theirs) {
                assert_eq!(one.size(), other.size());
                let error = (one - other).norm().double_value(&[]);
                let size = other.norm().double_value(&[]);
                assert!(error <= 1e-13 * size, "{side} {stride}: {error} of {size}");
            }
        }
    }

    #[test]
    fn an_input_without_gradient_gets_none() {
        let input = Tensor::randn([2, 3, 5, 5], DOUBLE);
        let weight = Tensor::randn([4, 3, 3, 3], DOUBLE).set_requires_grad(true);
        let output = convolved(&input, &weight, (1, 1)).expect("a convolution");
        output.sum(Kind::Double).backward();
        assert!(!input.grad().defined() && weight.grad().defined());
    }
}
