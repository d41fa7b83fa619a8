//! Batches made ahead, by threads of their own, while the networks are busy with the one before.
//!
//! At most so many batches lie ready or are being made; with the one in use, they bound the memory, whatever the size
//! of the data set. A batch that was prefetched and is not what is then asked for is dropped: what is made never
//! depends on what was prefetched.

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, Receiver};
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::render::{Photos, Request, Target};
use crate::error::{Error, Result};
use crate::torch::device::host_tensor;
use crate::torch::gpu::gpu_with_kernels;
use crate::views::gpu::WORDS;
use crate::views::size::values_of_views;

/// One view of each image of a batch, in the host's memory.
pub enum MadeView {
    /// Count × side × side × 3 normalised floats.
    Finished(Tensor),
    /// For a GPU to finish: count × side × side × 3 bytes, and the words() of each view, count × WORDS of int32.
    Crops { pixels: Tensor, words: Tensor },
}

/// A batch: its views, and which image each place holds.
pub struct Made {
    pub views: Vec<MadeView>,
    pub images: Vec<Option<u32>>,
}

struct Pending {
    request: Request,
    stop: Arc<AtomicBool>,
    made: Receiver<Result<Made>>,
}

/// Makes batches of one data set.
pub struct Loader {
    pub photos: Arc<Photos>,
    pool: Arc<rayon::ThreadPool>,
    /// The device that the views go to.
    device: Device,
    /// Batches that may be prefetched and not yet taken.
    depth: usize,
    pending: VecDeque<Pending>,
}

impl Loader {
    pub fn new(
        photos: Photos,
        pool: Arc<rayon::ThreadPool>,
        (device, depth): (Device, usize),
    ) -> Self {
        Self {
            photos: Arc::new(photos),
            pool,
            device,
            depth,
            pending: VecDeque::new(),
        }
    }

    /// Keeps some of the images, in their order. Fails after a batch was prefetched.
    pub fn keep(&mut self, images: &[u32]) -> Result<()> {
        let photos = Arc::get_mut(&mut self.photos)
            .ok_or_else(|| Error::invalid("Cannot limit images that are in use"))?;
        *photos = photos.of(images);
        Ok(())
    }

    /// Returns a loader of some of the images.
    pub fn of(&self, images: &[u32]) -> Self {
        let photos = self.photos.of(images);
        Self::new(photos, self.pool.clone(), (self.device, self.depth))
    }

    /// Prefetches a batch; those that are prefetched are to be taken in that order. False where there is no room: it
    /// will be made when it is asked for.
    pub fn prefetch(&mut self, request: Request) -> Result<bool> {
        if self.pending.iter().any(|one| one.request == request) {
            return Ok(true);
        }
        if self.pending.len() >= self.depth {
            return Ok(false);
        }
        let pending = self.start(request)?;
        self.pending.push_back(pending);
        Ok(true)
    }

    /// Returns the batch, as it was prefetched or made now.
    pub fn take(&mut self, request: Request) -> Result<Made> {
        while let Some(pending) = self.pending.pop_front() {
            if pending.request == request {
                return finish(&pending);
            }
            pending.stop.store(true, Ordering::Relaxed);
            // Its threads must be through before the next batch is theirs.
            let _ = finish(&pending);
        }
        let pending = self.start(request)?;
        finish(&pending)
    }

    fn start(&self, request: Request) -> Result<Pending> {
        let count = request.indices.len() as i64;
        let mut views = request
            .sides()
            .into_iter()
            .map(|side| {
                values_of_views(request.indices.len(), side)?;
                let shape = [count, side as i64, side as i64, 3];
                let host = |shape: &[i64], kind| host_tensor(shape, kind, self.device);
                // The kernels of a GPU take bytes.
                let is_for_gpu = self.device.is_cuda() && self.photos.range.is_none();
                Ok(match gpu_with_kernels().filter(|_| is_for_gpu) {
                    None => MadeView::Finished(host(&shape, Kind::Float)?),
                    Some(_) => MadeView::Crops {
                        pixels: host(&shape, Kind::Uint8)?,
                        words: host(&[count, WORDS as i64], Kind::Int)?,
                    },
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let (sender, made) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let (photos, asked, flag) = (self.photos.clone(), request.clone(), stop.clone());
        self.pool.spawn_fifo(move || {
            let body = || {
                let targets = views.iter_mut().map(target).collect();
                photos.render(&asked, targets, &flag)
            };
            let images = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
                Err(Error::invalid(
                    "Cannot make views: the thread that made them ended by itself",
                ))
            });
            // Nobody listens when the data set was closed meanwhile.
            let _ = sender.send(images.map(|images| Made { views, images }));
        });
        Ok(Pending {
            request,
            stop,
            made,
        })
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        for pending in &self.pending {
            pending.stop.store(true, Ordering::Relaxed);
        }
        for pending in &self.pending {
            let _ = finish(pending);
        }
    }
}

fn finish(pending: &Pending) -> Result<Made> {
    pending.made.recv().unwrap_or_else(|_| {
        Err(Error::invalid(
            "Cannot make views: the threads that make them have ended",
        ))
    })
}

fn target(view: &mut MadeView) -> Target<'_> {
    match view {
        MadeView::Finished(views) => Target::Views(memory(views, 1)),
        MadeView::Crops { pixels, words } => Target::Crops(memory(pixels, 1), memory(words, WORDS)),
    }
}

/// The memory of a contiguous tensor on the CPU that nobody else holds, as values of `T`, each of so many elements.
fn memory<T>(tensor: &mut Tensor, elements: usize) -> &mut [T] {
    let length = tensor.numel() / elements;
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), length) }
}
