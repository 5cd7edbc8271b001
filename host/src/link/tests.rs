use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::host::Introduction;
use super::*;
use crate::component::Compiler;
use crate::dataflow::Dataflow;
use crate::event::{Event, Parameters, StopReason, Value};
use crate::ports::{Outgoing, Ports, SendError};
use crate::prepare::PreparedDataflow;
use crate::report::RunReport;
use crate::runtime::{Control, StartOptions};

mod ahead;
mod hand;
mod held;
mod hostile;
mod leases;
mod peers;
mod raw;
mod room;
mod wire;

const HANG: Duration = Duration::from_secs(60);

/// A dataflow with the nodes `before`, `linked` and `after`; `linked` is served over a link.
struct Linked {
    prepared: PreparedDataflow,
    served: mpsc::Receiver<Served>,
    /// Of the process of `linked`.
    socket: Option<UnixStream>,
}

const CHAIN: &str = "
nodes:
  - { id: before, embedded: true, outputs: [out] }
  - { id: linked, embedded: true, inputs: { in: before/out }, outputs: [out] }
  - { id: after, embedded: true, inputs: { in: linked/out } }
";

impl Linked {
    fn new(text: &str) -> Self {
        let mut prepared = prepared(text);
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (end, served) = mpsc::channel();
        let serve = move |mut ports: Ports| async move {
            let mut link = HostLink::new(OwnedFd::from(ours), ports.max_payload()).unwrap();
            let served = match greet(&mut link, &ports).await {
                Ok(()) => link.serve(&mut ports).await,
                Err(HandshakeError::Wire(WireError::Malformed(rule))) => Served::Broken(rule),
                Err(_) => Served::Gone,
            };
            let _ = end.send(served);
            Ok(())
        };
        prepared.embed("linked", serve).unwrap();
        Self { prepared, served, socket: Some(theirs) }
    }

    fn node<R>(mut self, id: &str, node: impl FnOnce(Ports) -> R + Send + 'static) -> Self
    where
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.prepared.embed(id, node).unwrap();
        self
    }

    /// `before` sends these texts.
    fn sends(self, texts: Vec<String>) -> Self {
        self.node("before", |mut ports| async move {
            for text in texts {
                ports.send("out", text).await.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
    }

    /// `after` takes everything and forgets it.
    fn sinks(self) -> Self {
        self.node("after", |mut ports| async move {
            while ports.recv().await.is_some() {}
            Ok(())
        })
    }

    /// Runs the dataflow with `process` as the process of `linked`.
    fn run<T: Send + 'static>(
        self,
        process: impl FnOnce(UnixStream) -> T + Send + 'static,
    ) -> (RunReport, Served, T) {
        self.run_while(process, async |_| {})
    }

    /// The same, where something else is done with the dataflow meanwhile.
    fn run_while<T: Send + 'static>(
        mut self,
        process: impl FnOnce(UnixStream) -> T + Send + 'static,
        meanwhile: impl AsyncFnOnce(Control),
    ) -> (RunReport, Served, T) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let socket = self.socket.take().unwrap();
        let process = std::thread::spawn(move || process(socket));
        let report = runtime.block_on(async {
            let running = self.prepared.start(StartOptions::default()).await.unwrap();
            tokio::time::timeout(HANG, meanwhile(running.control())).await.expect("it is done");
            tokio::time::timeout(HANG, running.wait()).await.expect("the dataflow ends")
        });
        assert_eq!(report.unbalanced(), [""; 0]);
        (report, self.served.recv().unwrap(), process.join().unwrap())
    }
}

fn prepared(text: &str) -> PreparedDataflow {
    let dataflow = Dataflow::from_text(text, Path::new("")).unwrap();
    PreparedDataflow::new(dataflow, &Compiler::new(None).unwrap(), |_| {}).unwrap()
}

async fn greet(link: &mut HostLink, ports: &Ports) -> Result<(), HandshakeError> {
    let introduction = link.introduction().await?;
    assert_eq!(introduction, Introduction { node: None });
    let parameters = Parameters::from_iter([("n".into(), Value::Integer(7))]);
    link.welcome("linked", ports, &parameters).await?;
    link.ready().await
}

/// The node's side, used by blocking.
struct Process {
    link: NodeLink,
}

impl Process {
    fn new(socket: UnixStream) -> Self {
        let mut link = NodeLink::over(socket.into(), None).unwrap();
        link.ready().unwrap();
        let mut process = Self { link };
        while !process.link.is_open() {
            wait(&process.link);
            process.link.pump().unwrap();
        }
        process
    }

    fn next(&mut self) -> Option<Event> {
        self.next_of(None)
    }

    fn next_of(&mut self, inputs: Option<&[usize]>) -> Option<Event> {
        loop {
            match self.link.take(inputs).unwrap() {
                Taken::Event(event) => return Some(event),
                Taken::Ended => return None,
                Taken::Nothing => wait(&self.link),
            }
        }
    }

