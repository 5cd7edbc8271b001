//! The contract of events, line by line, with nodes of the embedding program and with components.

use std::time::Duration;

use thalweg::{Event, SendError, StopReason, TryRecvError, TrySendError};
use tokio::sync::oneshot;

use crate::support::{at_rest, flow, poll_once, recv_all, short};

/// A source, and a sink that reads it with a queue of two.
fn pair(overflow: &str) -> String {
    format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - id: sink
    embedded: true
    inputs: {{ in: {{ source: source/out, {overflow} }} }}
"
    )
}

/// What a sink that begins late sees of the messages 1 to 5, and how many its input dropped.
async fn seen_late(overflow: &str) -> (Vec<String>, u64) {
    let (result, seen) = oneshot::channel();
    let outcome = flow(&pair(overflow))
        .source("source", ["1", "2", "3", "4", "5"])
        .embed("sink", move |mut ports| async move {
            at_rest().await;
            let events = recv_all(&mut ports).await;
            result.send(events.iter().map(short).collect()).unwrap();
            Ok(())
        })
        .run()
        .await;
    outcome.assert_ok();
    assert_eq!(outcome.input("sink", "in").received, 5);
    (seen.await.unwrap(), outcome.input("sink", "in").dropped)
}

const FAN: &str = "
nodes:
  - { id: source, embedded: true, outputs: [x, y] }
  - id: sink
    embedded: true
    inputs: { a: source/x, b: source/y, c: source/x }
  - id: lines
    component: guests/report-line.wasm
    inputs: { a: source/x, b: source/y, c: source/x }
";

#[tokio::test(start_paused = true)]
async fn events_of_all_inputs_come_in_the_order_in_which_they_were_sent() {
    let outcome = flow(FAN)
        .embed("source", |mut ports| async move {
            for (output, text) in [("x", "1"), ("y", "2"), ("y", "3"), ("x", "4")] {
                ports.send(output, text).await.unwrap();
            }
            Ok(())
        })
        .sink("sink")
        .run()
        .await;
    outcome.assert_ok();
    let expected = ["a:1", "c:1", "b:2", "b:3", "a:4", "c:4", "a closed", "c closed", "b closed"];
    assert_eq!(outcome.seen("sink"), [&expected[..], &["stop"]].concat());
    let lines = outcome.lines_of("lines").into_iter();
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let stop = "stop all inputs closed".to_owned();
    let expected = expected.iter().map(|event| event.replace(':', " ")).chain([stop]);
    assert!(words.eq(expected), "{:?}", outcome.lines_of("lines"));
}

#[tokio::test(start_paused = true)]
async fn a_blocking_send_waits_until_its_reader_takes_something() {
    let (sent, mut taken) = (oneshot::channel(), oneshot::channel());
    flow(&pair("queue: 2"))
        .embed("source", move |mut ports| async move {
            ports.send("out", "1").await.unwrap();
            ports.send("out", "2").await.unwrap();
            assert_eq!(poll_once(ports.send("out", "3")).await, None);
            assert_eq!(ports.try_send("out", "3"), Err(TrySendError::Full("3".into())));
            sent.0.send(()).unwrap();
            ports.send("out", "3").await.unwrap();
            taken.1.try_recv().expect("the sink takes before the third message is sent");
            Ok(())
        })
        .embed("sink", move |mut ports| async move {
            sent.1.await.unwrap();
            at_rest().await;
            taken.0.send(()).unwrap();
            let events = recv_all(&mut ports).await;
            let seen: Vec<_> = events.iter().map(short).collect();
            assert_eq!(seen, ["in:1", "in:2", "in:3", "in closed", "stop"]);
            Ok(())
        })
        .run()
        .await
        .assert_ok();
}

/// `counts` and `echo` between a queue of one and a sink that takes one message whenever all is at rest.
#[tokio::test(start_paused = true)]
async fn components_are_suspended_while_their_reader_is_full() {
    let text = "
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 9 } }
  - id: echo
    component: guests/echo.wasm
    inputs: { in: { source: counts/out, queue: 1 } }
    outputs: [out]
  - id: sink
    embedded: true
    inputs: { in: { source: echo/out, queue: 1 } }
