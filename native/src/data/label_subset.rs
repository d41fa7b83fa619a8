//! The images that an evaluation may learn from: all of a data set, or a part with as many of each class, and of these
//! the ones that a choice of the learning rate holds out.

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::views::random::permutation;

/// Which of a data set's images are taken: a function of these options and the labels alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubsetOptions {
    seed: u64,
    /// Of all images, in percent.
    percent: usize,
    /// Of the images of each class that are taken, in percent, rounded up.
    held_out: usize,
    part: Part,
}

/// Of the images taken.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Part {
    Learn,
    HeldOut,
}

/// Epochs whose orders divide a class's images, one for each class: no run comes so far.
const ORDERS: u64 = u64::MAX - (1 << 20);

impl SubsetOptions {
    fn validate(&self) -> Result<()> {
        if (1..=100).contains(&self.percent) && self.held_out < 100 {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "Cannot take {} % of the images and hold out {} % of them: expected 1 to 100, and 0 to 99",
            self.percent, self.held_out
        )))
    }

    /// The images taken, in their order in the data set. Classes get as many as can be divided evenly among them, and
    /// of what is left one each, in an order that the seed draws; a class that has fewer gives all (SimCLR, §4.3: "in a
    /// class-balanced way, i.e. around 12.8 and 128 images per class").
    pub fn choose(&self, labels: &[u16], classes: usize) -> Result<Vec<u32>> {
        self.validate()?;
        let mut of_class = vec![Vec::new(); classes];
        for (index, &label) in labels.iter().enumerate() {
            let class = of_class.get_mut(usize::from(label)).ok_or_else(|| {
                Error::invalid(format!(
                    "Cannot divide images by class: image {index} is of class {label}, expected fewer than {classes}"
                ))
            })?;
            class.push(index as u32);
        }
        let total = labels.len() * self.percent / 100;
        let mut quotas = vec![total / classes.max(1); classes];
        let favoured = permutation(self.seed, ORDERS, classes);
        for &class in &favoured[..total % classes.max(1)] {
            quotas[class as usize] += 1;
        }
        let mut taken = Vec::new();
        for (class, images) in of_class.iter().enumerate() {
            let count = match self.percent {
                100 => images.len(),
                _ => quotas[class].min(images.len()),
            };
            if count == 0 && self.percent < 100 {
                return Err(Error::invalid(format!(
                    "Cannot take {} % of {} images of {classes} classes: class {class} would have none, expected at \
                     least one of each",
                    self.percent,
                    labels.len()
                )));
            }
            let held_out = (count * self.held_out).div_ceil(100);
            if count > 0 && held_out == count {
                return Err(Error::invalid(format!(
                    "Cannot hold out {} % of {count} images of class {class}: expected that some are left",
                    self.held_out
                )));
            }
            let order = permutation(self.seed, ORDERS + 1 + class as u64, images.len());
            let part = match self.part {
                Part::HeldOut => &order[..held_out],
                Part::Learn => &order[held_out..count],
            };
            taken.extend(part.iter().map(|&place| images[place as usize]));
        }
        if taken.is_empty() {
            return Err(Error::invalid(
                "Cannot take no image at all: expected heldOut above 0",
            ));
        }
        taken.sort_unstable();
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(percent: usize, held_out: usize, part: Part, labels: &[u16]) -> Result<Vec<u32>> {
        let options = SubsetOptions {
            seed: 3,
            percent,
            held_out,
            part,
        };
        options.choose(labels, 10)
    }

    fn per_class(images: &[u32], labels: &[u16]) -> Vec<usize> {
        let of = |class| move |image: &&u32| labels[**image as usize] == class;
        (0..10)
            .map(|class| images.iter().filter(of(class)).count())
            .collect()
    }

    /// 1,200 images, some classes three times as large as others.
    fn uneven() -> Vec<u16> {
        (0..1200u32)
            .map(|i| ((i % 20) / if i % 20 < 10 { 1 } else { 4 }) as u16)
            .map(|label| label.min(9))
            .collect()
    }

    #[test]
    fn classes_get_as_many_each_whatever_their_size() {
        let labels = uneven();
        let one = chosen(1, 0, Part::Learn, &labels).unwrap();
        assert_eq!(one.len(), 12);
        let counts = per_class(&one, &labels);
        assert_eq!(counts.iter().filter(|&&count| count == 2).count(), 2);
        assert!(counts.iter().all(|count| (1..=2).contains(count)));
        let ten = chosen(10, 0, Part::Learn, &labels).unwrap();
        assert_eq!(per_class(&ten, &labels), [12; 10]);
        assert!(ten.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ten, chosen(10, 0, Part::Learn, &labels).unwrap());
        let all: Vec<u32> = (0..1200).collect();
        assert_eq!(chosen(100, 0, Part::Learn, &labels).unwrap(), all);
    }

    #[test]
    fn what_is_held_out_and_what_is_learnt_from_are_all_that_is_taken() {
        let labels = uneven();
        let mut both = chosen(10, 10, Part::Learn, &labels).unwrap();
        let held_out = chosen(10, 10, Part::HeldOut, &labels).unwrap();
        assert_eq!(per_class(&held_out, &labels), [2; 10]);
        both.extend(&held_out);
        both.sort_unstable();
        assert_eq!(both, chosen(10, 0, Part::Learn, &labels).unwrap());
    }

    #[test]
    fn what_leaves_a_class_without_an_image_is_refused() {
        let labels: Vec<u16> = (0..500).map(|i| i % 10).collect();
        let message = chosen(1, 0, Part::Learn, &labels).unwrap_err().message;
        assert!(
            message.contains("Cannot take 1 % of 500 images"),
            "{message}"
        );
        let few: Vec<u16> = (0..100).map(|i| i % 10).collect();
        let message = chosen(10, 10, Part::Learn, &few).unwrap_err().message;
        assert!(
            message.contains("Cannot hold out 10 % of 1 images"),
            "{message}"
        );
        assert!(chosen(0, 0, Part::Learn, &few).is_err());
        assert!(chosen(101, 0, Part::Learn, &few).is_err());
        assert!(chosen(100, 100, Part::Learn, &few).is_err());
        assert!(chosen(100, 0, Part::HeldOut, &few).is_err());
    }
}
