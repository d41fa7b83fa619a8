//! The kernels beside torchvision's results, beside their definitions, and in batches.

use super::blur::BlurBuffers;
use super::colour::{apply_hue, apply_hue_by, apply_solarize};
use super::lanes::{convolve, convolve_by, sum, sum_by, weighted_sum, weighted_sum_by};
use super::taps::bicubic;
use super::*;
use crate::views::recipe::tests::cifar_recipe;
use crate::views::recipe::{
    sample_view, Jitter, ViewKey, ViewParameters, ViewRecipe, BRIGHTNESS, CONTRAST, HUE, SATURATION,
};

const PLAIN: Normalization = Normalization {
    mean: [0.0; 3],
    std: [1.0; 3],
};
const CIFAR: Normalization = Normalization {
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.243, 0.261],
};

fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|i| (i * i * 37 + i * 11 + 5) as u8)
        .collect()
}

fn crop(top: usize, left: usize, height: usize, width: usize) -> ViewParameters {
    ViewParameters {
        top,
        left,
        height,
        width,
        flip: false,
        jitter: None,
        grayscale: false,
        blur_sigma: None,
        solarize: None,
    }
}

/// Four by four pixels that are not resized.
fn square() -> ViewParameters {
    crop(1, 2, 4, 4)
}

const NO_JITTER: Jitter = Jitter {
    order: [0, 1, 2, 3],
    brightness: 1.0,
    contrast: 1.0,
    saturation: 1.0,
    hue: 0.0,
};

fn jittered(jitter: Jitter) -> ViewParameters {
    ViewParameters {
        jitter: Some(jitter),
        ..square()
    }
}

fn channels_first(pixels: &[f32]) -> Vec<f32> {
    (0..CHANNELS)
        .flat_map(|c| pixels.iter().skip(c).step_by(CHANNELS).copied())
        .collect()
}

/// A 4 × 4 view of the 6 × 8 image of `bytes(144)`, channels first, as the recorded values lie.
fn view_of_bytes(parameters: &ViewParameters, blur_kernel: usize) -> Vec<f32> {
    let pixels = bytes(144);
    let image = ImageRef {
        pixels: &pixels,
        height: 6,
        width: 8,
    };
    let mut out = vec![f32::NAN; 48];
    Renderer::default()
        .render(image, parameters, 4, blur_kernel, &PLAIN, &mut out)
        .unwrap();
    channels_first(&out)
}

fn assert_close(values: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(values.len(), expected.len());
    for (i, (v, e)) in values.iter().zip(expected).enumerate() {
        assert!((v - e).abs() <= tolerance, "value {i} is {v}, expected {e}");
    }
}

/// Against values that torchvision 0.26 gave for the uint8 image: equal but for its rounding to bytes.
fn assert_close_to_bytes(values: &[f32], expected: &[u8]) {
    let expected: Vec<f32> = expected
        .iter()
        .map(|&byte| f32::from(byte) / 255.0)
        .collect();
    assert_close(values, &expected, 1.1 / 255.0);
}

#[test]
fn a_crop_is_shrunk_as_torchvision_shrinks_it() {
    let expected = [
        213, 125, 111, 138, 130, 119, 197, 125, 165, 180, 133, 94, 131, 139, 173, 128, 170, 192,
        87, 91, 138, 66, 49, 134, 97, 71, 177, 166, 156, 117, 59, 113, 104, 125, 188, 155, 107,
        191, 127, 146, 146, 131, 120, 186, 108, 159, 131, 178,
    ];
    assert_close_to_bytes(&view_of_bytes(&crop(1, 2, 5, 6), 3), &expected);
}

#[test]
fn a_crop_is_enlarged_as_torchvision_enlarges_it() {
    let expected = [
        135, 158, 95, 0, 126, 164, 122, 28, 109, 177, 175, 107, 100, 183, 202, 147, 119, 105, 136,
        194, 111, 116, 135, 156, 95, 139, 133, 80, 87, 150, 132, 42, 105, 73, 66, 89, 97, 79, 93,
        130, 81, 91, 146, 212, 73, 97, 173, 253,
    ];
    assert_close_to_bytes(&view_of_bytes(&crop(2, 1, 2, 3), 3), &expected);
}

