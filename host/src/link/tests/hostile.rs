//! Processes and hosts that break the rules, or go at the worst moment: that ends their link and nothing
//! else. Every dataflow here runs to its end with books that balance.

use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use proptest::prelude::*;
use rustix::fs::SealFlags;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::raw::{Raw, bytes_of, hello, memory};
use super::*;
use crate::link::frame::{Body, Content, FromHost, FromNode, Memory};
use crate::link::wire::Outgoing as Frames;

/// A message in the sender's own bytes.
fn inline(bytes: &[u8]) -> Content<'_> {
    Content { arrow: false, parameters: vec![], body: Body::Inline(bytes) }
}

fn leased(segment: u64, offset: u64, len: u64) -> Content<'static> {
    let body = Body::Leased { lease: 1, segment, offset, len };
    Content { arrow: false, parameters: vec![], body }
}

fn send(outgoing: Content<'_>) -> FromNode<'_> {
    FromNode::Send { output: 0, outgoing }
}

fn segment(segment: u64, len: u64) -> FromNode<'static> {
    FromNode::Memory(Memory::Segment { segment, len })
}

fn sealed(len: u64) -> std::fs::File {
    memory("hostile", len, SealFlags::SHRINK)
}

/// What the host says of a process that was let in, says this, and then waits.
fn ends(say: impl FnOnce(&mut Raw) + Send + 'static) -> Served {
    let text = CHAIN.replace("{ in: linked/out }", "{ in: { source: linked/out, queue: 2 } }");
    let (_, served, ()) = Linked::new(&text).sends(vec![]).sinks().run(|socket| {
        let mut raw = Raw::greeted(socket);
        say(&mut raw);
        raw.close();
    });
    served
}

