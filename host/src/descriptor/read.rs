//! From YAML nodes to the [`Descriptor`].
//!
//! Written by hand and not with serde: serde stops at the first error and knows no quotes, and here
//! every error is wanted, and `"5"` is another parameter than `5`.

use marked_yaml::Node as Yaml;
use marked_yaml::types::MarkedScalarNode;

use super::kind::{ProblemKind, Shape};
use super::problem::{Problems, nearest};
use super::yaml::Document;
use super::{Descriptor, Feed, Grants, Input, Limits, LongFeed, Node, Place, Text};

pub(super) const DESCRIPTOR_FIELDS: &[&str] = &["grace", "queued_bytes", "nodes"];
pub(super) const NODE_FIELDS: &[&str] = &[
    "id",
    "component",
    "python",
    "attached",
    "embedded",
    "interpreter",
    "sha256",
    "inputs",
    "outputs",
    "parameters",
    "env",
    "args",
    "grants",
    "limits",
];
pub(super) const FEED_FIELDS: &[&str] = &["source", "queue", "queue_bytes", "overflow", "timer"];
pub(super) const GRANT_FIELDS: &[&str] =
    &["read", "write", "env", "connect", "listen", "name_lookup", "stdio"];
pub(super) const LIMIT_FIELDS: &[&str] = &[
    "memory",
    "table_elements",
    "cpu",
    "cpu_share",
    "payload",
    "buffers",
    "inline",
    "rate",
    "log",
];

impl Descriptor {
    /// Reads the text as far as it goes. What is wrong with it is added to `problems`.
    pub(crate) fn read(text: &str, problems: &mut Problems) -> Self {
        let Some(document) = Document::load(text, problems) else {
            return Self::default();
        };
        Reader { document: &document, problems, node: None }.descriptor()
    }
}

struct Reader<'a> {
    document: &'a Document<'a>,
    problems: &'a mut Problems,
    /// The name of the node that is being read.
    node: Option<String>,
}

/// The fields of a map, each at most once.
struct Fields<'a>(Vec<(Text, &'a Yaml)>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a Yaml> {
        self.0.iter().find(|(known, _)| known.text == name).map(|&(_, value)| value)
    }
}

impl<'a> Reader<'a> {
    fn descriptor(mut self) -> Descriptor {
        let root = &self.document.root;
        let before = self.problems.count();
        let fields = self.fields("descriptor", "a descriptor", root, DESCRIPTOR_FIELDS);
        let grace = self.text(&fields, "grace");
        let queued_bytes = self.text(&fields, "queued_bytes");
        let items = self.items(&fields, "nodes");
        let sound = self.problems.count() == before;
        let place = fields.get("nodes").map_or_else(|| self.place(root), |nodes| self.place(nodes));
        let nodes: Vec<_> =
            items.into_iter().enumerate().map(|(index, item)| self.node(index, item)).collect();
        let complete = sound && nodes.iter().all(|node| node.id.is_some());
        if sound && fields.get("nodes").is_none() {
            let kind = ProblemKind::MissingField { owner: "a descriptor", field: "nodes" };
            self.problems.add(&place, None, kind);
            return Descriptor { grace, queued_bytes, nodes, place, complete: false };
        }
        Descriptor { grace, queued_bytes, nodes, place, complete }
    }

    fn node(&mut self, index: usize, yaml: &'a Yaml) -> Node {
        let before = self.problems.count();
        let name = yaml.as_mapping().and_then(|map| map.get_scalar("id"));
        self.node = name.map(|name| name.as_str().to_owned());
        let fields = self.node_fields(index, yaml);
        let mut node = Node {
            place: self.place(yaml),
            id: self.text(&fields, "id"),
            component: self.text(&fields, "component"),
            python: self.text(&fields, "python"),
            attached: self.boolean(&fields, "attached"),
            embedded: self.boolean(&fields, "embedded"),
            interpreter: self.text(&fields, "interpreter"),
            sha256: self.text(&fields, "sha256"),
            inputs: self.inputs(&fields),
            outputs: self.texts(&fields, "outputs"),
            parameters: self.map(&fields, "parameters"),
            env: self.map(&fields, "env"),
            args: self.texts(&fields, "args"),
            grants: self.grants(&fields),
            limits: self.limits(&fields),
            ..Node::default()
        };
        if yaml.as_mapping().is_some() && fields.get("id").is_none() {
            let misspelt = self.problems.count() > before;
            let kind = ProblemKind::MissingField { owner: "a node", field: "id" };
            if !misspelt {
                self.problems.add(&node.place, None, kind);
            }
        }
        node.sound = self.problems.count() == before;
        node.fields = fields.0.into_iter().map(|(name, _)| name).collect();
        self.node = None;
        node
    }

