//! The tables: every exported function, one table a noun. One macro makes the `extern "C"`
//! functions and the description that src/native/symbols.gen.ts is generated from: both sides have
//! the same functions.
//!
//! Handles are arguments (`dataset: &mut Dataset`). A call fails with BadHandle where a handle is
//! that of no object, of another noun's, or given twice; with InvalidArgument where JSON is not
//! what the type expects, where a number is not finite, or where another thread's objects are
//! alive; the entries do not repeat that. What an entry takes by `&` it does not change, and the
//! caller keeps every object until it closes the handle.

pub mod arguments;
pub mod core;
pub mod dataset;
pub mod files;
mod guard;
pub mod handles;
pub mod learner;
pub mod probe;
pub mod ranks;
pub mod results;
pub mod run;
pub mod table;
#[cfg(test)]
mod tests;
pub mod views;

use table::Symbol;

/// Returns every exported function.
pub fn symbols() -> impl Iterator<Item = &'static Symbol> {
    let tables = [
        self::core::TABLE,
        dataset::TABLE,
        views::TABLE,
        learner::TABLE,
        probe::TABLE,
        ranks::TABLE,
        files::TABLE,
        run::TABLE,
    ];
    tables.into_iter().flatten()
}
