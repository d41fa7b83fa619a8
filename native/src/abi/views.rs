//! Views without a data set, for another program to recompute.

use super::arguments::Json;
use super::table::table;
use crate::checks::views::{render_cases, write_samples, RenderOptions, SampleOptions};

table! {
    /// Renders given operations on a file's images into another file. Fails on a file that is
    /// damaged, and (Io) where one cannot be read or written.
    fn byol_views_render(options: Json<RenderOptions>) { render_cases(&options) }

    /// Writes parameters of views drawn with a recipe. Fails (Io) where the file cannot be written.
    fn byol_views_sample(options: Json<SampleOptions>) { write_samples(&options) }
}
