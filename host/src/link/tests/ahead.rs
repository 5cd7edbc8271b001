//! Events that a node asks for while it still has some.

use super::raw::Raw;
use super::*;
use crate::link::frame::{Body, Content, FromHost, FromNode, decode};
use crate::link::wire::{self, Incoming, Received};
use crate::ports::MAX_BATCH;

/// A node, and a host that gives what it is told.
struct Given {
    link: NodeLink,
    socket: UnixStream,
    incoming: Incoming,
}

impl Given {
    fn new(ahead: bool) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let welcome = FromHost::Welcome {
            version: env!("CARGO_PKG_VERSION"),
            node: "linked",
            inputs: vec!["in"],
            outputs: vec![],
            parameters: vec![],
            max_payload: 1 << 20,
            ahead,
        };
        say(&ours, &[welcome, FromHost::Open]);
        let link = NodeLink::over(theirs.into(), None).unwrap();
        let mut given = Self { link, socket: ours, incoming: Incoming::new(1 << 20) };
        given.heard();
        given
    }

    fn give(&mut self, events: usize) {
        let content = || Content { arrow: false, parameters: vec![], body: Body::Inline(b"x") };
        let input = || FromHost::Input {
            input: 0,
            dropped: 0,
            timestamp: 0,
            sequence: 0,
            content: content(),
        };
        let mut frames = vec![FromHost::Batch { len: events as u32 }];
        frames.extend((0..events).map(|_| input()));
        say(&self.socket, &frames);
        self.link.pump().unwrap();
    }

    /// Takes so many events that are there.
    fn take(&mut self, events: usize) {
        for _ in 0..events {
            assert!(matches!(self.link.take(None).unwrap(), Taken::Event(_)));
        }
    }

    /// What the node has said since.
    fn heard(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        while self.incoming.receive(&self.socket).unwrap() != Received::Nothing {
            while let Some(body) = self.incoming.next().unwrap() {
                heard.push(match decode(body).unwrap() {
                    FromNode::Want { .. } => "want".to_owned(),
                    FromNode::Ahead { .. } => "ahead".to_owned(),
                    _ => continue,
                });
            }
        }
        heard
    }
}

fn say(socket: &UnixStream, frames: &[FromHost<'_>]) {
    let mut outgoing = wire::Outgoing::default();
    frames.iter().for_each(|frame| outgoing.put(frame));
    assert!(outgoing.send(socket).unwrap());
}

#[test]
fn a_node_that_has_half_of_a_full_batch_left_asks_for_the_next() {
    let mut given = Given::new(true);
    assert_eq!(given.link.take(None).unwrap(), Taken::Nothing);
    assert_eq!(given.heard(), ["want"]);
    for batch in 0..3 {
        given.give(MAX_BATCH);
        // What is left of the batch before comes first.
        given.take(if batch == 0 { 0 } else { MAX_BATCH / 2 });
        given.take(MAX_BATCH / 2 - 1);
        assert_eq!(given.heard(), [""; 0]);
        given.take(1);
        assert_eq!(given.heard(), ["ahead"]);
    }
    given.give(0);
    given.take(MAX_BATCH / 2);
    assert_eq!(given.heard(), [""; 0]);
    assert_eq!(given.link.take(None).unwrap(), Taken::Nothing);
    assert_eq!(given.heard(), ["want"], "there was nothing");
}

#[test]
fn a_node_that_took_all_waits_for_the_answer_before_it_asks_again() {
    let mut given = Given::new(true);
    given.link.take(None).unwrap();
    given.give(MAX_BATCH);
    given.take(MAX_BATCH);
    assert_eq!(given.heard(), ["want", "ahead"]);
    assert_eq!(given.link.take(None).unwrap(), Taken::Nothing);
    assert_eq!(given.heard(), [""; 0]);
    given.give(1);
    given.take(1);
    assert_eq!(given.link.take(None).unwrap(), Taken::Nothing);
    assert_eq!(given.heard(), ["want"]);
}

/// What a node says that takes all of one batch.
fn said(ahead: bool, batch: usize) -> Vec<String> {
    let mut given = Given::new(ahead);
    given.link.take(None).unwrap();
    given.give(batch);
    given.take(batch);
    given.heard()
}

#[test]
fn a_node_that_is_fast_enough_for_small_batches_does_not_ask_ahead() {
    assert_eq!(said(true, MAX_BATCH), ["want", "ahead"]);
    assert_eq!(said(true, MAX_BATCH - 1), ["want"]);
}

#[test]
fn a_node_does_not_ask_ahead_where_what_it_has_in_hand_is_given_again() {
    assert_eq!(said(false, MAX_BATCH), ["want"]);
}

#[test]
fn the_end_of_the_host_comes_behind_what_was_given() {
    let mut given = Given::new(true);
    given.link.take(None).unwrap();
    given.give(MAX_BATCH);
    given.socket.shutdown(std::net::Shutdown::Both).unwrap();
    given.take(MAX_BATCH);
    assert_eq!(given.link.take(None), Err(LinkError::Gone));
}

/// What a host has for a node whose input is as `rule` says, and to which two messages were sent: by wanting one, by
/// asking for more ahead, and by asking ahead again.
fn given_by_host(rule: &str) -> Vec<u32> {
    let text = format!(
        "nodes:
  - {{ id: before, embedded: true, outputs: [out] }}
  - {{ id: linked, embedded: true, inputs: {{ in: {{ source: before/out, {rule} }} }}, outputs: [out] }}
  - {{ id: after, embedded: true, inputs: {{ in: linked/out }} }}"
    );
    let (come, sent) = (std::sync::Arc::new(tokio::sync::Notify::new()), mpsc::channel());
    let (goes_on, (tell, told)) = (come.clone(), sent);
    let linked = Linked::new(&text).sinks().node("before", move |mut ports| async move {
        for text in ["a", "b"] {
            ports.send("out", text).await.map_err(|error| error.to_string())?;
        }
        let _ = tell.send(());
        goes_on.notified().await;
        Ok(())
    });
    let (_, served, given) = linked.run(move |socket| {
        let mut raw = Raw::greeted(socket);
        told.recv().unwrap();
        let asks = [FromNode::Want { inputs: None, max: 1 }, AHEAD, AHEAD];
        let given = asks.iter().map(|ask| {
            raw.say(ask);
            raw.find(|frame| if let FromHost::Batch { len } = frame { Some(len) } else { None })
        });
        let given = given.map(Option::unwrap).collect();
        come.notify_one();
        raw.say(&FromNode::End { failure: None });
        raw.close();
        given
    });
    assert_eq!(served, Served::Ended { failure: None });
    given
}

const AHEAD: FromNode<'_> = FromNode::Ahead { max: 8 };

#[test]
fn who_asks_ahead_is_answered_at_once_with_what_is_there() {
    assert_eq!(given_by_host("queue: 8"), [1, 1, 0]);
}

#[test]
fn what_may_still_be_dropped_is_not_given_ahead() {
    assert_eq!(given_by_host("queue: 8, overflow: drop-oldest"), [1, 0, 0]);
}
