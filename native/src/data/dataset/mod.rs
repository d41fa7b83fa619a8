//! Images in memory and the batch last made from them.

mod batch;
mod evaluation;
mod options;
mod parts;
mod photos;
mod pixels;
#[cfg(test)]
mod tests;
mod training;

use std::ops::RangeInclusive;
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

pub use batch::{Batch, Embedded, Pair};
pub use options::{BatchOptions, DatasetOptions, ProbeOptions, Shard, Source};
pub use training::DrawnView;

use super::job::DataJob;
use super::photos::bad::BadFiles;
use super::photos::loader::Loader;
use super::photos::render::Photos;
use super::sources::{describe_photos, load_demo};
use crate::error::{Error, Result};
use crate::run::ranks::Ranks;
use crate::torch::device::require_same;
use crate::torch::gpu::gpu_with_kernels;
use crate::training::learner::{Learner, StepViews};
use crate::views::kernels::Normalization;

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
    /// Pictures of the images of a batch before any view is made, for the next contact sheet.
    pub sheet_images: Option<Vec<u8>>,
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
            Source::Photos {
                most_bad,
                ahead,
                classes,
                range,
            } => {
                let source = given(job)?.take_source()?;
                let loaded = describe_photos(&source, classes.as_deref())?;
                found = Some((source, most_bad, (ahead, range)));
                loaded
            }
            Source::Read => given(job)?.take_memory()?,
            Source::Demo { train, count } => load_demo(train, count)?,
        };
        let (pixels, labels, description) = loaded;
        let photos = found.map(|(source, most_bad, (ahead, range))| {
            let photos = Photos {
                bad: BadFiles::new(labels.len(), most_bad),
                count: labels.len() as u32,
                kept: None,
                source: Arc::new(source),
                normalization,
                range,
                decoded: Default::default(),
                few_grays: Default::default(),
            };
            Loader::new(photos, pool.clone(), (device, ahead))
        });
        let resident = match gpu_with_kernels().filter(|_| device.is_cuda() && photos.is_none()) {
            Some(_) => Some(pixels::resident(&pixels, device)?),
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
            sheet_images: None,
        })
    }

    pub fn describe(&self) -> String {
        self.description.to_string()
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
        let batch = self.training_batch()?;
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
            views: StepViews {
                pair: views,
                turned: batch.views.get(2),
            },
            labels: &batch.labels,
        })
    }

    /// Returns the current batch, which must hold `views` views.
    pub fn batch(&self, views: usize) -> Result<&Batch> {
        self.batch_of(views..=views)
    }

    /// Returns the current batch of a training: two views, or three with the rotation auxiliary.
    pub fn training_batch(&self) -> Result<&Batch> {
        self.batch_of(2..=3)
    }

    fn batch_of(&self, views: RangeInclusive<usize>) -> Result<&Batch> {
        let batch = self.batch.as_ref();
        let batch = batch.filter(|batch| views.contains(&batch.views.len()));
        batch.ok_or_else(|| {
            Error::invalid(format!(
                "Cannot use the dataset's batch: expected one with {} views",
                views.start()
            ))
        })
    }
}

fn given(job: Option<&mut DataJob>) -> Result<&mut DataJob> {
    job.ok_or_else(|| Error::invalid("Cannot open images: expected the job that has found them"))
}

fn unset(what: &str, call: &str) -> Error {
    Error::invalid(format!("Cannot make {what}: call {call} first"))
}
