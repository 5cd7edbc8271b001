//! Nodes that are processes: how they are started, what of them is told, and that nothing of them is left.
//! The package that they run in is a stand-in, so that no wheel is needed.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use thalweg::{LogStream, MAX_LINE_BYTES, NotReady, ProcessProblem, StartError};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::{OpenOptions, Receiver};
use tokio::sync::mpsc;

use crate::support::{Flow, Outcome, flow, root, soon};

/// What every script begins with.
const PRELUDE: &str = "
import os, signal, subprocess, sys, time
folder = os.path.dirname(sys.argv[0])
";

/// One node that runs this script; `fields` are its other fields, and `env` more variables of it.
fn node(fields: &str, env: &str, script: &str) -> Flow {
    let package = root().join("tests/support/fake_thalweg");
    let env = format!("PYTHONPATH: '{}'{env}", package.display());
    let text = format!("nodes: [{{ id: node, python: script.py, env: {{ {env} }}{fields} }}]");
    flow(&text).file("script.py", (PRELUDE.to_owned() + script).as_bytes())
}

fn script(script: &str) -> Flow {
    node(", interpreter: python3", "", script)
}

async fn run(text: &str) -> Outcome {
    script(text).run().await
}

/// A program of the shell in the folder of a flow.
fn program(flow: Flow, name: &str, text: &str) -> Flow {
    let flow = flow.file(name, text.as_bytes());
    fs::set_permissions(flow.folder().join(name), Permissions::from_mode(0o755)).unwrap();
    flow
}

