//! Every interleaving of senders and a receiver, by loom. Run by
//! `cargo test -p thalweg --features model --lib model`.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

use super::*;
use crate::dataflow::{Overflow, Queue};
use crate::event::Metadata;

fn inbox(inputs: usize, events: u32, overflow: Overflow) -> Arc<Inbox> {
    let queue = Queue { events: events.try_into().unwrap(), bytes: 64, overflow };
    let feeds = vec![Feed::Source { node: 0, output: 0, queue }; inputs];
    Arc::new(Inbox::new(
        feeds.iter(),
        false,
        &std::sync::Arc::new(Total::new(u64::MAX)),
        &Default::default(),
    ))
}

fn message(sequence: u64) -> Message {
    let metadata = Metadata {
        timestamp: 0,
        sequence,
        encoding: Default::default(),
        parameters: Default::default(),
    };
    Message { metadata, payload: Bytes::from_static(b"x") }
}

/// All interleavings with at most this many preemptions: a bug that needs more is not known, and every
/// further one costs ten times the time.
const PREEMPTIONS: usize = 3;

fn check(scenario: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS);
    model.check(scenario);
}

/// As an output does it.
fn send(inbox: &Inbox, input: usize, sequence: u64) -> Room {
    let room = block_on(poll_fn(|context| match inbox.room(input, 1, Some(context.waker())) {
        Room::Full => Poll::Pending,
        room => Poll::Ready(room),
    }));
    if room == Room::Free {
        inbox.push(input, message(sequence));
    }
    room
}

fn recv(inbox: &Inbox) -> Vec<Item> {
    let mut items = Vec::new();
    block_on(poll_fn(|context| {
        inbox.poll_recv(context, Most::events(8), &mut |item| items.push(item))
    }));
    items
}

fn recv_until_stop(inbox: &Inbox) -> Vec<Vec<u64>> {
    let mut sequences = vec![Vec::new(); 2];
    loop {
        for item in recv(inbox) {
            match item {
                Item::Message { input, message, .. } => {
                    sequences[input].push(message.metadata.sequence);
                }
                Item::Stop(_) => return sequences,
                _ => {}
            }
        }
    }
}

#[test]
fn nothing_is_lost_or_reordered_and_nobody_sleeps_for_ever() {
    check(|| {
        let inbox = inbox(2, 1, Overflow::Block);
        let sender = |input| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                for sequence in 0..2 {
                    assert_eq!(send(&inbox, input, sequence), Room::Free);
                }
                inbox.close_input(input);
            })
        };
        let first = sender(0);
        // The second input closes at once, or the interleavings are too many.
        inbox.close_input(1);
        assert_eq!(recv_until_stop(&inbox), [vec![0, 1], vec![]]);
        first.join().unwrap();
    });
}

/// Two messages at a time, so that the third stays drawn while the sender goes on.
#[test]
fn what_is_drawn_keeps_its_order_and_its_room() {
    check(|| {
        let inbox = inbox(1, 3, Overflow::Block);
        (0..3).for_each(|sequence| inbox.push(0, message(sequence)));
        let sender = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                for sequence in 3..5 {
                    assert_eq!(send(&inbox, 0, sequence), Room::Free);
                }
                inbox.close_input(0);
            })
        };
        let mut expected = 0..5;
        let mut stopped = false;
        while !stopped {
            block_on(poll_fn(|context| {
                inbox.poll_recv(context, Most::events(2), &mut |item| match item {
                    Item::Message { message, .. } => {
                        assert_eq!(Some(message.metadata.sequence), expected.next());
                    }
                    item => stopped = matches!(item, Item::Stop(_)),
                })
            }));
        }
        assert!(expected.is_empty());
        sender.join().unwrap();
    });
}

/// Whoever ends a node may do so while it takes something.
#[test]
fn the_end_of_a_receiver_that_has_drawn_counts_each_message_once() {
    check(|| {
        let inbox = inbox(1, 3, Overflow::Block);
        (0..3).for_each(|sequence| inbox.push(0, message(sequence)));
        let receiver = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                let mut taken = 0;
                while inbox.try_recv(Most::events(2), &mut |_| taken += 1).is_some_and(|n| n > 0) {}
                taken
            })
        };
        inbox.end();
        let taken = receiver.join().unwrap();
        let [counts] = inbox.counts()[..] else { unreachable!() };
        assert_eq!((counts.received, counts.delivered), (3, taken));
        assert_eq!(counts.discarded, 3 - taken);
    });
}

