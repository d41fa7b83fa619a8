//! Values that another program recomputes: outputs, embeddings and answers as safetensors files, made by the code that
//! trains and evaluates. Cold: nothing of a run calls this.

use std::path::Path;

use serde::Deserialize;
use tch::Tensor;

use crate::checkpoint::{save, Checkpoint};
use crate::data::dataset::Dataset;
use crate::error::Result;
use crate::evaluation::neighbours::FeatureBank;
use crate::evaluation::probe::Probe;
use crate::network::layers::Pass;
use crate::network::parameters::channels_last;
use crate::torch::device::moved;
use crate::training::learner::Learner;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutputsOptions {
    /// A file with the tensor `input`: count × 3 × height × width, of the learner's type.
    input: String,
    path: String,
    /// True to write the encoder's outputs and buffers alone.
    encoder_only: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileOptions {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NeighboursOptions {
    path: String,
    k: i64,
    temperature: f64,
}

/// `input`; `output`, `projection` and `prediction`, each with `.eval` and then `.train`; and the batch
/// normalisations' buffers after these two passes as `after.*`.
pub fn write_outputs(learner: &Learner, options: &OutputsOptions) -> Result<()> {
    let input = Checkpoint::open(&options.input)?.named("input", learner.kind())?;
    let images = moved(&channels_last(&input)?, learner.device())?;
    let mut tensors = vec![("input".to_owned(), input)];
    for (mode, pass) in [("eval", Pass::Evaluation), ("train", Pass::Train)] {
        let outputs = learner.outputs(&images, pass)?;
        tensors.push((format!("output.{mode}"), outputs.embedding));
        if !options.encoder_only {
            tensors.push((format!("projection.{mode}"), outputs.projection));
            tensors.push((format!("prediction.{mode}"), outputs.prediction));
        }
    }
    for (name, buffer) in learner.buffers() {
        if !options.encoder_only || name.starts_with("encoder.") {
            tensors.push((format!("after.{name}"), buffer));
        }
    }
    write(&options.path, &tensors)
}

/// `features` and `labels` of the dataset's one-view batch, as the probe and the neighbours get them.
pub fn write_embeddings(learner: &Learner, dataset: &Dataset, options: &FileOptions) -> Result<()> {
    write(&options.path, &embedded(learner, dataset)?)
}

/// The probe's `weight` and `bias`, and of the dataset's one-view batch `views`, `features`, `labels` and `top5`: the
/// likeliest classes, best first.
pub fn write_answers(
    probe: &Probe,
    learner: &Learner,
    dataset: &Dataset,
    options: &FileOptions,
) -> Result<()> {
    let mut tensors = embedded(learner, dataset)?;
    tensors.push(("top5".to_owned(), probe.best(&tensors[0].1)?));
    tensors.push((
        "views".to_owned(),
        dataset.batch(1)?.views[0].shallow_clone(),
    ));
    tensors.extend(probe.state()?);
    write(&options.path, &tensors)
}

/// Of the dataset's one-view batch `features`, `labels` and `scores`: each class's sum of the neighbours' weights.
pub fn write_neighbours(
    bank: &mut FeatureBank,
    learner: &Learner,
    dataset: &Dataset,
    options: &NeighboursOptions,
) -> Result<()> {
    let mut tensors = embedded(learner, dataset)?;
    let scores = bank.scores(&tensors[0].1, options.k, options.temperature)?;
    tensors.push(("scores".to_owned(), scores));
    write(&options.path, &tensors)
}

fn embedded(learner: &Learner, dataset: &Dataset) -> Result<Vec<(String, Tensor)>> {
    let batch = dataset.batch(1)?;
    Ok(vec![
        ("features".to_owned(), learner.embed(&batch.views[0])?),
        ("labels".to_owned(), batch.labels.shallow_clone()),
    ])
}

fn write(path: &str, tensors: &[(String, Tensor)]) -> Result<()> {
    save(Path::new(path), tensors, "{}")
}
