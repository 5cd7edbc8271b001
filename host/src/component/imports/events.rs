//! `thalweg:node/events`: the node's way in, for the world `program`.

use crate::component::bindings::thalweg::node::events::{Host, NoEvent};
use crate::component::state::NodeState;
use crate::component::types::Event;
use crate::ports::TryRecvError;

impl Host for NodeState {
    async fn next(&mut self) -> wasmtime::Result<Option<Event>> {
        Ok(self.recv_batch(1).await?.pop())
    }

    async fn try_next(&mut self) -> wasmtime::Result<Result<Event, NoEvent>> {
        Ok(self.try_recv().await?.map_err(|none| match none {
            TryRecvError::Empty => NoEvent::Empty,
            TryRecvError::Ended => NoEvent::Ended,
        }))
    }

    async fn next_batch(&mut self, max: u32) -> wasmtime::Result<Vec<Event>> {
        self.recv_batch(usize::try_from(max).unwrap_or(usize::MAX)).await
    }
}