/// `fifo` in the folder of a flow. It ends when nobody has it open for writing any more.
fn fifo(flow: &Flow) -> Receiver {
    let path = flow.folder().join("fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    OpenOptions::new().open_receiver(path).unwrap()
}

async fn read_to_end(mut fifo: Receiver) -> String {
    let mut text = String::new();
    soon(fifo.read_to_string(&mut text)).await.unwrap();
    text
}

/// The texts of a stream.
fn texts(outcome: &Outcome, stream: LogStream) -> Vec<String> {
    let lines = outcome.lines.iter().filter(|line| line.stream == stream);
    lines.map(|line| line.text.clone()).collect()
}

#[tokio::test]
async fn each_line_is_told_in_order_with_its_node_and_its_stream() {
    let outcome = run("
for number in range(100):
    print('out', number)
    print('err', number, file=sys.stderr)
print('no end', end='')
")
    .await;
    outcome.assert_ok();
    let numbered = |word: &str| (0..100).map(|number| format!("{word} {number}")).collect();
    let mut out: Vec<_> = numbered("out");
    out.push("no end".into());
    assert_eq!(texts(&outcome, LogStream::Stdout), out);
    let err: Vec<_> = numbered("err");
    assert_eq!(texts(&outcome, LogStream::Stderr), err);
    assert_eq!(outcome.lines_of("node").len(), 201);
}

#[tokio::test]
async fn a_line_is_told_while_the_process_runs_on() {
    let flow = script("print('early'); open(os.path.join(folder, 'go')).read()");
    let go = flow.folder().join("go");
    mknodat(CWD, &go, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let (sender, mut lines) = mpsc::channel(10);
    let (running, _, _folder) = flow.start_with_logs(sender).await.unwrap();
    assert_eq!(soon(lines.recv()).await.unwrap().text, "early");
    // Opening it for writing waits for the script, which opens it for reading.
    tokio::task::spawn_blocking(move || fs::write(go, "")).await.unwrap().unwrap();
    assert!(soon(running.wait()).await.is_ok());
}

#[tokio::test]
async fn a_long_line_is_cut_into_lines() {
    let outcome = run("print('x' * 20000)").await;
    let lengths: Vec<_> = outcome.lines_of("node").iter().map(|line| line.len()).collect();
    assert_eq!(lengths, [MAX_LINE_BYTES, MAX_LINE_BYTES, 20_000 - 2 * MAX_LINE_BYTES]);
}

/// The script writes until nobody has read for a second; if the host took everything, it would come to
/// its 64 MiB.
#[tokio::test]
async fn who_prints_waits_while_the_log_is_full() {
    let flow = script(
        "
import select
os.set_blocking(1, False)
room = select.poll()
room.register(1, select.POLLOUT)
written = 0
while room.poll(1000) and written < 64 << 20:
    written += os.write(1, b'123456789\\n' * 100)
with open(os.path.join(folder, 'fifo'), 'w') as fifo:
    fifo.write(str(written))
",
    );
    let fifo = fifo(&flow);
    let (sender, mut lines) = mpsc::channel(1);
    let (running, _, _folder) = flow.start_with_logs(sender).await.unwrap();
    fifo.readable().await.unwrap();
    let written: usize = read_to_end(fifo).await.parse().unwrap();
    assert!(written < 1 << 20, "{written} bytes were taken though nobody reads the log");
    let mut told = 0;
    while let Some(line) = soon(lines.recv()).await {
        told += line.text.len() + 1;
    }
    assert_eq!(told, written, "every line came when there was room");
    assert!(soon(running.wait()).await.is_ok());
}

#[tokio::test]
async fn each_end_of_a_process_is_told() {
    for (text, exit) in [
        ("", "finished"),
        ("sys.exit(0)", "finished"),
        ("sys.exit(3)", "exited with code 3"),
        ("raise ValueError('no such lamp')", "exited with code 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended by signal 9 (SIGKILL)"),
        ("os.kill(os.getpid(), signal.SIGUSR1)", "ended by signal 10 (SIGUSR1)"),
    ] {
        let outcome = run(text).await;
        assert_eq!(outcome.exit_text("node"), exit, "{text}");
        assert_eq!(outcome.report.is_ok(), exit == "finished", "{text}");
    }
    let lines = run("raise ValueError('no such lamp')").await.lines;
    assert_eq!(lines.last().unwrap().text, "ValueError: no such lamp");
}

#[tokio::test]
async fn what_a_process_leaves_behind_ends_with_it() {
    let flow = script(
        "
fifo = os.open(os.path.join(folder, 'fifo'), os.O_WRONLY)
subprocess.Popen(['sleep', '1000'], pass_fds=[fifo])
print('done')
",
    );
    let fifo = fifo(&flow);
    let outcome = flow.run().await;
    outcome.assert_ok();
    assert_eq!(outcome.lines_of("node"), ["done"]);
    assert_eq!(read_to_end(fifo).await, "");
}

#[tokio::test]
async fn a_process_that_left_the_group_holds_up_nobody() {
    let flow = script(
        "
left = subprocess.Popen(['sleep', '1000'], start_new_session=True)
print(left.pid)
",
    );
    let outcome = flow.run().await;
    outcome.assert_ok();
    let left = outcome.lines_of("node")[0].parse().unwrap();
    kill_process(Pid::from_raw(left).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_killed_process_ends_with_all_that_it_started_and_its_last_words_are_told() {
    let flow = script(
        "
fifo = os.open(os.path.join(folder, 'fifo'), os.O_WRONLY)
subprocess.Popen(['sleep', '1000'], pass_fds=[fifo])
print('running')
print('last words', file=sys.stderr)
os.write(fifo, b'.')
signal.pause()
",
    );
    let fifo = fifo(&flow);
    let running = flow.start().await;
    soon(fifo.readable()).await.unwrap();
    running.control().kill();
    let outcome = running.wait().await;
    assert_eq!(outcome.exit("node"), "killed");
    assert_eq!(texts(&outcome, LogStream::Stdout), ["running"]);
    assert_eq!(texts(&outcome, LogStream::Stderr), ["last words"]);
    assert_eq!(read_to_end(fifo).await, ".");
}

#[tokio::test]
async fn a_process_that_does_not_end_is_ended_after_its_grace_period() {
    let flow = script(
        "
fifo = os.open(os.path.join(folder, 'fifo'), os.O_WRONLY)
print('last words', end='')
os.write(fifo, b'.')
signal.pause()
",
    );
    let fifo = fifo(&flow);
    let running = flow.grace(Duration::from_millis(10)).start().await;
    soon(fifo.readable()).await.unwrap();
    let outcome = running.stop().await;
    assert!(outcome.exit_text("node").contains("did not end within 10ms"));
    assert_eq!(outcome.lines_of("node"), ["last words"]);
}

#[tokio::test]
async fn a_process_is_given_its_arguments_and_its_variables_beside_those_of_the_host() {
    let flow = node(
        ", interpreter: python3, args: [--fast, 5, '']",
        ", LEVEL: 3, PYTHONUNBUFFERED: x",
        "
print(sys.argv[1:])
print([os.environ.get(name, '') for name in ['LEVEL', 'THALWEG_NODE', 'HOME']])
print(sys.stdin.read() == '', sys.argv[0] == __file__, os.getcwd())
",
    );
    let outcome = flow.run().await;
    outcome.assert_ok();
    let expected = [
        "['--fast', '5', '']".into(),
        format!("['3', 'node', '{}']", std::env::var("HOME").unwrap_or_default()),
        format!("True True {}", std::env::current_dir().unwrap().display()),
    ];
    assert_eq!(outcome.lines_of("node"), expected);
}

/// Its interrupt would otherwise come with that of the host, which stops the dataflow in order.
#[tokio::test]
async fn a_process_is_not_in_the_group_that_the_terminal_interrupts() {
    let outcome = run("print(os.getpgrp() == os.getpid(), os.getpgid(os.getppid()))").await;
    let host = rustix::process::getpgrp().as_raw_pid();
    assert_eq!(outcome.lines_of("node"), [format!("True {host}")]);
}

#[tokio::test]
async fn a_process_inherits_its_link_and_nothing_else_of_the_host() {
    let outcome = run("
import stat
link = int(os.environ['THALWEG_LINK'])
print(link, stat.S_ISSOCK(os.fstat(link).st_mode))
for name in os.listdir('/proc/self/fd'):
    try:
        os.fstat(int(name))
        print(name)
    except OSError:
        pass # The descriptor of the list itself.
")
    .await;
    outcome.assert_ok();
    let lines = outcome.lines_of("node");
    let (link, is_socket) = lines[0].split_once(' ').unwrap();
    assert_eq!(is_socket, "True");
    let seen: BTreeSet<_> = lines[1..].iter().map(|line| (*line).to_owned()).collect();
    let mut expected = inheritable();
    expected.extend(["0", "1", "2", link].map(str::to_owned));
    assert_eq!(seen, expected);
}

/// What whoever started the tests gives to every child: descriptors that are not closed by `exec`.
fn inheritable() -> BTreeSet<String> {
    const O_CLOEXEC: u32 = 0o2_000_000;
    let inheritable = |number: &String| {
        let about = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
        flags.is_some_and(|flags| flags & O_CLOEXEC == 0)
    };
    let numbers = fs::read_dir("/proc/self/fd").unwrap();
    let numbers = numbers.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    numbers.filter(inheritable).collect()
}

/// Other tests open descriptors and start processes too, so this counts in a process of its own.
#[test]
fn no_descriptor_and_no_child_is_left_of_ended_and_killed_processes() {
    let mut alone = Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", "process::all_is_given_back", "--ignored"]);
    let output = alone.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
#[ignore = "counts all descriptors and children of the process: run alone by another test"]
async fn all_is_given_back() {
    let mut counts = BTreeSet::new();
    for _ in 0..5 {
        run("").await.assert_ok();
        let running = script("signal.pause()").start().await;
        running.control().kill();
        assert_eq!(running.wait().await.exit("node"), "killed");
        counts.insert(fs::read_dir("/proc/self/fd").unwrap().count());
    }
    assert_eq!(counts.len(), 1, "{counts:?}");
    // A killed process is reaped a moment after its node has ended; nothing tells when.
    soon(async {
        while has_children() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Whether this process has started any that is not reaped.
fn has_children() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::All, look).map_err(|error| assert_eq!(error, Errno::CHILD)).is_ok()
}

#[tokio::test]
async fn the_interpreter_of_the_embedding_program_is_the_usual_one() {
    let flow = program(node("", "", ""), "python", "#!/bin/sh\necho \"$4\"\nexec python3 \"$@\"\n");
    let (python, script) = (flow.folder().join("python"), flow.folder().join("script.py"));
    let outcome = flow.python(python).run().await;
    outcome.assert_ok();
    assert_eq!(outcome.lines_of("node"), [script.to_str().unwrap()]);
}

#[tokio::test]
async fn an_interpreter_that_cannot_be_started_is_told_with_its_node_and_its_script() {
    let text = "
nodes:
  - { id: good, embedded: true }
  - { id: bad, python: script.py, interpreter: ./python }
";
    let flow = program(flow(text).file("script.py", b""), "python", "#!/no/such/shell\n");
    let flow = flow.embed("good", |_| async { panic!("a node began, though another cannot") });
    let script = flow.folder().join("script.py");
    let error = flow.try_start().await.err().unwrap();
    let StartError::NotReady(errors) = &error else { panic!("{error}") };
    let [NotReady::Process(process)] = &errors[..] else { panic!("{error}") };
    assert_eq!((process.node.as_str(), &process.script), ("bad", &script));
    assert!(matches!(process.problem, ProcessProblem::NotStarted { .. }));
    let text = error.to_string();
    assert!(text.starts_with("node `bad`: script `/"), "{text}");
    assert!(text.contains("/python`: No such file"), "{text}");
}

#[tokio::test]
async fn a_node_that_nobody_attaches_to_ends_well() {
    let outcome = flow("nodes: [{ id: node, attached: true }]").start().await.stop().await;
    outcome.assert_ok();
    assert_eq!(outcome.exit("node"), "unattached");
    assert!(outcome.exit_text("node").starts_with("nobody attached to it"));
}
