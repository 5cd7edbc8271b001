//! The part of a node that is about its process: the script, its interpreter, arguments and variables.

use std::path::Path;

use super::check::Report;
use super::env::env;
use super::{Interpreter, Process, files};
use crate::descriptor::{self, ProblemKind, Text};

/// What the host itself says to each process.
const RESERVED: [&str; 2] = ["THALWEG_LINK", "THALWEG_NODE"];

/// The process of a node, if all of it is right.
pub(super) fn process(
    node: &descriptor::Node,
    written: &Text,
    base: &Path,
    report: &mut Report<'_>,
) -> Option<Process> {
    let script = base.join(&written.text);
    let file = report.take(&written.place, files::script(&script, &written.text));
    let interpreter = match &node.interpreter {
        None => Some(Interpreter::Usual),
        Some(text) => report.take(&text.place, interpreter(&text.text, base)),
    };
    let texts_fit = texts_fit(node, report);
    let env = env(&node.env, &[], report);
    file?;
    texts_fit.then_some(Process {
        script,
        interpreter: interpreter?,
        args: node.args.iter().map(|arg| arg.text.clone()).collect(),
        env: env?,
        locked: None,
    })
}

fn interpreter(text: &str, base: &Path) -> Result<Interpreter, ProblemKind> {
    if text.contains('/') {
        let path = base.join(text);
        return files::interpreter(&path, text).map(|()| Interpreter::Path(path));
    }
    let path = files::command(text)?;
    Ok(match text {
        "uv" => Interpreter::Uv,
        name => Interpreter::Command { name: name.to_owned(), path },
    })
}

/// Whether the operating system can hand its arguments and variables to a process.
fn texts_fit(node: &descriptor::Node, report: &mut Report<'_>) -> bool {
    let before = report.problems.count();
    let args = node.args.iter().map(|arg| ("args", arg));
    let values = node.env.iter().map(|(_, value)| ("env", value));
    for (field, text) in args.chain(values).filter(|(_, text)| text.text.contains('\0')) {
        report.add(&text.place, ProblemKind::NulCharacter { field });
    }
    for (name, _) in node.env.iter().filter(|(name, _)| RESERVED.contains(&&*name.text)) {
        report.add(&name.place, ProblemKind::ReservedVariable { name: name.text.clone() });
    }
    report.problems.count() == before
}
