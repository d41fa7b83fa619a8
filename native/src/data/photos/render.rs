//! A request for a batch, and one worker's way from a file to the finished views of its image.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use rayon::prelude::*;

use super::bad::BadFiles;
use super::crop::Cropper;
use super::decode::{decode, Photo};
use super::source::Source;
use crate::error::{Error, Result};
use crate::views::gpu::{words, Words, UNCHANGED};
use crate::views::kernels::{BatchKey, CenterCrop, Normalization, Renderer};
use crate::views::recipe::{sample_view, ViewKey, ViewParameters, ViewRecipe};

/// Images, and what is to be made of each.
#[derive(Clone, PartialEq)]
pub struct Request {
    pub indices: Vec<u32>,
    pub views: Views,
    /// The images of which the next stands for one that cannot be used, in their order; all of the data set's where
    /// there are none.
    pub among: Option<Arc<[u32]>>,
}

#[derive(Clone, PartialEq)]
pub enum Views {
    /// One view by each recipe, all from one decoding.
    Drawn(Vec<(BatchKey, ViewRecipe)>),
    /// The test transform. An image that cannot be used has none: no other stands for it.
    CenterCrops(CenterCrop),
}

/// The buffers that one view of each image of a batch goes into.
pub enum Target<'a> {
    /// Finished views: `side` × `side` × 3 normalised floats an image.
    Views(&'a mut [f32]),
    /// Pixels that a GPU finishes: `side` × `side` × 3 bytes an image, and the operations on them.
    Crops(&'a mut [u8], &'a mut [Words]),
}

/// The place of one image's view.
enum Place<'a> {
    View(&'a mut [f32]),
    Crop(&'a mut [u8], &'a mut Words),
}

impl<'a> Target<'a> {
    fn places(self, side: usize) -> Vec<Place<'a>> {
        let size = side * side * 3;
        match self {
            Target::Views(views) => views.chunks_exact_mut(size).map(Place::View).collect(),
            Target::Crops(crops, all) => {
                let pairs = crops.chunks_exact_mut(size).zip(all);
                pairs
                    .map(|(crop, words)| Place::Crop(crop, words))
                    .collect()
            }
        }
    }
}

impl Request {
    /// Sides of the blur's kernels, in pixels; 1 where nothing is blurred.
    pub fn blur_kernels(&self) -> Vec<usize> {
        match &self.views {
            Views::Drawn(views) => views.iter().map(|(_, recipe)| recipe.blur_kernel).collect(),
            Views::CenterCrops(_) => vec![1],
        }
    }

    /// Sides of the views, in pixels.
    pub fn sides(&self) -> Vec<usize> {
        match &self.views {
            Views::Drawn(views) => views.iter().map(|(_, recipe)| recipe.crop_size).collect(),
            Views::CenterCrops(sides) => vec![sides.crop],
        }
    }
}

/// The photos of one data set, with what was seen of them.
pub struct Photos {
    pub source: Arc<Source>,
    pub bad: BadFiles,
    /// Number of images that may be used.
    pub count: u32,
    /// Each image's place among the files; none where all are used.
    pub kept: Option<Vec<u32>>,
    pub normalization: Normalization,
    /// Values of 16 bits that become 0 and 1; none to take the high byte.
    pub range: Option<[u16; 2]>,
    /// Images decoded, also those decoded in vain.
    pub decoded: AtomicU64,
    /// Of those, the ones of 16-bit gray that use sixteen grays.
    pub few_grays: AtomicU64,
}

impl Photos {
    /// Returns an image's place among the files.
    pub fn file(&self, index: usize) -> usize {
        let kept = self.kept.as_ref().and_then(|kept| kept.get(index));
        kept.map_or(index, |&file| file as usize)
    }

    /// Returns an image's path in the folder that was listed.
    pub fn relative_name(&self, index: usize) -> String {
        self.source.relative_name(self.file(index))
    }

    /// Returns some of the images as photos of their own, of which nothing was seen yet.
    pub fn of(&self, images: &[u32]) -> Self {
        Self {
            source: self.source.clone(),
            bad: self.bad.of(images.len()),
            count: images.len() as u32,
            kept: Some(self.files(images)),
            normalization: self.normalization,
            range: self.range,
            decoded: AtomicU64::default(),
            few_grays: AtomicU64::default(),
        }
    }

    fn files(&self, images: &[u32]) -> Vec<u32> {
        let files = images.iter().map(|&index| self.file(index as usize) as u32);
        files.collect()
    }

    /// Makes a batch's views in any number of threads. Returns the image that each place really holds: one that cannot
    /// be used is replaced by the next that can, but for the test transform.
    pub fn render(
        &self,
        request: &Request,
        targets: Vec<Target>,
        stop: &AtomicBool,
    ) -> Result<Vec<Option<u32>>> {
        let count = request.indices.len();
        let mut places: Vec<Vec<Place>> = (0..count).map(|_| Vec::new()).collect();
        for (target, side) in targets.into_iter().zip(request.sides()) {
            for (place, view) in places.iter_mut().zip(target.places(side)) {
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
                worker.make(self, index, request, views)
            })
            .collect()
    }
}

