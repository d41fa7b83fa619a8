//! Data sets: images, and the batch last made from them, which the data set owns until it makes the
//! next one.

use super::arguments::Json;
use super::results::{Flag, Handle, Numbers, Text};
use super::table::table;
use crate::checks::views::{write_batch, BatchOptions as CheckOptions};
use crate::data::dataset::{BatchOptions, Dataset, DatasetOptions, ProbeOptions, Shard};
use crate::data::hold_out::HoldOutOptions;
use crate::data::job::DataJob;
use crate::data::label_subset::SubsetOptions;
use crate::data::limit::LimitOptions;
use crate::data::sheet::{keep_images, write_sheet, SheetOptions};
use crate::run::ranks::Ranks;
use crate::training::learner::Learner;

table! {
    /// Opens the images that a job has listed or read, or the demo without a job. Takes them from
    /// the job, which may be closed then. Waits for the job, and fails as it did.
    fn byol_dataset_open(options: Json<DatasetOptions>, job: Option<&mut DataJob>) -> Handle
        = Dataset::open;

    /// Keeps some of the images, before any batch is made. Fails on more than there are.
    fn byol_dataset_limit(dataset: &mut Dataset, options: Json<LimitOptions>) {
        dataset.limit(&options)
    }

    /// Takes some of the images out of the data set, before any batch is made, and returns them as
    /// a data set. Fails where none would be held out or left.
    fn byol_dataset_hold_out(dataset: &mut Dataset, options: Json<HoldOutOptions>) -> Handle {
        dataset.hold_out(&options)
    }

    /// Returns count, classes, digest, layout and warnings.
    fn byol_dataset_describe(dataset: &Dataset) -> Text { Ok(dataset.describe()) }

    /// Sets the batch size and the recipes of both views. Fails on a recipe that makes no view, or
    /// a batch larger than the data set.
    fn byol_dataset_set_recipes(dataset: &mut Dataset, options: Json<BatchOptions>)
        = Dataset::set_recipes;

    /// Sets the batch size and the transforms of linear evaluation. Fails on transforms that make
    /// no view.
    fn byol_dataset_set_probe(dataset: &mut Dataset, options: Json<ProbeOptions>)
        = Dataset::set_probe;

    /// Makes evaluation go through some of the images alone, of each class as many. Fails where a
    /// class would have none.
    fn byol_dataset_take_subset(dataset: &mut Dataset, options: Json<SubsetOptions>) {
        dataset.take_subset(&options)
    }

    /// Sets this rank's shard of a step's batch: of each of equal micro-batches as much as every
    /// other rank. Fails on a rank that is none.
    fn byol_dataset_set_shard(
        dataset: &mut Dataset, rank: usize, ranks: usize, micro_batches: usize,
    ) {
        dataset.set_shard(Shard { rank, ranks, micro_batches })
    }

    /// Makes both views of one micro-batch of a step's images. Fails without recipes, on a batch
    /// that ranks and micro-batches do not divide, and (Io) where too many files cannot be read.
    fn byol_dataset_make_views(dataset: &mut Dataset, seed: u64, step: u64, micro_batch: usize)
        = Dataset::make_views;

    /// Starts on the views of a micro-batch of a later step: 1, or 0 where there is no room or the
    /// images are in memory.
    fn byol_dataset_prefetch_views(
        dataset: &mut Dataset, options: Json<BatchOptions>,
        seed: u64, step: u64, micro_batch: usize,
    ) -> Flag {
        dataset.prefetch_views(&options, (seed, step), micro_batch)
    }

    /// Makes one view of this rank's shard of a probe step's images. Fails without the transforms,
    /// and as make_views does.
    fn byol_dataset_make_probe_batch(dataset: &mut Dataset, seed: u64, step: u64)
        = Dataset::make_probe_batch;

    /// Makes the test transform of some images. Fails without the transforms, on images that are
    /// not there, and (Io) where too many files cannot be read.
    fn byol_dataset_make_center_crops(dataset: &mut Dataset, start: usize, count: usize)
        = Dataset::make_center_crops;

    /// Embeds the one-view batch; the data set keeps the embeddings with the batch. Fails without a
    /// one-view batch.
    fn byol_dataset_embed(dataset: &mut Dataset, learner: &Learner) = Dataset::embed;

    /// Puts all ranks' embeddings in the place of this rank's. All ranks call it. Fails without
    /// embeddings, and (Distributed) where a rank is gone.
    fn byol_dataset_gather(dataset: &mut Dataset, ranks: &Ranks) = Dataset::gather;

    /// Makes a step's views, writes one of the two with its images, and returns what was done to
    /// them. Fails for photos, and (Io) where the file cannot be written.
    fn byol_dataset_write_views(dataset: &mut Dataset, options: Json<CheckOptions>) -> Text {
        write_batch(dataset, &options)
    }

    /// Keeps the batch's first views as the images beside which the next sheet draws its views.
    fn byol_dataset_keep_images(dataset: &mut Dataset) { keep_images(dataset) }

    /// Draws both views of the batch as a PNG, beside the images that were kept. Fails without a
    /// two-view batch, and (Io) where it cannot be written.
    fn byol_dataset_write_sheet(dataset: &mut Dataset, options: Json<SheetOptions>) {
        write_sheet(dataset, &options)
    }

    /// Returns the number of images decoded, of images that cannot be used, and of those decoded
    /// whose 16-bit gray has no value of 4096 or more.
    fn byol_dataset_photo_counts(dataset: &Dataset) -> Numbers<3> { Ok(dataset.photo_counts()) }

    /// Returns the images that cannot be used, with the reasons.
    fn byol_dataset_bad_files(dataset: &Dataset) -> Text { Ok(dataset.bad_files()) }

    /// Returns the names of `count` images from `start`: paths below the data set's folder, or
    /// numbers. Fails on images that are not there.
    fn byol_dataset_names(dataset: &Dataset, start: usize, count: usize) -> Text = Dataset::names;
}