#[test]
fn the_test_transform_is_that_of_torchvision() {
    let expected = [
        118, 161, 135, 163, 132, 187, 89, 152, 159, 93, 162, 191, 177, 161, 187, 113, 86, 80, 55,
        135, 96, 188, 166, 62, 122, 122, 28, 73, 146, 64, 106, 192, 73, 167, 175, 116, 164, 85,
        160, 178, 76, 153, 200, 100, 104, 195, 73, 144,
    ];
    let pixels = bytes(144);
    let image = ImageRef {
        pixels: &pixels,
        height: 6,
        width: 8,
    };
    let mut out = vec![f32::NAN; 48];
    let sides = CenterCrop { resize: 5, crop: 4 };
    Renderer::default()
        .render_center_crop(image, sides, &PLAIN, &mut out)
        .unwrap();
    assert_close_to_bytes(&channels_first(&out), &expected);
}

// The values below are torchvision 0.26's for the float image.

#[test]
fn brightness_is_that_of_torchvision() {
    let expected = [
        1.0, 1.0, 0.45373, 0.0051, 0.81059, 0.01529, 0.90235, 0.86157, 1.0, 0.70863, 0.69843, 1.0,
        0.72902, 0.74941, 1.0, 0.61686, 0.93294, 0.87176, 1.0, 0.57608, 0.56588, 0.91255, 0.33137,
        0.12745, 0.85137, 0.30078, 0.12745, 0.33137, 0.48431, 0.34157, 0.57608, 1.0, 0.68824,
        0.46392, 0.61686, 1.0, 0.32118, 0.50471, 1.0, 0.69843, 0.60667, 1.0, 0.86157, 0.90235,
        0.23961, 1.0, 0.0051, 0.45373,
    ];
    let view = jittered(Jitter {
        brightness: 1.3,
        ..NO_JITTER
    });
    assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
}

#[test]
fn contrast_is_that_of_torchvision() {
    let expected = [
        0.7875, 0.8424, 0.3977, 0.15613, 0.58986, 0.16162, 0.63927, 0.61731, 0.74358, 0.53495,
        0.52946, 0.72711, 0.54593, 0.55691, 0.77103, 0.48554, 0.65574, 0.6228, 0.79299, 0.46358,
        0.45809, 0.64476, 0.33182, 0.22201, 0.61182, 0.31535, 0.22201, 0.33182, 0.41417, 0.33731,
        0.46358, 0.79299, 0.52397, 0.40319, 0.48554, 0.77103, 0.32633, 0.42515, 0.72711, 0.52946,
        0.48005, 0.79848, 0.61731, 0.63927, 0.2824, 0.82044, 0.15613, 0.3977,
    ];
    let view = jittered(Jitter {
        contrast: 0.7,
        ..NO_JITTER
    });
    assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
}

#[test]
fn saturation_is_that_of_torchvision() {
    let expected = [
        1.0, 1.0, 0.07242, 0.0, 0.74631, 0.0, 0.88898, 0.93943, 0.96593, 0.65813, 0.73211, 1.0,
        0.68356, 0.68951, 1.0, 0.27974, 0.68986, 0.62424, 1.0, 0.50814, 0.40749, 0.89567, 0.0984,
        0.0, 0.62711, 0.09343, 0.0, 0.07983, 0.34474, 0.1248, 0.3782, 1.0, 0.35104, 0.05953,
        0.2983, 1.0, 0.06866, 0.33096, 1.0, 0.71355, 0.28829, 1.0, 0.95799, 0.87042, 0.00591, 1.0,
        0.0, 0.05385,
    ];
    let view = jittered(Jitter {
        saturation: 1.8,
        ..NO_JITTER
    });
    assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
}

