//! `thalweg inspect`.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;
use serde_json::{Value, json};

use super::open::Rejection;
use super::text::{BAD, BOLD, DIM, error_text, styled, visible};
use super::{Exit, print};
use crate::component::{Inspection, World};

/// What is looked at.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  thalweg inspect node.wasm
  thalweg inspect node.wasm --json

The component is not compiled: `thalweg check` does that. The grants are what it may use: the standard
libraries of most languages import more than a program needs, and what is not granted is refused
only when it is used.")]
pub struct Inspect {
    /// A component
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// A field of `grants`, and what it is for.
type Grant = (&'static str, &'static str);

/// Interfaces by the beginning of their names, and the grants that give them a meaning.
const GRANTS: [(&str, &[Grant]); 5] = [
    (
        "wasi:filesystem/",
        &[
            ("read: { /data: ./data }", "folders that it may read"),
            ("write: { /out: ./out }", "folders that it may also write"),
        ],
    ),
    ("wasi:cli/environment", &[("env: [NAME]", "variables of the host")]),
    ("wasi:cli/stdin", &[("stdio: inherit", "the host's own standard streams")]),
    (
        "wasi:sockets/network",
        &[
            ("connect: [\"10.0.0.1:80\"]", "where it may connect to"),
            ("listen: [\"127.0.0.1:8080\"]", "where it may listen"),
        ],
    ),
    ("wasi:sockets/ip-name-lookup", &[("name_lookup: true", "it may look up names")]),
];

/// Shows what a component says about itself.
///
/// # Errors
///
/// When it is none, or when nothing can be written.
pub fn inspect(inspect: &Inspect) -> anyhow::Result<Exit> {
    let rejection =
        |problem| Rejection(error_text(&format!("`{}`: {problem}", inspect.file.display())));
    let inspection = Inspection::of_file(&inspect.file).map_err(rejection)?;
    if inspect.json {
        print(&format!("{:#}\n", as_json(&inspection)))?;
    } else {
        print(&as_text(&inspection))?;
    }
    Ok(Exit::Well)
}

fn as_text(inspection: &Inspection) -> String {
    let world = match &inspection.world {
        Ok(world) => format!("{} ({})", world_name(*world), world_reason(*world)),
        Err(problem) => format!("{}: {}", styled(BAD, "none"), visible(&problem.to_string())),
    };
    let refused = inspection.refused_imports.iter();
    let refused = refused.map(|(_, problem)| problem.to_string());
    let refused: Vec<_> =
        refused.map(|text| format!("{} {}", styled(BAD, "refused:"), visible(&text))).collect();
    let mut text = line("world", &[world]);
    text += &line("size", &[ByteSize(inspection.size).to_string()]);
    text += &line("made with", &names(&inspection.made_with));
    text += &line("exports", &names(&inspection.exports));
    text += &line("imports", &names(&inspection.own_imports));
    text += &line("of WASI", &names(&inspection.wasi_imports));
    text += &line("of others", &refused);
    text + &hint(inspection)
}

/// Names that the component gives, which nobody has checked.
fn names<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    names.into_iter().map(|name| visible(name).into_owned()).collect()
}

/// A name, and its values in lines one below the other; nothing without values.
fn line(name: &str, values: &[String]) -> String {
    let mut text = String::new();
    for (position, value) in values.iter().enumerate() {
        let name = if position == 0 { name } else { "" };
        text += &format!("{} {value}\n", styled(BOLD, format!("{name:<10}")));
    }
    text
}

/// What may be pasted into the descriptor.
fn hint(inspection: &Inspection) -> String {
    let mut text = format!("\n{}\n", styled(DIM, "# for the descriptor:"));
    text += &format!("sha256: {}\n", inspection.digest);
    let grants = grants(inspection);
    if grants.is_empty() {
        return text
            + &format!(
                "{}\n",
                styled(DIM, "# it needs no `grants`: it imports nothing that they give")
            );
    }
    text += &format!("grants: {}\n", styled(DIM, "# it may use these; grant what it needs"));
    for (grant, use_for) in grants {
        text += &format!("  {grant:<30} {}\n", styled(DIM, format!("# {use_for}")));
    }
    text
}

fn grants(inspection: &Inspection) -> Vec<Grant> {
    let imports =
        |prefix: &str| inspection.wasi_imports.iter().any(|name| name.starts_with(prefix));
    let of_imported = GRANTS.iter().filter(|(prefix, _)| imports(prefix));
    of_imported.flat_map(|(_, lines)| lines.iter().copied()).collect()
}

fn world_name(world: World) -> &'static str {
    match world {
        World::Handler => "handler",
        World::Program => "program",
    }
}

fn world_reason(world: World) -> &'static str {
    match world {
        World::Handler => "it exports `on-events`",
        World::Program => "it exports `run`",
    }
}

fn as_json(inspection: &Inspection) -> Value {
    let world = inspection.world.as_ref();
    let refused = inspection.refused_imports.iter();
    let refused: Vec<_> = refused
        .map(|(name, problem)| json!({ "name": name, "problem": problem.to_string() }))
        .collect();
    let field = |(line, _): Grant| line.split(':').next();
    json!({
        "world": world.ok().map(|world| world_name(*world)),
        "world_problem": world.err().map(ToString::to_string),
        "size": inspection.size,
        "sha256": inspection.digest.to_string(),
        "made_with": inspection.made_with,
        "exports": inspection.exports,
        "imports": {
            "own": inspection.own_imports,
            "wasi": inspection.wasi_imports,
            "refused": refused,
        },
        "may_use_grants": grants(inspection).into_iter().filter_map(field).collect::<Vec<_>>(),
    })
}
