//! Guests that try what they must not be able to do, each a file of `examples/`: those in which Rust says
//! it best. `wat/` has those that no compiler would make, `python/` processes.
//! `tests/hostile/cases.rs` has the end that each must come to.

use std::fmt::Display;

use thalweg_guest::Result;

/// That an attempt was refused.
///
/// # Errors
///
/// When it was not: that is how a guest tells that it got through.
pub fn refused<T, E>(attempt: impl Display, outcome: std::result::Result<T, E>) -> Result {
    match outcome {
        Ok(_) => Err(format!("it got through: {attempt}"))?,
        Err(_) => Ok(()),
    }
}