#[test]
fn hue_is_that_of_torchvision() {
    let expected = [
        0.79294, 0.79608, 0.91373, 0.26745, 0.51059, 0.70196, 0.2549, 0.09804, 0.7302, 0.23137,
        0.09804, 0.2549, 0.44784, 0.26275, 0.61882, 0.91373, 0.52941, 0.35686, 0.58745, 0.88235,
        0.24706, 0.52627, 0.81961, 0.42431, 0.46667, 0.92157, 0.66275, 0.58118, 0.18431, 0.95294,
        0.00392, 0.34902, 0.90588, 0.98431, 0.34902, 0.00392, 0.62353, 0.01176, 0.80706, 0.66275,
        0.84314, 0.68314, 0.6502, 0.81961, 0.56078, 0.71451, 0.88235, 0.36157,
    ];
    let view = jittered(Jitter {
        hue: -0.3,
        ..NO_JITTER
    });
    assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
}

#[test]
fn grayscale_is_that_of_torchvision() {
    let expected = [
        0.75238, 0.72853, 0.69477, 0.36188, 0.47006, 0.45983, 0.45053, 0.31689, 0.68964, 0.4038,
        0.29369, 0.47374, 0.40732, 0.43517, 0.5243, 0.71798, 0.75238, 0.72853, 0.69477, 0.36188,
        0.47006, 0.45983, 0.45053, 0.31689, 0.68964, 0.4038, 0.29369, 0.47374, 0.40732, 0.43517,
        0.5243, 0.71798, 0.75238, 0.72853, 0.69477, 0.36188, 0.47006, 0.45983, 0.45053, 0.31689,
        0.68964, 0.4038, 0.29369, 0.47374, 0.40732, 0.43517, 0.5243, 0.71798,
    ];
    let view = ViewParameters {
        grayscale: true,
        ..square()
    };
    assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
}

#[test]
fn blur_is_that_of_torchvision() {
    let expected = [
        0.57589, 0.54652, 0.51052, 0.49253, 0.56216, 0.54642, 0.54136, 0.53996, 0.5811, 0.58018,
        0.60313, 0.61654, 0.59404, 0.60024, 0.63397, 0.65154, 0.58327, 0.54811, 0.46311, 0.41265,
        0.52791, 0.49196, 0.41339, 0.37163, 0.42604, 0.39652, 0.35032, 0.33513, 0.37839, 0.35757,
        0.33794, 0.34092, 0.45721, 0.50495, 0.60049, 0.64538, 0.49482, 0.53389, 0.60004, 0.62944,
        0.57434, 0.58946, 0.58504, 0.58102, 0.60423, 0.60507, 0.56058, 0.53841,
    ];
    let view = ViewParameters {
        blur_sigma: Some(1.1),
        ..square()
    };
    assert_close(&view_of_bytes(&view, 5), &expected, 1e-5);
}

#[test]
fn solarize_is_that_of_torchvision() {
    let expected = [
        0.09412, 0.01569, 0.34902, 0.00392, 0.37647, 0.01176, 0.30588, 0.33725, 0.15686, 0.4549,
        0.46275, 0.18039, 0.43922, 0.42353, 0.11765, 0.47451, 0.28235, 0.32941, 0.08627, 0.44314,
        0.43529, 0.29804, 0.2549, 0.09804, 0.3451, 0.23137, 0.09804, 0.2549, 0.37255, 0.26275,
        0.44314, 0.08627, 0.47059, 0.35686, 0.47451, 0.11765, 0.24706, 0.38824, 0.18039, 0.46275,
        0.46667, 0.07843, 0.33725, 0.30588, 0.18431, 0.04706, 0.00392, 0.34902,
    ];
    let view = ViewParameters {
        solarize: Some(128.0 / 255.0),
        ..square()
    };
    assert_close(&view_of_bytes(&view, 3), &expected, 1e-5);
}

