//! What a component says about itself, read from its file without compiling it.

use std::collections::BTreeSet;
use std::path::Path;

use wasmparser::{
    ComponentExternalKind, ComponentImportSectionReader, ComponentTypeRef, KnownCustom, Parser,
    Payload, ProducersSectionReader, Result, TypeBounds,
};

use super::compiler::read;
use super::engine::{World, check_import, is_ours, world_by};
use super::error::ComponentProblem;
use crate::digest::Digest;

/// What a component says about itself. Its code is not looked at, so it may still turn out to be
/// invalid when it is prepared.
#[derive(Debug)]
pub struct Inspection {
    /// The size of the file in bytes.
    pub size: u64,
    /// What a descriptor may pin.
    pub digest: Digest,
    /// Its world, or why it is of none.
    pub world: std::result::Result<World, ComponentProblem>,
    /// Imports of `thalweg:node` and of `wasi:logging`, which reach nothing outside the dataflow.
    pub own_imports: Vec<String>,
    /// Imports of WASI, which give what the descriptor grants.
    pub wasi_imports: Vec<String>,
    /// Imports that no host of this version offers, each with the reason. With one of them it does
    /// not start.
    pub refused_imports: Vec<(String, ComponentProblem)>,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// Languages and tools that it was made with, as they entered themselves, sorted.
    pub made_with: BTreeSet<String>,
}

/// What is gathered while the sections of a file go by.
#[derive(Default)]
struct Sections {
    /// How many modules and components are open around the present one.
    depth: usize,
    imports: Vec<String>,
    /// Each with whether it is a function.
    exports: Vec<(String, bool)>,
    made_with: BTreeSet<String>,
}

impl Inspection {
    /// Reads a component's file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no component, or is cut short.
    pub fn of_file(path: &Path) -> std::result::Result<Self, ComponentProblem> {
        let (bytes, digest) = read(path)?;
        let mut sections = Sections::default();
        for payload in Parser::new(0).parse_all(&bytes) {
            payload
                .and_then(|payload| sections.take(payload))
                .map_err(|error| ComponentProblem::Invalid(error.to_string()))?;
        }
        Ok(sections.into_inspection(bytes.len() as u64, digest))
    }
}

impl Sections {
    fn take(&mut self, payload: Payload<'_>) -> Result<()> {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.depth += 1,
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if self.depth == 0 => {
                self.take_imports(imports)?;
            }
            Payload::ComponentExportSection(exports) if self.depth == 0 => {
                for export in exports {
                    let export = export?;
                    let function = export.kind == ComponentExternalKind::Func;
                    self.exports.push((export.name.name.to_owned(), function));
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Producers(producers) = section.as_known() {
                    self.take_producers(producers)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take_imports(&mut self, imports: ComponentImportSectionReader<'_>) -> Result<()> {
        for import in imports {
            let import = import?;
            // A world that uses a type of an interface imports a second name for it.
            if !matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                self.imports.push(import.name.name.to_owned());
            }
        }
        Ok(())
    }

    fn take_producers(&mut self, producers: ProducersSectionReader<'_>) -> Result<()> {
        for field in producers {
            for value in field?.values {
                let value = value?;
                // Behind the number some tools write the commit.
                let version = value.version.split(" (").next().unwrap_or_default();
                self.made_with.insert(format!("{} {version}", value.name).trim().to_owned());
            }
        }
        Ok(())
    }

    fn into_inspection(self, size: u64, digest: Digest) -> Inspection {
        let world = world_by(&self.exports);
        let (mut own_imports, mut wasi_imports) = (Vec::new(), Vec::new());
        let mut refused_imports = Vec::new();
        for import in self.imports {
            match check_import(&import) {
                Err(problem) => refused_imports.push((import, problem)),
                Ok(()) if is_ours(&import) => own_imports.push(import),
                Ok(()) => wasi_imports.push(import),
            }
        }
        let exports = self.exports.into_iter().map(|(name, _)| name).collect();
        let made_with = self.made_with;
        Inspection {
            size,
            digest,
            world,
            own_imports,
            wasi_imports,
            refused_imports,
            exports,
            made_with,
        }
    }
}
