//! The kernels, run by the processor (shim/gpu/one_thread.cpp), beside libtorch and the processor's views.

use std::ffi::c_void;

use tch::{Device, Kind, Tensor};

use super::{words, Words};
use crate::torch::grad_mode::GradMode;
use crate::views::kernels::{ImageRef, Normalization, Renderer};
use crate::views::recipe::tests::cifar_recipe;
use crate::views::recipe::{sample_view, ViewKey, ViewParameters, ViewRecipe};

extern "C" {
    fn byol_one_thread_batch_norm(
        kind: i32,
        rows: i64,
        channels: i32,
        blocks: u32,
        x: *const c_void,
        shortcut: *const c_void,
        weight: *const c_void,
        bias: *const c_void,
        running_mean: *mut c_void,
        running_variance: *mut c_void,
        relu: i32,
        y: *mut c_void,
        dy: *const c_void,
        dx: *mut c_void,
        d_shortcut: *mut c_void,
        d_weight: *mut c_void,
        d_bias: *mut c_void,
    );
    fn byol_one_thread_running_affine(
        channels: i32,
        weight: *const c_void,
        bias: *const c_void,
        mean: *const c_void,
        variance: *const c_void,
        affine: *mut c_void,
    );
    fn byol_one_thread_views(
        images: *const u8,
        height: i32,
        width: i32,
        views: *const u32,
        count: u32,
        cropped: i32,
        size: i32,
        blur_kernel: i32,
        mean: *const f32,
        scale: *const f32,
        out: *mut f32,
    );
}

const KINDS: [(Kind, i32, f64); 3] = [
    (Kind::Float, 0, 2e-6),
    (Kind::BFloat16, 1, 8e-3),
    (Kind::Half, 2, 1e-3),
];

fn relative(found: &Tensor, expected: &Tensor) -> f64 {
    let (found, expected) = (found.to_kind(Kind::Double), expected.to_kind(Kind::Double));
    let distance = (found - &expected).norm() / expected.norm();
    f64::try_from(distance).expect("a number")
}

/// Random values of a kind, as exact doubles and as they lie in memory.
fn random(shape: [i64; 2], kind: Kind) -> (Tensor, Tensor) {
    let rounded = (Tensor::randn(shape, (Kind::Float, Device::Cpu)) * 2.0 + 3.0).to_kind(kind);
    (rounded.to_kind(Kind::Double), rounded)
}

#[test]
#[allow(clippy::too_many_lines)]
fn batch_normalisation_with_shortcut_and_relu_is_that_of_libtorch() {
    tch::manual_seed(3);
    let (rows, channels) = (60, 16);
    let vector = |value: f64| Tensor::full([channels], value, (Kind::Float, Device::Cpu));
    for (kind, number, tolerance) in KINDS {
        for (has_shortcut, relu) in [(false, false), (false, true), (true, true)] {
            let (x, rounded_x) = random([rows, channels], kind);
            let (shortcut, rounded_shortcut) = random([rows, channels], kind);
            let (dy, rounded_dy) = random([rows, channels], kind);
            let weight = Tensor::randn([channels], (Kind::Float, Device::Cpu)) - 2.0;
            let bias = Tensor::randn([channels], (Kind::Float, Device::Cpu));
            let (mean, variance) = (vector(0.25), vector(2.0));
            let double = |tensor: &Tensor| tensor.to_kind(Kind::Double);

            let inputs = {
                let _grad = GradMode::set(true);
                let leaf = |tensor: &Tensor| double(tensor).set_requires_grad(true);
                let [x, shortcut, weight, bias] = [&x, &shortcut, &weight, &bias].map(leaf);
                let (running_mean, running_variance) = (double(&mean), double(&variance));
                let parts = (Some(&weight), Some(&bias));
                let running = (Some(&running_mean), Some(&running_variance));
                let (momentum, epsilon) = (0.1, 1e-5);
                let mut y = x.batch_norm(
                    parts.0, parts.1, running.0, running.1, true, momentum, epsilon, false,
                );
                if has_shortcut {
                    y += &shortcut;
                }
                if relu {
                    y = y.relu();
                }
                (&y * &dy).sum(Kind::Double).backward();
                (y, x, shortcut, weight, bias, running_mean, running_variance)
            };
            let (y, x, shortcut, weight_leaf, bias_leaf, running_mean, running_variance) = inputs;

            let out = || Tensor::zeros([rows, channels], (kind, Device::Cpu));
            let (found_y, dx, d_shortcut) = (out(), out(), out());
            let (d_weight, d_bias) = (vector(0.0), vector(0.0));
            let none = std::ptr::null_mut();
            let at = |tensor: &Tensor| tensor.data_ptr();
            unsafe {
                byol_one_thread_batch_norm(
                    number,
                    rows,
                    channels as i32,
                    7,
                    at(&rounded_x),
                    if has_shortcut {
                        at(&rounded_shortcut)
                    } else {
                        none
                    },
                    at(&weight),
                    at(&bias),
                    at(&mean),
                    at(&variance),
                    i32::from(relu),
                    at(&found_y),
                    at(&rounded_dy),
                    at(&dx),
                    if has_shortcut { at(&d_shortcut) } else { none },
                    at(&d_weight),
                    at(&d_bias),
                );
            }
            let mut pairs = vec![
                ("y", &found_y, y),
                ("dx", &dx, x.grad()),
                ("dw", &d_weight, weight_leaf.grad()),
                ("db", &d_bias, bias_leaf.grad()),
                ("mean", &mean, running_mean),
                ("variance", &variance, running_variance),
            ];
            if has_shortcut {
                pairs.push(("d shortcut", &d_shortcut, shortcut.grad()));
            }
            for (name, found, expected) in pairs {
                let distance = relative(found, &expected);
                assert!(
                    distance <= tolerance,
                    "{name} in {kind:?}, shortcut {has_shortcut}, relu {relu}: {distance:e}"
                );
            }
        }
    }
}

