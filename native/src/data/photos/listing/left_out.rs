//! Entries of a folder that are no images to read, counted, with some of their names.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names that a tally keeps: the first ones in the order of names.
const KEPT: usize = 64;
/// Names that a description shows: the most frequent ones.
const SHOWN: usize = 8;
/// Bytes of the longest suffix that counts as one, with its dot.
const LONGEST_SUFFIX: usize = 9;

/// A number of entries, and how often each of some names occurs. Memory is bounded, whatever the number.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    count: usize,
    names: BTreeMap<String, usize>,
}

impl Tally {
    pub(super) fn add(&mut self, name: &str) {
        self.count += 1;
        self.note(name, 1);
    }

    fn note(&mut self, name: &str, times: usize) {
        *self.names.entry(name.to_owned()).or_default() += times;
        if self.names.len() > KEPT {
            // Smaller names never leave, so that the names that stay, and their counts, depend on no order.
            self.names.pop_last();
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        for (name, &times) in &other.names {
            self.note(name, times);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The most frequent names with their numbers; of equal numbers the longer names first.
    fn most(&self) -> Vec<(&str, usize)> {
        let mut names: Vec<(&str, usize)> = self
            .names
            .iter()
            .map(|(name, &times)| (name.as_str(), times))
            .collect();
        names.sort_by_key(|(name, times)| Reverse((*times, name.len())));
        names.truncate(SHOWN);
        names
    }

    /// Returns the most frequent names in words, such as ".webp 12, .bmp 3".
    pub(super) fn words(&self) -> String {
        let words: Vec<String> = self
            .most()
            .into_iter()
            .map(|(name, times)| format!("{name} {times}"))
            .collect();
        words.join(", ")
    }

    fn described(&self) -> serde_json::Value {
        serde_json::json!({ "count": self.count, "names": self.most() })
    }
}

/// The entries of a folder beside the images that are read.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    /// Files whose suffix is that of no image that can be read, by suffix.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub(super) unread: Tally,
    /// Images that lie beside class folders, by name.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub(super) beside: Tally,
    /// Folders of programs and systems, and folders without images whose names are not UTF-8, by name.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub(super) folders: Tally,
    /// Files whose names begin with a dot, by name.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub(super) hidden: Tally,
    /// Pipes, sockets and devices that are named as images, and links to them, by path.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub(super) special: Tally,
    /// The path of an image whose name holds a line end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line_end: Option<String>,
}

impl LeftOut {
    pub(super) fn is_empty(&self) -> bool {
        self.tallies().iter().all(|(_, tally)| tally.is_empty()) && self.line_end.is_none()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.unread.merge(&other.unread);
        self.beside.merge(&other.beside);
        self.folders.merge(&other.folders);
        self.hidden.merge(&other.hidden);
        self.special.merge(&other.special);
        if self.line_end.is_none() {
            self.line_end.clone_from(&other.line_end);
        }
    }

    /// Returns the kinds that occur, for a description in JSON: of each its count, and its most frequent names.
    pub fn describe(&self) -> serde_json::Map<String, serde_json::Value> {
        let kinds = self.tallies().into_iter();
        let mut found: serde_json::Map<_, _> = kinds
            .filter(|(_, tally)| !tally.is_empty())
            .map(|(kind, tally)| (kind.to_owned(), tally.described()))
            .collect();
        if let Some(name) = &self.line_end {
            found.insert("lineEnd".to_owned(), name.as_str().into());
        }
        found
    }

    fn tallies(&self) -> [(&'static str, &Tally); 5] {
        [
            ("unread", &self.unread),
            ("beside", &self.beside),
            ("folders", &self.folders),
            ("hidden", &self.hidden),
            ("special", &self.special),
        ]
    }
}

/// Returns the suffix that a file is counted by, in lower case; an odd one, such as a number, is none.
pub(super) fn suffix_of(name: &[u8]) -> String {
    let dot = name.iter().rposition(|&byte| byte == b'.');
    let suffix = dot.and_then(|dot| name.get(dot..)).unwrap_or_default();
    let is_plain = suffix.get(1).is_some_and(u8::is_ascii_alphabetic)
        && suffix.len() <= LONGEST_SUFFIX
        && suffix.iter().skip(1).all(u8::is_ascii_alphanumeric);
    if is_plain {
        String::from_utf8_lossy(suffix).to_ascii_lowercase()
    } else {
        "no suffix".to_owned()
    }
}
