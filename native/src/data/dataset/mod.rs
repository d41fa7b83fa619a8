//! Images in memory and the batch last made from them.

mod batch;
mod options;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

pub use batch::{Batch, Embedded, Pair};
pub use options::{BatchOptions, DatasetOptions, ProbeOptions, Shard, Source};

use super::demo;
use super::job::DataJob;
use super::label_subset::SubsetOptions;
use super::photos::bad::BadFiles;
use super::photos::loader::{Loader, Made, MadeView};
use super::photos::render::{Photos, Request, Views};
use super::sources::{describe_photos, limited, load_demo};
use crate::error::{Error, Result};
use crate::run::ranks::Ranks;
use crate::torch::device::{moved, require_same, uploaded};
use crate::torch::gpu::gpu;
use crate::training::learner::{Learner, SHARED_PIECE};
use crate::views::gpu::{words, Pixels, Words, WORDS};
use crate::views::kernels::{render_batch, render_center_crops, BatchKey, Images, Normalization};
use crate::views::random::permutation;
use crate::views::recipe::{sample_view, ViewKey, ViewParameters, ViewRecipe};
use crate::views::size::{room_for_views, values_of_views};

/// A dataset's images, the recipes its views are made by, and the current batch.
pub struct Dataset {
    pixels: Vec<u8>,
    /// The pixels on the GPU, where views are made there.
    resident: Option<Tensor>,
    /// In place of pixels, for images that do not fit into memory.
    photos: Option<Loader>,
    pub labels: Vec<u16>,
    side: usize,
    description: serde_json::Value,
    kind: Kind,
    device: Device,
    pool: Arc<rayon::ThreadPool>,
    pub normalization: Normalization,
    training: Option<BatchOptions>,
    probe: Option<ProbeOptions>,
    shard: Shard,
    order: Option<(u64, u64, Vec<u32>)>,
    /// The images that the probe's batches and the test transform go through; None: all.
    subset: Option<Arc<[u32]>>,
    pub batch: Option<Batch>,
}

/// What one of the two views of a step does to each of its images.
pub struct DrawnView {
    pub recipe: ViewRecipe,
    /// The images, by their index in the dataset.
    pub indices: Vec<u32>,
    pub parameters: Vec<ViewParameters>,
}

impl Dataset {
    /// Opens the images that a job has found or read (`job`), or the demo's.
    pub fn open(options: DatasetOptions, job: Option<&mut DataJob>) -> Result<Self> {
        options.validate()?;
        let device = options.device.open()?;
        let workers = options.workers.clamp(1, 256);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .thread_name(|index| format!("byol-views-{index}"))
            .build()
            .map_err(|error| {
                Error::io(format!(
                    "Cannot start {workers} threads for the views: {error}"
                ))
            })?;
        let pool = Arc::new(pool);
        let normalization = Normalization {
            mean: options.mean,
            std: options.std,
        };
        let mut found = None;
        let loaded = match options.source {
            Source::Photos { most_bad, ahead } => {
                let source = given(job)?.take_source()?;
                let loaded = describe_photos(&source)?;
                found = Some((source, most_bad, ahead));
                loaded
            }
            Source::Read => given(job)?.take_memory()?,
            Source::Demo { train, count } => load_demo(train, count)?,
        };
        let (pixels, labels, description) = limited(loaded, options.limit)?;
        let photos = found.map(|(source, most_bad, ahead)| {
            let photos = Photos {
                bad: BadFiles::new(labels.len(), most_bad),
                count: labels.len() as u32,
                source,
                normalization,
                decoded: Default::default(),
            };
            Loader::new(photos, pool.clone(), (device, ahead))
        });
        let resident = match gpu().filter(|_| device.is_cuda() && photos.is_none()) {
            Some(_) => Some(resident(&pixels, device)?),
            None => None,
        };
        Ok(Self {
            pixels,
            resident,
            photos,
            labels,
            side: 32,
            description,
            kind: options.dtype.kind(),
            device,
            pool,
            normalization,
            training: None,
            probe: None,
            shard: Shard::WHOLE,
            order: None,
            subset: None,
            batch: None,
        })
    }

    pub fn describe(&self) -> String {
        self.description.to_string()
    }

