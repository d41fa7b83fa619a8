use super::*;

fn demo(count: usize) -> Dataset {
    let options = serde_json::json!({
        "source": { "kind": "demo", "train": true, "count": count },
        "dtype": "float32", "device": "cpu", "workers": 1, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
    });
    Dataset::open(serde_json::from_value(options).unwrap(), None).unwrap()
}

#[test]
fn every_image_is_seen_once_an_epoch_by_one_rank_in_one_micro_batch() {
    for (ranks, micro_batches) in [(1, 1), (2, 1), (1, 3), (4, 3)] {
        let (batch, seed) = (24, 5);
        let mut seen = Vec::new();
        for rank in 0..ranks {
            let mut dataset = demo(100);
            dataset
                .set_shard(Shard {
                    rank,
                    ranks,
                    micro_batches,
                })
                .unwrap();
            for step in 4..8 {
                for micro_batch in 0..micro_batches {
                    let shard = dataset.shard_at(batch, (seed, step), micro_batch).unwrap();
                    assert_eq!(shard.len(), batch / (ranks * micro_batches));
                    seen.extend(shard);
                }
            }
        }
        let mut expected = demo(100).epoch_order(seed, 1)[..96].to_vec();
        expected.sort_unstable();
        seen.sort_unstable();
        assert_eq!(
            seen, expected,
            "{ranks} ranks, {micro_batches} micro-batches"
        );
    }
}

#[test]
fn micro_batches_are_the_same_images_whatever_the_number_of_ranks() {
    let micro_batch_of = |ranks: usize| -> Vec<u32> {
        let shards = (0..ranks).map(|rank| {
            let mut dataset = demo(100);
            let micro_batches = 2;
            dataset
                .set_shard(Shard {
                    rank,
                    ranks,
                    micro_batches,
                })
                .unwrap();
            dataset.shard_at(24, (5, 1), 1).unwrap()
        });
        shards.flatten().collect()
    };
    assert_eq!(micro_batch_of(1), micro_batch_of(2));
    assert_eq!(micro_batch_of(1), micro_batch_of(4));
}

#[test]
fn a_batch_that_ranks_and_micro_batches_do_not_divide_is_refused() {
    let mut dataset = demo(100);
    let whole = Shard {
        rank: 1,
        ranks: 4,
        micro_batches: 3,
    };
    dataset.set_shard(whole).unwrap();
    let message = dataset.shard_at(30, (5, 0), 0).unwrap_err().message;
    assert!(
        message.contains("a batch of 30 for 4 ranks: expected a multiple of 12"),
        "{message}"
    );
    for shard in [
        Shard { rank: 4, ..whole },
        Shard {
            micro_batches: 0,
            ..whole
        },
    ] {
        assert!(dataset.set_shard(shard).is_err());
    }
}

#[test]
fn what_is_held_out_is_the_last_part_and_what_is_left_the_first() {
    let whole = demo(100);
    let mut rest = demo(100);
    let count = serde_json::from_value(serde_json::json!({ "count": 30 })).unwrap();
    let part = rest.hold_out(&count).unwrap();
    let bytes = 70 * whole.pixels.len() / 100;
    assert_eq!(rest.pixels, whole.pixels[..bytes]);
    assert_eq!(part.pixels, whole.pixels[bytes..]);
    assert_eq!(rest.labels, whole.labels[..70]);
    assert_eq!(part.labels, whole.labels[70..]);
    let counts = [&rest, &part].map(|set| set.description["count"].as_u64());
    assert_eq!(counts, [Some(70), Some(30)]);
    assert_eq!(rest.description["heldOut"], 30);
    assert_eq!(rest.description["digest"], whole.description["digest"]);
    let order = rest.epoch_order(5, 0).to_vec();
    assert_eq!(order, demo(70).epoch_order(5, 0), "an epoch has 70 images");
    let limit = serde_json::from_value(serde_json::json!({ "count": 71, "rule": "first" }));
    let message = rest.limit(&limit.unwrap()).unwrap_err().message;
    assert!(
        message.contains("the dataset has 70, without the 30 held out"),
        "{message}"
    );
}
