//! Order and completeness through components, at sizes on both sides of the inline threshold.

use crate::support::flow;

fn counted(echo: &str, count: u32, sizes: &str, input: &str) -> String {
    format!(
        "
nodes:
  - id: counts
    component: guests/counts.wasm
    outputs: [out]
    parameters: {{ count: {count}, sizes: '{sizes}' }}
  - id: echo
    component: guests/{echo}.wasm
    inputs: {{ in: counts/out }}
    outputs: [out]
    limits: {{ memory: 256MiB }}
  - id: verify
    component: guests/verify.wasm
    inputs: {{ in: {input}, direct: counts/out }}
    outputs: [summary]
    parameters: {{ drops: {} }}
  - {{ id: sink, embedded: true, inputs: {{ in: verify/summary }} }}
",
        input.contains("overflow")
    )
}

const SIZES: &str = "8, 8191, 8192, 8193, 9, 70000, 8, 16, 8388608";

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_all_sizes_stay_in_order_through_components() {
    for echo in ["echo", "echo-program", "copies"] {
        let outcome = flow(&counted(echo, 300, SIZES, "echo/out")).sink("sink").run().await;
        outcome.assert_ok();
        let expected = "direct: 300 messages, 0 dropped; in: 300 messages, 0 dropped";
        assert_eq!(outcome.texts("sink"), [expected], "{echo}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_that_a_component_misses_is_counted() {
    for overflow in
        ["queue: 2, overflow: drop-oldest", "queue: 3, overflow: drop-newest", "overflow: latest"]
    {
        let input = format!("{{ source: echo/out, {overflow} }}");
        let outcome = flow(&counted("echo", 3000, "8, 9000", &input)).sink("sink").run().await;
        outcome.assert_ok();
        let books = outcome.input("verify", "in");
        let (delivered, dropped) = (books.delivered, books.dropped);
        assert_eq!(delivered + dropped, 3000);
        let expected = format!(
            "direct: 3000 messages, 0 dropped; in: {delivered} messages, {dropped} dropped"
        );
        assert_eq!(outcome.texts("sink"), [expected], "{overflow}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_small_messages_arrive() {
    let outcome = flow(&counted("echo", 100_000, "8", "echo/out")).sink("sink").run().await;
    outcome.assert_ok();
    assert_eq!(outcome.input("verify", "in").delivered, 100_000);
}

/// What `measures` found, for the source of `floods` or `paces` that `source` describes.
async fn measured(source: &str, parameters: &str) -> String {
    let text = format!(
        "
nodes:
  - {{ id: source, outputs: [out], {source} }}
  - id: measures
    component: guests/measures.wasm
    inputs: {{ in: source/out }}
    outputs: [found]
    parameters: {{ {parameters} }}
  - {{ id: sink, embedded: true, inputs: {{ in: measures/found }} }}
"
    );
    let outcome = flow(&text).sink("sink").run().await;
    outcome.assert_ok();
    outcome.texts("sink").concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_counted_whole_and_read_to_its_last_byte() {
    for size in [8, 9000] {
        let source =
            format!("component: guests/floods.wasm, parameters: {{ count: 1000, size: {size} }}");
        let found = measured(&source, "read: true").await;
        // The last byte of a longer one is its filling: 7.
        let sum = if size > 8 { 7000 } else { 0 };
        assert!(found.starts_with(r#"{"count":1000,"#), "{found}");
        assert!(found.ends_with(&format!(r#""sum":{sum},"delays":[]}}"#)), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paced_tells_how_long_each_message_took() {
    let source =
        "component: guests/paces.wasm, inputs: { tick: { timer: 1ms } }, parameters: { count: 5 }";
    let found = measured(source, "delays: true").await;
    assert!(found.starts_with(r#"{"count":5,"#), "{found}");
    let (_, delays) = found.split_once(r#""delays":["#).unwrap();
    let delays = delays.trim_end_matches("]}").split(", ").map(|delay| delay.parse().unwrap());
    let delays: Vec<u64> = delays.collect();
    assert_eq!(delays.len(), 5);
    assert!(delays.iter().all(|delay| (1..10_000_000_000).contains(delay)), "{delays:?}");
}