    pub fn set_recipes(&mut self, options: BatchOptions) -> Result<()> {
        for recipe in [&options.view1, &options.view2] {
            recipe.validate().map_err(Error::invalid)?;
        }
        self.check_batch(options.batch_size)?;
        self.training = Some(options);
        Ok(())
    }

    pub fn set_probe(&mut self, options: ProbeOptions) -> Result<()> {
        options.validate()?;
        self.probe = Some(options);
        Ok(())
    }

    /// Makes evaluation go through some of the images alone, as if there were no others; views for training do not
    /// change. Replaces an earlier choice.
    pub fn take_subset(&mut self, options: &SubsetOptions) -> Result<()> {
        let classes = self.description["classes"].as_u64().unwrap_or(1) as usize;
        let subset = options.choose(&self.labels, classes)?;
        self.description["count"] = subset.len().into();
        self.subset = (subset.len() < self.labels.len()).then(|| subset.into());
        self.batch = None;
        Ok(())
    }

    /// How many images evaluation goes through.
    fn evaluated(&self) -> usize {
        self.subset
            .as_ref()
            .map_or(self.labels.len(), |subset| subset.len())
    }

    /// The images at some of their places.
    fn images_of(&self, places: impl Iterator<Item = u32>) -> Vec<u32> {
        match &self.subset {
            Some(subset) => places.map(|place| subset[place as usize]).collect(),
            None => places.collect(),
        }
    }

    fn check_batch(&self, size: usize) -> Result<()> {
        if (1..=self.labels.len()).contains(&size) {
            return Ok(());
        }
        let count = self.labels.len();
        Err(Error::invalid(format!(
            "Cannot make batches of {size} from {count} images: expected 1 to {count}"
        )))
    }

    /// Sets the shard of each step's batch that `make_views` takes; default: all of it.
    pub fn set_shard(&mut self, shard: Shard) -> Result<()> {
        let Shard {
            rank,
            ranks,
            micro_batches,
        } = shard;
        if ranks == 0 || micro_batches == 0 || rank >= ranks {
            return Err(Error::invalid(format!(
                "Cannot take the shard of rank {rank} of {ranks} in {micro_batches} micro-batches: expected rank 0 to \
                 ranks − 1 and at least one micro-batch"
            )));
        }
        self.shard = shard;
        Ok(())
    }

    /// Makes both views of step `step`'s images, of this rank's shard of one micro-batch: a pure function of seed, step,
    /// recipes and image, whoever takes the image. Each epoch goes through its own order of the images; the last ones that
    /// fill no batch are left out.
    pub fn make_views(&mut self, seed: u64, step: u64, micro_batch: usize) -> Result<()> {
        let options = self
            .training
            .take()
            .ok_or_else(|| unset("views", "byol_dataset_set_recipes"))?;
        let made = self.views_of(&options, (seed, step), micro_batch);
        self.training = Some(options);
        self.batch = Some(made?);
        Ok(())
    }

    /// The images of step `step`, in the order of its batch.
    fn indices_at(&mut self, batch_size: usize, seed: u64, step: u64) -> Vec<u32> {
        let steps = (self.labels.len() / batch_size) as u64;
        let start = (step % steps) as usize * batch_size;
        self.epoch_order(seed, step / steps)[start..start + batch_size].to_vec()
    }

    /// Returns those images of this rank's shard of one micro-batch. The micro-batches lie one behind the other, each divided
    /// by the ranks: which images are normalised together does not depend on the number of ranks.
    fn shard_at(
        &mut self,
        batch_size: usize,
        (seed, step): (u64, u64),
        micro_batch: usize,
    ) -> Result<Vec<u32>> {
        let Shard {
            rank,
            ranks,
            micro_batches,
        } = self.shard;
        if batch_size % (ranks * micro_batches) != 0 || micro_batch >= micro_batches {
            return Err(Error::invalid(format!(
                "Cannot make micro-batch {micro_batch} of {micro_batches} of a batch of {batch_size} for {ranks} ranks: expected \
                 a multiple of {}, and a micro-batch below {micro_batches}",
                ranks * micro_batches
            )));
        }
        let size = batch_size / (ranks * micro_batches);
        let start = (micro_batch * ranks + rank) * size;
        Ok(self.indices_at(batch_size, seed, step)[start..start + size].to_vec())
    }

