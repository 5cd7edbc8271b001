//! A component reaches what its descriptor grants, and nothing else.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use thalweg::{Event, StartOptions};

use crate::support::{Flow, Outcome, flow};

/// A guest whose `out` a sink reads. The folder `data` has the file `note`, and beside it is `secret`.
fn guest(name: &str, settings: &str) -> Flow {
    let text = format!(
        "
nodes:
  - {{ id: node, component: guests/{name}.wasm, outputs: [out], {settings} }}
  - {{ id: sink, embedded: true, inputs: {{ in: node/out }} }}
"
    );
    let flow = flow(&text).sink("sink");
    let folder = flow.folder();
    fs::create_dir(folder.join("data")).unwrap();
    fs::write(folder.join("data/note"), "in the folder").unwrap();
    fs::write(folder.join("secret"), "outside").unwrap();
    std::os::unix::fs::symlink("../secret", folder.join("data/link")).unwrap();
    std::os::unix::fs::symlink(folder.join("secret"), folder.join("data/absolute")).unwrap();
    std::os::unix::fs::symlink("note", folder.join("data/inside")).unwrap();
    flow
}

async fn reads(path: &str, grants: &str) -> Outcome {
    let settings = format!("parameters: {{ path: '{path}' }}, grants: {{ {grants} }}");
    guest("reads-file", &settings).run().await
}

#[tokio::test]
async fn without_a_grant_there_is_no_file() {
    for path in ["/data/note", "data/note", "/etc/hostname", "note", "/"] {
        let outcome = reads(path, "").await;
        let text = outcome.exit_text("node");
        assert!(text.starts_with(&format!("failed: cannot read `{path}`: ")), "{text}");
    }
}

#[tokio::test]
async fn a_grant_shows_its_folder_under_the_path_that_it_names() {
    for path in ["/in/note", "/in/./note", "/in/inside"] {
        let outcome = reads(path, "read: { /in: data }").await;
        outcome.assert_ok();
        assert_eq!(outcome.texts("sink"), ["in the folder"], "{path}");
    }
}

