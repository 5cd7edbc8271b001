//! The JSON Schema agrees with what the check accepts, as far as names and shapes go.

use std::fs;

use marked_yaml::Node;
use serde_json::Value;
use thalweg::json_schema;

use crate::descriptor::{descriptors, folder};

/// Whether the schema allows the names and shapes of a YAML node. Values of text are not looked at,
/// apart from lists of words.
fn allows(schema: &Value, root: &Value, node: &Node) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a known definition");
        return allows(target, root, node);
    }
    let any = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    if let Some(choices) = any {
        return choices.iter().any(|choice| allows(choice, root, node));
    }
    let word = node.as_scalar().map(|scalar| scalar.as_str());
    if let Some(choices) = schema["enum"].as_array() {
        return choices.iter().any(|choice| choice.as_str() == word);
    }
    if let Some(only) = schema["const"].as_str() {
        return word == Some(only);
    }
    let is = |name: &str| {
        let types = &schema["type"];
        types == name
            || types.as_array().is_some_and(|types| types.iter().any(|other| other == name))
    };
    match node {
        Node::Mapping(map) => is("object") && allows_fields(schema, root, map),
        Node::Sequence(items) => {
            is("array") && items.iter().all(|item| allows(&schema["items"], root, item))
        }
        Node::Scalar(scalar) if matches!(scalar.as_str(), "" | "~") => is("null"),
        Node::Scalar(_) => ["string", "integer", "number", "boolean"].into_iter().any(is),
    }
}

fn allows_fields(
    schema: &Value,
    root: &Value,
    map: &marked_yaml::types::MarkedMappingNode,
) -> bool {
    let required = schema["required"].as_array().into_iter().flatten();
    let complete = required.into_iter().all(|name| map.get(name.as_str().unwrap()).is_some());
    complete
        && map.iter().all(|(name, value)| {
            let known = &schema["properties"][name.as_str()];
            let free = [&schema["additionalProperties"], &schema["patternProperties"]];
            match (known.is_null(), free) {
                (false, _) => allows(known, root, value),
                (true, [other, _]) if other.is_object() => allows(other, root, value),
                (true, [_, patterns]) => patterns
                    .as_object()
                    .into_iter()
                    .flatten()
                    .any(|(_, schema)| allows(schema, root, value)),
            }
        })
}

fn allowed(path: &std::path::Path) -> bool {
    let text = fs::read_to_string(path).unwrap();
    let schema = json_schema();
    marked_yaml::parse_yaml(0, &text).is_ok_and(|node| allows(&schema, &schema, &node))
}

#[test]
fn the_schema_allows_good_descriptors() {
    for path in descriptors("good") {
        assert!(allowed(&path), "{}", path.display());
    }
}

#[test]
fn the_schema_refuses_wrong_names_and_shapes() {
    for name in ["unknown-fields", "wrong-shapes", "missing-id", "no-nodes-field", "empty", "feeds"]
    {
        assert!(!allowed(&folder("bad").join(name).with_extension("yaml")), "{name}");
    }
}

#[test]
fn every_field_is_described() {
    fn check(name: &str, definition: &Value) {
        for (field, schema) in definition["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{name}.{field}");
        }
    }
    let schema = json_schema();
    check("the descriptor", &schema);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        check(name, definition);
    }
}
