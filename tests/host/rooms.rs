//! The rooms and invariants of ARCHITECTURE.md, read from the sources.

use std::path::{Path, PathBuf};

use crate::support::root;

const MAX_FILE_LINES: usize = 600;

/// A word, and the rooms that may use it.
const WORDS: [(&str, &[&str]); 10] = [
    ("wasmtime", &["component"]),
    ("serde", &["descriptor", "lock", "report", "link", "attach", "cli"]),
    ("tokio::spawn", &["runtime", "cli"]),
    ("JoinSet", &["runtime", "cli"]),
    ("thread::Builder", &["component", "cli"]),
    ("Command::new", &["process"]),
    ("println!", &["cli", "main"]),
    ("unsafe {", &["component", "inbox", "link", "payload"]),
    ("TODO", &[]),
    ("FIXME", &[]),
];

/// Rooms that know neither tokio nor the time.
const PURE: [&str; 8] =
    ["router", "cycle", "inbox", "dataflow", "descriptor", "graph", "event", "id"];

struct Source {
    path: PathBuf,
    room: String,
    code: String,
}

#[test]
fn no_room_uses_a_room_above_it() {
    let rooms = rooms();
    let depth = |name: &str| rooms.iter().position(|room| room == name);
    for source in sources() {
        let Some(own) = depth(&source.room) else { continue };
        for used in used_rooms(&source.code) {
            let Some(other) = depth(&used) else {
                // `crate::Name` goes through `lib.rs`, which knows all rooms.
                assert_eq!(source.room, "cli", "{}: `crate::{used}`", source.path.display());
                continue;
            };
            assert!(other >= own, "{}: `{}` uses `{used}`", source.path.display(), source.room);
        }
    }
}

#[test]
fn every_file_has_a_room_and_every_room_a_file() {
    let (rooms, sources) = (rooms(), sources());
    for source in &sources {
        let known = source.room == "lib" || rooms.contains(&source.room);
        assert!(known, "{} is in no room of ARCHITECTURE.md", source.path.display());
    }
    for room in rooms {
        assert!(sources.iter().any(|source| source.room == room), "no file of room `{room}`");
    }
}

#[test]
fn words_stay_in_their_rooms() {
    for source in sources() {
        for (word, allowed) in WORDS {
            let found = source.code.contains(word) && !allowed.contains(&&*source.room);
            assert!(!found, "{}: `{word}`", source.path.display());
        }
        let pure = PURE.contains(&&*source.room);
        for word in ["tokio", "Instant::now", "SystemTime"] {
            assert!(!(pure && source.code.contains(word)), "{}: `{word}`", source.path.display());
        }
    }
}

#[test]
fn files_are_short() {
    for source in sources() {
        let lines = std::fs::read_to_string(&source.path).unwrap().lines().count();
        assert!(lines <= MAX_FILE_LINES, "{} has {lines} lines", source.path.display());
    }
}

/// The first column of the table under "Rooms", from top to bottom.
fn rooms() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section = text.split("## Rooms").nth(1).unwrap().split("\n## ").next().unwrap();
    let row = |line: &str| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned());
    section.lines().filter_map(row).collect()
}

fn sources() -> Vec<Source> {
    let src = root().join("host/src");
    let mut sources = Vec::new();
    collect(&src, &src, &mut sources);
    assert!(sources.len() > 30, "{} sources", sources.len());
    sources
}

fn collect(src: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("tests") {
            continue;
        }
        if path.is_dir() {
            collect(src, &path, sources);
        } else if !path.ends_with("tests.rs") && !path.ends_with("model.rs") {
            let first = path.strip_prefix(src).unwrap().iter().next().unwrap().to_str().unwrap();
            let room = first.trim_end_matches(".rs").to_owned();
            let code = code_of(&std::fs::read_to_string(&path).unwrap());
            sources.push(Source { path, room, code });
        }
    }
}

/// Without comments and without tests.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn used_rooms(code: &str) -> Vec<String> {
    let parts = code.split("crate::").skip(1);
    let word = |part: &str| {
        part.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned()
    };
    parts.map(word).filter(|word| !word.is_empty()).collect()
}
