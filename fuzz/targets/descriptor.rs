//! Any text: the check ends, says where in the text each problem is, and what it accepts can be drawn.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use thalweg::{Dataflow, DescriptorError, graph};

fuzz_target!(|text: &str| {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/dataflows/good"));
    match Dataflow::from_text(text, folder) {
        Ok(dataflow) => drop((graph::mermaid(&dataflow), graph::svg(&dataflow))),
        Err(DescriptorError::Invalid { problems, .. }) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(text.get(problem.span.clone()).is_some(), "{problem:?} is not in the text");
                assert!(problem.line > 0 && problem.column > 0, "{problem:?}");
            }
        }
        Err(error) => drop(error.to_string()),
    }
});
