mod drawn;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use bytes::Bytes;

use super::inner::MAX_HOLES;
use super::*;
use crate::dataflow::{Overflow, Queue};
use crate::event::Metadata;

fn queue(events: u32, bytes: u64, overflow: Overflow) -> Feed {
    let queue = Queue { events: NonZeroU32::new(events).expect("not 0"), bytes, overflow };
    Feed::Source { node: 0, output: 0, queue }
}

fn timer() -> Feed {
    Feed::Timer(std::time::Duration::from_secs(1))
}

fn inbox(feeds: &[Feed]) -> Inbox {
    Inbox::new(feeds.iter(), false, &Arc::new(Total::new(u64::MAX)), &Default::default())
}

fn message(sequence: u64, bytes: usize) -> Message {
    let metadata = Metadata {
        timestamp: 0,
        sequence,
        encoding: Default::default(),
        parameters: Default::default(),
    };
    Message { metadata, payload: Bytes::from(vec![0; bytes]) }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

fn waker() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

/// What waits, written short.
fn take_all(inbox: &Inbox) -> Vec<String> {
    let mut taken = Vec::new();
    inbox.try_recv(Most::events(usize::MAX), &mut |item| taken.push(short(item)));
    taken
}

/// `0:3` is message 3 of input 0, with `+2` behind it when two were dropped before it.
fn short(item: Item) -> String {
    match item {
        Item::Message { input, dropped: 0, message } => {
            format!("{input}:{}", message.metadata.sequence)
        }
        Item::Message { input, dropped, message } => {
            format!("{input}:{}+{dropped}", message.metadata.sequence)
        }
        Item::Tick { input, timestamp, missed } => format!("{input}:tick@{timestamp}+{missed}"),
        Item::Failed { input, reason, restarts: false } => format!("{input}:failed {reason}"),
        Item::Failed { input, reason, restarts: true } => {
            format!("{input}:failed {reason}, restarts")
        }
        Item::Restarted { input, count } => format!("{input}:restarted {count}"),
        Item::Closed { input, dropped } => format!("{input}:closed+{dropped}"),
        Item::Stop(reason) => format!("{reason:?}"),
    }
}

#[test]
fn events_come_in_the_order_in_which_they_came_in() {
    let inbox =
        inbox(&[queue(8, 64, Overflow::Block), queue(8, 64, Overflow::DropOldest), timer()]);
    inbox.push(1, message(0, 1));
    inbox.push(0, message(0, 1));
    assert!(inbox.tick(2, 7));
    inbox.push(1, message(1, 1));
    assert_eq!(take_all(&inbox), ["1:0", "0:0", "2:tick@7+0", "1:1"]);
}

#[test]
fn full_inbox_blocks_the_sender_until_something_is_taken() {
    let inbox = inbox(&[queue(2, 64, Overflow::Block)]);
    let (woken, waker) = waker();
    for sequence in 0..2 {
        assert_eq!(inbox.room(0, 1, Some(&waker)), Room::Free);
        inbox.push(0, message(sequence, 1));
    }
    assert_eq!(inbox.room(0, 1, Some(&waker)), Room::Full);
    assert_eq!(woken.get(), 0);
    inbox.try_recv(Most::events(1), &mut |_| {});
    assert_eq!(woken.get(), 1);
    assert_eq!(inbox.room(0, 1, Some(&waker)), Room::Free);
}

#[test]
fn a_push_that_finds_no_room_gives_the_message_back() {
    let inbox = inbox(&[queue(1, 64, Overflow::Block)]);
    let (woken, waker) = waker();
    assert!(
        inbox
            .poll_recv(&mut Context::from_waker(&waker), Most::events(1), &mut |_| {})
            .is_pending()
    );
    assert_eq!(inbox.try_push(0, message(0, 1)), None);
    assert_eq!(woken.get(), 1, "as by any push");
    assert_eq!(inbox.try_push(0, message(1, 1)), Some((Room::Full, message(1, 1))));
    assert_eq!(take_all(&inbox), ["0:0"]);
    assert_eq!(inbox.try_push(0, message(1, 1)), None);
    inbox.end();
    assert_eq!(inbox.try_push(0, message(2, 1)), Some((Room::Closed, message(2, 1))));
    assert_eq!(inbox.counts()[0].received, 2);
}

#[test]
fn a_push_that_is_tried_drops_where_the_rule_says_so() {
    for (overflow, kept) in [(Overflow::DropOldest, "0:1+1"), (Overflow::DropNewest, "0:0")] {
        let inbox = inbox(&[queue(1, 64, overflow)]);
        assert_eq!(inbox.try_push(0, message(0, 1)), None);
        assert_eq!(inbox.try_push(0, message(1, 1)), None);
        assert_eq!(take_all(&inbox), [kept]);
    }
}

#[test]
fn a_queue_is_bounded_in_bytes_too() {
    let inbox = inbox(&[queue(100, 10, Overflow::Block)]);
    inbox.push(0, message(0, 6));
    assert_eq!(inbox.room(0, 4, None), Room::Free);
    assert_eq!(inbox.room(0, 5, None), Room::Full);
}

#[test]
fn a_message_over_the_whole_bound_passes_an_empty_queue() {
    for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::DropNewest] {
        let inbox = inbox(&[queue(100, 10, overflow)]);
        assert_eq!(inbox.room(0, 11, None), Room::Free);
        inbox.push(0, message(0, 11));
        assert_eq!(take_all(&inbox), ["0:0"]);
    }
}

