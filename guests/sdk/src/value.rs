use std::fmt;

pub use crate::bindings::types::Value;

/// A [`Value`] that is not of the type or in the range asked for.
#[derive(Debug)]
pub struct ValueError {
    expected: String,
    got: Value,
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.got {
            Value::Boolean(_) => "boolean",
            Value::Integer(_) => "integer",
            Value::Float(_) => "float",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
        };
        write!(f, "expected {}, got {kind} `{}`", self.expected, self.got)
    }
}

impl std::error::Error for ValueError {}

/// As a person reads it. Bytes are shown by their number only.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Boolean(value) => value.fmt(f),
            Value::Integer(value) => value.fmt(f),
            Value::Float(value) => value.fmt(f),
            Value::Text(value) => value.fmt(f),
            Value::Bytes(value) => write!(f, "{} bytes", value.len()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Integer(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::Integer(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Value {
        Value::Integer(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::Bytes(value)
    }
}

impl TryFrom<Value> for bool {
    type Error = ValueError;
    fn try_from(value: Value) -> Result<bool, ValueError> {
        match value {
            Value::Boolean(value) => Ok(value),
            got => Err(ValueError { expected: "`true` or `false`".to_owned(), got }),
        }
    }
}

/// A whole number is a number too.
impl TryFrom<Value> for f64 {
    type Error = ValueError;
    fn try_from(value: Value) -> Result<f64, ValueError> {
        match value {
            Value::Float(value) => Ok(value),
            Value::Integer(value) => Ok(value as f64),
            got => Err(ValueError { expected: "a number".to_owned(), got }),
        }
    }
}

impl TryFrom<Value> for i64 {
    type Error = ValueError;
    fn try_from(value: Value) -> Result<i64, ValueError> {
        integer(value, i64::MIN, i64::MAX)
    }
}

impl TryFrom<Value> for u64 {
    type Error = ValueError;
    fn try_from(value: Value) -> Result<u64, ValueError> {
        integer(value, u64::MIN, u64::MAX)
    }
}

impl TryFrom<Value> for u32 {
    type Error = ValueError;
    fn try_from(value: Value) -> Result<u32, ValueError> {
        integer(value, u32::MIN, u32::MAX)
    }
}

impl TryFrom<Value> for usize {
    type Error = ValueError;
    fn try_from(value: Value) -> Result<usize, ValueError> {
        integer(value, usize::MIN, usize::MAX)
    }
}

impl TryFrom<Value> for String {
    type Error = ValueError;
    fn try_from(value: Value) -> Result<String, ValueError> {
        match value {
            Value::Text(value) => Ok(value),
            got => Err(ValueError { expected: "text".to_owned(), got }),
        }
    }
}

fn integer<T: TryFrom<i64> + fmt::Display>(value: Value, min: T, max: T) -> Result<T, ValueError> {
    if let Value::Integer(integer) = value
        && let Ok(integer) = T::try_from(integer)
    {
        return Ok(integer);
    }
    Err(ValueError { expected: format!("a whole number from {min} to {max}"), got: value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_type_is_named_in_the_error() {
        let error = f64::try_from(Value::from("fast")).unwrap_err();
        assert_eq!(error.to_string(), "expected a number, got text `fast`");
        assert_eq!(f64::try_from(Value::from(3)).unwrap(), 3.0);
    }

    #[test]
    fn integers_are_checked_against_their_range() {
        assert_eq!(u32::try_from(Value::from(7)).unwrap(), 7);
        let error = u32::try_from(Value::from(-1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a whole number from 0 to 4294967295, got integer `-1`"
        );
        assert!(i64::try_from(Value::from(1.5)).is_err());
    }
}