fn breaks(say: impl FnOnce(&mut Raw) + Send + 'static) -> &'static str {
    match ends(say) {
        Served::Broken(rule) => rule,
        other => panic!("{other:?}"),
    }
}

fn is_broken_by(frame: FromNode<'static>) -> &'static str {
    breaks(move |raw| raw.say(&frame))
}

#[test]
fn what_there_is_not_breaks_the_link() {
    let send_to_1 = FromNode::Send { output: 1, outgoing: inline(b"") };
    assert_eq!(is_broken_by(send_to_1), "no such output");
    assert_eq!(is_broken_by(FromNode::Ask { output: u32::MAX, bytes: 0 }), "no such output");
    let want = |inputs| FromNode::Want { inputs: Some(inputs), max: u32::MAX };
    assert_eq!(is_broken_by(want(vec![0, 1])), "no such input");
    assert_eq!(is_broken_by(want(vec![0, 0])), "an input is wanted twice");
    assert_eq!(is_broken_by(FromNode::Memory(Memory::Return { lease: 1 })), "no such lease");
}

#[test]
fn a_second_greeting_breaks_the_link() {
    assert_eq!(is_broken_by(hello()), "a second greeting");
    assert_eq!(is_broken_by(FromNode::Ready), "a second greeting");
}

#[test]
fn nothing_else_comes_before_the_greeting() {
    let (_, served, ()) = Linked::new(CHAIN).sends(vec![]).sinks().run(|socket| {
        let mut raw = Raw::new(socket);
        raw.say(&FromNode::Ready);
        raw.close();
    });
    assert_eq!(served, Served::Broken("no greeting"));
    let (_, served, ()) = Linked::new(CHAIN).sends(vec![]).sinks().run(|socket| {
        let mut raw = Raw::new(socket);
        raw.say(&hello());
        raw.say(&send(inline(b"early")));
        raw.close();
    });
    assert_eq!(served, Served::Broken("not ready yet"));
}

#[test]
fn more_than_was_given_breaks_the_link() {
    let no_room = "a message for which there is no room";
    let unread = CHAIN.replace("{ in: linked/out }", "{ in: { source: linked/out, queue: 2 } }");
    let (go, wait) = tokio::sync::oneshot::channel();
    let linked = Linked::new(&unread).sends(vec![]).node("after", |mut ports| async move {
        wait.await.unwrap();
        while ports.recv().await.is_some() {}
        Ok(())
    });
    let (report, served, ()) = linked.run(|socket| {
        let mut raw = Raw::greeted(socket);
        (0..3).for_each(|_| raw.say(&send(inline(b"x"))));
        raw.close();
        go.send(()).unwrap();
    });
    assert_eq!(served, Served::Broken(no_room));
    assert_eq!(report.node("after").unwrap().inputs[0].delivered, 2, "what was within it arrived");
    // A file costs nothing: what it claims to hold is not copied before it is looked at.
    let huge = breaks(|raw| {
        raw.say_with(&segment(1, 2 << 30), sealed(2 << 30));
        raw.say(&send(leased(1, 0, 2 << 30)));
    });
    assert_eq!(huge, no_room);
    let ask = FromNode::Ask { output: 0, bytes: u64::MAX };
    assert_eq!(is_broken_by(ask), "room for more than a message may have");
}

#[test]
fn what_is_no_frame_breaks_the_link() {
    let write = |bytes: Vec<u8>| breaks(move |raw| raw.socket.write_all(&bytes).unwrap());
    assert_eq!(write(vec![0xff; 4]), "it is too long");
    assert_eq!(write(vec![1, 0, 0, 0, 0xff]), "it cannot be decoded");
    assert_eq!(write(vec![2, 0, 0, 0, 1, 0]), "it cannot be decoded");
    assert_eq!(write(vec![0; 4]), "it cannot be decoded");
}

#[test]
fn a_segment_that_could_harm_the_host_breaks_the_link() {
    let unfit = "a segment is not sealed, or not of its length";
    let open =
        |seals| breaks(move |raw| raw.say_with(&segment(1, 4096), memory("hostile", 4096, seals)));
    assert_eq!(open(SealFlags::empty()), unfit);
    assert_eq!(open(SealFlags::GROW), unfit);
    for len in [0, 4095, 4097, u64::MAX] {
        let found = breaks(move |raw| raw.say_with(&segment(1, len), sealed(4096)));
        assert_eq!(found, unfit, "{len}");
    }
    let no_memory = std::fs::File::open("/proc/self/exe").unwrap();
    assert_eq!(breaks(|raw| raw.say_with(&segment(1, 4096), no_memory)), unfit);
    let twice = breaks(|raw| {
        raw.say_with(&segment(1, 4096), sealed(4096));
        raw.say_with(&segment(1, 4096), sealed(4096));
    });
    assert_eq!(twice, "a segment is shown twice");
    assert_eq!(is_broken_by(segment(1, 4096)), "a file is missing");
}

#[test]
fn a_payload_outside_of_its_segment_breaks_the_link() {
    for (number, offset, len) in
        [(2, 0, 1), (1, 4096, 1), (1, 1, 4096), (1, u64::MAX, 1), (1, u64::MAX, 0), (1, 4097, 0)]
    {
        let found = breaks(move |raw| {
            raw.say_with(&segment(1, 4096), sealed(4096));
            raw.say(&send(leased(number, offset, len)));
        });
        assert_eq!(found, "a payload is not in its segment", "{number} {offset} {len}");
    }
    let fits = ends(|raw| {
        raw.say_with(&segment(1, 4096), sealed(4096));
        raw.say(&send(leased(1, 4096, 0)));
        raw.say(&FromNode::End { failure: None });
    });
    assert_eq!(fits, Served::Ended { failure: None });
}

#[test]
fn a_lease_is_returned_once() {
    let linked = Linked::new(CHAIN).sinks().node("before", |mut ports| async move {
        let payload = crate::payload::PayloadMut::new(1 << 20).freeze();
        let _ = ports.send("out", payload).await;
        Ok(())
    });
    let (_, served, ()) = linked.run(|socket| {
        let mut raw = Raw::greeted(socket);
        raw.say(&FromNode::Want { inputs: None, max: u32::MAX });
        let lease = raw.find(|frame| match frame {
            FromHost::Input {
                content: Content { body: Body::Leased { lease, .. }, .. }, ..
            } => Some(lease),
            _ => None,
        });
        let back = FromNode::Memory(Memory::Return { lease: lease.unwrap() });
        raw.say(&back);
        raw.say(&back);
        raw.close();
    });
    assert_eq!(served, Served::Broken("no such lease"));
}

/// The bytes, with these many copies of a file.
fn write_with_files(raw: &Raw, bytes: &[u8], file: &std::fs::File, files: usize) {
    let files = vec![file.as_fd(); files];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&files)));
    let flags = SendFlags::NOSIGNAL;
    // The host may have gone at an earlier one.
    let _ = sendmsg(&raw.socket, &[IoSlice::new(bytes)], &mut ancillary, flags);
}

/// How many descriptors and mappings of this process are of files of this name.
fn in_use(name: &str) -> usize {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let files = files.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let files = files.filter(|path| path.to_string_lossy().contains(name)).count();
    files + std::fs::read_to_string("/proc/self/maps").unwrap().matches(name).count()
}

