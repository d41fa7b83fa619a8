// GENERATED from native/src/abi/ by `deno task gen`. Do not edit.
// deno-fmt-ignore-file

import type { Binders } from "./symbol_types.ts";

/** Every function of the core. */
export const SYMBOLS = {
  /** (text, error) Returns the description of the tables. */
  byol_abi_describe: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (count, error) Counts the objects that are alive. */
  byol_core_live_handles: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (handle, error) Drops an object; does nothing where that was done. Waits for the threads of a job or a heartbeat. */
  byol_handle_close: { parameters: ["u32", "buffer"], result: "i32" },
  /** (text, error) Returns the last text that did not fit its buffer, once. Fails where there is none. */
  byol_core_long_text: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (threads, error) Sets the number of threads of one tensor operation. Fails outside 1 to 1024. */
  byol_core_set_threads: { parameters: ["u32", "buffer"], result: "i32" },
  /** (text, error) Returns the threads in use, the version, the decoder of JPEG files, whether the processor has bfloat16, and whether the kernels of a GPU are in use. */
  byol_core_info: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (path, error) Decodes JPEG files by the libjpeg-turbo in a file from now on. Fails (Io) where it cannot be opened. */
  byol_core_use_libjpeg: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (text, error) Returns the newest CUDA that the driver knows and its GPUs, or why there are none. */
  byol_core_gpus: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (options, error) Sets how GPUs compute. */
  byol_core_set_numerics: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (path, error) Opens the library of the GPUs' side, for the life of the process. Fails (Io) where it cannot be opened. */
  byol_core_open_gpu: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (options, error) Compiles the kernels for a GPU, and loads them where the library of the GPUs' side is open. Fails (Io), with the kernels out of use, where that cannot be. */
  byol_core_compile_kernels: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (error) Puts the kernels out of use: libtorch's operations take their place. */
  byol_core_give_up_kernels: { parameters: ["buffer"], result: "i32" },
  /** (error) Panics: a test sees that the status is Panic. */
  byol_core_panic: { parameters: ["buffer"], result: "i32" },
  /** (options, job, handle, error) Opens the images that a job has listed or read, or the demo without a job. Takes them from the job, which may be closed then. Waits for the job, and fails as it did. */
  byol_dataset_open: { parameters: ["buffer", "u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, options, error) Keeps some of the images, before any batch is made. Fails on more than there are. */
  byol_dataset_limit: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, options, handle, error) Takes some of the images out of the data set, before any batch is made, and returns them as a data set. Fails where none would be held out or left. */
  byol_dataset_hold_out: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (dataset, text, error) Returns count, classes, digest, layout and warnings. */
  byol_dataset_describe: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, options, error) Sets the batch size and the recipes of both views. Fails on a recipe that makes no view, or a batch larger than the data set. */
  byol_dataset_set_recipes: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, options, error) Sets the batch size and the transforms of linear evaluation. Fails on transforms that make no view. */
  byol_dataset_set_probe: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, options, error) Makes evaluation go through some of the images alone, of each class as many. Fails where a class would have none. */
  byol_dataset_take_subset: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, rank, ranks, micro_batches, error) Sets this rank's shard of a step's batch: of each of equal micro-batches as much as every other rank. Fails on a rank that is none. */
  byol_dataset_set_shard: { parameters: ["u32", "u32", "u32", "u32", "buffer"], result: "i32" },
  /** (dataset, seed, step, micro_batch, error) Makes both views of one micro-batch of a step's images. Fails without recipes, on a batch that ranks and micro-batches do not divide, and (Io) where too many files cannot be read. */
  byol_dataset_make_views: { parameters: ["u32", "u64", "u64", "u32", "buffer"], result: "i32" },
  /** (dataset, options, seed, step, micro_batch, flag, error) Starts on the views of a micro-batch of a later step: 1, or 0 where there is no room or the images are in memory. */
  byol_dataset_prefetch_views: { parameters: ["u32", "buffer", "u64", "u64", "u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, seed, step, error) Makes one view of this rank's shard of a probe step's images. Fails without the transforms, and as make_views does. */
  byol_dataset_make_probe_batch: { parameters: ["u32", "u64", "u64", "buffer"], result: "i32" },
  /** (dataset, start, count, error) Makes the test transform of some images. Fails without the transforms, on images that are not there, and (Io) where too many files cannot be read. */
  byol_dataset_make_center_crops: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (dataset, learner, error) Embeds the one-view batch; the data set keeps the embeddings with the batch. Fails without a one-view batch. */
  byol_dataset_embed: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (dataset, ranks, error) Puts all ranks' embeddings in the place of this rank's. All ranks call it. Fails without embeddings, and (Distributed) where a rank is gone. */
  byol_dataset_gather: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (dataset, options, text, error) Makes a step's views, writes one of the two with its images, and returns what was done to them. Fails for photos, and (Io) where the file cannot be written. */
  byol_dataset_write_views: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (dataset, error) Keeps the batch's first views as the images beside which the next sheet draws its views. */
  byol_dataset_keep_images: { parameters: ["u32", "buffer"], result: "i32" },
  /** (dataset, options, error) Draws both views of the batch as a PNG, beside the images that were kept. Fails without a two-view batch, and (Io) where it cannot be written. */
  byol_dataset_write_sheet: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, numbers, error) Returns the number of images decoded, of images that cannot be used, and of those decoded whose 16-bit gray has no value of 4096 or more. */
  byol_dataset_photo_counts: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, text, error) Returns the images that cannot be used, with the reasons. */
  byol_dataset_bad_files: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (dataset, start, count, text, error) Returns the names of `count` images from `start`: paths below the data set's folder, or numbers. Fails on images that are not there. */
  byol_dataset_names: { parameters: ["u32", "u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (options, error) Renders given operations on a file's images into another file. Fails on a file that is damaged, and (Io) where one cannot be read or written. */
  byol_views_render: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (options, error) Writes parameters of views drawn with a recipe. Fails (Io) where the file cannot be written. */
  byol_views_sample: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (options, text, error) Decodes image files and returns the size and checksum of each, or why it cannot be decoded. Fails (Io) where one cannot be read, or its pixels not be written. */
  byol_photos_decode: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Makes the online and the target network. Fails on networks that are none, and (OutOfMemory) on the device. */
  byol_learner_create: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (learner, count, error) Returns the length of an embedding. */
  byol_learner_features: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, dataset, micro_batch, micro_batches, error) Computes loss and gradients on the data set's two views, with the rotation auxiliary also on a third: one of the micro-batches of a step. Gradients add up; the last micro-batch averages them over the ranks. Fails without two views, on views of another type or device. */
  byol_learner_forward_backward: { parameters: ["u32", "u32", "u32", "u32", "buffer"], result: "i32" },
  /** (learner, ranks, sync_bn, error) Takes rank 0's state, and averages gradients over the ranks from now on. All ranks call it. The learner keeps the process group alive. Fails before the group is open, and (Distributed) where a rank is gone. */
  byol_learner_join: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (learner, error) Takes rank 0's running statistics; nothing without ranks. Fails (Distributed) where a rank is gone. */
  byol_learner_broadcast_statistics: { parameters: ["u32", "buffer"], result: "i32" },
  /** (learner, learning_rate, momentum, weight_decay, eta, error) Applies LARS. Fails before a forward and backward pass. */
  byol_learner_apply_update: { parameters: ["u32", "f64", "f64", "f64", "f64", "buffer"], result: "i32" },
  /** (learner, tau, error) Moves the target towards the online network: tau is the share that stays. */
  byol_learner_move_target: { parameters: ["u32", "f64", "buffer"], result: "i32" },
  /** (learner, dataset, learning_rate, tau, flag, error) Starts to record a step on the data set's two views as a CUDA graph: 1, or 0 where that cannot be. The graph keeps copies of the views. Fails as forward_backward does. */
  byol_learner_begin_recording: { parameters: ["u32", "u32", "f64", "f64", "buffer", "buffer"], result: "i32" },
  /** (learner, error) Ends the recording and runs what was recorded. Fails where none was begun. */
  byol_learner_end_recording: { parameters: ["u32", "buffer"], result: "i32" },
  /** (learner, error) Forgets a recording that failed. */
  byol_learner_drop_recording: { parameters: ["u32", "buffer"], result: "i32" },
  /** (learner, dataset, learning_rate, tau, flag, error) Runs the recorded step on the data set's two views: 1, or 0 where none is recorded for their shape. Fails as forward_backward does. */
  byol_learner_replay: { parameters: ["u32", "u32", "f64", "f64", "buffer", "buffer"], result: "i32" },
  /** (learner, numbers, error) Returns loss, embedding spread, gradient norm, parameter norm, effective rank. All ranks call it. Fails before a forward and backward pass. Waits for the device. */
  byol_learner_metrics: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, classes, error) Gives the learner an online probe, which starts from zeros. Fails on fewer than two classes. */
  byol_learner_add_probe: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (learner, learning_rate, momentum, error) Trains the online probe on the last step's embeddings of view 1. All ranks call it. Fails without a probe or a step. */
  byol_learner_train_probe: { parameters: ["u32", "f64", "f64", "buffer"], result: "i32" },
  /** (learner, numbers, error) Returns the online probe's loss, and its share of right answers. All ranks call it. Fails without a probe or a step. Waits for the device. */
  byol_learner_probe_metrics: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, numbers, error) Returns the rotation auxiliary's loss, and its share of right answers. All ranks call it. Fails without the auxiliary or a step. Waits for the device. */
  byol_learner_rotation_metrics: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, numbers, error) Returns the number of steps that float16's overflows cost, and the scale of the loss; 0 and 0 where it is not scaled. Waits for the device. */
  byol_learner_scaler: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, options, error) Writes the training state, or the encoder alone, to a file. Fails on values that are not finite (NotFinite), and (Io) where the file cannot be written. */
  byol_learner_save: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, options, handle, error) Copies the training state and starts the job that writes it to a file: the learner may continue. Fails on values that are not finite (NotFinite); the job fails as save does. */
  byol_learner_save_begin: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (learner, options, error) Reads the training state, or the encoder alone, from a file. Fails on a file that is damaged or another network's, with the learner as it was, and (Io) where it cannot be read. */
  byol_learner_load: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, path, error) Reads the encoder from a file and gives the target network the same. Fails as load does. */
  byol_learner_init_encoder: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, handle, error) Starts a trace, which owns a copy of the state. */
  byol_learner_trace_begin: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, dataset, trace, options, error) Writes a trace file: views, logits of rotations, state before, gradients, state after. Fails without a two-view batch, and (Io) where the file cannot be written. */
  byol_learner_trace_write: { parameters: ["u32", "u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (learner, options, error) Writes what the online network makes of a file's images, in eval and in train mode, whose running statistics move. Fails on a file that is damaged, and (Io) where one cannot be read or written. */
  byol_learner_write_outputs: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (learner, dataset, options, error) Writes the embeddings of the data set's batch. Fails without a one-view batch, and (Io) where the file cannot be written. */
  byol_learner_write_embeddings: { parameters: ["u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Makes a linear probe with weights drawn from a seed. Fails on sizes that no probe has. */
  byol_probe_create: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (probe, learner, dataset, learning_rate, error) Trains the probe on the data set's batch. */
  byol_probe_train: { parameters: ["u32", "u32", "u32", "f64", "buffer"], result: "i32" },
  /** (probe, learner, dataset, error) Counts the probe's right answers on the data set's batch. */
  byol_probe_test: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (probe, numbers, error) Returns images tested, right at first guess, right within five. Waits for the device. */
  byol_probe_counts: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (probe, text, error) Returns the numbers of images by true class and by answer, row by row, as JSON; an empty list for more than 4096 classes. Waits for the device. */
  byol_probe_answers: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (probe, learner, dataset, options, error) Writes the probe's weights, and its answers on the data set's batch. Fails (Io) where the file cannot be written. */
  byol_probe_write_answers: { parameters: ["u32", "u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (probe, ranks, error) Gives the probe of every rank the weights of rank 0's. All ranks call it. Fails before the group is open, and (Distributed) where a rank is gone. */
  byol_probe_join: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (probe, learner, options, error) Writes the probe's weights to a file, with the learner's encoder where it is asked for. Fails on values that are not finite (NotFinite), and (Io) where the file cannot be written. */
  byol_probe_save: { parameters: ["u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (learner, handle, error) Starts to fine-tune the learner's encoder: keeps SGD's state of it. */
  byol_finetune_create: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (finetune, learner, ranks, error) Averages gradients over the ranks from the next step on, and normalises their batches as one. Fails before the group is open. */
  byol_finetune_join: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (finetune, learner, probe, dataset, learning_rate, error) Trains encoder and probe together on the data set's batch. Fails on views of another type or device. */
  byol_finetune_step: { parameters: ["u32", "u32", "u32", "u32", "f64", "buffer"], result: "i32" },
  /** (finetune, numbers, error) Returns the loss of the last step, on several ranks the mean of theirs: all call it. Fails before a step. Waits for the device. */
  byol_finetune_loss: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (handle, error) Makes an empty table of features. */
  byol_features_create: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (features, learner, dataset, error) Adds the embeddings of the data set's batch, which the table keeps. */
  byol_features_append: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (features, probe, options, learning_rate, error) Trains the probe on a step's embeddings. Fails where nothing is left to train on. */
  byol_features_train: { parameters: ["u32", "u32", "buffer", "f64", "buffer"], result: "i32" },
  /** (features, probe, seed, held_out, error) Counts the probe's right answers on the embeddings held out, or on all. Fails on an empty table. */
  byol_features_test: { parameters: ["u32", "u32", "u64", "u32", "buffer"], result: "i32" },
  /** (features, options, handle, error) Begins a logistic regression with zeros on the embeddings that are not held out. Fails where none is left, and on numbers of classes that no classifier has. */
  byol_regression_create: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (regression, options, error) Begins an optimization by L-BFGS with one strength of the penalty, at the weights of the one before. Fails on a strength below 0. */
  byol_regression_begin: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (regression, numbers, error) Makes some iterations. Returns their number, and 1 where a tolerance has ended the optimization. Fails before byol_regression_begin. Waits for the device. */
  byol_regression_step: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (regression, probe, error) Gives the probe the regression's weights. Fails on a probe of other sizes. */
  byol_regression_give: { parameters: ["u32", "u32", "buffer"], result: "i32" },
  /** (handle, error) Makes an empty feature bank. */
  byol_bank_create: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (bank, learner, dataset, error) Adds the embeddings of the data set's batch, which the bank keeps. */
  byol_bank_append: { parameters: ["u32", "u32", "u32", "buffer"], result: "i32" },
  /** (bank, learner, dataset, options, numbers, error) Classifies the data set's batch by nearest neighbours, and returns the images tested and those right. Fails on an empty bank, or a temperature that is not above 0. Waits for the device. */
  byol_bank_classify: { parameters: ["u32", "u32", "u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (bank, text, error) Returns the numbers of images by true class and by counted answer, row by row, as JSON; an empty list where none was counted. Waits for the device. */
  byol_bank_answers: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (bank, numbers, error) Returns the number of images of the smallest class. Fails on an empty bank. Waits for the device. */
  byol_bank_smallest_class: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (bank, learner, dataset, options, error) Writes the nearest neighbours' answers on the data set's batch. Fails on an empty bank, and (Io) where the file cannot be written. */
  byol_bank_write_answers: { parameters: ["u32", "u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Opens the store that the ranks meet at (rank 0), or connects to it. */
  byol_ranks_connect: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (ranks, options, error) Sets a key of the store. */
  byol_ranks_set: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, key, text, error) Returns a key's text as JSON, null where it is not set yet. */
  byol_ranks_read: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (ranks, options, error) Connects the ranks with each other, once all are there, and starts to watch who is alive. */
  byol_ranks_open_group: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, text, error) Returns how long ago each rank and the store were seen alive, and the reason of the first rank that left. Fails (InvalidArgument) before the group is open. */
  byol_ranks_health: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, reason, error) Tells the other ranks why this one leaves; the first reason stays. */
  byol_ranks_leave: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, own_flag, flag, error) Returns 1 where any rank brings other than 0. All ranks call it. */
  byol_ranks_any: { parameters: ["u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (ranks, counts, text, error) Returns the sums of whole numbers over the ranks. All ranks call it, with as many numbers. */
  byol_ranks_sum: { parameters: ["u32", "buffer", "buffer", "buffer"], result: "i32" },
  /** (ranks, error) Waits until every rank has come here. */
  byol_ranks_barrier: { parameters: ["u32", "buffer"], result: "i32" },
  /** (path, text, error) Describes a checkpoint: metadata, number of tensors, shapes, SHA-256. Fails on a file that is damaged, and (Io) where it cannot be read. */
  byol_checkpoint_describe: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (path, handle, error) Starts the job that reads a checkpoint and compares it with the SHA-256 it holds; the job fails where they differ. */
  byol_checkpoint_verify_begin: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (job, milliseconds, flag, error) Waits at most so long for a job: 1 when it is done, 0 when it is not. Fails as the job did, once. */
  byol_job_wait: { parameters: ["u32", "u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Starts long work on folders of images. Closing the handle stops it. */
  byol_data_job_start: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (job, numbers, error) Returns how far that work is: done, of how many, images, and 1 when it has ended. */
  byol_data_job_progress: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (job, text, error) Waits for the end of that work and returns what it says. Fails as the work did. */
  byol_data_job_result: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Watches for signals until the handle is closed: a second request ends the process. Fails while another watch lives. */
  byol_signals_watch: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (flag, error) Returns 1 once a watched signal has come. */
  byol_signals_seen: { parameters: ["buffer", "buffer"], result: "i32" },
  /** (pid, text, error) Returns what tells a process from others that had or have its number. */
  byol_process_describe: { parameters: ["u32", "buffer", "buffer"], result: "i32" },
  /** (options, handle, error) Starts to write a lock's file again and again, in a thread that the handle owns. */
  byol_heartbeat_start: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  /** (heartbeat, max_age_milliseconds, error) Fails (Io) once the lock is lost; beats itself when the last beat is that old. */
  byol_heartbeat_check: { parameters: ["u32", "u32", "buffer"], result: "i32" },
} as const;

/** Kind of result of each function that has one. */
export interface Results {
  byol_abi_describe: "text"; byol_core_live_handles: "count"; byol_core_long_text: "text";
  byol_core_info: "text"; byol_core_gpus: "text"; byol_dataset_open: "handle";
  byol_dataset_hold_out: "handle"; byol_dataset_describe: "text"; byol_dataset_prefetch_views: "flag";
  byol_dataset_write_views: "text"; byol_dataset_photo_counts: "numbers"; byol_dataset_bad_files: "text";
  byol_dataset_names: "text"; byol_photos_decode: "text"; byol_learner_create: "handle";
  byol_learner_features: "count"; byol_learner_begin_recording: "flag"; byol_learner_replay: "flag";
  byol_learner_metrics: "numbers"; byol_learner_probe_metrics: "numbers"; byol_learner_rotation_metrics: "numbers";
  byol_learner_scaler: "numbers"; byol_learner_save_begin: "handle"; byol_learner_trace_begin: "handle";
  byol_probe_create: "handle"; byol_probe_counts: "numbers"; byol_probe_answers: "text";
  byol_finetune_create: "handle"; byol_finetune_loss: "numbers"; byol_features_create: "handle";
  byol_regression_create: "handle"; byol_regression_step: "numbers"; byol_bank_create: "handle";
  byol_bank_classify: "numbers"; byol_bank_answers: "text"; byol_bank_smallest_class: "numbers";
  byol_ranks_connect: "handle"; byol_ranks_read: "text"; byol_ranks_health: "text";
  byol_ranks_any: "flag"; byol_ranks_sum: "text"; byol_checkpoint_describe: "text";
  byol_checkpoint_verify_begin: "handle"; byol_job_wait: "flag"; byol_data_job_start: "handle";
  byol_data_job_progress: "numbers"; byol_data_job_result: "text"; byol_signals_watch: "handle";
  byol_signals_seen: "flag"; byol_process_describe: "text"; byol_heartbeat_start: "handle";
}

/** Count of numbers that each function returns which returns numbers. */
export const NUMBERS = {
  byol_dataset_photo_counts: 3, byol_learner_metrics: 5, byol_learner_probe_metrics: 2,
  byol_learner_rotation_metrics: 2, byol_learner_scaler: 2, byol_probe_counts: 3,
  byol_finetune_loss: 1, byol_regression_step: 2, byol_bank_classify: 2,
  byol_bank_smallest_class: 1, byol_data_job_progress: 4,
} as const;

/**
 * A binder of the error buffer for every function. Each bound function has code of its own, because V8 calls native
 * code directly only from code that always calls the same function.
 */
export const BINDERS: Binders = {
  byol_abi_describe: (core, error) => (text) => core.byol_abi_describe(text, error),
  byol_core_live_handles: (core, error) => (count) => core.byol_core_live_handles(count, error),
  byol_handle_close: (core, error) => (handle) => core.byol_handle_close(handle, error),
  byol_core_long_text: (core, error) => (text) => core.byol_core_long_text(text, error),
  byol_core_set_threads: (core, error) => (threads) => core.byol_core_set_threads(threads, error),
  byol_core_info: (core, error) => (text) => core.byol_core_info(text, error),
  byol_core_use_libjpeg: (core, error) => (path) => core.byol_core_use_libjpeg(path, error),
  byol_core_gpus: (core, error) => (text) => core.byol_core_gpus(text, error),
  byol_core_set_numerics: (core, error) => (options) => core.byol_core_set_numerics(options, error),
  byol_core_open_gpu: (core, error) => (path) => core.byol_core_open_gpu(path, error),
  byol_core_compile_kernels: (core, error) => (options) => core.byol_core_compile_kernels(options, error),
  byol_core_give_up_kernels: (core, error) => () => core.byol_core_give_up_kernels(error),
  byol_core_panic: (core, error) => () => core.byol_core_panic(error),
  byol_dataset_open: (core, error) => (options, job, handle) => core.byol_dataset_open(options, job, handle, error),
  byol_dataset_limit: (core, error) => (dataset, options) => core.byol_dataset_limit(dataset, options, error),
  byol_dataset_hold_out: (core, error) => (dataset, options, handle) => core.byol_dataset_hold_out(dataset, options, handle, error),
  byol_dataset_describe: (core, error) => (dataset, text) => core.byol_dataset_describe(dataset, text, error),
  byol_dataset_set_recipes: (core, error) => (dataset, options) => core.byol_dataset_set_recipes(dataset, options, error),
  byol_dataset_set_probe: (core, error) => (dataset, options) => core.byol_dataset_set_probe(dataset, options, error),
  byol_dataset_take_subset: (core, error) => (dataset, options) => core.byol_dataset_take_subset(dataset, options, error),
  byol_dataset_set_shard: (core, error) => (dataset, rank, ranks, micro_batches) => core.byol_dataset_set_shard(dataset, rank, ranks, micro_batches, error),
  byol_dataset_make_views: (core, error) => (dataset, seed, step, micro_batch) => core.byol_dataset_make_views(dataset, seed, step, micro_batch, error),
  byol_dataset_prefetch_views: (core, error) => (dataset, options, seed, step, micro_batch, flag) => core.byol_dataset_prefetch_views(dataset, options, seed, step, micro_batch, flag, error),
  byol_dataset_make_probe_batch: (core, error) => (dataset, seed, step) => core.byol_dataset_make_probe_batch(dataset, seed, step, error),
  byol_dataset_make_center_crops: (core, error) => (dataset, start, count) => core.byol_dataset_make_center_crops(dataset, start, count, error),
  byol_dataset_embed: (core, error) => (dataset, learner) => core.byol_dataset_embed(dataset, learner, error),
  byol_dataset_gather: (core, error) => (dataset, ranks) => core.byol_dataset_gather(dataset, ranks, error),
  byol_dataset_write_views: (core, error) => (dataset, options, text) => core.byol_dataset_write_views(dataset, options, text, error),
  byol_dataset_keep_images: (core, error) => (dataset) => core.byol_dataset_keep_images(dataset, error),
  byol_dataset_write_sheet: (core, error) => (dataset, options) => core.byol_dataset_write_sheet(dataset, options, error),
  byol_dataset_photo_counts: (core, error) => (dataset, numbers) => core.byol_dataset_photo_counts(dataset, numbers, error),
  byol_dataset_bad_files: (core, error) => (dataset, text) => core.byol_dataset_bad_files(dataset, text, error),
  byol_dataset_names: (core, error) => (dataset, start, count, text) => core.byol_dataset_names(dataset, start, count, text, error),
  byol_views_render: (core, error) => (options) => core.byol_views_render(options, error),
  byol_views_sample: (core, error) => (options) => core.byol_views_sample(options, error),
  byol_photos_decode: (core, error) => (options, text) => core.byol_photos_decode(options, text, error),
  byol_learner_create: (core, error) => (options, handle) => core.byol_learner_create(options, handle, error),
  byol_learner_features: (core, error) => (learner, count) => core.byol_learner_features(learner, count, error),
  byol_learner_forward_backward: (core, error) => (learner, dataset, micro_batch, micro_batches) => core.byol_learner_forward_backward(learner, dataset, micro_batch, micro_batches, error),
  byol_learner_join: (core, error) => (learner, ranks, sync_bn) => core.byol_learner_join(learner, ranks, sync_bn, error),
  byol_learner_broadcast_statistics: (core, error) => (learner) => core.byol_learner_broadcast_statistics(learner, error),
  byol_learner_apply_update: (core, error) => (learner, learning_rate, momentum, weight_decay, eta) => core.byol_learner_apply_update(learner, learning_rate, momentum, weight_decay, eta, error),
  byol_learner_move_target: (core, error) => (learner, tau) => core.byol_learner_move_target(learner, tau, error),
  byol_learner_begin_recording: (core, error) => (learner, dataset, learning_rate, tau, flag) => core.byol_learner_begin_recording(learner, dataset, learning_rate, tau, flag, error),
  byol_learner_end_recording: (core, error) => (learner) => core.byol_learner_end_recording(learner, error),
  byol_learner_drop_recording: (core, error) => (learner) => core.byol_learner_drop_recording(learner, error),
  byol_learner_replay: (core, error) => (learner, dataset, learning_rate, tau, flag) => core.byol_learner_replay(learner, dataset, learning_rate, tau, flag, error),
  byol_learner_metrics: (core, error) => (learner, numbers) => core.byol_learner_metrics(learner, numbers, error),
  byol_learner_add_probe: (core, error) => (learner, classes) => core.byol_learner_add_probe(learner, classes, error),
  byol_learner_train_probe: (core, error) => (learner, learning_rate, momentum) => core.byol_learner_train_probe(learner, learning_rate, momentum, error),
  byol_learner_probe_metrics: (core, error) => (learner, numbers) => core.byol_learner_probe_metrics(learner, numbers, error),
  byol_learner_rotation_metrics: (core, error) => (learner, numbers) => core.byol_learner_rotation_metrics(learner, numbers, error),
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
  byol_probe_answers: (core, error) => (probe, text) => core.byol_probe_answers(probe, text, error),
  byol_probe_write_answers: (core, error) => (probe, learner, dataset, options) => core.byol_probe_write_answers(probe, learner, dataset, options, error),
  byol_probe_join: (core, error) => (probe, ranks) => core.byol_probe_join(probe, ranks, error),
  byol_probe_save: (core, error) => (probe, learner, options) => core.byol_probe_save(probe, learner, options, error),
  byol_finetune_create: (core, error) => (learner, handle) => core.byol_finetune_create(learner, handle, error),
  byol_finetune_join: (core, error) => (finetune, learner, ranks) => core.byol_finetune_join(finetune, learner, ranks, error),
  byol_finetune_step: (core, error) => (finetune, learner, probe, dataset, learning_rate) => core.byol_finetune_step(finetune, learner, probe, dataset, learning_rate, error),
  byol_finetune_loss: (core, error) => (finetune, numbers) => core.byol_finetune_loss(finetune, numbers, error),
  byol_features_create: (core, error) => (handle) => core.byol_features_create(handle, error),
  byol_features_append: (core, error) => (features, learner, dataset) => core.byol_features_append(features, learner, dataset, error),
  byol_features_train: (core, error) => (features, probe, options, learning_rate) => core.byol_features_train(features, probe, options, learning_rate, error),
  byol_features_test: (core, error) => (features, probe, seed, held_out) => core.byol_features_test(features, probe, seed, held_out, error),
  byol_regression_create: (core, error) => (features, options, handle) => core.byol_regression_create(features, options, handle, error),
  byol_regression_begin: (core, error) => (regression, options) => core.byol_regression_begin(regression, options, error),
  byol_regression_step: (core, error) => (regression, numbers) => core.byol_regression_step(regression, numbers, error),
  byol_regression_give: (core, error) => (regression, probe) => core.byol_regression_give(regression, probe, error),
  byol_bank_create: (core, error) => (handle) => core.byol_bank_create(handle, error),
  byol_bank_append: (core, error) => (bank, learner, dataset) => core.byol_bank_append(bank, learner, dataset, error),
  byol_bank_classify: (core, error) => (bank, learner, dataset, options, numbers) => core.byol_bank_classify(bank, learner, dataset, options, numbers, error),
  byol_bank_answers: (core, error) => (bank, text) => core.byol_bank_answers(bank, text, error),
  byol_bank_smallest_class: (core, error) => (bank, numbers) => core.byol_bank_smallest_class(bank, numbers, error),
  byol_bank_write_answers: (core, error) => (bank, learner, dataset, options) => core.byol_bank_write_answers(bank, learner, dataset, options, error),
  byol_ranks_connect: (core, error) => (options, handle) => core.byol_ranks_connect(options, handle, error),
  byol_ranks_set: (core, error) => (ranks, options) => core.byol_ranks_set(ranks, options, error),
  byol_ranks_read: (core, error) => (ranks, key, text) => core.byol_ranks_read(ranks, key, text, error),
  byol_ranks_open_group: (core, error) => (ranks, options) => core.byol_ranks_open_group(ranks, options, error),
  byol_ranks_health: (core, error) => (ranks, text) => core.byol_ranks_health(ranks, text, error),
  byol_ranks_leave: (core, error) => (ranks, reason) => core.byol_ranks_leave(ranks, reason, error),
  byol_ranks_any: (core, error) => (ranks, own_flag, flag) => core.byol_ranks_any(ranks, own_flag, flag, error),
  byol_ranks_sum: (core, error) => (ranks, counts, text) => core.byol_ranks_sum(ranks, counts, text, error),
  byol_ranks_barrier: (core, error) => (ranks) => core.byol_ranks_barrier(ranks, error),
  byol_checkpoint_describe: (core, error) => (path, text) => core.byol_checkpoint_describe(path, text, error),
  byol_checkpoint_verify_begin: (core, error) => (path, handle) => core.byol_checkpoint_verify_begin(path, handle, error),
  byol_job_wait: (core, error) => (job, milliseconds, flag) => core.byol_job_wait(job, milliseconds, flag, error),
  byol_data_job_start: (core, error) => (options, handle) => core.byol_data_job_start(options, handle, error),
  byol_data_job_progress: (core, error) => (job, numbers) => core.byol_data_job_progress(job, numbers, error),
  byol_data_job_result: (core, error) => (job, text) => core.byol_data_job_result(job, text, error),
  byol_signals_watch: (core, error) => (options, handle) => core.byol_signals_watch(options, handle, error),
  byol_signals_seen: (core, error) => (flag) => core.byol_signals_seen(flag, error),
  byol_process_describe: (core, error) => (pid, text) => core.byol_process_describe(pid, text, error),
  byol_heartbeat_start: (core, error) => (options, handle) => core.byol_heartbeat_start(options, handle, error),
  byol_heartbeat_check: (core, error) => (heartbeat, max_age_milliseconds) => core.byol_heartbeat_check(heartbeat, max_age_milliseconds, error),
};

/** Names of the statuses, by number. */
export const STATUS_NAMES: readonly string[] = ["Ok","InvalidArgument","BadHandle","Io","OutOfMemory","Torch","Panic","Distributed","NotFinite","Interrupted"];

/** The table as the core describes it: another core is refused. */
export const TABLE = "{\"statuses\":[[\"Ok\",0],[\"InvalidArgument\",1],[\"BadHandle\",2],[\"Io\",3],[\"OutOfMemory\",4],[\"Torch\",5],[\"Panic\",6],[\"Distributed\",7],[\"NotFinite\",8],[\"Interrupted\",9]],\"symbols\":[{\"arguments\":[[\"text\",\"buffer\"]],\"doc\":\"Returns the description of the tables.\",\"name\":\"byol_abi_describe\",\"numbers\":0},{\"arguments\":[[\"count\",\"buffer\"]],\"doc\":\"Counts the objects that are alive.\",\"name\":\"byol_core_live_handles\",\"numbers\":0},{\"arguments\":[[\"handle\",\"u32\"]],\"doc\":\"Drops an object; does nothing where that was done. Waits for the threads of a job or a heartbeat.\",\"name\":\"byol_handle_close\",\"numbers\":0},{\"arguments\":[[\"text\",\"buffer\"]],\"doc\":\"Returns the last text that did not fit its buffer, once. Fails where there is none.\",\"name\":\"byol_core_long_text\",\"numbers\":0},{\"arguments\":[[\"threads\",\"u32\"]],\"doc\":\"Sets the number of threads of one tensor operation. Fails outside 1 to 1024.\",\"name\":\"byol_core_set_threads\",\"numbers\":0},{\"arguments\":[[\"text\",\"buffer\"]],\"doc\":\"Returns the threads in use, the version, the decoder of JPEG files, whether the processor has bfloat16, and whether the kernels of a GPU are in use.\",\"name\":\"byol_core_info\",\"numbers\":0},{\"arguments\":[[\"path\",\"buffer\"]],\"doc\":\"Decodes JPEG files by the libjpeg-turbo in a file from now on. Fails (Io) where it cannot be opened.\",\"name\":\"byol_core_use_libjpeg\",\"numbers\":0},{\"arguments\":[[\"text\",\"buffer\"]],\"doc\":\"Returns the newest CUDA that the driver knows and its GPUs, or why there are none.\",\"name\":\"byol_core_gpus\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"]],\"doc\":\"Sets how GPUs compute.\",\"name\":\"byol_core_set_numerics\",\"numbers\":0},{\"arguments\":[[\"path\",\"buffer\"]],\"doc\":\"Opens the library of the GPUs' side, for the life of the process. Fails (Io) where it cannot be opened.\",\"name\":\"byol_core_open_gpu\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"]],\"doc\":\"Compiles the kernels for a GPU, and loads them where the library of the GPUs' side is open. Fails (Io), with the kernels out of use, where that cannot be.\",\"name\":\"byol_core_compile_kernels\",\"numbers\":0},{\"arguments\":[],\"doc\":\"Puts the kernels out of use: libtorch's operations take their place.\",\"name\":\"byol_core_give_up_kernels\",\"numbers\":0},{\"arguments\":[],\"doc\":\"Panics: a test sees that the status is Panic.\",\"name\":\"byol_core_panic\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"],[\"job\",\"u32\"],[\"handle\",\"buffer\"]],\"doc\":\"Opens the images that a job has listed or read, or the demo without a job. Takes them from the job, which may be closed then. Waits for the job, and fails as it did.\",\"name\":\"byol_dataset_open\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Keeps some of the images, before any batch is made. Fails on more than there are.\",\"name\":\"byol_dataset_limit\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Takes some of the images out of the data set, before any batch is made, and returns them as a data set. Fails where none would be held out or left.\",\"name\":\"byol_dataset_hold_out\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Returns count, classes, digest, layout and warnings.\",\"name\":\"byol_dataset_describe\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Sets the batch size and the recipes of both views. Fails on a recipe that makes no view, or a batch larger than the data set.\",\"name\":\"byol_dataset_set_recipes\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Sets the batch size and the transforms of linear evaluation. Fails on transforms that make no view.\",\"name\":\"byol_dataset_set_probe\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Makes evaluation go through some of the images alone, of each class as many. Fails where a class would have none.\",\"name\":\"byol_dataset_take_subset\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"rank\",\"u32\"],[\"ranks\",\"u32\"],[\"micro_batches\",\"u32\"]],\"doc\":\"Sets this rank's shard of a step's batch: of each of equal micro-batches as much as every other rank. Fails on a rank that is none.\",\"name\":\"byol_dataset_set_shard\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"seed\",\"u64\"],[\"step\",\"u64\"],[\"micro_batch\",\"u32\"]],\"doc\":\"Makes both views of one micro-batch of a step's images. Fails without recipes, on a batch that ranks and micro-batches do not divide, and (Io) where too many files cannot be read.\",\"name\":\"byol_dataset_make_views\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"],[\"seed\",\"u64\"],[\"step\",\"u64\"],[\"micro_batch\",\"u32\"],[\"flag\",\"buffer\"]],\"doc\":\"Starts on the views of a micro-batch of a later step: 1, or 0 where there is no room or the images are in memory.\",\"name\":\"byol_dataset_prefetch_views\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"seed\",\"u64\"],[\"step\",\"u64\"]],\"doc\":\"Makes one view of this rank's shard of a probe step's images. Fails without the transforms, and as make_views does.\",\"name\":\"byol_dataset_make_probe_batch\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"start\",\"u32\"],[\"count\",\"u32\"]],\"doc\":\"Makes the test transform of some images. Fails without the transforms, on images that are not there, and (Io) where too many files cannot be read.\",\"name\":\"byol_dataset_make_center_crops\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"learner\",\"u32\"]],\"doc\":\"Embeds the one-view batch; the data set keeps the embeddings with the batch. Fails without a one-view batch.\",\"name\":\"byol_dataset_embed\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"ranks\",\"u32\"]],\"doc\":\"Puts all ranks' embeddings in the place of this rank's. All ranks call it. Fails without embeddings, and (Distributed) where a rank is gone.\",\"name\":\"byol_dataset_gather\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"],[\"text\",\"buffer\"]],\"doc\":\"Makes a step's views, writes one of the two with its images, and returns what was done to them. Fails for photos, and (Io) where the file cannot be written.\",\"name\":\"byol_dataset_write_views\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"]],\"doc\":\"Keeps the batch's first views as the images beside which the next sheet draws its views.\",\"name\":\"byol_dataset_keep_images\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Draws both views of the batch as a PNG, beside the images that were kept. Fails without a two-view batch, and (Io) where it cannot be written.\",\"name\":\"byol_dataset_write_sheet\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Returns the number of images decoded, of images that cannot be used, and of those decoded whose 16-bit gray has no value of 4096 or more.\",\"name\":\"byol_dataset_photo_counts\",\"numbers\":3},{\"arguments\":[[\"dataset\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Returns the images that cannot be used, with the reasons.\",\"name\":\"byol_dataset_bad_files\",\"numbers\":0},{\"arguments\":[[\"dataset\",\"u32\"],[\"start\",\"u32\"],[\"count\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Returns the names of `count` images from `start`: paths below the data set's folder, or numbers. Fails on images that are not there.\",\"name\":\"byol_dataset_names\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"]],\"doc\":\"Renders given operations on a file's images into another file. Fails on a file that is damaged, and (Io) where one cannot be read or written.\",\"name\":\"byol_views_render\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"]],\"doc\":\"Writes parameters of views drawn with a recipe. Fails (Io) where the file cannot be written.\",\"name\":\"byol_views_sample\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"],[\"text\",\"buffer\"]],\"doc\":\"Decodes image files and returns the size and checksum of each, or why it cannot be decoded. Fails (Io) where one cannot be read, or its pixels not be written.\",\"name\":\"byol_photos_decode\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Makes the online and the target network. Fails on networks that are none, and (OutOfMemory) on the device.\",\"name\":\"byol_learner_create\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"count\",\"buffer\"]],\"doc\":\"Returns the length of an embedding.\",\"name\":\"byol_learner_features\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"micro_batch\",\"u32\"],[\"micro_batches\",\"u32\"]],\"doc\":\"Computes loss and gradients on the data set's two views, with the rotation auxiliary also on a third: one of the micro-batches of a step. Gradients add up; the last micro-batch averages them over the ranks. Fails without two views, on views of another type or device.\",\"name\":\"byol_learner_forward_backward\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"ranks\",\"u32\"],[\"sync_bn\",\"u32\"]],\"doc\":\"Takes rank 0's state, and averages gradients over the ranks from now on. All ranks call it. The learner keeps the process group alive. Fails before the group is open, and (Distributed) where a rank is gone.\",\"name\":\"byol_learner_join\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"]],\"doc\":\"Takes rank 0's running statistics; nothing without ranks. Fails (Distributed) where a rank is gone.\",\"name\":\"byol_learner_broadcast_statistics\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"learning_rate\",\"f64\"],[\"momentum\",\"f64\"],[\"weight_decay\",\"f64\"],[\"eta\",\"f64\"]],\"doc\":\"Applies LARS. Fails before a forward and backward pass.\",\"name\":\"byol_learner_apply_update\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"tau\",\"f64\"]],\"doc\":\"Moves the target towards the online network: tau is the share that stays.\",\"name\":\"byol_learner_move_target\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"learning_rate\",\"f64\"],[\"tau\",\"f64\"],[\"flag\",\"buffer\"]],\"doc\":\"Starts to record a step on the data set's two views as a CUDA graph: 1, or 0 where that cannot be. The graph keeps copies of the views. Fails as forward_backward does.\",\"name\":\"byol_learner_begin_recording\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"]],\"doc\":\"Ends the recording and runs what was recorded. Fails where none was begun.\",\"name\":\"byol_learner_end_recording\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"]],\"doc\":\"Forgets a recording that failed.\",\"name\":\"byol_learner_drop_recording\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"learning_rate\",\"f64\"],[\"tau\",\"f64\"],[\"flag\",\"buffer\"]],\"doc\":\"Runs the recorded step on the data set's two views: 1, or 0 where none is recorded for their shape. Fails as forward_backward does.\",\"name\":\"byol_learner_replay\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Returns loss, embedding spread, gradient norm, parameter norm, effective rank. All ranks call it. Fails before a forward and backward pass. Waits for the device.\",\"name\":\"byol_learner_metrics\",\"numbers\":5},{\"arguments\":[[\"learner\",\"u32\"],[\"classes\",\"u32\"]],\"doc\":\"Gives the learner an online probe, which starts from zeros. Fails on fewer than two classes.\",\"name\":\"byol_learner_add_probe\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"learning_rate\",\"f64\"],[\"momentum\",\"f64\"]],\"doc\":\"Trains the online probe on the last step's embeddings of view 1. All ranks call it. Fails without a probe or a step.\",\"name\":\"byol_learner_train_probe\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Returns the online probe's loss, and its share of right answers. All ranks call it. Fails without a probe or a step. Waits for the device.\",\"name\":\"byol_learner_probe_metrics\",\"numbers\":2},{\"arguments\":[[\"learner\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Returns the rotation auxiliary's loss, and its share of right answers. All ranks call it. Fails without the auxiliary or a step. Waits for the device.\",\"name\":\"byol_learner_rotation_metrics\",\"numbers\":2},{\"arguments\":[[\"learner\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Returns the number of steps that float16's overflows cost, and the scale of the loss; 0 and 0 where it is not scaled. Waits for the device.\",\"name\":\"byol_learner_scaler\",\"numbers\":2},{\"arguments\":[[\"learner\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the training state, or the encoder alone, to a file. Fails on values that are not finite (NotFinite), and (Io) where the file cannot be written.\",\"name\":\"byol_learner_save\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Copies the training state and starts the job that writes it to a file: the learner may continue. Fails on values that are not finite (NotFinite); the job fails as save does.\",\"name\":\"byol_learner_save_begin\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Reads the training state, or the encoder alone, from a file. Fails on a file that is damaged or another network's, with the learner as it was, and (Io) where it cannot be read.\",\"name\":\"byol_learner_load\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"path\",\"buffer\"]],\"doc\":\"Reads the encoder from a file and gives the target network the same. Fails as load does.\",\"name\":\"byol_learner_init_encoder\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts a trace, which owns a copy of the state.\",\"name\":\"byol_learner_trace_begin\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"trace\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes a trace file: views, logits of rotations, state before, gradients, state after. Fails without a two-view batch, and (Io) where the file cannot be written.\",\"name\":\"byol_learner_trace_write\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes what the online network makes of a file's images, in eval and in train mode, whose running statistics move. Fails on a file that is damaged, and (Io) where one cannot be read or written.\",\"name\":\"byol_learner_write_outputs\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the embeddings of the data set's batch. Fails without a one-view batch, and (Io) where the file cannot be written.\",\"name\":\"byol_learner_write_embeddings\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Makes a linear probe with weights drawn from a seed. Fails on sizes that no probe has.\",\"name\":\"byol_probe_create\",\"numbers\":0},{\"arguments\":[[\"probe\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"learning_rate\",\"f64\"]],\"doc\":\"Trains the probe on the data set's batch.\",\"name\":\"byol_probe_train\",\"numbers\":0},{\"arguments\":[[\"probe\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"]],\"doc\":\"Counts the probe's right answers on the data set's batch.\",\"name\":\"byol_probe_test\",\"numbers\":0},{\"arguments\":[[\"probe\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Returns images tested, right at first guess, right within five. Waits for the device.\",\"name\":\"byol_probe_counts\",\"numbers\":3},{\"arguments\":[[\"probe\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Returns the numbers of images by true class and by answer, row by row, as JSON; an empty list for more than 4096 classes. Waits for the device.\",\"name\":\"byol_probe_answers\",\"numbers\":0},{\"arguments\":[[\"probe\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the probe's weights, and its answers on the data set's batch. Fails (Io) where the file cannot be written.\",\"name\":\"byol_probe_write_answers\",\"numbers\":0},{\"arguments\":[[\"probe\",\"u32\"],[\"ranks\",\"u32\"]],\"doc\":\"Gives the probe of every rank the weights of rank 0's. All ranks call it. Fails before the group is open, and (Distributed) where a rank is gone.\",\"name\":\"byol_probe_join\",\"numbers\":0},{\"arguments\":[[\"probe\",\"u32\"],[\"learner\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the probe's weights to a file, with the learner's encoder where it is asked for. Fails on values that are not finite (NotFinite), and (Io) where the file cannot be written.\",\"name\":\"byol_probe_save\",\"numbers\":0},{\"arguments\":[[\"learner\",\"u32\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts to fine-tune the learner's encoder: keeps SGD's state of it.\",\"name\":\"byol_finetune_create\",\"numbers\":0},{\"arguments\":[[\"finetune\",\"u32\"],[\"learner\",\"u32\"],[\"ranks\",\"u32\"]],\"doc\":\"Averages gradients over the ranks from the next step on, and normalises their batches as one. Fails before the group is open.\",\"name\":\"byol_finetune_join\",\"numbers\":0},{\"arguments\":[[\"finetune\",\"u32\"],[\"learner\",\"u32\"],[\"probe\",\"u32\"],[\"dataset\",\"u32\"],[\"learning_rate\",\"f64\"]],\"doc\":\"Trains encoder and probe together on the data set's batch. Fails on views of another type or device.\",\"name\":\"byol_finetune_step\",\"numbers\":0},{\"arguments\":[[\"finetune\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Returns the loss of the last step, on several ranks the mean of theirs: all call it. Fails before a step. Waits for the device.\",\"name\":\"byol_finetune_loss\",\"numbers\":1},{\"arguments\":[[\"handle\",\"buffer\"]],\"doc\":\"Makes an empty table of features.\",\"name\":\"byol_features_create\",\"numbers\":0},{\"arguments\":[[\"features\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"]],\"doc\":\"Adds the embeddings of the data set's batch, which the table keeps.\",\"name\":\"byol_features_append\",\"numbers\":0},{\"arguments\":[[\"features\",\"u32\"],[\"probe\",\"u32\"],[\"options\",\"buffer\"],[\"learning_rate\",\"f64\"]],\"doc\":\"Trains the probe on a step's embeddings. Fails where nothing is left to train on.\",\"name\":\"byol_features_train\",\"numbers\":0},{\"arguments\":[[\"features\",\"u32\"],[\"probe\",\"u32\"],[\"seed\",\"u64\"],[\"held_out\",\"u32\"]],\"doc\":\"Counts the probe's right answers on the embeddings held out, or on all. Fails on an empty table.\",\"name\":\"byol_features_test\",\"numbers\":0},{\"arguments\":[[\"features\",\"u32\"],[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Begins a logistic regression with zeros on the embeddings that are not held out. Fails where none is left, and on numbers of classes that no classifier has.\",\"name\":\"byol_regression_create\",\"numbers\":0},{\"arguments\":[[\"regression\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Begins an optimization by L-BFGS with one strength of the penalty, at the weights of the one before. Fails on a strength below 0.\",\"name\":\"byol_regression_begin\",\"numbers\":0},{\"arguments\":[[\"regression\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Makes some iterations. Returns their number, and 1 where a tolerance has ended the optimization. Fails before byol_regression_begin. Waits for the device.\",\"name\":\"byol_regression_step\",\"numbers\":2},{\"arguments\":[[\"regression\",\"u32\"],[\"probe\",\"u32\"]],\"doc\":\"Gives the probe the regression's weights. Fails on a probe of other sizes.\",\"name\":\"byol_regression_give\",\"numbers\":0},{\"arguments\":[[\"handle\",\"buffer\"]],\"doc\":\"Makes an empty feature bank.\",\"name\":\"byol_bank_create\",\"numbers\":0},{\"arguments\":[[\"bank\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"]],\"doc\":\"Adds the embeddings of the data set's batch, which the bank keeps.\",\"name\":\"byol_bank_append\",\"numbers\":0},{\"arguments\":[[\"bank\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"options\",\"buffer\"],[\"numbers\",\"buffer\"]],\"doc\":\"Classifies the data set's batch by nearest neighbours, and returns the images tested and those right. Fails on an empty bank, or a temperature that is not above 0. Waits for the device.\",\"name\":\"byol_bank_classify\",\"numbers\":2},{\"arguments\":[[\"bank\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Returns the numbers of images by true class and by counted answer, row by row, as JSON; an empty list where none was counted. Waits for the device.\",\"name\":\"byol_bank_answers\",\"numbers\":0},{\"arguments\":[[\"bank\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Returns the number of images of the smallest class. Fails on an empty bank. Waits for the device.\",\"name\":\"byol_bank_smallest_class\",\"numbers\":1},{\"arguments\":[[\"bank\",\"u32\"],[\"learner\",\"u32\"],[\"dataset\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Writes the nearest neighbours' answers on the data set's batch. Fails on an empty bank, and (Io) where the file cannot be written.\",\"name\":\"byol_bank_write_answers\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Opens the store that the ranks meet at (rank 0), or connects to it.\",\"name\":\"byol_ranks_connect\",\"numbers\":0},{\"arguments\":[[\"ranks\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Sets a key of the store.\",\"name\":\"byol_ranks_set\",\"numbers\":0},{\"arguments\":[[\"ranks\",\"u32\"],[\"key\",\"buffer\"],[\"text\",\"buffer\"]],\"doc\":\"Returns a key's text as JSON, null where it is not set yet.\",\"name\":\"byol_ranks_read\",\"numbers\":0},{\"arguments\":[[\"ranks\",\"u32\"],[\"options\",\"buffer\"]],\"doc\":\"Connects the ranks with each other, once all are there, and starts to watch who is alive.\",\"name\":\"byol_ranks_open_group\",\"numbers\":0},{\"arguments\":[[\"ranks\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Returns how long ago each rank and the store were seen alive, and the reason of the first rank that left. Fails (InvalidArgument) before the group is open.\",\"name\":\"byol_ranks_health\",\"numbers\":0},{\"arguments\":[[\"ranks\",\"u32\"],[\"reason\",\"buffer\"]],\"doc\":\"Tells the other ranks why this one leaves; the first reason stays.\",\"name\":\"byol_ranks_leave\",\"numbers\":0},{\"arguments\":[[\"ranks\",\"u32\"],[\"own_flag\",\"u32\"],[\"flag\",\"buffer\"]],\"doc\":\"Returns 1 where any rank brings other than 0. All ranks call it.\",\"name\":\"byol_ranks_any\",\"numbers\":0},{\"arguments\":[[\"ranks\",\"u32\"],[\"counts\",\"buffer\"],[\"text\",\"buffer\"]],\"doc\":\"Returns the sums of whole numbers over the ranks. All ranks call it, with as many numbers.\",\"name\":\"byol_ranks_sum\",\"numbers\":0},{\"arguments\":[[\"ranks\",\"u32\"]],\"doc\":\"Waits until every rank has come here.\",\"name\":\"byol_ranks_barrier\",\"numbers\":0},{\"arguments\":[[\"path\",\"buffer\"],[\"text\",\"buffer\"]],\"doc\":\"Describes a checkpoint: metadata, number of tensors, shapes, SHA-256. Fails on a file that is damaged, and (Io) where it cannot be read.\",\"name\":\"byol_checkpoint_describe\",\"numbers\":0},{\"arguments\":[[\"path\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts the job that reads a checkpoint and compares it with the SHA-256 it holds; the job fails where they differ.\",\"name\":\"byol_checkpoint_verify_begin\",\"numbers\":0},{\"arguments\":[[\"job\",\"u32\"],[\"milliseconds\",\"u32\"],[\"flag\",\"buffer\"]],\"doc\":\"Waits at most so long for a job: 1 when it is done, 0 when it is not. Fails as the job did, once.\",\"name\":\"byol_job_wait\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts long work on folders of images. Closing the handle stops it.\",\"name\":\"byol_data_job_start\",\"numbers\":0},{\"arguments\":[[\"job\",\"u32\"],[\"numbers\",\"buffer\"]],\"doc\":\"Returns how far that work is: done, of how many, images, and 1 when it has ended.\",\"name\":\"byol_data_job_progress\",\"numbers\":4},{\"arguments\":[[\"job\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Waits for the end of that work and returns what it says. Fails as the work did.\",\"name\":\"byol_data_job_result\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Watches for signals until the handle is closed: a second request ends the process. Fails while another watch lives.\",\"name\":\"byol_signals_watch\",\"numbers\":0},{\"arguments\":[[\"flag\",\"buffer\"]],\"doc\":\"Returns 1 once a watched signal has come.\",\"name\":\"byol_signals_seen\",\"numbers\":0},{\"arguments\":[[\"pid\",\"u32\"],[\"text\",\"buffer\"]],\"doc\":\"Returns what tells a process from others that had or have its number.\",\"name\":\"byol_process_describe\",\"numbers\":0},{\"arguments\":[[\"options\",\"buffer\"],[\"handle\",\"buffer\"]],\"doc\":\"Starts to write a lock's file again and again, in a thread that the handle owns.\",\"name\":\"byol_heartbeat_start\",\"numbers\":0},{\"arguments\":[[\"heartbeat\",\"u32\"],[\"max_age_milliseconds\",\"u32\"]],\"doc\":\"Fails (Io) once the lock is lost; beats itself when the last beat is that old.\",\"name\":\"byol_heartbeat_check\",\"numbers\":0}]}";
