//! `thalweg:node/outputs`: the node's way out.

use std::sync::Arc;

use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, WasmList, WasmStr};
use wasmtime::{AsContext, StoreContextMut};

use crate::component::state::NodeState;
use crate::component::types::{Buffer, Encoding, ParameterList, outgoing};
use crate::payload;
use crate::ports::{self, Outgoing};

/// What a component hands to `send`. The bytes are still in its memory.
type Arguments = (WasmStr, Payload, Encoding, ParameterList);

#[derive(ComponentType, Lift)]
#[component(variant)]
enum Payload {
    #[component(name = "inline")]
    Inline(WasmList<u8>),
    #[component(name = "shared")]
    Shared(Resource<Buffer>),
}

impl Payload {
    /// Of what is still in the component.
    fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Shared(_) => 0,
        }
    }
}

#[derive(ComponentType, Lower)]
#[component(variant)]
enum SendError {
    #[component(name = "unknown-output")]
    UnknownOutput,
    #[component(name = "closed")]
    Closed,
    #[component(name = "too-large")]
    TooLarge(u64),
}

pub(super) fn add_to_linker(linker: &mut Linker<NodeState>) -> wasmtime::Result<()> {
    let mut outputs = linker.instance("thalweg:node/outputs@0.1.0")?;
    outputs.func_wrap_async("send", |mut store, arguments: Arguments| {
        Box::new(async move {
            // Before anything is copied: the bytes of a refused message cost nothing.
            let limit = store.data_mut().ports()?.max_payload();
            if arguments.1.len() > limit {
                return Ok((Err(SendError::TooLarge(limit)),));
            }
            if store.data().usage.rate.is_some() {
                let usage = Arc::clone(&store.data().usage);
                usage.rate_wait().await;
            }
            let (output, message) = take(&mut store, arguments)?;
            let state = store.data_mut();
            let bytes = message.size() as u64;
            let sent = state.ports()?.send(&output, message).await;
            if sent.is_ok() {
                state.budget.sent();
                state.usage.note_message(bytes);
                state.rest_if_asked().await;
            }
            Ok((sent.map_err(SendError::from),))
        })
    })
}

/// Takes the message out of the component. A handle is used up.
fn take(
    store: &mut StoreContextMut<'_, NodeState>,
    (output, payload, encoding, parameters): Arguments,
) -> wasmtime::Result<(String, Outgoing)> {
    let output = output.to_str(store.as_context())?.into_owned();
    let payload = match payload {
        Payload::Inline(bytes) => payload::copy(bytes.as_le_slice(store.as_context())),
        Payload::Shared(handle) => {
            let state = store.data_mut();
            let payload = state.handles.take(handle)?;
            let ports = state.ports()?;
            let output = ports.output(&output);
            // Who is in no sandbox looks at it in place.
            let is_copied = output.is_some_and(|output| ports.feeds_components_alone(output));
            if is_copied { payload } else { payload::settled(payload) }
        }
    };
    Ok((output, outgoing(payload, encoding, parameters)))
}

impl From<ports::SendError> for SendError {
    fn from(error: ports::SendError) -> Self {
        match error {
            ports::SendError::UnknownOutput { .. } => Self::UnknownOutput,
            ports::SendError::Closed { .. } => Self::Closed,
            ports::SendError::TooLarge { limit, .. } => Self::TooLarge(limit),
        }
    }
}
