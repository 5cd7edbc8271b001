//! `thalweg:node/events`: the node's way in, for the world `program`.

use crate::component::bindings::thalweg::node::events::Host;
use crate::component::state::NodeState;
use crate::component::types::Event;

impl Host for NodeState {
    async fn next(&mut self) -> wasmtime::Result<Option<Event>> {
        Ok(self.recv_batch(1).await?.pop())
    }

    async fn next_batch(&mut self, max: u32) -> wasmtime::Result<Vec<Event>> {
        self.recv_batch(usize::try_from(max).unwrap_or(usize::MAX)).await
    }
}
