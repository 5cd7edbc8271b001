//! The life of the node itself.

use crate::bindings::lifecycle;

/// This handler is done: when the present call has handled its batch, the node ends as finished. Its
/// outputs close, and what is still in its inbox is counted as discarded. A program returns instead.
pub fn finish() {
    lifecycle::finish();
}
