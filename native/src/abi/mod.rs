//! The table: every exported function, one line of body each. One macro makes the `extern "C"` functions and the
//! description that src/native/symbols.gen.ts is generated from, so the two sides cannot disagree.

pub mod arguments;
mod guard;
pub mod handles;

use serde::Deserialize;
use tch::Tensor;

use crate::checkpoint::{require_whole, Checkpoint};
use crate::checks::outputs::{write_answers, write_embeddings, write_neighbours, write_outputs};
use crate::checks::views::{render_cases, write_batch, write_samples};
use crate::data::dataset::{Dataset, Shard};
use crate::data::job::DataJob;
use crate::data::photos::jpeg::Decoder;
use crate::data::sheet::write_sheet;
use crate::error::{Error, Result, STATUSES};
use crate::evaluation::features::Features;
use crate::evaluation::finetune::FineTuning;
use crate::evaluation::neighbours::FeatureBank;
use crate::evaluation::probe::{Probe, ProbeSaveOptions};
use crate::optimizer::lars::LarsStep;
use crate::run::heartbeat::Heartbeat;
use crate::run::job::Job;
use crate::run::ranks::Ranks;
use crate::run::signals::Watch;
use crate::run::{process, signals};
use crate::torch::autocast::processor_has_bf16;
use crate::torch::device::{require_same, Numerics};
use crate::torch::gpus::describe_gpus;
use crate::training::learner::{Learner, LoadOptions, MicroBatch, SaveOptions};
use crate::training::online_probe::ProbeRates;
use crate::training::trace::Trace;
use arguments::{Argument, Finite, Json, OutNumbers, OutText, OutU32};
use guard::guard;
use handles::{close, live_handles, register, with};

/// One exported function, for the generated table.
pub struct Symbol {
    name: &'static str,
    doc: &'static str,
    arguments: &'static [(&'static str, &'static str)],
}

