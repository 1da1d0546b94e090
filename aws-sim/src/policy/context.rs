//! The condition context of one request: what is known about the caller, the request and the resource.

use std::collections::HashMap;

use super::pattern::Token;

/// Condition keys (without regard to case) and their values. A key that is not in here is absent, which is not the same
/// as empty.
#[derive(Debug, Default, Clone)]
pub(crate) struct Context {
    values: HashMap<String, Vec<String>>,
}

impl Context {
    pub(crate) fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(key.to_ascii_lowercase(), vec![value.into()]);
    }

    pub(crate) fn set_optional(&mut self, key: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    pub(crate) fn set_many(&mut self, key: &str, values: Vec<String>) {
        self.values.insert(key.to_ascii_lowercase(), values);
    }

    /// One key per tag, and `aws:TagKeys` for all of them.
    pub(crate) fn set_tags<'a>(&mut self, prefix: &str, tags: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (key, value) in tags {
            self.set(&format!("{prefix}/{key}"), value);
        }
    }

    /// The values of a key that is already in lower case.
    pub(crate) fn get(&self, key: &str) -> Option<&[String]> {
        self.values.get(key).map(Vec::as_slice)
    }

    /// A pattern with its `${…}` variables filled in. `None` if a variable has no value, no default, or several values:
    /// then nothing matches.
    pub(crate) fn fill(&self, text: &str) -> Option<Vec<Token>> {
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("${")
                && let Some((name, behind)) = after.split_once('}')
            {
                tokens.extend(self.variable(name)?.chars().map(Token::Only));
                rest = behind;
                continue;
            }
            tokens.push(match character {
                '*' => Token::Many,
                '?' => Token::One,
                other => Token::Only(other),
            });
            rest = &rest[character.len_utf8()..];
        }
        Some(tokens)
    }

    /// A text with its variables filled in, for operators that know no wildcards.
    pub(crate) fn fill_text(&self, text: &str) -> Option<String> {
        let tokens = self.fill(text)?;
        Some(
            tokens
                .into_iter()
                .map(|token| match token {
                    Token::Many => '*',
                    Token::One => '?',
                    Token::Only(character) => character,
                })
                .collect(),
        )
    }

    fn variable(&self, text: &str) -> Option<String> {
        if matches!(text, "*" | "?" | "$") {
            return Some(text.to_owned());
        }
        let (name, default) = match text.split_once(',') {
            Some((name, default)) => (name.trim(), Some(default.trim().trim_matches('\''))),
            None => (text.trim(), None),
        };
        match self.get(&name.to_ascii_lowercase()) {
            Some([value]) => Some(value.clone()),
            _ => default.map(str::to_owned),
        }
    }
}
