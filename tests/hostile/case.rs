//! A guest, and what must become of it.

/// What does harm.
#[derive(Clone, Copy)]
pub(crate) enum Guest {
    /// A file of `guests/hostile/examples`.
    Rust(&'static str),
    /// A file of `guests/hostile/wat`: a component, or the functions of a module that has all imports of
    /// `thalweg:node`.
    Wat(&'static str),
    /// A file of `guests/hostile/python`, which runs with a stand-in for the package.
    Python(&'static str),
    /// The component `guests/misbehaves.wasm`, with this as its parameter `how`.
    Misbehaves(&'static str),
    /// A file that is made for this case, and what it is.
    Made(&'static str, fn() -> Vec<u8>),
    /// A file that begins as a component and has this many bytes, none of them on the disk.
    Empty(&'static str, u64),
}

impl Guest {
    /// What it does, as its file is named.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust(name) | Self::Wat(name) | Self::Python(name) => name,
            Self::Misbehaves(how) => how,
            Self::Made(name, _) | Self::Empty(name, _) => name,
        }
    }

    /// The folder of `guests/hostile` that it is in, or where it is from otherwise.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Rust(_) => "examples",
            Self::Wat(_) => "wat",
            Self::Python(_) => "python",
            Self::Misbehaves(_) => "misbehaves",
            Self::Made(..) | Self::Empty(..) => "made",
        }
    }
}

/// When the node must have come to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Before it begins: its dataflow does not start.
    Start,
    /// By itself, while the others go on.
    Running,
    /// When all are asked to stop, and not before.
    Stop,
}

/// A guest in its circumstances, and the end that it must come to.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) guest: Guest,
    /// Further fields of its node. `$TCP` is an address where the host listens, `$PORT` its port.
    pub(crate) fields: &'static str,
    /// Further nodes, lines of the descriptor.
    pub(crate) beside: &'static str,
    pub(crate) when: When,
    /// The name of its end.
    pub(crate) end: &'static str,
    /// How its end begins, in words.
    pub(crate) text: &'static str,
}

/// The name of an end before the start.
pub(crate) const NOT_STARTED: &str = "not started";

impl Case {
    const fn new(guest: Guest, fields: &'static str, when: When, end: &'static str) -> Self {
        Self { guest, fields, beside: "", when, end, text: "" }
    }

    /// One that ends by itself.
    pub(crate) const fn ends(
        guest: Guest,
        fields: &'static str,
        end: &'static str,
        text: &'static str,
    ) -> Self {
        Self { text, ..Self::new(guest, fields, When::Running, end) }
    }

    /// One that is refused what it tries, learns it, and ends well.
    pub(crate) const fn refused(guest: Guest, fields: &'static str) -> Self {
        Self::new(guest, fields, When::Running, "finished")
    }

    /// One that goes on until all are asked to stop, and is ended by force then.
    pub(crate) const fn killed(guest: Guest, fields: &'static str) -> Self {
        Self::new(guest, fields, When::Stop, "killed")
    }

    /// One that ends in this way when all are asked to stop.
    pub(crate) const fn ends_at_stop(
        guest: Guest,
        fields: &'static str,
        end: &'static str,
        text: &'static str,
    ) -> Self {
        Self { text, ..Self::new(guest, fields, When::Stop, end) }
    }

    /// One whose dataflow does not start, for this reason.
    pub(crate) const fn not_started(guest: Guest, text: &'static str) -> Self {
        Self { text, ..Self::new(guest, "", When::Start, NOT_STARTED) }
    }

    /// The same beside these nodes.
    pub(crate) const fn beside(self, beside: &'static str) -> Self {
        Self { beside, ..self }
    }
}
