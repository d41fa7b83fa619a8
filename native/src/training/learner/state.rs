//! The tensors that checkpoints hold, and the encoder's from files.

use tch::Tensor;

use super::Learner;
use crate::checkpoint::{Checkpoint, Wanted};
use crate::error::Result;
use crate::network::parameters::Role;
use crate::torch::grad_mode::GradMode;
use crate::torch::scaler::Scaler;

impl Learner {
    /// Every tensor of the training state under its name in a checkpoint.
    pub fn state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut state = Vec::new();
        for (part, entry) in self.online() {
            state.push((
                format!("online.{part}.{}", entry.name),
                entry.tensor.f_detach()?,
            ));
        }
        for (part, tensors) in [
            ("encoder", &self.target_encoder),
            ("projector", &self.target_projector),
        ] {
            for entry in &tensors.entries {
                state.push((
                    format!("target.{part}.{}", entry.name),
                    entry.tensor.shallow_clone(),
                ));
            }
        }
        for (name, buffer) in &self.momentum {
            state.push((format!("momentum.{name}"), buffer.shallow_clone()));
        }
        state.extend(self.scaler.iter().flat_map(Scaler::state));
        Ok(state)
    }

    /// The running statistics of the online network.
    pub fn buffers(&self) -> Vec<(String, Tensor)> {
        let buffers = self
            .online()
            .into_iter()
            .filter(|(_, entry)| entry.role == Role::Buffer);
        buffers
            .map(|(part, entry)| {
                let name = format!("{part}.{}", entry.name);
                (name, entry.tensor.shallow_clone())
            })
            .collect()
    }

    /// The online encoder alone, in torchvision's names.
    pub fn encoder_state(&self) -> Result<Vec<(String, Tensor)>> {
        let entries = self.encoder.parameters.entries.iter();
        entries
            .map(|entry| Ok((entry.name.clone(), entry.tensor.f_detach()?)))
            .collect()
    }

    /// Reads the online encoder from a file: a training state, an encoder, weights of another program.
    pub fn load_encoder(&self, path: &str) -> Result<()> {
        let wanted = Wanted {
            resnet_type: &self.options.resnet_type,
            stem: &self.options.stem,
        };
        Checkpoint::open(path)?.load_encoder(self.encoder_state()?, &wanted)
    }

    /// Reads the online encoder from a file, and makes the target's a copy of it. For a learner that has made no step.
    pub fn init_encoder(&mut self, path: &str) -> Result<()> {
        self.load_encoder(path)?;
        let _no_grad = GradMode::set(false);
        self.target_encoder.copy_from(&self.encoder.parameters)
    }

    /// The gradients of the last pass.
    pub fn gradients(&self) -> Result<Vec<(String, Tensor)>> {
        let learned = self
            .online()
            .into_iter()
            .filter(|(_, entry)| entry.role == Role::Parameter);
        learned
            .map(|(part, entry)| {
                Ok((
                    format!("{part}.{}", entry.name),
                    entry.tensor.f_grad()?.f_detach()?,
                ))
            })
            .collect()
    }
}
