//! Which augmentation a view gets: the one sampler that every implementation of the views shares.
//!
//! The distributions are those of torchvision's RandomResizedCrop, RandomHorizontalFlip, RandomApply(ColorJitter),
//! RandomGrayscale, RandomApply(GaussianBlur) and RandomSolarize.

use super::random::{DrawKey, Draws, Purpose, Stream};
use serde::{Deserialize, Deserializer, Serialize};

const CROP_ATTEMPTS: usize = 10;
/// The largest side of a view.
pub const MAX_SIDE: usize = 4096;
const MAX_STRENGTH: f64 = 1000.0;
/// Deviations that a float32 can square without losing them.
const BLUR_SIGMAS: [f64; 2] = [0.001, 1000.0];

/// A distribution of views: probabilities, strengths and ranges of one of the two views.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViewRecipe {
    /// Side of the square view, in pixels.
    pub crop_size: usize,
    /// Range of the crop's area as a share of the image's.
    pub crop_scale: [f64; 2],
    /// Range of the crop's width over its height.
    pub crop_ratio: [f64; 2],
    pub flip_probability: f64,
    pub jitter_probability: f64,
    pub brightness: f64,
    pub contrast: f64,
    pub saturation: f64,
    /// Largest shift of the hue, in turns, at most a half.
    pub hue: f64,
    pub grayscale_probability: f64,
    pub blur_probability: f64,
    /// Range of the blur's standard deviation, in pixels of the view.
    pub blur_sigma: [f64; 2],
    /// Side of the blur's kernel, odd.
    pub blur_kernel: usize,
    pub solarize_probability: f64,
    /// Values in [0, 1] from here up are inverted.
    pub solarize_threshold: f64,
}

impl ViewRecipe {
    /// Refuses what no view can be made with, by the name of the field.
    pub fn validate(&self) -> Result<(), String> {
        let probabilities = [
            ("flipProbability", self.flip_probability),
            ("jitterProbability", self.jitter_probability),
            ("grayscaleProbability", self.grayscale_probability),
            ("blurProbability", self.blur_probability),
            ("solarizeProbability", self.solarize_probability),
            ("solarizeThreshold", self.solarize_threshold),
        ];
        for (name, value) in probabilities {
            check(
                name,
                &value,
                (0.0..=1.0).contains(&value),
                "a number from 0 to 1",
            )?;
        }
        let strengths = [
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("saturation", self.saturation),
        ];
        for (name, value) in strengths {
            check(
                name,
                &value,
                (0.0..=MAX_STRENGTH).contains(&value),
                "a number from 0 to 1000",
            )?;
        }
        check(
            "hue",
            &self.hue,
            (0.0..=0.5).contains(&self.hue),
            "a number from 0 to 0.5",
        )?;

        let [low, high] = self.crop_scale;
        let fits = low > 0.0 && low <= high && high <= 1.0;
        check("cropScale", &self.crop_scale, fits, "0 < min ≤ max ≤ 1")?;
        let [low, high] = self.crop_ratio;
        let fits = low > 0.0 && low <= high && high.is_finite();
        check("cropRatio", &self.crop_ratio, fits, "0 < min ≤ max")?;
        let [low, high] = self.blur_sigma;
        let [least, most] = BLUR_SIGMAS;
        let fits = least <= low && low <= high && high <= most;
        check(
            "blurSigma",
            &self.blur_sigma,
            fits,
            "0.001 ≤ min ≤ max ≤ 1000",
        )?;

        let fits = (1..=MAX_SIDE).contains(&self.crop_size);
        check(
            "cropSize",
            &self.crop_size,
            fits,
            "an integer from 1 to 4096",
        )?;
        // A reflected border needs that many pixels beside the edge one.
        let fits = self.blur_kernel % 2 == 1 && self.blur_kernel / 2 < self.crop_size;
        check(
            "blurKernel",
            &self.blur_kernel,
            fits,
            "an odd integer below 2 · cropSize",
        )
    }
}

