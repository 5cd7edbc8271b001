//! Where a door is: a file in a folder that only its user can enter.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::UnixListener;

/// Why a dataflow cannot be attached to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or used.
    #[error("cannot listen for processes in `{folder}`: {source}", folder = .folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others could reach it.
    #[error(
        "`{folder}` is not a folder of this user alone (mode 700), so processes of others could reach \
         the dataflow; remove it, or set XDG_RUNTIME_DIR",
        folder = .folder.display()
    )]
    NotOurs {
        /// The folder.
        folder: PathBuf,
    },
}

/// A file that is there until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may have been cleaned away.
        let _ = fs::remove_file(&self.path);
    }
}

impl Place {
    /// A socket named after the dataflow and this process. Sockets of processes that are gone are removed.
    pub(super) fn take(name: &str) -> Result<(Self, UnixListener), OpenError> {
        Self::take_in(&folder(), name)
    }

    pub(super) fn take_in(folder: &Path, name: &str) -> Result<(Self, UnixListener), OpenError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let unusable = |source| OpenError::Unusable { folder: folder.to_owned(), source };
        make(folder).map_err(unusable)?;
        check(folder)?;
        sweep(folder);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.{}.{number}.sock", file_name(name), std::process::id());
        let place = Self { path: folder.join(name) };
        let listener = UnixListener::bind(&place.path).map_err(unusable)?;
        fs::set_permissions(&place.path, Permissions::from_mode(0o600)).map_err(unusable)?;
        Ok((place, listener))
    }

    #[cfg(test)]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The folder for the sockets of this user's dataflows. The Python package looks in the same.
pub(super) fn folder() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) if !runtime.is_empty() => Path::new(&runtime).join("thalweg"),
        _ => PathBuf::from(format!("/tmp/thalweg-{}", rustix::process::getuid().as_raw())),
    }
}

fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Refuses a folder that others can enter.
pub(super) fn check(folder: &Path) -> Result<(), OpenError> {
    let ours = is_ours(folder);
    let ours = ours.map_err(|source| OpenError::Unusable { folder: folder.to_owned(), source })?;
    if ours { Ok(()) } else { Err(OpenError::NotOurs { folder: folder.to_owned() }) }
}

/// Whether it is a folder, no link to one, and nobody else can enter it.
fn is_ours(folder: &Path) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(folder)?;
    let is_private = metadata.mode() & 0o077 == 0;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    Ok(metadata.is_dir() && is_private && is_own)
}

/// Whether it has the name of a socket.
pub(super) fn is_socket(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sock")
}

/// Removes the sockets on which nobody listens any more.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if is_socket(&path) && UnixStream::connect(&path).is_err_and(refused) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// A name that is one part of a path, short enough for the path of a socket.
fn file_name(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    name.chars().take(32).map(keep).collect()
}
