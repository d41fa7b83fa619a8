//! A contact sheet: both views of a batch as one PNG, beside the images that they were made from.

use std::fs::File;
use std::io::BufWriter;

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::dataset::Dataset;
use crate::error::{Error, Result};
use crate::views::kernels::Normalization;

/// Images in a row.
const COLUMNS: usize = 4;
/// Small views are enlarged, pixel by pixel, to at least this side.
const LEAST_SIDE: usize = 96;
/// Pixels between the pictures of an image, and around them.
const GAP: usize = 2;
const MARGIN: usize = 10;
const BACKGROUND: u8 = 255;
/// More than anybody looks at.
const MAX_IMAGES: i64 = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SheetOptions {
    path: String,
}

/// Keeps the first views of the current batch, which a recipe that changes nothing has made, for the next sheet.
pub fn keep_images(dataset: &mut Dataset) -> Result<()> {
    let images = bytes_of(&dataset.training_batch()?.views[0], &dataset.normalization)?;
    dataset.sheet_images = Some(images);
    Ok(())
}

/// Writes the current batch's views, four images a row: the images that were kept for them, if any, then the
/// first view and the second. Drops the kept images. Fails on kept images of another size or number.
pub fn write_sheet(dataset: &mut Dataset, options: &SheetOptions) -> Result<()> {
    let images = dataset.sheet_images.take();
    let views = &dataset.training_batch()?.views;
    let count = views[0].size()[0];
    if count > MAX_IMAGES {
        return Err(Error::invalid(format!(
            "Cannot draw a sheet of {count} images: expected at most {MAX_IMAGES}"
        )));
    }
    let mut pictures: Vec<Vec<u8>> = images.into_iter().collect();
    for view in &views[..2] {
        pictures.push(bytes_of(view, &dataset.normalization)?);
    }
    if pictures
        .iter()
        .any(|one| one.len() != pictures[pictures.len() - 1].len())
    {
        return Err(Error::invalid(
            "Cannot draw a sheet: expected kept images of as many pixels as the views",
        ));
    }
    let size = views[0].size();
    let sheet = Sheet::new(pictures.len(), size[0] as usize, size[2] as usize);
    let failed =
        |error: String| Error::io(format!("Cannot write the sheet {}: {error}", options.path));
    let file = File::create(&options.path).map_err(|error| failed(error.to_string()))?;
    let mut encoder = png::Encoder::new(
        BufWriter::new(file),
        sheet.width as u32,
        sheet.height as u32,
    );
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&sheet.draw(&pictures))?;
        writer.finish()
    });
    written.map_err(|error| failed(error.to_string()))
}

/// Count × side × side × 3 bytes, as the views looked before they were normalised.
fn bytes_of(views: &Tensor, normalization: &Normalization) -> Result<Vec<u8>> {
    let views = views
        .f_to_kind(Kind::Float)?
        .f_permute([0, 2, 3, 1])?
        .f_contiguous()?;
    let mut values = vec![0f32; views.numel()];
    views.f_copy_data(&mut values, views.numel())?;
    let Normalization { mean, std } = normalization;
    let bytes = values.iter().enumerate().map(|(index, value)| {
        let channel = index % 3;
        ((value * std[channel] + mean[channel]) * 255.0).round() as u8
    });
    Ok(bytes.collect())
}

/// The layout of a sheet of `count` images with `across` pictures each.
struct Sheet {
    across: usize,
    count: usize,
    side: usize,
    scale: usize,
    width: usize,
    height: usize,
}

impl Sheet {
    fn new(across: usize, count: usize, side: usize) -> Self {
        let scale = LEAST_SIDE.div_ceil(side);
        let shown = side * scale;
        let (columns, rows) = (count.min(COLUMNS), count.div_ceil(COLUMNS));
        Self {
            across,
            count,
            side,
            scale,
            width: columns * (across * (shown + GAP) - GAP + MARGIN) + MARGIN,
            height: rows * (shown + MARGIN) + MARGIN,
        }
    }

    /// The upper left corner of a picture, as row and column.
    fn corner(&self, index: usize, picture: usize) -> [usize; 2] {
        let shown = self.side * self.scale;
        let group = self.across * (shown + GAP) - GAP + MARGIN;
        [
            MARGIN + index / COLUMNS * (shown + MARGIN),
            MARGIN + index % COLUMNS * group + picture * (shown + GAP),
        ]
    }