#[test]
fn full_inbox_drops_the_oldest_message_and_counts_it_in_the_next() {
    let inbox = inbox(&[queue(2, 64, Overflow::DropOldest)]);
    for sequence in 0..5 {
        assert_eq!(inbox.room(0, 1, None), Room::Free);
        inbox.push(0, message(sequence, 1));
    }
    assert_eq!(take_all(&inbox), ["0:3+3", "0:4"]);
    let counts = InputCounts { received: 5, delivered: 2, dropped: 3, discarded: 0 };
    assert_eq!(inbox.counts(), [counts]);
}

#[test]
fn latest_keeps_the_newest_message() {
    let inbox = inbox(&[queue(1, 64, Overflow::DropOldest)]);
    for sequence in 0..3 {
        inbox.push(0, message(sequence, 1));
    }
    assert_eq!(take_all(&inbox), ["0:2+2"]);
    inbox.push(0, message(3, 1));
    assert_eq!(take_all(&inbox), ["0:3"]);
}

#[test]
fn full_inbox_drops_the_newest_message_and_counts_it_in_the_next() {
    let inbox = inbox(&[queue(2, 64, Overflow::DropNewest)]);
    for sequence in 0..4 {
        inbox.push(0, message(sequence, 1));
    }
    assert_eq!(take_all(&inbox), ["0:0", "0:1"]);
    inbox.push(0, message(4, 1));
    assert_eq!(take_all(&inbox), ["0:4+2"]);
}

#[test]
fn drops_after_the_last_message_are_counted_in_the_closing() {
    let inbox = inbox(&[queue(1, 64, Overflow::DropNewest)]);
    inbox.push(0, message(0, 1));
    inbox.push(0, message(1, 1));
    inbox.close_input(0);
    assert_eq!(take_all(&inbox), ["0:0", "0:closed+1", "InputsClosed"]);
}

#[test]
fn one_large_message_drops_as_many_old_ones_as_it_needs() {
    let inbox = inbox(&[queue(10, 10, Overflow::DropOldest)]);
    for sequence in 0..5 {
        inbox.push(0, message(sequence, 2));
    }
    inbox.push(0, message(5, 7));
    assert_eq!(take_all(&inbox), ["0:4+4", "0:5"]);
}

#[test]
fn dropping_leaves_the_order_of_other_inputs_alone() {
    let inbox = inbox(&[queue(1, 64, Overflow::DropOldest), queue(8, 64, Overflow::Block)]);
    inbox.push(0, message(0, 1));
    inbox.push(1, message(0, 1));
    inbox.push(0, message(1, 1));
    inbox.push(1, message(1, 1));
    assert_eq!(take_all(&inbox), ["1:0", "0:1+1", "1:1"]);
}

