//! What the receiver has moved out of the queue and not yet handed out. Without the model, as the parent.

use super::super::drawn::WORTH_DRAWING;
use super::*;

const MANY: u32 = 2 * WORTH_DRAWING as u32;

fn blocking() -> Feed {
    queue(MANY, 1000, Overflow::Block)
}

fn fill(inbox: &Inbox, sequences: std::ops::Range<u64>) {
    sequences.for_each(|sequence| inbox.push(0, message(sequence, 1)));
}

fn take(inbox: &Inbox, events: usize) -> Vec<u64> {
    let mut taken = Vec::new();
    inbox.try_recv(Most::events(events), &mut |item| match item {
        Item::Message { message, .. } => taken.push(message.metadata.sequence),
        other => panic!("{other:?}"),
    });
    taken
}

fn is_drawn(inbox: &Inbox) -> bool {
    !sync::lock(&inbox.drawn).is_empty()
}

#[test]
fn what_is_drawn_comes_before_what_was_queued_since() {
    let inbox = inbox(&[blocking()]);
    fill(&inbox, 0..u64::from(MANY));
    assert_eq!(take(&inbox, 3), [0, 1, 2]);
    assert!(is_drawn(&inbox));
    fill(&inbox, 16..19);
    assert_eq!(take(&inbox, 64), (3..16).collect::<Vec<_>>());
    assert_eq!(take(&inbox, 64), [16, 17, 18]);
}

#[test]
fn few_events_are_not_drawn() {
    let inbox = inbox(&[blocking()]);
    fill(&inbox, 0..WORTH_DRAWING as u64);
    take(&inbox, 1);
    assert!(!is_drawn(&inbox));
}

#[test]
fn what_is_drawn_fills_the_bound_until_it_is_handed_out() {
    let inbox = inbox(&[blocking()]);
    let (woken, waker) = waker();
    fill(&inbox, 0..u64::from(MANY));
    take(&inbox, 1);
    assert_eq!(inbox.free(0), Some((1, 1000 - u64::from(MANY) + 1)));
    fill(&inbox, 16..17);
    assert_eq!(inbox.room(0, 1, Some(&waker)), Room::Full);
    take(&inbox, 2);
    assert_eq!(woken.get(), 1, "once for both");
    assert_eq!(inbox.free(0).map(|(events, _)| events), Some(2));
}

#[test]
fn what_is_drawn_counts_towards_the_total_of_all_inboxes() {
    let total = Arc::new(Total::new(u64::from(MANY)));
    let inbox = Inbox::new([blocking()].iter(), false, &total, &Default::default());
    fill(&inbox, 0..u64::from(MANY));
    take(&inbox, 1);
    assert_eq!(total.free(), 1);
    take(&inbox, 64);
    assert_eq!(total.free(), u64::from(MANY));
}

#[test]
fn a_batch_out_of_what_is_drawn_ends_once_it_has_enough_bytes() {
    let inbox = inbox(&[blocking()]);
    (0..u64::from(MANY)).for_each(|sequence| inbox.push(0, message(sequence, 5)));
    let most = Most { bytes: 8, ..Most::events(64) };
    for _ in 0..2 {
        assert_eq!(inbox.try_recv(most, &mut |_| {}), Some(2));
        assert!(is_drawn(&inbox));
    }
}

#[test]
fn the_end_of_a_node_discards_what_is_drawn() {
    let total = Arc::new(Total::new(u64::MAX));
    let inbox = Inbox::new([blocking()].iter(), false, &total, &Default::default());
    let payload = Bytes::from(vec![7; 1]);
    for sequence in 0..u64::from(MANY) {
        inbox.push(0, Message { payload: payload.clone(), ..message(sequence, 0) });
    }
    take(&inbox, 3);
    fill(&inbox, 16..18);
    assert!(!payload.is_unique());
    inbox.end();
    assert!(payload.is_unique());
    assert_eq!(total.free(), u64::MAX);
    let counts = InputCounts { received: 18, delivered: 3, dropped: 0, discarded: 15 };
    assert_eq!(inbox.counts(), [counts]);
    assert_eq!(inbox.delivered(), 3);
    assert_eq!(take(&inbox, 64), [0; 0]);
}

#[test]
fn some_inputs_are_read_out_of_what_is_drawn() {
    let inbox = inbox(&[blocking(), blocking()]);
    fill(&inbox, 0..10);
    inbox.push(1, message(0, 1));
    assert_eq!(take(&inbox, 1), [0]);
    assert!(is_drawn(&inbox));
    inbox.push(1, message(1, 1));
    assert_eq!(take_of(&inbox, &[1]), "1:0");
    assert_eq!(take_of(&inbox, &[0]), "0:1");
    assert_eq!(take_of(&inbox, &[1]), "1:1");
    assert_eq!(take(&inbox, 64), (2..10).collect::<Vec<_>>());
}

#[test]
fn the_last_event_ends_the_inbox_when_it_is_handed_out_and_not_before() {
    let inbox = inbox(&[blocking()]);
    fill(&inbox, 0..u64::from(MANY));
    inbox.close_input(0);
    assert_eq!(take(&inbox, 16).len(), 16);
    assert!(is_drawn(&inbox));
    assert!(!inbox.is_finished());
    assert_eq!(take_all(&inbox), ["0:closed+0", "InputsClosed"]);
    assert!(inbox.is_finished());
}

#[test]
fn a_node_is_neglected_and_not_quiet_while_something_is_drawn() {
    let inbox = inbox(&[blocking()]);
    let (_, waker) = waker();
    fill(&inbox, 0..u64::from(MANY));
    take(&inbox, 1);
    assert!(inbox.is_neglected());
    assert!(!inbox.hold().is_quiet(&[0]));
    take(&inbox, 64);
    assert!(!inbox.is_neglected());
    let mut context = Context::from_waker(&waker);
    assert!(inbox.poll_recv(&mut context, Most::events(1), &mut |_| {}).is_pending());
    assert!(inbox.hold().is_quiet(&[0]));
}

/// Each of these may still change or go while it is in the queue, so it must stay there.
#[test]
fn nothing_is_drawn_beside_what_may_still_change() {
    let dropping = |overflow| queue(1, 64, overflow);
    let beside = |feed: Feed, disturb: &dyn Fn(&Inbox)| {
        let inbox = inbox(&[blocking(), feed]);
        fill(&inbox, 0..u64::from(MANY) - 1);
        disturb(&inbox);
        assert_eq!(take(&inbox, 1), [0]);
        assert!(!is_drawn(&inbox));
        disturb(&inbox);
        let mut taken = take_all(&inbox);
        let disturbance = taken.pop().expect("one is left of both");
        assert_eq!(taken.len(), 14);
        fill(&inbox, 0..u64::from(MANY));
        assert_eq!(take(&inbox, 1), [0]);
        assert!(is_drawn(&inbox), "once it was taken");
        disturbance
    };
    let push = |inbox: &Inbox| inbox.push(1, message(7, 1));
    assert_eq!(beside(dropping(Overflow::DropOldest), &push), "1:7+1");
    assert_eq!(beside(dropping(Overflow::DropNewest), &push), "1:7");
    let tick = |inbox: &Inbox| assert!(inbox.tick(1, 5));
    assert_eq!(beside(timer(), &tick), "1:tick@5+1");
    let tell = |inbox: &Inbox| inbox.tell_failed(1, "it fell".into(), false);
    assert_eq!(beside(blocking(), &tell), "1:failed it fell");
}
