//! The part of a node that is about its process: the script, its interpreter, arguments and variables.

use std::path::Path;

use super::check::Report;
use super::code::WHY_PYTHON;
use super::component::size;
use super::env::env;
use super::{Interpreter, Process, bounds, files};
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
    let log = log(&node.limits, report);
    file?;
    texts_fit.then_some(Process {
        script,
        interpreter: interpreter?,
        args: node.args.iter().map(|arg| arg.text.clone()).collect(),
        env: env?,
        log: log?,
        locked: None,
    })
}

/// The only limit that there is without a sandbox: the host reads what the process writes no faster.
fn log(limits: &descriptor::Limits, report: &mut Report<'_>) -> Option<u64> {
    let descriptor::Limits {
        memory,
        table_elements,
        cpu,
        payload,
        buffers,
        inline,
        cpu_share,
        rate,
        log,
    } = limits;
    let others = [
        ("limits.memory", memory),
        ("limits.table_elements", table_elements),
        ("limits.cpu", cpu),
        ("limits.payload", payload),
        ("limits.buffers", buffers),
        ("limits.inline", inline),
        ("limits.cpu_share", cpu_share),
        ("limits.rate", rate),
    ];
    let mut fits = true;
    for (field, text) in others {
        if let Some(Text { place, .. }) = text {
            let (owners, why) = (&["component"] as &[_], WHY_PYTHON);
            report.add(place, ProblemKind::FieldOfOtherKind { field, owners, why });
            fits = false;
        }
    }
    let log = size("limits.log", log, bounds::LOG, report);
    log.filter(|_| fits)
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
