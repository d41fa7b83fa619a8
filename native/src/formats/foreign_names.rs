//! The names under which other programs keep a ResNet: torchvision's, behind prefixes such as `state_dict.backbone.`, or
//! the numbers of `Sequential(*resnet.children())`, as lightly's examples have them.

use std::borrow::Cow;

use super::header::TensorEntry;

/// Parts of the prefixes that are stripped. A momentum encoder has other names, and is never taken.
const PARTS: [&str; 12] = [
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "backbone",
    "encoder",
    "net",
    "network",
    "resnet",
    "encoder_q",
    "base_encoder",
    "online_encoder",
];
/// Names of a ResNet's first convolution and of one in its first stage, as torchvision has them and by number.
const MARKS: [(&str, &str); 2] = [
    ("conv1.weight", "layer1.0.conv1.weight"),
    ("0.weight", "4.0.conv1.weight"),
];
/// Torchvision's children by their numbers; 2 and 3, ReLU and pooling, have no tensors.
const CHILDREN: [(&str, &str); 6] = [
    ("0.", "conv1."),
    ("1.", "bn1."),
    ("4.", "layer1."),
    ("5.", "layer2."),
    ("6.", "layer3."),
    ("7.", "layer4."),
];

/// Returns the prefixes behind which the file has a ResNet, each once.
pub fn prefixes_of(tensors: &[TensorEntry]) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for (first, inner) in MARKS {
        let prefixes = tensors
            .iter()
            .filter_map(|tensor| tensor.name.strip_suffix(first))
            .filter(|prefix| is_known(prefix));
        for prefix in prefixes {
            let mark = format!("{prefix}{inner}");
            if tensors.iter().any(|tensor| tensor.name == mark) && !found.contains(&prefix) {
                found.push(prefix);
            }
        }
    }
    found
}

fn is_known(prefix: &str) -> bool {
    prefix
        .strip_suffix('.')
        .is_some_and(|parts| parts.split('.').all(|part| PARTS.contains(&part)))
}

/// Returns torchvision's name for what stands behind the prefix, or None for what is no part of a ResNet's encoder.
pub fn torchvision_name(inner: &str) -> Option<Cow<'_, str>> {
    let by_number = CHILDREN
        .iter()
        .find_map(|(number, name)| Some(format!("{name}{}", inner.strip_prefix(number)?)));
    match by_number {
        Some(name) => Some(Cow::Owned(name)),
        None => CHILDREN
            .iter()
            .any(|(_, name)| inner.starts_with(name))
            .then_some(Cow::Borrowed(inner)),
    }
}

/// Returns the part of a file that a name belongs to which is not the encoder's: as many parts as the name shares with the
/// prefix, and one more.
pub fn part_of<'n>(name: &'n str, prefix: &str) -> &'n str {
    let shared: usize = prefix
        .split_inclusive('.')
        .zip(name.split_inclusive('.'))
        .take_while(|(one, other)| one == other)
        .map(|(_, part)| part.len())
        .sum();
    match name[shared..].find('.') {
        Some(dot) => &name[..=shared + dot],
        None => name,
    }
}
