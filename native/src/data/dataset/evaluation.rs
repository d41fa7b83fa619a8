//! Batches of evaluation: a probe's views, the test transform, subsets of the images.

use tch::Tensor;

use super::{unset, Batch, Dataset, ProbeOptions, Shard};
use crate::data::label_subset::SubsetOptions;
use crate::data::photos::render::{Request, Views};
use crate::error::{Error, Result};
use crate::training::learner::SHARED_PIECE;
use crate::views::kernels::{render_center_crops, BatchKey};
use crate::views::random::permutation;
use crate::views::size::room_for_views;

impl Dataset {
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

    /// Returns the number of images that evaluation goes through.
    fn evaluated(&self) -> usize {
        self.subset
            .as_ref()
            .map_or(self.labels.len(), |subset| subset.len())
    }

    /// Returns the images at some of their places.
    fn images_of(&self, places: impl Iterator<Item = u32>) -> Vec<u32> {
        match &self.subset {
            Some(subset) => places.map(|place| subset[place as usize]).collect(),
            None => places.collect(),
        }
    }

    /// One randomly cropped and flipped view for the probe's step `step`, of this rank's shard; the last, smaller batch
    /// of an epoch is kept.
    pub fn make_probe_batch(&mut self, seed: u64, step: u64) -> Result<()> {
        let options = self
            .probe
            .clone()
            .ok_or_else(|| unset("probe batches", "byol_dataset_set_probe"))?;
        let made = self.probe_batch(&options, (seed, step));
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

    /// Returns this rank's shard of a batch of the probe, in whole pieces: the processor embeds these one by one, so
    /// that an embedding there has the same bits whatever the number of ranks.
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

    /// The test transform of `count` images from `start`, in the order of the files; of none where a rank has none
    /// left.
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
            Some(loader) => loader.photos.relative_name(index),
            None => index.to_string(),
        };
        let indices = self.images_of(start as u32..end as u32);
        let names: Vec<String> = indices.into_iter().map(|at| name(at as usize)).collect();
        Ok(serde_json::json!(names).to_string())
    }
}
