//! The types of `thalweg:node/types` as they cross the wall, and the way from and to [`crate::event`].
//!
//! Names and small payloads are lowered straight from the shared bytes into the memory of the component.
//! wasmtime compares these types with those of the component when it is linked.

#![expect(unreachable_pub, reason = "the generated bindings export them again, within the crate")]

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::{ComponentType, Lift, Lower, Resource};

use super::handles::Handles;
// The generated code looks for these beside the types.
pub use super::imports::buffer::{Host, HostWithStore, add_to_linker};
pub use super::lowering::Event;
use crate::event;
use crate::ports::Outgoing;

/// What a handle of a payload is to; its bytes are in [`Handles`].
pub enum Buffer {}

#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum Encoding {
    #[component(name = "raw")]
    Raw,
    #[component(name = "arrow")]
    Arrow,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Payload {
    #[component(name = "inline")]
    Inline(Bytes),
    #[component(name = "shared")]
    Shared(Resource<Buffer>),
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Value {
    #[component(name = "boolean")]
    Boolean(bool),
    #[component(name = "integer")]
    Integer(i64),
    #[component(name = "float")]
    Float(f64),
    #[component(name = "text")]
    Text(Arc<str>),
    #[component(name = "bytes")]
    Bytes(Bytes),
}

pub type Parameter = (Arc<str>, Value);
pub type ParameterList = Vec<Parameter>;

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Metadata {
    pub timestamp: u64,
    pub sequence: u64,
    pub encoding: Encoding,
    pub parameters: ParameterList,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Message {
    pub metadata: Metadata,
    pub payload: Payload,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Input {
    pub id: Arc<str>,
    pub dropped: u64,
    pub message: Message,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Tick {
    id: Arc<str>,
    timestamp: u64,
    missed: u64,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct InputFailed {
    id: Arc<str>,
    reason: Arc<str>,
    restarts: bool,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct InputRestarted {
    id: Arc<str>,
    count: u64,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct InputClosed {
    id: Arc<str>,
    dropped: u64,
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum StopReason {
    #[component(name = "requested")]
    Requested,
    #[component(name = "inputs-closed")]
    InputsClosed,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
pub enum AnyEvent {
    #[component(name = "input")]
    Input(Input),
    #[component(name = "tick")]
    Tick(Tick),
    #[component(name = "input-failed")]
    InputFailed(InputFailed),
    #[component(name = "input-restarted")]
    InputRestarted(InputRestarted),
    #[component(name = "input-closed")]
    InputClosed(InputClosed),
    #[component(name = "stop")]
    Stop(StopReason),
}

/// Puts an event into the form of the component. Payloads over `inline` bytes become handles.
///
/// # Errors
///
/// When the component holds too much already.
pub fn lower(event: event::Event, inline: u64, handles: &mut Handles) -> wasmtime::Result<Event> {
    Ok(Event(match event {
        event::Event::Input(event::Input { id, dropped, message }) => {
            let payload = if message.payload.len() as u64 <= inline {
                Payload::Inline(message.payload)
            } else {
                Payload::Shared(handles.push(message.payload)?)
            };
            let metadata = message.metadata.into();
            let message = Message { metadata, payload };
            AnyEvent::Input(Input { id: Arc::clone(id.text()), dropped, message })
        }
        event::Event::Tick(event::Tick { id, timestamp, missed }) => {
            AnyEvent::Tick(Tick { id: Arc::clone(id.text()), timestamp, missed })
        }
        event::Event::InputFailed(event::InputFailed { id, reason, restarts }) => {
            AnyEvent::InputFailed(InputFailed { id: Arc::clone(id.text()), reason, restarts })
        }
        event::Event::InputRestarted(event::InputRestarted { id, count }) => {
            AnyEvent::InputRestarted(InputRestarted { id: Arc::clone(id.text()), count })
        }
        event::Event::InputClosed(event::InputClosed { id, dropped }) => {
            AnyEvent::InputClosed(InputClosed { id: Arc::clone(id.text()), dropped })
        }
        event::Event::Stop(event::StopReason::Requested) => AnyEvent::Stop(StopReason::Requested),
        event::Event::Stop(event::StopReason::InputsClosed) => {
            AnyEvent::Stop(StopReason::InputsClosed)
        }
    }))
}

/// What a component sends.
pub fn outgoing(payload: Bytes, encoding: Encoding, parameters: ParameterList) -> Outgoing {
    let parameters = parameters.into_iter().map(|(name, value)| (name, value.into())).collect();
    Outgoing { payload, encoding: encoding.into(), parameters }
}

pub fn parameter_list(parameters: &event::Parameters) -> ParameterList {
    parameters.iter().map(|(name, value)| (Arc::clone(name), value.clone().into())).collect()
}

impl From<event::Metadata> for Metadata {
    fn from(metadata: event::Metadata) -> Self {
        Self {
            timestamp: metadata.timestamp,
            sequence: metadata.sequence,
            encoding: metadata.encoding.into(),
            parameters: parameter_list(&metadata.parameters),
        }
    }
}

impl From<event::Encoding> for Encoding {
    fn from(encoding: event::Encoding) -> Self {
        match encoding {
            event::Encoding::Raw => Self::Raw,
            event::Encoding::Arrow => Self::Arrow,
        }
    }
}

impl From<Encoding> for event::Encoding {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Raw => Self::Raw,
            Encoding::Arrow => Self::Arrow,
        }
    }
}

impl From<event::Value> for Value {
    fn from(value: event::Value) -> Self {
        match value {
            event::Value::Boolean(value) => Self::Boolean(value),
            event::Value::Integer(value) => Self::Integer(value),
            event::Value::Float(value) => Self::Float(value),
            event::Value::Text(value) => Self::Text(value),
            event::Value::Bytes(value) => Self::Bytes(value),
        }
    }
}

impl From<Value> for event::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Boolean(value) => Self::Boolean(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Float(value) => Self::Float(value),
            Value::Text(value) => Self::Text(value),
            Value::Bytes(value) => Self::Bytes(value),
        }
    }
}
