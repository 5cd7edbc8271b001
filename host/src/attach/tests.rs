use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::place::{OpenError, Place};
use super::*;
use crate::link::{AttachError, NodeLink};

mod hostile;

fn door(folder: &Path) -> Door {
    let folder = folder.join("thalweg");
    let (place, listener) = Place::take_in(&folder, "my flow").unwrap();
    Door { listener, _place: place }
}

fn attach(path: &Path, node: &'static str) -> Result<NodeLink, AttachError> {
    NodeLink::attach(path, node)
}

async fn unasked(ask: Ask) -> Answer {
    panic!("{ask:?}")
}

fn refusal(result: Result<NodeLink, AttachError>) -> String {
    match result {
        Err(AttachError::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_seats_that_are_free_are_given() {
    let folder = tempfile::tempdir().unwrap();
    let door = door(folder.path());
    let path = door.path().to_owned();
    let (seat, mut guests) = Seat::new(1000);
    let serving = tokio::spawn(door.serve(
        [("desk".parse().unwrap(), seat)].into(),
        unasked,
        CancellationToken::new(),
    ));
    let tried = |node| {
        let path = path.clone();
        tokio::task::spawn_blocking(move || attach(&path, node))
    };
    let reason = refusal(tried("chair").await.unwrap());
    assert_eq!(reason, "it has no node `chair` with `attached: true`; it has `desk`");
    let first = tried("desk");
    let guest = guests.recv().await.unwrap();
    let reason = refusal(tried("desk").await.unwrap());
    assert_eq!(
        reason,
        format!("process {} is attached to node `desk` already", std::process::id())
    );
    drop(guest);
    assert!(matches!(first.await.unwrap(), Err(AttachError::NoAnswer(_))));
    let second = tried("desk");
    drop(guests.recv().await.unwrap());
    second.await.unwrap().unwrap_err();
    drop(guests);
    assert_eq!(refusal(tried("desk").await.unwrap()), "node `desk` has ended");
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    assert!(!path.exists());
}

#[test]
fn whoever_wants_to_attach_is_told_of_a_dataflow_that_has_no_seats() {
    assert_eq!(unknown("desk", &Seats::new()), "it has no node with `attached: true`");
}

#[tokio::test]
async fn the_door_is_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let door = door(folder.path());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(door.path()), 0o600);
    assert_eq!(mode(door.path().parent().unwrap()), 0o700);
    assert!(door.path().file_name().unwrap().to_str().unwrap().starts_with("my-flow."));
}

#[tokio::test]
async fn a_folder_that_others_can_enter_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let error = Place::take_in(folder.path(), "flow").unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(tempfile::tempdir().unwrap().path(), &link).unwrap();
    assert!(matches!(Place::take_in(&link, "flow"), Err(OpenError::NotOurs { .. })));
    let nowhere = folder.path().join("no/where");
    let error = Place::take_in(&nowhere, "flow").unwrap_err();
    assert!(error.to_string().starts_with("cannot listen for processes in"), "{error}");
}

#[tokio::test]
async fn sockets_of_processes_that_are_gone_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let first = door(folder.path());
    let stale = first.path().with_file_name("old.1.0.sock");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    let second = door(folder.path());
    assert!(!stale.exists());
    assert!(first.path().exists() && second.path().exists());
}
