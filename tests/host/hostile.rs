//! The ends that the guests of the hostile suite come to. `make hostile` measures what their neighbours
//! notice of them.

use std::collections::BTreeSet;
use std::fs;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::suite::{Guest, cases, run};
use crate::support::{compiler, root};

/// Messages of the pair beside each case, at least.
const LEAST: usize = 20;
/// Cases at the same time.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_guest_comes_to_its_end_and_harms_nobody() {
    let cases = cases();
    assert!(cases.len() >= 40);
    let wrong = stream::iter(&cases).map(|case| async move {
        let seen = run(case, compiler(), LEAST).await;
        let name = case.guest.name();
        match seen {
            Ok(seen) if seen.is_as_expected(case) => None,
            Ok(seen) => {
                let text: String = seen.text.chars().take(300).collect();
                Some(format!("{name} ({}): {}: {text}; {:?}", case.fields, seen.end, seen.latency))
            }
            Err(error) => Some(format!("{name} ({}): {error:#}", case.fields)),
        }
    });
    let wrong: Vec<_> =
        wrong.buffer_unordered(AT_ONCE).filter_map(|wrong| async { wrong }).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_hostile_guest_has_a_case() {
    let tried: BTreeSet<_> = cases().iter().filter_map(|case| path(case.guest)).collect();
    let folder = root().join("guests/hostile");
    let mut there = BTreeSet::new();
    for kind in ["examples", "wat", "python"] {
        for entry in fs::read_dir(folder.join(kind)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            there.insert(format!("{kind}/{name}"));
        }
    }
    assert!(there.len() > 40);
    assert_eq!(there, tried);
}

/// Where its source is, if it is in the folder of hostile guests.
fn path(guest: Guest) -> Option<String> {
    match guest {
        Guest::Rust(name) => Some(format!("examples/{name}.rs")),
        Guest::Wat(name) => Some(format!("wat/{name}.wat")),
        Guest::Python(name) => Some(format!("python/{name}.py")),
        Guest::Misbehaves(_) | Guest::Made(..) => None,
    }
}
