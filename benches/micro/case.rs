//! One thing that is measured.

/// Does once what a case measures.
pub(crate) type Work = Box<dyn FnMut() -> anyhow::Result<()>>;

#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Events in what is done once; the figure is for one of them.
    pub(crate) events: u64,
    /// Makes ready what it needs, which is not measured.
    pub(crate) prepare: fn() -> anyhow::Result<Work>,
}

/// Events that are counted, at least: what happens at each doubling of a queue is then spread over many.
const COUNTED: u64 = 2048;

impl Case {
    /// Runs it a few times unmarked, until every queue and pool has its size, then marked; says for how many
    /// events.
    pub(crate) fn run_between_marks(&self) -> anyhow::Result<u64> {
        let mut work = (self.prepare)()?;
        let rounds = COUNTED.div_ceil(self.events);
        (0..rounds.div_ceil(4)).try_for_each(|_| work())?;
        mark();
        let done = (0..rounds).try_for_each(|_| work());
        mark();
        done?;
        Ok(rounds * self.events)
    }
}

/// Calls `getppid` of the C library, at which callgrind writes down what it counted so far. Nothing else here
/// calls it.
fn mark() {
    let _ = std::os::unix::process::parent_id();
}
