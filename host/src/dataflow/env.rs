//! The environment variables of a node.

use std::collections::{BTreeMap, HashMap};

use super::check::Report;
use super::files;
use crate::descriptor::{ProblemKind, Text};

/// Its own variables, and those of the host that it is granted.
pub(super) fn env(
    own: &[(Text, Text)],
    granted: &[Text],
    report: &mut Report<'_>,
) -> Option<BTreeMap<String, String>> {
    let before = report.problems.count();
    let mut lines: HashMap<&str, usize> = HashMap::new();
    let mut env = BTreeMap::new();
    let own = own.iter().map(|(name, value)| (name, Some(value)));
    let granted = granted.iter().map(|name| (name, None));
    for (name, own_value) in own.chain(granted) {
        let text = name.text.as_str();
        if text.is_empty() || text.contains(['=', '\0']) {
            report.add(&name.place, ProblemKind::BadVariable { text: text.to_owned() });
        } else if let Some(&first) = lines.get(text) {
            let kind = ProblemKind::VariableTwice { name: text.to_owned(), first };
            report.add(&name.place, kind);
        } else {
            lines.insert(text, name.place.line);
            let value = own_value.map_or_else(|| files::variable(text), |own| Ok(own.text.clone()));
            env.extend(report.take(&name.place, value).map(|value| (text.to_owned(), value)));
        }
    }
    (report.problems.count() == before).then_some(env)
}
