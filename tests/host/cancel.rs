//! Giving up a wait loses nothing and doubles nothing.

use thalweg::{Event, Outgoing, Ports, TrySendError};

use crate::support::{flow, poll_once};

const MESSAGES: u64 = 20_000;

const PAIR: &str = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: { source: source/out, queue: 5 } } }
";

const FAN_OUT: &str = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: { source: source/out, queue: 5 } } }
  - { id: other, embedded: true, inputs: { in: { source: source/out, queue: 3 } } }
";

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn number_of(event: &Event) -> Option<u64> {
    let Event::Input(input) = event else { return None };
    Some(u64::from_le_bytes(input.message.payload.as_ref().try_into().unwrap()))
}

/// Receives in every way, and gives most waits up at some point.
async fn recv_with_second_thoughts(ports: &mut Ports, seed: u64) -> Vec<u64> {
    let mut random = Random(seed);
    let mut numbers = Vec::new();
    let mut events = Vec::new();
    loop {
        match random.below(6) {
            0 => events.extend(poll_once(ports.recv()).await.flatten()),
            1 => events.extend(ports.try_recv()),
            2 => drop(poll_once(ports.recv_batch(&mut events, 3)).await),
            3 => tokio::select! {
                biased;
                () = tokio::task::yield_now() => {}
                event = ports.recv() => events.extend(event),
            },
            4 => {
                let wait = tokio::time::timeout(std::time::Duration::ZERO, ports.recv());
                events.extend(wait.await.ok().flatten());
            }
            _ => events.extend(ports.recv().await),
        }
        let ended = events.iter().any(|event| matches!(event, Event::Stop(_)));
        numbers.extend(events.drain(..).filter_map(|event| number_of(&event)));
        if ended {
            return numbers;
        }
    }
}

/// Sends in every way, and gives most waits up; each number until it was sent.
async fn send_with_second_thoughts(ports: &mut Ports, seed: u64) {
    let mut random = Random(seed);
    let mut next = 0;
    while next < MESSAGES {
        let message = Outgoing::from(next.to_le_bytes().to_vec());
        let sent = match random.below(4) {
            0 => poll_once(ports.send("out", message)).await,
            1 => match ports.try_send("out", message) {
                Ok(()) => Some(Ok(())),
                Err(TrySendError::Full(_)) => None,
                Err(TrySendError::Refused(error)) => Some(Err(error)),
            },
            2 => tokio::select! {
                biased;
                () = tokio::task::yield_now() => None,
                sent = ports.send("out", message) => Some(sent),
            },
            _ => Some(ports.send("out", message).await),
        };
        if sent.transpose().unwrap().is_some() {
            next += 1;
        }
    }
}

async fn all_arrive_once(text: &str, sinks: &'static [&'static str], seed: u64) {
    let mut flow = flow(text).embed("source", move |mut ports| async move {
        send_with_second_thoughts(&mut ports, seed).await;
        Ok(())
    });
    for sink in sinks {
        flow = flow.embed(sink, move |mut ports| async move {
            let numbers = recv_with_second_thoughts(&mut ports, seed + 17).await;
            assert!(numbers.iter().copied().eq(0..MESSAGES), "{sink}: {} came", numbers.len());
            Ok(())
        });
    }
    let outcome = flow.run().await;
    outcome.assert_ok();
    for sink in sinks {
        assert_eq!(outcome.input(sink, "in").delivered, MESSAGES);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_that_are_given_up_lose_and_double_nothing() {
    for seed in 1..=3 {
        all_arrive_once(PAIR, &["sink"], seed).await;
    }
}

#[tokio::test]
async fn waits_that_are_given_up_lose_and_double_nothing_on_one_thread() {
    all_arrive_once(PAIR, &["sink"], 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_is_given_up_reaches_no_reader() {
    all_arrive_once(FAN_OUT, &["sink", "other"], 5).await;
}
