//! Options of a data set: its images, its batches, and this process's shard of them.

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::torch::device::DeviceName;
use crate::training::learner::Dtype;
use crate::views::kernels::CenterCrop;
use crate::views::recipe::ViewRecipe;

/// Source of the images.
#[derive(Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "lowercase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Source {
    Demo {
        train: bool,
        count: usize,
    },
    /// Images that a job has read into memory.
    Read,
    /// Files that a job has listed.
    Photos {
        /// Share of the files that may be unusable; none for the default.
        most_bad: Option<f64>,
        /// Batches that may be made ahead.
        ahead: usize,
        /// Names of the classes that labels are numbered by, such as those of the training images; none for the
        /// images' own.
        classes: Option<Vec<String>>,
        /// Values of 16 bits that become 0 and 1; none to take the high byte of images of 16 bits.
        range: Option<[u16; 2]>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatasetOptions {
    pub(super) source: Source,
    pub(super) dtype: Dtype,
    /// The device that views are brought to.
    pub(super) device: DeviceName,
    pub(super) workers: usize,
    pub(super) mean: [f32; 3],
    pub(super) std: [f32; 3],
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchOptions {
    pub(super) batch_size: usize,
    pub(super) view1: ViewRecipe,
    pub(super) view2: ViewRecipe,
    /// The view that the rotation auxiliary turns; none without the auxiliary.
    pub(super) view3: Option<ViewRecipe>,
}

impl BatchOptions {
    /// The recipes of all views, with the number of each view for its random numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u32, &ViewRecipe)> {
        // Number 2 is that of a probe's view.
        let pair = [(0, &self.view1), (1, &self.view2)];
        pair.into_iter()
            .chain(self.view3.as_ref().map(|recipe| (3, recipe)))
    }

    pub(super) fn validate(&self) -> Result<()> {
        for (_, recipe) in self.numbered() {
            recipe.validate().map_err(Error::invalid)?;
        }
        Ok(())
    }
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProbeOptions {
    pub(super) batch_size: usize,
    pub(super) train: ViewRecipe,
    pub(super) resize: usize,
    pub(super) crop: usize,
}

/// The largest batch of linear evaluation.
const MAX_PROBE_BATCH: usize = 1 << 20;
const MAX_DEMO_IMAGES: usize = 1_000_000;

impl DatasetOptions {
    /// Refuses numbers that would make views of NaN, and more images than the demo has.
    pub fn validate(&self) -> Result<()> {
        for (name, values, least) in [("mean", self.mean, -1000.0), ("std", self.std, 0.001)] {
            if !values.iter().all(|value| (least..=1000.0).contains(value)) {
                return Err(Error::invalid(format!(
                    "Cannot normalise with {name}={values:?}: expected numbers from {least} to 1000"
                )));
            }
        }
        match self.source {
            Source::Photos {
                range: Some([least, most]),
                ..
            } if least >= most => Err(Error::invalid(format!(
                "Cannot stretch values from {least} to {most}: expected a larger last one"
            ))),
            Source::Demo { count, .. } if !(1..=MAX_DEMO_IMAGES).contains(&count) => {
                Err(Error::invalid(format!(
                    "Cannot make {count} demo images: expected 1 to {MAX_DEMO_IMAGES}"
                )))
            }
            _ => Ok(()),
        }
    }
}

impl ProbeOptions {
    pub(super) fn sides(&self) -> CenterCrop {
        CenterCrop {
            resize: self.resize,
            crop: self.crop,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        self.train.validate().map_err(Error::invalid)?;
        self.sides().validate().map_err(Error::invalid)?;
        if (1..=MAX_PROBE_BATCH).contains(&self.batch_size) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "Cannot make probe batches of {} images: expected 1 to {MAX_PROBE_BATCH}",
            self.batch_size
        )))
    }
}

/// This process's shard of a step's batch: rank `rank`'s of each of the equal micro-batches.
#[derive(Clone, Copy)]
pub struct Shard {
    pub rank: usize,
    pub ranks: usize,
    pub micro_batches: usize,
}

impl Shard {
    pub(super) const WHOLE: Self = Self {
        rank: 0,
        ranks: 1,
        micro_batches: 1,
    };
}