    fn draw(&self, pictures: &[Vec<u8>]) -> Vec<u8> {
        let mut pixels = vec![BACKGROUND; 3 * self.width * self.height];
        let shown = self.side * self.scale;
        for (place, picture) in pictures.iter().enumerate() {
            for index in 0..self.count {
                let [top, left] = self.corner(index, place);
                for row in 0..shown {
                    let source = (index * self.side + row / self.scale) * self.side;
                    let target = (top + row) * self.width + left;
                    for column in 0..shown {
                        let from = 3 * (source + column / self.scale);
                        let to = 3 * (target + column);
                        pixels[to..to + 3].copy_from_slice(&picture[from..from + 3]);
                    }
                }
            }
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_read_again_holds_every_image_and_view_enlarged_at_its_corner() {
        let options = serde_json::json!({
            "source": { "kind": "demo", "train": true, "count": 16 }, "dtype": "float32", "device": "cpu", "workers": 1,
            "mean": [0.4914, 0.4822, 0.4465], "std": [0.247, 0.243, 0.261],
        });
        let mut dataset = Dataset::open(serde_json::from_value(options).unwrap(), None).unwrap();
        let first = serde_json::json!({ "count": 5, "rule": "first" });
        dataset
            .limit(&serde_json::from_value(first).unwrap())
            .unwrap();
        let recipe = serde_json::json!({
            "cropSize": 40, "cropScale": [0.2, 1.0], "cropRatio": [0.75, 1.25], "flipProbability": 0.5,
            "jitterProbability": 0.8, "brightness": 0.4, "contrast": 0.4, "saturation": 0.2, "hue": 0.1,
            "grayscaleProbability": 0.2, "blurProbability": 0.5, "blurSigma": [0.1, 2.0], "blurKernel": 3,
            "solarizeProbability": 0.2, "solarizeThreshold": 0.5,
        });
        let mut whole = recipe.clone();
        whole["cropScale"] = serde_json::json!([1.0, 1.0]);
        for name in ["flip", "jitter", "grayscale", "blur", "solarize"] {
            whole[format!("{name}Probability")] = 0.0.into();
        }
        let with = |recipe: &serde_json::Value| {
            let recipes = serde_json::json!({ "batchSize": 5, "view1": recipe, "view2": recipe });
            serde_json::from_value(recipes).unwrap()
        };
        dataset.set_recipes(with(&whole)).unwrap();
        let path = std::env::temp_dir().join(format!("byol-sheet-{}.png", std::process::id()));
        let options = SheetOptions {
            path: path.display().to_string(),
        };
        assert!(
            write_sheet(&mut dataset, &options).is_err(),
            "no views were made yet"
        );
        dataset.make_views(1, 2, 0).unwrap();
        keep_images(&mut dataset).unwrap();
        let images = dataset.sheet_images.clone().unwrap();
        dataset.set_recipes(with(&recipe)).unwrap();
        dataset.make_views(1, 2, 0).unwrap();
        write_sheet(&mut dataset, &options).unwrap();
        assert!(dataset.sheet_images.is_none());

        let file = std::io::BufReader::new(File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(
            (info.color_type, info.bit_depth),
            (png::ColorType::Rgb, png::BitDepth::Eight)
        );
        // Three times 40 is the first multiple above 96; five images take two rows.
        assert_eq!([info.width, info.height], [4 * 374 + 10, 2 * 130 + 10]);

        let sheet = Sheet::new(3, 5, 40);
        let mut drawn = 0;
        let views = &dataset.batch(2).unwrap().views;
        let view = |at: usize| bytes_of(&views[at], &dataset.normalization).unwrap();
        for (place, picture) in [images, view(0), view(1)].iter().enumerate() {
            for index in 0..5 {
                let [top, left] = sheet.corner(index, place);
                for (row, column) in
                    (0..120).flat_map(|row| (0..120).map(move |column| (row, column)))
                {
                    let shown = 3 * ((top + row) * sheet.width + left + column);
                    let made = 3 * ((index * 40 + row / 3) * 40 + column / 3);
                    assert_eq!(pixels[shown..shown + 3], picture[made..made + 3]);
                    pixels[shown..shown + 3].fill(BACKGROUND);
                    drawn += 1;
                }
            }
        }
        assert_eq!(drawn, 3 * 5 * 120 * 120);
        assert!(pixels.iter().all(|&byte| byte == BACKGROUND));
    }
}
