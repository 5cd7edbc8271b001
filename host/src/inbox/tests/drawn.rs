//! What the receiver has moved out of the queue and not yet handed out. Without the model, as the parent.

use super::super::drawn::WORTH_DRAWING;
use super::*;

/// Who takes so many draws all the others.
const BATCH: usize = WORTH_DRAWING;
const MANY: u64 = 24;

fn blocking() -> Feed {
    queue(MANY as u32, 1000, Overflow::Block)
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

/// Takes the first batch, so that the rest is drawn.
fn draw(inbox: &Inbox) {
    assert_eq!(take(inbox, BATCH), (0..BATCH as u64).collect::<Vec<_>>());
    assert!(is_drawn(inbox));
}

fn is_drawn(inbox: &Inbox) -> bool {
    let is_drawn = !sync::lock(&inbox.drawn).is_empty();
    assert_eq!(inbox.lock().is_drawn, is_drawn);
    is_drawn
}

#[test]
fn what_is_drawn_comes_before_what_was_queued_since() {
    let inbox = inbox(&[blocking()]);
    fill(&inbox, 0..MANY);
    draw(&inbox);
    fill(&inbox, 24..27);
    assert_eq!(take(&inbox, 1), [8]);
    assert_eq!(take(&inbox, 64), (9..24).collect::<Vec<_>>());
    assert!(!is_drawn(&inbox));
    assert_eq!(take(&inbox, 64), [24, 25, 26]);
}

#[test]
fn nothing_is_drawn_where_few_events_wait_or_are_taken() {
    let inbox = inbox(&[blocking()]);
    fill(&inbox, 0..MANY);
    take(&inbox, BATCH - 1);
    assert!(!is_drawn(&inbox));
    while !take(&inbox, 1).is_empty() {
        assert!(!is_drawn(&inbox));
    }
    fill(&inbox, 0..BATCH as u64 - 1);
    assert_eq!(inbox.try_recv(Most { bytes: 1, ..Most::events(64) }, &mut |_| {}), Some(1));
    assert!(!is_drawn(&inbox));
}

#[test]
fn what_is_drawn_fills_the_bound_until_it_is_handed_out() {
    let inbox = inbox(&[blocking()]);
    let (woken, waker) = waker();
    fill(&inbox, 0..MANY);
    draw(&inbox);
    assert_eq!(inbox.free(0), Some((8, 1000 - 16)));
    fill(&inbox, 24..32);
    assert_eq!(inbox.room(0, 1, Some(&waker)), Room::Full);
    take(&inbox, 2);
    assert_eq!(woken.get(), 1, "once for both");
    assert_eq!(inbox.free(0).map(|(events, _)| events), Some(2));
}

#[test]
fn what_is_drawn_counts_towards_the_total_of_all_inboxes() {
    let total = Arc::new(Total::new(MANY));
    let inbox = Inbox::new([blocking()].iter(), false, &total, &Default::default());
    fill(&inbox, 0..MANY);
    draw(&inbox);
    assert_eq!(total.free(), 8);
    take(&inbox, 64);
    assert_eq!(total.free(), MANY);
}

#[test]
fn a_batch_out_of_what_is_drawn_ends_once_it_has_enough_bytes() {
    let inbox = inbox(&[blocking()]);
    (0..MANY).for_each(|sequence| inbox.push(0, message(sequence, 5)));
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
    for sequence in 0..MANY {
        inbox.push(0, Message { payload: payload.clone(), ..message(sequence, 0) });
    }
    draw(&inbox);
    fill(&inbox, 24..26);
    assert!(!payload.is_unique());
    inbox.end();
    assert!(payload.is_unique());
    assert_eq!(total.free(), u64::MAX);
    let counts = InputCounts { received: 26, delivered: 8, dropped: 0, discarded: 18 };
    assert_eq!(inbox.counts(), [counts]);
    assert_eq!(inbox.delivered(), 8);
    assert!(!is_drawn(&inbox));
    assert_eq!(take(&inbox, 64), [0; 0]);
}

#[test]
fn some_inputs_are_read_out_of_what_is_drawn() {
    let inbox = inbox(&[blocking(), blocking()]);
    fill(&inbox, 0..10);
    inbox.push(1, message(0, 1));
    draw(&inbox);
    inbox.push(1, message(1, 1));
    assert_eq!(take_of(&inbox, &[1]), "1:0");
    assert_eq!(take_of(&inbox, &[0]), "0:8");
    assert_eq!(take_of(&inbox, &[1]), "1:1");
    assert_eq!(take(&inbox, 64), [9]);
}

#[test]
fn the_last_event_ends_the_inbox_when_it_is_handed_out_and_not_before() {
    let inbox = inbox(&[blocking()]);
    fill(&inbox, 0..MANY);
    inbox.close_input(0);
    draw(&inbox);
    assert_eq!(take(&inbox, 16).len(), 16);
    assert!(!inbox.is_finished());
    assert!(is_drawn(&inbox));
    assert_eq!(take_all(&inbox), ["0:closed+0", "InputsClosed"]);
    assert!(inbox.is_finished());
}

#[test]
fn a_node_is_neglected_and_not_quiet_while_something_is_drawn() {
    let inbox = inbox(&[blocking()]);
    let (_, waker) = waker();
    fill(&inbox, 0..MANY);
    draw(&inbox);
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
        fill(&inbox, 0..MANY - 1);
        disturb(&inbox);
        assert_eq!(take(&inbox, BATCH).len(), BATCH);
        assert!(!is_drawn(&inbox));
        disturb(&inbox);
        let mut taken = take_all(&inbox);
        let disturbance = taken.pop().expect("one is left of both");
        assert_eq!(taken.len(), 15);
        fill(&inbox, 0..MANY);
        draw(&inbox); // Once it was taken.
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
