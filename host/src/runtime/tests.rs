use std::path::Path;
use std::sync::Arc;

use super::life::Next;
use super::*;
use crate::component::testing::component_that_makes_the_host_panic;
use crate::dataflow::Dataflow;
use crate::exit::NodeExit;
use crate::log::LogStream;

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_host_function_ends_its_node_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("any.wasm"), "").unwrap();
    let text = "
nodes:
  - { id: bad, component: any.wasm, outputs: [out] }
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { a: bad/out, b: source/out } }
";
    let mut prepared = prepared_with(text, folder.path());
    prepared
        .embed("source", |mut ports| async move {
            for _ in 0..1000 {
                ports.send("out", "x").await.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
        .unwrap();
    prepared
        .embed("sink", |mut ports| async move {
            while ports.recv().await.is_some() {}
            Ok(())
        })
        .unwrap();
    let report = prepared.start(StartOptions::default()).await.unwrap().wait().await;
    let bad = &report.node("bad").unwrap().exit;
    assert_eq!(*bad, NodeExit::Panicked { message: "a bug of the host".into() });
    assert_eq!(report.node("sink").unwrap().inputs[1].delivered, 1000);
    assert_eq!(report.node("sink").unwrap().exit, NodeExit::Finished);
    assert_eq!(report.unbalanced(), [""; 0]);
}

fn prepared_with(text: &str, folder: &Path) -> PreparedDataflow {
    let dataflow = Dataflow::from_text(text, folder).expect("the text is a dataflow");
    let component = Arc::new(component_that_makes_the_host_panic("a bug of the host"));
    PreparedDataflow::with_component(dataflow, &component)
}

#[tokio::test]
async fn an_unfinished_line_ends_with_its_instance() {
    let text = "nodes: [{ id: node, embedded: true }]";
    let dataflow = Dataflow::from_text(text, Path::new("")).expect("the text is a dataflow");
    let router = Router::new(&dataflow);
    let (logs, mut lines) = mpsc::channel(4);
    let (ready, mut readies) = mpsc::unbounded_channel();
    let open = CancellationToken::new();
    open.cancel();
    let line = StartLine { ready, node: 0, open };
    let code = Code::Embedded(Arc::new(|_| Box::pin(std::future::pending())));
    let mut tasks = Tasks::new(Some(logs), None);
    tasks.start(&dataflow.nodes()[0], code, &router, line.clone());
    readies.recv().await.unwrap().1.unwrap();
    tasks.nodes[0].log.append(LogStream::Stdout, b"half a line");
    assert!(tasks.nodes[0].make_way().is_ok());
    let (node, ended) = tasks.join_next().await.unwrap();
    assert_eq!(tasks.nodes[node].next(ended, None, Duration::ZERO).1, Next::Start);
    assert!(tasks.start_again(line));
    readies.recv().await.unwrap().1.unwrap();
    assert_eq!(lines.try_recv().unwrap().text, "half a line");
}
