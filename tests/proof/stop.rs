//! Ctrl-C, by the command itself: the first drains to equal books, a node that ignores it ends within the
//! grace period, and the second is immediate.

#![expect(clippy::indexing_slicing, reason = "a key that a JSON value lacks gives null")]

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Figure, root};

const GRACE: Duration = Duration::from_secs(2);
/// Time for a process to start, print and exit, beside what it is given.
const SLACK: Duration = Duration::from_millis(500);

pub(crate) fn prove() -> anyhow::Result<Figure> {
    let drained = Stopped::run(&loaded(""), GRACE, 1)?;
    let sent: u64 = drained.edges().iter().map(|edge| edge.delivered).sum();
    let lost: u64 = drained.edges().iter().map(|edge| edge.dropped + edge.discarded).sum();
    let balanced = drained.edges().iter().all(Edge::is_balanced);
    println!(
        "one Ctrl-C: code {}, {sent} messages delivered, {lost} lost, {:?}",
        drained.code, drained.took
    );
    let ignored = Stopped::run(&loaded(IGNORES), GRACE, 1)?;
    println!(
        "a node that ignores it: code {}, {} in {:?}",
        ignored.code,
        ignored.end("ignores"),
        ignored.took
    );
    let twice = Stopped::run(&loaded(IGNORES), Duration::from_secs(60), 2)?;
    println!("two Ctrl-C: code {}, {:?}", twice.code, twice.took);
    let ok = drained.code == 0
        && sent > 0
        && lost == 0
        && balanced
        && ignored.code == 1
        && ignored.end("ignores") == "killed"
        && ignored.took < GRACE + SLACK
        && twice.took < SLACK;
    let text = format!(
        "drained {sent} messages with {lost} lost, ended by force after {:.2} of {:.0} s, at once in {:.2} s",
        ignored.took.as_secs_f64(),
        GRACE.as_secs_f64(),
        twice.took.as_secs_f64(),
    );
    Ok(Figure { text, ok })
}

const IGNORES: &str = "  - { id: ignores, component: misbehaves.wasm, inputs: { tick: { timer: 10ms } }, outputs: [out], parameters: { how: ignores-stop, at: 0 } }\n";

/// Sources that never end, through components that forward, into one that checks.
fn loaded(extra: &str) -> String {
    let mut text = String::from(
        "nodes:
  - { id: ready, component: report-line.wasm, inputs: { tick: { timer: 300ms } } }
  - { id: source, component: counts.wasm, outputs: [out], parameters: { count: 1000000000000, sizes: \"8*1000,65536*5\" } }
",
    );
    let mut inputs = Vec::new();
    for fan in 0..4 {
        let _ = writeln!(
            text,
            "  - {{ id: n{fan}, component: echo.wasm, inputs: {{ in: source/out }}, outputs: [out] }}"
        );
        inputs.push(format!("in{fan}: n{fan}/out"));
    }
    let _ = writeln!(
        text,
        "  - {{ id: sink, component: verify.wasm, inputs: {{ {} }} }}",
        inputs.join(", ")
    );
    text + extra
}

/// A run that was ended by signals.
struct Stopped {
    code: i32,
    /// From the last signal to the end of the process.
    took: Duration,
    report: Value,
}

struct Edge {
    sent: u64,
    received: u64,
    delivered: u64,
    dropped: u64,
    discarded: u64,
}

impl Edge {
    fn is_balanced(&self) -> bool {
        self.sent == self.received
            && self.received == self.delivered + self.dropped + self.discarded
    }
}

impl Stopped {
    fn run(descriptor: &str, grace: Duration, signals: u32) -> anyhow::Result<Self> {
        let file = root().join("guests/target/components/proof-stop.yaml");
        std::fs::write(&file, descriptor)?;
        let mut child = Command::new(command()?)
            .args(["run", "--report", "json", "--grace", &format!("{}s", grace.as_secs())])
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start `thalweg`: `make proof-stop` builds it first")?;
        let mut lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
        // The first tick is printed: everything runs.
        wait_for(&mut lines, "tick")?;
        signal(&child)?;
        let mut last = Instant::now();
        for _ in 1..signals {
            wait_for(&mut lines, "again")?;
            last = Instant::now();
            signal(&child)?;
        }
        // Read on, or the command would wait for room to print.
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).last());
        let mut json = String::new();
        child.stdout.take().context("no stdout")?.read_to_string(&mut json)?;
        let code = child.wait()?.code().unwrap_or(-1);
        let took = last.elapsed();
        drop(rest.join());
        let report = serde_json::from_str(&json).unwrap_or(Value::Null);
        Ok(Self { code, took, report })
    }

    fn nodes(&self) -> &[Value] {
        self.report["nodes"].as_array().map_or(&[], Vec::as_slice)
    }

    fn end(&self, id: &str) -> &str {
        let node = self.nodes().iter().find(|node| node["id"] == id);
        node.and_then(|node| node["exit"]["name"].as_str()).unwrap_or("")
    }

    fn edges(&self) -> Vec<Edge> {
        let inputs = self.nodes().iter().flat_map(|node| node["inputs"].as_array()).flatten();
        let count = |input: &Value, name: &str| input[name].as_u64().unwrap_or(u64::MAX);
        inputs
            .map(|input| Edge {
                sent: self.sent(input["source"].as_str().unwrap_or("")),
                received: count(input, "received"),
                delivered: count(input, "delivered"),
                dropped: count(input, "dropped"),
                discarded: count(input, "discarded"),
            })
            .collect()
    }

    fn sent(&self, source: &str) -> u64 {
        let (node, output) = source.split_once('/').unwrap_or_default();
        let node = self.nodes().iter().find(|known| known["id"] == node);
        let outputs = node.and_then(|node| node["outputs"].as_array()).into_iter().flatten();
        let output = outputs.clone().find(|known| known["id"] == output);
        output.and_then(|output| output["sent"].as_u64()).unwrap_or(0)
    }
}

fn wait_for(
    lines: &mut impl Iterator<Item = std::io::Result<String>>,
    word: &str,
) -> anyhow::Result<()> {
    for line in lines {
        if line?.contains(word) {
            return Ok(());
        }
    }
    anyhow::bail!("the command ended before it printed `{word}`")
}

fn signal(child: &Child) -> anyhow::Result<()> {
    let process = Pid::from_raw(child.id().try_into()?).context("no process id")?;
    Ok(kill_process(process, Signal::INT)?)
}

/// The command, beside the folder of this example.
fn command() -> anyhow::Result<std::path::PathBuf> {
    let examples = std::env::current_exe()?;
    let folder = examples.parent().and_then(|examples| examples.parent());
    Ok(folder.context("no folder")?.join("thalweg"))
}
