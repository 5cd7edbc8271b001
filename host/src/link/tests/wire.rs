//! Bytes and files between two ends, and what of them is kept.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::fs::SealFlags;

use super::raw::memory;
use crate::link::frame::{FromHost, FromNode, Memory, decode};
use crate::link::wire::{Incoming, Outgoing, Received, WireError};

/// More segments are shown while nobody reads than files may be ahead of their frames.
#[test]
fn each_file_comes_with_its_frame_however_slowly_they_are_read() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::new(1 << 20));
    let reason = "x".repeat(500_000);
    outgoing.put(&FromHost::Refused { reason: &reason });
    let count = 200;
    for segment in 0..count {
        let file = memory("wire test", segment + 1, SealFlags::SHRINK);
        let frame = FromHost::Memory(Memory::Segment { segment, len: segment + 1 });
        outgoing.put_with_file(&frame, Arc::new(file));
    }
    let mut next = 0;
    while next < count {
        outgoing.send(&ours).unwrap();
        incoming.receive(&theirs).unwrap();
        while let Some(body) = incoming.next().unwrap() {
            if let FromHost::Memory(Memory::Segment { segment, len }) = decode(body).unwrap() {
                assert_eq!(segment, next);
                assert_eq!(incoming.file().unwrap().metadata().unwrap().len(), len);
                next += 1;
            }
        }
    }
    assert!(incoming.file().is_err());
}

/// Who reads no further after `All` would otherwise wait for what is there.
#[test]
fn what_is_read_with_a_file_may_not_be_all() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::new(1 << 20));
    let file = Arc::new(memory("wire test", 1, SealFlags::SHRINK));
    let frame = FromHost::Memory(Memory::Segment { segment: 0, len: 1 });
    outgoing.put_with_file(&frame, file);
    outgoing.put(&FromHost::Open);
    assert!(outgoing.send(&ours).unwrap());
    outgoing.put(&FromHost::Open);
    assert!(outgoing.send(&ours).unwrap());
    let mut frames = 0;
    while frames < 3 {
        assert_ne!(incoming.receive(&theirs).unwrap(), Received::Nothing);
        while incoming.next().unwrap().is_some() {
            frames += 1;
        }
        incoming.file().ok();
    }
    outgoing.put(&FromHost::Open);
    assert!(outgoing.send(&ours).unwrap());
    assert_eq!(incoming.receive(&theirs).unwrap(), Received::All);
}

#[test]
fn what_is_sent_is_forgotten_though_the_link_never_rests() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::new(0));
    let reason = "x".repeat(10_000);
    let mut held = 0;
    for _ in 0..10_000 {
        while outgoing.waiting() < 1 << 20 {
            outgoing.put(&FromHost::Refused { reason: &reason });
        }
        outgoing.send(&ours).unwrap();
        assert_ne!(outgoing.waiting(), 0);
        held = held.max(outgoing.held());
        incoming.receive(&theirs).unwrap();
        while incoming.next().unwrap().is_some() {}
    }
    assert!(held < 4 << 20, "{held} bytes are kept for one that wait");
}

#[test]
fn a_frame_that_is_only_announced_is_given_no_memory() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut incoming = Incoming::new(1 << 30);
    std::io::Write::write_all(&mut &ours, &(1_u32 << 30).to_le_bytes()).unwrap();
    for _ in 0..3 {
        incoming.receive(&theirs).unwrap();
        assert!(incoming.next().unwrap().is_none());
    }
    assert!(incoming.is_within_frame());
    assert!(incoming.held() <= 64 << 10, "{} bytes", incoming.held());
}

#[test]
fn a_large_frame_comes_whole_and_its_memory_is_given_back() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::new(8 << 20));
    let text = "ä".repeat(4 << 20);
    outgoing.put(&FromNode::End { failure: Some(&text) });
    let whole = loop {
        outgoing.send(&ours).unwrap();
        incoming.receive(&theirs).unwrap();
        if let Some(body) = incoming.next().unwrap() {
            break decode::<FromNode<'_>>(body).unwrap() == FromNode::End { failure: Some(&text) };
        }
    };
    assert!(whole);
    assert_eq!(incoming.receive(&theirs).unwrap(), Received::Nothing);
    assert!(incoming.held() <= 64 << 10 && outgoing.held() <= 64 << 10);
}

#[test]
fn what_follows_a_frame_within_its_length_is_an_error() {
    let body = postcard::to_allocvec(&FromNode::Ready).unwrap();
    assert_eq!(decode::<FromNode<'_>>(&body).unwrap(), FromNode::Ready);
    let longer = [body, vec![0]].concat();
    let error = WireError::from(decode::<FromNode<'_>>(&longer).unwrap_err());
    assert_eq!(error, WireError::Malformed("it cannot be decoded"));
}