#[test]
fn evaluation_normalises_by_the_running_statistics() {
    let values = |numbers: &[f32]| Tensor::from_slice(numbers);
    let [weight, bias] = [values(&[1.5, -0.5]), values(&[0.25, 2.0])];
    let [mean, variance] = [values(&[3.0, -1.0]), values(&[4.0, 0.25])];
    let affine = Tensor::zeros([2, 2], (Kind::Float, Device::Cpu));
    let at = |tensor: &Tensor| tensor.data_ptr();
    unsafe {
        byol_one_thread_running_affine(
            2,
            at(&weight),
            at(&bias),
            at(&mean),
            at(&variance),
            at(&affine),
        );
    }
    let scale = &weight / (&variance + 1e-5).sqrt();
    let expected = Tensor::stack(&[scale.shallow_clone(), &bias - &mean * &scale], 0);
    assert!(relative(&affine, &expected) < 1e-6);
}

/// Small crops and many blurs: what the kernel does least alike.
fn recipe(size: usize, blur_kernel: usize) -> ViewRecipe {
    ViewRecipe {
        crop_size: size,
        crop_scale: [0.08, 1.0],
        blur_probability: 0.5,
        blur_kernel,
        solarize_threshold: 0.5,
        ..cifar_recipe()
    }
}

const NORMALIZATION: Normalization = Normalization {
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.243, 0.261],
};

fn by_kernel(
    pixels: &[u8],
    side: usize,
    views: &[Words],
    (cropped, recipe): (bool, &ViewRecipe),
) -> Vec<f32> {
    let size = recipe.crop_size;
    let mut out = vec![f32::NAN; views.len() * size * size * 3];
    let scale = NORMALIZATION.std.map(|std| 1.0 / std);
    unsafe {
        byol_one_thread_views(
            pixels.as_ptr(),
            side as i32,
            side as i32,
            views.as_ptr().cast(),
            views.len() as u32,
            i32::from(cropped),
            size as i32,
            recipe.blur_kernel as i32,
            NORMALIZATION.mean.as_ptr(),
            scale.as_ptr(),
            out.as_mut_ptr(),
        );
    }
    out
}

/// Images with structure: hue and contrast of noise alone would be all the same.
fn images(count: usize, side: usize) -> Vec<u8> {
    let pixel = |i: usize| {
        let (x, y, plane) = (i % side, i / side % side, i / side / side);
        let wave = ((x * (plane % 5 + 1) + y * (plane % 7 + 2)) as f64 * 0.21).sin();
        (127.5 + 90.0 * wave + ((i * 7919) % 64) as f64 - 32.0) as u8
    };
    (0..count * 3 * side * side).map(pixel).collect()
}

fn drawn(recipe: &ViewRecipe, sample: usize, side: usize) -> ViewParameters {
    let key = ViewKey {
        seed: 11,
        step: 2,
        sample: sample as u64,
        view: 1,
    };
    sample_view(recipe, key, side, side)
}

/// A 1/255 of the range that values have once they are normalised; what differs is the order of sums alone.
const TOLERANCE: f32 = 1e-4;

#[test]
fn views_of_whole_images_are_those_of_the_processor() {
    for (side, size, kernel) in [(32, 32, 3), (32, 20, 5), (12, 32, 9), (48, 16, 3)] {
        let (count, recipe) = (60, recipe(size, kernel));
        let pixels = images(count, side);
        let parameters: Vec<_> = (0..count).map(|i| drawn(&recipe, i, side)).collect();
        let described: Vec<_> = (0..)
            .zip(&parameters)
            .map(|(i, view)| words(i, view))
            .collect();
        let found = by_kernel(&pixels, side, &described, (false, &recipe));
        let mut expected = vec![0.0; size * size * 3];
        for (index, view) in parameters.iter().enumerate() {
            let image = ImageRef {
                pixels: &pixels[index * 3 * side * side..][..3 * side * side],
                height: side,
                width: side,
            };
            Renderer::default()
                .render(image, view, size, kernel, &NORMALIZATION, &mut expected)
                .expect("a view");
            assert_same(&found[index * expected.len()..], &expected, view);
        }
    }
}

#[test]
fn views_of_crops_are_those_of_the_processor() {
    let (count, size) = (60, 24);
    let recipe = recipe(size, 5);
    let pixels = images(count, size);
    let parameters: Vec<_> = (0..count).map(|i| drawn(&recipe, i, size)).collect();
    let described: Vec<_> = (0..)
        .zip(&parameters)
        .map(|(i, view)| words(i, view))
        .collect();
    let found = by_kernel(&pixels, size, &described, (true, &recipe));
    let mut expected = vec![0.0; size * size * 3];
    for (index, view) in parameters.iter().enumerate() {
        let crop = &pixels[index * expected.len()..][..expected.len()];
        Renderer::default()
            .render_resized(
                crop,
                Some(view),
                size,
                recipe.blur_kernel,
                &NORMALIZATION,
                &mut expected,
            )
            .expect("a view");
        assert_same(&found[index * expected.len()..], &expected, view);
    }
}

fn assert_same(found: &[f32], expected: &[f32], view: &ViewParameters) {
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        // What lies at the threshold within rounding may be inverted in one of the two alone.
        let close = (found - expected).abs() <= TOLERANCE;
        assert!(
            close,
            "value {place} is {found}, expected {expected}: {view:?}"
        );
    }
}
