//! The two views of a training step.

use tch::Tensor;

use super::{unset, Batch, BatchOptions, Dataset, Shard};
use crate::data::photos::render::{Request, Views};
use crate::error::{Error, Result};
use crate::views::kernels::BatchKey;
use crate::views::random::permutation;
use crate::views::recipe::{sample_view, ViewKey, ViewParameters, ViewRecipe};

/// The operations of one of the two views of a step on each of its images.
pub struct DrawnView {
    pub recipe: ViewRecipe,
    /// The images, by their index in the dataset.
    pub indices: Vec<u32>,
    pub parameters: Vec<ViewParameters>,
}

impl Dataset {
    pub fn set_recipes(&mut self, options: BatchOptions) -> Result<()> {
        options.validate()?;
        self.check_batch(options.batch_size)?;
        self.training = Some(options);
        Ok(())
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

    /// Makes the views of step `step`'s images, of this rank's shard of one micro-batch: a pure function of seed,
    /// step, recipes and image, whoever takes the image. Each epoch goes through its own order of the images; the last
    /// ones that fill no batch are left out.
    pub fn make_views(&mut self, seed: u64, step: u64, micro_batch: usize) -> Result<()> {
        let options = self
            .training
            .clone()
            .ok_or_else(|| unset("views", "byol_dataset_set_recipes"))?;
        let made = self.views_of(&options, (seed, step), micro_batch);
        self.batch = Some(made?);
        Ok(())
    }

    /// The images of step `step`, in the order of its batch.
    fn indices_at(&mut self, batch_size: usize, seed: u64, step: u64) -> Vec<u32> {
        let steps = (self.labels.len() / batch_size) as u64;
        let start = (step % steps) as usize * batch_size;
        self.epoch_order(seed, step / steps)[start..start + batch_size].to_vec()
    }

    /// Returns those images of this rank's shard of one micro-batch. The micro-batches lie one behind the other, each
    /// divided by the ranks: which images are normalised together does not depend on the number of ranks.
    pub(super) fn shard_at(
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
        let views = options
            .numbered()
            .map(|(view, recipe)| self.render(&indices, BatchKey { seed, step, view }, recipe))
            .collect::<Result<Vec<Tensor>>>()?;
        Ok(Batch::new(views, self.labels_of(&indices)?))
    }

    /// Returns what make_views draws for step `step`, without rendering it.
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

    pub(super) fn epoch_order(&mut self, seed: u64, epoch: u64) -> &[u32] {
        if !matches!(&self.order, Some((s, e, _)) if (*s, *e) == (seed, epoch)) {
            self.order = Some((seed, epoch, permutation(seed, epoch, self.labels.len())));
        }
        self.order.as_ref().map_or(&[], |(_, _, order)| order)
    }

    /// Starts on the views of a step that is to come, where images are made ahead and there is room: the views that
    /// `make_views` then takes if it is asked for the same. Whether it did.
    pub fn prefetch_views(
        &mut self,
        options: &BatchOptions,
        (seed, step): (u64, u64),
        micro_batch: usize,
    ) -> Result<bool> {
        options.validate()?;
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
}

/// The views of a step, as a loader is asked for them.
fn drawn(indices: Vec<u32>, (seed, step): (u64, u64), options: &BatchOptions) -> Request {
    let views = options
        .numbered()
        .map(|(view, recipe)| (BatchKey { seed, step, view }, recipe.clone()));
    Request {
        indices,
        views: Views::Drawn(views.collect()),
        among: None,
    }
}
