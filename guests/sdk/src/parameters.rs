//! What the descriptor says to this node under `parameters`. Fixed while the node runs.
//!
//! The typed functions take any type that can be made of a [`Value`]: `bool`, `f64`, `i64`, `u64`,
//! `u32`, `usize` and `String`. Their errors name the parameter, the type that was expected and the
//! value found.

use crate::bindings::parameters;
use crate::{Error, Result, Value, ValueError};

/// The value of one parameter, if the descriptor gives it.
pub fn get(name: &str) -> Option<Value> {
    parameters::get(name)
}

/// The value of a parameter, or `default` if the descriptor does not give it.
pub fn get_or<T: TryFrom<Value, Error = ValueError>>(name: &str, default: T) -> Result<T> {
    match get(name) {
        Some(value) => convert(name, value),
        None => Ok(default),
    }
}

/// The value of a parameter that the descriptor must give.
pub fn require<T: TryFrom<Value, Error = ValueError>>(name: &str) -> Result<T> {
    match get(name) {
        Some(value) => convert(name, value),
        None => Err(Error::new(format_args!("parameter `{name}` is missing"))),
    }
}

/// All of them, by name.
pub fn all() -> Vec<(String, Value)> {
    parameters::all()
}

/// The node's id in the descriptor.
pub fn node_id() -> String {
    parameters::node_id()
}

fn convert<T: TryFrom<Value, Error = ValueError>>(name: &str, value: Value) -> Result<T> {
    T::try_from(value)
        .map_err(|error| Error::from(error).context(format_args!("parameter `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_reported_with_its_name() {
        let error = convert::<f64>("alpha", Value::from("fast")).unwrap_err();
        assert_eq!(error.to_string(), "parameter `alpha`: expected a number, got text `fast`");
    }
}
