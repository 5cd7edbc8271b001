//! The door of a dataflow that processes attach to.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::StartError;
use super::tasks::MAX_PAYLOAD;
use crate::attach::{Door, Seat, Seats};
use crate::dataflow::{self, Dataflow};
use crate::node::{Code, NotReady};

/// A door that is open, and where it leads.
pub(super) type OpenDoor = (Door, Seats);

/// The code of each node, and the door where some nodes are attached to.
pub(super) fn open(
    dataflow: &Dataflow,
    codes: Vec<Option<Code>>,
    name: Option<&str>,
) -> Result<(Vec<Code>, Option<OpenDoor>), StartError> {
    let mut seats = Seats::new();
    let nodes = dataflow.nodes().iter().zip(codes);
    let codes = nodes.map(|(node, code)| {
        code.unwrap_or_else(|| {
            let (seat, guests) = Seat::new(MAX_PAYLOAD);
            seats.insert(node.id.clone(), seat);
            Code::Attached(Arc::new(Mutex::new(guests)))
        })
    });
    let codes = codes.collect();
    let Some(node) = dataflow.nodes().iter().find(is_attached) else { return Ok((codes, None)) };
    match Door::open(name.unwrap_or("dataflow")) {
        Ok(door) => Ok((codes, Some((door, seats)))),
        Err(source) => {
            Err(StartError::NotReady(vec![NotReady::Attached { node: node.id.clone(), source }]))
        }
    }
}

fn is_attached(node: &&dataflow::Node) -> bool {
    matches!(node.code, dataflow::Code::Attached)
}
