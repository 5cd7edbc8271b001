//! What the command line shows.

pub mod problems;
