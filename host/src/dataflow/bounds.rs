//! Every number that a descriptor may leave out or get wrong: the default, the least and the most.

use std::time::Duration;

/// The bounds of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds<T> {
    /// The least that is accepted.
    pub(crate) least: T,
    /// What holds where the descriptor says nothing.
    pub(crate) default: T,
    /// The most that is accepted.
    pub(crate) most: T,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Time to end after the last event. Five seconds are enough to write a file out, and short enough
/// that a person who stops a dataflow waits for it.
pub(crate) const GRACE: Bounds<Duration> =
    Bounds { least: Duration::ZERO, default: Duration::from_secs(5), most: DAY };

/// The period of a timer. Below a millisecond the operating system does not keep it; a month is no
/// timer but a calendar.
pub(crate) const TIMER: Bounds<Duration> = Bounds {
    least: Duration::from_millis(1),
    default: Duration::from_secs(1),
    most: Duration::from_secs(30 * 24 * 60 * 60),
};

/// Messages that may wait at an input: a second of a fast sensor. The most keeps the entries of one
/// queue below about 200 MB.
pub(crate) const QUEUE: Bounds<u64> = Bounds { least: 1, default: 256, most: 1_000_000 };

/// Payload that may wait at an input: some camera images, or one payload of the greatest default size.
pub(crate) const QUEUE_BYTES: Bounds<u64> = Bounds { least: 1, default: 64 * MIB, most: 16 * GIB };

/// Payload that may wait in all queues of a dataflow: what a small machine can spare, and enough for a
/// dozen queues that are full of images.
pub(crate) const QUEUED_BYTES: Bounds<u64> = Bounds { least: 1, default: GIB, most: 1024 * GIB };

/// Linear memory of a component. One page at least, or nothing starts; 4 GiB is all that a 32-bit
/// memory can have.
pub(crate) const MEMORY: Bounds<u64> =
    Bounds { least: 64 * KIB, default: 128 * MIB, most: 4 * GIB };

/// Table elements of a component. Large programs of today have some ten thousand functions; an element
/// costs the host 8 bytes.
pub(crate) const TABLE_ELEMENTS: Bounds<u64> =
    Bounds { least: 1, default: 100_000, most: 10_000_000 };

/// CPU time for one event. The host looks at the clock every 10 ms, so a smaller limit than one
/// millisecond would promise what it does not keep.
pub(crate) const CPU: Bounds<Duration> = Bounds {
    least: Duration::from_millis(1),
    default: Duration::from_secs(1),
    most: Duration::from_secs(60 * 60),
};

/// One payload that a component sends. The host holds it in one piece.
pub(crate) const PAYLOAD: Bounds<u64> = Bounds { least: 1, default: 64 * MIB, most: GIB };

/// Payloads that a component's handles hold in the host, each counted as if it were alone. The default is
/// enough to work on a batch of the greatest size and to hold another; one that leaks ends soon.
pub(crate) const BUFFERS: Bounds<u64> = Bounds { least: 0, default: 256 * MIB, most: 64 * GIB };

/// Payloads that are copied with the event. Up to about 8 KiB a copy costs less than a handle; 0 gives
/// every payload as a handle.
pub(crate) const INLINE: Bounds<u64> = Bounds { least: 0, default: 8 * KIB, most: MIB };

/// The part of a core that a component may use over time, in percent. Where nothing is said, it may use what
/// there is: the scheduler is fair, and a limit that nobody chose would slow down what is alone.
pub(crate) const CPU_SHARE: Bounds<u64> = Bounds { least: 1, default: 100, most: 100 };

/// Messages that a component may send in a second. Where nothing is said, its readers are the limit.
pub(crate) const RATE: Bounds<u64> = Bounds { least: 1, default: 1_000_000, most: 1_000_000 };

/// Bytes that a component may write to the log in a second: some ten thousand lines, which nobody reads,
/// and less than a hundred GB a day.
pub(crate) const LOG: Bounds<u64> = Bounds { least: KIB, default: MIB, most: GIB };
