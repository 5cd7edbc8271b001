//! The part of a node that is about its sandbox: the file, its environment, grants and limits.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use super::bounds::{self, Bounds};
use super::check::Report;
use super::env::env;
use super::{Address, Component, Folder, Grants, Limits, files, value};
use crate::descriptor::{self, ProblemKind, Text};

/// The component of a node, if all of it is right.
pub(super) fn component(
    node: &descriptor::Node,
    written: &Text,
    base: &Path,
    report: &mut Report<'_>,
) -> Option<Component> {
    let path = base.join(&written.text);
    let file = report.take(&written.place, files::component(&path, &written.text));
    let sha256 =
        node.sha256.as_ref().map(|text| report.take(&text.place, value::digest(&text.text)));
    let env = env(&node.env, &node.grants.env, report);
    let grants = grants(&node.grants, base, report);
    let limits = limits(&node.limits, report);
    file?;
    Some(Component {
        path,
        sha256: sha256.map_or(Some(None), |digest| digest.map(Some))?,
        locked: None,
        args: node.args.iter().map(|arg| arg.text.clone()).collect(),
        env: env?,
        grants: grants?,
        limits: limits?,
    })
}

fn grants(grants: &descriptor::Grants, base: &Path, report: &mut Report<'_>) -> Option<Grants> {
    let folders = folders(grants, base, report);
    let connect = addresses("grants.connect", &grants.connect, report);
    let listen = addresses("grants.listen", &grants.listen, report);
    let stdio = grants.stdio.as_ref().map_or(Some(false), |text| {
        let inherit = value::choice("grants.stdio", &text.text, &["inherit"], &[true]);
        report.take(&text.place, inherit)
    });
    Some(Grants {
        folders: folders?,
        env: grants.env.iter().map(|name| name.text.clone()).collect(),
        connect: connect?,
        listen: listen?,
        name_lookup: grants.name_lookup,
        stdio: stdio?,
    })
}

fn addresses(field: &'static str, texts: &[Text], report: &mut Report<'_>) -> Option<Vec<Address>> {
    let addresses = texts.iter().map(|text| (text, value::address(field, &text.text)));
    let taken: Vec<_> =
        addresses.map(|(text, address)| report.take(&text.place, address)).collect();
    taken.into_iter().collect()
}

fn folders(
    grants: &descriptor::Grants,
    base: &Path,
    report: &mut Report<'_>,
) -> Option<Vec<Folder>> {
    let before = report.problems.count();
    let read = grants.read.iter().map(|grant| (grant, false));
    let write = grants.write.iter().map(|grant| (grant, true));
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut folders = Vec::new();
    for ((guest, host), writable) in read.chain(write) {
        let path = base.join(&host.text);
        report.take(&host.place, files::folder(&path, &host.text));
        let Some(seen) = guest_path(&guest.text) else {
            report.add(&guest.place, ProblemKind::BadGuestPath { path: guest.text.clone() });
            continue;
        };
        if let Some(&first) = lines.get(&seen) {
            report.add(&guest.place, ProblemKind::GuestPathTwice { path: seen, first });
            continue;
        }
        lines.insert(seen.clone(), guest.place.line);
        folders.push(Folder { guest: seen, host: path, writable });
    }
    (report.problems.count() == before).then_some(folders)
}

/// The path as the component sees it: absolute, and one spelling for one folder.
fn guest_path(text: &str) -> Option<String> {
    let mut path = String::new();
    for part in text.strip_prefix('/')?.split('/').filter(|part| !part.is_empty()) {
        if matches!(part, "." | "..") || part.contains('\0') {
            return None;
        }
        path.push('/');
        path.push_str(part);
    }
    Some(if path.is_empty() { "/".into() } else { path })
}

fn limits(limits: &descriptor::Limits, report: &mut Report<'_>) -> Option<Limits> {
    let memory = size("limits.memory", &limits.memory, bounds::MEMORY, report);
    let table_elements = number("limits.table_elements", &limits.table_elements, report);
    let cpu = duration("limits.cpu", &limits.cpu, bounds::CPU, report);
    let payload = size("limits.payload", &limits.payload, bounds::PAYLOAD, report);
    let buffers = size("limits.buffers", &limits.buffers, bounds::BUFFERS, report);
    let inline = size("limits.inline", &limits.inline, bounds::INLINE, report);
    let cpu_share = chosen(&limits.cpu_share, report, |text| {
        value::percent("limits.cpu_share", text, bounds::CPU_SHARE)
    });
    let rate =
        chosen(&limits.rate, report, |text| value::number("limits.rate", text, bounds::RATE));
    let log = size("limits.log", &limits.log, bounds::LOG, report);
    Some(Limits {
        memory: memory?,
        table_elements: table_elements?,
        cpu: cpu?,
        payload: payload?,
        buffers: buffers?,
        inline: inline?,
        cpu_share: cpu_share?,
        rate: rate?,
        log: log?,
    })
}

/// A limit that there is only where one is chosen.
fn chosen<T>(
    text: &Option<Text>,
    report: &mut Report<'_>,
    read: impl FnOnce(&str) -> Result<T, ProblemKind>,
) -> Option<Option<T>> {
    let Some(text) = text else { return Some(None) };
    report.take(&text.place, read(&text.text)).map(Some)
}

/// A size, or the usual one.
pub(super) fn size(
    field: &'static str,
    text: &Option<Text>,
    bounds: Bounds<u64>,
    report: &mut Report<'_>,
) -> Option<u64> {
    let Some(text) = text else { return Some(bounds.default) };
    report.take(&text.place, value::size(field, &text.text, bounds))
}

fn number(field: &'static str, text: &Option<Text>, report: &mut Report<'_>) -> Option<u64> {
    let bounds = bounds::TABLE_ELEMENTS;
    let Some(text) = text else { return Some(bounds.default) };
    report.take(&text.place, value::number(field, &text.text, bounds))
}

fn duration(
    field: &'static str,
    text: &Option<Text>,
    bounds: Bounds<Duration>,
    report: &mut Report<'_>,
) -> Option<Duration> {
    let Some(text) = text else { return Some(bounds.default) };
    report.take(&text.place, value::duration(field, &text.text, bounds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_path_has_one_spelling() {
        assert_eq!(guest_path("/data//in/").as_deref(), Some("/data/in"));
        assert_eq!(guest_path("/").as_deref(), Some("/"));
        for text in ["", "data", "./data", "/a/../b", "/."] {
            assert_eq!(guest_path(text), None, "{text}");
        }
    }
}
