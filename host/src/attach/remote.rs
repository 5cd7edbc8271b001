//! The other side of the door: finds the dataflows of this user, and asks them. It blocks, with a limit.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;

use super::ask::{self, Answer, Ask, MAX_ANSWER};
use super::place::{self, OpenError};

/// How long a dataflow may take to take a question, and to answer one that needs no time.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a node may take to be ready again: longer than a dataflow waits for it.
const RESTART_PATIENCE: Duration = Duration::from_secs(120);

/// The same for one that is given another component: a large one is compiled first.
const SWAP_PATIENCE: Duration = Duration::from_secs(600);

/// Why a dataflow did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// Nobody listens there: the process is gone, and left its socket behind.
    #[error("nobody listens there")]
    Nobody,
    /// The socket is of another user.
    #[error("it is of another user")]
    OtherUser,
    /// It takes too long.
    #[error("it does not answer; it may still be starting")]
    Silent,
    /// It has ended meanwhile.
    #[error("it has ended")]
    Ended,
    /// The connection does not work.
    #[error("the socket failed: {0}")]
    Socket(io::Error),
    /// It answers what this version does not understand.
    #[error("its answer cannot be understood: is it of the same version?")]
    Malformed,
}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{
            BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, TimedOut, WouldBlock,
        };
        match error.kind() {
            NotFound | ConnectionRefused => Self::Nobody,
            WouldBlock | TimedOut => Self::Silent,
            BrokenPipe | ConnectionReset => Self::Ended,
            _ => Self::Socket(error),
        }
    }
}

/// The sockets of this user's dataflows, by their names. Some may be left behind by processes that are gone.
///
/// # Errors
///
/// When others can reach the folder that they are in, or it cannot be read.
pub(crate) fn sockets() -> Result<Vec<PathBuf>, OpenError> {
    let folder = place::folder();
    if !folder.exists() {
        return Ok(Vec::new());
    }
    place::check(&folder)?;
    let unusable = |source| OpenError::Unusable { folder: folder.clone(), source };
    let entries = fs::read_dir(&folder).map_err(unusable)?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    let mut paths = paths.map_err(unusable)?;
    paths.retain(|path| place::is_socket(path));
    paths.sort();
    Ok(paths)
}

/// A question that was asked.
pub(crate) struct Asked {
    connection: BufReader<UnixStream>,
}

/// Asks the dataflow behind a socket.
///
/// # Errors
///
/// [`AskError`]
pub(crate) fn ask(path: &Path, ask: &Ask) -> Result<(Answer, Asked), AskError> {
    let mut socket = UnixStream::connect(path)?;
    let peer = socket_peercred(&socket).map_err(io::Error::from)?;
    if peer.uid != rustix::process::geteuid() {
        return Err(AskError::OtherUser);
    }
    let patience = match ask {
        Ask::Status | Ask::Stop => PATIENCE,
        Ask::Restart { .. } => RESTART_PATIENCE,
        Ask::Swap { .. } => SWAP_PATIENCE,
    };
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_read_timeout(Some(patience))?;
    socket.write_all(ask::question(ask).as_bytes())?;
    let mut connection = BufReader::new(socket);
    let mut line = Vec::new();
    connection.by_ref().take(MAX_ANSWER).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(AskError::Ended);
    }
    let answer = ask::read_answer(&line).ok_or(AskError::Malformed)?;
    Ok((answer, Asked { connection }))
}

impl Asked {
    /// Waits, without a limit, until the dataflow has ended.
    pub(crate) fn wait_for_end(mut self) -> Result<(), AskError> {
        self.connection.get_ref().set_read_timeout(None)?;
        match self.connection.read(&mut [0]) {
            Ok(0) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
            Ok(_) => Err(AskError::Malformed),
            Err(error) => Err(error.into()),
        }
    }
}
