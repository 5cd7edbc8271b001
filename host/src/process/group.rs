//! A process and all that it starts.

use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

/// A process group and its leader. Dropped, the leader is ended and reaped; [`Self::kill`] ends the others.
pub(super) struct Group {
    leader: Child,
    /// The number of the group. It is given to no other as long as the leader is not reaped.
    number: Pid,
    /// A descriptor of the leader, readable when it has ended, reaped or not. It is no pipe, but tokio's
    /// pipes are its one safe way to wait for a descriptor of another kind.
    end: Receiver,
}

impl Group {
    /// Starts a command as the leader of a group of its own. Gives its standard output and its standard
    /// error, which must be pipes.
    pub(super) fn spawn(mut command: Command) -> io::Result<(Self, OwnedFd, OwnedFd)> {
        let mut leader = command.process_group(0).kill_on_drop(true).spawn()?;
        let number = leader.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let (stdout, stderr) = (leader.stdout.take(), leader.stderr.take());
        let (Some(number), Some(stdout), Some(stderr)) = (number, stdout, stderr) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let end = pidfd_open(number, PidfdFlags::NONBLOCK)?;
        let end = Receiver::from_owned_fd_unchecked(end)?;
        Ok((Self { leader, number, end }, stdout.into_owned_fd()?, stderr.into_owned_fd()?))
    }

    /// Waits until the leader has ended. It is not reaped yet.
    pub(super) async fn ended(&self) {
        // The only error is that the runtime ends, and drops this.
        let _ = self.end.readable().await;
    }

    /// Ends all of the group, unless the leader was reaped: then its number may be that of another group.
    pub(super) fn kill(&self) {
        if self.leader.id().is_some() {
            // The only error is that all have ended.
            let _ = kill_process_group(self.number, Signal::KILL);
        }
    }

    /// Waits until the leader has ended, and gives its end. Later calls give the same.
    pub(super) async fn reap(&mut self) -> io::Result<ExitStatus> {
        self.leader.wait().await
    }
}
