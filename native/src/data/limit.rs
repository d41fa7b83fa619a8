//! The images that --limit_train keeps.

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Number of images to keep, and the rule that chooses them.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitOptions {
    pub count: usize,
    pub rule: LimitRule,
}

/// Rule that chooses the images to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitRule {
    /// The first images.
    First,
    /// As large a share of each class as of every other.
    Share,
}

impl LimitRule {
    /// Returns the rule's name in a description.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Share => "share",
        }
    }
}

/// The images of one class, in the order in which they are kept.
struct Class {
    /// Leading bytes of the SHA-256 of each image's name, and the image.
    images: Vec<(u64, u32)>,
    quota: usize,
}

/// Returns `count` images, in their order: the same share of each class, rounded by the largest remainders, and at
/// least one image of each class where so many are asked for. A class gives the images whose names have the smallest
/// SHA-256: what is kept depends on labels and names alone, and images that are added later move few others.
pub fn share_of_each_class(
    labels: &[u16],
    count: usize,
    name: impl Fn(usize) -> String,
) -> Vec<u32> {
    let classes = labels.iter().max().map_or(0, |&most| usize::from(most) + 1);
    let mut of_class: Vec<Class> = (0..classes)
        .map(|_| Class {
            images: Vec::new(),
            quota: 0,
        })
        .collect();
    for (index, &label) in labels.iter().enumerate() {
        let key = leading_bytes(&name(index));
        of_class[usize::from(label)]
            .images
            .push((key, index as u32));
    }
    of_class.retain(|class| !class.images.is_empty());
    for class in &mut of_class {
        class.images.sort_unstable();
    }
    set_quotas(&mut of_class, count.min(labels.len()), labels.len());
    let mut kept: Vec<u32> = of_class
        .iter()
        .flat_map(|class| &class.images[..class.quota])
        .map(|&(_, index)| index)
        .collect();
    kept.sort_unstable();
    kept
}

/// Returns the leading bytes of the SHA-256 of a name, as a number.
pub(super) fn leading_bytes(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |key, &byte| key << 8 | u64::from(byte))
}

/// Sets the number of images that each class gives, `count` in all of the `total` that there are.
fn set_quotas(classes: &mut [Class], count: usize, total: usize) {
    let share = |class: &Class| class.images.len() as u128 * count as u128;
    let whole = total as u128;
    for class in classes.iter_mut() {
        class.quota = (share(class) / whole) as usize;
    }
    let rest = count - classes.iter().map(|class| class.quota).sum::<usize>();
    let mut order: Vec<usize> = (0..classes.len()).collect();
    // Of equal remainders, the one whose next image has the smallest SHA-256 comes first.
    order.sort_by_key(|&at| {
        let class = &classes[at];
        let next = class.images.get(class.quota);
        (
            std::cmp::Reverse(share(class) % whole),
            next.map_or(u64::MAX, |&(key, _)| key),
        )
    });
    for &at in order.iter().take(rest) {
        classes[at].quota += 1;
    }
    if count >= classes.len() {
        give_each_one(classes);
    }
}

/// Gives each class without an image one of the class that has the most.
fn give_each_one(classes: &mut [Class]) {
    for empty in 0..classes.len() {
        if classes[empty].quota > 0 {
            continue;
        }
        if let Some(largest) = classes.iter_mut().max_by_key(|class| class.quota) {
            largest.quota -= 1;
        }
        classes[empty].quota = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(index: usize) -> String {
        format!("{index:05}.jpg")
    }

    fn per_class(kept: &[u32], labels: &[u16]) -> Vec<usize> {
        let classes = usize::from(*labels.iter().max().unwrap()) + 1;
        let of = |class: usize| move |image: &&u32| usize::from(labels[**image as usize]) == class;
        (0..classes)
            .map(|class| kept.iter().filter(of(class)).count())
            .collect()
    }

    /// Labels of a sorted folder, with so many images of each class.
    fn sorted(sizes: &[usize]) -> Vec<u16> {
        let classes = sizes.iter().zip(0u16..);
        classes
            .flat_map(|(&size, class)| std::iter::repeat_n(class, size))
            .collect()
    }

    #[test]
    fn each_class_gives_the_same_share() {
        for (sizes, count, expected) in [
            (vec![20; 10], 20, vec![2; 10]),
            (vec![100, 50, 10], 16, vec![10, 5, 1]),
            (vec![100, 50, 10], 160, vec![100, 50, 10]),
            // A small class keeps an image.
            (vec![1000, 1000, 3], 10, vec![4, 5, 1]),
            (vec![1, 1, 1000], 3, vec![1, 1, 1]),
        ] {
            let labels = sorted(&sizes);
            let kept = share_of_each_class(&labels, count, name);
            assert_eq!(kept.len(), count);
            let mut found = per_class(&kept, &labels);
            if sizes[0] == sizes[1] {
                found[..2].sort_unstable();
            }
            assert_eq!(found, expected, "{count} of {sizes:?}");
            assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn fewer_images_than_classes_are_of_different_classes() {
        let labels = sorted(&[20; 10]);
        let kept = share_of_each_class(&labels, 5, name);
        let found = per_class(&kept, &labels);
        assert_eq!(found.iter().sum::<usize>(), 5);
        assert!(found.iter().all(|&count| count <= 1));
        assert_ne!(found[..5], [1; 5], "the first classes alone");
    }

    #[test]
    fn the_names_decide_and_not_the_places() {
        let labels = sorted(&[40, 40]);
        let kept = share_of_each_class(&labels, 20, name);
        // The first and the last images are not what is kept.
        assert_ne!(kept[..10], (0..10).collect::<Vec<u32>>());
        assert_ne!(kept[..10], (30..40).collect::<Vec<u32>>());
        // Another image at the front moves every place, and at most itself into what is kept of its class.
        let more = sorted(&[41, 40]);
        let shifted = share_of_each_class(&more, 20, |index| match index {
            0 => "new.jpg".to_owned(),
            index => name(index - 1),
        });
        let known = |images: &[u32]| -> Vec<u32> {
            let again = images.iter().filter(|&&index| index > 0);
            again.map(|index| index - 1).collect()
        };
        let same = known(&shifted)
            .iter()
            .filter(|index| kept.contains(index))
            .count();
        assert!(same >= 18, "{same} of 20 are kept again");
        // A larger limit keeps what a smaller one keeps.
        let larger = share_of_each_class(&labels, 40, name);
        assert!(kept.iter().all(|index| larger.contains(index)));
    }
}
