//! What a node holds back of a burst: when it is written, and that all of it comes, once and in order.

use proptest::prelude::*;

use super::*;
use crate::link::frame::{Body, Content, FromHost, FromNode, Memory, PROTOCOL, decode};
use crate::link::wire::{self, Incoming, Received};

/// Room that is given at a time.
const ROOM: (u32, u64) = (150, 4 << 20);

/// A node, and a host that reads it as slowly as it is told.
struct Slow {
    link: NodeLink,
    socket: UnixStream,
    incoming: Incoming,
    outgoing: wire::Outgoing,
    /// Messages that the node was told are sent, and those of them that have come.
    sent: u64,
    come: u64,
}

impl Slow {
    fn new() -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        // So that it is often full.
        rustix::net::sockopt::set_socket_send_buffer_size(&theirs, 4096).unwrap();
        let mut outgoing = wire::Outgoing::default();
        outgoing.put(&FromHost::Welcome {
            version: env!("CARGO_PKG_VERSION"),
            node: "linked",
            inputs: vec!["in"],
            outputs: vec!["out"],
            parameters: vec![],
            max_payload: 1 << 20,
            ahead: true,
        });
        outgoing.put(&FromHost::Open);
        outgoing.put(&FromHost::Room { output: 0, events: ROOM.0, bytes: ROOM.1 });
        assert!(outgoing.send(&ours).unwrap());
        let mut link = NodeLink::over(theirs.into(), None).unwrap();
        link.pump().unwrap();
        let incoming = Incoming::new(1 << 20);
        Self { link, socket: ours, incoming, outgoing, sent: 0, come: 0 }
    }

    /// Sends a message that carries its number. False when there is no room for it.
    fn try_send(&mut self, bytes: usize) -> bool {
        let mut payload = vec![0; bytes.max(8)];
        payload[..8].copy_from_slice(&self.sent.to_le_bytes());
        let is_sent = self.link.try_send("out", payload.into()).unwrap().unwrap().is_none();
        self.sent += u64::from(is_sent);
        is_sent
    }

    /// Reads once, or as long as there is something, and answers.
    fn read(&mut self, all: bool) {
        while self.incoming.receive(&self.socket).unwrap() != Received::Nothing {
            while let Some(body) = self.incoming.next().unwrap() {
                match decode(body).unwrap() {
                    FromNode::Send {
                        outgoing: Content { body: Body::Inline(payload), .. },
                        ..
                    } => {
                        assert_eq!(payload[..8], self.come.to_le_bytes());
                        self.come += 1;
                    }
                    FromNode::Ask { output, .. } => {
                        let (events, bytes) = ROOM;
                        self.outgoing.put(&FromHost::Room { output, events, bytes });
                    }
                    FromNode::Hello { protocol, .. } => assert_eq!(protocol, PROTOCOL),
                    FromNode::Want { .. } => {}
                    FromNode::Memory(Memory::Segment { .. }) => panic!("no message is that large"),
                    frame => panic!("{frame:?}"),
                }
            }
            self.outgoing.send(&self.socket).unwrap();
            if !all {
                return;
            }
        }
    }

    /// What the node is given back stays with it, and what was sent before is on its way.
    fn send(&mut self, count: usize, bytes: usize) {
        if (0..count).any(|_| !self.try_send(bytes)) {
            assert_eq!(self.link.flush_due(), None);
        }
    }

    /// All that was sent has come, once the socket has room for it.
    fn assert_written(&mut self) {
        assert_eq!(self.link.flush_due(), None);
        while self.link.is_full() {
            self.read(true);
            self.link.flush().unwrap();
        }
        self.read(true);
        assert_eq!(self.come, self.sent);
    }
}

#[test]
fn the_first_messages_of_a_burst_are_written_at_once() {
    let mut slow = Slow::new();
    assert!(slow.try_send(8));
    assert_eq!(slow.link.flush_due(), None);
    slow.read(true);
    assert_eq!((slow.come, slow.sent), (1, 1));
}

#[test]
fn what_is_held_is_written_before_the_node_asks_for_an_event() {
    let mut slow = Slow::new();
    hold(&mut slow);
    assert_eq!(slow.link.take(None).unwrap(), Taken::Nothing);
    slow.assert_written();
}

#[test]
fn what_is_held_is_written_by_a_wait_for_room() {
    let mut slow = Slow::new();
    hold(&mut slow);
    while slow.try_send(8) {}
    slow.assert_written();
}

#[test]
fn what_is_held_is_written_at_the_end() {
    let mut slow = Slow::new();
    hold(&mut slow);
    slow.link.leave();
    slow.read(true);
    assert_eq!(slow.come, slow.sent);
}

#[test]
fn what_the_socket_did_not_take_is_written_when_it_does() {
    let mut slow = Slow::new();
    while !slow.link.is_full() {
        assert!(slow.try_send(4000));
    }
    assert!(slow.link.wants_to_write());
    slow.send(5, 8);
    slow.link.flush().unwrap();
    slow.assert_written();
}

#[test]
fn a_node_that_waited_for_its_host_to_read_ends_when_it_has_read() {
    let mut slow = Slow::new();
    while slow.try_send(30_000) {}
    assert!(slow.link.wants_to_write());
    while slow.link.is_full() {
        slow.read(true);
        slow.link.flush().unwrap();
    }
    assert!(slow.link.wants_to_write(), "who sends is still to be told");
    slow.link.leave();
    assert!(!slow.link.wants_to_write());
    slow.read(true);
    assert_eq!(slow.come, slow.sent);
}

#[test]
fn a_burst_after_the_end_of_the_host_is_an_error() {
    let mut slow = Slow::new();
    hold(&mut slow);
    slow.socket.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(slow.link.flush(), Err(LinkError::Gone));
    assert_eq!((slow.link.flush_due(), slow.link.is_full()), (None, false));
    let sent = slow.link.try_send("out", "x".into());
    assert_eq!(sent, Err(LinkError::Gone));
}

/// Sends until something is held. The machine may pause in between, which ends a burst.
fn hold(slow: &mut Slow) {
    while slow.link.flush_due().is_none() {
        assert!(slow.try_send(8), "it is too slow to send a burst");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send { count: usize, bytes: usize },
    Flush,
    Pump,
    Take,
    Withdraw,
    Read,
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![Just(8_usize), Just(300), Just(5000), Just(30_000)];
    let send = (1..200_usize, size).prop_map(|(count, bytes)| Step::Send { count, bytes });
    let others = [Step::Flush, Step::Pump, Step::Take, Step::Withdraw, Step::Read];
    prop_oneof![send, prop::sample::select(others.to_vec())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_is_sent_comes_once_and_in_order(steps in prop::collection::vec(step(), 1..40)) {
        let mut slow = Slow::new();
        for step in steps {
            match step {
                Step::Send { count, bytes } => slow.send(count, bytes),
                Step::Flush => slow.link.flush().unwrap(),
                Step::Pump => slow.link.pump().unwrap(),
                Step::Take => assert_eq!(slow.link.take(None).unwrap(), Taken::Nothing),
                Step::Withdraw => slow.link.withdraw().unwrap(),
                Step::Read => slow.read(false),
            }
            if matches!(step, Step::Flush | Step::Pump | Step::Take) {
                assert_eq!(slow.link.flush_due(), None);
            }
        }
        slow.link.flush().unwrap();
        slow.assert_written();
    }
}
