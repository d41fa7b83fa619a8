//! Training states and encoders in files.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tch::Tensor;

use super::Learner;
use crate::checkpoint::{Checkpoint, Snapshot};
use crate::error::Result;
use crate::run::job::Job;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaveOptions {
    path: String,
    metadata: serde_json::Value,
    encoder_only: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackgroundSaveOptions {
    path: PathBuf,
    metadata: serde_json::Value,
    sync_first: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadOptions {
    path: String,
    encoder_only: bool,
}

impl Learner {
    /// Writes the training state, or the encoder alone. Error: values that are not finite, a file that cannot be written.
    pub fn save(&self, options: &SaveOptions) -> Result<()> {
        let tensors = if options.encoder_only {
            self.encoder_state()?
        } else {
            self.saved_state()?
        };
        let snapshot = Snapshot::take(&tensors, options.metadata.to_string())?;
        self.check_ranks()?;
        snapshot.require_finite()?;
        snapshot.write(Path::new(&options.path), &[])
    }

    /// Copies the training state and returns the job that writes it.
    pub fn save_begin(&self, options: BackgroundSaveOptions) -> Result<Job> {
        let snapshot = Snapshot::take(&self.saved_state()?, options.metadata.to_string())?;
        self.check_ranks()?;
        snapshot.require_finite()?;
        Job::start(move || snapshot.write(&options.path, &options.sync_first))
    }

    /// Returns the state of training and, where there is one, of the online probe.
    fn saved_state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = self.state()?;
        state.extend(self.probe_state());
        Ok(state)
    }

    /// Reads the training state, or the encoder alone.
    pub fn load(&self, options: &LoadOptions) -> Result<()> {
        if options.encoder_only {
            return self.load_encoder(&options.path);
        }
        let file = Checkpoint::open(&options.path)?;
        // Either may be without an online probe: the learner's then starts afresh, and the file's is left where it is.
        let mut state = self.state()?;
        let probe = self.probe_state();
        let both = probe.iter().any(|(name, _)| file.holds(name));
        state.extend(probe.into_iter().filter(|_| both));
        file.load(state, |name| both || !name.starts_with("online_probe."))
    }
}
