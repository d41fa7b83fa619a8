// GENERATED from native/src/abi/mod.rs by `deno task gen`. Do not edit.
// deno-fmt-ignore-file

import type { Binders } from "./symbol_types.ts";

/** Every function of the core. */
export const SYMBOLS = {
  /** (text, error) Writes the description of this table. */
  byol_abi_describe: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (count, error) Counts the objects that are alive. */
  byol_core_live_handles: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (threads, error) Sets the number of threads of one tensor operation. */
  byol_core_set_threads: { parameters: ["u32", "buffer"], result: "i32" },
  /** (text, error) Writes the threads in use and what the processor offers. */
  byol_core_info: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (path, error) Decodes JPEG files by the libjpeg-turbo in a file from now on. */
  byol_core_use_libjpeg: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (text, error) Writes the driver's GPUs, or why there are none. */
  byol_core_gpus: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (options, error) Sets how GPUs compute. */
  byol_core_set_numerics: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (path, error) Opens the library of the GPUs' side. */
  byol_core_open_gpu: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (error) Panics, to show that a panic becomes a status. */
  byol_core_panic: { parameters: ["buffer"], result: "i32" },
  /** (options, handle, error) Opens a dataset. */
  byol_dataset_open: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (dataset, text, error) Writes count, classes, digest and warnings. */
  byol_dataset_describe: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, options, error) Sets the batch size and the recipes of both views. */
  byol_dataset_set_recipes: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, options, error) Sets the batch size and the transforms of linear evaluation. */
  byol_dataset_set_probe: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, options, error) Makes evaluation go through some of the images alone, of each class as many. */
  byol_dataset_take_subset: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, rank, ranks, parts, error) Sets what of a step's batch this process takes: of each of equal parts, its rank's share. */
  byol_dataset_set_share: { parameters: ["u32", "u32", "u32", "u32", "buffer"], result: "i32" },
  /** (dataset, seed, step, part, error) Makes both views of one part of a step's images. */
  byol_dataset_make_views: { parameters: ["u32", "u64", "u64", "u32", "buffer"], result: "i32" },
  /** (dataset, seed, step, error) Makes one view of a probe step's images. */
  byol_dataset_make_probe_batch: { parameters: ["u32", "u64", "u64", "buffer"], result: "i32" },
  /** (dataset, start, count, error) Makes the test transform of some images. */
  byol_dataset_make_centered: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (dataset, learner, error) Embeds the one-view batch and keeps the embeddings with it. */
  byol_dataset_embed: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (dataset, ranks, error) Puts all ranks' embeddings in the place of this rank's. */
  byol_dataset_gather: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (dataset, options, text, error) Makes a step's views, writes one of the two with its images, and tells what was done to them. */
  byol_dataset_write_views: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (dataset, options, error) Draws both views of the batch as a PNG. */
  byol_dataset_write_sheet: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (options, error) Renders given operations on a file's images. */
  byol_views_render: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (options, error) Writes parameters of views drawn with a recipe. */
  byol_views_sample: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (dataset, options, seed, step, part, accepted, error) Starts on the views of a step to come, or of a part of them: writes 1, or 0 where there is no room. */
  byol_dataset_announce_views: { parameters: ["u32", "buffer", "u64", "u64", "u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, numbers, error) Writes images decoded and images that cannot be used. */
  byol_dataset_photo_counts: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, text, error) Writes the images that cannot be used, with the reasons. */
  byol_dataset_bad_files: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, start, count, text, error) Writes the names of `count` images from `start`: paths below the data set's folder, or numbers. */
  byol_dataset_names: { parameters: ["u32", "u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Starts long work on folders of photos. */
  byol_data_job_start: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (job, numbers, error) Writes how far that work is: done, of how many, images, and 1 when it has ended. */
  byol_data_job_progress: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (job, text, error) Waits for the end of that work and writes what it says. */
  byol_data_job_result: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Makes the online and the target network. */
  byol_learner_create: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (learner, features, error) Writes the length of an embedding. */
  byol_learner_features: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, dataset, part, parts, error) Computes loss and gradients on the dataset's two views: one of the parts of a step's batch. */
  byol_learner_forward_backward: { parameters: ["u32", "u32", "u32", "u32", "buffer"], result: "i32" },
  /** (learner, ranks, sync_bn, error) Goes on from rank 0's state, and averages gradients over the ranks from now on. */
  byol_learner_join: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (learner, error) Takes rank 0's running statistics. */
  byol_learner_share_statistics: { parameters: ["u32", "buffer"], result: "i32" },
  /** (learner, learning_rate, momentum, weight_decay, eta, error) Applies LARS. */
  byol_learner_apply_update: { parameters: ["u32", "f64", "f64", "f64", "f64", "buffer"], result: "i32" },
  /** (learner, tau, error) Moves the target towards the online network. */
  byol_learner_move_target: { parameters: ["u32", "f64", "buffer"], result: "i32" },
  /** (learner, dataset, learning_rate, tau, accepted, error) Starts to record a step on the dataset's two views as a CUDA graph: writes 1, or 0 where that cannot be. */
  byol_learner_begin_recording: { parameters: ["u32", "u32", "f64", "f64", "buffer", "buffer"], result: "i32" },
  /** (learner, error) Ends the recording and runs what was recorded. */
  byol_learner_end_recording: { parameters: ["u32", "buffer"], result: "i32" },
  /** (learner, error) Forgets a recording that failed. */
  byol_learner_drop_recording: { parameters: ["u32", "buffer"], result: "i32" },
  /** (learner, dataset, learning_rate, tau, accepted, error) Runs the recorded step on the dataset's two views: writes 1, or 0 where none is recorded for their shape. */
  byol_learner_replay: { parameters: ["u32", "u32", "f64", "f64", "buffer", "buffer"], result: "i32" },
  /** (learner, numbers, error) Writes loss, embedding spread, gradient norm, parameter norm, effective rank. */
  byol_learner_metrics: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, classes, error) Gives the learner an online probe, which starts from zeros. */
  byol_learner_add_probe: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (learner, learning_rate, momentum, error) Trains the online probe on the last step's embeddings of view 1. */
  byol_learner_train_probe: { parameters: ["u32", "f64", "f64", "buffer"], result: "i32" },
  /** (learner, numbers, error) Writes the online probe's loss, and its share of right answers. */
  byol_learner_probe_metrics: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, numbers, error) Writes steps that float16's overflows cost, and the scale of the loss; 0 where it is not scaled. */
  byol_learner_scaler: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, options, error) Writes the training state, or the encoder alone, to a file. */
  byol_learner_save: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, options, handle, error) Copies the training state and starts the job that writes it to a file. */
  byol_learner_save_begin: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (learner, options, error) Reads the training state, or the encoder alone, from a file. */
  byol_learner_load: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, path, error) Reads the encoder from a file and gives the target network the same. */
  byol_learner_init_encoder: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, handle, error) Starts a trace: keeps a copy of the state. */
  byol_learner_trace_begin: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, dataset, trace, options, error) Writes a trace file: views, state before, gradients, state after. */
  byol_learner_trace_write: { parameters: ["u32", "u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (learner, options, error) Writes what the online network makes of a file's images, in eval and in train mode. */
  byol_learner_write_outputs: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, dataset, options, error) Writes the embeddings of the dataset's batch. */
  byol_learner_write_embeddings: { parameters: ["u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Makes a linear probe. */
  byol_probe_create: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (probe, learner, dataset, learning_rate, error) Trains the probe on the dataset's batch. */
  byol_probe_train: { parameters: ["u32", "u32", "u32", "f64", "buffer"], result: "i32" },
  /** (probe, learner, dataset, error) Counts the probe's right answers on the dataset's batch. */
  byol_probe_test: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (probe, numbers, error) Writes images tested, right at first guess, right within five. */
  byol_probe_counts: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (probe, learner, dataset, options, error) Writes the probe's weights, and its answers on the dataset's batch. */
  byol_probe_write_answers: { parameters: ["u32", "u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (probe, ranks, error) Gives the probe of every rank the weights of rank 0's. */
  byol_probe_join: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (probe, learner, options, error) Writes the probe's weights to a file, with the learner's encoder where it is asked for. */
  byol_probe_save: { parameters: ["u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (learner, handle, error) Starts to fine-tune the learner's encoder. */
  byol_finetune_create: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (finetune, learner, probe, dataset, learning_rate, error) Trains encoder and probe together on the dataset's batch. */
  byol_finetune_step: { parameters: ["u32", "u32", "u32", "u32", "f64", "buffer"], result: "i32" },
  /** (finetune, numbers, error) Writes the loss of the last step. */
  byol_finetune_loss: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (handle, error) Makes an empty table of features. */
  byol_features_create: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (features, learner, dataset, error) Adds the embeddings of the dataset's batch. */
  byol_features_append: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (features, probe, options, learning_rate, error) Trains the probe on a step's embeddings. */
  byol_features_train: { parameters: ["u32", "u32", "buffer", "f64", "buffer"], result: "i32" },
  /** (features, probe, seed, held_out, error) Counts the probe's right answers on the embeddings held out, or on all. */
  byol_features_test: { parameters: ["u32", "u32", "u64", "u32", "buffer"], result: "i32" },
  /** (handle, error) Makes an empty feature bank. */
  byol_bank_create: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (bank, learner, dataset, error) Adds the embeddings of the dataset's batch. */
  byol_bank_append: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (bank, learner, dataset, k, temperature, numbers, error) Classifies the dataset's batch by nearest neighbours: writes tested, right. */
  byol_bank_classify: { parameters: ["u32", "u32", "u32", "u32", "f64", "buffer", "buffer"], result: "i32" },
  /** (bank, learner, dataset, options, error) Writes the nearest neighbours' answers on the dataset's batch. */
  byol_bank_write_answers: { parameters: ["u32", "u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Opens the store that the ranks meet at (rank 0), or connects to it. */
  byol_ranks_connect: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (ranks, options, error) Sets a key of the store. */
  byol_ranks_set: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, options, text, error) Writes a key's text as JSON, null where it is not set yet. */
  byol_ranks_read: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (ranks, options, error) Connects the ranks with each other, once all are there, and starts to watch who is alive. */
  byol_ranks_open_group: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, text, error) Writes how long ago each rank and the store were seen alive, and why the first rank left that did. */
  byol_ranks_health: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, options, error) Tells the others why this rank leaves. */
  byol_ranks_leave: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, flag, any, error) Writes 1 where any rank brings other than 0. */
  byol_ranks_any: { parameters: ["u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, options, text, error) Writes the sums of whole numbers over the ranks. */
  byol_ranks_sum: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (ranks, error) Waits until every rank has come here. */
  byol_ranks_barrier: { parameters: ["u32", "buffer"], result: "i32" },
  /** (options, text, error) Describes a checkpoint: metadata, number of tensors, shapes, SHA-256. */
  byol_checkpoint_describe: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (path, handle, error) Starts the job that reads a checkpoint and compares it with the SHA-256 it holds. */
  byol_checkpoint_verify_begin: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (job, milliseconds, done, error) Waits at most so long for a job: writes 1 when it is done, 0 when it is not; fails as the job did. */
  byol_job_wait: { parameters: ["u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Watches for signals until the handle is closed: a second request ends the process. */
  byol_signals_watch: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (seen, error) Writes 1 once a watched signal has come. */
  byol_signals_seen: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (pid, text, error) Writes what tells a process from others that had or have its number. */
  byol_process_describe: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Starts to write a lock's file again and again in a thread. */
  byol_heartbeat_start: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (heartbeat, max_age_milliseconds, error) Fails once the lock is lost; looks itself when the last beat is that old. */
  byol_heartbeat_check: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (handle, error) Drops an object; harmless when repeated. */
  byol_handle_close: { parameters: ["u32", "buffer"], result: "i32" },
} as const;

/**
 * A binder of the error buffer for every function. Each bound function has code of its own, because V8 calls native
 * code directly only from code that always calls the same function.
 */
export const BINDERS: Binders = {
  byol_abi_describe: (core, error) => (text) => core.byol_abi_describe(text, error),
  byol_core_live_handles: (core, error) => (count) => core.byol_core_live_handles(count, error),
  byol_core_set_threads: (core, error) => (threads) => core.byol_core_set_threads(threads, error),
  byol_core_info: (core, error) => (text) => core.byol_core_info(text, error),
  byol_core_use_libjpeg: (core, error) => (path) => core.byol_core_use_libjpeg(path, error),
  byol_core_gpus: (core, error) => (text) => core.byol_core_gpus(text, error),
  byol_core_set_numerics: (core, error) => (options) => core.byol_core_set_numerics(options, error),
  byol_core_open_gpu: (core, error) => (path) => core.byol_core_open_gpu(path, error),
  byol_core_panic: (core, error) => () => core.byol_core_panic(error),
  byol_dataset_open: (core, error) => (options, handle) => core.byol_dataset_open(options, handle, error),
  byol_dataset_describe: (core, error) => (dataset, text) => core.byol_dataset_describe(dataset, text, error),
  byol_dataset_set_recipes: (core, error) => (dataset, options) => core.byol_dataset_set_recipes(dataset, options, error),
  byol_dataset_set_probe: (core, error) => (dataset, options) => core.byol_dataset_set_probe(dataset, options, error),
  byol_dataset_take_subset: (core, error) => (dataset, options) => core.byol_dataset_take_subset(dataset, options, error),
  byol_dataset_set_share: (core, error) => (dataset, rank, ranks, parts) => core.byol_dataset_set_share(dataset, rank, ranks, parts, error),
  byol_dataset_make_views: (core, error) => (dataset, seed, step, part) => core.byol_dataset_make_views(dataset, seed, step, part, error),
  byol_dataset_make_probe_batch: (core, error) => (dataset, seed, step) => core.byol_dataset_make_probe_batch(dataset, seed, step, error),
  byol_dataset_make_centered: (core, error) => (dataset, start, count) => core.byol_dataset_make_centered(dataset, start, count, error),
  byol_dataset_embed: (core, error) => (dataset, learner) => core.byol_dataset_embed(dataset, learner, error),
  byol_dataset_gather: (core, error) => (dataset, ranks) => core.byol_dataset_gather(dataset, ranks, error),
  byol_dataset_write_views: (core, error) => (dataset, options, text) => core.byol_dataset_write_views(dataset, options, text, error),
  byol_dataset_write_sheet: (core, error) => (dataset, options) => core.byol_dataset_write_sheet(dataset, options, error),
  byol_views_render: (core, error) => (options) => core.byol_views_render(options, error),
  byol_views_sample: (core, error) => (options) => core.byol_views_sample(options, error),
  byol_dataset_announce_views: (core, error) => (dataset, options, seed, step, part, accepted) => core.byol_dataset_announce_views(dataset, options, seed, step, part, accepted, error),
  byol_dataset_photo_counts: (core, error) => (dataset, numbers) => core.byol_dataset_photo_counts(dataset, numbers, error),
  byol_dataset_bad_files: (core, error) => (dataset, text) => core.byol_dataset_bad_files(dataset, text, error),
  byol_dataset_names: (core, error) => (dataset, start, count, text) => core.byol_dataset_names(dataset, start, count, text, error),
  byol_data_job_start: (core, error) => (options, handle) => core.byol_data_job_start(options, handle, error),
  byol_data_job_progress: (core, error) => (job, numbers) => core.byol_data_job_progress(job, numbers, error),
  byol_data_job_result: (core, error) => (job, text) => core.byol_data_job_result(job, text, error),
  byol_learner_create: (core, error) => (options, handle) => core.byol_learner_create(options, handle, error),
  byol_learner_features: (core, error) => (learner, features) => core.byol_learner_features(learner, features, error),
  byol_learner_forward_backward: (core, error) => (learner, dataset, part, parts) => core.byol_learner_forward_backward(learner, dataset, part, parts, error),
  byol_learner_join: (core, error) => (learner, ranks, sync_bn) => core.byol_learner_join(learner, ranks, sync_bn, error),
  byol_learner_share_statistics: (core, error) => (learner) => core.byol_learner_share_statistics(learner, error),
  byol_learner_apply_update: (core, error) => (learner, learning_rate, momentum, weight_decay, eta) => core.byol_learner_apply_update(learner, learning_rate, momentum, weight_decay, eta, error),
  byol_learner_move_target: (core, error) => (learner, tau) => core.byol_learner_move_target(learner, tau, error),
  byol_learner_begin_recording: (core, error) => (learner, dataset, learning_rate, tau, accepted) => core.byol_learner_begin_recording(learner, dataset, learning_rate, tau, accepted, error),
  byol_learner_end_recording: (core, error) => (learner) => core.byol_learner_end_recording(learner, error),
  byol_learner_drop_recording: (core, error) => (learner) => core.byol_learner_drop_recording(learner, error),
  byol_learner_replay: (core, error) => (learner, dataset, learning_rate, tau, accepted) => core.byol_learner_replay(learner, dataset, learning_rate, tau, accepted, error),
  byol_learner_metrics: (core, error) => (learner, numbers) => core.byol_learner_metrics(learner, numbers, error),
  byol_learner_add_probe: (core, error) => (learner, classes) => core.byol_learner_add_probe(learner, classes, error),
  byol_learner_train_probe: (core, error) => (learner, learning_rate, momentum) => core.byol_learner_train_probe(learner, learning_rate, momentum, error),
  byol_learner_probe_metrics: (core, error) => (learner, numbers) => core.byol_learner_probe_metrics(learner, numbers, error),
  byol_learner_scaler: (core, error) => (learner, numbers) => core.byol_learner_scaler(learner, numbers, error),
  byol_learner_save: (core, error) => (learner, options) => core.byol_learner_save(learner, options, error),
  byol_learner_save_begin: (core, error) => (learner, options, handle) => core.byol_learner_save_begin(learner, options, handle, error),
  byol_learner_load: (core, error) => (learner, options) => core.byol_learner_load(learner, options, error),
  byol_learner_init_encoder: (core, error) => (learner, path) => core.byol_learner_init_encoder(learner, path, error),
  byol_learner_trace_begin: (core, error) => (learner, handle) => core.byol_learner_trace_begin(learner, handle, error),
  byol_learner_trace_write: (core, error) => (learner, dataset, trace, options) => core.byol_learner_trace_write(learner, dataset, trace, options, error),
  byol_learner_write_outputs: (core, error) => (learner, options) => core.byol_learner_write_outputs(learner, options, error),
  byol_learner_write_embeddings: (core, error) => (learner, dataset, options) => core.byol_learner_write_embeddings(learner, dataset, options, error),
  byol_probe_create: (core, error) => (options, handle) => core.byol_probe_create(options, handle, error),
  byol_probe_train: (core, error) => (probe, learner, dataset, learning_rate) => core.byol_probe_train(probe, learner, dataset, learning_rate, error),
  byol_probe_test: (core, error) => (probe, learner, dataset) => core.byol_probe_test(probe, learner, dataset, error),
  byol_probe_counts: (core, error) => (probe, numbers) => core.byol_probe_counts(probe, numbers, error),
  byol_probe_write_answers: (core, error) => (probe, learner, dataset, options) => core.byol_probe_write_answers(probe, learner, dataset, options, error),
  byol_probe_join: (core, error) => (probe, ranks) => core.byol_probe_join(probe, ranks, error),
  byol_probe_save: (core, error) => (probe, learner, options) => core.byol_probe_save(probe, learner, options, error),
  byol_finetune_create: (core, error) => (learner, handle) => core.byol_finetune_create(learner, handle, error),
  byol_finetune_step: (core, error) => (finetune, learner, probe, dataset, learning_rate) => core.byol_finetune_step(finetune, learner, probe, dataset, learning_rate, error),
  byol_finetune_loss: (core, error) => (finetune, numbers) => core.byol_finetune_loss(finetune, numbers, error),
  byol_features_create: (core, error) => (handle) => core.byol_features_create(handle, error),
  byol_features_append: (core, error) => (features, learner, dataset) => core.byol_features_append(features, learner, dataset, error),
  byol_features_train: (core, error) => (features, probe, options, learning_rate) => core.byol_features_train(features, probe, options, learning_rate, error),
  byol_features_test: (core, error) => (features, probe, seed, held_out) => core.byol_features_test(features, probe, seed, held_out, error),
  byol_bank_create: (core, error) => (handle) => core.byol_bank_create(handle, error),
  byol_bank_append: (core, error) => (bank, learner, dataset) => core.byol_bank_append(bank, learner, dataset, error),
  byol_bank_classify: (core, error) => (bank, learner, dataset, k, temperature, numbers) => core.byol_bank_classify(bank, learner, dataset, k, temperature, numbers, error),
  byol_bank_write_answers: (core, error) => (bank, learner, dataset, options) => core.byol_bank_write_answers(bank, learner, dataset, options, error),
  byol_ranks_connect: (core, error) => (options, handle) => core.byol_ranks_connect(options, handle, error),
  byol_ranks_set: (core, error) => (ranks, options) => core.byol_ranks_set(ranks, options, error),
  byol_ranks_read: (core, error) => (ranks, options, text) => core.byol_ranks_read(ranks, options, text, error),
  byol_ranks_open_group: (core, error) => (ranks, options) => core.byol_ranks_open_group(ranks, options, error),
  byol_ranks_health: (core, error) => (ranks, text) => core.byol_ranks_health(ranks, text, error),
  byol_ranks_leave: (core, error) => (ranks, options) => core.byol_ranks_leave(ranks, options, error),
  byol_ranks_any: (core, error) => (ranks, flag, any) => core.byol_ranks_any(ranks, flag, any, error),
  byol_ranks_sum: (core, error) => (ranks, options, text) => core.byol_ranks_sum(ranks, options, text, error),
  byol_ranks_barrier: (core, error) => (ranks) => core.byol_ranks_barrier(ranks, error),
  byol_checkpoint_describe: (core, error) => (options, text) => core.byol_checkpoint_describe(options, text, error),
  byol_checkpoint_verify_begin: (core, error) => (path, handle) => core.byol_checkpoint_verify_begin(path, handle, error),
  byol_job_wait: (core, error) => (job, milliseconds, done) => core.byol_job_wait(job, milliseconds, done, error),
  byol_signals_watch: (core, error) => (options, handle) => core.byol_signals_watch(options, handle, error),
  byol_signals_seen: (core, error) => (seen) => core.byol_signals_seen(seen, error),
  byol_process_describe: (core, error) => (pid, text) => core.byol_process_describe(pid, text, error),
  byol_heartbeat_start: (core, error) => (options, handle) => core.byol_heartbeat_start(options, handle, error),
  byol_heartbeat_check: (core, error) => (heartbeat, max_age_milliseconds) => core.byol_heartbeat_check(heartbeat, max_age_milliseconds, error),
  byol_handle_close: (core, error) => (handle) => core.byol_handle_close(handle, error),
};

/** Names of the statuses, by number. */
export const STATUS_NAMES: readonly string[] = ["Ok","InvalidArgument","BadHandle","Io","OutOfMemory","Torch","Panic","Distributed","NotFinite","Interrupted"];

/** The table as the core describes it: another core is refused. */
export const TABLE = "{\"statuses\":[[\"Ok\",0],[\"InvalidArgument\",1],[\"BadHandle\",2],[\"Io\",3],[\"OutOfMemory\",4],[\"Torch\",5],[\"Panic\",6],[\"Distributed\",7],[\"NotFinite\",8],[\"Interrupted\",9]],\"symbols\":[{\"arguments\":[[\"text\",\"buffer\"]],\"doc\":\"Writes the description of this table.\",\"name\":\"byol_abi_describe\"},{\"arguments\":[[\"count\",\"buffer\"]],\"doc\":\"Counts the objects that are alive.\",\"name\":\"byol_core_live_handles\"},{\"arguments\":[[\"threads\",\"u32\"]],\"doc\":\"Sets the number of threads of one tensor operation.\",\"name\":\"byol_core_set_threads\"},{\"arguments\":[[\"text\",\"buffer\"]],\"doc\":\"Writes the threads in use and what the processor offers.\",\"name\":\"byol_core_info\"},{\"arguments\":[[\"path\",\"buffer\"]],\"doc\":\"Decodes JPEG files by the libjpeg-turbo in a file from now on.\",\"name\":\"byol_core_use_libjpeg\"},{\"arguments\":[[\"text\",\"buffer\"]],\"doc\":\"Writes the driver's GPUs, or why there are none.\",\"name\":\"byol_core_gpus\"},{\"arguments\":[[\"options\",\"buffer\"]],\"doc\":\"Sets how GPUs compute.\",\"name\":\"byol_core_set_numerics\"},{\"arguments\":[[\"path\",\"buffer\"]],\"doc\":\"Opens the library of the GPUs' side.\",\"name\":\"byol_core_open_gpu\"},{\"arguments\":[],\"doc\":\"Panics, to show that a panic becomes a status.\",\"name\":\"byol_core_panic\"},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Opens a dataset.\",\"name\":\"byol_dataset_open\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Writes count, classes, digest and warnings.\",\"name\":\"byol_dataset_describe\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Sets the batch size and the recipes of both views.\",\"name\":\"byol_dataset_set_recipes\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Sets the batch size and the transforms of linear evaluation.\",\"name\":\"byol_dataset_set_probe\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Makes evaluation go through some of the images alone, of each class as many.\",\"name\":\"byol_dataset_take_subset\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"rank\",\"u32\"],[\"ranks\",\"u32\"],[\"parts\",\"u32\"]],\"doc\":\"Sets what of a step's batch this process takes: of each of equal parts, its rank's share.\",\"name\":\"byol_dataset_set_share\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"seed\",\"u64\"],[\"step\",\"u64\"],[\"part\",\"u32\"]],\"doc\":\"Makes both views of one part of a step's images.\",\"name\":\"byol_dataset_make_views\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"seed\",\"u64\"],[\"step\",\"u64\"]],\"doc\":\"Makes one view of a probe step's images.\",\"name\":\"byol_dataset_make_probe_batch\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"start\",\"u32\"],[\"count\",\"u32\"]],\"doc\":\"Makes the test transform of some images.\",\"name\":\"byol_dataset_make_centered\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"learner\",\"u32\"]],\"doc\":\"Embeds the one-view batch and keeps the embeddings with it.\",\"name\":\"byol_dataset_embed\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"ranks\",\"u32\"]],\"doc\":\"Puts all ranks' embeddings in the place of this rank's.\",\"name\":\"byol_dataset_gather\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"],[\"text\",\"buffer\"]],\"doc\":\"Makes a step's views, writes one of the two with its images, and tells what was done to them.\",\"name\":\"byol_dataset_write_views\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Draws both views of the batch as a PNG.\",\"name\":\"byol_dataset_write_sheet\"},{\"arguments\":[[\"options\",\"buffer\"]],\"doc\":\"Renders given operations on a file's images.\",\"name\":\"byol_views_render\"},{\"arguments\":[[\"options\",\"buffer\"]],\"doc\":\"Writes parameters of views drawn with a recipe.\",\"name\":\"byol_views_sample\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"],[\"seed\",\"u64\"],[\"step\",\"u64\"],[\"part\",\"u32\"],[\"accepted\",\"buffer\"]],\"doc\":\"Starts on the views of a step to come, or of a part of them: writes 1, or 0 where there is no room.\",\"name\":\"byol_dataset_announce_views\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Writes images decoded and images that cannot be used.\",\"name\":\"byol_dataset_photo_counts\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Writes the images that cannot be used, with the reasons.\",\"name\":\"byol_dataset_bad_files\"},{\"arguments\":[[\"dataset\",\"u32\"],[\"start\",\"u32\"],[\"count\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Writes the names of `count` images from `start`: paths below the data set's folder, or numbers.\",\"name\":\"byol_dataset_names\"},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts long work on folders of photos.\",\"name\":\"byol_data_job_start\"},{\"arguments\":[[\"job\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Writes how far that work is: done, of how many, images, and 1 when it has ended.\",\"name\":\"byol_data_job_progress\"},{\"arguments\":[[\"job\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Waits for the end of that work and writes what it says.\",\"name\":\"byol_data_job_result\"},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Makes the online and the target network.\",\"name\":\"byol_learner_create\"},{\"arguments\":[[\"learner\",\"u32\"],[\"features\",\"buffer\"]],\"doc\":\"Writes the length of an embedding.\",\"name\":\"byol_learner_features\"},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"part\",\"u32\"],[\"parts\",\"u32\"]],\"doc\":\"Computes loss and gradients on the dataset's two views: one of the parts of a step's batch.\",\"name\":\"byol_learner_forward_backward\"},{\"arguments\":[[\"learner\",\"u32\"],[\"ranks\",\"u32\"],[\"sync_bn\",\"u32\"]],\"doc\":\"Goes on from rank 0's state, and averages gradients over the ranks from now on.\",\"name\":\"byol_learner_join\"},{\"arguments\":[[\"learner\",\"u32\"]],\"doc\":\"Takes rank 0's running statistics.\",\"name\":\"byol_learner_share_statistics\"},{\"arguments\":[[\"learner\",\"u32\"],[\"learning_rate\",\"f64\"],[\"momentum\",\"f64\"],[\"weight_decay\",\"f64\"],[\"eta\",\"f64\"]],\"doc\":\"Applies LARS.\",\"name\":\"byol_learner_apply_update\"},{\"arguments\":[[\"learner\",\"u32\"],[\"tau\",\"f64\"]],\"doc\":\"Moves the target towards the online network.\",\"name\":\"byol_learner_move_target\"},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"learning_rate\",\"f64\"],[\"tau\",\"f64\"],[\"accepted\",\"buffer\"]],\"doc\":\"Starts to record a step on the dataset's two views as a CUDA graph: writes 1, or 0 where that cannot be.\",\"name\":\"byol_learner_begin_recording\"},{\"arguments\":[[\"learner\",\"u32\"]],\"doc\":\"Ends the recording and runs what was recorded.\",\"name\":\"byol_learner_end_recording\"},{\"arguments\":[[\"learner\",\"u32\"]],\"doc\":\"Forgets a recording that failed.\",\"name\":\"byol_learner_drop_recording\"},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"learning_rate\",\"f64\"],[\"tau\",\"f64\"],[\"accepted\",\"buffer\"]],\"doc\":\"Runs the recorded step on the dataset's two views: writes 1, or 0 where none is recorded for their shape.\",\"name\":\"byol_learner_replay\"},{\"arguments\":[[\"learner\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Writes loss, embedding spread, gradient norm, parameter norm, effective rank.\",\"name\":\"byol_learner_metrics\"},{\"arguments\":[[\"learner\",\"u32\"],[\"classes\",\"u32\"]],\"doc\":\"Gives the learner an online probe, which starts from zeros.\",\"name\":\"byol_learner_add_probe\"},{\"arguments\":[[\"learner\",\"u32\"],[\"learning_rate\",\"f64\"],[\"momentum\",\"f64\"]],\"doc\":\"Trains the online probe on the last step's embeddings of view 1.\",\"name\":\"byol_learner_train_probe\"},{\"arguments\":[[\"learner\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Writes the online probe's loss, and its share of right answers.\",\"name\":\"byol_learner_probe_metrics\"},{\"arguments\":[[\"learner\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Writes steps that float16's overflows cost, and the scale of the loss; 0 where it is not scaled.\",\"name\":\"byol_learner_scaler\"},{\"arguments\":[[\"learner\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the training state, or the encoder alone, to a file.\",\"name\":\"byol_learner_save\"},{\"arguments\":[[\"learner\",\"u32\"],[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Copies the training state and starts the job that writes it to a file.\",\"name\":\"byol_learner_save_begin\"},{\"arguments\":[[\"learner\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Reads the training state, or the encoder alone, from a file.\",\"name\":\"byol_learner_load\"},{\"arguments\":[[\"learner\",\"u32\"],[\"path\",\"buffer\"]],\"doc\":\"Reads the encoder from a file and gives the target network the same.\",\"name\":\"byol_learner_init_encoder\"},{\"arguments\":[[\"learner\",\"u32\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts a trace: keeps a copy of the state.\",\"name\":\"byol_learner_trace_begin\"},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"trace\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes a trace file: views, state before, gradients, state after.\",\"name\":\"byol_learner_trace_write\"},{\"arguments\":[[\"learner\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes what the online network makes of a file's images, in eval and in train mode.\",\"name\":\"byol_learner_write_outputs\"},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the embeddings of the dataset's batch.\",\"name\":\"byol_learner_write_embeddings\"},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Makes a linear probe.\",\"name\":\"byol_probe_create\"},{\"arguments\":[[\"probe\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"learning_rate\",\"f64\"]],\"doc\":\"Trains the probe on the dataset's batch.\",\"name\":\"byol_probe_train\"},{\"arguments\":[[\"probe\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"]],\"doc\":\"Counts the probe's right answers on the dataset's batch.\",\"name\":\"byol_probe_test\"},{\"arguments\":[[\"probe\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Writes images tested, right at first guess, right within five.\",\"name\":\"byol_probe_counts\"},{\"arguments\":[[\"probe\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the probe's weights, and its answers on the dataset's batch.\",\"name\":\"byol_probe_write_answers\"},{\"arguments\":[[\"probe\",\"u32\"],[\"ranks\",\"u32\"]],\"doc\":\"Gives the probe of every rank the weights of rank 0's.\",\"name\":\"byol_probe_join\"},{\"arguments\":[[\"probe\",\"u32\"],[\"learner\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the probe's weights to a file, with the learner's encoder where it is asked for.\",\"name\":\"byol_probe_save\"},{\"arguments\":[[\"learner\",\"u32\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts to fine-tune the learner's encoder.\",\"name\":\"byol_finetune_create\"},{\"arguments\":[[\"finetune\",\"u32\"],[\"learner\",\"u32\"],[\"probe\",\"u32\"],[\"dataset\",\"u32\"],[\"learning_rate\",\"f64\"]],\"doc\":\"Trains encoder and probe together on the dataset's batch.\",\"name\":\"byol_finetune_step\"},{\"arguments\":[[\"finetune\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Writes the loss of the last step.\",\"name\":\"byol_finetune_loss\"},{\"arguments\":[[\"handle\",\"buffer\"]],\"doc\":\"Makes an empty table of features.\",\"name\":\"byol_features_create\"},{\"arguments\":[[\"features\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"]],\"doc\":\"Adds the embeddings of the dataset's batch.\",\"name\":\"byol_features_append\"},{\"arguments\":[[\"features\",\"u32\"],[\"probe\",\"u32\"],[\"options\",\"buffer\"],[\"learning_rate\",\"f64\"]],\"doc\":\"Trains the probe on a step's embeddings.\",\"name\":\"byol_features_train\"},{\"arguments\":[[\"features\",\"u32\"],[\"probe\",\"u32\"],[\"seed\",\"u64\"],[\"held_out\",\"u32\"]],\"doc\":\"Counts the probe's right answers on the embeddings held out, or on all.\",\"name\":\"byol_features_test\"},{\"arguments\":[[\"handle\",\"buffer\"]],\"doc\":\"Makes an empty feature bank.\",\"name\":\"byol_bank_create\"},{\"arguments\":[[\"bank\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"]],\"doc\":\"Adds the embeddings of the dataset's batch.\",\"name\":\"byol_bank_append\"},{\"arguments\":[[\"bank\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"k\",\"u32\"],[\"temperature\",\"f64\"],[\"numbers\",\"buffer\"]],\"doc\":\"Classifies the dataset's batch by nearest neighbours: writes tested, right.\",\"name\":\"byol_bank_classify\"},{\"arguments\":[[\"bank\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the nearest neighbours' answers on the dataset's batch.\",\"name\":\"byol_bank_write_answers\"},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Opens the store that the ranks meet at (rank 0), or connects to it.\",\"name\":\"byol_ranks_connect\"},{\"arguments\":[[\"ranks\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Sets a key of the store.\",\"name\":\"byol_ranks_set\"},{\"arguments\":[[\"ranks\",\"u32\"],[\"options\",\"buffer\"],[\"text\",\"buffer\"]],\"doc\":\"Writes a key's text as JSON, null where it is not set yet.\",\"name\":\"byol_ranks_read\"},{\"arguments\":[[\"ranks\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Connects the ranks with each other, once all are there, and starts to watch who is alive.\",\"name\":\"byol_ranks_open_group\"},{\"arguments\":[[\"ranks\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Writes how long ago each rank and the store were seen alive, and why the first rank left that did.\",\"name\":\"byol_ranks_health\"},{\"arguments\":[[\"ranks\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Tells the others why this rank leaves.\",\"name\":\"byol_ranks_leave\"},{\"arguments\":[[\"ranks\",\"u32\"],[\"flag\",\"u32\"],[\"any\",\"buffer\"]],\"doc\":\"Writes 1 where any rank brings other than 0.\",\"name\":\"byol_ranks_any\"},{\"arguments\":[[\"ranks\",\"u32\"],[\"options\",\"buffer\"],[\"text\",\"buffer\"]],\"doc\":\"Writes the sums of whole numbers over the ranks.\",\"name\":\"byol_ranks_sum\"},{\"arguments\":[[\"ranks\",\"u32\"]],\"doc\":\"Waits until every rank has come here.\",\"name\":\"byol_ranks_barrier\"},{\"arguments\":[[\"options\",\"buffer\"],[\"text\",\"buffer\"]],\"doc\":\"Describes a checkpoint: metadata, number of tensors, shapes, SHA-256.\",\"name\":\"byol_checkpoint_describe\"},{\"arguments\":[[\"path\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts the job that reads a checkpoint and compares it with the SHA-256 it holds.\",\"name\":\"byol_checkpoint_verify_begin\"},{\"arguments\":[[\"job\",\"u32\"],[\"milliseconds\",\"u32\"],[\"done\",\"buffer\"]],\"doc\":\"Waits at most so long for a job: writes 1 when it is done, 0 when it is not; fails as the job did.\",\"name\":\"byol_job_wait\"},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Watches for signals until the handle is closed: a second request ends the process.\",\"name\":\"byol_signals_watch\"},{\"arguments\":[[\"seen\",\"buffer\"]],\"doc\":\"Writes 1 once a watched signal has come.\",\"name\":\"byol_signals_seen\"},{\"arguments\":[[\"pid\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Writes what tells a process from others that had or have its number.\",\"name\":\"byol_process_describe\"},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts to write a lock's file again and again in a thread.\",\"name\":\"byol_heartbeat_start\"},{\"arguments\":[[\"heartbeat\",\"u32\"],[\"max_age_milliseconds\",\"u32\"]],\"doc\":\"Fails once the lock is lost; looks itself when the last beat is that old.\",\"name\":\"byol_heartbeat_check\"},{\"arguments\":[[\"handle\",\"u32\"]],\"doc\":\"Drops an object; harmless when repeated.\",\"name\":\"byol_handle_close\"}]}";
