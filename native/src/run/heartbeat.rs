//! The sign of life of a lock's owner: a file written again and again by a thread of its own, which no long call and
//! no busy loop delays.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::error::{Error, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeartbeatOptions {
    /// The file, which must be there: one that is gone was taken away, and is not made again.
    path: PathBuf,
    /// Written over itself: the file's time then is that of its server, and no reader finds half of it.
    content: String,
    every_milliseconds: u32,
    /// So many beats missed, and others may take the file for that of a dead process.
    most_missed: u32,
}

struct State {
    beaten_at: Instant,
    lost: Option<String>,
    stopping: bool,
}

struct Shared {
    options: HeartbeatOptions,
    state: Mutex<State>,
    wake: Condvar,
}

/// A heartbeat under way. Dropping it ends its thread.
pub struct Heartbeat {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    pub fn start(options: HeartbeatOptions) -> Result<Self> {
        let state = State {
            beaten_at: Instant::now(),
            lost: None,
            stopping: false,
        };
        let shared = Arc::new(Shared {
            options,
            state: Mutex::new(state),
            wake: Condvar::new(),
        });
        shared.beat();
        let theirs = Arc::clone(&shared);
        let thread = Builder::new()
            .name("byol-heartbeat".to_owned())
            .spawn(move || theirs.run())
            .map_err(|error| Error::io(format!("Cannot start a thread: {error}")))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Beats now unless the last beat is younger than that; an error once the file is lost.
    pub fn check(&self, max_age_milliseconds: u32) -> Result<()> {
        let max_age = Duration::from_millis(u64::from(max_age_milliseconds));
        if self.shared.state().beaten_at.elapsed() >= max_age {
            self.shared.beat();
        }
        match &self.shared.state().lost {
            None => Ok(()),
            Some(why) => Err(Error::io(format!(
                "Lost the lock {}: {why}",
                self.shared.options.path.display()
            ))),
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.shared.state().stopping = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn every(&self) -> Duration {
        Duration::from_millis(u64::from(self.options.every_milliseconds.max(1)))
    }

    fn run(&self) {
        let mut state = self.state();
        while !state.stopping && state.lost.is_none() {
            let waited = self.wake.wait_timeout(state, self.every());
            state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
            if !state.stopping {
                drop(state);
                self.beat();
                state = self.state();
            }
        }
    }

    /// The state is not held meanwhile: a file server may be slow.
    fn beat(&self) {
        let began = Instant::now();
        let outcome = self.write();
        let mut state = self.state();
        match outcome {
            Ok(()) => state.beaten_at = began,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                state.lost = Some("somebody has removed it, or taken it over".to_owned());
            }
            Err(error) => {
                let silent = state.beaten_at.elapsed();
                if silent >= self.every() * self.options.most_missed {
                    let seconds = silent.as_secs();
                    state.lost = Some(format!("it could not be written for {seconds} s: {error}"));
                }
            }
        }
    }

    fn write(&self) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&self.options.path)?;
        file.write_all(self.options.content.as_bytes())
    }
}
