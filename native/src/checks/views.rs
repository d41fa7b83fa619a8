//! Values of the views that another program recomputes: given operations on given images, drawn parameters, and a
//! training batch with its images and parameters. All by the code that trains. Cold: nothing of a run calls this.

use std::fs;
use std::io::{Read, Write};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Deserialize;
use tch::Kind;

use crate::checkpoint::open_plain;
use crate::data::dataset::{Dataset, DrawnView};
use crate::error::{Error, Result};
use crate::formats::header::Header;
use crate::views::kernels::{CenterCrop, ImageRef, Normalization, Renderer};
use crate::views::recipe::{sample_view, ViewKey, ViewParameters, ViewRecipe};
use crate::views::size::room_for_views;

/// The largest file of images: these checks are for some hundred.
const MAX_IMAGES_BYTES: u64 = 1 << 30;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RenderOptions {
    /// A safetensors file of uint8: `images`, count × 3 × height × width, or one tensor 3 × height × width an image.
    images: String,
    /// The file that `views` go to: float32, cases × 3 × cropSize × cropSize.
    path: String,
    crop_size: usize,
    blur_kernel: usize,
    /// Null, both: the views stay in [0, 1].
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
    cases: Vec<Case>,
}

/// One view: a training view by its parameters, or the test transform by the side it resizes to.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    name: String,
    /// Position in the file, tensors in the order of their names.
    image: usize,
    parameters: Option<ViewParameters>,
    resize: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SampleOptions {
    path: String,
    recipe: ViewRecipe,
    seed: u64,
    step: u64,
    view: u32,
    /// One draw for each of the samples 0 … count − 1.
    count: u64,
    height: usize,
    width: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchOptions {
    path: String,
    seed: u64,
    step: u64,
    /// 0 or 1.
    view: u32,
}

/// Renders each case.
pub fn render_cases(options: &RenderOptions) -> Result<()> {
    let bytes = read_images(&options.images)?;
    let images = images_of(&bytes, &options.images)?;
    let size = options.crop_size;
    if !(1..=4096).contains(&size) {
        return Err(Error::invalid(format!(
            "Cannot render views with cropSize={size}: expected 1 to 4096"
        )));
    }
    let normalization = Normalization {
        mean: options.mean.unwrap_or([0.0; 3]),
        std: options.std.unwrap_or([1.0; 3]),
    };
    let mut renderer = Renderer::default();
    let mut view = room_for_views(1, size)?;
    let mut views = room_for_views(options.cases.len(), size)?;
    views.clear();
    for (number, case) in options.cases.iter().enumerate() {
        let wrong = |what: String| {
            Error::invalid(format!(
                "Cannot render case {number}, {}: {what}",
                case.name
            ))
        };
        let image = *images.get(case.image).ok_or_else(|| {
            wrong(format!(
                "there are {} images, none {}",
                images.len(),
                case.image
            ))
        })?;
        let rendered = match (&case.parameters, case.resize) {
            (Some(parameters), None) => renderer.render(
                image,
                parameters,
                size,
                options.blur_kernel,
                &normalization,
                &mut view,
            ),
            (None, Some(resize)) => {
                let sides = CenterCrop { resize, crop: size };
                renderer.render_center_crop(image, sides, &normalization, &mut view)
            }
            _ => Err("expected either parameters or resize".to_owned()),
        };
        rendered.map_err(wrong)?;
        // As PyTorch has them: each channel whole.
        views.extend((0..3).flat_map(|channel| view[channel..].iter().step_by(3)));
    }
    let shape = vec![options.cases.len(), 3, size, size];
    write(
        &options.path,
        &[("views", Dtype::F32, shape, float_bytes(&views))],
    )
}

fn read_images(path: &str) -> Result<Vec<u8>> {
    let failed =
        |error: std::io::Error| Error::io(format!("Cannot read the images {path}: {error}"));
    let wrong = |what: String| Error::invalid(format!("Cannot read the images {path}: {what}"));
    let (file, length) = open_plain(path).map_err(failed)?;
    if length > MAX_IMAGES_BYTES {
        return Err(wrong(format!(
            "it has {length} bytes, expected at most {MAX_IMAGES_BYTES}"
        )));
    }
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    // The strict reader first: what it has passed, the library reads without a surprise.
    Header::read(bytes.as_slice(), bytes.len() as u64).map_err(|error| wrong(error.to_string()))?;
    Ok(bytes)
}

/// Writes parameters drawn with a recipe, one JSON object a line.
pub fn write_samples(options: &SampleOptions) -> Result<()> {
    options.recipe.validate().map_err(Error::invalid)?;
    for (name, value, most) in [
        ("count", options.count, 1_000_000),
        ("height", options.height as u64, 65_535),
        ("width", options.width as u64, 65_535),
    ] {
        if !(1..=most).contains(&value) {
            return Err(Error::invalid(format!(
                "Cannot draw parameters with {name}={value}: expected 1 to {most}"
            )));
        }
    }
    let mut lines = Vec::new();
    for sample in 0..options.count {
        let key = ViewKey {
            seed: options.seed,
            step: options.step,
            sample,
            view: options.view,
        };
        let drawn = sample_view(&options.recipe, key, options.height, options.width);
        serde_json::to_writer(&mut lines, &drawn)
            .and_then(|()| lines.write_all(b"\n").map_err(serde_json::Error::io))
            .map_err(|error| Error::invalid(format!("Cannot write parameters: {error}")))?;
    }
    fs::write(&options.path, lines).map_err(|error| failed(&options.path, &error))
}

/// Makes a step's views as training does, and writes one of the two: `images`, `views`, and as the result the cases
/// that would make these views of these images.
pub fn write_batch(dataset: &mut Dataset, options: &BatchOptions) -> Result<String> {
    let [first, second] = dataset.drawn(options.seed, options.step)?;
    let DrawnView {
        recipe,
        indices,
        parameters,
    } = match options.view {
        0 => first,
        1 => second,
        other => {
            return Err(Error::invalid(format!(
                "Cannot write view {other}: expected 0 or 1"
            )))
        }
    };
    dataset.make_views(options.seed, options.step, 0)?;
    let views = &dataset.training_batch()?.views[options.view as usize];
    let views = views.f_to_kind(Kind::Float)?.f_contiguous()?;
    let shape: Vec<usize> = views.size().iter().map(|&size| size as usize).collect();
    let mut floats = vec![0u8; views.numel() * 4];
    views.f_copy_data_u8(&mut floats, views.numel())?;
    let (images, image_shape) = dataset.images_at(&indices);
    let image_shape = [&[indices.len()], &image_shape[..]].concat();
    write(
        &options.path,
        &[
            ("images", Dtype::U8, image_shape, images),
            ("views", Dtype::F32, shape, floats),
        ],
    )?;
    let Normalization { mean, std } = dataset.normalization;
    let cases: Vec<_> = parameters
        .iter()
        .enumerate()
        .map(|(image, parameters)| {
            serde_json::json!({ "name": format!("view {}", options.view + 1), "image": image, "parameters": parameters })
        })
        .collect();
    Ok(serde_json::json!({
        "cropSize": recipe.crop_size, "blurKernel": recipe.blur_kernel, "mean": mean, "std": std, "cases": cases,
    })
    .to_string())
}

/// The tensor `images`, image by image; where there is none, the tensors `image.…`, in the order of their names.
fn images_of<'a>(bytes: &'a [u8], path: &str) -> Result<Vec<ImageRef<'a>>> {
    let wrong = |what: String| Error::invalid(format!("Cannot read the images {path}: {what}"));
    let file = SafeTensors::deserialize(bytes).map_err(|error| wrong(format!("{error:?}")))?;
    let mut tensors = file.tensors();
    let stacked = tensors.iter().any(|(name, _)| name == "images");
    tensors.retain(|(name, _)| {
        if stacked {
            name == "images"
        } else {
            name.starts_with("image.")
        }
    });
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let mut images = Vec::new();
    for (name, tensor) in tensors {
        let (Dtype::U8, [3, height, width] | [_, 3, height, width]) =
            (tensor.dtype(), tensor.shape())
        else {
            return Err(wrong(format!(
                "{name} is {:?} {:?}, expected U8 with three channels",
                tensor.dtype(),
                tensor.shape()
            )));
        };
        let (height, width) = (*height, *width);
        let sides = [3, height, width].into_iter();
        let size = sides.fold(1, usize::saturating_mul).max(1);
        images.extend(tensor.data().chunks_exact(size).map(|pixels| ImageRef {
            pixels,
            height,
            width,
        }));
    }
    Ok(images)
}

type Stored<'a> = (&'a str, Dtype, Vec<usize>, Vec<u8>);

fn write(path: &str, tensors: &[Stored]) -> Result<()> {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| {
            Ok((*name, TensorView::new(*dtype, shape.clone(), data)?))
        })
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>();
    let bytes = views.and_then(|views| safetensors::serialize(views, None));
    let bytes =
        bytes.map_err(|error| Error::invalid(format!("Cannot encode the views: {error}")))?;
    fs::write(path, bytes).map_err(|error| failed(path, &error))
}

fn failed(path: &str, error: &std::io::Error) -> Error {
    Error::io(format!("Cannot write {path}: {error}"))
}

fn float_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
