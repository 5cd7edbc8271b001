//! g
use crate::Dataflow;
/// m
pub fn mermaid(_: &Dataflow) -> String {
    String::new()
}
/// s
pub fn svg(_: &Dataflow) -> String {
    String::new()
}
