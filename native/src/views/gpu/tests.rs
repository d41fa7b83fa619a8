//! The kernels, run by the processor (shim/gpu/emulator.cpp), beside libtorch and the processor's views.

use std::ffi::c_void;

use tch::{Device, Kind, Tensor};

use super::{words, Words};
use crate::torch::grad_mode::GradMode;
use crate::views::kernels::{ImageRef, Normalization, Renderer};
use crate::views::recipe::tests::cifar_recipe;
use crate::views::recipe::{sample_view, ViewKey, ViewParameters, ViewRecipe};

extern "C" {
    fn byol_emulated_batch_norm(
        kind: i32,
        rows: i64,
        channels: i32,
        threads: u32,
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
    fn byol_emulated_running_affine(
        channels: i32,
        weight: *const c_void,
        bias: *const c_void,
        mean: *const c_void,
        variance: *const c_void,
        affine: *mut c_void,
    );
    fn byol_emulated_views(
        images: *const u8,
        height: i32,
        width: i32,
        views: *const u32,
        count: u32,
        threads: u32,
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

/// Returns random values, rounded to a kind.
fn random(shape: [i64; 2], kind: Kind) -> Tensor {
    (Tensor::randn(shape, (Kind::Float, Device::Cpu)) * 2.0 + 3.0).to_kind(kind)
}

/// Rows, channels, threads of a block, blocks along the rows.
type Shape = (i64, i64, u32, u32);

/// More lanes than rows; packs that fill a part of the last group of blocks alone; the launcher's own number of threads.
const SHAPES: [Shape; 5] = [
    (60, 16, 64, 7),
    (3, 16, 64, 2),
    (5, 8, 32, 1),
    (75, 296, 64, 3),
    (90, 24, 256, 2),
];

/// A batch normalisation: whether a shortcut is added, and whether ReLU follows.
#[derive(Clone, Copy, Debug)]
struct Parts {
    shortcut: bool,
    relu: bool,
}

const PARTS: [Parts; 3] = [
    Parts {
        shortcut: false,
        relu: false,
    },
    Parts {
        shortcut: false,
        relu: true,
    },
    Parts {
        shortcut: true,
        relu: true,
    },
];

/// Inputs of a forward and backward pass, as they lie in memory.
struct Inputs {
    x: Tensor,
    shortcut: Tensor,
    dy: Tensor,
    weight: Tensor,
    bias: Tensor,
}

impl Inputs {
    fn random((rows, channels): (i64, i64), kind: Kind) -> Self {
        let [x, shortcut, dy] = [0; 3].map(|_| random([rows, channels], kind));
        Self {
            x,
            shortcut,
            dy,
            weight: Tensor::randn([channels], (Kind::Float, Device::Cpu)) - 2.0,
            bias: Tensor::randn([channels], (Kind::Float, Device::Cpu)),
        }
    }
}

/// Results by name.
type Results = Vec<(&'static str, Tensor)>;

fn vector(channels: i64, value: f64) -> Tensor {
    Tensor::full([channels], value, (Kind::Float, Device::Cpu))
}

/// Returns what libtorch computes in float64.
fn by_libtorch(inputs: &Inputs, parts: Parts) -> Results {
    let _grad = GradMode::set(true);
    let leaf = |tensor: &Tensor| tensor.to_kind(Kind::Double).set_requires_grad(true);
    let Inputs {
        x,
        shortcut,
        dy,
        weight,
        bias,
    } = inputs;
    let [x, shortcut, weight, bias] = [x, shortcut, weight, bias].map(leaf);
    let channels = weight.size()[0];
    let [mean, variance] = [0.25, 2.0].map(|value| vector(channels, value).to_kind(Kind::Double));
    let (affine, running) = ((Some(&weight), Some(&bias)), (Some(&mean), Some(&variance)));
    let mut y = x.batch_norm(
        affine.0, affine.1, running.0, running.1, true, 0.1, 1e-5, false,
    );
    if parts.shortcut {
        y += &shortcut;
    }
    if parts.relu {
        y = y.relu();
    }
    (&y * dy.to_kind(Kind::Double)).sum(Kind::Double).backward();
    let mut results = vec![
        ("y", y),
        ("dx", x.grad()),
        ("dw", weight.grad()),
        ("db", bias.grad()),
        ("mean", mean),
        ("variance", variance),
    ];
    if parts.shortcut {
        results.push(("d shortcut", shortcut.grad()));
    }
    results
}

/// Returns what the kernels compute in blocks of threads.
fn by_blocks(
    inputs: &Inputs,
    (kind, number): (Kind, i32),
    parts: Parts,
    (threads, blocks): (u32, u32),
) -> Results {
    let size = inputs.x.size();
    let (rows, channels) = (size[0], size[1]);
    // What no thread writes is no number.
    let out = || Tensor::full([rows, channels], f64::NAN, (kind, Device::Cpu));
    let (y, dx, d_shortcut) = (out(), out(), out());
    let (d_weight, d_bias) = (vector(channels, f64::NAN), vector(channels, f64::NAN));
    let (mean, variance) = (vector(channels, 0.25), vector(channels, 2.0));
    let at = |tensor: &Tensor| tensor.data_ptr();
    let given = |tensor: &Tensor| {
        if parts.shortcut {
            tensor.data_ptr()
        } else {
            std::ptr::null_mut()
        }
    };
    unsafe {
        byol_emulated_batch_norm(
            number,
            rows,
            channels as i32,
            threads,
            blocks,
            at(&inputs.x),
            given(&inputs.shortcut),
            at(&inputs.weight),
            at(&inputs.bias),
            at(&mean),
            at(&variance),
            i32::from(parts.relu),
            at(&y),
            at(&inputs.dy),
            at(&dx),
            given(&d_shortcut),
            at(&d_weight),
            at(&d_bias),
        );
    }
    let mut results = vec![
        ("y", y),
        ("dx", dx),
        ("dw", d_weight),
        ("db", d_bias),
        ("mean", mean),
        ("variance", variance),
    ];
    if parts.shortcut {
        results.push(("d shortcut", d_shortcut));
    }
    results
}

fn assert_agree(found: Results, expected: Results, tolerance: f64, what: &str) {
    for ((name, found), (_, expected)) in found.into_iter().zip(expected) {
        let distance = relative(&found, &expected);
        assert!(distance <= tolerance, "{name}, {what}: {distance:e}");
    }
}

#[test]
fn batch_normalisation_with_shortcut_and_relu_is_that_of_libtorch() {
    tch::manual_seed(3);
    for (kind, number, tolerance) in KINDS {
        for parts in PARTS {
            for (rows, channels, threads, blocks) in SHAPES {
                let inputs = Inputs::random((rows, channels), kind);
                let found = by_blocks(&inputs, (kind, number), parts, (threads, blocks));
                let what = format!("{rows} × {channels} by {threads} threads, {kind:?}, {parts:?}");
                // Few rows: their variance may be small beside the values, whose rounding then weighs more.
                let allowed = if rows < 10 {
                    40.0 * tolerance
                } else {
                    tolerance
                };
                assert_agree(found, by_libtorch(&inputs, parts), allowed, &what);
            }
        }
    }
}

#[test]
fn an_outlier_among_the_rows_costs_little_precision() {
    tch::manual_seed(4);
    // The first row is the pivot that the sums are taken around.
    for row in [0, 7, 74] {
        let inputs = Inputs::random((75, 16), Kind::Float);
        let _ = inputs.x.get(row).fill_(60.0);
        for parts in PARTS {
            let found = by_blocks(&inputs, (Kind::Float, 0), parts, (64, 3));
            assert_agree(
                found,
                by_libtorch(&inputs, parts),
                1e-4,
                &format!("outlier in row {row}, {parts:?}"),
            );
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
        byol_emulated_running_affine(
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

/// Fewer than on a GPU, whose blocks have 256: the processor starts each thread anew.
const THREADS_OF_VIEWS: u32 = 32;

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
        byol_emulated_views(
            pixels.as_ptr(),
            side as i32,
            side as i32,
            views.as_ptr().cast(),
            views.len() as u32,
            THREADS_OF_VIEWS,
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
