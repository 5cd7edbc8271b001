//! One connection at the door: whether it attaches or asks, and what it asks.

use std::io;

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::UnixStream;

use super::ask::{self, Answer, Ask, GREETING, MAX_QUESTION};

/// Waits for the first bytes and leaves them where they are. True when they begin a question.
pub(super) async fn asks(socket: &UnixStream) -> io::Result<bool> {
    let mut first = [0; GREETING.len()];
    loop {
        let ready = socket.ready(Interest::READABLE).await?;
        // Fewer bytes are as good as none: whoever sends more wakes this again.
        let peeked = socket.try_io(Interest::READABLE, || {
            let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
            let (len, _) = recv(socket, &mut first, flags)?;
            if len < GREETING.len() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match peeked {
            Ok(()) => return Ok(first == *GREETING),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) if ready.is_read_closed() => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(_) => {}
        }
    }
}

/// Reads the question of a connection.
///
/// # Errors
///
/// What is wrong with it.
pub(super) async fn question(socket: &mut UnixStream) -> io::Result<Result<Ask, String>> {
    let mut line = Vec::new();
    loop {
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            if end + 1 < line.len() {
                return Ok(Err("a connection asks one thing".into()));
            }
            line.truncate(end);
            return Ok(ask::read_question(&line));
        }
        if line.len() >= MAX_QUESTION {
            return Ok(Err(format!("the question is longer than {MAX_QUESTION} bytes")));
        }
        let left = MAX_QUESTION.saturating_sub(line.len());
        let read = (&mut *socket).take(left as u64).read_buf(&mut line).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Sends the answer.
pub(super) async fn answer(socket: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    socket.write_all(ask::answer(answer).as_bytes()).await
}

/// Waits until the other end has gone, or says more than it may.
pub(super) async fn gone(socket: &mut UnixStream) {
    let mut more = [0];
    // Either is the end of the connection.
    let _ = socket.read(&mut more).await;
}