#[test]
fn operations_run_in_the_order_that_the_parameters_name() {
    let expected = [
        0.362, 0.45105, 0.39748, 0.25427, 0.47756, 0.38824, 0.49677, 0.481, 0.37914, 0.39679,
        0.43385, 0.43824, 0.4212, 0.33037, 0.38889, 0.48416, 0.30855, 0.3365, 0.49128, 0.20237,
        0.447, 0.45002, 0.24401, 0.11262, 0.4927, 0.27383, 0.19324, 0.21427, 0.41612, 0.28678,
        0.47395, 0.45327, 0.38653, 0.43598, 0.43618, 0.48196, 0.35736, 0.48789, 0.44429, 0.29066,
        0.44522, 0.43558, 0.35769, 0.26703, 0.37623, 0.45467, 0.31339, 0.32932,
    ];
    let order = [HUE, CONTRAST, BRIGHTNESS, SATURATION];
    let jitter = Jitter {
        order,
        brightness: 0.8,
        contrast: 1.4,
        saturation: 0.8,
        hue: 0.1,
    };
    let after = ViewParameters {
        blur_sigma: Some(0.6),
        solarize: Some(128.0 / 255.0),
        ..jittered(jitter)
    };
    assert_close(&view_of_bytes(&after, 3), &expected, 1e-5);
    let order = [BRIGHTNESS, CONTRAST, SATURATION, HUE];
    let other = ViewParameters {
        jitter: Some(Jitter { order, ..jitter }),
        ..after
    };
    let values = view_of_bytes(&other, 3);
    assert!(values
        .iter()
        .zip(expected)
        .any(|(v, e)| (v - e).abs() > 0.01));
}

#[test]
fn solarize_inverts_from_the_threshold_on() {
    let mut values = [0.0, 127.0 / 255.0, 128.0 / 255.0, 1.0];
    apply_solarize(&mut values, 128.0 / 255.0);
    assert_eq!(values, [0.0, 127.0 / 255.0, 1.0 - 128.0 / 255.0, 0.0]);
}

#[test]
fn a_gray_pixel_has_no_hue_and_a_full_turn_changes_nothing() {
    let gray: [f32; 3] = [0.0, 0.25, 1.0];
    let mut channels = [gray, gray, gray];
    apply_hue(&mut channels.each_mut().map(|c| &mut c[..]), 0.37);
    assert_eq!(channels, [gray, gray, gray]);

    let pixels = [
        vec![0.9f32, 0.1, 0.2],
        vec![0.3, 0.8, 0.2],
        vec![0.1, 0.5, 0.7],
    ];
    let mut turned = pixels.clone();
    for _ in 0..10 {
        apply_hue(&mut turned.each_mut().map(|c| &mut c[..]), 0.1);
    }
    assert_close(&turned.concat(), &pixels.concat(), 1e-5);
    apply_hue(&mut turned.each_mut().map(|c| &mut c[..]), 1.0 / 3.0);
    assert_close(&turned[1], &pixels[0], 1e-5);
}

#[test]
fn a_crop_of_the_view_s_size_keeps_every_pixel() {
    let pixels = bytes(144);
    let values = view_of_bytes(&square(), 3);
    for (i, value) in values.iter().enumerate() {
        let (channel, y, x) = (i / 16, i / 4 % 4 + 1, i % 4 + 2);
        assert_eq!(
            *value,
            f32::from(pixels[(channel * 6 + y) * 8 + x]) * (1.0 / 255.0)
        );
    }
}

#[test]
fn flip_mirrors_left_and_right() {
    for parameters in [square(), crop(0, 1, 6, 5)] {
        let plain = view_of_bytes(&parameters, 3);
        let flipped = view_of_bytes(
            &ViewParameters {
                flip: true,
                ..parameters
            },
            3,
        );
        let mirrored: Vec<f32> = plain
            .chunks(4)
            .flat_map(|row| row.iter().rev().copied())
            .collect();
        assert_eq!(flipped, mirrored);
        assert_ne!(flipped, plain);
    }
}

