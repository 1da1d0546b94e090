//! SAML assertions: as much of their XML as STS looks at. Their signature is not verified.

use std::fmt::Write as _;

use crate::wire::xml::{can_hold, escape};
use crate::world::time::{self, Seconds, iso};

/// What an assertion says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Assertion {
    pub(crate) issuer: String,
    pub(crate) issued: Seconds,
    /// Until when it can be used.
    pub(crate) expires: Option<Seconds>,
    pub(crate) subject: String,
    /// The format of the subject's name, such as `persistent`.
    pub(crate) subject_type: String,
    /// The address that it was sent to.
    pub(crate) recipient: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) attributes: Vec<(String, Vec<String>)>,
}

const FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:";

impl Assertion {
    /// Reads a response that holds an assertion. `None` if it holds none.
    pub(crate) fn read(xml: &str) -> Option<Self> {
        if !xml.chars().all(can_hold) {
            return None;
        }
        let mut read = Self::default();
        let mut found = false;
        for element in xml.split('<').skip(1) {
            let (tag, text) = element.split_once('>')?;
            let name = tag.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
            let name = name.rsplit(':').next().unwrap_or(name);
            let text = unescape(text.trim());
            let attribute = |name: &str| attribute(tag, name);
            match name {
                "Assertion" => {
                    found = true;
                    read.issued = attribute("IssueInstant")
                        .and_then(|at| time::parse(&at))
                        .unwrap_or(read.issued);
                }
                "Issuer" => read.issuer = text,
                "NameID" => {
                    let format = attribute("Format").unwrap_or_default();
                    read.subject_type = format.strip_prefix(FORMAT).map_or(format.clone(), str::to_owned);
                    read.subject = text;
                }
                "SubjectConfirmationData" => {
                    read.recipient = attribute("Recipient").unwrap_or_default();
                    read.expires = attribute("NotOnOrAfter").and_then(|at| time::parse(&at));
                }
                "Audience" => read.audiences.push(text),
                "Attribute" => read.attributes.push((attribute("Name")?, Vec::new())),
                "AttributeValue" => read.attributes.last_mut()?.1.push(text),
                _ => {}
            }
        }
        found.then_some(read)
    }

    /// True if it was issued more than five minutes ago, or cannot be used any more.
    pub(crate) fn is_over(&self, now: Seconds) -> bool {
        now > self.issued.saturating_add(300) || self.expires.is_some_and(|end| now >= end)
    }

    /// The values of an attribute; none if it is not there.
    pub(crate) fn values(&self, name: &str) -> &[String] {
        let held = self.attributes.iter().find(|(held, _)| held == name);
        held.map_or(&[], |(_, values)| values)
    }

    /// The assertion as an identity provider sends it, unsigned.
    pub(crate) fn write(&self) -> String {
        let quoted = |text: &str| {
            let mut escaped = String::new();
            escape(text, &mut escaped);
            escaped
        };
        let mut attributes = String::new();
        for (name, values) in &self.attributes {
            let _ = write!(attributes, "<saml:Attribute Name=\"{}\">", quoted(name));
            for value in values {
                let _ = write!(
                    attributes,
                    "<saml:AttributeValue>{}</saml:AttributeValue>",
                    quoted(value)
                );
            }
            attributes.push_str("</saml:Attribute>");
        }
        let audiences: String = self
            .audiences
            .iter()
            .map(|audience| format!("<saml:Audience>{}</saml:Audience>", quoted(audience)))
            .collect();
        let (issuer, issued) = (quoted(&self.issuer), iso(self.issued));
        let expires = iso(self.expires.unwrap_or(self.issued));
        let (subject, recipient) = (quoted(&self.subject), quoted(&self.recipient));
        let format = quoted(&self.subject_type);
        format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" Version=\"2.0\" IssueInstant=\"{issued}\">\
             <saml:Assertion Version=\"2.0\" IssueInstant=\"{issued}\"><saml:Issuer>{issuer}</saml:Issuer>\
             <saml:Subject><saml:NameID Format=\"{FORMAT}{format}\">{subject}</saml:NameID><saml:SubjectConfirmation>\
             <saml:SubjectConfirmationData NotOnOrAfter=\"{expires}\" Recipient=\"{recipient}\"/>\
             </saml:SubjectConfirmation></saml:Subject><saml:Conditions><saml:AudienceRestriction>{audiences}\
             </saml:AudienceRestriction></saml:Conditions><saml:AttributeStatement>{attributes}\
             </saml:AttributeStatement></saml:Assertion></samlp:Response>"
        )
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    tag.match_indices(name).find_map(|(at, _)| {
        let before = tag[..at].chars().next_back()?;
        let rest = tag[at + name.len()..].strip_prefix('=')?;
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let value = rest[1..].split(quote).next()?;
        before.is_whitespace().then(|| unescape(value))
    })
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#xD;", "\r")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::Assertion;

    #[test]
    fn an_assertion_is_over_five_minutes_after_it_was_issued_or_when_it_says() {
        for (issued, expires, over) in [
            ("1000", "2000", false),
            ("699", "2000", true),
            ("1000", "1000", true),
            // The last moment there is.
            ("9223372036854775807", "2000", false),
        ] {
            let text =
                format!("<Assertion IssueInstant='{issued}'><SubjectConfirmationData NotOnOrAfter='{expires}'/>");
            let read = Assertion::read(&text).map(|assertion| assertion.is_over(1000));
            assert_eq!(read, Some(over), "{text}");
        }
    }

    #[test]
    fn an_assertion_survives_being_written_and_read() {
        let assertion = Assertion {
            issuer: "https://idp.example.com/?a=1&b=2".to_owned(),
            issued: 1_795_000_000,
            expires: Some(1_795_000_300),
            subject: "ada\r\n<ada@example.com>".to_owned(),
            subject_type: "persistent".to_owned(),
            recipient: "https://signin.aws.amazon.com/saml".to_owned(),
            audiences: vec!["urn:amazon:webservices".to_owned()],
            attributes: vec![
                ("a".to_owned(), vec!["1".to_owned(), "2".to_owned()]),
                ("b".to_owned(), Vec::new()),
            ],
        };
        assert_eq!(Assertion::read(&assertion.write()), Some(assertion));
        assert_eq!(Assertion::read("<a>b</a>"), None);
        assert_eq!(Assertion::read("no XML at all"), None);
        assert_eq!(Assertion::read("<Assertion>\0</Assertion>"), None);
    }
}