    fn views_of(
        &mut self,
        options: &BatchOptions,
        (seed, step): (u64, u64),
        micro_batch: usize,
    ) -> Result<Batch> {
        let indices = self.shard_at(options.batch_size, (seed, step), micro_batch)?;
        if self.photos.is_some() {
            return self.take_photos(drawn(indices, (seed, step), options));
        }
        let views = [(0, &options.view1), (1, &options.view2)]
            .into_iter()
            .map(|(view, recipe)| self.render(&indices, BatchKey { seed, step, view }, recipe))
            .collect::<Result<Vec<Tensor>>>()?;
        Ok(Batch::new(views, self.labels_of(&indices)?))
    }

    /// What make_views draws for step `step`, without rendering it.
    pub fn drawn(&mut self, seed: u64, step: u64) -> Result<[DrawnView; 2]> {
        if self.photos.is_some() {
            return Err(Error::invalid(
                "Cannot tell the views of photos: expected images in memory",
            ));
        }
        let options = self
            .training
            .as_ref()
            .ok_or_else(|| unset("views", "byol_dataset_set_recipes"))?;
        let (recipes, batch_size) = (
            [options.view1.clone(), options.view2.clone()],
            options.batch_size,
        );
        let indices = self.indices_at(batch_size, seed, step);
        let mut view = 0;
        Ok(recipes.map(|recipe| {
            let parameters = indices
                .iter()
                .map(|&index| {
                    let sample = u64::from(index);
                    let key = ViewKey {
                        seed,
                        step,
                        sample,
                        view,
                    };
                    sample_view(&recipe, key, self.side, self.side)
                })
                .collect();
            view += 1;
            DrawnView {
                recipe,
                indices: indices.clone(),
                parameters,
            }
        }))
    }

    /// The bytes of some images, one after another, and the shape of each.
    pub fn images_at(&self, indices: &[u32]) -> (Vec<u8>, [usize; 3]) {
        let size = 3 * self.side * self.side;
        let starts = indices.iter().map(|&index| index as usize * size);
        let bytes = starts
            .flat_map(|start| &self.pixels[start..start + size])
            .copied();
        (bytes.collect(), [3, self.side, self.side])
    }

    fn epoch_order(&mut self, seed: u64, epoch: u64) -> &[u32] {
        if !matches!(&self.order, Some((s, e, _)) if (*s, *e) == (seed, epoch)) {
            self.order = Some((seed, epoch, permutation(seed, epoch, self.labels.len())));
        }
        self.order.as_ref().map_or(&[], |(_, _, order)| order)
    }

    fn render(&self, indices: &[u32], key: BatchKey, recipe: &ViewRecipe) -> Result<Tensor> {
        let side = recipe.crop_size;
        if let (Some(gpu), Some(images)) = (gpu(), &self.resident) {
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

    /// What a view of each image does to it, on the GPU.
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

    fn images(&self) -> Images<'_> {
        Images {
            pixels: &self.pixels,
            height: self.side,
            width: self.side,
        }
    }

    /// Floats with the channels innermost, as a tensor of shape count × 3 × side × side.
    fn tensor(&self, values: &[f32], count: usize, side: usize) -> Result<Tensor> {
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
    fn as_views(&self, pixels: &Tensor) -> Result<Tensor> {
        Ok(pixels.f_to_kind(self.kind)?.f_permute([0, 3, 1, 2])?)
    }

    fn labels_of(&self, indices: &[u32]) -> Result<Tensor> {
        let labels: Vec<i64> = indices
            .iter()
            .map(|&index| i64::from(self.labels[index as usize]))
            .collect();
        moved(&Tensor::f_from_slice(&labels)?, self.device)
    }

    /// One randomly cropped and flipped view for the probe's step `step`, of this rank's shard; the last, smaller batch
    /// of an epoch is kept.
    pub fn make_probe_batch(&mut self, seed: u64, step: u64) -> Result<()> {
        let options = self
            .probe
            .take()
            .ok_or_else(|| unset("probe batches", "byol_dataset_set_probe"))?;
        let made = self.probe_batch(&options, (seed, step));
        self.probe = Some(options);
        self.batch = Some(made?);
        Ok(())
    }

    fn probe_batch(&mut self, options: &ProbeOptions, (seed, step): (u64, u64)) -> Result<Batch> {
        let count = self.evaluated();
        let steps = count.div_ceil(options.batch_size) as u64;
        let start = (step % steps) as usize * options.batch_size;
        let end = (start + options.batch_size).min(count);
        // The probe draws its own order: the training stream's cached one stays untouched.
        let order = permutation(!seed, step / steps, count);
        let shard = self.probe_shard(&order[start..end]);
        let indices = self.images_of(shard.iter().copied());
        if indices.is_empty() {
            return self.empty_batch(options.train.crop_size);
        }
        let view = 2;
        let key = BatchKey { seed, step, view };
        if self.photos.is_some() {
            let views = Views::Drawn(vec![(key, options.train.clone())]);
            let among = self.subset.clone();
            return self.take_photos(Request {
                indices,
                views,
                among,
            });
        }
        let views = vec![self.render(&indices, key, &options.train)?];
        Ok(Batch::new(views, self.labels_of(&indices)?))
    }

    /// Returns this rank's shard of a batch of the probe, in whole pieces: the processor embeds these one by one, so that an
    /// embedding there has the same bits whatever the number of ranks.
    fn probe_shard<'a>(&self, indices: &'a [u32]) -> &'a [u32] {
        let Shard { rank, ranks, .. } = self.shard;
        let pieces = indices.len().div_ceil(SHARED_PIECE);
        let bound = |rank: usize| (pieces * rank / ranks * SHARED_PIECE).min(indices.len());
        &indices[bound(rank)..bound(rank + 1)]
    }

