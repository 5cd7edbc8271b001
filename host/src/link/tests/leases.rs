//! Payloads in memory that two processes see: when it is given up, and that it does not change before.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::SealFlags;

use super::raw::{Raw, memory};
use super::*;
use crate::dataflow::input_ids;
use crate::link::frame::{Body, Content, FromHost, FromNode, Memory};
use crate::link::leases::{Lender, MAX_VIEWED_BYTES, Viewer};
use crate::payload::{self, PayloadMut};
use crate::ports::{Place, PortCounts};
use crate::router::Router;

/// Larger than what the pool keeps for later payloads.
const NOT_KEPT: usize = payload::MAX_IDLE_BYTES + 1;

fn lend(lender: &mut Lender, payload: &Bytes) -> (u64, Option<(Memory, Arc<File>)>) {
    match lender.body(payload) {
        (Body::Leased { lease, .. }, notice) => (lease, notice.segment),
        _ => panic!("it is not lent"),
    }
}

#[test]
fn a_segment_is_shown_once_and_forgotten_when_it_is_given_up() {
    let mut lender = Lender::default();
    let payload = PayloadMut::new(NOT_KEPT).freeze();
    let (first, shown) = lend(&mut lender, &payload);
    let (Memory::Segment { segment, .. }, _) = shown.unwrap() else { panic!("no segment") };
    let (second, again) = lend(&mut lender, &payload.slice(40_000..));
    assert!(again.is_none());
    drop(payload);
    assert_eq!(lender.take_back(first).unwrap(), []);
    assert_eq!(lender.take_back(second).unwrap(), [Memory::Forget { segment }]);
    assert_eq!(lender.take_back(second).unwrap_err(), WireError::Malformed("no such lease"));
}

#[test]
fn a_segment_that_is_forgotten_is_unmapped_when_nobody_looks_at_it_any_more() {
    let name = format!("unmapped {}", std::process::id());
    let is_mapped = || std::fs::read_to_string("/proc/self/maps").unwrap().contains(&name);
    let mut viewer = Viewer::default();
    viewer.open(1, 4096, &memory(&name, 4096, SealFlags::SHRINK)).unwrap();
    let view = viewer.view(1, 0, 10).unwrap();
    viewer.forget(1);
    assert!(viewer.view(1, 0, 10).is_err());
    assert_eq!(view.copy(), [0; 10][..]);
    assert!(is_mapped());
    drop(view);
    assert!(!is_mapped());
}

#[test]
fn what_is_mapped_of_the_other_end_is_bounded() {
    let too_many = WireError::Malformed("too many segments");
    let mut viewer = Viewer::default();
    let half = MAX_VIEWED_BYTES as u64 / 2;
    let file = memory("bounded", half, SealFlags::SHRINK);
    viewer.open(1, half, &file).unwrap();
    viewer.open(2, half, &file).unwrap();
    let page = memory("bounded", 4096, SealFlags::SHRINK);
    assert_eq!(viewer.open(3, 4096, &page).unwrap_err(), too_many);
    viewer.forget(1);
    viewer.open(3, 4096, &page).unwrap();
    let mut viewer = Viewer::default();
    for segment in 0..1024 {
        viewer.open(segment, 4096, &page).unwrap();
    }
    assert_eq!(viewer.open(1024, 4096, &page).unwrap_err(), too_many);
}

#[test]
fn beyond_what_may_be_lent_payloads_go_inline() {
    let mut lender = Lender::default();
    let payload = PayloadMut::new(16 << 20).freeze();
    let leases: Vec<_> = (0..16).map(|_| lend(&mut lender, &payload).0).collect();
    assert!(matches!(lender.body(&payload), (Body::Inline(_), _)));
    lender.take_back(leases[0]).unwrap();
    lend(&mut lender, &payload);
}

/// A payload on the heap, as one that was received over another link, is lent as a copy.
#[test]
fn every_large_payload_is_lent() {
    let mut lender = Lender::default();
    let heap = Bytes::from(vec![7; payload::SHARED_FROM]);
    let (lease, segment) = lend(&mut lender, &heap);
    let (Memory::Segment { segment, len }, file) = segment.unwrap() else { panic!("no segment") };
    let mut viewer = Viewer::default();
    viewer.open(segment, len, &file).unwrap();
    assert_eq!(viewer.view(segment, 0, heap.len() as u64).unwrap().copy(), heap);
    lender.take_back(lease).unwrap();
    assert!(matches!(lender.body(&heap.slice(1..)), (Body::Inline(_), _)));
}

