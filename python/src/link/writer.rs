//! A link, and the thread that writes what it holds back of a burst: the node may do something else for
//! seconds. It neither waits for the interpreter nor makes anyone wait who has it for longer than a write.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use thalweg::link::{HELD, NodeLink};

/// How long it looks for the next burst by itself. To be woken is as dear for the node as a write.
const LINGER: Duration = Duration::from_millis(1);

/// A link until the node ends.
pub(super) struct Linked {
    state: Mutex<State>,
    changed: Condvar,
}

pub(super) struct State {
    pub(super) link: Option<NodeLink>,
    writer: Writer,
}

#[derive(Clone, Copy, PartialEq)]
enum Writer {
    None,
    /// Waits until it is told.
    Waits,
    Looks,
}

impl Linked {
    pub(super) fn new(link: NodeLink) -> Self {
        let state = State { link: Some(link), writer: Writer::None };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The link, which is no longer used by this.
    pub(super) fn take(&self) -> Option<NodeLink> {
        let link = self.lock().link.take();
        self.changed.notify_all();
        link
    }

    /// Sees to it that what is held back, or what the socket did not take, is written. The state must be that
    /// of `self`.
    pub(super) fn write_later(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let before = state.writer;
        if before == Writer::Looks || !state.link.as_ref().is_some_and(has_to_write) {
            return;
        }
        state.writer = Writer::Looks;
        drop(state);
        if before == Writer::Waits {
            self.changed.notify_all();
        } else if !self.start_writer() {
            // Nothing is held where nobody would write it.
            let mut state = self.lock();
            state.writer = Writer::None;
            state.link.as_mut().map(NodeLink::flush);
        }
    }

    fn start_writer(self: &Arc<Self>) -> bool {
        let socket = self.lock().link.as_ref().map(|link| link.socket().try_clone_to_owned());
        let Some(Ok(socket)) = socket else { return false };
        let linked = Arc::clone(self);
        let thread = thread::Builder::new().name("thalweg writer".into());
        thread.spawn(move || linked.write_until_end(&socket)).is_ok()
    }

    fn write_until_end(&self, socket: &OwnedFd) {
        let mut state = self.lock();
        let mut idle_at = Instant::now() + LINGER;
        while let Some(link) = &mut state.link {
            let now = Instant::now();
            if has_to_write(link) {
                idle_at = now + LINGER;
            }
            // The error of a flush is found by whoever sends next.
            if link.is_full() {
                drop(state);
                let _ = poll(&mut [PollFd::new(socket, PollFlags::OUT)], None);
                state = self.lock();
                let _ = state.link.as_mut().map(NodeLink::flush);
            } else if link.flush_due().is_some_and(|due| due <= now) {
                let _ = link.flush();
            } else if now < idle_at {
                // What is held from now on is due no earlier.
                let look = link.flush_due().unwrap_or(now + HELD);
                let waited = self.changed.wait_timeout(state, look - now);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                state.writer = Writer::Waits;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.writer = Writer::Looks;
            }
        }
    }
}

fn has_to_write(link: &NodeLink) -> bool {
    link.flush_due().is_some() || link.is_full()
}
