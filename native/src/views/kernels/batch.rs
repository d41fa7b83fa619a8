//! Views of a batch, made by a pool of threads.

use rayon::prelude::*;

use super::images::{CenterCrop, ImageRef, Images, Normalization};
use super::renderer::Renderer;
use super::CHANNELS;
use crate::views::recipe::{sample_view, ViewKey, ViewRecipe};

/// Which views a batch holds; the sample of each is its index in the dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchKey {
    pub seed: u64,
    pub step: u64,
    pub view: u32,
}

/// Draws and renders one view of each image named by `indices`, as count × size × size × 3 floats (channels last).
/// The result does not depend on the pool or on its number of threads; without a pool the caller's thread does all.
pub fn render_batch(
    images: Images,
    indices: &[u32],
    key: BatchKey,
    recipe: &ViewRecipe,
    normalization: &Normalization,
    out: &mut [f32],
    pool: Option<&rayon::ThreadPool>,
) -> Result<(), String> {
    recipe.validate()?;
    for_each_view(
        images,
        indices,
        recipe.crop_size,
        out,
        pool,
        |renderer, index, view| {
            let sample = ViewKey {
                seed: key.seed,
                step: key.step,
                sample: u64::from(index),
                view: key.view,
            };
            let parameters = sample_view(recipe, sample, images.height, images.width);
            let image = ImageRef::of(images, index);
            renderer.draw(
                image,
                &parameters,
                recipe.crop_size,
                recipe.blur_kernel,
                normalization,
                view,
            );
        },
    )
}

/// Renders the test transform of each image named by `indices`, as count × crop × crop × 3 floats (channels last).
pub fn render_center_crops(
    images: Images,
    indices: &[u32],
    sides: CenterCrop,
    normalization: &Normalization,
    out: &mut [f32],
    pool: Option<&rayon::ThreadPool>,
) -> Result<(), String> {
    sides.validate()?;
    for_each_view(
        images,
        indices,
        sides.crop,
        out,
        pool,
        |renderer, index, view| {
            renderer.draw_center_crop(ImageRef::of(images, index), sides, normalization, view);
        },
    )
}

fn for_each_view(
    images: Images,
    indices: &[u32],
    side: usize,
    out: &mut [f32],
    pool: Option<&rayon::ThreadPool>,
    render: impl Fn(&mut Renderer, u32, &mut [f32]) + Sync,
) -> Result<(), String> {
    let Images {
        pixels,
        height,
        width,
    } = images;
    if images.size() == 0 || pixels.len() % images.size() != 0 {
        return Err(format!(
            "Cannot read {} bytes as images: expected a multiple of 3 × {height} × {width}",
            pixels.len()
        ));
    }
    let count = images.count();
    if let Some(index) = indices.iter().find(|&&index| index as usize >= count) {
        return Err(format!(
            "Cannot make a view of image {index}: expected an index below {count}"
        ));
    }
    let view_size = side * side * CHANNELS;
    if out.len() != indices.len() * view_size {
        return Err(format!(
            "Cannot write {} views into {} floats: expected {} × {side} × {side} × 3",
            indices.len(),
            out.len(),
            indices.len()
        ));
    }
    match pool {
        None => {
            let mut renderer = Renderer::default();
            for (view, &index) in out.chunks_exact_mut(view_size).zip(indices) {
                render(&mut renderer, index, view);
            }
        }
        Some(pool) => pool.install(|| {
            out.par_chunks_exact_mut(view_size)
                .zip(indices)
                .for_each_init(Renderer::default, |renderer, (view, &index)| {
                    render(renderer, index, view)
                });
        }),
    }
    Ok(())
}
