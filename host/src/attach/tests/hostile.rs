//! Clients that do harm: each harms itself, and the next one is served.

use std::path::PathBuf;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;

/// The longest that anything here may take.
const HANGS: Duration = Duration::from_secs(8);

/// A node about which there is so much to say that no socket takes it at once.
const LARGE: &str = "large";

/// A door that is open, with a seat that is called `desk`.
struct Open {
    _folder: tempfile::TempDir,
    path: PathBuf,
    guests: mpsc::Receiver<Guest>,
    /// Restarts are answered once they have a permit.
    restarts: Arc<Semaphore>,
    closing: CancellationToken,
    serving: JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn open() -> Open {
    let folder = tempfile::tempdir().unwrap();
    let door = door(folder.path());
    let path = door.path().to_owned();
    let (seat, guests) = Seat::new(1000);
    let restarts = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&restarts);
    let answers = move |ask| {
        let permits = Arc::clone(&permits);
        async move {
            match ask {
                Ask::Status => Answer::Refused { reason: "a status".into() },
                Ask::Restart { node } if node == LARGE => {
                    Answer::Refused { reason: "x".repeat(1 << 20) }
                }
                Ask::Stop => Answer::Stopping,
                Ask::Restart { .. } | Ask::Swap { .. } => {
                    permits.acquire().await.unwrap().forget();
                    Answer::Restarted
                }
            }
        }
    };
    let closing = CancellationToken::new();
    let seats = [("desk".parse().unwrap(), seat)].into();
    let serving = tokio::spawn(door.serve(seats, answers, closing.clone()));
    Open { _folder: folder, path, guests, restarts, closing, serving }
}

impl Open {
    /// A connection over which these bytes were sent.
    async fn say(&self, bytes: &[u8]) -> UnixStream {
        let mut socket = UnixStream::connect(&self.path).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        socket
    }

    /// All that is answered until the connection is closed.
    async fn answer_to(&self, bytes: &[u8]) -> String {
        rest(self.say(bytes).await).await
    }

    /// That others are served as if nothing were.
    async fn still_serves(&mut self) {
        let asked = self.answer_to(ask::question(&Ask::Status).as_bytes()).await;
        assert_eq!(asked, "{\"answer\":\"refused\",\"reason\":\"a status\"}\n");
        let path = self.path.clone();
        let attaching = tokio::task::spawn_blocking(move || attach(&path, "desk"));
        let guest = tokio::time::timeout(HANGS, self.guests.recv()).await.unwrap().unwrap();
        drop(guest);
        attaching.await.unwrap().unwrap_err();
    }
}

