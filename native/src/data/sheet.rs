//! A contact sheet: both views of a batch as one PNG, to be looked at.

use std::fs::File;
use std::io::BufWriter;

use serde::Deserialize;
use tch::{Kind, Tensor};

use super::dataset::Dataset;
use crate::error::{Error, Result};
use crate::views::kernels::Normalization;

/// Pairs of views in a row.
const COLUMNS: usize = 4;
/// Small views are enlarged, pixel by pixel, to at least this side.
const LEAST_SIDE: usize = 96;
/// Pixels between the two views of an image, and around each pair.
const GAP: usize = 2;
const MARGIN: usize = 10;
const BACKGROUND: u8 = 255;
/// More than anybody looks at.
const MAX_PAIRS: i64 = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SheetOptions {
    path: String,
}

/// Writes the current batch's views, four pairs a row, the first view on the left of each pair.
pub fn write_sheet(dataset: &Dataset, options: &SheetOptions) -> Result<()> {
    let views = &dataset.batch(2)?.views;
    let count = views[0].size()[0];
    if count > MAX_PAIRS {
        return Err(Error::invalid(format!(
            "Cannot draw a sheet of {count} pairs of views: expected at most {MAX_PAIRS}"
        )));
    }
    let pictures = [
        bytes_of(&views[0], &dataset.normalization)?,
        bytes_of(&views[1], &dataset.normalization)?,
    ];
    let size = views[0].size();
    let sheet = Sheet::new(size[0] as usize, size[2] as usize);
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

/// The layout of a sheet of `count` pairs of views.
struct Sheet {
    count: usize,
    side: usize,
    scale: usize,
    width: usize,
    height: usize,
}

impl Sheet {
    fn new(count: usize, side: usize) -> Self {
        let scale = LEAST_SIDE.div_ceil(side);
        let shown = side * scale;
        let (columns, rows) = (count.min(COLUMNS), count.div_ceil(COLUMNS));
        Self {
            count,
            side,
            scale,
            width: columns * (2 * shown + GAP + MARGIN) + MARGIN,
            height: rows * (shown + MARGIN) + MARGIN,
        }
    }

    /// The upper left corner of a view, as row and column.
    fn corner(&self, index: usize, view: usize) -> [usize; 2] {
        let shown = self.side * self.scale;
        [
            MARGIN + index / COLUMNS * (shown + MARGIN),
            MARGIN + index % COLUMNS * (2 * shown + GAP + MARGIN) + view * (shown + GAP),
        ]
    }

    fn draw(&self, pictures: &[Vec<u8>; 2]) -> Vec<u8> {
        let mut pixels = vec![BACKGROUND; 3 * self.width * self.height];
        let shown = self.side * self.scale;
        for (view, picture) in pictures.iter().enumerate() {
            for index in 0..self.count {
                let [top, left] = self.corner(index, view);
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
    fn a_sheet_read_again_holds_every_view_enlarged_at_its_corner() {
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
        let recipes = serde_json::json!({ "batchSize": 5, "view1": recipe, "view2": recipe });
        dataset
            .set_recipes(serde_json::from_value(recipes).unwrap())
            .unwrap();
        let path = std::env::temp_dir().join(format!("byol-sheet-{}.png", std::process::id()));
        let options = SheetOptions {
            path: path.display().to_string(),
        };
        assert!(
            write_sheet(&dataset, &options).is_err(),
            "no views were made yet"
        );
        dataset.make_views(1, 2, 0).unwrap();
        write_sheet(&dataset, &options).unwrap();

        let file = std::io::BufReader::new(File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(
            (info.color_type, info.bit_depth),
            (png::ColorType::Rgb, png::BitDepth::Eight)
        );
        // Three times 40 is the first multiple above 96; five pairs take two rows.
        assert_eq!([info.width, info.height], [4 * 252 + 10, 2 * 130 + 10]);

        let sheet = Sheet::new(5, 40);
        let mut drawn = 0;
        for view in 0..2 {
            let picture = bytes_of(
                &dataset.batch(2).unwrap().views[view],
                &dataset.normalization,
            )
            .unwrap();
            for index in 0..5 {
                let [top, left] = sheet.corner(index, view);
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
        assert_eq!(drawn, 2 * 5 * 120 * 120);
        assert!(pixels.iter().all(|&byte| byte == BACKGROUND));
    }
}