#[test]
fn a_flood_that_nobody_takes_needs_no_more_room_than_its_bound() {
    let inbox = inbox(&[queue(1, 64, Overflow::DropOldest), queue(8, 64, Overflow::Block)]);
    inbox.push(1, message(0, 1));
    for sequence in 0..100_000 {
        inbox.push(0, message(sequence, 1));
    }
    assert!(inbox.lock().queue.len() <= 2 * 2 + MAX_HOLES + 1);
    assert_eq!(take_all(&inbox), ["1:0", "0:99999+99999"]);
}

#[test]
fn ticks_that_nobody_took_are_joined() {
    let inbox = inbox(&[timer()]);
    for timestamp in 0..4 {
        assert!(inbox.tick(0, timestamp));
    }
    assert_eq!(take_all(&inbox), ["0:tick@3+3"]);
    assert!(inbox.tick(0, 4));
    assert_eq!(take_all(&inbox), ["0:tick@4+0"]);
}

#[test]
fn closing_comes_after_the_last_message_and_stop_after_all_closings() {
    let inbox = inbox(&[queue(8, 64, Overflow::Block), queue(8, 64, Overflow::Block), timer()]);
    inbox.push(0, message(0, 1));
    inbox.close_input(0);
    inbox.push(1, message(0, 1));
    inbox.close_input(1);
    inbox.close_input(1);
    assert_eq!(
        take_all(&inbox),
        ["0:0", "0:closed+0", "1:0", "1:closed+0", "2:closed+0", "InputsClosed"]
    );
    assert_eq!(inbox.try_recv(Most::events(1), &mut |_| unreachable!()), Some(0));
    assert!(!inbox.tick(2, 0));
}

#[test]
fn stop_reaches_a_node_that_reads_no_other_at_once() {
    let inbox = inbox(&[timer()]);
    inbox.tick(0, 5);
    inbox.request_stop();
    assert_eq!(take_all(&inbox), ["0:tick@5+0", "0:closed+0", "Requested"]);
}

#[test]
fn stop_reaches_other_nodes_when_their_inputs_have_closed() {
    let inbox = inbox(&[queue(8, 64, Overflow::Block), timer()]);
    inbox.request_stop();
    assert_eq!(take_all(&inbox), ["1:closed+0"]);
    inbox.push(0, message(0, 1));
    inbox.close_input(0);
    assert_eq!(take_all(&inbox), ["0:0", "0:closed+0", "Requested"]);
}

#[test]
fn who_watches_for_the_stop_is_woken_once_it_is_queued() {
    let inbox = inbox(&[queue(8, 64, Overflow::Block)]);
    let (woken, waker) = waker();
    inbox.watch_stop(waker);
    inbox.request_stop();
    assert_eq!(woken.get(), 0);
    inbox.close_input(0);
    assert_eq!(woken.get(), 1);
}

#[test]
fn the_end_of_a_node_frees_its_senders_and_counts_what_it_did_not_take() {
    let inbox = inbox(&[queue(1, 64, Overflow::Block)]);
    let (woken, waker) = waker();
    inbox.push(0, message(0, 1));
    assert_eq!(inbox.room(0, 1, Some(&waker)), Room::Full);
    inbox.end();
    assert_eq!(woken.get(), 1);
    assert_eq!(inbox.room(0, 1, Some(&waker)), Room::Closed);
    inbox.push(0, message(1, 1));
    let counts = InputCounts { received: 2, delivered: 0, dropped: 0, discarded: 2 };
    assert_eq!(inbox.counts(), [counts]);
}