    fn send(&mut self, output: &str, message: impl Into<Outgoing>) -> Result<(), SendError> {
        let mut message = message.into();
        while let Some(back) = self.link.try_send(output, message).unwrap()? {
            message = back;
            wait(&self.link);
        }
        Ok(())
    }

    fn end(mut self) {
        self.link.end(None);
    }
}

fn wait(link: &NodeLink) {
    let mut flags = PollFlags::IN;
    if link.wants_to_write() {
        flags |= PollFlags::OUT;
    }
    let most = Timespec { tv_sec: HANG.as_secs() as i64, tv_nsec: 0 };
    let ready = poll(&mut [PollFd::from_borrowed_fd(link.socket(), flags)], Some(&most));
    assert_ne!(ready.unwrap(), 0, "nothing came");
}

fn text(event: &Event) -> String {
    match event {
        Event::Input(input) => String::from_utf8_lossy(&input.message.payload).into_owned(),
        Event::InputFailed(failed) => format!("failed {}: {}", failed.id, failed.reason),
        Event::InputRestarted(restarted) => {
            format!("restarted {}: {}", restarted.id, restarted.count)
        }
        Event::InputClosed(closed) => format!("closed {}", closed.id),
        Event::Stop(StopReason::InputsClosed) => "stop".into(),
        other => format!("{other:?}"),
    }
}

#[test]
fn events_cross_in_order_up_to_the_stop() {
    let sent: Vec<_> = (0..5000).map(|i| i.to_string()).collect();
    let linked = Linked::new(CHAIN).sends(sent.clone()).sinks();
    let (report, served, seen) = linked.run(|socket| {
        let mut process = Process::new(socket);
        assert_eq!(process.link.id(), "linked");
        assert_eq!(process.link.parameters().get("n"), Some(&Value::Integer(7)));
        let mut seen = Vec::new();
        while let Some(event) = process.next() {
            seen.push(text(&event));
        }
        assert_eq!(process.next(), None);
        process.end();
        seen
    });
    assert_eq!(seen[..5000], sent);
    assert_eq!(seen[5000..], ["closed in", "stop"]);
    assert_eq!(served, Served::Ended { failure: None });
    assert_eq!(report.node("linked").unwrap().events_in, 5002);
}

#[test]
fn messages_of_any_size_cross_both_ways_whole() {
    let sizes = [0, 1, 4096, 32 << 10, 100_000, 1 << 20, 9 << 20];
    let linked = Linked::new(CHAIN).node("before", move |mut ports| async move {
        for (i, size) in sizes.into_iter().enumerate() {
            let mut payload = crate::payload::PayloadMut::new(size);
            payload.fill(i as u8);
            ports.send("out", payload.freeze()).await.unwrap();
        }
        Ok(())
    });
    let linked = linked.node("after", move |mut ports| async move {
        for (i, size) in sizes.into_iter().enumerate() {
            let Some(Event::Input(input)) = ports.recv().await else { panic!("no message") };
            let payload = &input.message.payload;
            assert_eq!((payload.len(), input.message.metadata.sequence), (size, i as u64));
            assert!(payload.iter().all(|byte| *byte == i as u8));
            let note = input.message.metadata.parameters.get("note").unwrap();
            assert_eq!(*note, Value::Text("ä".into()));
        }
        Ok(())
    });
    let (report, _, kept) = linked.run(|socket| {
        let mut process = Process::new(socket);
        let mut kept = Vec::new();
        while let Some(event) = process.next() {
            let Event::Input(input) = event else { continue };
            let payload = input.message.payload;
            let parameters = Parameters::from_iter([("note".into(), Value::Text("ä".into()))]);
            let outgoing = Outgoing { payload: payload.clone(), parameters, ..Outgoing::default() };
            process.send("out", outgoing).unwrap();
            kept.push(payload);
        }
        process.end();
        kept
    });
    assert!(report.is_ok(), "{report:#?}");
    // What was lent outlives the link.
    let sums: Vec<_> = kept.iter().map(|payload| payload.last().copied()).collect();
    assert_eq!(sums, [None, Some(1), Some(2), Some(3), Some(4), Some(5), Some(6)]);
}

#[test]
fn what_was_received_is_sent_on_without_a_copy() {
    let (place, sent) = mpsc::channel();
    let linked = Linked::new(CHAIN).node("before", move |mut ports| async move {
        let payload = crate::payload::copy(&[1; 1 << 20]);
        place.send(payload.as_ptr().addr()).unwrap();
        ports.send("out", payload).await.map_err(|error| error.to_string())
    });
    let linked = linked.node("after", move |mut ports| async move {
        let Some(Event::Input(input)) = ports.recv().await else { panic!("no message") };
        let payload = input.message.payload;
        assert_eq!((payload.len(), payload.as_ptr().addr()), (1000, sent.recv().unwrap() + 24));
        Ok(())
    });
    let (report, ..) = linked.run(|socket| {
        let mut process = Process::new(socket);
        let Some(Event::Input(input)) = process.next() else { panic!("no message") };
        process.send("out", input.message.payload.slice(24..1024)).unwrap();
        process.end();
    });
    assert!(report.is_ok(), "{report:#?}");
}

