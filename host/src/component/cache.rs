//! Compiled code on disk, so that a component is compiled once for each machine and version.
//!
//! Compiled code is run as it is: whoever can write it can do whatever the host may. So an entry is used
//! only if its file and its folder belong to this user and nobody else can write them, and if it is
//! whole. What is not so is compiled anew; the cache is never the reason for an error.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

const SHA256_BYTES: usize = 32;
/// Anyone but the owner may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A folder of compiled components.
#[derive(Clone, Debug)]
pub struct CodeCache {
    folder: PathBuf,
}

impl CodeCache {
    /// A cache in `folder`, which is made when it is first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The cache of this user: `$XDG_CACHE_HOME/thalweg`, or `~/.cache/thalweg`. None without a home.
    pub fn of_user() -> Option<Self> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let caches =
            absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(Self::new(caches.join("thalweg")))
    }

    /// The code that was stored under `key`, if it is there, whole, and our own.
    pub(crate) fn load(&self, key: &str) -> Option<Vec<u8>> {
        if !is_ours(&fs::symlink_metadata(&self.folder).ok()?) {
            return None;
        }
        let mut file = open_no_follow(&self.path(key)).ok()?;
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || !is_ours(&metadata) {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).ok()?);
        file.read_to_end(&mut bytes).ok()?;
        let code_len = bytes.len().checked_sub(SHA256_BYTES)?;
        let (code, digest) = bytes.split_at(code_len);
        if digest != Sha256::digest(code).as_slice() {
            return None;
        }
        bytes.truncate(code_len);
        Some(bytes)
    }

    /// Stores `code`. An entry appears whole or not at all.
    pub(crate) fn store(&self, key: &str, code: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(code)?;
        file.write_all(&Sha256::digest(code))?;
        file.persist(self.path(key))?;
        Ok(())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.code"))
    }
}

fn is_ours(metadata: &fs::Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.mode() & WRITABLE_BY_OTHERS == 0
        && !metadata.is_symlink()
}

fn open_no_follow(path: &Path) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn cache() -> (tempfile::TempDir, CodeCache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(folder.path().join("code"));
        (folder, cache)
    }

    #[test]
    fn what_was_stored_is_loaded() {
        let (_folder, cache) = cache();
        assert_eq!(cache.load("key"), None);
        cache.store("key", b"code").unwrap();
        assert_eq!(cache.load("key").as_deref(), Some(&b"code"[..]));
    }

    #[test]
    fn an_entry_that_was_cut_or_changed_is_not_loaded() {
        let (_folder, cache) = cache();
        cache.store("key", b"some code").unwrap();
        let whole = fs::read(cache.path("key")).unwrap();
        for len in 0..whole.len() {
            fs::write(cache.path("key"), &whole[..len]).unwrap();
            assert_eq!(cache.load("key"), None, "{len} bytes");
        }
        let mut changed = whole;
        changed[0] ^= 1;
        fs::write(cache.path("key"), changed).unwrap();
        assert_eq!(cache.load("key"), None);
    }

    #[test]
    fn an_entry_that_others_may_write_is_not_loaded() {
        let (_folder, cache) = cache();
        cache.store("key", b"code").unwrap();
        fs::set_permissions(cache.path("key"), fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(cache.load("key"), None);
    }

    #[test]
    fn a_folder_that_others_may_write_is_not_used() {
        let (_folder, cache) = cache();
        cache.store("key", b"code").unwrap();
        fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(cache.load("key"), None);
    }

    #[test]
    fn a_link_to_an_entry_is_not_followed() {
        let (_folder, cache) = cache();
        cache.store("key", b"code").unwrap();
        symlink(cache.path("key"), cache.path("link")).unwrap();
        assert_eq!(cache.load("link"), None);
    }
}
