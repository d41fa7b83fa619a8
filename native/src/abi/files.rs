//! Checkpoints that are read without a learner, and work on files beside the event loop.

use super::arguments::Json;
use super::results::{Flag, Handle, Numbers, Text};
use super::table::table;
use crate::checkpoint::{require_whole, Checkpoint};
use crate::data::job::{DataJob, DataWork};
use crate::run::job::Job;

table! {
    /// Describes a checkpoint: metadata, number of tensors, shapes, SHA-256. Fails on a file that
    /// is damaged, and (Io) where it cannot be read.
    fn byol_checkpoint_describe(path: Json<String>) -> Text { Checkpoint::open(&path)?.describe() }

    /// Starts the job that reads a checkpoint and compares it with the SHA-256 it holds; the job
    /// fails where they differ.
    fn byol_checkpoint_verify_begin(
        path: Json<String>,
    ) -> Handle { Job::start(move || require_whole(&path)) }

    /// Waits at most so long for a job: 1 when it is done, 0 when it is not. Fails as the job did,
    /// once.
    fn byol_job_wait(job: &mut Job, milliseconds: u32) -> Flag = Job::wait;

    /// Starts long work on folders of images. Closing the handle stops it.
    fn byol_data_job_start(options: Json<DataWork>) -> Handle = DataJob::start;

    /// Returns how far that work is: done, of how many, images, and 1 when it has ended.
    fn byol_data_job_progress(job: &DataJob) -> Numbers<4> { Ok(job.numbers()) }

    /// Waits for the end of that work and returns what it says. Fails as the work did.
    fn byol_data_job_result(job: &mut DataJob) -> Text = DataJob::text;
}