#[test]
fn a_waiting_receiver_is_woken_by_the_first_event_only() {
    let inbox = inbox(&[queue(8, 64, Overflow::Block)]);
    let (woken, waker) = waker();
    let mut context = Context::from_waker(&waker);
    assert!(inbox.poll_recv(&mut context, Most::events(1), &mut |_| {}).is_pending());
    inbox.push(0, message(0, 1));
    inbox.push(0, message(1, 1));
    assert_eq!(woken.get(), 1);
}

#[test]
fn a_wait_that_was_given_up_takes_nothing() {
    let inbox = inbox(&[queue(8, 64, Overflow::Block)]);
    let (woken, waker) = waker();
    let mut context = Context::from_waker(&waker);
    assert!(inbox.poll_recv(&mut context, Most::events(1), &mut |_| {}).is_pending());
    inbox.forget_receiver();
    inbox.push(0, message(0, 1));
    assert_eq!(woken.get(), 0);
    assert_eq!(take_all(&inbox), ["0:0"]);
}

#[test]
fn a_batch_ends_once_it_has_enough_bytes() {
    let inbox = inbox(&[queue(8, 64, Overflow::Block)]);
    for sequence in 0..4 {
        inbox.push(0, message(sequence, 5));
    }
    let most = Most { bytes: 8, ..Most::events(8) };
    assert_eq!(inbox.try_recv(most, &mut |_| {}), Some(2));
    assert_eq!(inbox.try_recv(Most { bytes: 1, ..Most::events(8) }, &mut |_| {}), Some(1));
}

#[test]
fn a_failure_comes_behind_the_last_message_and_before_the_closing() {
    let inbox = inbox(&[queue(2, 64, Overflow::Block), queue(8, 64, Overflow::Block)]);
    inbox.push(0, message(0, 1));
    inbox.push(0, message(1, 1));
    inbox.tell_failed(0, "a".into(), false);
    inbox.push(1, message(0, 1));
    inbox.close_input(0);
    inbox.close_input(1);
    assert_eq!(
        take_all(&inbox),
        ["0:0", "0:1", "0:failed a", "1:0", "0:closed+0", "1:closed+0", "InputsClosed"]
    );
}

#[test]
fn messages_of_one_instance_and_of_the_next_are_kept_apart() {
    let inbox = inbox(&[queue(8, 64, Overflow::Block)]);
    inbox.push(0, message(0, 1));
    inbox.tell_failed(0, "a".into(), true);
    inbox.tell_restarted(0, 1);
    inbox.push(0, message(1, 1));
    inbox.tell_restarted(0, 2);
    inbox.push(0, message(2, 1));
    let expected = ["0:0", "0:failed a, restarts", "0:restarted 1", "0:1", "0:restarted 2", "0:2"];
    assert_eq!(take_all(&inbox), expected);
}

/// `f` is a failure, `r` a restart, `m` a message, and `t` takes one; gives what is there at the end.
fn after(told: &str, overflow: Overflow) -> Vec<String> {
    let inbox = inbox(&[queue(2, 64, overflow), queue(8, 64, Overflow::Block)]);
    inbox.push(1, message(0, 1)); // So that nothing before it is at the front.
    for (number, kind) in (0..).zip(told.chars()) {
        match kind {
            'f' => inbox.tell_failed(0, number.to_string().into(), true),
            'r' => inbox.tell_restarted(0, number),
            'm' => inbox.push(0, message(number, 1)),
            _ => assert!(take_of(&inbox, &[0]).starts_with("0:")),
        }
    }
    let rest = take_all(&inbox);
    assert_eq!(rest[0], "1:0");
    let short = |line: &String| line.replace(", restarts", "").replacen("0:", "", 1);
    rest[1..].iter().map(short).collect()
}