#[test]
fn channels_are_normalised_each_by_its_own() {
    let pixels = vec![255; 12];
    let image = ImageRef {
        pixels: &pixels,
        height: 2,
        width: 2,
    };
    let mut out = vec![0.0; 12];
    Renderer::default()
        .render(image, &crop(0, 0, 2, 2), 2, 3, &CIFAR, &mut out)
        .unwrap();
    let expected = [
        (1.0 - 0.4914) / 0.247,
        (1.0 - 0.4822) / 0.243,
        (1.0 - 0.4465) / 0.261,
    ];
    assert_close(&out, &expected.repeat(4), 1e-5);
}

/// The definition, in float64: a window of the whole resized image, each pixel a double sum.
fn resize_naively(image: &[u8], [height, width]: [usize; 2], size: usize) -> Vec<f32> {
    let weights = |length: usize, index: usize| -> Vec<f64> {
        let scale = length as f64 / size as f64;
        let center = scale * (index as f64 + 0.5);
        let raw: Vec<f64> = (0..length)
            .map(|i| bicubic((i as f64 + 0.5 - center) / scale.max(1.0)))
            .collect();
        let total: f64 = raw.iter().sum();
        raw.iter().map(|w| w / total).collect()
    };
    let mut out = Vec::new();
    for (y, x) in (0..size * size).map(|i| (i / size, i % size)) {
        let rows = weights(height, y);
        let columns = weights(width, x);
        for channel in image.chunks(height * width) {
            let of_row = |row: &[u8]| -> f64 {
                let sum: f64 = row
                    .iter()
                    .zip(&columns)
                    .map(|(&b, w)| f64::from(b) * w)
                    .sum();
                sum.clamp(0.0, 255.0)
            };
            let value: f64 = channel
                .chunks(width)
                .zip(&rows)
                .map(|(r, w)| of_row(r) * w)
                .sum();
            out.push((value / 255.0).clamp(0.0, 1.0) as f32);
        }
    }
    out
}

#[test]
fn every_size_is_resized_by_the_definition() {
    // Sizes around the vector length, shrinking and enlarging, and one buffer for all of them.
    let mut renderer = Renderer::default();
    for (height, width, size) in [
        (70, 90, 33),
        (1, 1, 5),
        (3, 40, 17),
        (40, 3, 16),
        (16, 16, 16),
        (5, 7, 1),
        (9, 20, 32),
    ] {
        let pixels = bytes(3 * height * width);
        let image = ImageRef {
            pixels: &pixels,
            height,
            width,
        };
        let mut out = vec![f32::NAN; 3 * size * size];
        let parameters = crop(0, 0, height, width);
        renderer
            .render(image, &parameters, size, 1, &PLAIN, &mut out)
            .unwrap();
        assert_close(&out, &resize_naively(&pixels, [height, width], size), 2e-6);
    }
}

#[test]
fn a_blur_of_any_size_keeps_a_constant_and_spreads_a_point() {
    for (size, kernel) in [(32, 3), (19, 23), (224, 23), (2, 3), (1, 1)] {
        let mut plane = vec![0.25; size * size];
        BlurBuffers::default().apply(&mut plane, size, kernel, 1.5);
        assert_close(&plane, &vec![0.25; size * size], 1e-6);
    }
    let mut plane = vec![0.0; 32 * 32];
    plane[10 * 32 + 20] = 1.0;
    BlurBuffers::default().apply(&mut plane, 32, 3, 0.8);
    let side = (-0.5f32 / 0.64).exp() / (1.0 + 2.0 * (-0.5f32 / 0.64).exp());
    let middle = 1.0 - 2.0 * side;
    assert!((plane[10 * 32 + 20] - middle * middle).abs() < 1e-6);
    assert!((plane[9 * 32 + 20] - middle * side).abs() < 1e-6);
    assert!((plane[10 * 32 + 21] - middle * side).abs() < 1e-6);
    assert!((plane[11 * 32 + 19] - side * side).abs() < 1e-6);
    assert!((sum(&plane) - 1.0).abs() < 1e-5);
}