    fn empty_batch(&self, side: usize) -> Result<Batch> {
        let shape = [0, 3, side as i64, side as i64];
        let views = Tensor::f_zeros(shape, (self.kind, self.device))?;
        Ok(Batch::new(vec![views], self.labels_of(&[])?))
    }

    /// The test transform of `count` images from `start`, in the order of the files; of none where a rank has none left.
    pub fn make_center_crops(&mut self, start: usize, count: usize) -> Result<()> {
        let options = self
            .probe
            .as_ref()
            .ok_or_else(|| unset("test batches", "byol_dataset_set_probe"))?;
        let end = start
            .checked_add(count)
            .filter(|&end| end <= self.evaluated());
        let end = end.ok_or_else(|| {
            Error::invalid(format!(
                "Cannot take {count} images from {start}: the dataset has {}",
                self.evaluated()
            ))
        })?;
        let sides = options.sides();
        if count == 0 {
            self.batch = Some(self.empty_batch(sides.crop)?);
            return Ok(());
        }
        let indices = self.images_of(start as u32..end as u32);
        if self.photos.is_some() {
            sides.validate().map_err(Error::invalid)?;
            let views = Views::CenterCrops(sides);
            self.batch = Some(self.take_photos(Request {
                indices,
                views,
                among: None,
            })?);
            return Ok(());
        }
        let mut out = room_for_views(count, sides.crop)?;
        let pool = Some(&*self.pool);
        render_center_crops(
            self.images(),
            &indices,
            sides,
            &self.normalization,
            &mut out,
            pool,
        )
        .map_err(Error::invalid)?;
        let view = self.tensor(&out, count, sides.crop)?;
        self.batch = Some(Batch::new(vec![view], self.labels_of(&indices)?));
        Ok(())
    }