/// What still comes. A connection that is reset has ended too.
async fn rest(mut socket: UnixStream) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(HANGS, socket.read_to_end(&mut text)).await;
    let _ = read.expect("the connection is not closed");
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_question_ends_its_connection_and_nothing_else() {
    let mut open = open();
    let version = ask::question(&Ask::Stop).replace("thalweg 1", "thalweg 7");
    let long = [b"thalweg 1 ", vec![b' '; ask::MAX_QUESTION].as_slice()].concat();
    for (bytes, told) in [
        (&b"thalweg\n"[..], "does not begin with `thalweg`"),
        (b"thalweg 1 \xff\n", "not UTF-8"),
        (b"thalweg 1 {]\n", "cannot be understood"),
        (b"thalweg 1 {\"ask\":\"status\"}\n{\"ask\":\"status\"}\n", "asks one thing"),
        (version.as_bytes(), "is of version \\\"7\\\""),
        (&long, &format!("longer than {} bytes", ask::MAX_QUESTION)),
    ] {
        let answer = open.answer_to(bytes).await;
        assert!(answer.starts_with("{\"answer\":\"refused\""), "{answer}");
        assert!(answer.contains(told), "{answer}");
        open.still_serves().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_none_end_their_connection_and_nothing_else() {
    let mut open = open();
    let hello = [0, 0, 0, 0, 0];
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 64],
        &u32::MAX.to_le_bytes(),
        &[&8u32.to_le_bytes()[..], &[0xff; 8]].concat(),
        &[&0u32.to_le_bytes()[..], &hello].concat(),
    ] {
        assert_eq!(open.answer_to(bytes).await, "", "{bytes:?}");
        open.still_serves().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_the_middle_is_forgotten() {
    let mut open = open();
    let question = ask::question(&Ask::Stop);
    for bytes in [&b""[..], b"t", b"thal", b"thalweg 1", &[8, 0, 0], question.as_bytes()] {
        drop(open.say(bytes).await);
        let mut half = open.say(bytes).await;
        half.shutdown().await.unwrap();
        rest(half).await;
        open.still_serves().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_comes_byte_by_byte_is_answered() {
    let open = open();
    let mut socket = UnixStream::connect(&open.path).await.unwrap();
    for byte in ask::question(&Ask::Status).bytes() {
        socket.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(rest(socket).await.contains("a status"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_that_say_nothing_hold_up_nobody() {
    let mut open = open();
    let mut silent = Vec::new();
    for number in 0..100 {
        let begun: &[u8] = if number % 2 == 0 { b"" } else { b"thalweg 1" };
        silent.push(open.say(begun).await);
    }
    open.still_serves().await;
    // Those who came first had to go.
    for socket in silent.drain(..100 - MAX_STRANGERS) {
        assert_eq!(rest(socket).await, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_beyond_the_bound_are_refused_and_the_others_answered() {
    let mut open = open();
    let question = ask::question(&Ask::Restart { node: "desk".into() });
    let mut waiting = Vec::new();
    for _ in 0..MAX_ASKED {
        waiting.push(open.say(question.as_bytes()).await);
    }
    // Each is heard before the next one comes, or it might be among the waiting ones.
    let refused = open.answer_to(question.as_bytes()).await;
    assert!(refused.contains("others are asking"), "{refused}");
    open.restarts.add_permits(MAX_ASKED);
    for socket in waiting {
        assert_eq!(rest(socket).await, "{\"answer\":\"restarted\"}\n");
    }
    open.still_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_taken_hold_up_nobody() {
    let mut open = open();
    let question = ask::question(&Ask::Restart { node: LARGE.into() });
    let mut deaf = Vec::new();
    for _ in 0..8 {
        deaf.push(open.say(question.as_bytes()).await);
    }
    open.still_serves().await;
    open.closing.cancel();
    tokio::time::timeout(HANGS, &mut open.serving).await.unwrap().unwrap();
    for socket in deaf {
        assert!(rest(socket).await.len() < 1 << 20, "the rest is not sent any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_a_stop_is_told_of_the_end_by_the_end_of_the_connection() {
    let open = open();
    let mut socket = open.say(ask::question(&Ask::Stop).as_bytes()).await;
    let mut answer = [0; 22];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"{\"answer\":\"stopping\"}\n");
    assert_eq!(socket.try_read(&mut answer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    open.closing.cancel();
    assert_eq!(rest(socket).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_closes_still_answers_what_was_asked_but_waits_for_no_silence() {
    let mut open = open();
    let question = ask::question(&Ask::Restart { node: "desk".into() });
    let (silent, asking) = (open.say(b"thalweg 1").await, open.say(question.as_bytes()).await);
    open.still_serves().await;
    open.closing.cancel();
    assert_eq!(rest(silent).await, "");
    open.restarts.add_permits(1);
    assert_eq!(rest(asking).await, "{\"answer\":\"restarted\"}\n");
    tokio::time::timeout(HANGS, &mut open.serving).await.unwrap().unwrap();
    // An answer that never comes is not waited for.
    let mut open = self::open();
    let asking = open.say(question.as_bytes()).await;
    open.still_serves().await;
    open.closing.cancel();
    tokio::time::timeout(HANGS, &mut open.serving).await.unwrap().unwrap();
    assert_eq!(rest(asking).await, "");
}

#[test]
fn another_user_is_not_let_in() {
    let own = rustix::process::geteuid().as_raw();
    assert!(admit(own).is_ok());
    let refused = admit(own + 1).unwrap_err();
    assert!(matches!(refused, Refusal::OtherUser), "{refused}");
}
