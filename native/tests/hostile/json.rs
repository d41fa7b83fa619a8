//! The fuzzer's way of giving JSON to the boundary, on its seeds.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::core::{open_demo, use_one_thread, Kept};
use crate::forms::DEMO;
use crate::mutate::Random;
use crate::one_at_a_time;

#[path = "../../fuzz/src/json.rs"]
mod target;

/// Time for all mutations.
const SECONDS: u64 = 15;

/// As they are, and mutated 300 times each, as far as the time allows.
#[test]
fn the_fuzzers_seeds_of_json_are_read_or_refused() {
    let _alone = one_at_a_time();
    use_one_thread();
    let dataset = Kept::new(&DEMO.replace(r#""count":8"#, r#""count":4"#), open_demo);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/json");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let seeds: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(seeds.len() >= 10, "{paths:?}");
    for seed in &seeds {
        target::read_json(seed, dataset.0);
    }
    let (mut random, began) = (Random(10), Instant::now());
    for round in 0..300 * seeds.len() {
        let seed = &seeds[round % seeds.len()];
        let bytes = random.mutate(seed, &seeds[(round + 1) % seeds.len()]);
        target::read_json(&bytes, dataset.0);
        if began.elapsed() > Duration::from_secs(SECONDS) {
            break;
        }
    }
}
