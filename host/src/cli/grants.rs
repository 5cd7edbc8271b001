//! `thalweg check --grants`: what a dataflow hands out, beside what its components ask for.

use std::path::Path;

use serde_json::{Value, json};

use super::open::Rejection;
use super::text::{BAD, BOLD, DIM, error_text, styled, visible};
use crate::capability::{Asked, Capability, capabilities, dataflow_capabilities};
use crate::component::Inspection;
use crate::dataflow::{Code, Dataflow, Node};
use crate::process::program_of;

/// What a dataflow hands out.
pub(super) struct Handout {
    /// What it is given as a whole.
    whole: Vec<Item>,
    nodes: Vec<Given>,
}

/// What one node is given.
pub(super) struct Given {
    id: String,
    kind: &'static str,
    /// What runs it, as the descriptor writes it.
    file: Option<String>,
    sha256: Option<String>,
    items: Vec<Item>,
    /// What its component imports, and nothing grants.
    missed: Vec<Asked>,
}

struct Item {
    text: String,
    note: Option<String>,
    is_grant: bool,
    /// False where the component imports nothing by which it could use it.
    usable: bool,
}

/// What a dataflow hands out, its nodes in the order written. `python` runs the scripts whose nodes name no interpreter;
/// components are looked into if `look`.
///
/// # Errors
///
/// Components that cannot be looked into.
pub(super) fn given(
    dataflow: &Dataflow,
    python: Option<&Path>,
    look: bool,
) -> Result<Handout, Rejection> {
    let nodes = dataflow.nodes().iter().map(|node| of_node(dataflow, node, python, look));
    let nodes = nodes.collect::<Result<_, _>>()?;
    let whole = dataflow_capabilities(dataflow);
    let whole = whole.iter().map(|one| item(one, None, None)).collect();
    Ok(Handout { whole, nodes })
}

fn of_node(
    dataflow: &Dataflow,
    node: &Node,
    python: Option<&Path>,
    look: bool,
) -> Result<Given, Rejection> {
    let (kind, path) = match &node.code {
        Code::Component(component) => ("component", Some(&component.path)),
        Code::Process(process) => ("script", Some(&process.script)),
        Code::Attached => ("attached", None),
        Code::Embedded => ("embedded", None),
    };
    let inspection = match &node.code {
        Code::Component(component) if look => Some(inspect(node, &component.path)?),
        _ => None,
    };
    let program = match &node.code {
        Code::Process(process) => program_of(process, python),
        _ => None,
    };
    let all = capabilities(dataflow, node);
    let imports = inspection.as_ref().map(|inspection| inspection.wasi_imports.as_slice());
    let granted = |asked: Asked| all.iter().any(|one| one.asked_for_by() == Some(asked));
    // What is printed to streams that are not granted comes in labelled lines.
    let missed = Asked::ALL.into_iter().filter(|asked| *asked != Asked::Stdio && !granted(*asked));
    Ok(Given {
        id: node.id.to_string(),
        kind,
        file: path.map(|path| dataflow.as_written(path).display().to_string()),
        sha256: inspection.as_ref().map(|inspection| inspection.digest.to_string()),
        missed: missed.filter(|asked| imports.is_some_and(|all| asked.is_among(all))).collect(),
        items: all.iter().map(|one| item(one, imports, program.as_deref())).collect(),
    })
}

fn inspect(node: &Node, path: &Path) -> Result<Inspection, Rejection> {
    Inspection::of_file(path).map_err(|problem| {
        let path = path.display();
        Rejection(error_text(&format!("node `{}`: component `{path}`: {problem}", node.id)))
    })
}

/// `program` is what runs the script.
fn item(capability: &Capability, imports: Option<&[String]>, program: Option<&Path>) -> Item {
    let here = |program: &Path| {
        let program = std::path::absolute(program).unwrap_or_else(|_| program.to_owned());
        format!("here {}", program.display())
    };
    let program = program.filter(|_| matches!(capability, Capability::Interpreter { .. }));
    let asked = capability.asked_for_by();
    Item {
        text: capability.to_string(),
        note: program.map(here).or_else(|| capability.note()),
        is_grant: capability.is_grant(),
        usable: asked.zip(imports).is_none_or(|(asked, imports)| asked.is_among(imports)),
    }
}

/// A tree for people, with its line ends.
pub(super) fn as_text(given: &Handout) -> String {
    let has_something = |one: &&Given| one.kind != "component" || !one.items.is_empty();
    let (some, none): (Vec<_>, Vec<_>) = given.nodes.iter().partition(has_something);
    let mut text = String::new();
    if !given.whole.is_empty() {
        text += &format!("{}\n", styled(BOLD, "the dataflow as a whole:"));
        text.extend(given.whole.iter().map(item_text));
    }
    text.extend(some.into_iter().map(node_text));
    if !none.is_empty() {
        let named: Vec<_> = none.into_iter().map(missing_all).collect();
        text += &format!("{} {}\n", styled(BOLD, "nothing is given to:"), named.join(", "));
    }
    text
}

/// A node that is given nothing, and what it imports.
fn missing_all(given: &Given) -> String {
    match missed(given) {
        None => given.id.clone(),
        Some(names) => format!("{} {}", given.id, styled(DIM, format!("(imports {names})"))),
    }
}

fn missed(given: &Given) -> Option<String> {
    let names: Vec<_> = given.missed.iter().map(|asked| asked.name()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn node_text(given: &Given) -> String {
    let heading = match (given.kind, &given.file) {
        ("embedded", _) => "embedded: code of the program that starts the dataflow".to_owned(),
        (kind, Some(file)) => format!("{kind} {}", visible(file)),
        (kind, None) => kind.to_owned(),
    };
    let mut text = format!("{} {heading}\n", styled(BOLD, format!("{}:", given.id)));
    text.extend(given.items.iter().map(item_text));
    if let Some(names) = missed(given) {
        text += &styled(DIM, format!("  it also imports, and is not granted: {names}\n"));
    }
    text
}

fn item_text(item: &Item) -> String {
    let note = item.note.as_deref().map(|note| format!(" ({})", visible(note)));
    let note = note.map(|note| styled(DIM, note)).unwrap_or_default();
    let mut text = format!("  {}{note}\n", visible(&item.text));
    if !item.usable && item.is_grant {
        text += &format!("    {}\n", styled(BAD, "it imports nothing that could use this"));
    }
    text
}

/// The same for programs.
pub(super) fn as_json(file: &Path, given: &Handout) -> Value {
    let item = |item: &Item| json!({ "text": item.text, "note": item.note, "usable": item.usable });
    let node = |one: &Given| {
        json!({
            "id": one.id,
            "kind": one.kind,
            "file": one.file,
            "sha256": one.sha256,
            "sandboxed": one.kind == "component",
            "given": one.items.iter().map(item).collect::<Vec<_>>(),
            "imported_not_granted": one.missed.iter().map(|asked| asked.name()).collect::<Vec<_>>(),
        })
    };
    json!({
        "file": file,
        "given": given.whole.iter().map(item).collect::<Vec<_>>(),
        "nodes": given.nodes.iter().map(node).collect::<Vec<_>>(),
    })
}
