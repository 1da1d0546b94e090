//! A strict reader of JSON that keeps the order of members, refuses a key that stands twice, and says where.
//!
//! `serde_json` keeps the last of two equal keys without a word; in a policy that would drop a condition.

use std::collections::BTreeSet;

use crate::document::DocumentError;

/// How deep arrays and objects may nest; a policy document needs six.
const DEEPEST: usize = 32;

/// A JSON value. Numbers keep the text they were written with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The kind of value with its article, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a Boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }

    /// Visits every string, keys among them, as it is after decoding, until one is refused; says where.
    pub(crate) fn each_string(&self, visit: &dyn Fn(&str) -> Result<(), String>) -> Result<(), DocumentError> {
        self.each_string_below(&mut Vec::new(), visit)
    }

    fn each_string_below(
        &self,
        path: &mut Vec<Step>,
        visit: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<(), DocumentError> {
        let refused = |path: &[Step], problem| DocumentError {
            path: path_text(path),
            problem,
        };
        match self {
            Json::String(text) => visit(text).map_err(|problem| refused(path, problem)),
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(Step::Item(index));
                    item.each_string_below(path, visit)?;
                    path.pop();
                }
                Ok(())
            }
            Json::Object(members) => {
                for (key, value) in members {
                    path.push(Step::Member(key.clone()));
                    visit(key).map_err(|problem| refused(path, problem))?;
                    value.each_string_below(path, visit)?;
                    path.pop();
                }
                Ok(())
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
        }
    }

    /// Reads the whole text as one value.
    pub(crate) fn read(text: &str) -> Result<Json, DocumentError> {
        let mut reader = Reader {
            text,
            at: 0,
            path: Vec::new(),
        };
        reader.skip_white_space();
        let value = reader.value()?;
        reader.skip_white_space();
        if reader.at < text.len() {
            return Err(reader.syntax("there is more text after the end of the document"));
        }
        Ok(value)
    }
}

/// One step of a JSON path.
#[derive(Clone, Debug)]
pub enum Step {
    /// Into a member of an object.
    Member(String),
    /// To an item of an array, counted from 0.
    Item(usize),
}

/// Writes a path as `Statement[0].Action`; a key that is no plain word stands in brackets and quotes.
#[must_use]
pub fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Item(index) => text.push_str(&format!("[{index}]")),
            Step::Member(key) => {
                let plain = !key.is_empty()
                    && key
                        .chars()
                        .all(|character| character.is_ascii_alphanumeric() || ":_-/".contains(character));
                if !plain {
                    text.push_str(&format!("[{key:?}]"));
                } else if text.is_empty() {
                    text.push_str(key);
                } else {
                    text.push('.');
                    text.push_str(key);
                }
            }
        }
    }
    text
}

struct Reader<'text> {
    text: &'text str,
    at: usize,
    path: Vec<Step>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn error(&self, problem: String) -> DocumentError {
        DocumentError {
            path: path_text(&self.path),
            problem,
        }
    }

    /// A syntax error, with the line and column (in characters, from 1) where the reader stands.
    fn syntax(&self, problem: &str) -> DocumentError {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        self.error(format!("not valid JSON: {problem} (line {line}, column {column})"))
    }

    fn value(&mut self) -> Result<Json, DocumentError> {
        if self.path.len() > DEEPEST {
            return Err(self.syntax("it is nested too deeply"));
        }
        match self.peek() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"') => self.string().map(Json::String),
            Some('-' | '0'..='9') => self.number(),
            Some('t') => self.word("true", Json::Bool(true)),
            Some('f') => self.word("false", Json::Bool(false)),
            Some('n') => self.word("null", Json::Null),
            Some(',' | '}' | ']') => Err(self.syntax("a value is missing here")),
            Some('\'') => Err(self.syntax("strings stand in double quotes")),
            Some(character) => Err(self.syntax(&format!("{character:?} begins no value"))),
            None => Err(self.syntax("it ends where a value is expected")),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, DocumentError> {
        if self.rest().starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.syntax("only true, false and null stand without quotes"))
        }
    }

    fn object(&mut self) -> Result<Json, DocumentError> {
        self.at += 1;
        let mut members: Vec<(String, Json)> = Vec::new();
        let mut keys: BTreeSet<String> = BTreeSet::new();
        self.skip_white_space();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_white_space();
            match self.peek() {
                Some('"') => {}
                Some('}') => return Err(self.syntax("a comma stands before the closing }")),
                _ => return Err(self.syntax("a key in double quotes is expected")),
            }
            let key = self.string()?;
            self.path.push(Step::Member(key.clone()));
            if !keys.insert(key.clone()) {
                return Err(self.error(format!("the key {key:?} stands twice in one object; keep one")));
            }
            self.skip_white_space();
            if self.take() != Some(':') {
                return Err(self.syntax("a colon is expected after a key"));
            }
            self.skip_white_space();
            let value = self.value()?;
            self.path.pop();
            members.push((key, value));
            self.skip_white_space();
            match self.take() {
                Some(',') => {}
                Some('}') => return Ok(Json::Object(members)),
                _ => return Err(self.syntax("a comma or a closing } is expected")),
            }
        }
    }

    fn array(&mut self) -> Result<Json, DocumentError> {
        self.at += 1;
        let mut items: Vec<Json> = Vec::new();
        self.skip_white_space();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            self.skip_white_space();
            if self.peek() == Some(']') {
                return Err(self.syntax("a comma stands before the closing ]"));
            }
            self.path.push(Step::Item(items.len()));
            items.push(self.value()?);
            self.path.pop();
            self.skip_white_space();
            match self.take() {
                Some(',') => {}
                Some(']') => return Ok(Json::Array(items)),
                _ => return Err(self.syntax("a comma or a closing ] is expected")),
            }
        }
    }

    fn number(&mut self) -> Result<Json, DocumentError> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        let whole = self.digits();
        if whole == 0 {
            return Err(self.syntax("a number has no digits"));
        }
        let first = self.text.get(self.at - whole..).unwrap_or_default();
        if whole > 1 && first.starts_with('0') {
            return Err(self.syntax("a number begins with 0; put it in quotes"));
        }
        if self.peek() == Some('.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.syntax("a number has no digits after its point"));
            }
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.syntax("a number has no digits in its exponent"));
            }
        }
        Ok(Json::Number(
            self.text.get(start..self.at).unwrap_or_default().to_owned(),
        ))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some('0'..='9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<String, DocumentError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.take() {
                None => return Err(self.syntax("a string is not closed")),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape()?),
                Some(character) if character < ' ' => {
                    return Err(self.syntax("a line break or control character stands inside a string"));
                }
                Some(character) => text.push(character),
            }
        }
    }

    fn escape(&mut self) -> Result<char, DocumentError> {
        match self.take() {
            Some(character @ ('"' | '\\' | '/')) => Ok(character),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('u') => {
                let first = self.four_digits()?;
                let code = if (0xd800..0xdc00).contains(&first) {
                    if !self.rest().starts_with("\\u") {
                        return Err(self.syntax("half of a character stands alone"));
                    }
                    self.at += 2;
                    let second = self.four_digits()?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(self.syntax("half of a character stands alone"));
                    }
                    0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| self.syntax("half of a character stands alone"))
            }
            _ => Err(self.syntax("a backslash begins no known escape; write it twice")),
        }
    }

    fn four_digits(&mut self) -> Result<u32, DocumentError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.take().and_then(|character| character.to_digit(16));
            let Some(digit) = digit else {
                return Err(self.syntax("\\u needs four hexadecimal digits"));
            };
            code = code * 16 + digit;
        }
        Ok(code)
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