    fn node_fields(&mut self, index: usize, yaml: &'a Yaml) -> Fields<'a> {
        if yaml.as_scalar().is_some_and(is_empty) {
            self.wrong_shape(&format!("nodes[{index}]"), Shape::Map, yaml);
            return Fields(Vec::new());
        }
        self.fields(&format!("nodes[{index}]"), "a node", yaml, NODE_FIELDS)
    }

    fn inputs(&mut self, fields: &Fields<'a>) -> Vec<Input> {
        let entries = self.entries(fields, "inputs");
        entries.into_iter().map(|(name, value)| self.input(name, value)).collect()
    }

    fn input(&mut self, name: Text, yaml: &'a Yaml) -> Input {
        let feed = match yaml {
            Yaml::Scalar(scalar) if !is_empty(scalar) => Feed::Short(self.scalar(scalar, yaml)),
            Yaml::Mapping(_) => Feed::Long(Box::new(self.long_feed(&name.text, yaml))),
            Yaml::Sequence(_) | Yaml::Scalar(_) => {
                self.wrong_shape(&format!("inputs.{}", name.text), Shape::Feed, yaml);
                Feed::Broken
            }
        };
        Input { name, feed }
    }

    fn long_feed(&mut self, name: &str, yaml: &'a Yaml) -> LongFeed {
        let before = self.problems.count();
        let fields = self.fields(name, "an input", yaml, FEED_FIELDS);
        LongFeed {
            source: self.text(&fields, "source"),
            timer: self.text(&fields, "timer"),
            queue: self.text(&fields, "queue"),
            queue_bytes: self.text(&fields, "queue_bytes"),
            overflow: self.text(&fields, "overflow"),
            sound: self.problems.count() == before,
        }
    }

    fn grants(&mut self, node: &Fields<'a>) -> Grants {
        let Some(yaml) = node.get("grants") else { return Grants::default() };
        let fields = self.fields("grants", "`grants`", yaml, GRANT_FIELDS);
        Grants {
            read: self.map(&fields, "read"),
            write: self.map(&fields, "write"),
            env: self.texts(&fields, "env"),
            connect: self.texts(&fields, "connect"),
            listen: self.texts(&fields, "listen"),
            name_lookup: self.boolean(&fields, "name_lookup"),
            stdio: self.text(&fields, "stdio"),
        }
    }

    fn limits(&mut self, node: &Fields<'a>) -> Limits {
        let Some(yaml) = node.get("limits") else { return Limits::default() };
        let fields = self.fields("limits", "`limits`", yaml, LIMIT_FIELDS);
        Limits {
            memory: self.text(&fields, "memory"),
            table_elements: self.text(&fields, "table_elements"),
            cpu: self.text(&fields, "cpu"),
            payload: self.text(&fields, "payload"),
            buffers: self.text(&fields, "buffers"),
            inline: self.text(&fields, "inline"),
            cpu_share: self.text(&fields, "cpu_share"),
            rate: self.text(&fields, "rate"),
            log: self.text(&fields, "log"),
        }
    }

    /// The fields of a map that `owner` has. Others are reported and left out.
    fn fields(
        &mut self,
        field: &str,
        owner: &'static str,
        yaml: &'a Yaml,
        known: &'static [&'static str],
    ) -> Fields<'a> {
        let mut fields = self.map_entries(field, yaml);
        fields.retain(|(name, _)| {
            let is_known = known.contains(&name.text.as_str());
            if !is_known {
                let nearest = nearest(&name.text, known.iter().copied());
                let field = name.text.clone();
                self.add(&name.place, ProblemKind::UnknownField { owner, field, known, nearest });
            }
            is_known
        });
        Fields(fields)
    }

    /// The entries of a map with free names. Duplicates are reported and left out.
    fn map_entries(&mut self, field: &str, yaml: &'a Yaml) -> Vec<(Text, &'a Yaml)> {
        match yaml {
            Yaml::Mapping(map) => {
                map.iter().filter_map(|(name, value)| Some((self.key(name)?, value))).collect()
            }
            Yaml::Scalar(scalar) if is_empty(scalar) => Vec::new(),
            Yaml::Scalar(_) | Yaml::Sequence(_) => {
                self.wrong_shape(field, Shape::Map, yaml);
                Vec::new()
            }
        }
    }

    fn key(&mut self, name: &'a MarkedScalarNode) -> Option<Text> {
        let text = self.scalar(name, &Yaml::Scalar(name.clone()));
        let Some(duplicate) = self.document.duplicates.get(&text.text) else { return Some(text) };
        let key = duplicate.key.clone();
        let place = self.document.places.masked(text.place, &key);
        self.add(&place, ProblemKind::DuplicateKey { key, first: duplicate.first });
        None
    }

    fn entries(&mut self, fields: &Fields<'a>, name: &str) -> Vec<(Text, &'a Yaml)> {
        fields.get(name).map_or_else(Vec::new, |yaml| self.map_entries(name, yaml))
    }

    fn map(&mut self, fields: &Fields<'a>, field: &str) -> Vec<(Text, Text)> {
        let entries = self.entries(fields, field);
        let value = |(name, yaml): (Text, &'a Yaml)| {
            let value = self.value(&format!("{field}.{}", name.text), yaml)?;
            Some((name, value))
        };
        entries.into_iter().filter_map(value).collect()
    }

    fn items(&mut self, fields: &Fields<'a>, field: &str) -> Vec<&'a Yaml> {
        match fields.get(field) {
            Some(Yaml::Sequence(items)) => items.iter().collect(),
            Some(Yaml::Scalar(scalar)) if is_empty(scalar) => Vec::new(),
            Some(yaml @ (Yaml::Scalar(_) | Yaml::Mapping(_))) => {
                self.wrong_shape(field, Shape::List, yaml);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn texts(&mut self, fields: &Fields<'a>, field: &str) -> Vec<Text> {
        let items = self.items(fields, field);
        let value = |(index, item)| self.value(&format!("{field}[{index}]"), item);
        items.into_iter().enumerate().filter_map(value).collect()
    }

    fn text(&mut self, fields: &Fields<'a>, field: &str) -> Option<Text> {
        self.value(field, fields.get(field)?)
    }

    fn boolean(&mut self, fields: &Fields<'a>, field: &str) -> bool {
        let Some(yaml) = fields.get(field) else { return false };
        yaml.as_scalar().and_then(MarkedScalarNode::as_bool).unwrap_or_else(|| {
            self.wrong_shape(field, Shape::Boolean, yaml);
            false
        })
    }

    fn value(&mut self, field: &str, yaml: &Yaml) -> Option<Text> {
        match yaml {
            Yaml::Scalar(scalar) if !is_empty(scalar) => Some(self.scalar(scalar, yaml)),
            Yaml::Scalar(_) | Yaml::Mapping(_) | Yaml::Sequence(_) => {
                self.wrong_shape(field, Shape::Text, yaml);
                None
            }
        }
    }

    fn scalar(&self, scalar: &MarkedScalarNode, yaml: &Yaml) -> Text {
        let text = scalar.as_str().to_owned();
        Text { text, plain: scalar.may_coerce(), place: self.place(yaml) }
    }

    fn wrong_shape(&mut self, field: &str, expected: Shape, yaml: &Yaml) {
        let found = match yaml {
            Yaml::Mapping(_) => Shape::Map,
            Yaml::Sequence(_) => Shape::List,
            Yaml::Scalar(scalar) if is_empty(scalar) => Shape::Nothing,
            Yaml::Scalar(_) => Shape::Text,
        };
        let place = match found {
            Shape::Nothing if self.problems.has_room() => self.document.places.of_empty(yaml),
            _ => self.place(yaml),
        };
        let kind = ProblemKind::WrongShape { field: field.to_owned(), expected, found };
        self.add(&place, kind);
    }

    fn place(&self, yaml: &Yaml) -> Place {
        self.document.places.of(yaml)
    }

    fn add(&mut self, place: &Place, kind: ProblemKind) {
        self.problems.add(place, self.node.as_deref(), kind);
    }
}

/// Whether nothing is written where a value belongs: `inputs:` without more, or `~`.
fn is_empty(scalar: &MarkedScalarNode) -> bool {
    scalar.may_coerce() && matches!(scalar.as_str(), "" | "~" | "null")
}
