//! What the machine can do without this runtime, with the code that is closest to it: what the figures are
//! held against.

use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use memmap2::MmapMut;
use rustix::event::{EventfdFlags, eventfd};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::flow::{now, quantiles, runtime};
use crate::settings::Settings;

const PERIOD: Duration = Duration::from_millis(2);
/// As many as the queue of an input has by default.
const QUEUE: usize = 256;
/// And as many bytes.
const QUEUE_BYTES: usize = 64 << 20;
/// As many as a node is given at once.
const BATCH: usize = 64;

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let wakes = settings.number("wakes", 1000)?;
    let hops = settings.number("count", 1_000_000)?;
    Ok(json!({
        "memcpy": { "65536": copies(64 << 10), "1048576": copies(1 << 20), "8388608": copies(8 << 20) },
        "memcpy_in_turns": copies_in_turns(8 << 20),
        "memcpy_to_new": copies_to_new(8 << 20)?,
        "memcpy_paced": copies_paced(8 << 20, wakes / 20),
        "futex": futex(wakes),
        "eventfd": by_eventfd(wakes)?,
        "pipe": by_pipe(wakes)?,
        "tokio": runtime()?.block_on(by_channel(wakes))?,
        "channel": runtime()?.block_on(channels(hops, 1))?,
        "channels": runtime()?.block_on(channels(hops / 4, 9))?,
    }))
}

/// Bytes a second from one warm place to another.
fn copies(size: usize) -> f64 {
    let (from, mut to) = (vec![7_u8; size], vec![0_u8; size]);
    rate(size, || black_box(&mut to).copy_from_slice(black_box(&from)))
}

/// Bytes a second to as many places in turns as messages of that size may wait at an input: more than caches hold.
fn copies_in_turns(size: usize) -> f64 {
    let from = vec![7_u8; size];
    let mut places = vec![vec![0_u8; size]; QUEUE_BYTES / size];
    let mut turns = (0..places.len()).cycle();
    rate(size, || {
        let place = turns.next().and_then(|turn| places.get_mut(turn));
        black_box(place).into_iter().for_each(|to| to.copy_from_slice(black_box(&from)));
    })
}

/// Bytes a second to where nothing was yet: the kernel has to find, clear and map the pages.
fn copies_to_new(size: usize) -> anyhow::Result<f64> {
    let from = vec![7_u8; size];
    let mut failed = None;
    let rate = rate(size, || match MmapMut::map_anon(size) {
        Ok(mut to) => black_box(&mut to).copy_from_slice(black_box(&from)),
        Err(error) => failed = Some(error),
    });
    failed.map_or(Ok(rate), |error| Err(error.into()))
}

/// Two copies behind each other after a pause, as of a payload that comes 25 times a second: from one place to a second
/// and on to a third. The caches have something else in them by then, and the processor has slept.
fn copies_paced(size: usize, times: usize) -> Value {
    let (from, mut between, mut to) = (vec![7_u8; size], vec![0_u8; size], vec![0_u8; size]);
    let mut spent: Vec<u64> = (0..times.max(10))
        .map(|_| {
            thread::sleep(Duration::from_millis(40));
            let began = now();
            black_box(&mut between).copy_from_slice(black_box(&from));
            black_box(&mut to).copy_from_slice(black_box(&between));
            now().saturating_sub(began)
        })
        .collect();
    quantiles(&mut spent)
}

fn rate(size: usize, mut copy: impl FnMut()) -> f64 {
    let times = (2 << 30) / size;
    copy();
    let began = Instant::now();
    (0..times).for_each(|_| copy());
    (size * times) as f64 / began.elapsed().as_secs_f64()
}

/// From a thread that wakes another to that one.
fn futex(wakes: usize) -> Value {
    let (sender, receiver) = sync_channel(1);
    paced(
        wakes,
        move |sent| {
            let _ = sender.send(sent);
        },
        move || receiver.recv().ok(),
    )
}

fn by_eventfd(wakes: usize) -> anyhow::Result<Value> {
    // One count for each reading, so that a reader that comes late is owed the rest.
    let ours = eventfd(0, EventfdFlags::SEMAPHORE)?;
    let theirs = ours.try_clone()?;
    let (sender, receiver) = std::sync::mpsc::channel();
    let write = move |sent: u64| {
        let _ = sender.send(sent);
        let _ = rustix::io::write(&theirs, &1_u64.to_ne_bytes());
    };
    let read = move || {
        rustix::io::read(&ours, &mut [0; 8]).ok()?;
        receiver.try_recv().ok()
    };
    Ok(paced(wakes, write, read))
}

fn by_pipe(wakes: usize) -> anyhow::Result<Value> {
    let (mut ours, mut theirs) = std::io::pipe()?;
    let write = move |sent: u64| {
        let _ = theirs.write_all(&sent.to_ne_bytes());
    };
    let read = move || {
        let mut bytes = [0; 8];
        ours.read_exact(&mut bytes).ok().map(|()| u64::from_ne_bytes(bytes))
    };
    Ok(paced(wakes, write, read))
}

/// How long `read` of one thread takes to see what `write` of another gives it.
fn paced(
    wakes: usize,
    mut write: impl FnMut(u64) + Send + 'static,
    mut read: impl FnMut() -> Option<u64>,
) -> Value {
    let writer = thread::spawn(move || {
        for _ in 0..wakes {
            thread::sleep(PERIOD);
            write(now());
        }
    });
    let delay = |_| read().map(|sent| now().saturating_sub(sent));
    let mut delays: Vec<_> = (0..wakes).map_while(delay).collect();
    drop(writer.join());
    quantiles(&mut delays)
}

/// The same between two tasks.
async fn by_channel(wakes: usize) -> anyhow::Result<Value> {
    let (sender, mut receiver) = mpsc::channel(1);
    let writer = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PERIOD);
        for _ in 0..wakes {
            ticks.tick().await;
            let _ = sender.send(now()).await;
        }
    });
    let reader = tokio::spawn(async move {
        let mut delays = Vec::new();
        while let Some(sent) = receiver.recv().await {
            delays.push(now().saturating_sub(sent));
        }
        delays
    });
    writer.await?;
    Ok(quantiles(&mut reader.await?))
}

/// Nanoseconds for a message and a hop where tasks pass on what they get through `hops` channels, and nobody
/// waits but for room.
async fn channels(count: usize, hops: usize) -> anyhow::Result<f64> {
    let (sender, mut last) = mpsc::channel::<u64>(QUEUE);
    let began = Instant::now();
    tokio::spawn(async move {
        for number in 0..count as u64 {
            let _ = sender.send(number).await;
        }
    });
    for _ in 1..hops {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(pass(std::mem::replace(&mut last, receiver), sender));
    }
    let taken = tokio::spawn(async move {
        let (mut batch, mut taken) = (Vec::new(), 0);
        while last.recv_many(&mut batch, BATCH).await > 0 {
            taken += batch.drain(..).count();
        }
        taken
    });
    anyhow::ensure!(taken.await? == count, "a channel lost messages");
    Ok(began.elapsed().as_secs_f64() * 1e9 / (count * hops) as f64)
}

async fn pass(mut from: mpsc::Receiver<u64>, to: mpsc::Sender<u64>) {
    let mut batch = Vec::new();
    while from.recv_many(&mut batch, BATCH).await > 0 {
        for message in batch.drain(..) {
            let _ = to.send(message).await;
        }
    }
}
