//! What the embedding program can get wrong.

use thalweg::{EmbedError, Ports};

use crate::support::flow;

async fn ends(_ports: Ports) -> Result<(), String> {
    Ok(())
}

#[tokio::test]
async fn only_embedded_nodes_are_supplied_by_the_program() {
    let text = "
nodes:
  - { id: mine, embedded: true, outputs: [out] }
  - { id: component, component: guests/echo.wasm, inputs: { in: mine/out } }
";
    let mut prepared = flow(text).prepare().unwrap();
    let unknown = prepared.embed("nobody", ends);
    assert_eq!(unknown, Err(EmbedError::UnknownNode { node: "nobody".into() }));
    assert_eq!(unknown.unwrap_err().to_string(), "the dataflow has no node `nobody`");
    let component = prepared.embed("component", ends).unwrap_err();
    assert_eq!(component, EmbedError::NotEmbedded { node: "component".into() });
    assert!(component.to_string().starts_with("node `component` is not `embedded: true`; only"));
    assert_eq!(prepared.embed("mine", ends), Ok(()));
    assert_eq!(prepared.dataflow().nodes().len(), 2);
}
