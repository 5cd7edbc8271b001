//! The hostile suite: guests that do harm, each with the end that it must come to, beside a healthy pair of
//! nodes that must not notice. `tests/host/hostile.rs` looks at the ends, `tests/proof/hostile.rs` at the
//! pair too.

pub(crate) mod case;
pub(crate) mod cases;
mod made;
pub(crate) mod pair;
mod place;
pub(crate) mod run;
