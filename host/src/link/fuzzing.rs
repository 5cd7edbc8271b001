//! Both ends of a link for whoever says anything to them.

use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::AsyncReadExt;

use super::frame::{FromHost, FromNode, PROTOCOL};
use super::wire::Outgoing;
use super::{HostLink, NodeLink, Taken};
use crate::dataflow::{Dataflow, input_ids};
use crate::event::{Event, Parameters};
use crate::payload;
use crate::ports::{Place, PortCounts};
use crate::router::Router;

/// What a socket holds without being read.
const MOST: usize = 64 << 10;
/// In which everything ends that does not hang.
const HANG: Duration = Duration::from_secs(20);
const MAX_PAYLOAD: u64 = 1 << 20;
/// Bytes of the segment that comes with what is said.
const SEGMENT: u64 = 40_000;

static CHAIN: LazyLock<Dataflow> = LazyLock::new(|| {
    let text = "nodes:
  - { id: before, embedded: true, outputs: [out] }
  - { id: linked, embedded: true, inputs: { in: before/out, tick: { timer: 1h } }, outputs: [out] }
  - { id: after, embedded: true, inputs: { in: { source: linked/out, queue: 2 } } }";
    Dataflow::from_text(text, Path::new("")).expect("it is a dataflow")
});

/// Serves a node whose process says these bytes and then no more: behind a greeting, unless the first byte
/// is 0.
///
/// # Panics
///
/// When the link does not end, or the inbox behind it holds more than it may.
pub fn serve(said: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("there is a runtime");
    let served = runtime.block_on(async { tokio::time::timeout(HANG, converse(said)).await });
    served.expect("the link ends");
}

async fn converse(said: &[u8]) {
    let router = Router::new(&CHAIN);
    let place = |node: usize| {
        let node_of = CHAIN.nodes().get(node).expect("it has three nodes");
        let counts = Arc::new(PortCounts::new(node_of.outputs.len()));
        Place::new(&router, node, input_ids(node_of), MAX_PAYLOAD, &counts)
    };
    let (mut before, mut linked) = (place(0), place(1));
    let ((mut source, _), (mut ports, _)) = (before.ports(), linked.ports());
    // One that crosses by the socket, and one in shared memory.
    for len in [10, payload::SHARED_FROM] {
        let sent = source.try_send("out", payload::copy(&vec![7; len]));
        sent.expect("there is room");
    }
    drop(before);
    let mut greeting = Outgoing::default();
    let (protocol, version) = (PROTOCOL, env!("CARGO_PKG_VERSION"));
    greeting.put(&FromNode::Hello { protocol, version, node: None });
    greeting.put(&FromNode::Ready);
    let (ours, theirs) = UnixStream::pair().expect("there are sockets");
    say(&theirs, greeting, said);
    theirs.set_nonblocking(true).expect("it is a socket");
    let mut theirs = tokio::net::UnixStream::from_std(theirs).expect("it is a socket");
    let Ok(mut link) = HostLink::new(ours.into(), MAX_PAYLOAD) else { return };
    let serve = async move {
        let Ok(_) = link.introduction().await else { return };
        if link.welcome("linked", &ports, &Parameters::default()).await.is_ok()
            && link.ready().await.is_ok()
        {
            link.serve(&mut ports).await;
        }
    };
    let listen = async {
        let mut heard = Vec::new();
        // However the link ends.
        let _ = theirs.read_to_end(&mut heard).await;
    };
    tokio::join!(serve, listen);
    let counts = router.inbox(2).counts();
    let waiting: u64 = counts.iter().map(|input| input.received - input.delivered).sum();
    assert!(waiting <= 2, "{waiting} messages in a queue of two");
}

fn say(mut socket: &UnixStream, mut greeting: Outgoing, said: &[u8]) {
    let said = said.get(..MOST).unwrap_or(said);
    let (how, said) = said.split_at(said.len().min(1));
    if how != [0] {
        assert!(greeting.send(socket.as_fd()).expect("somebody may still read"), "it fits");
    }
    let (first, rest) = said.split_at(said.len().min(1));
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create("fuzzing", flags).expect("there is memory");
    ftruncate(&file, SEGMENT).expect("it is empty");
    fcntl_add_seals(&file, SealFlags::SHRINK).expect("it may be sealed");
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files = [file.as_fd()];
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    if !first.is_empty() {
        sendmsg(socket, &[IoSlice::new(first)], &mut ancillary, SendFlags::NOSIGNAL)
            .expect("somebody may still read");
    }
    socket.write_all(rest).expect("it fits");
    socket.shutdown(Shutdown::Write).expect("it is open");
}

/// Takes what a host says to a node with these bytes, sends each message on, and ends the node. The bytes
/// come behind a greeting, unless the first is 0.
pub fn take(said: &[u8]) {
    let (ours, theirs) = UnixStream::pair().expect("there are sockets");
    let mut greeting = Outgoing::default();
    greeting.put(&FromHost::Welcome {
        version: env!("CARGO_PKG_VERSION"),
        node: "linked",
        inputs: vec!["in"],
        outputs: vec!["out"],
        parameters: vec![],
        max_payload: MAX_PAYLOAD,
        ahead: true,
    });
    greeting.put(&FromHost::Open);
    greeting.put(&FromHost::Room { output: 0, events: 3, bytes: 100_000 });
    say(&theirs, greeting, said);
    let Ok(mut link) = NodeLink::over(ours.into(), None) else { return };
    let _ = link.ready();
    while let Ok(taken) = link.take(None) {
        match taken {
            Taken::Event(Event::Input(input)) => {
                let _ = link.try_send("out", input.message.payload.into());
            }
            Taken::Event(_) => {}
            Taken::Ended => break,
            // All that will ever come is there: whoever waits now finds the end of the link.
            Taken::Nothing => {
                if link.pump().is_err() {
                    break;
                }
            }
        }
    }
    drop(theirs);
    link.end(None);
}