fn check(
    name: &str,
    value: &dyn std::fmt::Debug,
    fits: bool,
    expected: &str,
) -> Result<(), String> {
    if fits {
        return Ok(());
    }
    Err(format!(
        "Cannot make views with {name}={value:?}: expected {expected}"
    ))
}

/// The four colour operations, with the numbers that `Jitter::order` holds.
pub const BRIGHTNESS: u8 = 0;
pub const CONTRAST: u8 = 1;
pub const SATURATION: u8 = 2;
pub const HUE: u8 = 3;

/// Colour jitter: the factors and the order in which the four operations run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jitter {
    /// 0 brightness, 1 contrast, 2 saturation, 3 hue; first to last.
    pub order: [u8; 4],
    pub brightness: f32,
    pub contrast: f32,
    pub saturation: f32,
    /// Shift of the hue, in turns.
    pub hue: f32,
}

/// Everything that one view does to its image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ViewParameters {
    /// The crop box, in pixels of the image.
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
    pub flip: bool,
    #[serde(deserialize_with = "present")]
    pub jitter: Option<Jitter>,
    pub grayscale: bool,
    /// Standard deviation of the blur, in pixels of the view.
    #[serde(deserialize_with = "present")]
    pub blur_sigma: Option<f32>,
    /// Values in [0, 1] from here up are inverted.
    #[serde(deserialize_with = "present")]
    pub solarize: Option<f32>,
}

/// Null is a value here, but a missing field is an error: serde alone would take it for null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(d)
}

/// Which view is meant: everything its parameters depend on, beside the recipe and the image's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewKey {
    pub seed: u64,
    pub step: u64,
    /// Index in the dataset, not in the batch.
    pub sample: u64,
    pub view: u32,
}

/// The slot of the numbers that each parameter takes. Fixed for ever: a change of one probability must not move
/// another's draw.
#[repr(u32)]
enum Slot {
    Crop = 0,
    Flip = 1,
    JitterApplies = 2,
    JitterOrder = 3,
    Brightness = 4,
    Contrast = 5,
    Saturation = 6,
    Hue = 7,
    Grayscale = 8,
    BlurApplies = 9,
    BlurSigma = 10,
    Solarize = 11,
}

/// The parameters of one view of an image of `height` × `width` pixels.
pub fn sample_view(
    recipe: &ViewRecipe,
    key: ViewKey,
    height: usize,
    width: usize,
) -> ViewParameters {
    let stream = Stream::new(DrawKey {
        seed: key.seed,
        purpose: Purpose::View,
        step: key.step,
        sample: key.sample,
        view: key.view,
    });
    let draws = |slot: Slot| stream.slot(slot as u32);
    let applies = |slot: Slot, probability: f64| draws(slot).chance(probability);

    let [top, left, crop_height, crop_width] =
        sample_crop(recipe, &mut draws(Slot::Crop), height, width);
    let jitter = applies(Slot::JitterApplies, recipe.jitter_probability).then(|| {
        let factor = |slot: Slot, strength: f64| {
            draws(slot).uniform_in((1.0 - strength).max(0.0), 1.0 + strength) as f32
        };
        let mut order = [BRIGHTNESS, CONTRAST, SATURATION, HUE];
        draws(Slot::JitterOrder).shuffle(&mut order);
        Jitter {
            order,
            brightness: factor(Slot::Brightness, recipe.brightness),
            contrast: factor(Slot::Contrast, recipe.contrast),
            saturation: factor(Slot::Saturation, recipe.saturation),
            hue: draws(Slot::Hue).uniform_in(-recipe.hue, recipe.hue) as f32,
        }
    });
    let [sigma_min, sigma_max] = recipe.blur_sigma;
    ViewParameters {
        top,
        left,
        height: crop_height,
        width: crop_width,
        flip: applies(Slot::Flip, recipe.flip_probability),
        jitter,
        grayscale: applies(Slot::Grayscale, recipe.grayscale_probability),
        blur_sigma: applies(Slot::BlurApplies, recipe.blur_probability)
            .then(|| draws(Slot::BlurSigma).uniform_in(sigma_min, sigma_max) as f32),
        solarize: applies(Slot::Solarize, recipe.solarize_probability)
            .then_some(recipe.solarize_threshold as f32),
    }
}

