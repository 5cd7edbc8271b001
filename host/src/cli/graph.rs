//! `thalweg graph`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::{Exit, open, print};
use crate::dataflow::Dataflow;
use crate::graph::{mermaid, svg};

/// What is drawn, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  thalweg graph dataflow.yaml
  thalweg graph dataflow.yaml --format html -o dataflow.html")]
pub struct Graph {
    /// A descriptor
    pub file: PathBuf,
    /// How to draw it
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    pub format: Format,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// The form of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A flowchart for Markdown
    Mermaid,
    /// An image that needs nothing else, for light and dark pages
    Svg,
    /// A page with the image
    Html,
}

/// Draws a dataflow. Its components are not read.
///
/// # Errors
///
/// When the descriptor is wrong, or the drawing cannot be written.
pub fn graph(graph: &Graph) -> anyhow::Result<Exit> {
    let dataflow = open::dataflow(&graph.file)?;
    let drawing = match graph.format {
        Format::Mermaid => mermaid(&dataflow),
        Format::Svg => svg(&dataflow),
        Format::Html => page(&graph.file, &dataflow),
    };
    match &graph.output {
        Some(path) => fs::write(path, drawing)
            .with_context(|| format!("cannot write `{}`", path.display()))?,
        None => print(&drawing)?,
    }
    Ok(Exit::Well)
}

fn page(path: &Path, dataflow: &Dataflow) -> String {
    let title = escaped(&path.file_stem().unwrap_or_default().to_string_lossy());
    let svg = svg(dataflow);
    format!(
        "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>{title}</title>
<style>
body{{margin:2rem;font:16px ui-sans-serif,system-ui,sans-serif;background:#fff;color:#1e293b}}
svg{{max-width:100%;height:auto}}
@media (prefers-color-scheme:dark){{body{{background:#0f172a;color:#e2e8f0}}}}
</style>
<h1>{title}</h1>
{svg}</html>
"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
