//! Rust futures as awaitables, for the rare awaits, and an end that leaves no thread in the interpreter.
//!
//! CPython ends a foreign thread that comes back into it while it finalises, which unwinds through Rust and
//! aborts the process. So every task that may call into Python is counted, and [`shut_down`], which the
//! package registers with `atexit`, ends them and waits until the last one has left.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3_async_runtimes::TaskLocals;
use pyo3_async_runtimes::generic::{self, ContextExt};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fork::Origin;

/// How long the end of the process waits for tasks that call into Python.
const SHUT_DOWN: Duration = Duration::from_secs(5);

static RUNTIME: OnceLock<(Origin, tokio::runtime::Runtime)> = OnceLock::new();
static CLOSING: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);
static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);

/// The runtime of all dataflows of this process. Raises `RuntimeError` in a process that was forked from the
/// one that made it: its threads are there alone.
pub(crate) fn runtime() -> PyResult<&'static tokio::runtime::Runtime> {
    let (origin, runtime) = match RUNTIME.get() {
        Some(made) => made,
        None => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            RUNTIME.get_or_init(|| (Origin::here(), runtime))
        }
    };
    origin.check()?;
    Ok(runtime)
}

/// The future as an `asyncio` awaitable of the running loop. Cancelling it drops the future.
pub(crate) fn awaitable<'py, T>(
    py: Python<'py>,
    future: impl Future<Output = PyResult<T>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'a> IntoPyObject<'a> + Send + 'static,
{
    runtime()?;
    generic::future_into_py::<Counted, _, _>(py, async move {
        tokio::select! {
            result = future => result,
            () = CLOSING.cancelled() => Err(PyRuntimeError::new_err("the interpreter is closing")),
        }
    })
}

/// Ends what still runs and waits until no thread of ours is in the interpreter, or a few seconds have
/// passed. Nothing can be awaited afterwards.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    CLOSING.cancel();
    py.detach(|| {
        let deadline = Instant::now() + SHUT_DOWN;
        while IN_FLIGHT.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// The tasks of the process before the fork are none of this one: nothing waits for them.
pub(crate) fn forget_tasks() {
    IN_FLIGHT.store(0, Ordering::Release);
}

/// The runtime as `pyo3-async-runtimes` sees it: everything that it spawns is counted until it has left.
struct Counted;

struct InFlight;

impl InFlight {
    fn new() -> Self {
        IN_FLIGHT.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        IN_FLIGHT.fetch_sub(1, Ordering::AcqRel);
    }
}

struct CountedError(tokio::task::JoinError);

impl generic::JoinError for CountedError {
    fn is_panic(&self) -> bool {
        self.0.is_panic()
    }

    fn into_panic(self) -> Box<dyn std::any::Any + Send> {
        self.0.into_panic()
    }
}

struct Joined(JoinHandle<()>);

impl Future for Joined {
    type Output = Result<(), CountedError>;

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(CountedError)
    }
}

impl generic::Runtime for Counted {
    type JoinError = CountedError;
    type JoinHandle = Joined;

    fn spawn<F: Future<Output = ()> + Send + 'static>(future: F) -> Joined {
        let in_flight = InFlight::new();
        let (_, runtime) = RUNTIME.get().expect("`awaitable` makes the runtime first");
        Joined(runtime.spawn(async move {
            let _in_flight = in_flight;
            future.await;
        }))
    }

    fn spawn_blocking<F: FnOnce() + Send + 'static>(function: F) -> Joined {
        let in_flight = InFlight::new();
        let (_, runtime) = RUNTIME.get().expect("`awaitable` makes the runtime first");
        Joined(runtime.spawn_blocking(move || {
            let _in_flight = in_flight;
            function();
        }))
    }
}

tokio::task_local! {
    static LOCALS: TaskLocals;
}

impl ContextExt for Counted {
    fn scope<F, R>(locals: TaskLocals, future: F) -> Pin<Box<dyn Future<Output = R> + Send>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        Box::pin(LOCALS.scope(locals, future))
    }

    fn get_task_locals() -> Option<TaskLocals> {
        LOCALS.try_with(Clone::clone).ok()
    }
}