#[test]
fn a_full_inbox_stops_the_node_exactly_when_it_is_full() {
    let text = CHAIN.replace("{ in: linked/out }", "{ in: { source: linked/out, queue: 5 } }");
    let (go, wait) = tokio::sync::oneshot::channel();
    let linked = Linked::new(&text).sends(vec![]).node("after", |mut ports| async move {
        wait.await.unwrap();
        while ports.recv().await.is_some() {}
        Ok(())
    });
    let (report, _, sent) = linked.run(|socket| {
        let mut process = Process::new(socket);
        let mut sent = 0;
        while process.link.try_send("out", "x".into()).unwrap().unwrap().is_none() {
            sent += 1;
        }
        go.send(()).unwrap();
        for _ in 0..20 {
            process.send("out", "x").unwrap();
        }
        process.end();
        sent
    });
    assert_eq!(sent, 5);
    assert_eq!(report.node("after").unwrap().inputs[0].delivered, 25);
}

#[test]
fn the_latest_message_is_the_latest_when_it_is_asked_for() {
    let text =
        CHAIN.replace("{ in: before/out }", "{ in: { source: before/out, overflow: latest } }");
    let (sent, all_sent) = mpsc::channel();
    let (go, mut goes) = tokio::sync::mpsc::channel::<u32>(8);
    let linked = Linked::new(&text).sinks().node("before", |mut ports| async move {
        while let Some(round) = goes.recv().await {
            for i in 0..100 {
                ports.send("out", format!("{round}.{i}")).await.unwrap();
            }
            sent.send(()).unwrap();
        }
        Ok(())
    });
    let (_, _, seen) = linked.run(move |socket| {
        let mut process = Process::new(socket);
        let mut seen = Vec::new();
        for round in 0..3 {
            go.blocking_send(round).unwrap();
            all_sent.recv().unwrap();
            seen.push(super::tests::text(&process.next().unwrap()));
        }
        drop(go);
        while process.next().is_some() {}
        process.end();
        seen
    });
    assert_eq!(seen, ["0.99", "1.99", "2.99"]);
}

#[test]
fn events_of_one_input_come_without_the_others() {
    let text = "
nodes:
  - { id: before, embedded: true, outputs: [a, b] }
  - { id: linked, embedded: true, inputs: { a: before/a, b: before/b }, outputs: [out] }
  - { id: after, embedded: true, inputs: { in: linked/out } }
";
    let linked = Linked::new(text).sinks().node("before", |mut ports| async move {
        for i in 0..3 {
            ports.send("a", format!("a{i}")).await.unwrap();
            ports.send("b", format!("b{i}")).await.unwrap();
        }
        Ok(())
    });
    let (_, _, seen) = linked.run(|socket| {
        let mut process = Process::new(socket);
        let mut seen = Vec::new();
        while let Some(event) = process.next_of(Some(&[1])) {
            seen.push(super::tests::text(&event));
        }
        while let Some(event) = process.next() {
            seen.push(super::tests::text(&event));
        }
        process.end();
        seen
    });
    let expected = ["b0", "b1", "b2", "closed b", "a0", "a1", "a2", "closed a", "stop"];
    assert_eq!(seen, expected);
}

#[test]
fn an_output_without_readers_is_closed_for_the_node() {
    let linked = Linked::new(CHAIN).sends(vec![]).node("after", |_ports| async { Ok(()) });
    let (_, _, error) = linked.run(|socket| {
        let mut process = Process::new(socket);
        let error = loop {
            if let Err(error) = process.send("out", "x") {
                break error;
            }
        };
        process.end();
        error
    });
    assert!(matches!(error, SendError::Closed { .. }), "{error:?}");
}

#[test]
fn what_was_sent_before_the_process_died_arrives() {
    let linked = Linked::new(CHAIN).sends(vec![]).sinks();
    let (report, served, ()) = linked.run(|socket| {
        let mut process = Process::new(socket);
        for i in 0..200 {
            process.send("out", i.to_string()).unwrap();
        }
        process.link.flush().unwrap();
        assert_eq!(process.link.flush_due(), None);
    });
    assert_eq!(served, Served::Gone);
    assert_eq!(report.node("after").unwrap().inputs[0].delivered, 200);
}

#[test]
fn the_end_of_the_host_is_an_error_after_the_last_event() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let node = std::thread::spawn(move || NodeLink::over(theirs.into(), None));
    drop(ours);
    assert!(matches!(node.join().unwrap(), Err(AttachError::NoAnswer(_))));
}

#[test]
fn a_failure_is_told_with_its_words() {
    let linked = Linked::new(CHAIN).sends(vec![]).sinks();
    let (_, served, ()) = linked.run(|socket| {
        Process::new(socket).link.end(Some("it broke"));
    });
    assert_eq!(served, Served::Ended { failure: Some("it broke".into()) });
}
