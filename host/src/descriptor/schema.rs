//! The descriptor for editors: its JSON Schema.
//!
//! The types here only give their shape and their comments to the schema; a test holds their fields
//! against those that are read.
#![expect(dead_code, reason = "only the derive looks at the fields")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};

/// The JSON Schema of a descriptor.
pub fn json_schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<Dataflow>().to_value()
}

/// A dataflow: nodes that exchange events.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Dataflow {
    /// How long a node may take to end after its last event, before it is ended by force.
    /// Default: 5s.
    grace: Option<Duration>,
    /// How many bytes of payload may wait in all queues together. Default: 1GiB.
    queued_bytes: Option<Size>,
    /// What becomes of the dataflow when a node has ended badly, and is not started again. Default: continue.
    on_failure: Option<OnFailure>,
    /// The nodes.
    #[schemars(length(min = 1))]
    nodes: Vec<Node>,
}

/// One node. It needs one of `component`, `python`, `attached: true` and `embedded: true`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Node {
    /// Its name, unique in the file.
    id: Name,
    /// The WebAssembly component that runs it: a file, relative to the descriptor.
    component: Option<String>,
    /// The Python script that runs it, as a process of its own: a file, relative to the descriptor.
    python: Option<String>,
    /// Whether nothing is started for it, and a process attaches by its id while the dataflow runs.
    attached: Option<bool>,
    /// Whether the program that embeds the runtime supplies the node.
    embedded: Option<bool>,
    /// What runs the script: `uv`, a command, or a path with a `/`, relative to the descriptor. Default:
    /// that of the active or the nearest venv, then `python3`.
    interpreter: Option<String>,
    /// The SHA-256 digest that the component must have, as 64 hexadecimal digits.
    #[schemars(regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    sha256: Option<String>,
    /// What it reads, by the names that it knows its inputs by.
    inputs: Option<BTreeMap<Name, Input>>,
    /// The names of its outputs.
    #[schemars(extend("uniqueItems" = true))]
    outputs: Option<Vec<Name>>,
    /// Values that it can ask for by name: booleans, whole numbers, numbers and texts.
    parameters: Option<BTreeMap<String, Scalar>>,
    /// Its environment variables.
    env: Option<BTreeMap<String, Scalar>>,
    /// Its arguments, after its id.
    args: Option<Vec<Scalar>>,
    /// What it may reach outside the sandbox. Default: nothing.
    grants: Option<Grants>,
    /// What it may use. Of a script, `log` alone.
    limits: Option<Limits>,
    /// When it is started again by itself: a word, or a map. Default: never.
    restart: Option<Restart>,
    /// How long it may take no event while some wait, unless it waits for room to send; then it is ended.
    /// Default: for ever.
    watchdog: Option<Duration>,
    /// How long it may take to be ready: its start functions, or the script until it has made its node.
    /// Default: 60s.
    ready: Option<Duration>,
    /// How long it may do nothing after its last event. Default: that of the dataflow.
    grace: Option<Duration>,
}

/// What becomes of the dataflow when a node has ended badly for good.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum OnFailure {
    /// The outputs of the node close, and the others go on.
    Continue,
    /// The dataflow is stopped, as by Ctrl-C.
    Stop,
}

/// When a node is started again: `on-failure`, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Restart {
    /// When, with the usual limit and backoff.
    Short(When),
    /// When, how often, and after how long.
    Long(RestartPolicy),
}

/// When a node is started again.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum When {
    /// Not by itself.
    Never,
    /// When an instance has ended badly.
    OnFailure,
    /// When an instance has ended, unless it had its last event.
    Always,
}

/// When a node is started again, how often, and after how long.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RestartPolicy {
    /// When.
    when: When,
    /// How often within `window`; then it ends for good. Default: 5.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<u32>,
    /// The time in which restarts are counted, and without an end in which the backoff begins anew. Default:
    /// 60s.
    window: Option<Duration>,
    /// What is waited before the first restart, and twice as long before each further one; of each the half
    /// and a random part of the other half. Default: 100ms.
    backoff: Option<Duration>,
    /// The longest that is waited. Default: 30s.
    max_backoff: Option<Duration>,
    /// What becomes of the events that the instance took last. Default: lose.
    in_hand: Option<InHand>,
}

/// What becomes of events that an instance had in hand when it ended.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum InHand {
    /// They are lost, and count as delivered.
    Lose,
    /// The next instance is given them again, first and in order.
    Redeliver,
}

/// What feeds an input: `node/output`, or a map.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Input {
    /// The output of a node, as `node/output`, with a queue that blocks the sender when it is full.
    Short(Source),
    /// The output of a node, with its queue.
    Source(Queue),
    /// A timer.
    Timer(Timer),
}