#[test]
fn of_notices_without_a_message_between_the_last_failure_and_its_restart_stay() {
    let block = |told| after(told, Overflow::Block);
    assert_eq!(block("frfr"), ["failed 2", "restarted 3"]);
    assert_eq!(block("frf"), ["failed 2"]);
    assert_eq!(block("ff"), ["failed 1"]);
    assert_eq!(block("rrr"), ["restarted 2"]);
    assert_eq!(block("frr"), ["failed 0", "restarted 2"]);
    assert_eq!(block("rf"), ["failed 1"]);
    assert_eq!(block("frmfrfr"), ["failed 0", "restarted 1", "2", "failed 5", "restarted 6"]);
    assert_eq!(block("mfrtfr"), ["failed 4", "restarted 5"]);
    assert_eq!(block("frtfr"), ["failed 3", "restarted 4"]);
    assert_eq!(block("frttf"), ["failed 4"]);
    assert_eq!(block("frmtttfr"), ["failed 6", "restarted 7"]);
}

#[test]
fn notices_around_a_message_that_is_dropped_are_joined() {
    let oldest = |told| after(told, Overflow::DropOldest);
    assert_eq!(oldest("frmfrmm"), ["failed 3", "restarted 4", "5+1", "6"]);
    assert_eq!(oldest("frmrmm"), ["failed 0", "restarted 3", "4+1", "5"]);
    assert_eq!(oldest("mfmfmfm"), ["failed 3", "4+2", "failed 5", "6"]);
    assert_eq!(oldest("mrmrmmfr"), ["restarted 3", "4+2", "5", "failed 6", "restarted 7"]);
    assert_eq!(oldest("mmfmmfr"), ["failed 2", "3+2", "4", "failed 5", "restarted 6"]);
    let newest = |told| after(told, Overflow::DropNewest);
    assert_eq!(newest("mmfrmfrm"), ["0", "1", "failed 5", "restarted 6"]);
}

#[test]
fn a_node_that_fails_for_ever_fills_no_inbox() {
    for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::DropNewest] {
        let inbox = inbox(&[queue(1, 64, overflow), queue(8, 64, Overflow::Block)]);
        inbox.push(1, message(0, 1));
        for count in 0..100_000 {
            if overflow != Overflow::Block {
                inbox.push(0, message(count, 1));
            }
            inbox.tell_failed(0, "a".into(), true);
            inbox.tell_restarted(0, count);
        }
        let (len, live) = {
            let inner = inbox.lock();
            (inner.queue.len(), inner.live)
        };
        assert!(live <= 6 && len <= 2 * live + MAX_HOLES, "{live} events, {len} slots");
        let seen = take_all(&inbox);
        assert_eq!(seen.len(), live);
        assert_eq!(seen.last().unwrap(), "0:restarted 99999");
    }
}

#[test]
fn a_notice_wakes_who_waits_and_needs_no_room() {
    let inbox = inbox(&[queue(1, 64, Overflow::Block)]);
    let (woken, waker) = waker();
    let mut context = Context::from_waker(&waker);
    assert!(inbox.poll_recv(&mut context, Most::events(1), &mut |_| {}).is_pending());
    inbox.tell_restarted(0, 1);
    assert_eq!(woken.get(), 1);
    assert_eq!(inbox.room(0, 64, None), Room::Free);
    assert_eq!(inbox.free(0), Some((1, 64)));
    assert_eq!(take_all(&inbox), ["0:restarted 1"]);
    assert_eq!(inbox.counts(), [InputCounts::default()]);
}

#[test]
fn nothing_is_told_of_an_input_that_is_closed_or_of_a_node_that_is_gone() {
    let inbox = inbox(&[queue(1, 64, Overflow::Block), queue(1, 64, Overflow::Block)]);
    inbox.close_input(0);
    inbox.tell_failed(0, "a".into(), false);
    inbox.tell_restarted(0, 1);
    assert_eq!(take_all(&inbox), ["0:closed+0"]);
    inbox.end();
    inbox.tell_failed(1, "a".into(), false);
    assert_eq!(inbox.lock().live, 0);
}

