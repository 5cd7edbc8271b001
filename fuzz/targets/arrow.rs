//! Any payload as Arrow: it is refused, or it is valid in full and can be sent on.
#![no_main]

#[path = "../../python/src/arrow/contained.rs"]
mod contained;
#[path = "../../python/src/arrow/decode.rs"]
mod decode;
#[path = "../../python/src/arrow/encode.rs"]
mod encode;

use arrow_array::Array;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let Ok(value) = decode::decode(Bytes::copy_from_slice(payload)) else { return };
    value.array.to_data().validate_full().expect("what was decoded is valid");
    if let Ok(again) = encode::encode(&value) {
        let read = decode::decode(again).expect("what was encoded can be decoded");
        assert_eq!(read.array.len(), value.array.len());
    }
});