#[tokio::test]
async fn nothing_leads_out_of_a_granted_folder() {
    for path in ["/in/../secret", "/in/link", "/in/absolute", "/in/../../../../../../etc/hostname"]
    {
        for grant in ["read", "write"] {
            let outcome = reads(path, &format!("{grant}: {{ /in: data }}")).await;
            assert_eq!(outcome.exit("node"), "failed", "{grant} {path}");
            assert_eq!(outcome.texts("sink"), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_granted_folder_that_vanished_is_told_at_the_start() {
    let flow = guest("prints-env", "grants: { read: { /in: data } }");
    let mut prepared = flow.prepare().unwrap();
    prepared.embed("sink", |_| async { Ok(()) }).unwrap();
    fs::remove_dir_all(flow.folder().join("data")).unwrap();
    let error = prepared.start(StartOptions::default()).await.unwrap_err().to_string();
    assert!(error.starts_with("node `node`: component `"), "{error}");
    assert!(error.contains("cannot make it ready: "), "{error}");
}

/// What becomes of an attempt to write a file, and what it holds afterwards.
async fn writes(path: &str, grants: &str) -> (String, Option<String>) {
    let settings =
        format!("parameters: {{ path: '/folder/{path}', text: new }}, grants: {{ {grants} }}");
    let running = guest("writes-file", &settings).start().await;
    let file = running.folder().join("data").join(path);
    let (outcome, _folder) = running.wait_keeping_folder().await;
    (outcome.exit_text("node"), fs::read_to_string(file).ok())
}

#[tokio::test]
async fn only_a_grant_to_write_lets_a_file_be_written() {
    let (end, text) = writes("note", "read: { /folder: data }").await;
    assert!(end.starts_with("failed: cannot write `/folder/note`: "), "{end}");
    assert_eq!(text.as_deref(), Some("in the folder"));
    let (end, text) = writes("fresh", "read: { /folder: data }").await;
    assert!(end.starts_with("failed: ") && text.is_none(), "{end}");
    let (end, text) = writes("fresh", "write: { /folder: data }").await;
    assert_eq!((end.as_str(), text.as_deref()), ("finished", Some("new")));
    let (end, text) = writes("note", "write: { /folder: data }").await;
    assert_eq!((end.as_str(), text.as_deref()), ("finished", Some("new")));
    let (end, text) = writes("../secret", "write: { /folder: data }").await;
    assert!(end.starts_with("failed: "), "{end}");
    assert_eq!(text.as_deref(), Some("outside"));
    let (end, text) = writes("link", "write: { /folder: data }").await;
    assert!(end.starts_with("failed: "), "{end}");
    assert_eq!(text.as_deref(), Some("outside"), "through the link");
}

#[tokio::test]
async fn a_component_has_the_arguments_and_the_environment_of_its_descriptor_only() {
    let outcome = guest("prints-env", "").run().await;
    outcome.assert_ok();
    assert_eq!(outcome.lines_of("node"), ["argument node"]);
    let path = std::env::var("PATH").unwrap();
    let settings =
        "args: [--fast, 'two words'], env: { LEVEL: 3, EMPTY: '' }, grants: { env: [PATH] }";
    let outcome = guest("prints-env", settings).run().await;
    let path = format!("PATH={path}");
    let expected =
        ["argument node", "argument --fast", "argument two words", "EMPTY=", "LEVEL=3", &path];
    assert_eq!(outcome.lines_of("node"), expected);
}

async fn connects(address: &str, grants: &str) -> String {
    let settings = format!("parameters: {{ address: '{address}' }}, grants: {{ {grants} }}");
    let outcome = guest("connects", &settings).run().await;
    outcome.assert_ok();
    outcome.texts("sink").remove(0)
}

#[tokio::test]
async fn a_component_connects_only_where_it_is_granted() {
    let (granted, other) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (granted, other) = (granted.local_addr().unwrap(), other.local_addr().unwrap());
    let grant = format!("connect: ['{granted}']");
    assert_eq!(connects(&granted.to_string(), &grant).await, "connected");
    let any_port = "connect: ['127.0.0.1:*']";
    assert_eq!(connects(&other.to_string(), any_port).await, "connected");
    for grants in ["", &grant, "listen: ['127.0.0.1:*']", "connect: ['127.0.0.2:*']"] {
        let outcome = connects(&other.to_string(), grants).await;
        assert!(outcome.starts_with("denied: "), "{grants}: {outcome}");
    }
}

#[tokio::test]
async fn names_are_looked_up_only_with_a_grant() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = format!("localhost:{port}");
    let connect = format!("connect: ['*:{port}']");
    let outcome = connects(&address, &connect).await;
    assert!(outcome.starts_with("denied: "), "{outcome}");
    assert_eq!(connects(&address, &format!("{connect}, name_lookup: true")).await, "connected");
}

/// What a guest says that listens, after a peer of the host has spoken with it.
async fn listens(by: &'static str, grants: &str) -> String {
    let text = format!(
        "
nodes:
  - id: node
    component: guests/listens.wasm
    outputs: [out]
    parameters: {{ address: '127.0.0.1:0', by: {by} }}
    grants: {{ {grants} }}
  - {{ id: peer, embedded: true, inputs: {{ in: node/out }} }}
"
    );
    let (say, said) = tokio::sync::oneshot::channel();
    let outcome = flow(&text)
        .embed("peer", move |mut ports| async move {
            let Some(Event::Input(input)) = ports.recv().await else { return Err("none".into()) };
            let text = String::from_utf8_lossy(&input.message.payload).into_owned();
            let answer = match text.parse() {
                Ok(address) => speak(by, address).await.map_err(|error| error.to_string())?,
                Err(_) => text,
            };
            say.send(answer)
        })
        .run()
        .await;
    outcome.assert_ok();
    said.await.unwrap()
}

/// Sends five bytes and waits for the answer.
async fn speak(by: &'static str, address: SocketAddr) -> std::io::Result<String> {
    let exchange = move || {
        let mut bytes = [0; 5];
        if by == "udp" {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.send_to(b"hello", address)?;
            socket.recv(&mut bytes)?;
        } else {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"hello")?;
            stream.read_exact(&mut bytes)?;
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_listens_only_where_it_is_granted() {
    assert_eq!(listens("tcp", "listen: ['127.0.0.1:*']").await, "hello");
    // To answer a datagram is to send one.
    let both = "listen: ['127.0.0.1:*'], connect: ['127.0.0.1:*']";
    assert_eq!(listens("udp", both).await, "hello");
    for by in ["tcp", "udp"] {
        for grants in ["", "listen: ['127.0.0.2:*']", "connect: ['127.0.0.1:*']"] {
            let outcome = listens(by, grants).await;
            assert!(outcome.starts_with("denied: "), "{by} {grants}: {outcome}");
        }
    }
}
