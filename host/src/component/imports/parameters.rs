//! `thalweg:node/parameters`: what the descriptor says to the node.

use crate::component::bindings::thalweg::node::parameters::Host;
use crate::component::state::NodeState;
use crate::component::types::{ParameterList, Value, parameter_list};

impl Host for NodeState {
    fn get(&mut self, name: String) -> wasmtime::Result<Option<Value>> {
        Ok(self.parameters.get(&name).cloned().map(Value::from))
    }

    fn all(&mut self) -> wasmtime::Result<ParameterList> {
        Ok(parameter_list(&self.parameters))
    }

    fn node_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.log.node().as_str().to_owned())
    }
}
