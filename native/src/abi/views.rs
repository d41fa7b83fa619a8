//! Views and pixels without a data set, for another program to recompute.

use super::arguments::Json;
use super::results::Text;
use super::table::table;
use crate::checks::photos::{decode_files, DecodeOptions};
use crate::checks::views::{render_cases, write_samples, RenderOptions, SampleOptions};

table! {
    /// Renders given operations on a file's images into another file. Fails on a file that is
    /// damaged, and (Io) where one cannot be read or written.
    fn byol_views_render(options: Json<RenderOptions>) { render_cases(&options) }

    /// Writes parameters of views drawn with a recipe. Fails (Io) where the file cannot be written.
    fn byol_views_sample(options: Json<SampleOptions>) { write_samples(&options) }

    /// Decodes image files and returns the size and checksum of each, or why it cannot be decoded.
    /// Fails (Io) where one cannot be read, or its pixels not be written.
    fn byol_photos_decode(options: Json<DecodeOptions>) -> Text { decode_files(&options) }
}
