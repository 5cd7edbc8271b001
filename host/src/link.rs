//! The link between a dataflow and a node in a process of its own: one Unix stream socket, and shared
//! memory for large payloads.
//!
//! The node asks, the host answers. `want` asks for events, `ahead` for more of them while the node still has some,
//! `ask` for room at an output, which is also told once at the start; else only what concerns shared memory comes
//! unasked. So the socket never fills by
//! itself, an event leaves the inbox only towards a node that wants it, and a node that sends within the
//! room it was given needs no answer: the link is no further queue.
//!
//! `frame` says what is said, `wire` how it crosses, `leases` who may still look at which payload.
//! [`NodeLink`] is the node's side, `service` the host's; both are synchronous state machines over a
//! socket that never blocks, so that whoever serves them may wait by its own means.

mod ahead;
mod burst;
mod credit;
mod frame;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod leases;
mod node;
mod service;
mod wire;

pub use node::{AttachError, HELD, LinkError, NodeLink, Taken};

pub(crate) use host::{HandshakeError, HostLink};
pub(crate) use service::Served;
pub(crate) use wire::WireError;

#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests;
