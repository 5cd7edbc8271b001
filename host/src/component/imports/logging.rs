//! `wasi:logging/logging`: lines for the log, with a level.

use crate::component::bindings::wasi::logging::logging::{Host, Level};
use crate::component::state::NodeState;
use crate::log::{LogLevel, LogStream};

impl Host for NodeState {
    async fn log(
        &mut self,
        level: Level,
        context: String,
        message: String,
    ) -> wasmtime::Result<()> {
        let text = if context.is_empty() { message } else { format!("{context}: {message}") };
        self.usage.log_wait().await;
        self.usage.note_log(text.len());
        self.log.write_text(LogStream::Log(level.into()), &text).await;
        Ok(())
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
            Level::Critical => Self::Critical,
        }
    }
}
