//! What the host itself says while it works, on standard error.

use anyhow::Context as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The variable that says how much is told: `error`, `warn`, `info`, `debug`, `trace`, or such a level
/// for each part, as in `warn,thalweg=debug`.
const VARIABLE: &str = "THALWEG_LOG";

/// Begins to write what the host traces; warnings and errors, unless `THALWEG_LOG` says otherwise.
///
/// # Errors
///
/// When the variable cannot be understood.
pub fn trace() -> anyhow::Result<()> {
    let filter = match std::env::var(VARIABLE) {
        Ok(text) => {
            text.parse::<Targets>().with_context(|| format!("cannot read `{VARIABLE}={text}`"))?
        }
        Err(_) => Targets::new().with_default(LevelFilter::WARN),
    };
    let lines = tracing_subscriber::fmt::layer()
        .without_time()
        .with_ansi(anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never)
        .with_writer(std::io::stderr);
    // Where the process has a subscriber already, as at a second call of the command, that one stays.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    Ok(())
}
