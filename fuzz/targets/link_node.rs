//! A host that says any bytes: the node takes what it can, and learns that the link has failed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|said: &[u8]| thalweg::link::fuzzing::take(said));
