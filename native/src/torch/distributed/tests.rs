//! Ranks for the tests: threads of one process in a real process group.

use std::sync::Arc;

use super::*;

const TIMEOUT_MILLISECONDS: u32 = 60_000;

/// Runs every rank of a real group (Gloo) in a thread of its own, each with what is given to it, and returns what
/// they return, by rank.
pub fn on_ranks<G: Send, R: Send>(
    given: Vec<G>,
    rank: impl Fn(G, &Arc<Group>) -> R + Sync,
) -> Vec<R> {
    let size = given.len();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let open = |server| Store::open("127.0.0.1", port, server, TIMEOUT_MILLISECONDS);
    let _server = open(true).expect("a store");
    let run = |number: usize, given: G| {
        let network = Network {
            interface: "",
            host: "127.0.0.1",
        };
        let store = open(false).expect("a connection");
        let group = Group::open(&store, (number, size), &network, TIMEOUT_MILLISECONDS);
        let group = Arc::new(group.expect("a group"));
        let result = rank(given, &group);
        // None is taken down while another still uses it.
        group.barrier().expect("the other ranks");
        result
    };
    std::thread::scope(|scope| {
        let run = &run;
        let ranks: Vec<_> = given
            .into_iter()
            .enumerate()
            .map(|(number, given)| scope.spawn(move || run(number, given)))
            .collect();
        ranks
            .into_iter()
            .map(|rank| rank.join().expect("a rank"))
            .collect()
    })
}

#[test]
fn failures_of_collectives_are_told_from_others() {
    let status = |status, message: &str| {
        let message = message.to_owned();
        by_collectives(Error { status, message }).status
    };
    let words = "[gloo/gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 2000ms";
    assert_eq!(status(Status::Torch, words), Status::Distributed);
    let words = "NCCL communicator was aborted on rank 1.";
    assert_eq!(status(Status::Torch, words), Status::Distributed);
    let words = "shapes cannot be multiplied";
    assert_eq!(status(Status::Torch, words), Status::Torch);
    let words = "CUDA out of memory in gloo";
    assert_eq!(status(Status::OutOfMemory, words), Status::OutOfMemory);
}
