//! How often a word goes from one core to another: each of two threads waits for the other's write and answers it, and
//! neither sleeps. Whatever two cores share takes at least that long, so a saturated pair is held against it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::settings::Settings;

/// Looks before the core is left to others: on one core alone the other thread would never write.
const LOOKS: usize = 10_000;

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let count = settings.number("count", 2_000_000)?;
    let word = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let other = {
        let word = Arc::clone(&word);
        thread::spawn(move || answer(&word, 1, count))
    };
    answer(&word, 0, count);
    anyhow::ensure!(other.join().is_ok(), "the other thread panicked");
    Ok(json!({ "rate": count as f64 / began.elapsed().as_secs_f64() }))
}

/// Writes each second number up to `count`, once the number before it is there.
fn answer(word: &AtomicUsize, first: usize, count: usize) {
    for number in (first..count).step_by(2) {
        for look in 1.. {
            if word.load(Ordering::Acquire) == number {
                break;
            }
            if look % LOOKS == 0 {
                thread::yield_now();
            }
        }
        word.store(number + 1, Ordering::Release);
    }
}