/// The process goes on when its node has ended, with what it kept of it.
#[test]
fn what_is_kept_beyond_the_link_does_not_change() {
    let size = 3 << 20;
    let linked = Linked::new(CHAIN).sinks().node("before", move |mut ports| async move {
        let mut payload = PayloadMut::new(size);
        payload.fill(1);
        ports.send("out", payload.freeze()).await.unwrap();
        Ok(())
    });
    let (_, _, kept) = linked.run(|socket| {
        let mut process = Process::new(socket);
        let Some(Event::Input(input)) = process.next() else { panic!("no message") };
        process.end();
        input.message.payload
    });
    // Enough to use every segment of this size that is free.
    let others: Vec<_> = (0..30)
        .map(|_| {
            let mut other = PayloadMut::new(size);
            other.fill(2);
            other
        })
        .collect();
    assert!(kept.iter().all(|byte| *byte == 1));
    drop(others);
}

#[test]
fn only_what_is_lent_can_be_named() {
    let mut lender = Lender::default();
    let payload = payload::copy(&[3; 1 << 16]);
    let (lease, _) = lend(&mut lender, &payload);
    let part = lender.part(lease, 5, 10).unwrap();
    assert_eq!(part.as_ptr(), payload[5..].as_ptr());
    assert_eq!(lender.part(lease, 0, 1 << 16).unwrap(), payload);
    for (lease, offset, len) in [(lease, 0, (1 << 16) + 1), (lease, u64::MAX, 2), (lease + 1, 0, 1)]
    {
        assert!(lender.part(lease, offset, len).is_err());
    }
    lender.take_back(lease).unwrap();
    assert!(lender.part(lease, 0, 1).is_err());
}

/// A message of 4 KiB in the segment 1.
fn leased(lease: u64, offset: u64) -> FromNode<'static> {
    let body = Body::Leased { lease, segment: 1, offset, len: 4096 };
    FromNode::Send { output: 0, outgoing: Content { arrow: false, parameters: vec![], body } }
}

/// What the reader of a process that has lent two payloads is given, and what the process was told then.
/// The reader lets go of the second one first.
fn lent_to(reader: &str) -> (Vec<bool>, Vec<u64>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("any.wasm"), "").unwrap();
    let text = format!(
        "nodes: [{{ id: linked, embedded: true, outputs: [out] }}, {{ id: reader, {reader}, inputs: {{ in: linked/out }} }}]"
    );
    let dataflow = Dataflow::from_text(&text, folder.path()).unwrap();
    let router = Router::new(&dataflow);
    let place = |node: usize, outputs| {
        let counts = Arc::new(PortCounts::new(outputs));
        Place::new(&router, node, input_ids(&dataflow.nodes()[node]), 1 << 20, &counts)
    };
    let (mut linked, mut reader) = (place(0, 1), place(1, 0));
    let ((mut ports, _), (mut reader, _)) = (linked.ports(), reader.ports());
    let (ours, theirs) = UnixStream::pair().unwrap();
    let process = std::thread::spawn(move || {
        let mut raw = Raw::greeted(theirs);
        let segment = FromNode::Memory(Memory::Segment { segment: 1, len: 8192 });
        raw.say_with(&segment, memory("lent", 8192, SealFlags::SHRINK));
        raw.say(&leased(1, 0));
        raw.say(&leased(2, 4096));
        let mut returned = || {
            raw.find(|frame| match frame {
                FromHost::Memory(Memory::Return { lease }) => Some(lease),
                _ => None,
            })
        };
        let returned = vec![returned().unwrap(), returned().unwrap()];
        raw.close();
        returned
    });
    let serve = async {
        let mut link = HostLink::new(ours.into(), ports.max_payload()).unwrap();
        greet(&mut link, &ports).await.unwrap();
        assert_eq!(link.serve(&mut ports).await, Served::Gone);
    };
    let read = async {
        let mut payloads = Vec::new();
        while payloads.len() < 2 {
            let Some(Event::Input(input)) = reader.recv().await else { panic!("no message") };
            payloads.push(input.message.payload);
        }
        let is_theirs = |bytes: &Bytes| payload::settled(bytes.clone()).as_ptr() != bytes.as_ptr();
        let theirs = payloads.iter().map(is_theirs).collect();
        while payloads.pop().is_some() {}
        theirs
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let both = async { tokio::join!(read, serve).0 };
    let theirs = runtime.block_on(async { tokio::time::timeout(HANG, both).await.unwrap() });
    (theirs, process.join().unwrap())
}

#[test]
fn what_components_alone_read_is_theirs_until_they_let_go_of_it() {
    assert_eq!(lent_to("component: any.wasm"), (vec![true, true], vec![2, 1]));
}

#[test]
fn what_others_read_is_copied_and_returned_at_once() {
    assert_eq!(lent_to("embedded: true"), (vec![false, false], vec![1, 2]));
}
