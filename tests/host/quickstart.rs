//! The guests of the quick start, one behind the other.

use crate::support::flow;

const QUICK_START: &str = "
nodes:
  - id: load
    component: guests/system-load.wasm
    inputs: { tick: { timer: 1ms } }
    outputs: [cpu, memory]
    grants: { read: { /proc: /proc } }
  - id: anomaly
    component: guests/anomaly.wasm
    inputs: { memory: load/memory }
    outputs: [smooth, alert]
  - id: report
    component: guests/report-line.wasm
    inputs: { memory: anomaly/smooth }
  - { id: sink, embedded: true, inputs: { smooth: anomaly/smooth } }
";

#[tokio::test(flavor = "multi_thread")]
async fn the_load_of_this_machine_is_measured_smoothed_and_printed() {
    let (seen, sees) = tokio::sync::oneshot::channel();
    let running = flow(QUICK_START)
        .embed("sink", |mut ports| async move {
            for _ in 0..3 {
                ports.recv().await;
            }
            seen.send(()).unwrap();
            while ports.recv().await.is_some() {}
            Ok(())
        })
        .start()
        .await;
    sees.await.unwrap();
    let outcome = running.stop().await;
    outcome.assert_ok();
    let lines = outcome.lines_of("report");
    assert!(lines.len() >= 4, "{lines:?}");
    assert!(lines[0].starts_with("memory ") && lines[0].ends_with('%'), "{lines:?}");
    assert_eq!(lines[lines.len() - 1], "stop         as requested");
}

#[tokio::test(start_paused = true)]
async fn a_value_far_from_the_usual_is_an_anomaly() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: anomaly, component: guests/anomaly.wasm, inputs: { heat: source/out }, outputs: [smooth, alert] }
  - { id: sink, embedded: true, inputs: { alert: anomaly/alert } }
";
    let values = (0..20).map(|_| "20").chain(["90", "20"]);
    let outcome = flow(text).source("source", values.collect::<Vec<_>>()).sink("sink").run().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), ["heat is 90, usually 20.0 ± 0.5"]);
}
