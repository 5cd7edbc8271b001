//! Writing Thalweg nodes in Rust.
//!
//! A node is a WebAssembly component in one of two worlds. A **handler** is called with each event
//! and keeps its state between the calls:
//!
//! ```
//! use thalweg_guest::{Event, Handler, Result, handler, outputs, parameters};
//!
//! struct Scale { factor: f64 }
//!
//! impl Handler for Scale {
//!     fn new() -> Result<Self> {
//!         Ok(Scale { factor: parameters::get_or("factor", 2.0)? })
//!     }
//!
//!     fn on_event(&mut self, event: Event) -> Result {
//!         if let Event::Input { message, .. } = event {
//!             let number: f64 = message.payload.text()?.parse()?;
//!             outputs::send("scaled", (number * self.factor).to_string())?;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! handler!(Scale);
//! # fn main() {}
//! ```
//!
//! A **program** is a function that asks for its events:
//!
//! ```
//! use thalweg_guest::{Event, Result, events, outputs, program};
//!
//! program!(run);
//!
//! fn run() -> Result {
//!     outputs::send("greeting", "ready")?;
//!     for event in events::iter() {
//!         if let Event::Input { message, .. } = event {
//!             outputs::forward("out", message)?; // no copy, whatever its size
//!         }
//!     }
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! The crate of a node is a `cdylib` and depends on `thalweg-guest` alone. Built for
//! `wasm32-unknown-unknown` it imports only what it uses of Thalweg's own interfaces (`wasm-tools
//! component new` makes the component of the module); built for `wasm32-wasip2` it may also use the
//! standard library's files, sockets, clocks and environment, as far as the descriptor grants them.
//!
//! The node has an allocator that keeps it small: without WASI, a node that waits has written to two pages of the host, where
//! it would be four with the one of the target. A node that names a `#[global_allocator]` of its own takes this crate with
//! `default-features = false`.
//!
//! The order of events, closing, stopping and limits are described once, in `wit/world.wit`. An
//! [`Error`] returned by a node ends it as failed, with its text in the run report. A panic ends it
//! as trapped; its text is logged first, at level critical.

/// The node of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

#[cfg(all(feature = "allocator", target_arch = "wasm32", not(target_feature = "atomics")))]
mod allocator;
mod bindings;
mod error;
mod event;
pub mod events;
#[doc(hidden)]
pub mod exports;
pub mod lifecycle;
pub mod log;
pub mod outputs;
pub mod parameters;
mod payload;
mod value;

pub use bindings::types::{Encoding, Metadata, StopReason};
pub use error::{Error, Result};
pub use event::{Event, Message};
pub use payload::Payload;
pub use value::{Value, ValueError};

/// A node of the world `handler`. [`handler!`] exports it.
pub trait Handler: Sized {
    /// Makes the node, directly before its first event. Read the parameters here. On an error the
    /// node ends as failed and the event counts as delivered.
    fn new() -> Result<Self>;

    /// Called once for each event, in order. [`Event::Stop`] is the last; the node is not dropped
    /// after it.
    ///
    /// On an error the node ends as failed; the rest of the events that the host handed over with
    /// this one (at most 64) are not looked at. What was sent before is delivered.
    fn on_event(&mut self, event: Event) -> Result;
}

/// A handler whose state goes on in the component that takes its place while the dataflow runs (`thalweg
/// swap`). [`stateful_handler!`] exports it.
///
/// ```
/// use thalweg_guest::{Event, Handler, Result, Stateful, stateful_handler};
///
/// #[derive(Default)]
/// struct Counts { events: u64 }
///
/// impl Handler for Counts {
///     fn new() -> Result<Self> {
///         Ok(Counts::default())
///     }
///
///     fn on_event(&mut self, _: Event) -> Result {
///         self.events += 1;
///         Ok(())
///     }
/// }
///
/// impl Stateful for Counts {
///     fn save(&self) -> Result<Vec<u8>> {
///         Ok(self.events.to_string().into())
///     }
///
///     fn restore(state: Vec<u8>) -> Result<Self> {
///         Ok(Counts { events: String::from_utf8(state)?.parse()? })
///     }
/// }
///
/// stateful_handler!(Counts);
/// # fn main() {}
/// ```
pub trait Stateful: Handler {
    /// What [`Self::restore`] of another version of this component understands. Must not send. On an error
    /// this component goes on, and is not replaced.
    fn save(&self) -> Result<Vec<u8>>;

    /// Makes the node, instead of [`Handler::new`], of what another version saved. Read the parameters here.
    /// Must not send. On an error the other goes on.
    fn restore(state: Vec<u8>) -> Result<Self>;
}

/// Makes a [`Stateful`] handler the component's node. Once per crate.
#[macro_export]
macro_rules! stateful_handler {
    ($node:ty) => {
        #[allow(unsafe_code, reason = "the component's exports are functions of the C ABI")]
        const _: () = {
            ::std::thread_local! {
                static NODE: ::std::cell::RefCell<::std::option::Option<$node>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }

            struct Component;

            impl $crate::exports::stateful::Guest for Component {
                fn on_events(
                    events: ::std::vec::Vec<$crate::exports::Event>,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    NODE.with_borrow_mut(|node| $crate::exports::deliver(node, events))
                }
            }

            impl $crate::exports::stateful::exports::thalweg::node::state::Guest for Component {
                fn save() -> ::std::result::Result<::std::vec::Vec<u8>, ::std::string::String> {
                    NODE.with_borrow_mut(|node| $crate::exports::save(node))
                }

                fn restore(
                    state: ::std::vec::Vec<u8>,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    NODE.with_borrow_mut(|node| $crate::exports::restore(node, state))
                }
            }

            $crate::exports::stateful::export_stateful!(Component with_types_in $crate::exports::stateful);
        };
    };
}

/// Makes a [`Handler`] the component's node. Once per crate.
#[macro_export]
macro_rules! handler {
    ($node:ty) => {
        #[allow(unsafe_code, reason = "the component's exports are functions of the C ABI")]
        const _: () = {
            ::std::thread_local! {
                static NODE: ::std::cell::RefCell<::std::option::Option<$node>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }

            struct Component;

            impl $crate::exports::handler::Guest for Component {
                fn on_events(
                    events: ::std::vec::Vec<$crate::exports::Event>,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    NODE.with_borrow_mut(|node| $crate::exports::deliver(node, events))
                }
            }

            $crate::exports::handler::export_handler!(Component with_types_in $crate::exports::handler);
        };
    };
}

/// Makes a function `fn() -> thalweg_guest::Result` the component's node. Once per crate. The node
/// ends when the function returns; return soon after [`Event::Stop`].
#[macro_export]
macro_rules! program {
    ($run:path) => {
        #[allow(unsafe_code, reason = "the component's exports are functions of the C ABI")]
        const _: () = {
            struct Component;

            impl $crate::exports::program::Guest for Component {
                fn run() -> ::std::result::Result<(), ::std::string::String> {
                    $crate::exports::run($run)
                }
            }

            $crate::exports::program::export_program!(Component with_types_in $crate::exports::program);
        };
    };
}
