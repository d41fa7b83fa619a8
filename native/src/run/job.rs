//! Work on files beside the training: one thread each, which never calls libtorch.

use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::error::{Error, Result, Status};

/// Work under way. Dropping it waits for its end: no thread outlives its handle.
pub struct Job {
    outcome: Receiver<Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Job {
    pub fn start(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<Self> {
        let (sender, outcome) = channel();
        let thread = Builder::new()
            .name("byol-job".to_owned())
            .spawn(move || {
                // Nobody is left to hear the outcome when the job was dropped.
                let _ = sender.send(work());
            })
            .map_err(|error| Error::io(format!("Cannot start a thread: {error}")))?;
        Ok(Self {
            outcome,
            thread: Some(thread),
        })
    }

    /// Waits so long at most: whether it is done. Its error is told once.
    pub fn wait(&mut self, milliseconds: u32) -> Result<bool> {
        if self.thread.is_none() {
            return Ok(true);
        }
        let patience = Duration::from_millis(u64::from(milliseconds));
        let outcome = match self.outcome.recv_timeout(patience) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => Err(Error {
                status: Status::Panic,
                message: "A job of the core panicked".to_owned(),
            }),
        };
        self.join();
        outcome.map(|()| true)
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic has been told by the outcome that never came.
            drop(thread.join());
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.join();
    }
}
