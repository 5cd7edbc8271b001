//! From the text of one value to the value.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytesize::ByteSize;

use super::Address;
use super::bounds::Bounds;
use crate::descriptor::{ProblemKind, Text};
use crate::event::Value;

/// A duration such as `100ms`.
pub(super) fn duration(
    field: &'static str,
    text: &str,
    bounds: Bounds<Duration>,
) -> Result<Duration, ProblemKind> {
    let value = humantime::parse_duration(text)
        .map_err(|_| ProblemKind::BadDuration { field, text: text.to_owned() })?;
    in_range(field, text, value, bounds, |value| humantime::format_duration(value).to_string())
}

/// A size such as `8KiB`, or a plain number of bytes.
pub(super) fn size(
    field: &'static str,
    text: &str,
    bounds: Bounds<u64>,
) -> Result<u64, ProblemKind> {
    let bad = || ProblemKind::BadSize { field, text: text.to_owned() };
    // A number without a unit is bytes, not a fraction of one.
    let has_unit = text.ends_with(['b', 'B']);
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !has_unit && !plain {
        return Err(bad());
    }
    let ByteSize(value) = text.parse().map_err(|_| bad())?;
    in_range(field, text, value, bounds, size_text)
}

/// A whole number.
pub(super) fn number(
    field: &'static str,
    text: &str,
    bounds: Bounds<u64>,
) -> Result<u64, ProblemKind> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ProblemKind::BadNumber { field, text: text.to_owned() });
    }
    let out_of_range = || out_of_range(field, text, &bounds.least, &bounds.most);
    let value = text.parse().map_err(|_| out_of_range())?;
    in_range(field, text, value, bounds, |value| value.to_string())
}

/// A part such as `50%`.
pub(super) fn percent(
    field: &'static str,
    text: &str,
    bounds: Bounds<u64>,
) -> Result<u64, ProblemKind> {
    let bad = || ProblemKind::BadPercent { field, text: text.to_owned() };
    let value = text.strip_suffix('%').ok_or_else(bad)?.trim_end();
    let value = value.parse().map_err(|_| bad())?;
    in_range(field, text, value, bounds, |value| format!("{value}%"))
}

fn in_range<T: Copy + PartialOrd>(
    field: &'static str,
    text: &str,
    value: T,
    bounds: Bounds<T>,
    show: impl Fn(T) -> String,
) -> Result<T, ProblemKind> {
    if bounds.least <= value && value <= bounds.most {
        return Ok(value);
    }
    Err(out_of_range(field, text, &show(bounds.least), &show(bounds.most)))
}

fn out_of_range(
    field: &'static str,
    text: &str,
    least: &impl Display,
    most: &impl Display,
) -> ProblemKind {
    let (least, most) = (least.to_string(), most.to_string());
    ProblemKind::OutOfRange { field, text: text.to_owned(), least, most }
}

