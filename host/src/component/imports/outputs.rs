//! `thalweg:node/outputs`: the node's way out.

use crate::component::bindings::thalweg::node::outputs::{Host, SendError};
use crate::component::state::NodeState;
use crate::component::types::{Encoding, ParameterList, Payload, lift};
use crate::ports;

impl Host for NodeState {
    async fn send(
        &mut self,
        output: String,
        payload: Payload,
        encoding: Encoding,
        parameters: ParameterList,
    ) -> wasmtime::Result<Result<(), SendError>> {
        let message = lift(payload, encoding, parameters, &mut self.handles)?;
        let sent = self.ports.send(&output, message).await;
        if sent.is_ok() {
            self.budget.sent();
        }
        Ok(sent.map_err(SendError::from))
    }
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
