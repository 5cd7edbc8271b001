//! What a process had in hand when it went, as the next one is given it.

use super::raw::Raw;
use super::*;
use crate::link::frame::{FromHost, FromNode};

const TEXT: &str = "
nodes:
  - { id: before, embedded: true, outputs: [out] }
  - id: linked
    embedded: true
    inputs: { in: before/out }
    restart: { when: never, in_hand: redeliver }
";

/// The sequences of the messages that come after a process that did this, of ten.
fn left_by(process: impl FnOnce(&mut Raw) + Send + 'static) -> Vec<u64> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (tell, told) = mpsc::channel();
    let mut prepared = prepared(TEXT);
    let serve = move |mut ports: Ports| async move {
        let mut link = HostLink::new(OwnedFd::from(ours), ports.max_payload()).unwrap();
        greet(&mut link, &ports).await.unwrap();
        assert_eq!(link.serve(&mut ports).await, Served::Gone);
        ports.give_again();
        while let Some(event) = ports.recv().await {
            let Event::Input(input) = event else { continue };
            tell.send(input.message.metadata.sequence).unwrap();
        }
        Ok(())
    };
    prepared.embed("linked", serve).unwrap();
    let send = |mut ports: Ports| async move {
        for _ in 0..10 {
            ports.send("out", "x").await.map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    prepared.embed("before", send).unwrap();
    let process = std::thread::spawn(move || {
        let mut raw = Raw::greeted(theirs);
        process(&mut raw);
        raw.close();
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime
        .block_on(async { prepared.start(StartOptions::default()).await.unwrap().wait().await });
    process.join().unwrap();
    assert!(report.is_ok() && report.unbalanced().is_empty(), "{report:#?}");
    told.iter().collect()
}

/// Waits for the next message.
fn take(raw: &mut Raw) {
    raw.find(|frame| matches!(frame, FromHost::Input { .. }).then_some(())).unwrap();
}

const WANT: FromNode<'_> = FromNode::Want { inputs: None, max: 1 };

#[test]
fn what_was_given_for_the_last_want_is_in_hand() {
    let left = left_by(|raw| {
        for batches in 0..3 {
            raw.say(&FromNode::Seen { batches });
            raw.say(&WANT);
            take(raw);
        }
    });
    assert_eq!(left, [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_batch_that_crossed_with_another_want_is_in_hand_too() {
    let left = left_by(|raw| {
        for _ in 0..2 {
            raw.say(&WANT); // For all that it says, nothing has come before.
            take(raw);
        }
    });
    assert_eq!(left, (0..10).collect::<Vec<_>>());
}
