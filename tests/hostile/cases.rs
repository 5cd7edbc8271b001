//! Every case: the guest, its limits and grants, and the end that it must come to.

use thalweg::MAX_COMPONENT_BYTES;

use super::case::Case;
use super::case::Guest::{Empty, Made, Misbehaves, Python, Rust, Wat};
use super::made;

pub(crate) fn cases() -> Vec<Case> {
    [
        &TIME[..],
        &SPACE,
        &TRAPS,
        &SENDS,
        &LOGS,
        &HANDLES,
        &FILES,
        &NETWORK,
        &HOST,
        &BYTES,
        &PROCESSES,
    ]
    .concat()
}

const QUICK: &str = "limits: { cpu: 100ms }";
const ROOM: &str = "limits: { memory: 256MiB }";
const OUT_OF_TIME: &str = "out of time: it used more than 100ms of CPU for ";

const TIME: [Case; 12] = [
    Case::not_started(
        Wat("loops-in-start"),
        "out of time: it used more than 1s of CPU for 0 event(s)",
    ),
    Case::ends(Wat("loops-in-handler"), QUICK, "out-of-time", OUT_OF_TIME),
    Case::ends(Wat("loops-in-program"), QUICK, "out-of-time", "for 0 event(s)"),
    Case::ends(Wat("fills-memory"), QUICK, "out-of-time", OUT_OF_TIME),
    Case::ends(Wat("copies-memory"), QUICK, "out-of-time", OUT_OF_TIME),
    Case::ends(Wat("fills-table"), QUICK, "out-of-time", OUT_OF_TIME),
    Case::ends(Wat("asks-for-no-events"), QUICK, "out-of-time", OUT_OF_TIME),
    Case::ends(Wat("loops-when-asked-for-room"), QUICK, "out-of-time", OUT_OF_TIME),
    Case::ends(Rust("polls-for-ever"), QUICK, "out-of-time", OUT_OF_TIME),
    Case::ends(Rust("subscribes-to-timers"), "", "out-of-handles", "it may hold 10000"),
    Case::killed(Rust("sleeps-for-ever"), ""),
    Case::killed(Wat("ignores-stop"), ""),
];

const SPACE: [Case; 12] = [
    Case::ends(Wat("grows-at-once"), "", "out-of-memory", "its limit is 134217728"),
    Case::ends(Wat("grows-by-pages"), "", "out-of-memory", "it asked for 134283264 bytes"),
    Case::ends(Wat("grows-a-table"), "", "out-of-table-elements", "its limit is 100000"),
    Case::ends(Wat("leaks-handles"), "", "out-of-handles", "it may hold 10000"),
    Case::ends(
        Wat("leaks-large-buffers"),
        "",
        "out-of-memory",
        "its handles would hold 335544320 bytes",
    ),
    Case::ends(Wat("recurses"), "", "trapped", "call stack exhausted"),
    Case::ends(Wat("recurses-through-a-table"), "", "trapped", "call stack exhausted"),
    Case::ends(Misbehaves("allocates"), "", "out-of-memory", "its limit is 134217728"),
    Case::not_started(Wat("has-too-much-memory"), "out of memory: it asked for 3932160000 bytes"),
    Case::not_started(Wat("has-a-huge-table"), "out of table elements: it asked for 10000000"),
    Case::not_started(Made("many-memories", made::many_memories), "memories"),
    Case::ends(
        Rust("opens-files"),
        "grants: { read: { /in: data } }",
        "out-of-handles",
        "it may hold 10000",
    ),
];

const TRAPS: [Case; 14] = [
    Case::not_started(
        Wat("traps-in-start"),
        "its start function trapped: wasm trap: wasm `unreachable`",
    ),
    Case::ends(Wat("traps-at-event-20"), "", "trapped", "unreachable"),
    Case::ends_at_stop(Wat("traps-at-stop"), "", "trapped", "unreachable"),
    Case::ends(Wat("divides-by-zero"), "", "trapped", "integer divide by zero"),
    Case::ends(Wat("traps-when-asked-for-room"), "", "trapped", "unreachable"),
    Case::ends(Wat("lies-about-room"), "", "trapped", "realloc"),
    Case::ends(Wat("returns-from-outside-its-memory"), "", "trapped", "out of bounds"),
    Case::ends(Wat("returns-a-result-of-no-kind"), "", "trapped", "discriminant"),
    Case::ends(Wat("fails-with-60-mib"), "", "failed", "failed: xxx"),
    Case::ends(Wat("fails-with-escapes"), "", "failed", "owned"),
    Case::ends(Misbehaves("panics"), "", "trapped", "unreachable"),
    Case::ends(Misbehaves("fails"), "", "failed", "failed: told to fail"),
    Case::ends(Misbehaves("exits"), "", "exited", "exited with code "),
    Case::ends(Misbehaves("exits-well"), "", "finished", ""),
];

