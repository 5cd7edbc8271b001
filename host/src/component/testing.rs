//! Components whose host functions do what no host function should.

use super::engine::{Components, PreparedComponent};
use super::{Compiler, Demand};
use crate::digest::Digest;

/// A `program` that calls a function of the host which panics.
const CALLS_A_PANIC: &str = r#"
(component
  (import "panics" (func $panics))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (core func $panics (canon lower (func $panics)))
  (core module $m
    (import "host" "panics" (func $panics))
    (func (export "run") (result i32) call $panics i32.const 0))
  (core instance $m (instantiate $m
    (with "host" (instance (export "panics" (func $panics))))))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $m "run") (memory (core memory $libc "memory")))))
"#;

/// A component that makes a function of the host panic with this message.
pub(crate) fn component_that_makes_the_host_panic(message: &'static str) -> PreparedComponent {
    let bytes = wat::parse_str(CALLS_A_PANIC).unwrap();
    let compiler = Compiler::new(None).unwrap();
    let code = compiler.compile(&bytes, Digest::of(&bytes)).unwrap();
    let demand = Demand {
        nodes: 2,
        memories: 2,
        tables: 0,
        most_memories: 1,
        most_tables: 1,
        memory_bytes: 1 << 20,
        table_elements: 1,
    };
    let mut components = Components::new(demand).unwrap();
    components.add_panic("panics", message);
    components.prepare_unchecked(&code).unwrap()
}
