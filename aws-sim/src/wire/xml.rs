//! Writing the XML that IAM and STS answer with.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::{Answer, AwsError};
use crate::world::time::{Seconds, iso};

/// Everything but RFC 3986's unreserved characters, which is how policy documents travel.
const DOCUMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One of the two services that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Iam,
    Sts,
}

impl Service {
    /// The name in credential scopes and action names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }
}

/// A piece of XML under construction.
#[derive(Debug, Default)]
pub(crate) struct Xml {
    text: String,
}

impl Xml {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// `<name>value</name>`.
    pub(crate) fn leaf(&mut self, name: &str, value: &str) -> &mut Self {
        let _ = write!(self.text, "<{name}>");
        escape(value, &mut self.text);
        let _ = write!(self.text, "</{name}>");
        self
    }

    /// A leaf that is left out when there is nothing to say.
    pub(crate) fn optional(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.leaf(name, value);
        }
        self
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.leaf(name, &value.to_string())
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.leaf(name, if value { "true" } else { "false" })
    }

    pub(crate) fn time(&mut self, name: &str, value: Seconds) -> &mut Self {
        self.leaf(name, &iso(value))
    }

    /// A policy document: percent-encoded, as IAM sends it.
    pub(crate) fn document(&mut self, name: &str, text: &str) -> &mut Self {
        let _ = write!(self.text, "<{name}>{}</{name}>", utf8_percent_encode(text, DOCUMENT));
        self
    }

    /// `<name>…</name>` around what `inside` writes.
    pub(crate) fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) -> &mut Self {
        let _ = write!(self.text, "<{name}>");
        inside(self);
        let _ = write!(self.text, "</{name}>");
        self
    }

    /// `<name><member>…</member>…</name>`.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut inside: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |xml| inside(xml, item));
            }
        })
    }

    /// A list of plain texts.
    pub(crate) fn texts<'a>(&mut self, name: &str, items: impl IntoIterator<Item = &'a str>) -> &mut Self {
        self.element(name, |xml| {
            for item in items {
                xml.leaf("member", item);
            }
        })
    }

    /// A piece that is XML already.
    pub(crate) fn raw(&mut self, xml: &str) -> &mut Self {
        self.text.push_str(xml);
        self
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// What has been written, as the answer of a call.
    pub(crate) fn answer(self) -> Answer {
        Ok(self.text)
    }
}

/// True for the characters that XML can hold. Source: W3C, "Extensible Markup Language (XML) 1.0", 2.2 Characters.
pub(crate) fn can_hold(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        other => other >= ' ',
    }
}

/// Appends a text with what XML cannot hold as it is written as entities, and what it cannot hold at all as U+FFFD.
pub(crate) fn escape(value: &str, into: &mut String) {
    for character in value.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\r' => into.push_str("&#xD;"),
            other if can_hold(other) => into.push(other),
            _ => into.push('\u{fffd}'),
        }
    }
}

/// The whole body of a successful answer.
pub(crate) fn success(service: Service, action: &str, result: &str, request_id: &str) -> String {
    let namespace = service.namespace();
    // `UpdateRole` has a result with nothing in it, and clients look for it; other actions without a result have none.
    let result = if result.is_empty() && action != "UpdateRole" {
        String::new()
    } else {
        format!("<{action}Result>{result}</{action}Result>")
    };
    format!(
        "<{action}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{request_id}</RequestId>\
         </ResponseMetadata></{action}Response>"
    )
}

/// The whole body of a refusal.
pub(crate) fn failure(service: Service, error: &AwsError, request_id: &str) -> String {
    let mut xml = Xml::new();
    xml.element("Error", |xml| {
        xml.leaf("Type", if error.status < 500 { "Sender" } else { "Receiver" });
        xml.leaf("Code", &error.code).leaf("Message", &error.message);
    });
    xml.leaf("RequestId", request_id);
    format!(
        "<ErrorResponse xmlns=\"{}\">{}</ErrorResponse>",
        service.namespace(),
        xml.finish()
    )
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn a_text_never_breaks_the_xml_around_it() {
        let mut escaped = String::new();
        escape("a <&>\"\t\r\n\u{1d}\0\u{ffff}é€", &mut escaped);
        assert_eq!(escaped, "a &lt;&amp;&gt;&quot;\t&#xD;\n\u{fffd}\u{fffd}\u{fffd}é€");
    }
}