const SENDS: [Case; 12] = [
    Case::ends(Wat("sends-a-list-of-4-gib"), "", "trapped", "out of bounds"),
    Case::ends(Wat("sends-from-outside-its-memory"), "", "trapped", "out of bounds"),
    Case::ends(Wat("sends-text-that-is-none"), "", "trapped", "utf-8"),
    Case::ends(Wat("sends-a-payload-of-no-kind"), "", "trapped", "discriminant"),
    Case::refused(Wat("sends-too-large"), ""),
    Case::refused(Wat("sends-to-unknown-output"), ""),
    Case::refused(Wat("names-an-output-of-64-mib"), ""),
    Case::killed(Wat("sends-100000-parameters"), ""),
    Case::killed(Wat("sends-a-parameter-of-60-mib"), ""),
    Case::killed(Wat("floods-a-slow-reader"), ""),
    Case::killed(Wat("floods-nobody"), ""),
    Case::ends(Wat("floods-nobody-from-a-handler"), QUICK, "out-of-time", OUT_OF_TIME),
];

const LOGS: [Case; 6] = [
    Case::killed(Wat("logs-for-ever"), "limits: { cpu: 100s }"),
    Case::ends(Wat("logs-100-mib"), ROOM, "finished", ""),
    Case::killed(Wat("logs-60-mib"), ROOM),
    Case::refused(Wat("logs-escapes"), ""),
    Case::killed(Rust("prints-for-ever"), "limits: { cpu: 100s }"),
    Case::killed(Rust("prints-without-end"), "limits: { cpu: 100s }"),
];

const HANDLES: [Case; 7] = [
    Case::refused(Wat("reads-beyond-a-payload"), ""),
    Case::ends(Wat("reads-a-dropped-payload"), "", "trapped", "unknown handle index"),
    Case::ends(Wat("reads-a-sent-payload"), "", "trapped", "unknown handle index"),
    Case::ends(Wat("drops-twice"), "", "trapped", "unknown handle index"),
    Case::ends(Wat("forges-a-handle"), "", "trapped", "unknown handle index"),
    Case::ends(Wat("forges-the-highest-handle"), "", "trapped", "unknown handle index"),
    Case::ends(Wat("uses-a-handle-of-another-type"), "", "trapped", "handle"),
];

const fn reads(fields: &'static str) -> Case {
    Case::refused(Rust("reads-outside"), fields)
}

const FILES: [Case; 12] = [
    reads("parameters: { path: /etc/hostname }"),
    reads("parameters: { path: /etc/hostname }, grants: { write: { /in: data } }"),
    reads("parameters: { path: /in/../secret }, grants: { write: { /in: data } }"),
    reads("parameters: { path: /in/inner/../../secret }, grants: { write: { /in: data } }"),
    reads("parameters: { path: /in/link }, grants: { write: { /in: data } }"),
    reads("parameters: { path: /in/link/ }, grants: { write: { /in: data } }"),
    reads("parameters: { path: /in/absolute }, grants: { write: { /in: data } }"),
    reads("parameters: { path: /in/up/secret }, grants: { write: { /in: data } }"),
    reads("parameters: { path: /in/self/self/../../secret }, grants: { write: { /in: data } }"),
    Case::refused(Rust("writes-read-only"), "grants: { read: { /in: data } }"),
    Case::refused(Rust("links-across"), "grants: { read: { /in: data }, write: { /out: other } }"),
    Case::refused(Rust("symlinks-out"), "grants: { write: { /out: other } }"),
];

const fn connects(fields: &'static str) -> Case {
    Case::refused(Rust("connects-outside"), fields)
}

const NETWORK: [Case; 12] = [
    connects("parameters: { by: tcp, address: '$TCP' }"),
    connects("parameters: { by: udp, address: '$TCP' }"),
    connects(
        "parameters: { by: tcp, address: '$TCP' }, grants: { connect: ['127.0.0.2:*', '127.0.0.1:1'] }",
    ),
    connects(
        "parameters: { by: udp, address: '$TCP' }, grants: { connect: ['127.0.0.2:*', '127.0.0.1:1'] }",
    ),
    connects(
        "parameters: { by: tcp, address: '[::ffff:127.0.0.1]:$PORT' }, grants: { connect: ['127.0.0.2:*'] }",
    ),
    connects(
        "parameters: { by: udp, address: '[::ffff:127.0.0.1]:$PORT' }, grants: { connect: ['127.0.0.2:*'] }",
    ),
    connects(
        "parameters: { by: tcp, address: '0.0.0.0:$PORT' }, grants: { connect: ['127.0.0.2:*'] }",
    ),
    connects(
        "parameters: { by: tcp, address: 'localhost:$PORT' }, grants: { connect: ['127.0.0.2:*'] }",
    ),
    connects(
        "parameters: { by: tcp, address: 'localhost:$PORT' }, grants: { connect: ['127.0.0.2:*'], name_lookup: true }",
    ),
    Case::refused(Rust("listens-outside"), ""),
    Case::refused(Rust("listens-outside"), "grants: { connect: ['127.0.0.1:*'] }"),
    Case::refused(Rust("looks-up-names"), "grants: { connect: ['*:80'] }"),
];