#[test]
fn a_batch_is_the_same_with_any_number_of_threads() {
    let pixels = bytes(3 * 40 * 36 * 23);
    let images = Images {
        pixels: &pixels,
        height: 40,
        width: 36,
    };
    let indices: Vec<u32> = (0..50).map(|i| i * 7 % 23).collect();
    let key = BatchKey {
        seed: 1,
        step: 2,
        view: 1,
    };
    let render = |pool: Option<&rayon::ThreadPool>| {
        let mut out = vec![f32::NAN; 50 * 32 * 32 * 3];
        render_batch(
            images,
            &indices,
            key,
            &cifar_recipe(),
            &CIFAR,
            &mut out,
            pool,
        )
        .unwrap();
        out
    };
    let one_thread = render(None);
    assert!(one_thread.iter().all(|value| value.is_finite()));
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        assert!(render(Some(&pool)) == one_thread, "{threads} threads");
    }
}

#[test]
fn a_view_depends_on_its_sample_and_not_on_its_place_in_the_batch() {
    let pixels = bytes(3 * 32 * 32 * 8);
    let images = Images {
        pixels: &pixels,
        height: 32,
        width: 32,
    };
    let recipe = cifar_recipe();
    let key = BatchKey {
        seed: 1,
        step: 2,
        view: 0,
    };
    let mut batch = vec![0.0; 3 * 3072];
    render_batch(images, &[4, 7, 4], key, &recipe, &CIFAR, &mut batch, None).unwrap();
    assert_eq!(batch[..3072], batch[6144..]);

    let view = ViewKey {
        seed: 1,
        step: 2,
        sample: 7,
        view: 0,
    };
    let parameters = sample_view(&recipe, view, 32, 32);
    let image = ImageRef {
        pixels: &pixels[7 * 3072..],
        height: 32,
        width: 32,
    };
    let mut single = vec![0.0; 3072];
    Renderer::default()
        .render(image, &parameters, 32, 3, &CIFAR, &mut single)
        .unwrap();
    assert_eq!(batch[3072..6144], single);

    let mut other = vec![0.0; 3 * 3072];
    let key = BatchKey { step: 3, ..key };
    render_batch(images, &[4, 7, 4], key, &recipe, &CIFAR, &mut other, None).unwrap();
    assert_ne!(batch, other);
}