#[test]
fn files_that_nobody_asked_for_break_the_link_and_none_is_left() {
    let name = format!("stray {}", std::process::id());
    let nothing = bytes_of(|frames| frames.put(&FromNode::Want { inputs: None, max: 0 }));
    for (calls, files) in [(1, 3), (1, 16), (3, 1), (2, 2)] {
        let (name, nothing) = (name.clone(), nothing.clone());
        let found = breaks(move |raw| {
            let file = memory(&name, 4096, SealFlags::SHRINK);
            (0..calls).for_each(|_| write_with_files(raw, &nothing, &file, files));
        });
        assert_eq!(found, "too many files", "{calls} calls with {files}");
    }
    let (kept, asked) = (name.clone(), segment(1, 4096));
    let used = ends(move |raw| {
        let bytes = bytes_of(|frames| frames.put(&asked));
        write_with_files(raw, &bytes, &memory(&kept, 4096, SealFlags::SHRINK), 2);
    });
    assert_eq!(used, Served::Gone, "one more than is asked for is kept, and goes with the link");
    assert_eq!(in_use(&name), 0);
}

#[test]
fn a_frame_that_does_not_end_breaks_the_link() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true);
    let mut linked = Linked::new(CHAIN).sends(vec![]).sinks();
    let mut raw = Raw::greeted(linked.socket.take().unwrap());
    let frame = bytes_of(|frames| frames.put(&send(inline(&[0; 1000]))));
    raw.socket.write_all(&frame[..frame.len() - 1]).unwrap();
    let report = runtime.build().unwrap().block_on(async {
        linked.prepared.start(StartOptions::default()).await.unwrap().wait().await
    });
    assert_eq!(linked.served.recv().unwrap(), Served::Broken("a frame did not end"));
    assert_eq!(report.unbalanced(), [""; 0]);
}

/// Writes until the host has taken no more for a second, 64 MiB at most; says how many bytes it took.
fn flood(raw: &Raw, said: &[u8]) -> usize {
    let mut written = 0;
    while written < 64 << 20 && raw.is_writable(1) {
        // From anywhere in it: a part of it may have been written last.
        let part = &said[written % said.len()..];
        match rustix::net::send(&raw.socket, part, SendFlags::DONTWAIT) {
            Err(Errno::AGAIN) => {}
            taken => written += taken.expect("the host listens"),
        }
    }
    written
}

#[test]
fn a_process_that_does_not_read_is_not_read_from() {
    let text = CHAIN
        .replace("{ in: linked/out }", "{ in: { source: linked/out, overflow: drop-oldest } }");
    let (_, served, written) = Linked::new(&text).sends(vec![]).sinks().run(|socket| {
        let mut raw = Raw::greeted(socket);
        raw.say_with(&segment(1, 4096), sealed(4096));
        // Each message is answered, by the return of its lease.
        let said = bytes_of(|frames| {
            frames.put(&FromNode::Ask { output: 0, bytes: 0 });
            // Fewer than the room that is given each time.
            (0..500).for_each(|_| frames.put(&send(leased(1, 0, 0))));
        });
        let written = flood(&raw, &said);
        // Once it reads, all goes on.
        let rest = said[written % said.len()..].to_vec();
        let mut writing = raw.socket.try_clone().unwrap();
        let end = bytes_of(|frames| frames.put(&FromNode::End { failure: None }));
        let write = std::thread::spawn(move || writing.write_all(&[rest, end].concat()));
        assert_eq!(raw.find(|_| None::<()>), None);
        write.join().unwrap().unwrap();
        written
    });
    assert_eq!(served, Served::Ended { failure: None });
    assert!(written < 16 << 20, "{written} bytes were taken though nobody reads the answers");
}

#[test]
fn a_process_that_does_not_read_is_given_a_bounded_number_of_events() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let linked = Linked::new(CHAIN).sinks().node("before", |mut ports| async move {
        while counted.fetch_add(1, Ordering::Relaxed) < 2000 {
            ports.send("out", vec![0; 10_000]).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    });
    let (_, served, sent) = linked.run(move |socket| {
        let raw = Raw::greeted(socket);
        let want = bytes_of(|frames| frames.put(&FromNode::Want { inputs: None, max: u32::MAX }));
        flood(&raw, &want.repeat(10_000));
        count.load(Ordering::Relaxed)
    });
    assert_eq!(served, Served::Gone);
    // A mebibyte, one batch, what the socket itself holds, and what waits in the inbox.
    assert!((1..500).contains(&sent), "{sent} events");
}

