//! Failures and restarts of the nodes that a process reads.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use super::*;

#[test]
fn failures_and_restarts_cross_in_order_with_the_messages() {
    let mut linked = Linked::new(CHAIN).sinks();
    let instances = AtomicU64::new(0);
    let before = move |mut ports: Ports| {
        let instance = instances.fetch_add(1, Ordering::Relaxed);
        async move {
            ports.send("out", instance.to_string()).await.map_err(|error| error.to_string())?;
            if instance == 0 { std::future::pending().await } else { Err("it broke".into()) }
        }
    };
    linked.prepared.embed_restartable("before", before).unwrap();
    let (sent, was_sent) = oneshot::channel();
    let process = |socket| {
        let mut process = Process::new(socket);
        let mut seen = vec![text(&process.next().unwrap())];
        sent.send(()).unwrap();
        while let Some(event) = process.next_of(Some(&[0])) {
            seen.push(text(&event));
        }
        process.end();
        seen
    };
    let (_, _, seen) = linked.run_while(process, async |control| {
        was_sent.await.unwrap();
        control.restart("before").await.unwrap();
    });
    let expected = ["0", "restarted in: 1", "1", "failed in: failed: it broke", "closed in"];
    assert_eq!(seen, expected);
}

/// What is handed over cannot be joined any more.
#[test]
fn a_restart_is_not_handed_over_before_it_is_asked_for() {
    let mut linked = Linked::new(CHAIN).sinks();
    let instances = AtomicU64::new(0);
    let (sent, mut was_sent) = tokio::sync::mpsc::unbounded_channel();
    let before = move |mut ports: Ports| {
        let (instance, sent) = (instances.fetch_add(1, Ordering::Relaxed), sent.clone());
        async move {
            if instance == 0 {
                ports.send("out", "first").await.map_err(|error| error.to_string())?;
                sent.send(()).map_err(|error| error.to_string())?;
            }
            if instance < 2 { std::future::pending().await } else { Ok(()) }
        }
    };
    linked.prepared.embed_restartable("before", before).unwrap();
    let (restarted, restarts) = mpsc::channel::<()>();
    let (taken, was_taken) = oneshot::channel();
    let process = move |socket| {
        let mut process = Process::new(socket);
        restarts.recv().unwrap();
        let mut seen = vec![text(&process.next().unwrap())];
        taken.send(()).unwrap();
        restarts.recv().unwrap();
        while let Some(event) = process.next() {
            seen.push(text(&event));
        }
        process.end();
        seen
    };
    let (_, _, seen) = linked.run_while(process, async |control| {
        was_sent.recv().await.unwrap();
        control.restart("before").await.unwrap();
        restarted.send(()).unwrap();
        was_taken.await.unwrap();
        control.restart("before").await.unwrap();
        restarted.send(()).unwrap();
    });
    assert_eq!(seen, ["first", "restarted in: 2", "closed in", "stop"]);
}
