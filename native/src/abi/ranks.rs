//! The ranks of a run: their store, their process group. Each entry fails with Distributed where
//! the store or a rank does not answer in time.

use serde::Deserialize;

use super::arguments::Json;
use super::results::{Flag, Handle, Text};
use super::table::table;
use crate::run::ranks::{GroupOptions, Ranks, RanksOptions};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreEntry {
    key: String,
    value: String,
}

table! {
    /// Opens the store that the ranks meet at (rank 0), or connects to it.
    fn byol_ranks_connect(options: Json<RanksOptions>) -> Handle = Ranks::connect;

    /// Sets a key of the store.
    fn byol_ranks_set(
        ranks: &Ranks, options: Json<StoreEntry>,
    ) { ranks.set(&options.key, &options.value) }

    /// Returns a key's text as JSON, null where it is not set yet.
    fn byol_ranks_read(ranks: &Ranks, key: Json<String>) -> Text = Ranks::read;

    /// Connects the ranks with each other, once all are there, and starts to watch who is alive.
    fn byol_ranks_open_group(
        ranks: &mut Ranks, options: Json<GroupOptions>,
    ) { ranks.open_group(&options) }

    /// Returns how long ago each rank and the store were seen alive, and the reason of the first
    /// rank that left. Fails (InvalidArgument) before the group is open.
    fn byol_ranks_health(ranks: &Ranks) -> Text = Ranks::health;

    /// Tells the other ranks why this one leaves; the first reason stays.
    fn byol_ranks_leave(ranks: &Ranks, reason: Json<String>) = Ranks::leave;

    /// Returns 1 where any rank brings other than 0. All ranks call it.
    fn byol_ranks_any(ranks: &Ranks, own_flag: bool) -> Flag = Ranks::any;

    /// Returns the sums of whole numbers over the ranks. All ranks call it, with as many numbers.
    fn byol_ranks_sum(ranks: &Ranks, counts: Json<Vec<i64>>) -> Text {
        Ok(serde_json::json!(ranks.sum(&counts)?).to_string())
    }

    /// Waits until every rank has come here.
    fn byol_ranks_barrier(ranks: &Ranks) { ranks.group()?.barrier() }
}