/// The output of a node, with its queue.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Queue {
    /// The output, as `node/output`.
    source: Source,
    /// How many messages may wait. Default: 256.
    #[schemars(range(min = 1, max = 1_000_000))]
    queue: Option<u32>,
    /// How many bytes of payload may wait. Default: 64MiB.
    queue_bytes: Option<Size>,
    /// What happens to a message for which there is no room. Default: block.
    overflow: Option<Overflow>,
}

/// A timer, first due one period after the start.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Timer {
    /// The period, at least 1ms.
    timer: Duration,
}

/// What happens to a message for which an input has no room.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Overflow {
    /// The sender waits. Nothing is lost.
    Block,
    /// The oldest waiting messages make room. Each drop is counted.
    DropOldest,
    /// The message is dropped. Each drop is counted.
    DropNewest,
    /// Only the newest message waits: `drop-oldest` with a queue of 1.
    Latest,
}

/// What a component may reach outside the sandbox.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Grants {
    /// Folders that it may read: the path that it sees, and the folder on this machine.
    read: Option<BTreeMap<String, String>>,
    /// Folders that it may read and write.
    write: Option<BTreeMap<String, String>>,
    /// Variables of the host's environment that are passed on.
    env: Option<Vec<String>>,
    /// Where it may connect to: `ip:port`, `ip:*` or `*:port`.
    connect: Option<Vec<Address>>,
    /// Where it may listen.
    listen: Option<Vec<Address>>,
    /// Whether it may look up host names. Default: false.
    name_lookup: Option<bool>,
    /// Gives it the standard streams of the host itself.
    stdio: Option<Stdio>,
}

/// Where a component's standard streams go.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Stdio {
    /// To those of the host, unchanged.
    Inherit,
}

/// What a component may use. Passing a limit ends the node, unless it says that the node waits.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Limits {
    /// Linear memory, all memories together. Default: 128MiB.
    memory: Option<Size>,
    /// Elements of all tables together. Default: 100000.
    #[schemars(range(min = 1, max = 10_000_000))]
    table_elements: Option<u32>,
    /// CPU time for one event. Default: 1s.
    cpu: Option<Duration>,
    /// The part of one core that it may use over time, from `1%` to `100%`; beyond, it waits. Default: all
    /// that there is.
    cpu_share: Option<Percent>,
    /// One message that it sends, payload and parameters. Default: 64MiB.
    payload: Option<Size>,
    /// Payloads that its handles hold in the host. Default: 256MiB.
    buffers: Option<Size>,
    /// Payloads up to this size are copied into the component with the event. Default: 8KiB.
    inline: Option<Size>,
    /// Messages that it may send in a second; beyond, it waits. Default: as many as its readers take.
    #[schemars(range(min = 1, max = 1_000_000))]
    rate: Option<u32>,
    /// Bytes that it may write to the log in a second; beyond, it waits. Default: 1MiB.
    log: Option<Size>,
}

/// A name of a node, an input or an output.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name;

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "Up to 64 letters, digits, `-` and `_`, beginning with a letter.", "type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_-]{0,63}$" })
    }
}

/// An output of a node.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Source;

impl JsonSchema for Source {
    fn schema_name() -> Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "`node/output`", "type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_-]{0,63}/[A-Za-z][A-Za-z0-9_-]{0,63}$" })
    }
}

/// A duration.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Duration;

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A duration such as `100ms`, `5s` or `2m`.", "type": "string", "pattern": r"^[0-9]+\s*[a-zA-Z]" })
    }
}

/// An address or a part of one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Address;

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "`ip:port`, `ip:*` or `*:port`; an IPv6 address in brackets.", "type": "string", "pattern": r"^(\*|[0-9.]+|\[[0-9A-Fa-f:.]+\]):(\*|[0-9]+)$" })
    }
}

/// A size in bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Size;

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A size such as `8KiB`, `32MiB` or `1GB`, or a number of bytes.", "type": ["string", "integer"], "pattern": r"^[0-9.]+\s*([kKmMgG]?[iI]?[bB])?$" })
    }
}

/// A part of a whole.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Percent;

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A whole number of percent, such as `50%`.", "type": "string", "pattern": r"^[0-9]{1,3}\s*%$" })
    }
}

/// A single value.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Scalar;

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::read;

    #[test]
    fn the_schema_has_the_fields_that_are_read() {
        let schema = json_schema();
        let fields = |definition: &serde_json::Value| {
            let properties = definition["properties"].as_object().unwrap();
            properties.keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        let definition = |name: &str| fields(&schema["$defs"][name]);
        let read = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        assert_eq!(fields(&schema), read(read::DESCRIPTOR_FIELDS));
        assert_eq!(definition("Node"), read(read::NODE_FIELDS));
        assert_eq!(definition("Grants"), read(read::GRANT_FIELDS));
        assert_eq!(definition("Limits"), read(read::LIMIT_FIELDS));
        assert_eq!(definition("RestartPolicy"), read(read::RESTART_FIELDS));
        let feed = &definition("Queue") | &definition("Timer");
        assert_eq!(feed, read(read::FEED_FIELDS));
    }
}