";
    let outcome = flow(text).embed("sink", |mut ports| async move {
        for number in 0_u64..9 {
            at_rest().await;
            let Ok(Event::Input(input)) = ports.try_recv() else { panic!("message {number}") };
            assert_eq!(*input.message.payload, number.to_le_bytes());
            if number < 8 {
                assert_eq!(ports.try_recv(), Err(TryRecvError::Empty), "the queue holds one");
            }
        }
        assert_eq!(recv_all(&mut ports).await.len(), 2);
        Ok(())
    });
    outcome.run().await.assert_ok();
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_bounded_in_bytes_and_passes_one_message_of_any_size() {
    flow(&pair("queue_bytes: 10"))
        .embed("source", |mut ports| async move {
            ports.send("out", "12345").await.unwrap();
            ports.send("out", "67890").await.unwrap();
            assert_eq!(poll_once(ports.send("out", "x")).await, None);
            at_rest().await;
            ports.send("out", vec![0; 1000]).await.unwrap();
            assert_eq!(poll_once(ports.send("out", "")).await, None);
            Ok(())
        })
        .embed("sink", |mut ports| async move {
            at_rest().await;
            assert_eq!(recv_all(&mut ports).await.len(), 5);
            Ok(())
        })
        .run()
        .await
        .assert_ok();
}

#[tokio::test(start_paused = true)]
async fn overflow_rules_keep_what_they_say_and_count_the_rest_in_the_next_event() {
    let expected = ["in:4 (3 dropped)", "in:5", "in closed", "stop"];
    let seen = seen_late("queue: 2, overflow: drop-oldest").await;
    assert_eq!(seen, (expected.map(String::from).to_vec(), 3));
    let expected = ["in:1", "in:2", "in closed (3 dropped)", "stop"];
    let seen = seen_late("queue: 2, overflow: drop-newest").await;
    assert_eq!(seen, (expected.map(String::from).to_vec(), 3));
    let expected = ["in:5 (4 dropped)", "in closed", "stop"];
    let seen = seen_late("overflow: latest").await;
    assert_eq!(seen, (expected.map(String::from).to_vec(), 4));
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_after_stop_however_often_one_asks() {
    flow("nodes: [{ id: alone, embedded: true, inputs: { tick: { timer: 1h } } }]")
        .embed("alone", |mut ports| async move {
            let events = recv_all(&mut ports).await;
            let Some(Event::Stop(StopReason::Requested)) = events.last() else {
                panic!("{events:?}");
            };
            for _ in 0..3 {
                assert_eq!(ports.recv().await, None);
                assert_eq!(ports.recv_batch(&mut Vec::new(), 5).await, 0);
                assert_eq!(ports.try_recv(), Err(TryRecvError::Ended));
            }
            Ok(())
        })
        .start()
        .await
        .stop()
        .await
        .assert_ok();
}

#[tokio::test(start_paused = true)]
async fn ticks_that_nobody_took_are_joined_and_counted() {
    let text = "
nodes:
  - id: node
    embedded: true
    inputs: { a: { timer: 10ms }, b: { timer: 25ms } }
";
    flow(text)
        .embed("node", |mut ports| async move {
            tokio::time::sleep(Duration::from_millis(55)).await;
            let mut batch = Vec::new();
            ports.recv_batch(&mut batch, 64).await;
            let seen: Vec<_> = batch.iter().map(short).collect();
            assert_eq!(seen, ["a tick (4 missed)", "b tick (1 missed)"]);
            assert_eq!(ports.recv().await.as_ref().map(short).as_deref(), Some("a tick"));
            Ok(())
        })
        .run()
        .await
        .assert_ok();
}

#[tokio::test(start_paused = true)]
async fn an_output_is_closed_when_all_its_readers_have_ended() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out, unread] }
  - { id: first, embedded: true, inputs: { in: source/out } }
  - { id: second, embedded: true, inputs: { in: source/out } }
