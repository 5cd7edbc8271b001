//! Nodes that are given another component while they run.

use std::path::PathBuf;
use std::sync::Arc;

use thalweg::{ComponentProblem, Control, NodeEventKind, OldState, StopReason, SwapError};
use tokio::sync::{Notify, mpsc};

use crate::support::{Flow, Running, all_told, flow, poll_once, recv_all, root, soon, wat};

/// `source` sends to `node`, which runs `component` and sends to `sink`; `fields` are more fields of the node.
fn chain(component: &str, fields: &str) -> Flow {
    flow(&format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: node, component: {component}, inputs: {{ in: source/out }}, outputs: [out], {fields} }}
  - {{ id: sink, embedded: true, inputs: {{ in: node/out }} }}
"
    ))
    .sink("sink")
}

/// A source that sends one number for each permit, and ends with the sender.
fn numbers(flow: Flow) -> (Flow, mpsc::UnboundedSender<u64>) {
    let (send, mut sent) = mpsc::unbounded_channel::<u64>();
    let flow = flow.embed("source", |mut ports| async move {
        while let Some(number) = sent.recv().await {
            ports.send("out", number.to_string()).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    });
    (flow, send)
}

fn guest(name: &str) -> PathBuf {
    root().join(format!("guests/target/components/{name}.wasm"))
}

/// A component of its own, from text form.
fn component(flow: &Running, name: &str, text: &str) -> PathBuf {
    let path = flow.folder().join(format!("{name}.wasm"));
    std::fs::write(&path, ::wat::parse_str(text).unwrap()).unwrap();
    path
}

async fn swap(control: &Control, path: PathBuf) -> Result<(), SwapError> {
    soon(control.swap("node", path, OldState::Keep)).await
}

/// What `sums` sends for the numbers from 0.
fn sums(count: u64) -> Vec<String> {
    let sum = |number: u64| number * (number + 1) / 2;
    (0..count).map(|number| format!("{} {}", number + 1, sum(number))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_with_state_that_is_swapped_under_load_loses_nothing() {
    const MESSAGES: u64 = 30_000;
    let (flow, mut events) = chain("guests/sums.wasm", "").events();
    let flow = flow.source("source", (0..MESSAGES).map(|number| number.to_string()));
    let running = flow.start().await;
    let control = running.control();
    let mut swaps = 0;
    loop {
        match swap(&control, guest("sums")).await {
            Ok(()) => swaps += 1,
            Err(SwapError::Ended { .. } | SwapError::InstanceEnded { .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), sums(MESSAGES));
    let report = outcome.report.node("node").unwrap();
    assert!(swaps > 0, "it was over before the first swap");
    assert_eq!((report.swaps, report.restarts, report.redelivered), (swaps, 0, 0));
    let told = all_told(&mut events).await;
    let counts = told.iter().filter_map(|event| match event.kind {
        NodeEventKind::Swapped { count } => Some(count),
        _ => None,
    });
    assert_eq!(counts.collect::<Vec<_>>(), (1..=swaps).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_swapped_where_it_asks_for_events() {
    let (flow, send) = numbers(chain("guests/echo-program.wasm", ""));
    let running = flow.start().await;
    let control = running.control();
    for number in 0..50 {
        send.send(number).unwrap();
        swap(&control, guest("echo-program")).await.unwrap();
    }
    drop(send);
    let outcome = running.wait().await;
    outcome.assert_ok();
    let expected: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(outcome.texts("sink"), expected);
    assert_eq!(outcome.report.node("node").unwrap().swaps, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_may_take_the_place_of_a_program_and_its_readers_are_told_before_it_sends() {
    let (flow, send) = numbers(chain("guests/echo-program.wasm", ""));
    let running = flow.start().await;
    let control = running.control();
    swap(&control, guest("echo")).await.unwrap();
    send.send(1).unwrap();
    swap(&control, guest("echo-program")).await.unwrap();
    send.send(2).unwrap();
    drop(send);
    let outcome = running.wait().await;
    outcome.assert_ok();
    let seen = outcome.seen("sink");
    assert_eq!(outcome.texts("sink"), ["1", "2"]);
    let at = |text: &str| seen.iter().position(|seen| seen == text).unwrap();
    assert!(at("in restarted 2") < at("in:2"), "{seen:?}");
}

/// A program that sends "x" for as long as someone reads it, and asks for nothing.
const SENDS: &str = "(loop $again (call $say (i32.const 128) (i32.const 1)) (br $again))";

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_only_sends_is_swapped_behind_a_message() {
    let text = wat::program(r#"(data (i32.const 128) "x")"#, SENDS);
    let flow = flow(
        "
nodes:
  - { id: node, component: wat/sends.wasm, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: node/out } }
",
    );
    let running = flow.wat("sends", &text).sink("sink").start().await;
    let once =
        wat::program(r#"(data (i32.const 128) "y")"#, "(call $say (i32.const 128) (i32.const 1))");
    let once = component(&running, "once", &once);
    swap(&running.control(), once).await.unwrap();
    let outcome = running.wait().await;
    outcome.assert_ok();
    let texts = outcome.texts("sink");
    let (last, before) = texts.split_last().unwrap();
    assert_eq!(last, "y");
    assert!(!before.is_empty() && before.iter().all(|text| text == "x"));
    let events = outcome.seen("sink");
    let end = [&"in restarted 1".to_owned(), &"in:y".into(), &"in closed".into(), &"stop".into()];
    assert_eq!(events.iter().rev().take(4).rev().collect::<Vec<_>>(), end);
    assert_eq!(outcome.report.node("node").unwrap().events_out, texts.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_swapped_is_refused_by_name() {
    let (flow, send) = numbers(chain("guests/sums.wasm", ""));
    let running = flow.start().await;
    let control = running.control();
    let refused = async |node: &str, path: PathBuf| {
        soon(control.swap(node, path, OldState::Keep)).await.unwrap_err()
    };
    let unknown = refused("nobody", guest("echo")).await;
    assert!(matches!(unknown, SwapError::UnknownNode { .. }), "{unknown:?}");
    assert_eq!(unknown.to_string(), "the dataflow has no node `nobody`");
    let embedded = refused("sink", guest("echo")).await;
    assert!(matches!(embedded, SwapError::NotComponent { .. }), "{embedded:?}");
    let lost = refused("node", guest("echo")).await;
    assert!(matches!(lost, SwapError::StateLost { .. }), "{lost:?}");
    let imports = format!(
        r#"(component (import "net" (func)) {}"#,
        wat::bare_program("", &wat::memory(1)).trim_start().strip_prefix("(component").unwrap()
    );
    let many: String = (0..40).map(|number| format!("(memory $m{number} 1)")).collect();
    let many = wat::bare_program("", &format!("{}{many}", wat::memory(1)));
    for (name, text, expected) in [
        ("core", "(module)", "it is a core module"),
        ("nothing", "(component)", "it is of another world"),
        ("imports", imports.as_str(), "it imports `net`, which this host does not offer"),
        ("many", many.as_str(), "the dataflow was started without room for it"),
    ] {
        let error = refused("node", component(&running, name, text)).await;
        assert!(matches!(error, SwapError::Unfit(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("node `node`: component `"), "{text}");
        assert!(text.contains(&format!("{name}.wasm`: {expected}")), "{text}");
        assert!(text.ends_with("; the present component goes on"), "{text}");
    }
    let missing = refused("node", running.folder().join("missing.wasm")).await;
    assert!(missing.to_string().contains("cannot read it"), "{missing}");
    (0..3).for_each(|number| send.send(number).unwrap());
    drop(send);
    let outcome = running.wait().await;
    assert_eq!(outcome.texts("sink"), sums(3));
    assert_eq!(outcome.report.node("node").unwrap().swaps, 0);
    let ended = refused("node", guest("sums")).await;
    assert_eq!(ended.to_string(), "node `node` has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_ended_or_is_about_to_is_not_swapped() {
    let (flow, send) = numbers(chain("guests/echo.wasm", ""));
    let hold = Arc::new(Notify::new());
    let held = Arc::clone(&hold);
    let flow = flow.embed("sink", |mut ports| async move {
        held.notified().await;
        recv_all(&mut ports).await;
        Ok(())
    });
    let running = flow.start().await;
    let control = running.control();
    let (mut told, node_ended) =
        (control.status(), |status: &thalweg::DataflowStatus| status.nodes[1].exit.is_some());
    drop(send);
    while !node_ended(&told) {
        tokio::task::yield_now().await;
        told = control.status();
    }
    let ended = swap(&control, guest("echo")).await.unwrap_err();
    assert!(matches!(ended, SwapError::Ended { .. }), "{ended:?}");
    hold.notify_one();
    running.wait().await.assert_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_refuses_every_other_file() {
    let digest = thalweg::Inspection::of_file(&guest("echo")).unwrap().digest;
    let (flow, send) = numbers(chain("guests/echo.wasm", &format!("sha256: {digest}")));
    let running = flow.start().await;
    let control = running.control();
    let error = swap(&control, guest("echo-program")).await.unwrap_err();
    let SwapError::Unfit(unfit) = &error else { panic!("{error:?}") };
    assert!(matches!(unfit.problem, ComponentProblem::OtherDigest { .. }), "{error:?}");
    assert!(error.to_string().contains("write the new digest under `sha256`"), "{error}");
    // The file that is pinned may take the place of itself.
    swap(&control, guest("echo")).await.unwrap();
    drop(send);
    running.wait().await.assert_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn state_is_forgotten_where_that_is_asked_for() {
    let (flow, send) = numbers(chain("guests/sums.wasm", ""));
    let running = flow.start().await;
    let control = running.control();
    send.send(5).unwrap();
    soon(control.swap("node", guest("sums"), OldState::Forget)).await.unwrap();
    soon(control.swap("node", guest("echo"), OldState::Forget)).await.unwrap();
    // What hands nothing on is followed by a component that begins anew.
    swap(&control, guest("sums")).await.unwrap();
    send.send(7).unwrap();
    drop(send);
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink").last().unwrap(), "1 7");
}

/// Says "x" for each event that it is called with.
const SAYS: &str = "(loop $again (call $say (i32.const 128) (i32.const 1))
    (local.set $count (i32.sub (local.get $count) (i32.const 1))) (br_if $again (local.get $count)))";

/// The interface by which a handler hands its state on.
const STATE: &str = r#"
    (func $save (result (result (list u8) (error string)))
      (canon lift (core func $node "save") (memory (core memory $m "memory"))))
    (func $restore (param "state" (list u8)) (result (result (error string)))
      (canon lift (core func $node "restore") (memory (core memory $m "memory"))
        (realloc (core func $m "realloc"))))
    (instance $state (export "save" (func $save)) (export "restore" (func $restore)))
    (export "thalweg:node/state@0.1.0" (instance $state)))"#;

/// A handler with state, which says `letter` once for each event. `save` and `restore` are the core code of
/// its functions, which give where their results are: 0 is `ok` with nothing, `$bad` is `err` with "bad".
fn says(letter: &str, save: &str, restore: &str) -> String {
    let functions = format!(
        r#"(data (i32.const 128) "{letter}") (data (i32.const 112) "bad")
          (data (i32.const 96) "\01\00\00\00\70\00\00\00\03\00\00\00")
          (global $bad i32 (i32.const 96))
          (func (export "save") (result i32) {save})
          (func (export "restore") (param $at i32) (param $len i32) (result i32) {restore})"#
    );
    let handler = wat::handler(&functions, SAYS);
    format!("{}{STATE}", handler.strip_suffix(')').unwrap())
}

/// That a node that runs `old` goes on when it is to be replaced by `new`, which is refused.
async fn goes_on(old: &str, new: &str, fields: &str) -> SwapError {
    let (flow, send) = numbers(chain("wat/old.wasm", fields));
    let running = flow.wat("old", old).start().await;
    let control = running.control();
    send.send(1).unwrap();
    let error = swap(&control, component(&running, "new", new)).await.unwrap_err();
    send.send(2).unwrap();
    drop(send);
    let outcome = running.wait().await;
    outcome.assert_ok();
    let texts = outcome.texts("sink");
    assert!(texts.len() >= 2 && texts.iter().all(|text| text == "x"), "{texts:?}");
    let seen = outcome.seen("sink");
    assert!(!seen.iter().any(|seen| seen.contains("restarted")), "{seen:?}");
    assert_eq!(outcome.report.node("node").unwrap().swaps, 0);
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_instance_goes_on_where_the_new_one_cannot_take_its_place() {
    let (nothing, bad) = ("(i32.const 0)", "(global.get $bad)");
    let fine = says("x", nothing, nothing);
    let not_saved = goes_on(&says("x", bad, nothing), &fine, "").await;
    assert_eq!(
        not_saved.to_string(),
        "node `node`: its state was not saved: bad; the present component goes on"
    );
    // Where the list is: at 0 lies `ok`, so that a list that is longer than may be sent is at 32.
    let large = "(i32.store (i32.const 36) (i32.const 128)) (i32.store (i32.const 40) (i32.const 2000)) (i32.const 32)";
    let large = goes_on(&says("x", large, nothing), &fine, "limits: { payload: 1KiB }").await;
    let expected = "it is 2000 bytes, and `limits.payload` is 1024";
    assert!(large.to_string().contains(expected), "{large}");
    let not_restored = goes_on(&fine, &says("y", nothing, bad), "").await;
    assert!(not_restored.to_string().contains("did not restore the state: bad"), "{not_restored}");
    for trap in ["unreachable", "(call $say (i32.const 128) (i32.const 1)) (i32.const 0)"] {
        let error = goes_on(&fine, &says("y", nothing, trap), "").await;
        assert!(matches!(error, SwapError::NotRestored { .. }), "{error:?}");
        assert!(error.to_string().contains("trap"), "{error}");
    }
    let endless = says("y", nothing, "(loop $again (br $again)) (i32.const 0)");
    let endless = goes_on(&fine, &endless, "limits: { cpu: 50ms }").await;
    assert!(endless.to_string().contains("50ms"), "{endless}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_instance_goes_on_where_the_new_one_does_not_start() {
    let fine = says("x", "(i32.const 0)", "(i32.const 0)");
    let traps = says("y", "(i32.const 0)", "(i32.const 0)").replacen(
        "(func (export \"save\")",
        "(func $traps unreachable) (start $traps) (func (export \"save\")",
        1,
    );
    let error = goes_on(&fine, &traps, "").await;
    assert!(matches!(error, SwapError::NotReady(_)), "{error:?}");
    assert!(error.to_string().contains("its start function trapped"), "{error}");
    let endless = traps.replacen("$traps unreachable", "$traps (loop $again (br $again))", 1);
    let error = goes_on(&fine, &endless, "ready: 100ms, limits: { cpu: 60s }").await;
    assert!(error.to_string().contains("did not return within 100ms"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_traps_while_it_saves_has_failed() {
    for save in ["unreachable", "(call $say (i32.const 128) (i32.const 1)) (i32.const 0)"] {
        let (flow, send) = numbers(chain("wat/old.wasm", ""));
        let running = flow.wat("old", &says("x", save, "(i32.const 0)")).start().await;
        let fine = component(&running, "new", &says("y", "(i32.const 0)", "(i32.const 0)"));
        let error = swap(&running.control(), fine).await.unwrap_err();
        assert!(matches!(error, SwapError::InstanceEnded { .. }), "{error:?}");
        drop(send);
        assert_eq!(running.wait().await.exit("node"), "trapped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_come_to_rest_is_not_swapped() {
    let (flow, send) = numbers(chain("guests/echo.wasm", "grace: 200ms"));
    let hold = Arc::new(Notify::new());
    let held = Arc::clone(&hold);
    let flow = flow.embed("sink", |mut ports| async move {
        held.notified().await;
        recv_all(&mut ports).await;
        Ok(())
    });
    let running = flow.start().await;
    let control = running.control();
    // More than its own inbox and that of the sink hold: it waits for room.
    (0..2000).for_each(|number| send.send(number).unwrap());
    while control.status().nodes[2].queued < 2 {
        tokio::task::yield_now().await;
    }
    let error = loop {
        match swap(&control, guest("echo")).await {
            // The sink was not full yet.
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SwapError::NotAtRest { .. }), "{error:?}");
    assert!(error.to_string().contains("did not come to rest within 200ms"), "{error}");
    hold.notify_one();
    swap(&control, guest("echo")).await.unwrap();
    drop(send);
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.report.node("node").unwrap().events_out, 2000);
}

/// A handler that fails at its first event, and one that cannot start.
fn failing() -> String {
    wat::handler("", "unreachable")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_waits_for_its_backoff_is_started_by_the_new_component() {
    let restart = "restart: { when: on-failure, limit: 1, backoff: 1h, max_backoff: 1h }";
    let (flow, mut events) = chain("wat/old.wasm", restart).wat("old", &failing()).events();
    let (flow, send) = numbers(flow);
    let running = flow.start().await;
    let control = running.control();
    send.send(1).unwrap();
    while !matches!(soon(events.recv()).await.unwrap().kind, NodeEventKind::Restarting { .. }) {}
    swap(&control, guest("echo")).await.unwrap();
    send.send(2).unwrap();
    // A restart is made of the new file.
    while !matches!(soon(events.recv()).await.unwrap().kind, NodeEventKind::Swapped { count: 1 }) {}
    soon(control.restart("node")).await.unwrap();
    send.send(3).unwrap();
    drop(send);
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink").last().unwrap(), "3");
    let node = outcome.report.node("node").unwrap();
    assert_eq!((node.swaps, node.restarts), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_waits_goes_on_with_what_it_had_where_the_new_component_does_not_start() {
    let restart = "restart: { when: on-failure, limit: 3, backoff: 1h, max_backoff: 1h }";
    let (flow, mut events) = chain("wat/old.wasm", restart).wat("old", &failing()).events();
    let (flow, send) = numbers(flow);
    let running = flow.start().await;
    let control = running.control();
    send.send(1).unwrap();
    let mut restarting = async || {
        while !matches!(soon(events.recv()).await.unwrap().kind, NodeEventKind::Restarting { .. }) {
        }
    };
    restarting().await;
    let traps = failing().replacen(
        "(func (export \"node\")",
        "(func $t unreachable) (start $t) (func (export \"node\")",
        1,
    );
    let error = swap(&control, component(&running, "new", &traps)).await.unwrap_err();
    assert!(matches!(error, SwapError::NotStarted(_)), "{error:?}");
    restarting().await;
    soon(control.restart("node")).await.unwrap();
    send.send(2).unwrap();
    restarting().await; // The old one, which fails at its first event.
    let outcome = running.stop().await;
    assert_eq!(outcome.exit("node"), "trapped");
    assert_eq!(outcome.report.node("node").unwrap().swaps, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_beside_a_stop_or_a_kill_is_answered_and_loses_nothing() {
    for kill in [false, true] {
        for _ in 0..20 {
            let flow = chain("guests/sums.wasm", "");
            let flow = flow.source("source", (0..500).map(|number| number.to_string()));
            let running = flow.start().await;
            let control = running.control();
            let swapping = {
                let control = control.clone();
                tokio::spawn(async move { swap(&control, guest("sums")).await })
            };
            if kill {
                control.kill()
            } else {
                control.stop()
            }
            let swapped = soon(swapping).await.unwrap();
            let ended = matches!(
                swapped,
                Ok(()) | Err(SwapError::Ended { .. } | SwapError::InstanceEnded { .. })
            );
            assert!(ended, "{swapped:?}");
            let outcome = running.wait().await;
            if !kill {
                outcome.assert_ok();
                assert_eq!(outcome.texts("sink"), sums(500));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_at_the_same_time_are_made_one_after_the_other() {
    let running = flow(
        "
nodes:
  - { id: node, component: guests/echo.wasm, inputs: { tick: { timer: 1h } }, outputs: [out] }
  - { id: other, component: guests/echo.wasm, inputs: { in: node/out }, outputs: [out] }
",
    );
    let running = running.start().await;
    let control = running.control();
    let swaps = (0..10).map(|number| {
        let (control, node) = (control.clone(), ["node", "other"][number % 2]);
        tokio::spawn(async move { control.swap(node, guest("sums"), OldState::Keep).await })
    });
    for swapped in swaps.collect::<Vec<_>>() {
        soon(swapped).await.unwrap().unwrap();
    }
    let outcome = running.stop().await;
    outcome.assert_ok();
    assert!(outcome.report.nodes.iter().all(|node| node.swaps == 5), "{:?}", outcome.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_being_started_is_busy() {
    let logs = "(func $logs (call $log (i32.const 2) (i32.const 128) (i32.const 1) (i32.const 128) (i32.const 1)))
        (start $logs) (data (i32.const 128) \"x\")";
    let text = "nodes: [{ id: node, component: wat/logs.wasm, inputs: { tick: { timer: 1h } } }]";
    // The first instance fills the log, and the second waits for somebody to read it.
    let (sender, mut lines) = mpsc::channel(1);
    let flow = flow(text).wat("logs", &wat::handler(logs, ""));
    let (running, _, folder) = flow.start_with_logs(sender).await.unwrap();
    let control = running.control();
    let restart = {
        let control = control.clone();
        tokio::spawn(async move { control.restart("node").await })
    };
    let busy = loop {
        match swap(&control, folder.path().join("wat/logs.wasm")).await {
            // It came before the restart.
            Ok(()) | Err(SwapError::NotReady(_) | SwapError::InstanceEnded { .. }) => {}
            Err(busy) => break busy,
        }
    };
    assert!(matches!(busy, SwapError::Busy { .. }), "{busy:?}");
    assert_eq!(busy.to_string(), "node `node` is being started just now; try again");
    let read = tokio::spawn(async move { while lines.recv().await.is_some() {} });
    soon(restart).await.unwrap().unwrap();
    running.stop();
    assert!(soon(running.wait()).await.is_ok());
    soon(read).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_beside_a_restart_is_answered() {
    let (flow, send) = numbers(chain("guests/echo.wasm", ""));
    let running = flow.start().await;
    let control = running.control();
    for _ in 0..50 {
        let (swapped, restarted) =
            tokio::join!(swap(&control, guest("echo")), soon(control.restart("node")));
        restarted.unwrap();
        let known = matches!(
            swapped,
            Ok(()) | Err(SwapError::Busy { .. } | SwapError::InstanceEnded { .. })
        );
        assert!(known, "{swapped:?}");
    }
    send.send(1).unwrap();
    drop(send);
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), ["1"]);
    assert_eq!(outcome.report.node("node").unwrap().restarts, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_before_the_swap_is_not_given_again() {
    let restart = "restart: { when: on-failure, limit: 3, in_hand: redeliver, backoff: 0s }";
    let (flow, send) = numbers(chain("guests/sums.wasm", restart));
    let running = flow.start().await;
    let control = running.control();
    for number in 0..50 {
        send.send(number).unwrap();
        swap(&control, guest("sums")).await.unwrap();
    }
    drop(send);
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), sums(50));
    assert_eq!(outcome.report.node("node").unwrap().redelivered, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_whose_asker_has_gone_is_made_or_forgotten() {
    let (flow, send) = numbers(chain("guests/echo.wasm", ""));
    let running = flow.start().await;
    let control = running.control();
    for number in 0..20 {
        assert!(poll_once(control.swap("node", guest("echo"), OldState::Keep)).await.is_none());
        send.send(number).unwrap();
    }
    drop(send);
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink").len(), 20);
    assert!(matches!(
        outcome.events("sink").last(),
        Some(thalweg::Event::Stop(StopReason::InputsClosed))
    ));
}
