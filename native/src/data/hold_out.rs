//! The images that --hold_out keeps from training.

use serde::Deserialize;

use super::limit::leading_bytes;
use crate::error::{Error, Result};

/// Number of images to hold out.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum HoldOutOptions {
    Count(usize),
    /// Of all images, or of each class of photos, in percent.
    Percent(f64),
}

impl HoldOutOptions {
    /// Returns the last images of `all`: images in memory lie in no order.
    pub fn last_of(self, all: usize) -> Result<Vec<u32>> {
        let count = match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (percent * all as f64 / 100.0).round() as usize,
        };
        if count == 0 || count >= all {
            return Err(Error::invalid(format!(
                "Cannot hold out {count} of {all} images: expected at least 1, and that some are left"
            )));
        }
        Ok((all - count..all).map(|index| index as u32).collect())
    }

    /// Returns the photos whose names have a SHA-256 below the share, in their order: a photo is held out or not
    /// whatever other photos there are. Of a class without such a photo the one of the smallest SHA-256 is held out,
    /// and of a class of such photos alone the one of the largest is not; of a class of one photo none is.
    pub fn by_name(self, labels: &[u16], name: impl Fn(usize) -> String) -> Result<Vec<u32>> {
        let percent = match self {
            Self::Percent(percent) if percent > 0.0 && percent < 100.0 => percent,
            Self::Percent(amount) => return Err(no_share(format!("{amount} %"))),
            Self::Count(amount) => return Err(no_share(format!("{amount}"))),
        };
        // 2^64 is the number of keys; the conversion saturates.
        let bound = (percent / 100.0 * 2f64.powi(64)) as u64;
        let classes = labels.iter().max().map_or(0, |&most| usize::from(most) + 1);
        let mut of_class: Vec<Vec<(u64, u32)>> = vec![Vec::new(); classes];
        for (index, &label) in labels.iter().enumerate() {
            let key = leading_bytes(&name(index));
            of_class[usize::from(label)].push((key, index as u32));
        }
        let mut held = Vec::new();
        for images in &mut of_class {
            images.sort_unstable();
            let below = images.partition_point(|&(key, _)| key < bound);
            let count = match images.len() {
                0 | 1 => 0,
                all => below.clamp(1, all - 1),
            };
            held.extend(images[..count].iter().map(|&(_, index)| index));
        }
        if held.is_empty() {
            return Err(Error::invalid(format!(
                "Cannot hold out {percent} % of {} images: expected a class with at least two",
                labels.len()
            )));
        }
        held.sort_unstable();
        Ok(held)
    }
}

fn no_share(amount: String) -> Error {
    Error::invalid(format!(
        "Cannot hold out {amount} of photos: expected a percentage above 0 and below 100"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(index: usize) -> String {
        format!("class/{index:05}.jpg")
    }

    #[test]
    fn of_images_in_memory_the_last_are_held_out() {
        let count = |amount: HoldOutOptions| amount.last_of(50).unwrap();
        assert_eq!(count(HoldOutOptions::Count(3)), [47, 48, 49]);
        assert_eq!(count(HoldOutOptions::Percent(10.0)), [45, 46, 47, 48, 49]);
        for refused in [0, 50, 51] {
            let message = HoldOutOptions::Count(refused).last_of(50).unwrap_err();
            let expected = format!("Cannot hold out {refused} of 50 images");
            assert!(message.message.contains(&expected), "{}", message.message);
        }
        assert!(HoldOutOptions::Percent(0.1).last_of(50).is_err());
    }

    #[test]
    fn about_the_share_of_each_class_is_held_out() {
        let labels: Vec<u16> = (0..4000).map(|index| index % 4).collect();
        let held = HoldOutOptions::Percent(20.0)
            .by_name(&labels, name)
            .unwrap();
        for class in 0..4 {
            let of_class = held
                .iter()
                .filter(|&&index| labels[index as usize] == class);
            let count = of_class.count();
            // Five standard deviations of a binomial of 1000 and 0.2.
            assert!((137..=263).contains(&count), "{count} of class {class}");
        }
        assert!(held.windows(2).all(|pair| pair[0] < pair[1]));
        // A larger share holds a smaller one.
        let more = HoldOutOptions::Percent(40.0)
            .by_name(&labels, name)
            .unwrap();
        assert!(held.iter().all(|index| more.contains(index)));
    }

    #[test]
    fn another_image_moves_none() {
        let labels = vec![0; 500];
        let held = HoldOutOptions::Percent(10.0)
            .by_name(&labels, name)
            .unwrap();
        let more = vec![0; 600];
        let again = HoldOutOptions::Percent(10.0).by_name(&more, name).unwrap();
        let known: Vec<u32> = again.into_iter().filter(|&index| index < 500).collect();
        assert_eq!(held, known);
    }

    #[test]
    fn of_each_class_some_are_held_out_and_some_are_left() {
        // Two classes of three images, and one of a single image.
        let labels = [0, 0, 0, 1, 1, 1, 2];
        for percent in [0.0001, 99.9999] {
            let held = HoldOutOptions::Percent(percent)
                .by_name(&labels, name)
                .unwrap();
            let of = |class: u16| {
                held.iter()
                    .filter(move |&&index| labels[index as usize] == class)
            };
            let expected = if percent < 50.0 { 1 } else { 2 };
            assert_eq!(of(0).count(), expected, "{held:?}");
            assert_eq!(of(1).count(), expected, "{held:?}");
            assert_eq!(of(2).count(), 0, "{held:?}");
        }
        let alone = HoldOutOptions::Percent(50.0)
            .by_name(&[0, 1], name)
            .unwrap_err();
        assert!(
            alone.message.contains("a class with at least two"),
            "{}",
            alone.message
        );
        for refused in [HoldOutOptions::Count(1), HoldOutOptions::Percent(100.0)] {
            assert!(refused.by_name(&labels, name).is_err());
        }
    }
}
