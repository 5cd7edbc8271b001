//! `thalweg:node/outputs`: the node's way out.

use std::future::ready;
use std::sync::Arc;

use tokio::task::yield_now;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, WasmList, WasmStr};
use wasmtime::{AsContext, StoreContextMut};

use crate::component::state::NodeState;
use crate::component::types::{Buffer, Encoding, ParameterList, outgoing};
use crate::payload;
use crate::ports::{self, Outgoing, TrySendError};

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

/// Messages that are sent without a look at whether another node of the thread waits: as many as tokio gives a
/// task.
const SENDS_A_TURN: u32 = 128;

pub(super) fn add_to_linker(linker: &mut Linker<NodeState>) -> wasmtime::Result<()> {
    let mut outputs = linker.instance("thalweg:node/outputs@0.1.0")?;
    outputs.func_wrap_async("send", |mut store, arguments: Arguments| {
        match send_now(&mut store, arguments) {
            // Most messages need not wait, and none of the room that waiting takes.
            Ok(Sent::Done(sent)) => Box::new(ready(Ok((sent,)))),
            Ok(Sent::Waits { output, message }) => Box::new(async move {
                let sent = send(store.data_mut(), output, message).await?;
                Ok((sent.map_err(SendError::from),))
            }),
            Err(error) => Box::new(ready(Err(error))),
        }
    })
}

/// What became of a message.
enum Sent {
    Done(Result<(), SendError>),
    Waits { output: usize, message: Outgoing },
}

/// Sends a message if nothing has to be waited for.
fn send_now(
    store: &mut StoreContextMut<'_, NodeState>,
    arguments: Arguments,
) -> wasmtime::Result<Sent> {
    // Before anything is copied: the bytes of a refused message cost nothing.
    let limit = store.data_mut().ports()?.max_payload();
    if arguments.1.len() > limit {
        return Ok(Sent::Done(Err(SendError::TooLarge(limit))));
    }
    let (output, message) = take(store, arguments)?;
    let Some(output) = output else { return Ok(Sent::Done(Err(SendError::UnknownOutput))) };
    let state = store.data_mut();
    state.sends += 1;
    if state.sends > SENDS_A_TURN || state.usage.rate.is_some() || state.is_to_rest() {
        return Ok(Sent::Waits { output, message });
    }
    let bytes = message.size() as u64;
    Ok(match state.ports()?.try_send_at(output, message) {
        Ok(()) => {
            state.note_sent(bytes);
            Sent::Done(Ok(()))
        }
        Err(TrySendError::Full(message)) => Sent::Waits { output, message },
        Err(TrySendError::Refused(error)) => Sent::Done(Err(error.into())),
    })
}

/// Sends a message when that may be, and there is room for it.
async fn send(
    state: &mut NodeState,
    output: usize,
    message: Outgoing,
) -> wasmtime::Result<Result<(), ports::SendError>> {
    if state.sends > SENDS_A_TURN {
        yield_now().await;
    }
    state.sends = 0;
    if state.usage.rate.is_some() {
        let usage = Arc::clone(&state.usage);
        usage.rate_wait().await;
    }
    let bytes = message.size() as u64;
    let sent = state.ports()?.send_at(output, message).await;
    if sent.is_ok() {
        state.note_sent(bytes);
        state.rest_if_asked().await;
    }
    Ok(sent)
}

/// Takes the message out of the component, and the position of its output. A handle is used up.
fn take(
    store: &mut StoreContextMut<'_, NodeState>,
    (output, payload, encoding, parameters): Arguments,
) -> wasmtime::Result<(Option<usize>, Outgoing)> {
    let output = {
        let name = output.to_str(store.as_context())?;
        store.data().ports.as_ref().and_then(|ports| ports.output(&name))
    };
    let payload = match payload {
        Payload::Inline(bytes) => {
            let mut copies = std::mem::take(&mut store.data_mut().copies);
            let payload = copies.copy(bytes.as_le_slice(store.as_context()));
            store.data_mut().copies = copies;
            payload
        }
        Payload::Shared(handle) => {
            let state = store.data_mut();
            let payload = state.handles.take(&handle)?;
            let ports = state.ports()?;
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
