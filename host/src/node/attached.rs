//! A node that processes from outside attach to, one at a time.

use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use super::{NodeSetup, StartLine};
use crate::attach::Guest;
use crate::exit::NodeExit;
use crate::link::Served;

/// How long a process that was welcomed may take to say that it is ready.
const READY_PATIENCE: Duration = Duration::from_secs(3);

/// Serves whoever attaches until one ends the node, or until the last event is queued and nobody is
/// attached. A process that goes without a word leaves the node to the next one.
pub(super) async fn run(
    guests: &Mutex<mpsc::Receiver<Guest>>,
    mut setup: NodeSetup,
    line: StartLine,
) -> NodeExit {
    let mut guests = guests.lock().await;
    line.wait(Ok(())).await;
    let mut attached = false;
    loop {
        let guest = tokio::select! {
            biased;
            guest = guests.recv() => guest,
            () = setup.stopping.cancelled() => None,
        };
        let Some(mut guest) = guest else {
            let was_told = attached && setup.ports.is_finished();
            return if was_told { NodeExit::Finished } else { NodeExit::Unattached };
        };
        attached = true;
        let Some(served) = serve(&mut guest, &mut setup).await else { continue };
        if matches!(served, Served::Gone | Served::Broken(_)) {
            setup.ports.give_again();
        }
        match served {
            Served::Ended { failure: None } => return NodeExit::Finished,
            Served::Ended { failure: Some(message) } => return NodeExit::failed(message),
            Served::Gone => {}
            Served::Broken(rule) => {
                let (node, pid) = (&setup.id, guest.pid);
                tracing::warn!(%node, pid, rule, "a process broke the rules of the link");
            }
        }
    }
}

/// None when the process went before it was ready, or took too long: nobody else could be the node.
async fn serve(guest: &mut Guest, setup: &mut NodeSetup) -> Option<Served> {
    let link = &mut guest.link;
    let ready = async {
        link.welcome(setup.id.as_str(), &setup.ports, &setup.parameters).await.ok()?;
        link.ready().await.ok()
    };
    tokio::time::timeout(READY_PATIENCE, ready).await.ok()??;
    Some(link.serve(&mut setup.ports).await)
}
