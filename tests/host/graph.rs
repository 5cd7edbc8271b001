//! Pictures of dataflows. The Mermaid text of every good descriptor is in a `.mmd` file beside it;
//! `BLESS=1` writes them.

use std::fs;

use thalweg::Dataflow;
use thalweg::graph::{mermaid, svg};

use crate::descriptor::{descriptors, good};

#[test]
fn mermaid_shows_nodes_links_and_timers() {
    for path in descriptors("good") {
        let text = mermaid(&good(path.file_name().unwrap().to_str().unwrap()));
        let expected = path.with_extension("mmd");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&expected).unwrap_or_default(), text, "{}", path.display());
    }
}

#[test]
fn an_svg_shows_every_name_and_needs_nothing_else() {
    for path in descriptors("good") {
        let dataflow = good(path.file_name().unwrap().to_str().unwrap());
        let image = svg(&dataflow);
        for node in dataflow.nodes() {
            assert!(image.contains(&format!(">{}</text>", node.id)), "{}", node.id);
            for output in &node.outputs {
                assert!(image.contains(&format!(">{output}</text>")), "{output}");
            }
            for input in &node.inputs {
                assert!(image.contains(&format!(">{}<", input.id)), "{}", input.id);
            }
        }
        let links = image.matches("marker-end").count();
        let read = dataflow.nodes().iter().flat_map(|node| &node.inputs);
        let read = read.filter(|input| matches!(input.feed, thalweg::Feed::Source { .. }));
        assert_eq!(links, read.count(), "{}", path.display());
        assert_eq!(image.matches("http").count(), 1, "only the name of the format");
    }
}

#[test]
fn names_of_files_cannot_add_markup() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("<b>&\"#`.wasm"), "").unwrap();
    let text = "nodes: [{ id: a, component: '<b>&\"#`.wasm', grants: { read: { '/<i>': . } } }]";
    let dataflow = Dataflow::from_text(text, folder.path()).unwrap();
    let image = svg(&dataflow);
    assert!(image.contains("&lt;b&gt;&amp;&quot;#`.wasm") && image.contains("read /&lt;i&gt;"));
    assert!(!image.contains("<b>") && !image.contains("<i>"));
    let text = mermaid(&dataflow);
    assert!(text.contains("#60;b#62;#38;#34;#35;#96;.wasm") && !text.contains("<i>"), "{text}");
}

#[test]
fn a_dataflow_of_ten_thousand_nodes_is_drawn() {
    let mut text = "nodes:\n  - { id: n0, embedded: true, outputs: [x] }\n".to_owned();
    for node in 1..10_000 {
        let before = node - 1;
        text += &format!(
            "  - {{ id: n{node}, embedded: true, outputs: [x], inputs: {{ a: n{before}/x, b: n0/x }} }}\n"
        );
    }
    let dataflow = Dataflow::from_text(&text, ".".as_ref()).unwrap();
    assert!(svg(&dataflow).ends_with("</svg>\n"));
    assert_eq!(mermaid(&dataflow).lines().count(), 1 + 10_000 + 2 * 9_999);
}
