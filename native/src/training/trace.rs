//! One step written down for another program to recompute.

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use super::learner::Learner;
use crate::checkpoint::save;
use crate::error::Result;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TraceOptions {
    path: String,
    metadata: serde_json::Value,
}

/// The state before a step.
pub struct Trace(Vec<(String, Tensor)>);

impl Trace {
    /// Keeps a copy of the learner's state.
    pub fn begin(learner: &Learner) -> Result<Self> {
        let copies = learner
            .state()?
            .into_iter()
            .map(|(name, tensor)| Ok((name, tensor.f_detach_copy()?)));
        Ok(Self(copies.collect::<Result<_>>()?))
    }

    /// Writes the views of the step, the logits of its rotations where there are any, the state before it, its gradients and the state after it.
    pub fn write(&self, learner: &Learner, views: &[Tensor], options: &TraceOptions) -> Result<()> {
        let named = (1..).zip(views);
        let mut tensors: Vec<_> = named
            .map(|(number, view)| (format!("view{number}"), view.shallow_clone()))
            .collect();
        tensors.extend(learner.rotation_logits());
        let before = self.0.iter();
        tensors.extend(before.map(|(name, tensor)| (when(name, "before"), tensor.shallow_clone())));
        let gradients = learner.gradients()?.into_iter();
        tensors.extend(gradients.map(|(name, tensor)| (format!("grad.{name}"), tensor)));
        let after = learner.state()?.into_iter();
        tensors.extend(after.map(|(name, tensor)| (when(&name, "after"), tensor)));
        let metadata = options.metadata.to_string();
        save(Path::new(&options.path), &tensors, &metadata)
    }
}

/// Returns `network.when.rest` for the name `network.rest`.
fn when(name: &str, when: &str) -> String {
    match name.split_once('.') {
        Some((network, rest)) => format!("{network}.{when}.{rest}"),
        None => name.to_owned(),
    }
}