const HOST: [Case; 3] = [
    Case::refused(Rust("reads-environment"), ""),
    Case::refused(Rust("reads-standard-input"), ""),
    Case::ends(
        Rust("asks-for-randomness"),
        "",
        "trapped",
        "requested len 4294967296 exceeds limit 1048576",
    ),
];

const BYTES: [Case; 17] = [
    Case::not_started(Made("text", made::text), "it is no WebAssembly"),
    Case::not_started(Made("nothing", made::nothing), "it is no WebAssembly"),
    Case::not_started(Made("core-module", made::core_module), "it is a core module"),
    Case::not_started(
        Made("half-a-component", made::half_a_component),
        "it is not valid, or cut short",
    ),
    Case::not_started(
        Made("four-billion-types", made::four_billion_types),
        "it is not valid, or cut short",
    ),
    Case::not_started(
        Made("four-billion-bytes", made::four_billion_bytes),
        "it is not valid, or cut short",
    ),
    Case::not_started(Empty("too-many-bytes", MAX_COMPONENT_BYTES + 1), "it is larger than "),
    Case::not_started(Made("nested-components", made::nested_components), "it exports nothing"),
    Case::not_started(
        Made("a-million-branches", made::a_million_branches),
        "it is not valid, or cut short",
    ),
    Case::not_started(Wat("exports-both-worlds"), "it exports both"),
    Case::not_started(Wat("exports-nothing"), "it exports nothing"),
    Case::not_started(Wat("imports-the-unknown"), "it imports `host:process/spawn@1.0.0`"),
    Case::refused(Made("a-huge-function", made::a_huge_function), ""),
    Case::refused(Made("many-functions", made::many_functions), ""),
    Case::refused(Made("deep-blocks", made::deep_blocks), ""),
    Case::refused(Made("many-locals", made::many_locals), ""),
    Case::ends(
        Made("a-name-of-a-megabyte", made::a_name_of_a_megabyte),
        "",
        "trapped",
        "unreachable",
    ),
];

const FEED: &str = "  - { id: feed, embedded: true, outputs: [out] }";
const SEAT: &str = "  - { id: seat, attached: true, inputs: { tick: { timer: 1s } } }";
const BROKEN: &str = "failed: its process broke the rules of the link: ";

const PROCESSES: [Case; 21] = [
    Case::killed(Python("spins"), ""),
    Case::killed(Python("prints-for-ever"), ""),
    Case::killed(Python("prints-without-end"), ""),
    Case::killed(Python("ignores-signals"), ""),
    Case::ends(Python("kills-itself"), "", "signaled", "ended by signal 9 (SIGKILL)"),
    Case::ends(Python("forks"), "", "finished", ""),
    Case::ends(Python("leaves-grandchildren"), "", "finished", ""),
    Case::ends(Python("sends-garbage"), "", "failed", BROKEN),
    Case::ends(Python("announces-a-huge-frame"), "", "failed", "it is too long"),
    Case::killed(Python("stops-within-a-frame"), ""),
    Case::ends(Python("dies-within-a-frame"), "", "exited", "exited with code 3"),
    Case::ends(Python("greets-twice"), "", "failed", BROKEN),
    Case::ends(Python("sends-without-room"), "", "failed", BROKEN),
    Case::ends(Python("sends-to-unknown-output"), "", "failed", BROKEN),
    Case::ends(Python("sends-what-it-was-not-lent"), "", "failed", BROKEN),
    Case::ends(Python("sends-from-an-unknown-segment"), "", "failed", BROKEN),
    Case::ends(Python("returns-what-it-was-not-lent"), "", "failed", BROKEN),
    Case::killed(Python("wants-and-never-reads"), "").beside(FEED),
    Case::killed(Python("never-reads"), "").beside(FEED),
    Case::killed(Python("keeps-what-it-was-lent"), "").beside(FEED),
    Case::killed(Python("attacks-the-door"), "").beside(SEAT),
];
