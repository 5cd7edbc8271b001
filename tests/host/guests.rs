//! Every guest is there for a test.

use std::fs;

use crate::support::root;

/// The names of the folders of guests, without the crate that they are written with and the hostile ones,
/// whose table `tests/host/hostile.rs` holds against their folder.
fn guests() -> Vec<String> {
    let folders = fs::read_dir(root().join("guests")).unwrap().map(|entry| entry.unwrap().path());
    let guests =
        folders.filter(|path| ["Cargo.toml", "app.py"].iter().any(|file| path.join(file).exists()));
    let names = guests.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let mut names: Vec<_> =
        names.filter(|name| !["sdk", "hostile"].contains(&name.as_str())).collect();
    names.sort();
    names
}

/// The source of a test, by its path.
fn source(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("`{path}`: {error}"))
}

/// Whether a test source runs a guest: it writes out the file, or its name in a list of guests. The tests
/// of Python begin in the folder of the guests.
fn runs(source: &str, guest: &str) -> bool {
    let named = source.contains("guests/{") && source.contains(&format!("\"{guest}\""));
    let written = ["guests/", "component: "].map(|before| format!("{before}{guest}.wasm"));
    named || written.iter().any(|written| source.contains(written))
}

#[test]
fn every_guest_is_run_by_the_test_that_its_first_lines_name() {
    let guests = guests();
    assert!(guests.len() > 10, "{guests:?}");
    for guest in guests {
        let folder = root().join("guests").join(&guest);
        // The same source may be built for another target, too.
        let other = root().join("guests").join(guest.trim_end_matches("-wasi"));
        let code = fs::read_to_string(other.join("src/lib.rs"))
            .or_else(|_| fs::read_to_string(folder.join("app.py")))
            .unwrap();
        let (_, named) = code.split_once("`tests/").unwrap_or_else(|| panic!("{guest}"));
        let (named, _) = named.split_once('`').unwrap();
        let source = source(&format!("tests/{named}"));
        assert!(runs(&source, &guest), "`{named}` does not run `{guest}`");
    }
}
