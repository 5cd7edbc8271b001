//! Where a case happens: a folder with what is granted and what is not, and a port that nobody was granted.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::case::{Case, Guest};
use super::made::COMPONENT;
use crate::wat;

/// What is in every file at the beginning.
const CONTENT: &str = "as it was";

/// Beside the folders `data` and `other`, which may be granted, is the file `secret`, which may not. Links
/// in `data` lead to it.
pub(crate) struct Place {
    folder: TempDir,
    tcp: TcpListener,
    udp: UdpSocket,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Place {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        symlink(root().join("guests/target/components"), path.join("guests"))?;
        fs::create_dir_all(path.join("data/inner"))?;
        fs::create_dir(path.join("other"))?;
        for file in ["secret", "data/note", "other/kept"] {
            fs::write(path.join(file), CONTENT)?;
        }
        symlink("../secret", path.join("data/link"))?;
        symlink(path.join("secret"), path.join("data/absolute"))?;
        symlink("..", path.join("data/up"))?;
        symlink(".", path.join("data/self"))?;
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        tcp.set_nonblocking(true)?;
        let udp = UdpSocket::bind(tcp.local_addr()?)?;
        udp.set_nonblocking(true)?;
        Ok(Self { folder, tcp, udp })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.tcp.local_addr()?)
    }

    /// Puts the file of a guest here, and gives the field of the descriptor that runs it.
    pub(crate) fn code(&self, guest: Guest) -> anyhow::Result<String> {
        let hostile = root().join("guests/hostile");
        Ok(match guest {
            Guest::Rust(name) => format!("component: guests/hostile/{name}.wasm"),
            Guest::Misbehaves(how) => {
                format!("component: guests/misbehaves.wasm, parameters: {{ how: {how} }}")
            }
            Guest::Wat(name) => {
                let text = fs::read_to_string(hostile.join(format!("wat/{name}.wat")))?;
                self.component(&::wat::parse_str(whole(&text))?)?
            }
            Guest::Made(_, made) => self.component(&made())?,
            Guest::Empty(_, len) => {
                let code = self.component(&COMPONENT)?;
                File::options().write(true).open(self.path().join("bad.wasm"))?.set_len(len)?;
                code
            }
            Guest::Python(name) => {
                fs::copy(hostile.join(format!("python/{name}.py")), self.path().join("bad.py"))?;
                let package = root().join("tests/support/fake_thalweg");
                let package = package.display();
                format!("python: bad.py, interpreter: python3, env: {{ PYTHONPATH: '{package}' }}")
            }
        })
    }

    fn component(&self, bytes: &[u8]) -> anyhow::Result<String> {
        fs::write(self.path().join("bad.wasm"), bytes)?;
        Ok("component: bad.wasm".into())
    }

    /// That nothing came of what a case tried: no file differs, nobody reached the port, and no process is
    /// left.
    pub(crate) async fn check(&self, case: &Case) -> anyhow::Result<()> {
        for file in ["secret", "data/note", "other/kept"] {
            let content = fs::read_to_string(self.path().join(file));
            anyhow::ensure!(content.is_ok_and(|text| text == CONTENT), "`{file}` was changed");
        }
        let inner = fs::read_dir(self.path().join("data"))?.count();
        anyhow::ensure!(inner == 6 || case.fields.contains("write:"), "there is more in `data`");
        let knocked = self.tcp.accept().map(drop).err().map(|error| error.kind());
        anyhow::ensure!(knocked == Some(ErrorKind::WouldBlock), "somebody connected");
        let heard = self.udp.recv(&mut [0; 1]).err().map(|error| error.kind());
        anyhow::ensure!(heard == Some(ErrorKind::WouldBlock), "somebody sent a datagram");
        self.no_process_is_left().await
    }

    /// A killed process is gone a moment after its node has ended; nothing tells when.
    async fn no_process_is_left(&self) -> anyhow::Result<()> {
        let path = self.path().display().to_string();
        let gone = async {
            while !processes_with(&path).is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(10), gone).await;
        waited.map_err(|_| anyhow::anyhow!("processes are left: {:?}", processes_with(&path)))
    }
}

/// A component in full, of the functions that a file has.
fn whole(text: &str) -> String {
    if text.lines().any(|line| line.starts_with("(component")) {
        return text.into();
    }
    // The text ends the line that a last comment is in.
    if text.contains("(func $on-events") {
        wat::handler(text, "(call $on-events (local.get $at) (local.get $count))")
    } else {
        wat::program(text, "(call $run)")
    }
}

/// The numbers of processes whose command line has this text.
fn processes_with(text: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let has_text = |name: &String| {
        let line = fs::read(format!("/proc/{name}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    names.filter(has_text).collect()
}