/// RandomResizedCrop's box as [top, left, height, width]: ten attempts, then a central crop of allowed ratio.
fn sample_crop(recipe: &ViewRecipe, draws: &mut Draws, height: usize, width: usize) -> [usize; 4] {
    let [scale_min, scale_max] = recipe.crop_scale;
    let [ratio_min, ratio_max] = recipe.crop_ratio;
    let area = (height * width) as f64;
    for _ in 0..CROP_ATTEMPTS {
        let target = area * draws.uniform_in(scale_min, scale_max);
        let ratio = draws.uniform_in(ratio_min.ln(), ratio_max.ln()).exp();
        // Ties to even, as Python rounds.
        let w = (target * ratio).sqrt().round_ties_even() as usize;
        let h = (target / ratio).sqrt().round_ties_even() as usize;
        if (1..=width).contains(&w) && (1..=height).contains(&h) {
            let top = draws.below((height - h + 1) as u32) as usize;
            let left = draws.below((width - w + 1) as u32) as usize;
            return [top, left, h, w];
        }
    }
    let ratio = width as f64 / height as f64;
    let (h, w) = if ratio < ratio_min {
        ((width as f64 / ratio_min).round_ties_even() as usize, width)
    } else if ratio > ratio_max {
        (
            height,
            (height as f64 * ratio_max).round_ties_even() as usize,
        )
    } else {
        (height, width)
    };
    let (h, w) = (h.clamp(1, height), w.clamp(1, width));
    [(height - h) / 2, (width - w) / 2, h, w]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::HashMap;

    pub(crate) fn cifar_recipe() -> ViewRecipe {
        ViewRecipe {
            crop_size: 32,
            crop_scale: [0.2, 1.0],
            crop_ratio: [3.0 / 4.0, 4.0 / 3.0],
            flip_probability: 0.5,
            jitter_probability: 0.8,
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.2,
            hue: 0.1,
            grayscale_probability: 0.2,
            blur_probability: 0.1,
            blur_sigma: [0.1, 2.0],
            blur_kernel: 3,
            solarize_probability: 0.2,
            solarize_threshold: 128.0 / 255.0,
        }
    }

    fn key(sample: u64) -> ViewKey {
        ViewKey {
            seed: 3,
            step: 5,
            sample,
            view: 1,
        }
    }

    fn many(recipe: &ViewRecipe, height: usize, width: usize) -> Vec<ViewParameters> {
        (0..10_000)
            .map(|sample| sample_view(recipe, key(sample), height, width))
            .collect()
    }

    /// Kolmogorov–Smirnov against the uniform distribution on [low, high], p > 0.001.
    fn assert_uniform(mut values: Vec<f64>, low: f64, high: f64) {
        values.sort_by(f64::total_cmp);
        let n = values.len() as f64;
        let distance = values
            .iter()
            .enumerate()
            .map(|(i, v)| {
                let p = (v - low) / (high - low);
                (p - i as f64 / n).abs().max((p - (i + 1) as f64 / n).abs())
            })
            .fold(0.0, f64::max);
        assert!(
            distance * n.sqrt() < 1.95,
            "distance {distance} of {n} values"
        );
    }

    fn share(views: &[ViewParameters], is: impl Fn(&ViewParameters) -> bool) -> f64 {
        views.iter().filter(|v| is(v)).count() as f64 / views.len() as f64
    }

    #[test]
    fn factors_are_uniform_in_their_ranges() {
        let views = many(&cifar_recipe(), 32, 32);
        let of = |f: fn(&Jitter) -> f32| -> Vec<f64> {
            views
                .iter()
                .filter_map(|v| v.jitter.as_ref().map(|j| f64::from(f(j))))
                .collect()
        };
        assert_uniform(of(|j| j.brightness), 0.6, 1.4);
        assert_uniform(of(|j| j.contrast), 0.6, 1.4);
        assert_uniform(of(|j| j.saturation), 0.8, 1.2);
        assert_uniform(of(|j| j.hue), -0.1, 0.1);
        let sigmas = views
            .iter()
            .filter_map(|v| v.blur_sigma.map(f64::from))
            .collect();
        assert_uniform(sigmas, 0.1, 2.0);
    }

    #[test]
    fn strong_factors_stop_at_zero() {
        let recipe = ViewRecipe {
            brightness: 1.5,
            jitter_probability: 1.0,
            ..cifar_recipe()
        };
        let views = many(&recipe, 32, 32);
        let values = views
            .iter()
            .filter_map(|v| v.jitter.map(|j| f64::from(j.brightness)));
        assert_uniform(values.collect(), 0.0, 2.5);
    }

    #[test]
    fn operations_apply_as_often_as_asked() {
        // Within 3.5 standard deviations of 10,000 draws.
        let views = many(&cifar_recipe(), 32, 32);
        let near = |value: f64, p: f64| {
            let tolerance = 3.5 * (p * (1.0 - p) / 10_000.0).sqrt();
            assert!((value - p).abs() < tolerance, "{value} is not {p}");
        };
        near(share(&views, |v| v.flip), 0.5);
        near(share(&views, |v| v.jitter.is_some()), 0.8);
        near(share(&views, |v| v.grayscale), 0.2);
        near(share(&views, |v| v.blur_sigma.is_some()), 0.1);
        near(share(&views, |v| v.solarize.is_some()), 0.2);
        // Independent of each other.
        near(share(&views, |v| v.flip && v.grayscale), 0.1);
        near(
            share(&views, |v| v.blur_sigma.is_some() && v.solarize.is_some()),
            0.02,
        );
    }

    #[test]
    fn all_orders_of_the_jitter_are_equally_likely() {
        let mut counts: HashMap<[u8; 4], f64> = HashMap::new();
        let views = many(
            &ViewRecipe {
                jitter_probability: 1.0,
                ..cifar_recipe()
            },
            32,
            32,
        );
        for jitter in views.iter().filter_map(|v| v.jitter) {
            *counts.entry(jitter.order).or_default() += 1.0;
        }
        assert_eq!(counts.len(), 24);
        let expected = 10_000.0 / 24.0;
        let chi: f64 = counts
            .values()
            .map(|c| (c - expected).powi(2) / expected)
            .sum();
        // 23 degrees of freedom, p = 0.001.
        assert!(chi < 49.73, "{chi}");
    }

    #[test]
    fn crops_have_log_uniform_ratio_and_uniform_area() {
        // On a large image rounding does not show; a narrow scale never fails, so the law is exact.
        let recipe = ViewRecipe {
            crop_scale: [0.1, 0.5],
            ..cifar_recipe()
        };
        let views = many(&recipe, 4000, 4000);
        let area = views.iter().map(|v| (v.height * v.width) as f64 / 16e6);
        assert_uniform(area.collect(), 0.1, 0.5);
        let ratio = views
            .iter()
            .map(|v| (v.width as f64 / v.height as f64).ln());
        assert_uniform(ratio.collect(), (3.0f64 / 4.0).ln(), (4.0f64 / 3.0).ln());
        let top = views
            .iter()
            .map(|v| v.top as f64 / (4000 - v.height) as f64);
        assert_uniform(top.collect(), 0.0, 1.0);
        let left = views
            .iter()
            .map(|v| v.left as f64 / (4000 - v.width) as f64);
        assert_uniform(left.collect(), 0.0, 1.0);
    }

    #[test]
    fn crops_stay_inside_the_image_and_reach_its_edges() {
        for (height, width) in [(32, 32), (1, 1), (500, 30), (30, 500), (7, 5)] {
            let recipe = ViewRecipe {
                crop_scale: [0.08, 1.0],
                ..cifar_recipe()
            };
            let views = many(&recipe, height, width);
            assert!(views.iter().all(|v| v.height >= 1 && v.width >= 1));
            assert!(views
                .iter()
                .all(|v| v.top + v.height <= height && v.left + v.width <= width));
            if height > 10 * width || width > 10 * height {
                continue; // Hardly any crop but the central one fits.
            }
            assert!(views.iter().any(|v| v.top == 0) && views.iter().any(|v| v.left == 0));
            assert!(views.iter().any(|v| v.top + v.height == height));
            assert!(views.iter().any(|v| v.left + v.width == width));
        }
    }

    #[test]
    fn an_image_too_narrow_for_any_crop_gives_the_central_one() {
        let recipe = ViewRecipe {
            crop_scale: [1.0, 1.0],
            ..cifar_recipe()
        };
        let wide = sample_view(&recipe, key(0), 30, 300);
        assert_eq!(
            [wide.top, wide.left, wide.height, wide.width],
            [0, 130, 30, 40]
        );
        let tall = sample_view(&recipe, key(0), 301, 30);
        assert_eq!(
            [tall.top, tall.left, tall.height, tall.width],
            [130, 0, 40, 30]
        );
    }

    #[test]
    fn a_changed_probability_leaves_every_other_draw_alone() {
        let before = many(
            &ViewRecipe {
                jitter_probability: 1.0,
                ..cifar_recipe()
            },
            32,
            32,
        );
        let changed = ViewRecipe {
            flip_probability: 1.0,
            jitter_probability: 0.5,
            grayscale_probability: 0.9,
            blur_probability: 0.5,
            ..cifar_recipe()
        };
        let after = many(&changed, 32, 32);
        for (a, b) in before.iter().zip(&after) {
            assert_eq!(
                (a.top, a.left, a.height, a.width),
                (b.top, b.left, b.height, b.width)
            );
            assert!(b.jitter.is_none() || b.jitter == a.jitter);
            assert!(a.blur_sigma.is_none() || a.blur_sigma == b.blur_sigma);
            assert!(!a.grayscale || b.grayscale);
            assert_eq!(a.solarize, b.solarize);
        }
    }

    #[test]
    fn every_part_of_the_key_gives_another_view() {
        let recipe = cifar_recipe();
        let base = sample_view(&recipe, key(0), 224, 224);
        assert_eq!(base, sample_view(&recipe, key(0), 224, 224));
        let others = [
            ViewKey { seed: 4, ..key(0) },
            ViewKey { step: 6, ..key(0) },
            ViewKey {
                sample: 1,
                ..key(0)
            },
            ViewKey { view: 0, ..key(0) },
        ];
        for other in others {
            assert_ne!(base, sample_view(&recipe, other, 224, 224), "{other:?}");
        }
    }

    #[test]
    #[allow(clippy::too_many_lines)]
    fn recipes_are_checked_field_by_field() {
        assert_eq!(cifar_recipe().validate(), Ok(()));
        let bad = [
            (
                "cropSize",
                ViewRecipe {
                    crop_size: 0,
                    ..cifar_recipe()
                },
            ),
            (
                "cropScale",
                ViewRecipe {
                    crop_scale: [0.0, 1.0],
                    ..cifar_recipe()
                },
            ),
            (
                "cropScale",
                ViewRecipe {
                    crop_scale: [0.5, 0.2],
                    ..cifar_recipe()
                },
            ),
            (
                "cropRatio",
                ViewRecipe {
                    crop_ratio: [-1.0, 1.0],
                    ..cifar_recipe()
                },
            ),
            (
                "flipProbability",
                ViewRecipe {
                    flip_probability: 1.1,
                    ..cifar_recipe()
                },
            ),
            (
                "jitterProbability",
                ViewRecipe {
                    jitter_probability: f64::NAN,
                    ..cifar_recipe()
                },
            ),
            (
                "brightness",
                ViewRecipe {
                    brightness: -0.1,
                    ..cifar_recipe()
                },
            ),
            (
                "contrast",
                ViewRecipe {
                    contrast: f64::INFINITY,
                    ..cifar_recipe()
                },
            ),
            (
                "saturation",
                ViewRecipe {
                    saturation: f64::NAN,
                    ..cifar_recipe()
                },
            ),
            (
                "hue",
                ViewRecipe {
                    hue: 0.6,
                    ..cifar_recipe()
                },
            ),
            (
                "grayscaleProbability",
                ViewRecipe {
                    grayscale_probability: -1.0,
                    ..cifar_recipe()
                },
            ),
            (
                "blurProbability",
                ViewRecipe {
                    blur_probability: 2.0,
                    ..cifar_recipe()
                },
            ),
            (
                "blurSigma",
                ViewRecipe {
                    blur_sigma: [0.0, 1.0],
                    ..cifar_recipe()
                },
            ),
            (
                "blurSigma",
                // Zero as a float32: the blur would divide 0 by 0.
                ViewRecipe {
                    blur_sigma: [1e-300, 1e-300],
                    ..cifar_recipe()
                },
            ),
            (
                "contrast",
                ViewRecipe {
                    contrast: 1e300,
                    ..cifar_recipe()
                },
            ),
            (
                "cropSize",
                ViewRecipe {
                    crop_size: usize::MAX,
                    ..cifar_recipe()
                },
            ),
            (
                "blurKernel",
                ViewRecipe {
                    blur_kernel: 4,
                    ..cifar_recipe()
                },
            ),
            (
                "blurKernel",
                ViewRecipe {
                    blur_kernel: 65,
                    ..cifar_recipe()
                },
            ),
            (
                "solarizeProbability",
                ViewRecipe {
                    solarize_probability: 7.0,
                    ..cifar_recipe()
                },
            ),
            (
                "solarizeThreshold",
                ViewRecipe {
                    solarize_threshold: 128.0,
                    ..cifar_recipe()
                },
            ),
        ];
        for (field, recipe) in bad {
            let message = recipe.validate().unwrap_err();
            assert!(message.contains(&format!(" {field}=")), "{message}");
        }
    }

    #[test]
    fn json_is_camel_case_complete_and_strict() {
        let text = serde_json::to_string(&cifar_recipe()).unwrap();
        assert!(text.contains("\"cropSize\":32") && text.contains("\"blurSigma\":[0.1,2.0]"));
        assert_eq!(
            serde_json::from_str::<ViewRecipe>(&text).unwrap(),
            cifar_recipe()
        );
        let unknown = text.replacen('{', "{\"rotation\":1,", 1);
        let message = serde_json::from_str::<ViewRecipe>(&unknown)
            .unwrap_err()
            .to_string();
        assert!(message.contains("rotation"), "{message}");

        let recipe = ViewRecipe {
            jitter_probability: 1.0,
            ..cifar_recipe()
        };
        let view = sample_view(&recipe, key(0), 32, 32);
        let text = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<ViewParameters>(&text).unwrap(), view);
        let short = r#"{"top":0,"left":0,"height":1,"width":1,"flip":false,"jitter":null,
            "grayscale":false,"solarize":null}"#;
        let message = serde_json::from_str::<ViewParameters>(short)
            .unwrap_err()
            .to_string();
        assert!(message.contains("blurSigma"), "{message}");
    }
}
