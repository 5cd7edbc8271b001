//! The commands of `README.md` do what it shows.

use std::fs;

use crate::support::{Ended, root, thalweg};

fn blocks(language: &str) -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let begin = format!("```{language}\n");
    let blocks =
        readme.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let blocks: Vec<_> = blocks.collect();
    assert!(!blocks.is_empty(), "README.md has no `{language}`");
    blocks
}

/// Each command after `$ `, and what is shown below it.
fn commands() -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in blocks("console").iter().flat_map(|block| block.lines()) {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), Vec::new())),
            None => commands.last_mut().expect("a command comes first").1.push(line.to_owned()),
        }
    }
    commands
}

/// A line of what changes from run to run: digits are one digit, and lengths do not count.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for character in line.trim().chars() {
        let character = match character {
            '0'..='9' => '0',
            '▪' => ' ',
            other => other,
        };
        let repeats = shape.ends_with(character) && matches!(character, '0' | ' ' | '─');
        if !repeats {
            shape.push(character);
        }
    }
    shape.replace("0.0", "0").replace(" ms", " s").trim_end().to_owned()
}

/// Every line that is shown must be in the output, in this order.
fn assert_shown(command: &str, shown: &[String], ended: &Ended) {
    let printed: Vec<_> = ended.stdout.lines().chain(ended.stderr.lines()).map(shape).collect();
    let mut from = 0;
    for line in shown.iter().filter(|line| !matches!(line.trim(), "" | "...")) {
        let found = printed.iter().skip(from).position(|printed| *printed == shape(line));
        from +=
            found.unwrap_or_else(|| panic!("`{command}` does not print `{line}`:\n{ended:#?}")) + 1;
    }
}

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    for (command, shown) in commands() {
        let mut words = command.split_whitespace();
        match words.next() {
            Some("thalweg") => {
                let arguments =
                    words.map(|word| word.replace("/tmp", folder.path().to_str().unwrap()));
                let ended = Ended::from(thalweg(&root()).args(arguments).output().unwrap());
                assert_eq!(ended.code, Some(0), "`{command}`: {ended:?}");
                assert_shown(&command, &shown, &ended);
            }
            Some("make") => {
                let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
                let target = format!("\n{}:", words.next().unwrap());
                assert!(makefile.contains(&target), "`{command}` is no target of the Makefile");
            }
            Some("git" | "cd" | "cargo") => {}
            _ => panic!("README.md shows `{command}`, which this test does not know"),
        }
    }
}

#[test]
fn the_first_dataflow_of_the_readme_is_an_example() {
    let example = fs::read_to_string(root().join("examples/load.yaml")).unwrap();
    assert_eq!(blocks("yaml").first(), Some(&example));
}
