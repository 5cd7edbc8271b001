//! From a file to compiled code.

use std::fmt;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read as _;
use std::path::Path;

use wasmtime::{Config, Engine, WasmBacktraceDetails};

use super::cache::CodeCache;
use super::error::ComponentProblem;
use crate::digest::Digest;

/// Address space that each memory has, so that no access needs a check: all that 32 bits can reach.
const MEMORY_RESERVATION: u64 = 4 << 30;
/// Address space behind it that traps, for offsets beyond 32 bits.
const MEMORY_GUARD: u64 = 32 << 20;

/// Bytes of a component's file, at most: a file from a stranger is read whole before it is looked at.
/// Components that carry an interpreter have tens of megabytes.
pub const MAX_COMPONENT_BYTES: u64 = 256 << 20;

/// Compiles components, each once, with a cache on disk if it is given one. Clones share both.
#[derive(Clone)]
pub struct Compiler {
    engine: Engine,
    cache: Option<CodeCache>,
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiler").field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl Compiler {
    /// A compiler for this machine. Without a cache it compiles each time.
    ///
    /// # Errors
    ///
    /// When this machine is none that wasmtime can compile for.
    pub fn new(cache: Option<CodeCache>) -> anyhow::Result<Self> {
        let engine = Engine::new(&config()).map_err(anyhow::Error::from)?;
        Ok(Self { engine, cache })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The compiled code of a component's file, from the cache if it is there.
    pub(crate) fn compile(
        &self,
        bytes: &[u8],
        digest: Digest,
    ) -> Result<Vec<u8>, ComponentProblem> {
        let key = self.key(digest);
        if let Some(code) = self.cache.as_ref().and_then(|cache| cache.load(&key)) {
            return Ok(code);
        }
        let code = self.engine.precompile_component(bytes);
        let code = code.map_err(|error| ComponentProblem::Invalid(format!("{error:#}")))?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.store(&key, &code)
        {
            tracing::warn!(%error, "cannot store compiled code; it will be compiled again");
        }
        Ok(code)
    }

    /// Names compiled code by what it was made of and by what made it.
    fn key(&self, digest: Digest) -> String {
        let mut made_by = DefaultHasher::new();
        self.engine.precompile_compatibility_hash().hash(&mut made_by);
        format!("{digest}-{:016x}", made_by.finish())
    }
}

/// Reads a component's file and looks at its beginning.
pub(crate) fn read(path: &Path) -> Result<(Vec<u8>, Digest), ComponentProblem> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(ComponentProblem::Unreadable)?;
    // Its size may change while it is read, and a device has none: one byte more tells that there are more.
    let size = file.metadata().map_err(ComponentProblem::Unreadable)?.len();
    if size <= MAX_COMPONENT_BYTES {
        let read = file.take(MAX_COMPONENT_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(ComponentProblem::Unreadable)?;
    }
    if size.max(bytes.len() as u64) > MAX_COMPONENT_BYTES {
        return Err(ComponentProblem::TooLarge);
    }
    let digest = Digest::of(&bytes);
    // Magic, then version and layer: the layer is 0 for a core module, 1 for a component.
    match bytes.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 0, 0]) => Err(ComponentProblem::CoreModule),
        Some([0, b'a', b's', b'm', ..]) => Ok((bytes, digest)),
        None if b"\0asm".starts_with(bytes.get(..4).unwrap_or(&bytes)) && !bytes.is_empty() => {
            Err(ComponentProblem::Invalid("it ends within its first 8 bytes".into()))
        }
        _ => Err(ComponentProblem::NotWasm),
    }
}

/// What all engines share, or code that one compiled would not run in the other.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        // Neither world needs it, calls cost two to four times as much with it, and most of this year's
        // advisories are in it.
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_guard_size(MEMORY_GUARD)
        .memory_may_move(false)
        .wasm_memory64(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    config
}
