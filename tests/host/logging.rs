//! What a node prints and logs: lines with its name, its stream and its level.

use thalweg::{Event, LogLevel, LogStream, MAX_LINE_BYTES};
use tokio::sync::mpsc;

use crate::support::{at_rest, flow, soon, wat};

#[tokio::test]
async fn each_line_is_told_with_its_node_and_its_stream() {
    let text = "
nodes:
  - { id: first, component: guests/logs.wasm }
  - { id: second, component: guests/logs.wasm }
";
    let outcome = flow(text).run().await;
    outcome.assert_ok();
    for node in ["first", "second"] {
        let of_node = outcome.lines.iter().filter(|line| line.node.as_str() == node);
        let lines: Vec<_> = of_node.map(|line| (line.stream, line.text.as_str())).collect();
        let expected = [
            (LogStream::Stdout, "a line on stdout"),
            (LogStream::Stderr, "a line on stderr"),
            (LogStream::Log(LogLevel::Info), "a line in the log"),
            (LogStream::Stdout, "no newline at the end"),
        ];
        assert_eq!(lines, expected, "{node}");
    }
}

#[tokio::test]
async fn every_level_arrives_with_its_context() {
    let log = |level: u32| {
        format!(
            "(call $log (i32.const {level}) (i32.const 128) (i32.const 3) (i32.const 131) (i32.const 4))"
        )
    };
    let logs: String = (0..6).map(log).collect();
    let bare =
        "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 131) (i32.const 4))";
    let program = wat::program("(data (i32.const 128) \"ctxtext\")", &(logs + bare));
    let text = "nodes: [{ id: node, component: wat/node.wasm }]";
    let outcome = flow(text).wat("node", &program).run().await;
    outcome.assert_ok();
    use LogLevel::{Critical, Debug, Error, Info, Trace, Warn};
    let levels = [Trace, Debug, Info, Warn, Error, Critical];
    let expected = levels.map(|level| (LogStream::Log(level), "ctx: text"));
    let lines: Vec<_> =
        outcome.lines.iter().map(|line| (line.stream, line.text.as_str())).collect();
    assert_eq!(lines[..6], expected);
    assert_eq!(lines[6], (LogStream::Log(Trace), "text"));
}

#[tokio::test]
async fn a_long_line_is_cut_into_lines() {
    let long = "(memory.fill (i32.const 128) (i32.const 120) (i32.const 20000))
      (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 128) (i32.const 20000))";
    let text = "nodes: [{ id: node, component: wat/node.wasm }]";
    let outcome = flow(text).wat("node", &wat::program("", long)).run().await;
    outcome.assert_ok();
    let lengths: Vec<_> = outcome.lines_of("node").iter().map(|line| line.len()).collect();
    assert_eq!(lengths, [MAX_LINE_BYTES, MAX_LINE_BYTES, 20_000 - 2 * MAX_LINE_BYTES]);
}

/// `chatty` writes more than the log takes, while `a` and `b` exchange messages.
#[tokio::test(start_paused = true)]
async fn a_full_log_holds_up_only_who_writes() {
    let text = "
nodes:
  - { id: a, embedded: true, outputs: [out] }
  - { id: chatty, component: guests/report-line.wasm, inputs: { in: { source: a/out, queue: 100 } } }
  - { id: b, embedded: true, inputs: { in: a/out } }
";
    let (sender, mut lines) = mpsc::channel(1);
    let (came, mut comes) = mpsc::channel(1000);
    let flow = flow(text).source("a", (0..90).map(|number: u32| number.to_string())).embed(
        "b",
        move |mut ports| async move {
            while let Some(Event::Input(_)) = ports.recv().await {
                came.send(()).await.unwrap();
            }
            Ok(())
        },
    );
    let (running, ..) = flow.start_with_logs(sender).await.unwrap();
    for _ in 0..90 {
        soon(comes.recv()).await.unwrap();
    }
    assert_eq!(soon(comes.recv()).await, None, "`b` has ended though the log is full");
    at_rest().await;
    let mut texts = Vec::new();
    while let Some(line) = soon(lines.recv()).await {
        texts.push(line.text);
    }
    let report = soon(running.wait()).await;
    assert!(report.is_ok(), "{report:#?}");
    assert_eq!(texts.len(), 92, "every line came when there was room: {texts:?}");
    assert!(texts[89].ends_with("89"));
}

#[tokio::test]
async fn without_a_reader_of_the_log_nodes_run_on() {
    let (sender, lines) = mpsc::channel(1);
    drop(lines);
    let flow = flow("nodes: [{ id: node, component: guests/logs.wasm }]");
    let (running, ..) = flow.start_with_logs(sender).await.unwrap();
    assert!(soon(running.wait()).await.is_ok());
}