/// A process that goes is given nothing more: the events are for the next one, or count as discarded.
#[test]
fn who_is_gone_is_given_no_events() {
    let (sent, all_sent) = mpsc::channel();
    let linked = Linked::new(CHAIN).sinks().node("before", |mut ports| async move {
        // The queue holds as many.
        for _ in 0..64 {
            ports.send("out", vec![0; 30_000]).await.map_err(|error| error.to_string())?;
        }
        sent.send(()).unwrap();
        Ok(())
    });
    let (report, served, ()) = linked.run(move |socket| {
        let raw = Raw::greeted(socket);
        all_sent.recv().unwrap();
        // Wants of single events, far more than there are, and nobody who reads.
        let want = bytes_of(|frames| frames.put(&FromNode::Want { inputs: None, max: 1 }));
        flood(&raw, &want.repeat(10_000));
    });
    assert_eq!(served, Served::Gone);
    let input = &report.node("linked").unwrap().inputs[0];
    assert_eq!(input.delivered + input.discarded, 64);
    assert!(input.discarded > 0, "{} were given to nobody", input.delivered);
}

#[test]
fn a_process_that_returns_no_lease_still_gets_every_message() {
    let (count, size) = (70, 4 << 20);
    let linked = Linked::new(CHAIN).sinks().node("before", move |mut ports| async move {
        let payload = crate::payload::PayloadMut::new(size).freeze();
        for _ in 0..count {
            ports.send("out", payload.clone()).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    });
    let (_, served, (leased, inline)) = linked.run(move |socket| {
        let mut raw = Raw::greeted(socket);
        let (mut leased, mut inline) = (0, 0);
        while leased + inline < count {
            raw.say(&FromNode::Want { inputs: None, max: 1 });
            raw.find(|frame| {
                let FromHost::Input { content, .. } = frame else { return None };
                assert_eq!(content.body.len(), size as u64);
                match content.body {
                    Body::Leased { .. } => leased += 1,
                    Body::Inline(_) => inline += 1,
                    Body::Theirs { .. } => panic!("the node lends nothing"),
                }
                Some(())
            });
        }
        raw.say(&FromNode::End { failure: None });
        raw.close();
        (leased, inline)
    });
    assert_eq!(served, Served::Ended { failure: None });
    assert_eq!((leased, inline), (64, 6), "256 MiB are lent, the others are copied");
}

/// A process that sends, and what it says until then.
fn conversation() -> (Vec<u8>, usize) {
    let mut sent = 0;
    let whole = bytes_of(|frames: &mut Frames| {
        frames.put(&hello());
        frames.put(&FromNode::Ready);
        frames.put(&FromNode::Want { inputs: Some(vec![0]), max: 3 });
        let parameters = vec![("key", crate::link::frame::Datum::Text("value"))];
        frames.put(&send(Content { parameters, ..inline(b"message") }));
        sent = frames.waiting();
        frames.put(&FromNode::Ask { output: 0, bytes: 100 });
        frames.put(&segment(1, 40_000));
        frames.put(&FromNode::End { failure: Some("words") });
    });
    (whole, sent)
}

/// Says these bytes, with a file at hand for whatever names one, and no more.
fn say_bytes(socket: UnixStream, bytes: &[u8]) {
    let raw = Raw::new(socket);
    if !bytes.is_empty() {
        write_with_files(&raw, bytes, &sealed(40_000), 1);
    }
    raw.close();
}

#[test]
fn a_process_may_go_at_every_byte() {
    let (whole, sent) = conversation();
    for len in 0..=whole.len() {
        let said = whole[..len].to_vec();
        let linked = Linked::new(CHAIN).sends(vec!["unread".into()]).sinks();
        let (report, served, ()) = linked.run(move |socket| say_bytes(socket, &said));
        let failure = Some("words".into());
        let end = if len == whole.len() { Served::Ended { failure } } else { Served::Gone };
        assert_eq!(served, end, "after {len} bytes");
        let delivered = report.node("after").unwrap().inputs[0].delivered;
        assert_eq!(delivered, u64::from(len >= sent), "after {len} bytes");
    }
}

/// `bytes` with some of them changed, a part of them said twice, and the end cut off.
fn mutated(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let len = bytes.len();
    let changes = prop::collection::vec((0..len, any::<u8>()), 0..6);
    let twice = prop::option::of((0..len, 0..len));
    (changes, twice, 0..=len).prop_map(move |(changes, twice, cut)| {
        let mut bytes = bytes.clone();
        for (position, byte) in changes {
            bytes[position] = byte;
        }
        if let Some((a, b)) = twice {
            let part = bytes[a.min(b)..a.max(b)].to_vec();
            bytes.splice(a..a, part);
        }
        bytes.truncate(bytes.len() - cut / 4);
        bytes
    })
}

fn few(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(few(150))]

    #[test]
    fn the_host_stands_what_is_nearly_right(said in mutated(conversation().0)) {
        let linked = Linked::new(CHAIN).sends(vec!["unread".into()]).sinks();
        linked.run(move |socket| say_bytes(socket, &said));
    }

    #[test]
    fn the_host_stands_any_bytes(said in prop::collection::vec(any::<u8>(), 0..300)) {
        let linked = Linked::new(CHAIN).sends(vec![]).sinks();
        linked.run(move |socket| {
            let mut raw = Raw::greeted(socket);
            // The host may have gone in the middle.
            let _ = raw.socket.write_all(&said);
            raw.close();
        });
    }
}

