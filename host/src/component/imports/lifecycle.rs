//! `thalweg:node/lifecycle`: a handler's way to end.

use crate::component::bindings::thalweg::node::lifecycle::Host;
use crate::component::state::NodeState;

impl Host for NodeState {
    fn finish(&mut self) -> wasmtime::Result<()> {
        self.finished = true;
        Ok(())
    }
}
