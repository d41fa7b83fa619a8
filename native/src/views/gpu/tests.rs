//! The kernels of the views, run by the processor (shim/gpu/emulator.cpp), beside the processor's own views.

use super::{words, Words};
use crate::views::kernels::{ImageRef, Normalization, Renderer};
use crate::views::recipe::tests::cifar_recipe;
use crate::views::recipe::{sample_view, ViewKey, ViewParameters, ViewRecipe};

extern "C" {
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
