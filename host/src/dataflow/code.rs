//! What runs a node: one of the fields that say so, and the fields that go with it.

use std::path::Path;

use super::Code;
use super::check::Report;
use super::component::component;
use super::process::process;
use crate::descriptor::{self, ProblemKind, Text};

/// The fields that not every kind of node has, and the fields that make a node of a kind that does.
const OWNED: [(&str, &[&str]); 7] = [
    ("interpreter", &["python"]),
    ("args", &["component", "python"]),
    ("env", &["component", "python"]),
    ("sha256", &["component"]),
    ("grants", &["component"]),
    ("limits", &["component", "python"]),
    ("ready", &["component", "python"]),
];

/// Why a script has not all fields.
pub(super) const WHY_PYTHON: &str = "a Python process is in no sandbox";

/// A field that says what runs the node.
enum Given<'d> {
    Component(&'d Text),
    Python(&'d Text),
    Attached,
    Embedded,
}

impl Given<'_> {
    fn field(&self) -> &'static str {
        match self {
            Self::Component(_) => "component",
            Self::Python(_) => "python",
            Self::Attached => "attached",
            Self::Embedded => "embedded",
        }
    }

    /// Why it has not all fields.
    fn why(&self) -> &'static str {
        match self {
            Self::Component(_) => "this node is a component",
            Self::Python(_) => WHY_PYTHON,
            Self::Attached => "this node is `attached`, so that nothing is started for it",
            Self::Embedded => "this node is `embedded`",
        }
    }
}

/// What runs the node, if all that is said about it is right.
pub(super) fn code(node: &descriptor::Node, base: &Path, report: &mut Report<'_>) -> Option<Code> {
    let given: Vec<_> = node.fields.iter().filter_map(|name| given(node, name)).collect();
    match given.as_slice() {
        [] => {
            let place = node.id.as_ref().map_or(&node.place, |id| &id.place);
            if node.sound {
                report.add(place, ProblemKind::NoCode);
            }
            None
        }
        [(_, given)] => {
            let fits = fields_fit(node, given, report);
            let code = code_of(node, given, base, report);
            code.filter(|_| fits)
        }
        [(_, first), (name, second), ..] => {
            let (first, second) = (first.field(), second.field());
            report.add(&name.place, ProblemKind::TwoCodes { first, second });
            None
        }
    }
}

/// The field of this name, if it says what runs the node.
fn given<'d>(node: &'d descriptor::Node, name: &'d Text) -> Option<(&'d Text, Given<'d>)> {
    let given = match name.text.as_str() {
        "component" => Given::Component(node.component.as_ref()?),
        "python" => Given::Python(node.python.as_ref()?),
        "attached" if node.attached => Given::Attached,
        "embedded" if node.embedded => Given::Embedded,
        _ => return None,
    };
    Some((name, given))
}

fn code_of(
    node: &descriptor::Node,
    given: &Given<'_>,
    base: &Path,
    report: &mut Report<'_>,
) -> Option<Code> {
    match given {
        Given::Component(path) => {
            component(node, path, base, report).map(|one| Code::Component(Box::new(one)))
        }
        Given::Python(script) => {
            process(node, script, base, report).map(|one| Code::Process(Box::new(one)))
        }
        Given::Attached => Some(Code::Attached),
        Given::Embedded => Some(Code::Embedded),
    }
}

/// Whether the node has only fields of its kind.
fn fields_fit(node: &descriptor::Node, given: &Given<'_>, report: &mut Report<'_>) -> bool {
    let before = report.problems.count();
    for name in &node.fields {
        let Some(&(field, owners)) = OWNED.iter().find(|(field, _)| *field == name.text) else {
            continue;
        };
        if !owners.contains(&given.field()) {
            let why = given.why();
            report.add(&name.place, ProblemKind::FieldOfOtherKind { field, owners, why });
        }
    }
    report.problems.count() == before
}
