//! The room that a process was given, where others take what waits in all queues together.

use super::raw::Raw;
use super::*;
use crate::link::frame::{Body, Content, FromHost, FromNode};

const TEXT: &str = "
queued_bytes: 64KiB
nodes:
  - { id: linked, embedded: true, outputs: [a, b] }
  - { id: reader, embedded: true, inputs: { a: linked/a, b: linked/b } }
";

const A: u32 = 0;
const B: u32 = 1;

fn send(output: u32) -> FromNode<'static> {
    let body = Body::Inline(&[0; 40 << 10]);
    FromNode::Send { output, outgoing: Content { arrow: false, parameters: vec![], body } }
}

fn wait_for_room(raw: &mut Raw, wanted: u32) {
    let room = |frame: FromHost<'_>| {
        matches!(frame, FromHost::Room { output, .. } if output == wanted).then_some(())
    };
    raw.find(room).unwrap();
}

#[test]
fn what_was_given_may_be_used_though_others_have_taken_the_room_meanwhile() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (say_gone, gone) = tokio::sync::oneshot::channel();
    let mut prepared = prepared(TEXT);
    let serve = move |mut ports: Ports| async move {
        let mut link = HostLink::new(OwnedFd::from(ours), ports.max_payload()).unwrap();
        greet(&mut link, &ports).await.unwrap();
        assert_eq!(link.serve(&mut ports).await, Served::Gone);
        say_gone.send(()).unwrap();
        Ok(())
    };
    prepared.embed("linked", serve).unwrap();
    let read = |mut ports: Ports| async move {
        // Until then all that was sent waits.
        gone.await.unwrap();
        while ports.recv().await.is_some() {}
        Ok(())
    };
    prepared.embed("reader", read).unwrap();
    let process = std::thread::spawn(move || {
        let mut raw = Raw::greeted(theirs);
        wait_for_room(&mut raw, B);
        raw.say(&send(A));
        raw.say(&FromNode::Ask { output: B, bytes: 1 });
        wait_for_room(&mut raw, B);
        raw.say(&send(B));
        raw.close();
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime
        .block_on(async { prepared.start(StartOptions::default()).await.unwrap().wait().await });
    process.join().unwrap();
    assert!(report.is_ok() && report.unbalanced().is_empty(), "{report:#?}");
    let reader = report.node("reader").unwrap();
    assert_eq!(reader.inputs.iter().map(|input| input.delivered).collect::<Vec<_>>(), [1, 1]);
}
