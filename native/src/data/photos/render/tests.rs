use std::fs;
use std::path::PathBuf;

use super::*;
use crate::data::photos::listing::Listing;
use crate::data::progress::Progress;

const SIDE: usize = 40;

/// A folder with a PNG of 16-bit gray, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, values: &[u16]) -> Self {
        let path = std::env::temp_dir().join(format!("byol-render-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let file = fs::File::create(path.join("a.png")).unwrap();
        let mut encoder = png::Encoder::new(file, SIDE as u32, SIDE as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Sixteen);
        let mut writer = encoder.write_header().unwrap();
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_be_bytes())
            .collect();
        writer.write_image_data(&bytes).unwrap();
        Self(path)
    }

    /// The test image of the folder, with values in [0, 1].
    fn view(&self, range: Option<[u16; 2]>) -> Vec<f32> {
        let listing = Listing::read(&self.0, None, &Progress::default()).unwrap();
        let photos = Photos {
            source: Arc::new(Source::Folder(listing)),
            bad: BadFiles::new(1, None),
            count: 1,
            kept: None,
            normalization: Normalization {
                mean: [0.0; 3],
                std: [1.0; 3],
            },
            range,
            decoded: AtomicU64::default(),
            few_grays: AtomicU64::default(),
        };
        let sides = CenterCrop {
            resize: SIDE,
            crop: SIDE,
        };
        let request = Request {
            indices: vec![0],
            views: Views::CenterCrops(sides),
            among: None,
        };
        let mut view = vec![0.0; SIDE * SIDE * 3];
        let targets = vec![Target::Views(&mut view)];
        let made = photos.render(&request, targets, &AtomicBool::new(false));
        assert_eq!(made.unwrap(), [Some(0)]);
        view
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn levels(view: &[f32]) -> usize {
    let mut bits: Vec<u32> = view.iter().map(|value| value.to_bits()).collect();
    bits.sort_unstable();
    bits.dedup();
    bits.len()
}

#[test]
fn values_of_12_bits_in_16_all_reach_the_view() {
    let values: Vec<u16> = (0..SIDE * SIDE)
        .map(|i| (i * 4095 / (SIDE * SIDE - 1)) as u16)
        .collect();
    let folder = Folder::new("bits", &values);
    // By the high byte sixteen grays are left.
    assert_eq!(levels(&folder.view(None)), 16);
    let view = folder.view(Some([0, 4095]));
    assert_eq!(levels(&view), SIDE * SIDE);
    for (pixel, value) in view.chunks_exact(3).zip(&values) {
        let expected = f32::from(*value) / 4095.0;
        assert!(pixel.iter().all(|found| (found - expected).abs() < 1e-5));
    }
}

#[test]
fn values_outside_the_range_are_cut() {
    let values: Vec<u16> = (0..SIDE * SIDE).map(|i| (i * 10) as u16).collect();
    let view = Folder::new("cut", &values).view(Some([1000, 9000]));
    for (pixel, value) in view.chunks_exact(3).zip(&values) {
        let expected = (f32::from(*value) - 1000.0) / 8000.0;
        assert!((pixel[0] - expected.clamp(0.0, 1.0)).abs() < 1e-5);
    }
}
