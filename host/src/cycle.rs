//! The end of a cycle: nodes that read each other would wait for each other's end for ever.

use std::sync::Arc;

use crate::inbox::Inbox;

/// Nodes that can reach each other.
#[derive(Debug)]
pub(crate) struct Cycle {
    /// In the order of their numbers, which is the order in which their inboxes are held.
    members: Vec<Member>,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) inbox: Arc<Inbox>,
    /// The inputs that are fed by a member.
    pub(crate) internal: Vec<usize>,
}

impl Cycle {
    pub(crate) fn new(members: Vec<Member>) -> Self {
        Self { members }
    }

    /// Closes the cycle if every member waits, nothing is under way, and nothing can come in from
    /// outside. To be called whenever one of these may have become true.
    ///
    /// All inboxes are held at one moment: a message that is being moved from one to another is in the
    /// hands of a member that does not wait.
    pub(crate) fn close_if_quiet(&self) {
        self.close_when(|held, member| held.is_quiet(&member.internal));
    }

    /// Closes the cycle whatever is under way. What is sent inside from now on is discarded and counted.
    pub(crate) fn close(&self) {
        self.close_when(|_, _| true);
    }

    fn close_when(&self, condition: impl Fn(&crate::inbox::Held<'_>, &Member) -> bool) {
        let mut held: Vec<_> = self.members.iter().map(|member| member.inbox.hold()).collect();
        let all = held.iter().zip(&self.members).all(|(held, member)| condition(held, member));
        let mut wakers = Vec::new();
        if all {
            for (held, member) in held.iter_mut().zip(&self.members) {
                wakers.extend(member.internal.iter().flat_map(|input| held.close_input(*input)));
            }
        }
        drop(held); // Before anything is woken.
        wakers.into_iter().flatten().for_each(std::task::Waker::wake);
    }
}
