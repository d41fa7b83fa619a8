//! Parts of a data set: the images that are kept, and those that are held out.

use super::Dataset;
use crate::data::hold_out::HoldOutOptions;
use crate::data::limit::{share_of_each_class, LimitOptions, LimitRule};
use crate::error::{Error, Result};

impl Dataset {
    /// Keeps some of the images, as if there were no others; the description's digest stays that of all. Fails on
    /// more images than there are, and after a batch was prefetched.
    pub fn limit(&mut self, options: &LimitOptions) -> Result<()> {
        let LimitOptions { count, rule } = *options;
        let all = self.labels.len();
        if count == 0 || count > all {
            let first = if rule == LimitRule::First {
                "the first "
            } else {
                ""
            };
            let held_out = match self.description["heldOut"].as_u64() {
                Some(held_out) => format!(", without the {held_out} held out"),
                None => String::new(),
            };
            return Err(Error::invalid(format!(
                "Cannot take {first}{count} images: the dataset has {all}{held_out}"
            )));
        }
        let kept = match (rule, &self.photos) {
            (LimitRule::First, _) | (_, None) => (0..count as u32).collect(),
            (LimitRule::Share, Some(loader)) => {
                let photos = &loader.photos;
                share_of_each_class(&self.labels, count, |index| photos.relative_name(index))
            }
        };
        self.keep(&kept)?;
        self.description["limit"] = rule.name().into();
        Ok(())
    }

    /// Takes some of the images out, and returns them as a data set of their own, with the digest of all. Fails where
    /// none would be held out or none left, and after a batch was prefetched.
    pub fn hold_out(&mut self, options: &HoldOutOptions) -> Result<Self> {
        let held = match &self.photos {
            Some(loader) => {
                let photos = &loader.photos;
                options.by_name(&self.labels, |index| photos.relative_name(index))?
            }
            None => options.last_of(self.labels.len())?,
        };
        let mut is_held = vec![false; self.labels.len()];
        for &index in &held {
            is_held[index as usize] = true;
        }
        let rest = (0..self.labels.len() as u32).filter(|&index| !is_held[index as usize]);
        let rest: Vec<u32> = rest.collect();
        let part = self.part(&held)?;
        self.keep(&rest)?;
        self.description["heldOut"] = held.len().into();
        Ok(part)
    }

    /// Some of the images as a data set of their own, in their order; of images in memory the last ones.
    fn part(&self, images: &[u32]) -> Result<Self> {
        let (all, count) = (self.labels.len(), images.len());
        let first = all - count;
        let (pixels, photos, resident) = match &self.photos {
            Some(loader) => (Vec::new(), Some(loader.of(images)), None),
            None => {
                let pixels = self.pixels[self.pixels.len() / all * first..].to_vec();
                let last = |images: &tch::Tensor| images.f_narrow(0, first as i64, count as i64);
                (pixels, None, self.resident.as_ref().map(last).transpose()?)
            }
        };
        let mut description = self.description.clone();
        description["count"] = count.into();
        Ok(Self {
            pixels,
            resident,
            photos,
            labels: self.labels_at(images),
            side: self.side,
            description,
            kind: self.kind,
            device: self.device,
            pool: self.pool.clone(),
            normalization: self.normalization,
            training: None,
            probe: None,
            shard: self.shard,
            order: None,
            subset: None,
            batch: None,
            sheet_images: None,
        })
    }

    /// Keeps some of the images; of images in memory the first ones.
    fn keep(&mut self, images: &[u32]) -> Result<()> {
        let (all, count) = (self.labels.len(), images.len());
        let labels = self.labels_at(images);
        if let Some(loader) = &mut self.photos {
            loader.keep(images)?;
        }
        self.pixels.truncate(self.pixels.len() / all * count);
        if let Some(images) = &mut self.resident {
            *images = images.f_narrow(0, 0, count as i64)?;
        }
        self.labels = labels;
        self.description["count"] = count.into();
        (self.order, self.subset, self.batch) = (None, None, None);
        self.sheet_images = None;
        Ok(())
    }

    fn labels_at(&self, images: &[u32]) -> Vec<u16> {
        let labels = images.iter().map(|&index| self.labels[index as usize]);
        labels.collect()
    }
}
