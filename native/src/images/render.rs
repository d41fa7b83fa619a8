//! What a batch asks for, and one worker's way from a file to the finished views of its image.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use super::bad::BadFiles;
use super::crop::Cropper;
use super::decode::{decode, Photo};
use super::source::Source;
use crate::boundary::{Error, Result};
use crate::view_kernels::{BatchKey, CenteredSides, Normalization, Renderer};
use crate::view_parameters::{sample_view, ViewKey, ViewRecipe};

/// Images, and what is to be made of each.
#[derive(Clone, PartialEq)]
pub struct Request {
    pub indices: Vec<u32>,
    pub views: Views,
}

#[derive(Clone, PartialEq)]
pub enum Views {
    /// One view by each recipe, all from one decoding.
    Drawn(Vec<(BatchKey, ViewRecipe)>),
    /// The test transform. An image that cannot be used has none: no other stands for it.
    Centered(CenteredSides),
}

impl Request {
    /// Sides of the views, in pixels.
    pub fn sides(&self) -> Vec<usize> {
        match &self.views {
            Views::Drawn(views) => views.iter().map(|(_, recipe)| recipe.crop_size).collect(),
            Views::Centered(sides) => vec![sides.crop],
        }
    }
}

/// The photos of one data set, with what was seen of them.
pub struct Photos {
    pub source: Source,
    pub bad: BadFiles,
    /// Images that may be used: the first so many.
    pub count: u32,
    pub normalization: Normalization,
    /// Images decoded, also those decoded in vain.
    pub decoded: AtomicU64,
}

impl Photos {
    /// Makes a batch's views, each `side` × `side` × 3 floats an image, in any number of threads. Returns the image that
    /// each place really holds: one that cannot be used is replaced by the next that can, but for the test transform.
    pub fn render(
        &self,
        request: &Request,
        outs: Vec<&mut [f32]>,
        stop: &AtomicBool,
    ) -> Result<Vec<Option<u32>>> {
        let count = request.indices.len();
        let mut places: Vec<Vec<&mut [f32]>> = (0..count).map(|_| Vec::new()).collect();
        for (out, side) in outs.into_iter().zip(request.sides()) {
            for (place, view) in places.iter_mut().zip(out.chunks_exact_mut(side * side * 3)) {
                place.push(view);
            }
        }
        places
            .par_iter_mut()
            .zip(&request.indices)
            .map_init(Worker::default, |worker, (views, &index)| {
                if stop.load(Ordering::Relaxed) {
                    return Err(Error::invalid("Cannot make the views: no longer wanted"));
                }
                worker.make(self, index, &request.views, views)
            })
            .collect()
    }
}

/// One thread's buffers.
#[derive(Default)]
struct Worker {
    file: Vec<u8>,
    photo: Photo,
    cropper: Cropper,
    crop: Vec<u8>,
    renderer: Renderer,
}

impl Worker {
    fn make(
        &mut self,
        photos: &Photos,
        index: u32,
        views: &Views,
        outs: &mut [&mut [f32]],
    ) -> Result<Option<u32>> {
        let found = match views {
            Views::Centered(_) => self.load(photos, index)?.then_some(index),
            Views::Drawn(_) => Some(self.load_or_next(photos, index)?),
        };
        let Some(found) = found else {
            outs.iter_mut().for_each(|out| out.fill(0.0));
            return Ok(None);
        };
        match views {
            Views::Centered(sides) => {
                for out in outs {
                    self.center(photos, *sides, out)
                        .map_err(|error| unusable(photos, found, &error))?;
                }
            }
            Views::Drawn(views) => {
                for ((key, recipe), out) in views.iter().zip(outs) {
                    // Drawn for the image that was asked for: its replacement is its stand-in.
                    let key = ViewKey {
                        seed: key.seed,
                        step: key.step,
                        sample: u64::from(index),
                        view: key.view,
                    };
                    self.draw(photos, key, recipe, out)
                        .map_err(|error| unusable(photos, found, &error))?;
                }
            }
        }
        Ok(Some(found))
    }

    /// Reads and decodes an image, or the next in the data set's order that can be: whatever other threads found.
    fn load_or_next(&mut self, photos: &Photos, index: u32) -> Result<u32> {
        let count = photos.count;
        for offset in 0..count {
            let candidate = (index + offset) % count;
            if self.load(photos, candidate)? {
                return Ok(candidate);
            }
        }
        Err(Error::io(format!(
            "Cannot make views: none of the {count} images can be used"
        )))
    }

    /// Reads and decodes an image; false when it cannot be used, which is noted.
    fn load(&mut self, photos: &Photos, index: u32) -> Result<bool> {
        if photos.bad.contains(index) {
            return Ok(false);
        }
        let decoded = photos
            .source
            .bytes(index as usize, &mut self.file)
            .and_then(|bytes| {
                photos.decoded.fetch_add(1, Ordering::Relaxed);
                decode(bytes, &mut self.photo)
            });
        match decoded {
            Ok(()) => Ok(true),
            Err(reason) => {
                let name = photos.source.name(index as usize);
                photos.bad.add(index, format!("{name}: {reason}"))?;
                Ok(false)
            }
        }
    }

    fn draw(
        &mut self,
        photos: &Photos,
        key: ViewKey,
        recipe: &ViewRecipe,
        out: &mut [f32],
    ) -> std::result::Result<(), String> {
        let parameters = sample_view(recipe, key, self.photo.height, self.photo.width);
        let part = [
            parameters.top,
            parameters.left,
            parameters.height,
            parameters.width,
        ];
        let size = recipe.crop_size;
        self.cropper.crop(&self.photo, part, size, &mut self.crop)?;
        let parameters = Some(&parameters);
        let (kernel, normalization) = (recipe.blur_kernel, &photos.normalization);
        self.renderer
            .render_resized(&self.crop, parameters, size, kernel, normalization, out)
    }

    fn center(
        &mut self,
        photos: &Photos,
        sides: CenteredSides,
        out: &mut [f32],
    ) -> std::result::Result<(), String> {
        self.cropper.center(&self.photo, sides, &mut self.crop)?;
        self.renderer
            .render_resized(&self.crop, None, sides.crop, 1, &photos.normalization, out)
    }
}

fn unusable(photos: &Photos, index: u32, reason: &str) -> Error {
    let name = photos.source.name(index as usize);
    Error::invalid(format!("Cannot make a view of {name}: {reason}"))
}
