//! What is to be measured: `key=value` from the command line.

use std::collections::BTreeMap;

use anyhow::Context;

pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    pub(crate) fn new(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let pair = |argument: String| {
            let (key, value) =
                argument.split_once('=').with_context(|| format!("`{argument}` has no `=`"))?;
            Ok((key.to_owned(), value.to_owned()))
        };
        Ok(Self(arguments.map(pair).collect::<anyhow::Result<_>>()?))
    }

    pub(crate) fn number(&self, key: &str, default: usize) -> anyhow::Result<usize> {
        let Some(value) = self.0.get(key) else { return Ok(default) };
        value.parse().with_context(|| format!("`{key}` is no number"))
    }

    pub(crate) fn is(&self, key: &str, value: &str) -> bool {
        self.0.get(key).is_some_and(|given| given == value)
    }
}
