//! Does harm in the way that parameter `how` names, at its event number `at`; `as-told` as messages name it.
//! `tests/host/limits.rs` runs it.

mod ways;

thalweg_guest::handler!(ways::Misbehaves);
