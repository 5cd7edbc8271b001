//! The ends that the guests of the hostile suite come to. `make hostile` measures what their neighbours
//! notice of them.

use std::collections::BTreeSet;
use std::fs;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::suite::cases::cases;
use crate::suite::run::{alone, run};
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

#[tokio::test]
async fn the_pair_loses_nothing_when_it_is_alone() {
    let latency = alone(compiler(), LEAST).await.unwrap();
    assert!(latency.lost == 0 && latency.p99 < u64::MAX, "{latency:?}");
}

#[test]
fn every_hostile_guest_has_a_case() {
    const FOLDERS: [&str; 3] = ["examples", "python", "wat"];
    let guests = cases().into_iter().map(|case| (case.guest.folder(), case.guest.name()));
    let tried = guests.filter(|(folder, _)| FOLDERS.contains(folder));
    let tried: BTreeSet<_> = tried.map(|(folder, name)| format!("{folder}/{name}")).collect();
    let there: BTreeSet<_> = FOLDERS.into_iter().flat_map(sources).collect();
    assert!(there.len() > 40);
    assert_eq!(there, tried);
}

/// The files of a folder of hostile guests, without what their names end in.
fn sources(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join("guests/hostile").join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| format!("{folder}/{}", path.file_stem().unwrap().to_str().unwrap())).collect()
}
