//! The hostile suite: guests that do harm, each with the end that it must come to, beside a healthy pair of
//! nodes that must not notice. `tests/host/hostile.rs` looks at the ends, `tests/proof/hostile.rs` at the
//! pair too.

mod case;
mod cases;
mod made;
mod pair;
mod place;
mod run;
#[path = "../support/wat.rs"]
mod wat;

pub(crate) use case::{Case, Guest};
pub(crate) use cases::cases;
pub(crate) use pair::Latency;
pub(crate) use run::{Seen, alone, run};
