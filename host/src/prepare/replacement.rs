//! Components for nodes that run already.

use std::path::Path;
use std::sync::Arc;

use super::{compile, demanded};
use crate::component::{Compiler, ComponentProblem, Components, PrepareError, PreparedComponent};
use crate::dataflow;
use crate::id::NodeId;

/// Makes components that take the place of others, in the engine of the dataflow.
pub(crate) struct Replacements {
    pub(super) compiler: Compiler,
    pub(super) components: Components,
    /// What each node is given; none for what is no component.
    pub(super) codes: Vec<(NodeId, Option<Arc<dataflow::Component>>)>,
}

/// A component that can take the place of another.
pub(crate) struct Replacement {
    pub(crate) component: Arc<PreparedComponent>,
    /// The file is another; what the node is given is the same.
    pub(crate) code: Arc<dataflow::Component>,
}

impl Replacements {
    /// Whether the node with this number is a component.
    pub(crate) fn has_component(&self, node: usize) -> bool {
        self.codes.get(node).is_some_and(|(_, code)| code.is_some())
    }

    /// Reads, compiles and links a file for the node with this number, as it is done before a start. Blocks,
    /// for seconds where the file is large. None where the node is no component.
    ///
    /// # Errors
    ///
    /// When a dataflow would not start with it, or there is no room for it beside those that run.
    pub(crate) fn prepare(
        &self,
        node: usize,
        path: &Path,
    ) -> Option<Result<Replacement, PrepareError>> {
        let (id, code) = self.codes.get(node)?;
        let code = code.as_ref()?;
        let prepared = self.prepare_for(code, path);
        Some(prepared.map_err(|problem| PrepareError {
            node: id.clone(),
            path: path.to_owned(),
            problem,
        }))
    }

    fn prepare_for(
        &self,
        present: &dataflow::Component,
        path: &Path,
    ) -> Result<Replacement, ComponentProblem> {
        let compiled = compile(path, &self.compiler, &mut |_| {})?;
        demanded(present, compiled.digest)?;
        self.components.check_size(&self.compiler, &compiled.code)?;
        let component = self.components.prepare(&compiled.code)?;
        let component = Arc::new(self.components.for_node(&component)?);
        let code = dataflow::Component { path: path.to_owned(), ..present.clone() };
        Ok(Replacement { component, code: Arc::new(code) })
    }
}
