//! `thalweg schema`.

use super::{Exit, print};
use crate::descriptor::json_schema;

/// Prints the JSON Schema of descriptors.
///
/// # Errors
///
/// When it cannot be written.
pub fn schema() -> anyhow::Result<Exit> {
    print(&format!("{:#}\n", json_schema()))?;
    Ok(Exit::Well)
}
