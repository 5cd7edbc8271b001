//! The check of a descriptor, as `thalweg check` and `run` begin with it.

use std::fmt::Write as _;

use crate::case::{Case, Work};
use crate::flow::parse;

pub(crate) fn cases() -> Vec<Case> {
    // The figure is that of a node.
    vec![Case { name: "descriptor/10000-nodes", events: NODES, prepare: check }]
}

const NODES: u64 = 10_000;

fn check() -> anyhow::Result<Work> {
    let text = chain();
    Ok(Box::new(move || parse(&text).map(drop)))
}

/// Components that read one another.
fn chain() -> String {
    let mut text = "nodes:\n  - { id: n0, component: echo.wasm, outputs: [out] }\n".to_owned();
    for node in 1..NODES {
        let before = node - 1;
        let _ = writeln!(
            text,
            "  - {{ id: n{node}, component: echo.wasm, inputs: {{ in: n{before}/out }}, outputs: [out] }}"
        );
    }
    text
}
