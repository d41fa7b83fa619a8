//! The processor's memory of tensors (shim/memory.cpp), through libtorch, in a process of its own: what is held is read
//! from the system, which other tests' memory would disturb.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard};

use byol::torch::memory::keep_freed_memory;
use tch::{Device, Kind, Tensor};

const MIB: usize = 1 << 20;
/// Size of the pieces of a block at whose ends a mark is written and read again.
const PIECE: usize = 1 << 16;

/// Memory is counted for the process as a whole: one test at a time.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    keep_freed_memory();
    LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Bytes that the process may write to, in memory or not.
fn held() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmData:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
    kibibytes.unwrap().parse::<usize>().unwrap() * 1024
}

fn tensor(bytes: usize) -> Tensor {
    Tensor::empty([bytes as i64], (Kind::Uint8, Device::Cpu))
}

/// Numbers that are the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// A tensor with a mark of its own in each piece.
struct Marked {
    tensor: Tensor,
    bytes: usize,
    mark: u64,
}

impl Marked {
    fn new(bytes: usize, mark: u64) -> Self {
        let tensor = tensor(bytes);
        let marked = Self {
            tensor,
            bytes,
            mark,
        };
        for place in marked.places() {
            unsafe { place.write_unaligned(mark) };
        }
        marked
    }

    /// The first and the last eight bytes of each piece.
    fn places(&self) -> impl Iterator<Item = *mut u64> + '_ {
        let start: *mut u8 = self.tensor.data_ptr().cast();
        (0..self.bytes).step_by(PIECE).flat_map(move |first| {
            let last = (first + PIECE).min(self.bytes) - 8;
            [first, last].map(|offset| unsafe { start.add(offset).cast::<u64>() })
        })
    }

    fn is_intact(&self) -> bool {
        self.places()
            .all(|place| unsafe { place.read_unaligned() } == self.mark)
    }
}

/// Each thread holds a few tensors, and gives some to the next one, which drops them.
#[test]
fn no_two_live_tensors_of_any_thread_share_memory() {
    const THREADS: u64 = 6;
    const ROUNDS: u64 = 3_000;
    let _alone = one_at_a_time();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel::<Marked>()).unzip();
    let damaged: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .zip(receivers)
            .map(|(thread, given)| {
                let next = senders[((thread + 1) % THREADS) as usize].clone();
                scope.spawn(move || {
                    let mut random = Random(0x9e37_79b9_7f4a_7c15 + thread);
                    let mut mine = VecDeque::new();
                    let mut damaged = 0;
                    for round in 0..ROUNDS {
                        // Around the least size that is kept, too, whose blocks are the C library's.
                        let bytes = MIB * 7 / 8 + 16 * random.below(MIB / 8);
                        mine.push_back(Marked::new(bytes, (thread << 32) + round));
                        if mine.len() > 4 {
                            let one = mine.remove(random.below(4)).unwrap();
                            damaged += u64::from(!one.is_intact());
                            if round % 3 == 0 {
                                // Nobody takes it where the other thread has ended.
                                let _ = next.send(one);
                            }
                        }
                        damaged += given.try_iter().filter(|one| !one.is_intact()).count() as u64;
                    }
                    damaged + mine.iter().filter(|one| !one.is_intact()).count() as u64
                })
            })
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(damaged, [0; THREADS as usize]);
}

/// The comment in shim/memory.cpp promises it: at most 15 % more than was in use at once, each block an eighth larger
/// than what it was asked for.
#[test]
fn little_more_is_held_than_was_in_use_at_once() {
    let _alone = one_at_a_time();
    let before = held();
    let mut random = Random(7);
    let mut live: VecDeque<(usize, Tensor)> = VecDeque::new();
    let (mut used, mut most_used, mut worst) = (0usize, 0usize, 0.0f64);
    for round in 0..4_000usize {
        // Phases of other sizes, as views that grow have: what was kept of one serves none of the next.
        let phase = round / 500 % 4;
        let bytes = (1 + phase) * 2 * MIB + random.below(3 * MIB);
        live.push_back((bytes, tensor(bytes)));
        used += bytes;
        most_used = most_used.max(used);
        while live.len() > 12 || used > 64 * MIB {
            let (bytes, gone) = live.remove(random.below(live.len())).unwrap();
            used -= bytes;
            drop(gone);
        }
        let grown = held().saturating_sub(before);
        worst = worst.max(grown as f64 / most_used as f64);
    }
    // Both, and the last of 64 KiB of each block; some MiB of the C library's are not the allocator's.
    let limit = 1.15 * 1.125 + 12.0 * PIECE as f64 / most_used as f64 + 0.02;
    assert!(
        worst <= limit,
        "{worst:.3} of what was in use at once, promised {limit:.3}"
    );
    drop(live);
    let left = held().saturating_sub(before);
    assert!(
        left as f64 <= limit * most_used as f64,
        "{left} bytes are left"
    );
}

/// Pages that the system has given to the process so far.
fn faults() -> usize {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(") ").next().unwrap();
    fields.split_whitespace().nth(7).unwrap().parse().unwrap()
}

#[test]
fn the_same_sizes_again_take_no_new_memory() {
    let _alone = one_at_a_time();
    let sizes = [3 * MIB, 9 * MIB + 16 * 1_234, 40 * MIB, MIB];
    let step = || drop(sizes.map(|bytes| Marked::new(bytes, 1)));
    for _ in 0..3 {
        step();
    }
    let (before, held_before) = (faults(), held());
    for _ in 0..50 {
        step();
    }
    // 53 MiB of new memory would be 27 pages a step where pages are huge, 13,000 where not.
    let new = faults() - before;
    assert!(new < 100, "{new} new pages");
    assert_eq!(held(), held_before);
}

#[test]
fn a_block_serves_an_eighth_less_and_no_smaller_size() {
    let _alone = one_at_a_time();
    // A size that no other test leaves blocks of.
    let whole = 200 * MIB;
    let place = |bytes: usize| tensor(bytes).data_ptr() as usize;
    let first = place(whole);
    assert_eq!(place(whole - whole / 10), first);
    assert_eq!(place(whole), first);
    assert_ne!(place(whole - whole / 7), first);
}
