//! Counts of a classifier's answers by class: the confusion matrix of the images that it was tested on.

use tch::{Device, Kind, Tensor};

use crate::error::Result;

/// The most classes that are counted by class: a matrix of them takes 128 MiB.
const MOST_CLASSES: i64 = 4096;

/// Numbers of images by true class and by answer.
pub struct Answers {
    classes: i64,
    /// Rows of true classes, columns of answers; None for too many classes.
    counts: Option<Tensor>,
}

impl Answers {
    pub fn new(classes: i64, device: Device) -> Result<Self> {
        let counts = match (1..=MOST_CLASSES).contains(&classes) {
            true => Some(Tensor::f_zeros([classes * classes], (Kind::Int64, device))?),
            false => None,
        };
        Ok(Self { classes, counts })
    }

    /// Counts an answer for each label; those outside the classes count as none. Does not wait for the device.
    pub fn add(&mut self, labels: &Tensor, answers: &Tensor) -> Result<()> {
        let Some(counts) = &mut self.counts else {
            return Ok(());
        };
        let pairs = labels.f_mul_scalar(self.classes)?.f_add(answers)?;
        let known = labels
            .f_lt(self.classes)?
            .f_logical_and(&answers.f_lt(self.classes)?)?;
        let pairs = pairs.f_clamp_max(self.classes * self.classes - 1)?;
        let _ = counts.f_index_add_(0, &pairs, &known.f_to_kind(Kind::Int64)?)?;
        Ok(())
    }

    /// The counts as JSON, row by row; empty for too many classes.
    pub fn json(&self) -> Result<String> {
        let Some(counts) = &self.counts else {
            return Ok("[]".to_owned());
        };
        let mut values = vec![0i64; counts.numel()];
        counts
            .f_to_device(Device::Cpu)?
            .f_copy_data(&mut values, counts.numel())?;
        Ok(serde_json::json!(values).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_true_class_and_by_answer() {
        let mut answers = Answers::new(3, Device::Cpu).unwrap();
        let tensor = |values: &[i64]| Tensor::from_slice(values);
        answers
            .add(&tensor(&[0, 0, 1, 2]), &tensor(&[0, 1, 1, 0]))
            .unwrap();
        answers
            .add(&tensor(&[2, 0, 7]), &tensor(&[0, 0, 1]))
            .unwrap();
        assert_eq!(answers.json().unwrap(), "[2,1,0,0,1,0,2,0,0]");
        assert_eq!(
            Answers::new(MOST_CLASSES + 1, Device::Cpu)
                .unwrap()
                .json()
                .unwrap(),
            "[]"
        );
    }
}
