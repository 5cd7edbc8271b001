//! What a payload costs where it is made by the host, which is where every large one begins.

use std::hint::black_box;

use thalweg::payload;

use crate::case::{Case, Work};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case { name: "payload/made-64-B", events: 1, prepare: || Ok(made(64)) },
        // In shared memory: a segment of the pool, and back into it.
        Case { name: "payload/made-64-KiB", events: 1, prepare: || Ok(made(64 << 10)) },
    ]
}

fn made(size: usize) -> Work {
    let bytes = vec![7; size];
    Box::new(move || {
        black_box(payload::copy(black_box(&bytes)));
        Ok(())
    })
}