macro_rules! abi {
    ($( $(#[doc = $doc:literal])+ fn $name:ident($($argument:ident: $type:ty),*) $body:block )*) => {
        $(
            $(#[doc = $doc])+
            ///
            /// # Safety
            /// Arguments must be as the table describes them; `error` is null or a text buffer.
            #[no_mangle]
            pub unsafe extern "C" fn $name($($argument: <$type as Argument>::Raw,)* error: *mut u8) -> i32 {
                let body = || -> Result<()> {
                    $(let $argument = unsafe { <$type as Argument>::from_raw($argument, stringify!($argument))? };)*
                    $body
                };
                unsafe { guard(error, body) }
            }
        )*
        pub const TABLE: &[Symbol] = &[$(Symbol {
            name: stringify!($name),
            doc: concat!($($doc),+),
            arguments: &[$((stringify!($argument), <$type as Argument>::FFI)),*],
        }),*];
    };
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreEntry {
    key: String,
    value: String,
}

abi! {
    /// Writes the description of this table.
    fn byol_abi_describe(text: OutText) { text.write(&describe()); Ok(()) }
    /// Counts the objects that are alive.
    fn byol_core_live_handles(count: OutU32) { count.write(live_handles()); Ok(()) }
    /// Sets the number of threads of one tensor operation.
    fn byol_core_set_threads(threads: u32) { set_threads(threads) }
    /// Writes the threads in use and what the processor offers.
    fn byol_core_info(text: OutText) { text.write(&info()); Ok(()) }
    /// Decodes JPEG files by the libjpeg-turbo in a file from now on.
    fn byol_core_use_libjpeg(path: Json) { Decoder::choose(&path.read::<String>()?) }
    /// Writes the driver's GPUs, or why there are none.
    fn byol_core_gpus(text: OutText) { text.write(&describe_gpus()); Ok(()) }
    /// Sets how GPUs compute.
    fn byol_core_set_numerics(options: Json) { options.read::<Numerics>()?.set() }
    /// Opens the library of the GPUs' side.
    fn byol_core_open_gpu(path: Json) { crate::torch::gpu::open(&path.read::<String>()?) }
    /// Panics, to show that a panic becomes a status.
    fn byol_core_panic() { std::panic::panic_any("asked to".to_owned()) }
    /// Opens a dataset: the images of a job, or with job 0 the demo.
    fn byol_dataset_open(options: Json, job: u32, handle: OutU32) {
        let options = options.read()?;
        let dataset = match job {
            0 => Dataset::open(options, None)?,
            _ => with(job, |j: &mut DataJob| Dataset::open(options, Some(j)))?,
        };
        handle.write(register(dataset));
        Ok(())
    }
    /// Writes count, classes, digest and warnings.
    fn byol_dataset_describe(dataset: u32, text: OutText) { with(dataset, |d: &mut Dataset| { text.write(&d.describe()); Ok(()) }) }
    /// Sets the batch size and the recipes of both views.
    fn byol_dataset_set_recipes(dataset: u32, options: Json) { let options = options.read()?; with(dataset, |d: &mut Dataset| d.set_recipes(options)) }
    /// Sets the batch size and the transforms of linear evaluation.
    fn byol_dataset_set_probe(dataset: u32, options: Json) { let options = options.read()?; with(dataset, |d: &mut Dataset| d.set_probe(options)) }
    /// Makes evaluation go through some of the images alone, of each class as many.
    fn byol_dataset_take_subset(dataset: u32, options: Json) { let options = options.read()?; with(dataset, |d: &mut Dataset| d.take_subset(&options)) }
    /// Sets what of a step's batch this process takes: of each of equal parts, its rank's share.
    fn byol_dataset_set_shard(dataset: u32, rank: u32, ranks: u32, parts: u32) {
        with(dataset, |d: &mut Dataset| d.set_shard(Shard { rank: rank as usize, ranks: ranks as usize, micro_batches: parts as usize }))
    }
    /// Makes both views of one part of a step's images.
    fn byol_dataset_make_views(dataset: u32, seed: u64, step: u64, part: u32) { with(dataset, |d: &mut Dataset| d.make_views(seed, step, part as usize)) }
    /// Makes one view of a probe step's images.
    fn byol_dataset_make_probe_batch(dataset: u32, seed: u64, step: u64) { with(dataset, |d: &mut Dataset| d.make_probe_batch(seed, step)) }
    /// Makes the test transform of some images.
    fn byol_dataset_make_center_crops(dataset: u32, start: u32, count: u32) { with(dataset, |d: &mut Dataset| d.make_center_crops(start as usize, count as usize)) }
    /// Embeds the one-view batch and keeps the embeddings with it.
    fn byol_dataset_embed(dataset: u32, learner: u32) { with(dataset, |d: &mut Dataset| with(learner, |l: &mut Learner| d.embed(l))) }
    /// Puts all ranks' embeddings in the place of this rank's.
    fn byol_dataset_gather(dataset: u32, ranks: u32) { with(dataset, |d: &mut Dataset| with(ranks, |r: &mut Ranks| d.gather(r))) }
    /// Makes a step's views, writes one of the two with its images, and tells what was done to them.
    fn byol_dataset_write_views(dataset: u32, options: Json, text: OutText) {
        let options = options.read()?;
        with(dataset, |d: &mut Dataset| { text.write(&write_batch(d, &options)?); Ok(()) })
    }
    /// Draws both views of the batch as a PNG.
    fn byol_dataset_write_sheet(dataset: u32, options: Json) { let options = options.read()?; with(dataset, |d: &mut Dataset| write_sheet(d, &options)) }
    /// Renders given operations on a file's images.
    fn byol_views_render(options: Json) { render_cases(&options.read()?) }
    /// Writes parameters of views drawn with a recipe.
    fn byol_views_sample(options: Json) { write_samples(&options.read()?) }
    /// Starts on the views of a step to come, or of a part of them: writes 1, or 0 where there is no room.
    fn byol_dataset_announce_views(dataset: u32, options: Json, seed: u64, step: u64, part: u32, accepted: OutU32) {
        let options = options.read()?;
        with(dataset, |d: &mut Dataset| {
            accepted.write(u32::from(d.prefetch_views(&options, (seed, step), part as usize)?));
            Ok(())
        })
    }
    /// Writes images decoded and images that cannot be used.
    fn byol_dataset_photo_counts(dataset: u32, numbers: OutNumbers<2>) { with(dataset, |d: &mut Dataset| { numbers.write(d.photo_counts()); Ok(()) }) }
    /// Writes the images that cannot be used, with the reasons.
    fn byol_dataset_bad_files(dataset: u32, text: OutText) { with(dataset, |d: &mut Dataset| { text.write(&d.bad_files()); Ok(()) }) }
    /// Writes the names of `count` images from `start`: paths below the data set's folder, or numbers.
    fn byol_dataset_names(dataset: u32, start: u32, count: u32, text: OutText) { with(dataset, |d: &mut Dataset| { text.write(&d.names(start as usize, count as usize)?); Ok(()) }) }
    /// Starts long work on folders of photos.
    fn byol_data_job_start(options: Json, handle: OutU32) { handle.write(register(DataJob::start(options.read()?)?)); Ok(()) }
    /// Writes how far that work is: done, of how many, images, and 1 when it has ended.
    fn byol_data_job_progress(job: u32, numbers: OutNumbers<4>) { with(job, |j: &mut DataJob| { numbers.write(j.numbers()); Ok(()) }) }
    /// Waits for the end of that work and writes what it says.
    fn byol_data_job_result(job: u32, text: OutText) { with(job, |j: &mut DataJob| { text.write(&j.text()?); Ok(()) }) }
    /// Makes the online and the target network.
    fn byol_learner_create(options: Json, handle: OutU32) { handle.write(register(Learner::new(options.read()?)?)); Ok(()) }
    /// Writes the length of an embedding.
    fn byol_learner_features(learner: u32, features: OutU32) { with(learner, |l: &mut Learner| { features.write(l.features() as u32); Ok(()) }) }
    /// Computes loss and gradients on the dataset's two views: one of the parts of a step's batch.
    fn byol_learner_forward_backward(learner: u32, dataset: u32, part: u32, parts: u32) { forward_backward(learner, dataset, MicroBatch { index: part, count: parts }) }
    /// Goes on from rank 0's state, and averages gradients over the ranks from now on.
    fn byol_learner_join(learner: u32, ranks: u32, sync_bn: u32) {
        with(learner, |l: &mut Learner| with(ranks, |r: &mut Ranks| l.join(r.group()?, sync_bn != 0)))
    }
    /// Takes rank 0's running statistics.
    fn byol_learner_share_statistics(learner: u32) { with(learner, |l: &mut Learner| l.broadcast_statistics()) }
    /// Applies LARS.
    fn byol_learner_apply_update(learner: u32, learning_rate: Finite, momentum: Finite, weight_decay: Finite, eta: Finite) {
        with(learner, |l: &mut Learner| l.apply_update(&LarsStep {
            variant: l.lars_variant(), learning_rate: learning_rate.0, momentum: momentum.0, weight_decay: weight_decay.0, eta: eta.0,
        }))
    }
    /// Moves the target towards the online network.
    fn byol_learner_move_target(learner: u32, tau: Finite) { with(learner, |l: &mut Learner| l.move_target(tau.0)) }
    /// Starts to record a step on the dataset's two views as a CUDA graph: writes 1, or 0 where that cannot be.
    fn byol_learner_begin_recording(learner: u32, dataset: u32, learning_rate: Finite, tau: Finite, accepted: OutU32) {
        with_views(learner, dataset, |l, views, _| {
            accepted.write(u32::from(l.begin_recording(views, (learning_rate.0, tau.0))?));
            Ok(())
        })
    }
    /// Ends the recording and runs what was recorded.
    fn byol_learner_end_recording(learner: u32) { with(learner, |l: &mut Learner| l.end_recording()) }
    /// Forgets a recording that failed.
    fn byol_learner_drop_recording(learner: u32) { with(learner, |l: &mut Learner| { l.drop_recording(); Ok(()) }) }
    /// Runs the recorded step on the dataset's two views: writes 1, or 0 where none is recorded for their shape.
    fn byol_learner_replay(learner: u32, dataset: u32, learning_rate: Finite, tau: Finite, accepted: OutU32) {
        with_views(learner, dataset, |l, views, labels| {
            let replayed = l.replay(views, (learning_rate.0, tau.0))?;
            if replayed { l.keep_labels(labels); }
            accepted.write(u32::from(replayed));
            Ok(())
        })
    }
    /// Writes loss, embedding spread, gradient norm, parameter norm, effective rank.
    fn byol_learner_metrics(learner: u32, numbers: OutNumbers<5>) { with(learner, |l: &mut Learner| { numbers.write(l.metrics()?); Ok(()) }) }
    /// Gives the learner an online probe, which starts from zeros.
    fn byol_learner_add_probe(learner: u32, classes: u32) { with(learner, |l: &mut Learner| l.add_probe(i64::from(classes))) }
    /// Trains the online probe on the last step's embeddings of view 1.
    fn byol_learner_train_probe(learner: u32, learning_rate: Finite, momentum: Finite) {
        with(learner, |l: &mut Learner| l.train_probe(&ProbeRates { learning_rate: learning_rate.0, momentum: momentum.0 }))
    }
    /// Writes the online probe's loss, and its share of right answers.
    fn byol_learner_probe_metrics(learner: u32, numbers: OutNumbers<2>) { with(learner, |l: &mut Learner| { numbers.write(l.probe_metrics()?); Ok(()) }) }
    /// Writes steps that float16's overflows cost, and the scale of the loss; 0 where it is not scaled.
    fn byol_learner_scaler(learner: u32, numbers: OutNumbers<2>) { with(learner, |l: &mut Learner| { numbers.write(l.scaler_counts()?); Ok(()) }) }
    /// Writes the training state, or the encoder alone, to a file.
    fn byol_learner_save(learner: u32, options: Json) { let options: SaveOptions = options.read()?; with(learner, |l: &mut Learner| l.save(&options)) }
    /// Copies the training state and starts the job that writes it to a file.
    fn byol_learner_save_begin(learner: u32, options: Json, handle: OutU32) { let options = options.read()?; handle.write(register(with(learner, |l: &mut Learner| l.save_begin(options))?)); Ok(()) }
    /// Reads the training state, or the encoder alone, from a file.
    fn byol_learner_load(learner: u32, options: Json) { let options: LoadOptions = options.read()?; with(learner, |l: &mut Learner| l.load(&options)) }
    /// Reads the encoder from a file and gives the target network the same.
    fn byol_learner_init_encoder(learner: u32, path: Json) { let path = path.read::<String>()?; with(learner, |l: &mut Learner| l.init_encoder(&path)) }
    /// Starts a trace: keeps a copy of the state.
    fn byol_learner_trace_begin(learner: u32, handle: OutU32) { with(learner, |l: &mut Learner| { handle.write(register(Trace::begin(l)?)); Ok(()) }) }
    /// Writes a trace file: views, state before, gradients, state after.
    fn byol_learner_trace_write(learner: u32, dataset: u32, trace: u32, options: Json) {
        let options = options.read()?;
        with(learner, |l: &mut Learner| with(dataset, |d: &mut Dataset| with(trace, |t: &mut Trace| {
            t.write(l, &d.batch(2)?.views, &options)
        })))
    }
    /// Writes what the online network makes of a file's images, in eval and in train mode.
    fn byol_learner_write_outputs(learner: u32, options: Json) { let options = options.read()?; with(learner, |l: &mut Learner| write_outputs(l, &options)) }
    /// Writes the embeddings of the dataset's batch.
    fn byol_learner_write_embeddings(learner: u32, dataset: u32, options: Json) {
        let options = options.read()?;
        with(learner, |l: &mut Learner| with(dataset, |d: &mut Dataset| write_embeddings(l, d, &options)))
    }
    /// Makes a linear probe.
    fn byol_probe_create(options: Json, handle: OutU32) { handle.write(register(Probe::new(options.read()?)?)); Ok(()) }
    /// Trains the probe on the dataset's batch.
    fn byol_probe_train(probe: u32, learner: u32, dataset: u32, learning_rate: Finite) {
        with(probe, |p: &mut Probe| with(learner, |l: &mut Learner| with(dataset, |d: &mut Dataset| p.train(l, d, learning_rate.0))))
    }
    /// Counts the probe's right answers on the dataset's batch.
    fn byol_probe_test(probe: u32, learner: u32, dataset: u32) {
        with(probe, |p: &mut Probe| with(learner, |l: &mut Learner| with(dataset, |d: &mut Dataset| p.test(l, d))))
    }
    /// Writes images tested, right at first guess, right within five.
    fn byol_probe_counts(probe: u32, numbers: OutNumbers<3>) { with(probe, |p: &mut Probe| { numbers.write(p.counts()?); Ok(()) }) }
    /// Writes the probe's weights, and its answers on the dataset's batch.
    fn byol_probe_write_answers(probe: u32, learner: u32, dataset: u32, options: Json) {
        let options = options.read()?;
        with(probe, |p: &mut Probe| with(learner, |l: &mut Learner| with(dataset, |d: &mut Dataset| write_answers(p, l, d, &options))))
    }
    /// Gives the probe of every rank the weights of rank 0's.
    fn byol_probe_join(probe: u32, ranks: u32) { with(probe, |p: &mut Probe| with(ranks, |r: &mut Ranks| p.join(r.group()?))) }
    /// Writes the probe's weights to a file, with the learner's encoder where it is asked for.
    fn byol_probe_save(probe: u32, learner: u32, options: Json) {
        let options: ProbeSaveOptions = options.read()?;
        with(probe, |p: &mut Probe| with(learner, |l: &mut Learner| p.save(l, &options)))
    }
    /// Starts to fine-tune the learner's encoder.
    fn byol_finetune_create(learner: u32, handle: OutU32) { handle.write(register(with(learner, |l: &mut Learner| FineTuning::new(l))?)); Ok(()) }
    /// Trains encoder and probe together on the dataset's batch.
    fn byol_finetune_step(finetune: u32, learner: u32, probe: u32, dataset: u32, learning_rate: Finite) {
        with(finetune, |f: &mut FineTuning| with(learner, |l: &mut Learner| with(probe, |p: &mut Probe| with(dataset, |d: &mut Dataset| {
            f.step(l, p, d, learning_rate.0)
        }))))
    }
    /// Writes the loss of the last step.
    fn byol_finetune_loss(finetune: u32, numbers: OutNumbers<1>) { with(finetune, |f: &mut FineTuning| { numbers.write([f.loss()?]); Ok(()) }) }
    /// Makes an empty table of features.
    fn byol_features_create(handle: OutU32) { handle.write(register(Features::default())); Ok(()) }
    /// Adds the embeddings of the dataset's batch.
    fn byol_features_append(features: u32, learner: u32, dataset: u32) {
        with(features, |f: &mut Features| with(learner, |l: &mut Learner| with(dataset, |d: &mut Dataset| f.append(l, d))))
    }
    /// Trains the probe on a step's embeddings.
    fn byol_features_train(features: u32, probe: u32, options: Json, learning_rate: Finite) {
        let step = options.read()?;
        with(features, |f: &mut Features| with(probe, |p: &mut Probe| f.train(p, &step, learning_rate.0)))
    }
    /// Counts the probe's right answers on the embeddings held out, or on all.
    fn byol_features_test(features: u32, probe: u32, seed: u64, held_out: u32) {
        with(features, |f: &mut Features| with(probe, |p: &mut Probe| f.test(p, seed, held_out as usize)))
    }
    /// Makes an empty feature bank.
    fn byol_bank_create(handle: OutU32) { handle.write(register(FeatureBank::default())); Ok(()) }
    /// Adds the embeddings of the dataset's batch.
    fn byol_bank_append(bank: u32, learner: u32, dataset: u32) {
        with(bank, |b: &mut FeatureBank| with(learner, |l: &mut Learner| with(dataset, |d: &mut Dataset| b.append(l, d))))
    }
    /// Classifies the dataset's batch by nearest neighbours: writes tested, right.
    fn byol_bank_classify(bank: u32, learner: u32, dataset: u32, k: u32, temperature: Finite, numbers: OutNumbers<2>) {
        with(bank, |b: &mut FeatureBank| with(learner, |l: &mut Learner| with(dataset, |d: &mut Dataset| {
            numbers.write(b.classify(l, d, i64::from(k), temperature.0)?); Ok(())
        })))
    }
    /// Writes the nearest neighbours' answers on the dataset's batch.
    fn byol_bank_write_answers(bank: u32, learner: u32, dataset: u32, options: Json) {
        let options = options.read()?;
        with(bank, |b: &mut FeatureBank| with(learner, |l: &mut Learner| with(dataset, |d: &mut Dataset| write_neighbours(b, l, d, &options))))
    }
    /// Opens the store that the ranks meet at (rank 0), or connects to it.
    fn byol_ranks_connect(options: Json, handle: OutU32) { handle.write(register(Ranks::connect(options.read()?)?)); Ok(()) }
    /// Sets a key of the store.
    fn byol_ranks_set(ranks: u32, options: Json) { let StoreEntry { key, value } = options.read()?; with(ranks, |r: &mut Ranks| r.set(&key, &value)) }
    /// Writes a key's text as JSON, null where it is not set yet.
    fn byol_ranks_read(ranks: u32, options: Json, text: OutText) { let key = options.read::<String>()?; with(ranks, |r: &mut Ranks| { text.write(&r.read(key)?); Ok(()) }) }
    /// Connects the ranks with each other, once all are there, and starts to watch who is alive.
    fn byol_ranks_open_group(ranks: u32, options: Json) { let options = options.read()?; with(ranks, |r: &mut Ranks| r.open_group(&options)) }
    /// Writes how long ago each rank and the store were seen alive, and why the first rank left that did.
    fn byol_ranks_health(ranks: u32, text: OutText) { with(ranks, |r: &mut Ranks| { text.write(&r.health()?); Ok(()) }) }
    /// Tells the others why this rank leaves.
    fn byol_ranks_leave(ranks: u32, options: Json) { let reason = options.read::<String>()?; with(ranks, |r: &mut Ranks| r.leave(reason)) }
    /// Writes 1 where any rank brings other than 0.
    fn byol_ranks_any(ranks: u32, flag: u32, any: OutU32) { with(ranks, |r: &mut Ranks| { any.write(u32::from(r.any(flag != 0)?)); Ok(()) }) }
    /// Writes the sums of whole numbers over the ranks.
    fn byol_ranks_sum(ranks: u32, options: Json, text: OutText) { let counts = options.read::<Vec<i64>>()?; with(ranks, |r: &mut Ranks| { text.write(&serde_json::json!(r.sum(&counts)?).to_string()); Ok(()) }) }
    /// Waits until every rank has come here.
    fn byol_ranks_barrier(ranks: u32) { with(ranks, |r: &mut Ranks| r.group()?.barrier()) }
    /// Describes a checkpoint: metadata, number of tensors, shapes, SHA-256.
    fn byol_checkpoint_describe(options: Json, text: OutText) { text.write(&Checkpoint::open(&options.read::<String>()?)?.describe()?); Ok(()) }
    /// Starts the job that reads a checkpoint and compares it with the SHA-256 it holds.
    fn byol_checkpoint_verify_begin(path: Json, handle: OutU32) { let path = path.read::<String>()?; handle.write(register(Job::start(move || require_whole(&path))?)); Ok(()) }
    /// Waits at most so long for a job: writes 1 when it is done, 0 when it is not; fails as the job did.
    fn byol_job_wait(job: u32, milliseconds: u32, done: OutU32) { done.write(u32::from(with(job, |j: &mut Job| j.wait(milliseconds))?)); Ok(()) }
    /// Watches for signals until the handle is closed: a second request ends the process.
    fn byol_signals_watch(options: Json, handle: OutU32) { handle.write(register(Watch::start(options.read()?)?)); Ok(()) }
    /// Writes 1 once a watched signal has come.
    fn byol_signals_seen(seen: OutU32) { seen.write(u32::from(signals::seen())); Ok(()) }
    /// Writes what tells a process from others that had or have its number.
    fn byol_process_describe(pid: u32, text: OutText) { text.write(&process::describe(pid)); Ok(()) }
    /// Starts to write a lock's file again and again in a thread.
    fn byol_heartbeat_start(options: Json, handle: OutU32) { handle.write(register(Heartbeat::start(options.read()?)?)); Ok(()) }
    /// Fails once the lock is lost; looks itself when the last beat is that old.
    fn byol_heartbeat_check(heartbeat: u32, max_age_milliseconds: u32) { with(heartbeat, |h: &mut Heartbeat| h.check(max_age_milliseconds)) }
    /// Drops an object; harmless when repeated.
    fn byol_handle_close(handle: u32) { close(handle) }
}

fn describe() -> String {
    let symbols: Vec<_> = TABLE
        .iter()
        .map(|symbol| serde_json::json!({ "name": symbol.name, "doc": symbol.doc.trim(), "arguments": symbol.arguments }))
        .collect();
    let statuses: Vec<_> = STATUSES
        .iter()
        .map(|(name, status)| (name, *status as i32))
        .collect();
    serde_json::json!({ "symbols": symbols, "statuses": statuses }).to_string()
}

fn set_threads(threads: u32) -> Result<()> {
    if !(1..=1024).contains(&threads) {
        return Err(Error::invalid(format!(
            "Cannot use {threads} threads: expected 1 to 1024"
        )));
    }
    tch::set_num_threads(threads as i32);
    Ok(())
}

fn info() -> String {
    serde_json::json!({ "threads": tch::get_num_threads(), "version": env!("CARGO_PKG_VERSION"), "jpeg": Decoder::chosen().name(), "bf16": processor_has_bf16() })
        .to_string()
}

fn forward_backward(learner: u32, dataset: u32, part: MicroBatch) -> Result<()> {
    with_views(learner, dataset, |l, [view1, view2], labels| {
        l.forward_backward(view1, view2, part)?;
        l.keep_labels(labels);
        Ok(())
    })
}

/// Calls a step's function with the dataset's two views and their labels, if they are of the learner's type and device.
fn with_views(
    learner: u32,
    dataset: u32,
    body: impl FnOnce(&mut Learner, [&Tensor; 2], &Tensor) -> Result<()>,
) -> Result<()> {
    with(learner, |l: &mut Learner| {
        with(dataset, |d: &mut Dataset| {
            let batch = d.batch(2)?;
            let [view1, view2] = [&batch.views[0], &batch.views[1]];
            if view1.kind() != l.kind() {
                return Err(Error::invalid(format!(
                    "Cannot train on views of {:?}: expected the learner's {:?}",
                    view1.kind(),
                    l.kind()
                )));
            }
            require_same("views", view1.device(), l.device())?;
            body(l, [view1, view2], &batch.labels)
        })
    })
}
