//! What is told of nodes while the dataflow runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thalweg::{NodeEvent, NodeEventKind, NodeExit, NodeState};
use tokio::sync::mpsc;

use crate::support::{all_told, at_rest, flow, recv_all, soon};

const PAIR: &str = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: source/out } }
";

const ENDLESS: &str = "
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 1000000000 } }
  - { id: sink, embedded: true, inputs: { in: counts/out } }
";

#[tokio::test(start_paused = true)]
async fn what_happens_to_nodes_is_told_in_order() {
    let (flow, mut events) = flow(PAIR).events();
    let told_to = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&told_to);
    let running = flow
        .embed_restartable("source", move |_| {
            let ends = ends.load(Ordering::Relaxed);
            async move { if ends { Ok(()) } else { std::future::pending().await } }
        })
        .embed("sink", |mut ports| async move {
            recv_all(&mut ports).await;
            Err("on purpose".into())
        })
        .start()
        .await;
    at_rest().await;
    running.control().restart("source").await.unwrap();
    told_to.store(true, Ordering::Relaxed);
    running.control().restart("source").await.unwrap();
    running.wait().await;
    let told = all_told(&mut events).await;
    let of = |node: &str| {
        let of = told.iter().filter(|event| event.node.as_str() == node);
        of.map(|event| event.kind.clone()).collect::<Vec<_>>()
    };
    let finished = NodeEventKind::Ended(NodeExit::Finished);
    let failed = NodeEventKind::Ended(NodeExit::Failed { message: "on purpose".into() });
    let restarted = |count| NodeEventKind::Restarted { count };
    assert_eq!(of("source"), [NodeEventKind::Started, restarted(1), restarted(2), finished]);
    assert_eq!(of("sink"), [NodeEventKind::Started, failed]);
    assert!(told.iter().take(2).all(|event| event.kind == NodeEventKind::Started), "{told:?}");
    assert!(told.is_sorted_by_key(|event| event.at), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_status_tells_the_counts_while_they_grow_and_at_the_end_those_of_the_report() {
    let running = flow(PAIR)
        .embed_restartable("source", |mut ports| async move {
            for number in 0..3 {
                ports.send("out", number.to_string()).await.map_err(|error| error.to_string())?;
            }
            std::future::pending().await
        })
        .embed("sink", |mut ports| async move {
            ports.recv().await;
            std::future::pending().await
        })
        .start()
        .await;
    at_rest().await;
    let control = running.control();
    let status = control.status();
    assert_eq!((status.name, status.pid, status.stopping), (None, std::process::id(), false));
    let [source, sink] = &status.nodes[..] else { panic!("two nodes") };
    assert_eq!((source.events_out, source.restarts, source.state), (3, 0, NodeState::Running));
    assert_eq!((sink.events_in, sink.queued, &sink.exit), (1, 2, &None));
    control.restart("source").await.unwrap();
    at_rest().await;
    control.kill();
    assert!(control.status().stopping);
    let report = running.wait().await;
    for (status, report) in control.status().nodes.iter().zip(&report.report.nodes) {
        assert_eq!(status.state, NodeState::Ended);
        assert_eq!(status.exit.as_deref(), Some(&*report.exit.to_string()));
        assert_eq!((&status.id, status.restarts), (&report.id, report.restarts));
        assert_eq!((status.events_in, status.events_out), (report.events_in, report.events_out));
        assert_eq!(status.queued, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_is_told_behind_the_last_line_of_the_node() {
    let text = "nodes: [{ id: talker, component: guests/logs.wasm }]";
    let (flow, mut events) = flow(text).events();
    let (sender, mut lines) = mpsc::channel(1);
    let (running, _seen, _folder) = flow.start_with_logs(sender).await.unwrap();
    assert_eq!(events.recv().await.unwrap().kind, NodeEventKind::Started);
    let mut texts = Vec::new();
    while let Some(line) = soon(lines.recv()).await {
        assert!(texts.len() == 3 || events.try_recv().is_err(), "the end comes before its lines");
        texts.push(line.text);
    }
    assert_eq!(texts.len(), 4, "{texts:?}");
    soon(running.wait()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_is_told_when_a_dataflow_is_killed() {
    let (flow, mut events) = flow(ENDLESS).sink("sink").events();
    let running = flow.start().await;
    running.control().kill();
    running.wait().await;
    let told = all_told(&mut events).await;
    let ended = |event: &&NodeEvent| matches!(event.kind, NodeEventKind::Ended(_));
    assert_eq!(told.iter().filter(ended).count(), 2, "{told:?}");
}

#[tokio::test]
async fn a_dataflow_that_does_not_start_tells_nothing() {
    let (flow, mut events) = flow("nodes: [{ id: node, embedded: true }]").events();
    assert!(flow.try_start().await.is_err());
    assert_eq!(events.recv().await, None);
}
