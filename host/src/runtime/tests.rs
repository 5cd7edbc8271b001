use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::component::testing::component_that_makes_the_host_panic;
use crate::dataflow::Dataflow;
use crate::exit::NodeExit;

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
