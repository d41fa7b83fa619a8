//! The kernels, run by the processor (shim/gpu/emulator.cpp), for the tests.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_uint, c_void, CStr, CString};
use std::marker::PhantomData;

use torch_sys::C_tensor;

use super::{Gpu, Kernels, Launch};
use crate::error::{Result, Status};
use crate::torch::shim::{checked, Message};

extern "C" {
    fn byol_emulated_launch(
        name: *const c_char,
        across: c_uint,
        down: c_uint,
        threads: c_uint,
        arguments: *mut *mut c_void,
        error: Message,
    ) -> c_int;
}

thread_local! {
    static GPU: Cell<Option<&'static Gpu>> = const { Cell::new(None) };
}

/// Returns the emulated kernels of this thread.
pub fn of_thread() -> Option<&'static Gpu> {
    GPU.get()
}

/// Gives this thread's networks the emulated kernels for tensors of the processor, until it is dropped.
pub struct Emulated {
    pub gpu: &'static Gpu,
    // The kernels are this thread's.
    here: PhantomData<*const ()>,
}

impl Emulated {
    /// Blocks of `threads` threads, `blocks` of them along the rows; 0: as the number of rows asks for.
    pub fn begin(threads: u32, blocks: u32) -> Self {
        Self::by(byol_emulated_launch, (threads, blocks))
    }

    /// By another function that runs kernels.
    pub fn by(launch: Launch, (threads, blocks): (u32, u32)) -> Self {
        // What autograd keeps of the kernels may be used as long as the process lives.
        let gpu = Box::leak(Box::new(Gpu {
            load_kernels: no_kernels,
            kernels: Kernels {
                launch,
                threads,
                blocks,
            },
            views: no_views,
            graph_begin: no_graph,
            graph_end: no_call,
            graph_replay: no_call,
            graph_close: nothing,
        }));
        GPU.set(Some(gpu));
        Self {
            gpu,
            here: PhantomData,
        }
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        GPU.set(None);
    }
}

/// Runs one kernel, whose arguments the pointers lead to.
pub fn run(
    name: &str,
    (across, down): (u32, u32),
    threads: u32,
    arguments: &mut [*mut c_void],
) -> Result<()> {
    let name = CString::new(name).expect("a name");
    checked(Status::Torch, |error| unsafe {
        let arguments = arguments.as_mut_ptr();
        byol_emulated_launch(name.as_ptr(), across, down, threads, arguments, error)
    })
}

/// Kernels that were launched, and the bytes that they move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub launches: u64,
    /// Of activations, learned numbers and their gradients, read and written.
    pub bytes: u64,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { launches: 0, bytes: 0 }) };
}

/// Kernels that are counted and not run, until it is dropped: their results are whatever lay in memory.
pub struct Counted {
    _emulated: Emulated,
}

impl Counted {
    pub fn begin() -> Self {
        COUNTS.set(Counts::default());
        Self {
            _emulated: Emulated::by(count, (256, 0)),
        }
    }

    /// Those since the beginning.
    pub fn counts(&self) -> Counts {
        COUNTS.get()
    }
}

/// Arguments of a kernel of activations that lie in memory value by value, and masks of a byte for each pack of 16 bytes.
/// Rows and channels stand at `rows` and behind it.
struct Moved {
    activations: &'static [usize],
    masks: &'static [usize],
    rows: usize,
}

impl Moved {
    fn of(kernel: &str) -> Option<Self> {
        let (activations, masks, rows): (&[usize], &[usize], usize) = match kernel {
            "statistics" => (&[0], &[], 1),
            "normalise" => (&[0, 1, 3], &[4], 5),
            "gradient_sums" => (&[0, 1, 3, 9], &[2], 5),
            "input_gradient" => (&[0, 1, 3, 5], &[2], 6),
            _ => return None,
        };
        Some(Self {
            activations,
            masks,
            rows,
        })
    }
}

/// Readings and writings of each learned number by a kernel of many tensors.
fn passes_over_learned(kernel: &str) -> u64 {
    match kernel {
        "lars_norms" => 2,
        "lars_step" => 5,
        "move_average" => 3,
        _ => 0,
    }
}

unsafe extern "C" fn count(
    name: *const c_char,
    _: c_uint,
    _: c_uint,
    _: c_uint,
    arguments: *mut *mut c_void,
    _: Message,
) -> c_int {
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    let (kernel, kind) = name.rsplit_once('_').unwrap_or((&name, ""));
    let mut counts = COUNTS.get();
    counts.launches += 1;
    let passes = passes_over_learned(&name);
    if passes > 0 {
        // The tensors' elements stand first in the first argument (shim/gpu/tensors.h).
        counts.bytes += passes * 4 * unsafe { *(*arguments).cast::<i64>() } as u64;
    }
    if let Some(moved) = Moved::of(kernel) {
        let value = |at: usize| unsafe { *arguments.add(at) };
        let given = |at: &&usize| unsafe { !(*value(**at).cast::<*mut c_void>()).is_null() };
        let [rows, channels] = unsafe {
            let channels = *value(moved.rows + 1).cast::<c_int>();
            [*value(moved.rows).cast::<i64>() as u64, channels as u64]
        };
        let bytes = rows * channels * if kind == "float32" { 4 } else { 2 };
        let number = |list: &[usize]| list.iter().filter(given).count() as u64;
        counts.bytes += number(moved.activations) * bytes + number(moved.masks) * bytes / 16;
    }
    COUNTS.set(counts);
    0
}

unsafe extern "C" fn no_views(
    _: *const C_tensor,
    _: *const C_tensor,
    _: bool,
    _: i64,
    _: i64,
    _: *const f32,
    _: *const f32,
    _: *mut *mut C_tensor,
    _: Message,
) -> c_int {
    1
}

unsafe extern "C" fn no_graph(_: *mut *mut c_void, _: Message) -> c_int {
    1
}

unsafe extern "C" fn no_kernels(_: *const u8, _: c_int, _: Message) -> c_int {
    1
}

unsafe extern "C" fn no_call(_: *mut c_void, _: Message) -> c_int {
    1
}

unsafe extern "C" fn nothing(_: *mut c_void) {}