#[test]
fn the_test_transform_of_a_batch_is_that_of_each_image() {
    let pixels = bytes(3 * 32 * 32 * 4);
    let images = Images {
        pixels: &pixels,
        height: 32,
        width: 32,
    };
    let sides = CenterCrop {
        resize: 36,
        crop: 32,
    };
    let mut batch = vec![0.0; 2 * 3072];
    render_center_crops(images, &[3, 1], sides, &CIFAR, &mut batch, None).unwrap();
    for (index, view) in [3, 1].into_iter().zip(batch.chunks(3072)) {
        let pixels = &pixels[index * 3072..][..3072];
        let image = ImageRef {
            pixels,
            height: 32,
            width: 32,
        };
        let mut single = vec![0.0; 3072];
        Renderer::default()
            .render_center_crop(image, sides, &CIFAR, &mut single)
            .unwrap();
        assert_eq!(view, single);
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let pixels = bytes(3 * 32 * 32 * 2);
    let images = Images {
        pixels: &pixels,
        height: 32,
        width: 32,
    };
    let key = BatchKey {
        seed: 1,
        step: 2,
        view: 0,
    };
    let try_batch = |images: Images, indices: &[u32], recipe: &ViewRecipe, floats: usize| {
        let mut out = vec![7.0; floats];
        let message = render_batch(images, indices, key, recipe, &CIFAR, &mut out, None);
        assert!(out.iter().all(|&value| value == 7.0));
        message.unwrap_err()
    };
    let recipe = cifar_recipe();
    let message = try_batch(images, &[0, 2], &recipe, 6144);
    assert!(
        message.contains("image 2: expected an index below 2"),
        "{message}"
    );
    let message = try_batch(images, &[0, 1], &recipe, 6143);
    assert!(
        message.contains("6143 floats: expected 2 × 32 × 32 × 3"),
        "{message}"
    );
    let message = try_batch(
        Images {
            height: 31,
            ..images
        },
        &[0],
        &recipe,
        3072,
    );
    assert!(
        message.contains("expected a multiple of 3 × 31 × 32"),
        "{message}"
    );
    let message = try_batch(
        Images {
            height: 0,
            ..images
        },
        &[0],
        &recipe,
        3072,
    );
    assert!(message.contains("3 × 0 × 32"), "{message}");
    let message = try_batch(images, &[0], &ViewRecipe { hue: 2.0, ..recipe }, 3072);
    assert!(message.contains("hue=2.0"), "{message}");

    let image = ImageRef {
        pixels: &pixels[..3072],
        height: 32,
        width: 32,
    };
    let mut out = vec![0.0; 3072];
    let mut renderer = Renderer::default();
    let mut refusal = |parameters: &ViewParameters, kernel: usize| {
        renderer
            .render(image, parameters, 32, kernel, &CIFAR, &mut out)
            .unwrap_err()
    };
    assert!(refusal(&crop(1, 0, 32, 32), 3).contains("a box inside 32 × 32"));
    assert!(refusal(&crop(0, usize::MAX, 1, 1), 3).contains("a box inside 32 × 32"));
    assert!(refusal(&crop(0, 0, 0, 32), 3).contains("a box inside 32 × 32"));
    assert!(refusal(&crop(0, 0, 32, 32), 4).contains("blurKernel=4"));
    assert!(refusal(&crop(0, 0, 32, 32), 65).contains("blurKernel=65"));
    let order = [0, 1, 2, 4];
    assert!(refusal(&jittered(Jitter { order, ..NO_JITTER }), 3).contains("order"));
    let sides = CenterCrop {
        resize: 30,
        crop: 32,
    };
    let message = renderer
        .render_center_crop(image, sides, &CIFAR, &mut out)
        .unwrap_err();
    assert!(message.contains("1 ≤ crop ≤ resize"), "{message}");
}

/// Floats of all signs and sizes.
fn floats(count: usize) -> Vec<f32> {
    let of = |i: usize| ((i * i * 37 + i * 11 + 5) % 997) as f32 / 317.0 - 1.3;
    (0..count).map(of).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Beside the same loops as this test compiles them, for the least processor.
#[test]
fn loops_for_wide_registers_give_the_same_bits() {
    for length in [1, 7, 16, 31, 32, 97, 224] {
        let values = floats(length * 13 + 12);
        let weights = &floats(13)[..];
        assert_eq!(sum(&values).to_bits(), sum_by(&values).to_bits());
        for taps in [1, 4, 13] {
            let (mut wide, mut least) = (vec![f32::NAN; length], vec![f32::NAN; length]);
            weighted_sum(&values, &weights[..taps], &mut wide);
            weighted_sum_by(&values, &weights[..taps], &mut least);
            assert_eq!(bits(&wide), bits(&least), "{length} × {taps}");
            convolve(&values, &weights[..taps], &mut wide);
            convolve_by(&values, &weights[..taps], &mut least);
            assert_eq!(bits(&wide), bits(&least), "{length} × {taps}");
        }
        let unit = |shift: usize| -> Vec<f32> {
            let all = floats(length + shift);
            all[shift..].iter().map(|value| value.abs() % 1.0).collect()
        };
        let mut wide = [unit(0), unit(3), unit(11)];
        let mut least = wide.clone();
        apply_hue(&mut wide.each_mut().map(Vec::as_mut_slice), 0.07);
        apply_hue_by(&mut least.each_mut().map(Vec::as_mut_slice), 0.07);
        assert_eq!(wide.map(|one| bits(&one)), least.map(|one| bits(&one)));
    }
}
