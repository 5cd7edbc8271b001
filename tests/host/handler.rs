//! The world `handler`, by real components.

use std::sync::{Arc, Mutex};

use crate::support::{flow, recv_all, short};

fn echo_flow(echo: &str) -> String {
    format!(
        "
nodes:
  - id: source
    embedded: true
    outputs: [out]
  - id: echo
    component: guests/{echo}.wasm
    inputs: {{ in: source/out }}
    outputs: [out]
    limits: {{ memory: 256MiB }}
  - id: sink
    embedded: true
    inputs: {{ in: echo/out }}
"
    )
}

/// What a sink receives when `texts` go through a guest that forwards.
async fn forwarded_by(echo: &str, texts: &'static [&'static str]) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let outcome = flow(&echo_flow(echo))
        .embed("source", move |mut ports| async move {
            for text in texts {
                ports.send("out", *text).await.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
        .embed("sink", move |mut ports| async move {
            let events = recv_all(&mut ports).await;
            *sink.lock().unwrap() = events.iter().map(short).collect();
            Ok(())
        })
        .run()
        .await;
    assert!(outcome.report.is_ok(), "{:#?}", outcome.report);
    Arc::try_unwrap(seen).unwrap().into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_events_come_out_of_every_guest_that_forwards() {
    let texts = &["one", "two", "", "a longer one, but still inline"];
    let expected =
        ["in:one", "in:two", "in:", "in:a longer one, but still inline", "in closed", "stop"];
    for echo in ["echo", "echo-program", "echo-python"] {
        assert_eq!(forwarded_by(echo, texts).await, expected, "{echo}");
    }
}
