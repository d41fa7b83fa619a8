//! Learners: the online and the target network, the optimizer's state, the online probe, traces of
//! a step.

use super::arguments::Json;
use super::results::{Count, Flag, Handle, Numbers};
use super::table::table;
use crate::checks::outputs::{write_embeddings, write_outputs, FileOptions, OutputsOptions};
use crate::data::dataset::Dataset;
use crate::optimizer::lars::LarsStep;
use crate::run::ranks::Ranks;
use crate::training::learner::{
    BackgroundSaveOptions, Learner, LearnerOptions, LoadOptions, MicroBatch, SaveOptions,
};
use crate::training::online_probe::ProbeRates;
use crate::training::trace::{Trace, TraceOptions};

table! {
    /// Makes the online and the target network. Fails on networks that are none, and (OutOfMemory)
    /// on the device.
    fn byol_learner_create(options: Json<LearnerOptions>) -> Handle = Learner::new;

    /// Returns the length of an embedding.
    fn byol_learner_features(learner: &Learner) -> Count { Ok(learner.features() as u32) }

    /// Computes loss and gradients on the data set's two views, with the rotation auxiliary also on
    /// a third: one of the micro-batches of a step. Gradients add up; the last micro-batch averages them over the ranks. Fails without two
    /// views, on views of another type or device.
    fn byol_learner_forward_backward(
        learner: &mut Learner, dataset: &Dataset, micro_batch: u32, micro_batches: u32,
    ) {
        let pair = dataset.pair_for(learner)?;
        let of_step = MicroBatch { index: micro_batch, count: micro_batches };
        learner.forward_backward(pair.views, of_step)?;
        learner.keep_labels(pair.labels);
        Ok(())
    }

    /// Takes rank 0's state, and averages gradients over the ranks from now on. All ranks call it.
    /// The learner keeps the process group alive. Fails before the group is open, and (Distributed)
    /// where a rank is gone.
    fn byol_learner_join(learner: &mut Learner, ranks: &Ranks, sync_bn: bool) {
        learner.join(ranks.group()?, sync_bn)
    }

    /// Takes rank 0's running statistics; nothing without ranks. Fails (Distributed) where a rank
    /// is gone.
    fn byol_learner_broadcast_statistics(learner: &Learner) = Learner::broadcast_statistics;

    /// Applies LARS. Fails before a forward and backward pass.
    fn byol_learner_apply_update(
        learner: &mut Learner, learning_rate: f64, momentum: f64, weight_decay: f64, eta: f64,
    ) {
        let variant = learner.lars_variant();
        learner.apply_update(&LarsStep { variant, learning_rate, momentum, weight_decay, eta })
    }

    /// Moves the target towards the online network: tau is the share that stays.
    fn byol_learner_move_target(learner: &mut Learner, tau: f64) = Learner::move_target;

    /// Starts to record a step on the data set's two views as a CUDA graph: 1, or 0 where that
    /// cannot be. The graph keeps copies of the views. Fails as forward_backward does.
    fn byol_learner_begin_recording(
        learner: &mut Learner, dataset: &Dataset, learning_rate: f64, tau: f64,
    ) -> Flag {
        let pair = dataset.pair_for(learner)?;
        learner.begin_recording(pair.views, (learning_rate, tau))
    }

    /// Ends the recording and runs what was recorded. Fails where none was begun.
    fn byol_learner_end_recording(learner: &mut Learner) = Learner::end_recording;

    /// Forgets a recording that failed.
    fn byol_learner_drop_recording(learner: &mut Learner) { learner.drop_recording(); Ok(()) }

    /// Runs the recorded step on the data set's two views: 1, or 0 where none is recorded for their
    /// shape. Fails as forward_backward does.
    fn byol_learner_replay(
        learner: &mut Learner, dataset: &Dataset, learning_rate: f64, tau: f64,
    ) -> Flag {
        let pair = dataset.pair_for(learner)?;
        let replayed = learner.replay(pair.views, (learning_rate, tau))?;
        if replayed { learner.keep_labels(pair.labels); }
        Ok(replayed)
    }

    /// Returns loss, embedding spread, gradient norm, parameter norm, effective rank. All ranks
    /// call it. Fails before a forward and backward pass. Waits for the device.
    fn byol_learner_metrics(learner: &Learner) -> Numbers<5> = Learner::metrics;

    /// Gives the learner an online probe, which starts from zeros. Fails on fewer than two classes.
    fn byol_learner_add_probe(learner: &mut Learner, classes: i64) = Learner::add_probe;

    /// Trains the online probe on the last step's embeddings of view 1. All ranks call it. Fails
    /// without a probe or a step.
    fn byol_learner_train_probe(learner: &mut Learner, learning_rate: f64, momentum: f64) {
        learner.train_probe(&ProbeRates { learning_rate, momentum })
    }

    /// Returns the online probe's loss, and its share of right answers. All ranks call it. Fails
    /// without a probe or a step. Waits for the device.
    fn byol_learner_probe_metrics(learner: &Learner) -> Numbers<2> = Learner::probe_metrics;

    /// Returns the rotation auxiliary's loss, and its share of right answers. All ranks call it.
    /// Fails without the auxiliary or a step. Waits for the device.
    fn byol_learner_rotation_metrics(learner: &Learner) -> Numbers<2> = Learner::rotation_metrics;

    /// Returns the number of steps that float16's overflows cost, and the scale of the loss; 0 and
    /// 0 where it is not scaled. Waits for the device.
    fn byol_learner_scaler(learner: &Learner) -> Numbers<2> = Learner::scaler_counts;

    /// Writes the training state, or the encoder alone, to a file. Fails on values that are not
    /// finite (NotFinite), and (Io) where the file cannot be written.
    fn byol_learner_save(learner: &Learner, options: Json<SaveOptions>) { learner.save(&options) }

    /// Copies the training state and starts the job that writes it to a file: the learner may
    /// continue. Fails on values that are not finite (NotFinite); the job fails as save does.
    fn byol_learner_save_begin(learner: &Learner, options: Json<BackgroundSaveOptions>) -> Handle
        = Learner::save_begin;

    /// Reads the training state, or the encoder alone, from a file. Fails on a file that is damaged
    /// or another network's, with the learner as it was, and (Io) where it cannot be read.
    fn byol_learner_load(
        learner: &mut Learner, options: Json<LoadOptions>,
    ) { learner.load(&options) }

    /// Reads the encoder from a file and gives the target network the same. Fails as load does.
    fn byol_learner_init_encoder(
        learner: &mut Learner, path: Json<String>,
    ) { learner.init_encoder(&path) }

    /// Starts a trace, which owns a copy of the state.
    fn byol_learner_trace_begin(learner: &Learner) -> Handle = Trace::begin;

    /// Writes a trace file: views, logits of rotations, state before, gradients, state after. Fails without a two-view
    /// batch, and (Io) where the file cannot be written.
    fn byol_learner_trace_write(
        learner: &Learner, dataset: &Dataset, trace: &Trace, options: Json<TraceOptions>,
    ) {
        trace.write(learner, &dataset.training_batch()?.views, &options)
    }

    /// Writes what the online network makes of a file's images, in eval and in train mode, whose
    /// running statistics move. Fails on a file that is damaged, and (Io) where one cannot be read
    /// or written.
    fn byol_learner_write_outputs(learner: &mut Learner, options: Json<OutputsOptions>) {
        write_outputs(learner, &options)
    }

    /// Writes the embeddings of the data set's batch. Fails without a one-view batch, and (Io)
    /// where the file cannot be written.
    fn byol_learner_write_embeddings(
        learner: &Learner, dataset: &Dataset, options: Json<FileOptions>,
    ) {
        write_embeddings(learner, dataset, &options)
    }
}