    /// The batch that a request describes, made ahead or now.
    fn take_photos(&mut self, request: Request) -> Result<Batch> {
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

    /// Starts on both views of a step that is to come, where images are made ahead and there is room: the views that
    /// `make_views` then takes if it is asked for the same. Whether it did.
    pub fn prefetch_views(
        &mut self,
        options: &BatchOptions,
        (seed, step): (u64, u64),
        micro_batch: usize,
    ) -> Result<bool> {
        for recipe in [&options.view1, &options.view2] {
            recipe.validate().map_err(Error::invalid)?;
        }
        self.check_batch(options.batch_size)?;
        if self.photos.is_none() {
            return Ok(false);
        }
        let indices = self.shard_at(options.batch_size, (seed, step), micro_batch)?;
        let request = drawn(indices, (seed, step), options);
        self.photos
            .as_mut()
            .map_or(Ok(false), |loader| loader.prefetch(request))
    }

    /// Images decoded, and images that cannot be used.
    pub fn photo_counts(&self) -> [f64; 2] {
        self.photos.as_ref().map_or([0.0; 2], |loader| {
            let decoded = loader
                .photos
                .decoded
                .load(std::sync::atomic::Ordering::Relaxed);
            [decoded as f64, loader.photos.bad.count() as f64]
        })
    }

    /// The images that cannot be used, as JSON: index and reason of each.
    pub fn bad_files(&self) -> String {
        let bad = self.photos.as_ref().map(|loader| loader.photos.bad.list());
        serde_json::json!(bad.unwrap_or_default()).to_string()
    }

    /// The names of some images as JSON: the path below the folder that was listed, or an image's number where images
    /// are no files of their own.
    pub fn names(&self, start: usize, count: usize) -> Result<String> {
        let images = self.evaluated();
        let end = start
            .checked_add(count)
            .filter(|end| *end <= images)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "Cannot name {count} images from {start}: expected them among {images}"
                ))
            })?;
        let name = |index: usize| match &self.photos {
            Some(loader) => loader.photos.source.relative_name(index),
            None => index.to_string(),
        };
        let indices = self.images_of(start as u32..end as u32);
        let names: Vec<String> = indices.into_iter().map(|at| name(at as usize)).collect();
        Ok(serde_json::json!(names).to_string())
    }

    /// Embeds the current one-view batch and keeps the embeddings with it, for whoever uses the batch next.
    pub fn embed(&mut self, learner: &Learner) -> Result<()> {
        let embedded = self.batch(1)?.embeddings(learner)?;
        if let Some(batch) = &mut self.batch {
            batch.embedded = Some(embedded);
        }
        Ok(())
    }

    /// Puts all ranks' embeddings in the place of this rank's, in the order of the ranks.
    pub fn gather(&mut self, ranks: &Ranks) -> Result<()> {
        self.batch(1)?;
        let embedded = self
            .batch
            .as_mut()
            .and_then(|batch| batch.embedded.as_mut());
        let embedded = embedded.ok_or_else(|| {
            Error::invalid("Cannot exchange embeddings: call byol_dataset_embed first")
        })?;
        let rows = ranks.rows_of_all(&[&embedded.features, &embedded.labels])?;
        if let [features, labels] = rows.as_slice() {
            embedded.features = features.shallow_clone();
            embedded.labels = labels.shallow_clone();
        }
        Ok(())
    }

    /// Returns the two views and their labels for a learner. Error: another number of views, or another type or device.
    pub fn pair_for(&self, learner: &Learner) -> Result<Pair<'_>> {
        let batch = self.batch(2)?;
        let views = [&batch.views[0], &batch.views[1]];
        if views[0].kind() != learner.kind() {
            return Err(Error::invalid(format!(
                "Cannot train on views of {:?}: expected the learner's {:?}",
                views[0].kind(),
                learner.kind()
            )));
        }
        require_same("views", views[0].device(), learner.device())?;
        Ok(Pair {
            views,
            labels: &batch.labels,
        })
    }

    /// Returns the current batch, which must hold `views` views.
    pub fn batch(&self, views: usize) -> Result<&Batch> {
        let batch = self
            .batch
            .as_ref()
            .filter(|batch| batch.views.len() == views);
        batch.ok_or_else(|| {
            Error::invalid(format!(
                "Cannot use the dataset's batch: expected one with {views} views"
            ))
        })
    }
}

fn given(job: Option<&mut DataJob>) -> Result<&mut DataJob> {
    job.ok_or_else(|| Error::invalid("Cannot open images: expected the job that has found them"))
}

/// Images of 32 × 32 pixels on a GPU.
fn resident(pixels: &[u8], device: Device) -> Result<Tensor> {
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

/// Both views of a step, as a loader is asked for them.
fn drawn(indices: Vec<u32>, (seed, step): (u64, u64), options: &BatchOptions) -> Request {
    let key = |view| BatchKey { seed, step, view };
    let views = vec![
        (key(0), options.view1.clone()),
        (key(1), options.view2.clone()),
    ];
    Request {
        indices,
        views: Views::Drawn(views),
        among: None,
    }
}

fn unset(what: &str, call: &str) -> Error {
    Error::invalid(format!("Cannot make {what}: call {call} first"))
}