/// What a host says to a node with one input and one output.
fn host_conversation() -> Vec<u8> {
    bytes_of(|frames| {
        frames.put(&FromHost::Welcome {
            version: env!("CARGO_PKG_VERSION"),
            node: "linked",
            inputs: vec!["in"],
            outputs: vec!["out"],
            parameters: vec![],
            max_payload: 1000,
            ahead: true,
        });
        let (input, dropped, timestamp, sequence) = (0, 0, 1, 0);
        let event = |content| FromHost::Input { input, dropped, timestamp, sequence, content };
        frames.put(&FromHost::Open);
        frames.put(&FromHost::Room { output: 0, events: 3, bytes: 100 });
        frames.put(&FromHost::Batch { len: 3 });
        frames.put(&event(inline(b"message")));
        frames.put(&FromHost::Memory(Memory::Segment { segment: 1, len: 40_000 }));
        frames.put(&event(leased(1, 100, 100)));
        frames.put(&FromHost::Tick { input: 0, timestamp: 2, missed: 0 });
        frames.put(&FromHost::Memory(Memory::Forget { segment: 1 }));
        frames.put(&FromHost::Batch { len: 4 });
        frames.put(&FromHost::Restarted { input: 0, count: 1 });
        frames.put(&FromHost::Failed { input: 0, reason: "it broke", restarts: false });
        frames.put(&FromHost::OutputClosed { output: 0 });
        frames.put(&FromHost::Closed { input: 0, dropped: 0 });
        frames.put(&FromHost::Stop { requested: true });
    })
}

/// What a node takes from a host that says these bytes and goes; each message is read and sent on.
fn node_of(said: &[u8]) -> Option<usize> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let raw = Raw::new(theirs);
    write_with_files(&raw, said, &sealed(40_000), 1);
    raw.socket.shutdown(Shutdown::Write).unwrap();
    let mut link = NodeLink::over(ours.into(), None).ok()?;
    let mut events = 0;
    let _ = link.ready();
    while let Ok(taken) = link.take(None) {
        match taken {
            Taken::Event(Event::Input(input)) => {
                events += 1;
                let read = Bytes::copy_from_slice(&input.message.payload);
                let _ = link.try_send("out", read.into());
            }
            Taken::Event(_) => events += 1,
            Taken::Ended => break,
            Taken::Nothing => wait(&link),
        }
    }
    link.end(None);
    Some(events)
}

proptest! {
    #![proptest_config(few(2000))]

    #[test]
    fn a_node_stands_what_is_nearly_right(said in mutated(host_conversation())) {
        node_of(&said);
    }

    #[test]
    fn a_node_stands_any_bytes(said in prop::collection::vec(any::<u8>(), 1..300)) {
        node_of(&said);
        node_of(&[&host_conversation()[..], &said].concat());
    }
}

#[test]
fn a_node_takes_what_came_before_its_host_went() {
    let whole = host_conversation();
    assert_eq!(node_of(&whole), Some(7));
    for len in 1..whole.len() {
        let events = node_of(&whole[..len]).unwrap_or_default();
        assert!(events < 7, "{events} events in {len} bytes");
    }
}

#[test]
fn who_only_asks_is_heard_no_faster_than_what_works() {
    const ASKS: u32 = 60_000;
    let began = std::time::Instant::now();
    let served = ends(|raw| {
        for _ in 0..ASKS / 1000 {
            raw.say_all((0..1000).map(|_| FromNode::Want { inputs: None, max: 0 }));
        }
        raw.say(&FromNode::End { failure: None });
    });
    assert_eq!(served, Served::Ended { failure: None });
    // What may be asked at once, and the others at 200,000 in a second.
    assert!(began.elapsed() >= std::time::Duration::from_millis(200 - 1));
}
