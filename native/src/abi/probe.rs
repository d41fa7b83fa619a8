//! Evaluation of an encoder: probes, tables of features, logistic regression, nearest neighbours,
//! fine-tuning.
//!
//! An entry that uses a data set's batch fails without a one-view batch.

use super::arguments::Json;
use super::results::{Handle, Numbers, Text};
use super::table::table;
use crate::checks::outputs::{write_answers, write_neighbours, FileOptions, NeighboursOptions};
use crate::data::dataset::Dataset;
use crate::evaluation::features::{FeatureStep, Features};
use crate::evaluation::finetune::FineTuning;
use crate::evaluation::neighbours::{FeatureBank, Neighbours};
use crate::evaluation::probe::{LinearOptions, Probe, ProbeSaveOptions};
use crate::evaluation::regression::{Regression, RegressionFit, RegressionOptions};
use crate::run::ranks::Ranks;
use crate::training::learner::Learner;

table! {
    /// Makes a linear probe with weights drawn from a seed. Fails on sizes that no probe has.
    fn byol_probe_create(options: Json<LinearOptions>) -> Handle = Probe::new;

    /// Trains the probe on the data set's batch.
    fn byol_probe_train(probe: &mut Probe, learner: &Learner, dataset: &Dataset, learning_rate: f64)
        = Probe::train;

    /// Counts the probe's right answers on the data set's batch.
    fn byol_probe_test(probe: &mut Probe, learner: &Learner, dataset: &Dataset) = Probe::test;

    /// Returns images tested, right at first guess, right within five. Waits for the device.
    fn byol_probe_counts(probe: &Probe) -> Numbers<3> = Probe::counts;

    /// Returns the numbers of images by true class and by answer, row by row, as JSON; an empty
    /// list for more than 4096 classes. Waits for the device.
    fn byol_probe_answers(probe: &Probe) -> Text { probe.answers() }

    /// Writes the probe's weights, and its answers on the data set's batch. Fails (Io) where the
    /// file cannot be written.
    fn byol_probe_write_answers(
        probe: &Probe, learner: &Learner, dataset: &Dataset, options: Json<FileOptions>,
    ) {
        write_answers(probe, learner, dataset, &options)
    }

    /// Gives the probe of every rank the weights of rank 0's. All ranks call it. Fails before the
    /// group is open, and (Distributed) where a rank is gone.
    fn byol_probe_join(probe: &mut Probe, ranks: &Ranks) { probe.join(ranks.group()?) }

    /// Writes the probe's weights to a file, with the learner's encoder where it is asked for.
    /// Fails on values that are not finite (NotFinite), and (Io) where the file cannot be written.
    fn byol_probe_save(probe: &Probe, learner: &Learner, options: Json<ProbeSaveOptions>) {
        probe.save(learner, &options)
    }

    /// Starts to fine-tune the learner's encoder: keeps SGD's state of it.
    fn byol_finetune_create(learner: &mut Learner) -> Handle = FineTuning::new;

    /// Averages gradients over the ranks from the next step on, and normalises their batches as one.
    /// Fails before the group is open.
    fn byol_finetune_join(finetune: &mut FineTuning, learner: &mut Learner, ranks: &Ranks) {
        ranks.group().map(|group| finetune.join(learner, group))
    }

    /// Trains encoder and probe together on the data set's batch. Fails on views of another type or
    /// device.
    fn byol_finetune_step(
        finetune: &mut FineTuning, learner: &mut Learner, probe: &mut Probe, dataset: &Dataset,
        learning_rate: f64,
    ) = FineTuning::step;

    /// Returns the loss of the last step, on several ranks the mean of theirs: all call it. Fails
    /// before a step. Waits for the device.
    fn byol_finetune_loss(
        finetune: &FineTuning,
    ) -> Numbers<1> { finetune.loss().map(|loss| [loss]) }

    /// Makes an empty table of features.
    fn byol_features_create() -> Handle { Ok(Features::default()) }

    /// Adds the embeddings of the data set's batch, which the table keeps.
    fn byol_features_append(features: &mut Features, learner: &Learner, dataset: &Dataset)
        = Features::append;

    /// Trains the probe on a step's embeddings. Fails where nothing is left to train on.
    fn byol_features_train(
        features: &mut Features, probe: &mut Probe, options: Json<FeatureStep>, learning_rate: f64,
    ) {
        features.train(probe, &options, learning_rate)
    }

    /// Counts the probe's right answers on the embeddings held out, or on all. Fails on an empty
    /// table.
    fn byol_features_test(features: &mut Features, probe: &mut Probe, seed: u64, held_out: usize)
        = Features::test;

    /// Begins a logistic regression with zeros on the embeddings that are not held out. Fails where
    /// none is left, and on numbers of classes that no classifier has.
    fn byol_regression_create(
        features: &mut Features, options: Json<RegressionOptions>,
    ) -> Handle {
        Regression::new(features, &options)
    }

    /// Begins an optimization by L-BFGS with one strength of the penalty, at the weights of the one
    /// before. Fails on a strength below 0.
    fn byol_regression_begin(regression: &mut Regression, options: Json<RegressionFit>) {
        regression.begin(&options)
    }

    /// Makes some iterations. Returns their number, and 1 where a tolerance has ended the
    /// optimization. Fails before byol_regression_begin. Waits for the device.
    fn byol_regression_step(regression: &mut Regression) -> Numbers<2> = Regression::step;

    /// Gives the probe the regression's weights. Fails on a probe of other sizes.
    fn byol_regression_give(regression: &Regression, probe: &mut Probe) = Regression::give;

    /// Makes an empty feature bank.
    fn byol_bank_create() -> Handle { Ok(FeatureBank::default()) }

    /// Adds the embeddings of the data set's batch, which the bank keeps.
    fn byol_bank_append(bank: &mut FeatureBank, learner: &Learner, dataset: &Dataset)
        = FeatureBank::append;

    /// Classifies the data set's batch by nearest neighbours, and returns the images tested and
    /// those right. Fails on an empty bank, or a temperature that is not above 0. Waits for the
    /// device.
    fn byol_bank_classify(
        bank: &mut FeatureBank, learner: &Learner, dataset: &Dataset, options: Json<Neighbours>,
    ) -> Numbers<2> {
        bank.classify(learner, dataset, &options)
    }

    /// Returns the numbers of images by true class and by counted answer, row by row, as JSON; an
    /// empty list where none was counted. Waits for the device.
    fn byol_bank_answers(bank: &FeatureBank) -> Text { bank.answers() }

    /// Returns the number of images of the smallest class. Fails on an empty bank. Waits for the
    /// device.
    fn byol_bank_smallest_class(bank: &mut FeatureBank) -> Numbers<1> = FeatureBank::smallest_class;

    /// Writes the nearest neighbours' answers on the data set's batch. Fails on an empty bank, and
    /// (Io) where the file cannot be written.
    fn byol_bank_write_answers(
        bank: &mut FeatureBank, learner: &Learner, dataset: &Dataset,
        options: Json<NeighboursOptions>,
    ) {
        write_neighbours(bank, learner, dataset, &options)
    }
}
