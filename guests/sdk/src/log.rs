//! Lines in the host's log, labelled with this node. Works without WASI.
//!
//! Each function takes what can be displayed: `log::info("ready")`, `log::warn(format_args!("{n}
//! left"))`.

use std::fmt::Display;

use crate::bindings::logging;

pub use logging::Level;

/// Logs a line at a level.
pub fn log(level: Level, text: impl Display) {
    logging::log(level, "", &text.to_string());
}

/// The values of variables and the flow of control.
pub fn trace(text: impl Display) {
    log(Level::Trace, text);
}

/// For somebody who debugs the node.
pub fn debug(text: impl Display) {
    log(Level::Debug, text);
}

/// For somebody who watches the node.
pub fn info(text: impl Display) {
    log(Level::Info, text);
}

/// Something is in danger of going wrong.
pub fn warn(text: impl Display) {
    log(Level::Warn, text);
}

/// Something went wrong.
pub fn error(text: impl Display) {
    log(Level::Error, text);
}

/// The node cannot go on.
pub fn critical(text: impl Display) {
    log(Level::Critical, text);
}
