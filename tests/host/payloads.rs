//! Payloads, their handles, and what travels with them.

use std::sync::Arc;

use bytes::Bytes;
use thalweg::{Encoding, Event, Outgoing, Value};

use crate::support::{Outcome, flow, wat};

/// What a sink receives of these messages through a node, with room for the largest.
async fn through(node: &str, wat: Option<&str>, messages: Vec<Outgoing>) -> Outcome {
    let text = format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: node, component: {node}, inputs: {{ in: source/out }}, outputs: [out], limits: {{ memory: 256MiB }} }}
  - {{ id: sink, embedded: true, inputs: {{ in: node/out }} }}
"
    );
    let flow = flow(&text).source("source", messages).sink("sink");
    let flow = match wat {
        Some(wat) => flow.wat("node", wat),
        None => flow,
    };
    flow.run().await
}

/// Bytes of which each part is different.
fn bytes(length: usize) -> Bytes {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

const SIZES: [usize; 7] = [0, 1, 8191, 8192, 8193, 1 << 20, 8 << 20];

#[tokio::test]
async fn bytes_are_the_same_behind_every_node_that_forwards() {
    for guest in ["echo", "echo-program", "copies", "echo-python"] {
        let messages = SIZES.map(|size| Outgoing::from(bytes(size)));
        let outcome = through(&format!("guests/{guest}.wasm"), None, messages.into()).await;
        outcome.assert_ok();
        let came = outcome.payloads("sink");
        assert!(came.eq(&SIZES.map(bytes)), "{guest}");
    }
}

#[tokio::test]
async fn a_shared_payload_is_forwarded_without_a_copy() {
    let sent = bytes(8193);
    for guest in ["echo", "echo-program"] {
        let messages = vec![sent.clone().into(), sent.slice(1..).into(), bytes(8192).into()];
        let outcome = through(&format!("guests/{guest}.wasm"), None, messages).await;
        let came: Vec<_> = outcome.payloads("sink").collect();
        assert_eq!(came[0].as_ptr(), sent.as_ptr(), "{guest}");
        assert_ne!(came[1].as_ptr(), sent.as_ptr(), "8192 bytes come inline");
    }
}

#[tokio::test]
async fn all_readers_of_an_output_share_its_bytes() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: a, embedded: true, inputs: { in: source/out } }
  - { id: b, embedded: true, inputs: { in: source/out } }
";
    let sent = bytes(10);
    let outcome = flow(text).source("source", [sent.clone()]).sink("a").sink("b").run().await;
    for sink in ["a", "b"] {
        assert_eq!(outcome.payloads(sink).next().unwrap().as_ptr(), sent.as_ptr());
    }
}

#[tokio::test]
async fn encoding_and_parameters_of_every_type_survive() {
    let values: Vec<(Arc<str>, Value)> = vec![
        ("yes".into(), Value::Boolean(true)),
        ("least".into(), Value::Integer(i64::MIN)),
        ("".into(), Value::Float(-0.1)),
        ("infinite".into(), Value::Float(f64::INFINITY)),
        ("größe".into(), Value::Text("é\0\u{10FFFF}".into())),
        ("bytes".into(), Value::Bytes(Bytes::from_static(b"\0\xff"))),
        ("twice".into(), Value::Integer(1)),
        ("twice".into(), Value::Integer(2)),
        ("empty".into(), Value::Text("".into())),
    ];
    let message = Outgoing {
        payload: Bytes::from_static(b"payload"),
        encoding: Encoding::Arrow,
        parameters: values.into_iter().collect(),
    };
    for guest in ["echo", "echo-program", "echo-python", "copies"] {
        let messages = vec![message.clone(), "plain".into()];
        let outcome = through(&format!("guests/{guest}.wasm"), None, messages).await;
        let [Event::Input(first), Event::Input(second), ..] = outcome.events("sink") else {
            panic!("{:?}", outcome.report);
        };
        let metadata = &first.message.metadata;
        assert_eq!(metadata.parameters, message.parameters, "{guest}");
        assert_eq!((metadata.encoding, metadata.sequence), (Encoding::Arrow, 0));
        let metadata = &second.message.metadata;
        assert_eq!((metadata.encoding, metadata.sequence), (Encoding::Raw, 1));
        assert!(metadata.parameters.is_empty() && metadata.timestamp > 0);
    }
}

/// For each message: the record of its event, the name of its input, and its bytes.
const TELLS_RECORDS: &str = "(loop $next
    (if (i32.eqz (i32.load8_u (local.get $at))) (then
      (call $say (local.get $at) (i32.const 72))
      (call $say (i32.load offset=8 (local.get $at)) (i32.load offset=12 (local.get $at)))
      (call $say (i32.load offset=60 (local.get $at)) (i32.load offset=64 (local.get $at)))))
    (local.set $at (i32.add (local.get $at) (i32.const 72)))
    (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))";

