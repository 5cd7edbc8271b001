//! Files that are too large to be written down, and such as are no components.

use std::fmt::Write as _;

use crate::wat;

/// Magic, version and layer of a component.
pub(super) const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

fn encoded(text: &str) -> Vec<u8> {
    ::wat::parse_str(text).unwrap_or_default()
}

fn program(core: &str) -> Vec<u8> {
    encoded(&wat::bare_program("", &(wat::memory(1) + core)))
}

pub(super) fn text() -> Vec<u8> {
    b"#!/bin/sh\necho owned\n".into()
}

pub(super) fn nothing() -> Vec<u8> {
    Vec::new()
}

pub(super) fn core_module() -> Vec<u8> {
    encoded("(module (memory (export \"memory\") 1))")
}

pub(super) fn half_a_component() -> Vec<u8> {
    let mut bytes = program("");
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// A section of types that has four billion of them, and ends.
pub(super) fn four_billion_types() -> Vec<u8> {
    [&COMPONENT[..], &[7, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat()
}

/// A section of modules that says that it is of four billion bytes.
pub(super) fn four_billion_bytes() -> Vec<u8> {
    [&COMPONENT[..], &[1, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat()
}

/// Components within components, and nothing in them.
pub(super) fn nested_components() -> Vec<u8> {
    let mut bytes = COMPONENT.to_vec();
    for _ in 0..2_000 {
        let mut outer = COMPONENT.to_vec();
        outer.push(4);
        let mut left = bytes.len();
        while left > 0x7f {
            outer.push((left & 0x7f) as u8 | 0x80);
            left >>= 7;
        }
        outer.push(left as u8);
        outer.extend_from_slice(&bytes);
        bytes = outer;
    }
    bytes
}

/// A function of 200,000 instructions, none of which can be left out.
pub(super) fn a_huge_function() -> Vec<u8> {
    let mut body = String::with_capacity(4 << 20);
    for number in 0..50_000 {
        let _ = write!(body, "local.get 0 i32.const {number} i32.xor local.set 0 ");
    }
    program(&format!("(func (param i32) (result i32) {body} local.get 0)"))
}

pub(super) fn many_functions() -> Vec<u8> {
    program(&"(func (param i32) (result i32) (i32.mul (local.get 0) (i32.const 7)))".repeat(30_000))
}

/// Blocks within blocks.
pub(super) fn deep_blocks() -> Vec<u8> {
    const DEPTH: usize = 20_000;
    program(&format!("(func {} {})", "block ".repeat(DEPTH), "end ".repeat(DEPTH)))
}

/// A jump to a million places.
pub(super) fn a_million_branches() -> Vec<u8> {
    program(&format!(
        "(func (param i32) block block local.get 0 br_table {} end end)",
        "0 1 ".repeat(500_000)
    ))
}

pub(super) fn many_locals() -> Vec<u8> {
    program(&format!("(func (local {}))", "i64 ".repeat(50_000)).repeat(5))
}

/// More memories than a component may have.
pub(super) fn many_memories() -> Vec<u8> {
    program(&"(memory 1)".repeat(100))
}

/// A function whose name is a megabyte of escape sequences, which traps: the name is in the backtrace.
pub(super) fn a_name_of_a_megabyte() -> Vec<u8> {
    let name = "\\1b[2J".repeat(200_000);
    let trap = format!("(func $\"{name}\" unreachable)");
    encoded(
        &wat::bare_program("", &(wat::memory(1) + &trap))
            .replace("(i32.const 0))", "(call 0) (i32.const 0))"),
    )
}
