use super::*;

fn demo(count: usize) -> Dataset {
    let options = serde_json::json!({
        "source": { "kind": "demo", "train": true, "count": count },
        "dtype": "float32", "device": "cpu", "workers": 1, "limit": 0, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
    });
    Dataset::open(serde_json::from_value(options).unwrap(), None).unwrap()
}

#[test]
fn every_image_is_seen_once_an_epoch_by_one_rank_in_one_part() {
    for (ranks, parts) in [(1, 1), (2, 1), (1, 3), (4, 3)] {
        let (batch, seed) = (24, 5);
        let mut seen = Vec::new();
        for rank in 0..ranks {
            let mut dataset = demo(100);
            dataset.set_share(Share { rank, ranks, parts }).unwrap();
            for step in 4..8 {
                for part in 0..parts {
                    let share = dataset.share_at(batch, (seed, step), part).unwrap();
                    assert_eq!(share.len(), batch / (ranks * parts));
                    seen.extend(share);
                }
            }
        }
        let mut expected = demo(100).epoch_order(seed, 1)[..96].to_vec();
        expected.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, expected, "{ranks} ranks, {parts} parts");
    }
}

#[test]
fn parts_are_the_same_images_whatever_the_number_of_ranks() {
    let part_of = |ranks: usize| -> Vec<u32> {
        let shares = (0..ranks).map(|rank| {
            let mut dataset = demo(100);
            let parts = 2;
            dataset.set_share(Share { rank, ranks, parts }).unwrap();
            dataset.share_at(24, (5, 1), 1).unwrap()
        });
        shares.flatten().collect()
    };
    assert_eq!(part_of(1), part_of(2));
    assert_eq!(part_of(1), part_of(4));
}

#[test]
fn a_batch_that_ranks_and_parts_do_not_divide_is_refused() {
    let mut dataset = demo(100);
    let whole = Share {
        rank: 1,
        ranks: 4,
        parts: 3,
    };
    dataset.set_share(whole).unwrap();
    let message = dataset.share_at(30, (5, 0), 0).unwrap_err().message;
    assert!(
        message.contains("a batch of 30 for 4 ranks: expected a multiple of 12"),
        "{message}"
    );
    for share in [Share { rank: 4, ..whole }, Share { parts: 0, ..whole }] {
        assert!(dataset.set_share(share).is_err());
    }
}