impl Place<'_> {
    fn clear(&mut self) {
        match self {
            Place::View(view) => view.fill(0.0),
            Place::Crop(pixels, described) => {
                pixels.fill(0);
                **described = UNCHANGED;
            }
        }
    }
}

/// One thread's buffers.
#[derive(Default)]
struct Worker {
    file: Vec<u8>,
    photo: Photo,
    cropper: Cropper,
    crop: Vec<u8>,
    /// The crop of an image of 16 bits.
    words: Vec<u16>,
    renderer: Renderer,
}

impl Worker {
    fn make(
        &mut self,
        photos: &Photos,
        index: u32,
        request: &Request,
        outs: &mut [Place],
    ) -> Result<Option<u32>> {
        let found = match &request.views {
            Views::CenterCrops(_) => self.load(photos, index)?.then_some(index),
            Views::Drawn(_) => Some(self.load_or_next(photos, index, request.among.as_deref())?),
        };
        let Some(found) = found else {
            outs.iter_mut().for_each(Place::clear);
            return Ok(None);
        };
        match &request.views {
            Views::CenterCrops(sides) => {
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

    /// Reads and decodes an image, or the next that can be, of those `among` which one may stand for another, else of
    /// all: whatever other threads found.
    fn load_or_next(&mut self, photos: &Photos, index: u32, among: Option<&[u32]>) -> Result<u32> {
        if self.load(photos, index)? {
            return Ok(index);
        }
        let count = among.map_or(photos.count as usize, <[u32]>::len);
        let place = among.map_or(index as usize, |among| {
            among.partition_point(|&one| one < index)
        });
        for offset in 1..count {
            let next = (place + offset) % count;
            let candidate = among.map_or(next as u32, |among| among[next]);
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
            .bytes(photos.file(index as usize), &mut self.file)
            .and_then(|bytes| {
                photos.decoded.fetch_add(1, Ordering::Relaxed);
                self.photo.keeps_bits = photos.range.is_some();
                decode(bytes, &mut self.photo)
            });
        match decoded {
            Ok(()) => {
                if self.photo.few_grays {
                    photos.few_grays.fetch_add(1, Ordering::Relaxed);
                }
                if let Some(range) = photos.range {
                    self.photo.stretch(range);
                }
                Ok(true)
            }
            Err(reason) => {
                let name = photos.source.name(photos.file(index as usize));
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
        out: &mut Place,
    ) -> std::result::Result<(), String> {
        let parameters = sample_view(recipe, key, self.photo.height, self.photo.width);
        let part = [
            parameters.top,
            parameters.left,
            parameters.height,
            parameters.width,
        ];
        let size = recipe.crop_size;
        if self.photo.words.is_empty() {
            self.cropper.crop(&self.photo, part, size, &mut self.crop)?;
        } else {
            self.cropper
                .crop(&self.photo, part, size, &mut self.words)?;
        }
        self.finish(photos, Some(&parameters), (size, recipe.blur_kernel), out)
    }

    /// The view of the crop, or the crop itself with what is to be done to it.
    fn finish(
        &mut self,
        photos: &Photos,
        parameters: Option<&ViewParameters>,
        (size, kernel): (usize, usize),
        out: &mut Place,
    ) -> std::result::Result<(), String> {
        match out {
            Place::View(view) => {
                let normalization = &photos.normalization;
                let Self { renderer, crop, .. } = self;
                if self.photo.words.is_empty() {
                    return renderer.render_resized(
                        crop.as_slice(),
                        parameters,
                        size,
                        kernel,
                        normalization,
                        view,
                    );
                }
                renderer.render_resized(&self.words, parameters, size, kernel, normalization, view)
            }
            Place::Crop(..) if !self.photo.words.is_empty() => {
                Err("expected values of 16 bits to be finished here".to_owned())
            }
            Place::Crop(pixels, described) => {
                pixels.copy_from_slice(&self.crop);
                **described = parameters.map_or(UNCHANGED, |view| words(0, view));
                Ok(())
            }
        }
    }

    fn center(
        &mut self,
        photos: &Photos,
        sides: CenterCrop,
        out: &mut Place,
    ) -> std::result::Result<(), String> {
        if self.photo.words.is_empty() {
            self.cropper.center(&self.photo, sides, &mut self.crop)?;
        } else {
            self.cropper.center(&self.photo, sides, &mut self.words)?;
        }
        self.finish(photos, None, (sides.crop, 1), out)
    }
}

fn unusable(photos: &Photos, index: u32, reason: &str) -> Error {
    let name = photos.source.name(photos.file(index as usize));
    Error::invalid(format!("Cannot make a view of {name}: {reason}"))
}

#[cfg(test)]
mod tests;
