//! Views of photos, which a loader makes.

use std::sync::atomic::Ordering;

use tch::Tensor;

use super::{Batch, Dataset};
use crate::data::photos::loader::{Made, MadeView};
use crate::data::photos::render::Request;
use crate::error::{Error, Result};
use crate::torch::device::{moved, uploaded};
use crate::torch::gpu::gpu;
use crate::views::gpu::Pixels;

impl Dataset {
    /// The batch that a request describes, made ahead or now.
    pub(super) fn take_photos(&mut self, request: Request) -> Result<Batch> {
        let loader = self
            .photos
            .as_mut()
            .ok_or_else(|| Error::invalid("Cannot read photos: this data set has none"))?;
        let kernels = request.blur_kernels();
        let Made { views, images } = loader.take(request)?;
        let used: Vec<i64> = (0..images.len() as i64)
            .zip(&images)
            .filter(|(_, image)| image.is_some())
            .map(|(place, _)| place)
            .collect();
        let all = used.len() == images.len();
        let used = moved(&Tensor::f_from_slice(&used)?, self.device)?;
        let views = views.iter().zip(kernels).map(|(view, kernel)| {
            let view = self.as_views(&self.finished(view, kernel)?)?;
            Ok(if all {
                view
            } else {
                view.f_index_select(0, &used)?
            })
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let images: Vec<u32> = images.into_iter().flatten().collect();
        Ok(Batch::new(views, self.labels_of(&images)?))
    }

    /// Views on the device, count × side × side × 3 floats.
    fn finished(&self, view: &MadeView, blur_kernel: usize) -> Result<Tensor> {
        match (view, gpu()) {
            (MadeView::Finished(views), _) => uploaded(views, self.device),
            (MadeView::Crops { pixels, words }, Some(gpu)) => {
                let shape = (pixels.size()[1] as usize, blur_kernel);
                let pixels = uploaded(pixels, self.device)?;
                let words = uploaded(words, self.device)?;
                gpu.views(&Pixels::Crops(&pixels), &words, shape, &self.normalization)
            }
            (MadeView::Crops { .. }, None) => Err(Error::invalid(
                "Cannot finish views: expected the library of the GPUs' side",
            )),
        }
    }

    /// Images decoded, images that cannot be used, and of those decoded the ones of 16-bit gray that use sixteen grays.
    pub fn photo_counts(&self) -> [f64; 3] {
        self.photos.as_ref().map_or([0.0; 3], |loader| {
            let photos = &loader.photos;
            let decoded = photos.decoded.load(Ordering::Relaxed) as f64;
            let few_grays = photos.few_grays.load(Ordering::Relaxed) as f64;
            [decoded, photos.bad.count() as f64, few_grays]
        })
    }

    /// The images that cannot be used, as JSON: index and reason of each.
    pub fn bad_files(&self) -> String {
        let bad = self.photos.as_ref().map(|loader| loader.photos.bad.list());
        serde_json::json!(bad.unwrap_or_default()).to_string()
    }
}