#[tokio::test]
async fn a_message_lies_in_memory_as_the_canonical_abi_says_with_parameters_and_without() {
    let arrow = Outgoing { encoding: Encoding::Arrow, ..Outgoing::from("") };
    let parameters = [("name".into(), Value::Boolean(true))].into_iter().collect();
    let with_parameter = Outgoing { parameters, ..Outgoing::from("more") };
    let messages: Vec<Outgoing> = vec!["payload".into(), arrow, with_parameter];
    let node = wat::handler("", TELLS_RECORDS);
    let outcome = through("wat/node.wasm", Some(&node), messages.clone()).await;
    outcome.assert_ok();
    let told: Vec<Bytes> = outcome.payloads("sink").cloned().collect();
    assert_eq!(told.len(), 9);
    for (sequence, (message, told)) in messages.iter().zip(told.chunks(3)).enumerate() {
        let record = &told[0];
        let number = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().unwrap());
        let length = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
        assert_eq!((record[0], record[56]), (0, 0), "an input with inline bytes");
        assert_eq!((number(16), number(32)), (0, sequence as u64), "dropped, sequence");
        assert!(number(24) > 1_700_000_000_000_000_000, "nanoseconds since 1970");
        assert_eq!(record[40], u8::from(message.encoding == Encoding::Arrow));
        assert_eq!(length(44) % 8, 0, "parameters are aligned, also where there are none");
        assert_eq!(length(48), u32::from(sequence == 2), "parameters");
        assert_eq!((&told[1][..], &told[2]), (&b"in"[..], &message.payload));
    }
}

/// Makes a buffer of the ten letters at 128 and keeps it in `$buffer`. `$tell` sends what a read of it
/// gives.
const LETTERS: &str = r#"
    (data (i32.const 128) "abcdefghij")
    (global $shared (mut i32) (i32.const 0))
    (func $tell (param $buffer i32) (param $from i64) (param $len i64)
      (call $read (local.get $buffer) (local.get $from) (local.get $len) (i32.const 64))
      (call $say (i32.load (i32.const 64)) (i32.load (i32.const 68))))
"#;

async fn letters(run: &str) -> Outcome {
    let new = "(local $buffer i32) (local.set $buffer (call $new (i32.const 128) (i32.const 10)))";
    let program = wat::program(LETTERS, &format!("{new} {run}"));
    through("wat/node.wasm", Some(&program), Vec::new()).await
}

#[tokio::test]
async fn a_read_gives_what_there_is() {
    let outcome = letters(
        "(call $tell (local.get $buffer) (i64.const 0) (i64.const 10))
         (call $tell (local.get $buffer) (i64.const 7) (i64.const 2))
         (call $tell (local.get $buffer) (i64.const 7) (i64.const 100))
         (call $tell (local.get $buffer) (i64.const 10) (i64.const 1))
         (call $tell (local.get $buffer) (i64.const 11) (i64.const 1))
         (call $tell (local.get $buffer) (i64.const -1) (i64.const -1))
         (call $tell (local.get $buffer) (i64.const 9) (i64.const -1))
         (i64.store (i32.const 64) (call $size (local.get $buffer)))
         (call $say (i32.const 64) (i32.const 8))",
    )
    .await;
    outcome.assert_ok();
    let expected = ["abcdefghij", "hi", "hij", "", "", "", "j", "\n\0\0\0\0\0\0\0"];
    assert_eq!(outcome.texts("sink"), expected);
}

#[tokio::test]
async fn a_shared_handle_outlives_the_one_that_it_came_of() {
    let outcome = letters(
        "(global.set $shared (call $share (local.get $buffer)))
         (call $send-out (i32.const 1) (local.get $buffer) (i32.const 0))
         (call $tell (global.get $shared) (i64.const 0) (i64.const 3))
         (call $send-out (i32.const 1) (global.get $shared) (i32.const 0))",
    )
    .await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), ["abcdefghij", "abc", "abcdefghij"]);
    let came: Vec<_> = outcome.payloads("sink").collect();
    assert_eq!(came[0].as_ptr(), came[2].as_ptr(), "the host holds the bytes once");
}

#[tokio::test]
async fn a_handle_that_was_given_away_or_dropped_ends_the_node_that_uses_it() {
    let send = "(call $send-out (i32.const 1) (local.get $buffer) (i32.const 0))";
    let drop = "(call $drop (local.get $buffer))";
    let read = "(call $tell (local.get $buffer) (i64.const 0) (i64.const 1))";
    let foreign = "(call $drop (i32.const 77))";
    let before = "(call $say (i32.const 128) (i32.const 1))";
    for (first, second) in [(send, read), (send, send), (drop, read), (drop, drop), ("", foreign)] {
        let outcome = letters(&format!("{before} {first} {second}")).await;
        assert_eq!(outcome.exit("node"), "trapped", "{first} {second}");
        assert!(outcome.report.node("source").unwrap().exit.is_ok());
        assert_eq!(outcome.texts("sink")[0], "a");
        assert_eq!(outcome.exit("sink"), "finished");
    }
}

#[tokio::test]
async fn bytes_outside_its_memory_end_the_node() {
    let outcome = letters("(call $say (i32.const 65530) (i32.const 100))").await;
    assert_eq!(outcome.exit("node"), "trapped");
}