";
    let outcome = flow(text)
        .embed("source", |mut ports| async move {
            ports.send("out", "both").await.unwrap();
            at_rest().await; // `first` has ended
            ports.send("out", "one").await.unwrap();
            at_rest().await; // `second` too
            let closed = SendError::Closed { output: "out".parse().unwrap() };
            assert_eq!(ports.send("out", "none").await, Err(closed.clone()));
            assert_eq!(ports.try_send("out", "none"), Err(TrySendError::Refused(closed)));
            ports.send("unread", "nobody").await.unwrap();
            let unknown = SendError::UnknownOutput { output: "on".into() };
            assert_eq!(ports.send("on", "").await, Err(unknown));
            Ok(())
        })
        .embed("first", |mut ports| async move {
            ports.recv().await;
            Ok(())
        })
        .embed("second", |mut ports| async move {
            ports.recv().await;
            ports.recv().await;
            Ok(())
        })
        .run()
        .await;
    outcome.assert_ok();
    assert_eq!(outcome.input("first", "in").discarded, 1);
    assert_eq!(outcome.input("second", "in").delivered, 2);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_waits_goes_on_when_its_reader_ends() {
    let outcome = flow(&pair("queue: 1"))
        .embed("source", |mut ports| async move {
            ports.send("out", "1").await.unwrap();
            let sent = ports.send("out", "2").await;
            assert_eq!(sent, Err(SendError::Closed { output: "out".parse().unwrap() }));
            Ok(())
        })
        .embed("sink", |ports| async move {
            at_rest().await;
            drop(ports);
            Ok(())
        })
        .run()
        .await;
    outcome.assert_ok();
    assert_eq!(outcome.input("sink", "in").discarded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_component_that_waits_to_send_goes_on_when_its_reader_ends() {
    let text = "
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 100 } }
  - { id: sink, embedded: true, inputs: { in: { source: counts/out, queue: 5 } } }
";
    let outcome = flow(text).embed("sink", |ports| async move {
        at_rest().await;
        drop(ports);
        Ok(())
    });
    let outcome = outcome.run().await;
    assert_eq!(outcome.exit("counts"), "finished", "the guest takes `closed` as its end");
    assert_eq!(outcome.input("sink", "in").discarded, 5);
}

#[tokio::test(start_paused = true)]
async fn a_fan_out_of_eight_waits_for_its_slowest_reader_and_loses_nothing() {
    let mut text = "nodes:\n  - { id: source, embedded: true, outputs: [out] }\n".to_owned();
    for reader in 0..8 {
        text += &format!(
            "  - {{ id: r{reader}, embedded: true, inputs: {{ in: {{ source: source/out, queue: 4 }} }} }}\n"
        );
    }
    let numbers = || (0..200).map(|number: u32| number.to_string());
    let mut flow = flow(&text).source("source", numbers());
    for reader in 0..7 {
        flow = flow.sink(&format!("r{reader}"));
    }
    let slow = flow.embed("r7", move |mut ports| async move {
        for number in numbers() {
            at_rest().await;
            let event = ports.recv().await;
            assert_eq!(event.as_ref().map(short), Some(format!("in:{number}")));
        }
        recv_all(&mut ports).await;
        Ok(())
    });
    let outcome = slow.run().await;
    outcome.assert_ok();
    for reader in 0..7 {
        assert_eq!(outcome.texts(&format!("r{reader}")), numbers().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fan_in_of_eight_keeps_the_order_of_each_output() {
    let mut text = String::from("nodes:\n");
    let mut inputs = String::new();
    for source in 0..8 {
        text += &format!("  - {{ id: s{source}, embedded: true, outputs: [out] }}\n");
        inputs += &format!("i{source}: {{ source: s{source}/out, queue: 3 }}, ");
    }
    text += &format!("  - {{ id: sink, embedded: true, inputs: {{ {inputs} }} }}\n");
    let numbers = || (0..500).map(|number: u32| number.to_string());
    let mut flow = flow(&text).sink("sink");
    for source in 0..8 {
        flow = flow.source(&format!("s{source}"), numbers());
    }
    let outcome = flow.run().await;
    outcome.assert_ok();
    let seen = outcome.seen("sink");
    assert_eq!(seen.len(), 8 * 501 + 1);
    for source in 0..8 {
        let prefix = format!("i{source}:");
        let of_source = seen.iter().filter_map(|event| event.strip_prefix(&prefix));
        assert!(of_source.eq(numbers()), "source {source}");
    }
}
