//! Views of images in memory.

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::Dataset;
use crate::data::demo;
use crate::error::{Error, Result};
use crate::torch::device::moved;
use crate::torch::gpu::gpu_with_kernels;
use crate::views::gpu::{words, Pixels, Words, WORDS};
use crate::views::kernels::{render_batch, BatchKey, Images};
use crate::views::recipe::{sample_view, ViewKey, ViewRecipe};
use crate::views::size::{room_for_views, values_of_views};

impl Dataset {
    /// The bytes of some images, one after another, and the shape of each.
    pub fn images_at(&self, indices: &[u32]) -> (Vec<u8>, [usize; 3]) {
        let size = 3 * self.side * self.side;
        let starts = indices.iter().map(|&index| index as usize * size);
        let bytes = starts
            .flat_map(|start| &self.pixels[start..start + size])
            .copied();
        (bytes.collect(), [3, self.side, self.side])
    }

    pub(super) fn render(
        &self,
        indices: &[u32],
        key: BatchKey,
        recipe: &ViewRecipe,
    ) -> Result<Tensor> {
        let side = recipe.crop_size;
        if let (Some(gpu), Some(images)) = (gpu_with_kernels(), &self.resident) {
            values_of_views(indices.len(), side)?;
            let words = self.described(indices, key, recipe)?;
            let shape = (side, recipe.blur_kernel);
            let views = gpu.views(&Pixels::Images(images), &words, shape, &self.normalization)?;
            return self.as_views(&views);
        }
        let mut out = room_for_views(indices.len(), side)?;
        let pool = Some(&*self.pool);
        render_batch(
            self.images(),
            indices,
            key,
            recipe,
            &self.normalization,
            &mut out,
            pool,
        )
        .map_err(Error::invalid)?;
        self.tensor(&out, indices.len(), side)
    }

    /// Describes a view of each image, on the GPU.
    fn described(&self, indices: &[u32], key: BatchKey, recipe: &ViewRecipe) -> Result<Tensor> {
        let image_side = self.side;
        let describe = |&index: &u32| {
            let sample = ViewKey {
                seed: key.seed,
                step: key.step,
                sample: u64::from(index),
                view: key.view,
            };
            words(index, &sample_view(recipe, sample, image_side, image_side))
        };
        let all: Vec<Words> = self
            .pool
            .install(|| indices.par_iter().map(describe).collect());
        on_device(&all, self.device)
    }

    pub(super) fn images(&self) -> Images<'_> {
        Images {
            pixels: &self.pixels,
            height: self.side,
            width: self.side,
        }
    }

    /// Floats with the channels innermost, as a tensor of shape count × 3 × side × side.
    pub(super) fn tensor(&self, values: &[f32], count: usize, side: usize) -> Result<Tensor> {
        let bytes = unsafe {
            std::slice::from_raw_parts(values.as_ptr().cast(), std::mem::size_of_val(values))
        };
        let shape = [count as i64, side as i64, side as i64, 3];
        let tensor = moved(
            &Tensor::f_from_data_size(bytes, &shape, Kind::Float)?,
            self.device,
        )?;
        self.as_views(&tensor)
    }

    /// Count × side × side × 3 floats as count × 3 × side × side of the learner's type.
    pub(super) fn as_views(&self, pixels: &Tensor) -> Result<Tensor> {
        Ok(pixels.f_to_kind(self.kind)?.f_permute([0, 3, 1, 2])?)
    }

    pub(super) fn labels_of(&self, indices: &[u32]) -> Result<Tensor> {
        let labels: Vec<i64> = indices
            .iter()
            .map(|&index| i64::from(self.labels[index as usize]))
            .collect();
        moved(&Tensor::f_from_slice(&labels)?, self.device)
    }
}

/// Images of 32 × 32 pixels on a GPU.
pub(super) fn resident(pixels: &[u8], device: Device) -> Result<Tensor> {
    let count = pixels.len() / demo::IMAGE_SIZE;
    let shape = [count as i64, 3, 32, 32];
    moved(
        &Tensor::f_from_data_size(pixels, &shape, Kind::Uint8)?,
        device,
    )
}

/// Descriptions of views on the GPU: count × WORDS of int32.
fn on_device(views: &[Words], device: Device) -> Result<Tensor> {
    let bytes: Vec<u8> = views
        .iter()
        .flatten()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    let shape = [views.len() as i64, WORDS as i64];
    moved(
        &Tensor::f_from_data_size(&bytes, &shape, Kind::Int)?,
        device,
    )
}