#[test]
fn two_senders_both_arrive() {
    check(|| {
        let inbox = inbox(2, 1, Overflow::Block);
        let senders: Vec<_> = (0..2)
            .map(|input| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || {
                    assert_eq!(send(&inbox, input, 0), Room::Free);
                    inbox.close_input(input);
                })
            })
            .collect();
        assert_eq!(recv_until_stop(&inbox), [vec![0], vec![0]]);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

#[test]
fn the_end_of_the_receiver_frees_a_waiting_sender() {
    check(|| {
        let inbox = inbox(1, 1, Overflow::Block);
        let sender = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || while send(&inbox, 0, 0) == Room::Free {})
        };
        inbox.end();
        sender.join().unwrap();
        let [counts] = inbox.counts()[..] else { unreachable!() };
        assert_eq!(counts.received, counts.delivered + counts.discarded);
    });
}

#[test]
fn drops_and_deliveries_add_up() {
    check(|| {
        let inbox = inbox(1, 1, Overflow::DropOldest);
        let sender = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                for sequence in 0..3 {
                    inbox.push(0, message(sequence));
                }
                inbox.close_input(0);
            })
        };
        let mut seen = 0;
        'stream: loop {
            for item in recv(&inbox) {
                match item {
                    Item::Message { dropped, .. } => seen += 1 + dropped,
                    Item::Closed { dropped, .. } => seen += dropped,
                    Item::Stop(_) => break 'stream,
                    Item::Tick { .. } | Item::Failed { .. } | Item::Restarted { .. } => {
                        unreachable!()
                    }
                }
            }
        }
        assert_eq!(seen, 3);
        sender.join().unwrap();
    });
}

#[test]
fn notices_of_one_instance_stay_between_its_messages_and_those_of_the_next() {
    check(|| {
        let inbox = inbox(1, 1, Overflow::Block);
        let sender = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                assert_eq!(send(&inbox, 0, 0), Room::Free);
                for count in 1..=2 {
                    inbox.tell_failed(0, "a".into(), true);
                    inbox.tell_restarted(0, count);
                }
                assert_eq!(send(&inbox, 0, 1), Room::Free);
                inbox.tell_failed(0, "b".into(), false);
                inbox.close_input(0);
            })
        };
        let mut seen = String::new();
        while !seen.ends_with("stop") {
            for item in recv(&inbox) {
                match item {
                    Item::Message { message, .. } => seen += &message.metadata.sequence.to_string(),
                    Item::Failed { reason, .. } => seen += &reason,
                    Item::Restarted { count: 2, .. } => seen += "R",
                    Item::Restarted { .. } => seen += "r",
                    Item::Closed { .. } => seen += "c",
                    Item::Stop(_) => seen += "stop",
                    Item::Tick { .. } => unreachable!(),
                }
            }
        }
        // The first failure and restart may be taken before the others join them.
        let expected =
            ["0aR1bcstop", "0aaR1bcstop", "0araR1bcstop", "0arR1bcstop"].map(String::from);
        assert!(expected.contains(&seen), "{seen}");
        sender.join().unwrap();
    });
}

/// Two nodes that read each other: however their last waits interleave, one of them sees that both wait.
#[test]
fn a_cycle_that_has_come_to_rest_is_closed() {
    check(|| {
        let inboxes = [inbox(1, 1, Overflow::DropNewest), inbox(1, 1, Overflow::DropNewest)];
        let close_if_quiet = |inboxes: &[Arc<Inbox>; 2]| {
            let mut held: Vec<_> = inboxes.iter().map(|inbox| inbox.hold()).collect();
            let quiet = held.iter().all(|held| held.is_quiet(&[0]));
            let wakers: Vec<_> = if quiet {
                held.iter_mut().flat_map(|held| held.close_input(0)).flatten().collect()
            } else {
                Vec::new()
            };
            drop(held);
            wakers.into_iter().for_each(Waker::wake);
        };
        let node = move |inboxes: [Arc<Inbox>; 2], own: usize| loop {
            let mut stopped = false;
            let taken = block_on(poll_fn(|context| {
                let polled = inboxes[own].poll_recv(context, Most::events(1), &mut |item| {
                    stopped |= matches!(item, Item::Stop(_));
                });
                if polled.is_pending() {
                    close_if_quiet(&inboxes);
                }
                polled
            }));
            assert_eq!(taken, 1);
            if stopped {
                return;
            }
        };
        inboxes[1].push(0, message(0));
        let other = {
            let inboxes = inboxes.clone();
            thread::spawn(move || node(inboxes, 0))
        };
        node(inboxes, 1);
        other.join().unwrap();
    });
}
