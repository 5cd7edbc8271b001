//! A process that says any bytes: the host serves it to its end, and its node with it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|said: &[u8]| thalweg::link::fuzzing::serve(said));