/// A size as a descriptor would say it.
pub(crate) fn size_text(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let exact = |&(_, shift): &(&str, u32)| bytes > 0 && bytes.trailing_zeros() >= shift;
    match units.into_iter().find(exact) {
        Some((unit, shift)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

/// The digest in 64 hexadecimal digits.
pub(super) fn digest(text: &str) -> Result<[u8; 32], ProblemKind> {
    let mut digest = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 2 * digest.len() {
        return Err(ProblemKind::BadDigest);
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = pair.iter().try_fold(0, |high, &digit| Some(high << 4 | hex(digit)?));
        *byte = pair.ok_or(ProblemKind::BadDigest)?;
    }
    Ok(digest)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// An address such as `127.0.0.1:80`, `[::1]:*` or `*:80`.
pub(super) fn address(field: &'static str, text: &str) -> Result<Address, ProblemKind> {
    parse_address(text).ok_or_else(|| ProblemKind::BadAddress { field, text: text.to_owned() })
}

fn parse_address(text: &str) -> Option<Address> {
    let (ip, port) = text.rsplit_once(':')?;
    let ip = match ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')) {
        Some(v6) => Some(IpAddr::V6(v6.parse::<Ipv6Addr>().ok()?)),
        None if ip == "*" => None,
        None => Some(IpAddr::V4(ip.parse::<Ipv4Addr>().ok()?)),
    };
    let port = if port == "*" { None } else { Some(port.parse().ok()?) };
    Some(Address { ip, port })
}

/// One word of several.
pub(super) fn choice<T: Copy>(
    field: &'static str,
    text: &str,
    choices: &'static [&'static str],
    values: &[T],
) -> Result<T, ProblemKind> {
    let found = choices.iter().zip(values).find(|&(&word, _)| word == text);
    let value = found.map(|(_, &value)| value);
    value.ok_or_else(|| ProblemKind::NotAChoice { field, text: text.to_owned(), choices })
}

/// The value of a parameter: what YAML takes it for, if it is written without quotes.
pub(super) fn parameter(value: &Text) -> Value {
    let text = value.text.as_str();
    let plain = value.plain.then_some(text).filter(|text| !text.is_empty());
    let boolean = || match plain? {
        "true" | "True" | "TRUE" => Some(Value::Boolean(true)),
        "false" | "False" | "FALSE" => Some(Value::Boolean(false)),
        _ => None,
    };
    let integer = || plain?.parse().ok().map(Value::Integer);
    let float = || yaml_float(plain?).map(Value::Float);
    boolean().or_else(integer).or_else(float).unwrap_or_else(|| Value::Text(text.into()))
}

/// A float by the rules of YAML: Rust also takes `inf` and `nan`, which are words.
fn yaml_float(text: &str) -> Option<f64> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        _ if text.contains(|c: char| c.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::bounds::{CPU, MEMORY, QUEUE};

    #[test]
    fn sizes_are_binary_decimal_or_plain() {
        for (text, bytes) in [
            ("64KiB", 65_536),
            ("100KB", 100_000),
            ("1GiB", 1 << 30),
            ("1 MiB", 1 << 20),
            ("70000", 70_000),
        ] {
            assert_eq!(size("memory", text, MEMORY), Ok(bytes), "{text}");
        }
        for text in ["", "B", "1.5", "-1MiB", "8k", "1 TiBB", "ä"] {
            assert!(
                matches!(size("memory", text, MEMORY), Err(ProblemKind::BadSize { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn values_beyond_their_bounds_name_the_bounds() {
        let problem = size("limits.memory", "5GiB", MEMORY).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "`limits.memory` must be from 64KiB to 4GiB, but is `5GiB`"
        );
        let problem = duration("limits.cpu", "1us", CPU).unwrap_err();
        assert_eq!(problem.to_string(), "`limits.cpu` must be from 1ms to 1h, but is `1us`");
        for text in ["0", "-3", "99999999999999999999999"] {
            assert!(matches!(number("queue", text, QUEUE), Err(ProblemKind::OutOfRange { .. })));
        }
    }

    #[test]
    fn an_address_may_leave_its_ip_or_its_port_open() {
        let any = |ip: Option<&str>, port| Address { ip: ip.map(|ip| ip.parse().unwrap()), port };
        assert_eq!(parse_address("10.0.0.1:80"), Some(any(Some("10.0.0.1"), Some(80))));
        assert_eq!(parse_address("[::1]:*"), Some(any(Some("::1"), None)));
        assert_eq!(parse_address("*:443"), Some(any(None, Some(443))));
        for text in
            ["", "localhost:80", "::1:80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:70000", "[1.2.3.4]:1"]
        {
            assert_eq!(parse_address(text), None, "{text}");
        }
    }

    #[test]
    fn a_parameter_in_quotes_is_a_text() {
        let value =
            |text: &str, plain| parameter(&Text { text: text.into(), plain, ..Text::default() });
        assert_eq!(value("5", true), Value::Integer(5));
        assert_eq!(value("5.5", true), Value::Float(5.5));
        assert_eq!(value(".inf", true), Value::Float(f64::INFINITY));
        assert_eq!(value("true", true), Value::Boolean(true));
        for (text, plain) in
            [("5", false), ("true", false), ("inf", true), ("yes", true), ("", false)]
        {
            assert_eq!(value(text, plain), Value::Text(text.into()), "{text}");
        }
    }

    #[test]
    fn a_digest_is_64_hexadecimal_digits() {
        assert_eq!(digest(&"0aF1".repeat(16)).unwrap()[..2], [0x0a, 0xf1]);
        for text in ["", "0a", &"+f".repeat(32), &"0".repeat(65)] {
            assert_eq!(digest(text), Err(ProblemKind::BadDigest));
        }
    }
}