#[test]
fn a_notice_that_may_still_be_joined_is_not_taken_ahead() {
    let firm = Most { firm_beyond: 1, ..Most::events(8) };
    let taken = |overflow, told: &str| {
        let inbox = inbox(&[queue(8, 64, overflow), queue(8, 64, Overflow::Block)]);
        inbox.push(1, message(0, 1));
        for kind in told.chars() {
            match kind {
                'f' => inbox.tell_failed(0, "a".into(), true),
                'm' => inbox.push(0, message(0, 1)),
                _ => inbox.close_input(0),
            }
        }
        inbox.try_recv(firm, &mut |_| {}).unwrap() - 1
    };
    assert_eq!(taken(Overflow::Block, "f"), 0);
    assert_eq!(taken(Overflow::Block, "fm"), 2);
    assert_eq!(taken(Overflow::Block, "fmf"), 2);
    assert_eq!(taken(Overflow::Block, "fmfc"), 4);
    assert_eq!(taken(Overflow::DropOldest, "fm"), 0, "the message may go");
    assert_eq!(taken(Overflow::DropOldest, "fc"), 2);
}

#[test]
fn where_all_must_be_firm_nothing_is_taken_from_behind_what_may_go() {
    let firm = Most { firm_beyond: 0, ..Most::events(8) };
    let taken = |overflows: [Overflow; 2]| {
        let inbox = inbox(&overflows.map(|overflow| queue(8, 64, overflow)));
        inbox.push(0, message(0, 1));
        inbox.push(1, message(0, 1));
        inbox.try_recv(firm, &mut |_| {}).unwrap()
    };
    assert_eq!(taken([Overflow::Block, Overflow::Block]), 2);
    assert_eq!(taken([Overflow::Block, Overflow::DropOldest]), 1);
    assert_eq!(taken([Overflow::DropOldest, Overflow::Block]), 0);
}

/// What comes of some inputs alone; "pending" where there is nothing now, "end" where there will be nothing.
fn take_of(inbox: &Inbox, inputs: &[usize]) -> String {
    let (_woken, waker) = waker();
    let mut seen = String::from("end");
    let polled = inbox.poll_recv_of(&mut Context::from_waker(&waker), inputs, &mut |item| {
        seen = short(item);
    });
    if polled.is_pending() { "pending".into() } else { seen }
}

#[test]
fn some_inputs_are_read_without_taking_from_the_others() {
    let feeds = [queue(8, 64, Overflow::Block), queue(1, 64, Overflow::DropOldest), timer()];
    let inbox = inbox(&feeds);
    assert_eq!(take_of(&inbox, &[1]), "pending");
    inbox.push(0, message(0, 1));
    inbox.push(1, message(0, 1));
    inbox.push(1, message(1, 1));
    inbox.tick(2, 0);
    assert_eq!(take_of(&inbox, &[1, 2]), "1:1+1");
    assert_eq!(take_of(&inbox, &[1, 2]), "2:tick@0+0");
    assert_eq!(take_of(&inbox, &[1, 2]), "pending");
    inbox.push(1, message(2, 1));
    inbox.close_input(1);
    assert_eq!(take_of(&inbox, &[1]), "1:2");
    assert_eq!(take_of(&inbox, &[1]), "1:closed+0");
    assert_eq!(take_of(&inbox, &[1]), "end");
    inbox.close_input(0);
    assert_eq!(take_all(&inbox), ["0:0", "0:closed+0", "2:closed+0", "InputsClosed"]);
}

#[test]
fn a_node_is_quiet_when_it_waits_and_nothing_can_come_from_outside() {
    let inbox = inbox(&[queue(8, 64, Overflow::Block), queue(8, 64, Overflow::Block)]);
    let (_woken, waker) = waker();
    let mut context = Context::from_waker(&waker);
    assert!(!inbox.hold().is_quiet(&[1]), "it does not wait");
    assert!(inbox.poll_recv(&mut context, Most::events(1), &mut |_| {}).is_pending());
    assert!(!inbox.hold().is_quiet(&[1]), "input 0 is open");
    inbox.close_input(0);
    take_all(&inbox);
    assert!(inbox.poll_recv(&mut context, Most::events(1), &mut |_| {}).is_pending());
    assert!(inbox.hold().is_quiet(&[1]));
    inbox.push(1, message(0, 1));
    assert!(!inbox.hold().is_quiet(&[1]), "an event waits");
}
