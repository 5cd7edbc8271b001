//! The door of a dataflow: by it processes attach to nodes, and people ask how it is doing.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::StartError;
use super::control::{Control, RestartError};
use super::swap::{OldState, SwapError};
use super::tasks::MAX_PAYLOAD;
use crate::attach::{Answer, Ask, Door, Seat, Seats};
use crate::dataflow::{self, Dataflow};
use crate::node::{Code, NotReady};

/// What a dataflow is called that has nodes to attach to and no name.
const UNNAMED: &str = "dataflow";

/// A door that is open, and where it leads.
pub(super) struct OpenDoor {
    door: Door,
    seats: Seats,
}

/// A door through which processes come, until this is dropped.
#[derive(Default)]
pub(super) struct Entrance {
    serving: JoinSet<()>,
    closing: CancellationToken,
}

impl Entrance {
    /// Lets processes in by this door, if there is one.
    pub(super) fn new(door: Option<OpenDoor>, control: Control) -> Self {
        let mut entrance = Self::default();
        let answers = move |ask| {
            let control = control.clone();
            answer(control, ask)
        };
        if let Some(OpenDoor { door, seats }) = door {
            let closing = entrance.closing.clone();
            entrance.serving.spawn(door.serve(seats, answers, closing));
        }
        entrance
    }

    /// Lets nobody in any more, and returns when those who asked have their answers, or do not take them.
    pub(super) async fn close(&mut self) {
        self.closing.cancel();
        while self.serving.join_next().await.is_some() {}
    }
}

async fn answer(control: Control, ask: Ask) -> Answer {
    match ask {
        Ask::Status => Answer::Status { status: control.status() },
        Ask::Stop => {
            control.stop();
            Answer::Stopping
        }
        Ask::Swap { node, path, fresh } => {
            let old_state = if fresh { OldState::Forget } else { OldState::Keep };
            swapped(control.swap(&node, path, old_state).await)
        }
        Ask::Restart { node } => match control.restart(&node).await {
            Ok(()) => Answer::Restarted,
            Err(error @ RestartError::NotReady(_)) => Answer::Failed { reason: error.to_string() },
            Err(error) => Answer::Refused { reason: error.to_string() },
        },
    }
}

fn swapped(swapped: Result<(), SwapError>) -> Answer {
    let Err(error) = swapped else { return Answer::Swapped };
    let reason = error.to_string();
    match error {
        SwapError::UnknownNode { .. }
        | SwapError::NotComponent { .. }
        | SwapError::Ended { .. }
        | SwapError::Busy { .. }
        | SwapError::Unfit(_)
        | SwapError::StateLost { .. } => Answer::Refused { reason },
        SwapError::NotAtRest { .. }
        | SwapError::InstanceEnded { .. }
        | SwapError::NotSaved { .. }
        | SwapError::NotRestored { .. }
        | SwapError::NotReady(_)
        | SwapError::NotStarted(_) => Answer::Failed { reason },
    }
}

/// The code of each node, and the door: where the dataflow has a name, or nodes that are attached to.
///
/// # Errors
///
/// When the door cannot be opened and nodes are attached to; without such nodes the dataflow runs unseen.
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
    let attached = dataflow.nodes().iter().find(is_attached);
    if name.is_none() && attached.is_none() {
        return Ok((codes, None));
    }
    match (Door::open(name.unwrap_or(UNNAMED)), attached) {
        (Ok(door), _) => Ok((codes, Some(OpenDoor { door, seats }))),
        (Err(source), Some(node)) => {
            Err(StartError::NotReady(vec![NotReady::Attached { node: node.id.clone(), source }]))
        }
        (Err(error), None) => {
            tracing::warn!(%error, "`thalweg status` will not see this dataflow");
            Ok((codes, None))
        }
    }
}

fn is_attached(node: &&dataflow::Node) -> bool {
    matches!(node.code, dataflow::Code::Attached)
}
