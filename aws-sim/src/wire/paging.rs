//! Pages: `MaxItems` and `Marker` in, `IsTruncated` and `Marker` out.

use super::error::AwsError;
use super::request::Parameters;
use super::xml::Xml;

/// Which part of a list a call asks for.
#[derive(Debug)]
pub(crate) struct Page {
    limit: usize,
    after: Option<String>,
    /// Less than the limit where a page is to be short.
    size: usize,
}

/// A part of a list, and where the next part begins.
#[derive(Debug)]
pub(crate) struct Paged<T> {
    pub(crate) items: Vec<T>,
    next: Option<String>,
}

impl Page {
    /// Reads `MaxItems` (1 to 1000, 100 when left out) and `Marker`.
    pub(crate) fn read(parameters: &Parameters) -> Result<Self, AwsError> {
        let limit = parameters.number("MaxItems")?.unwrap_or(100);
        if limit < 1 {
            return Err(AwsError::constraint(
                None,
                "maxItems",
                "Member must have value greater than or equal to 1",
            ));
        }
        if limit > 1000 {
            return Err(AwsError::constraint(
                None,
                "maxItems",
                "Member must have value less than or equal to 1000",
            ));
        }
        let after = parameters
            .get("Marker")
            .map(|marker| unmark(marker).ok_or_else(|| AwsError::validation(format!("Invalid Marker: {marker}"))))
            .transpose()?;
        let limit = usize::try_from(limit).unwrap_or(100);
        Ok(Self {
            limit,
            after,
            size: limit,
        })
    }

    /// The same, as short as a rolled number says: AWS may give less than asked for, also nothing, and still have more.
    pub(crate) fn shortened(self, rolled: Option<u64>) -> Self {
        let size = match rolled {
            None => self.limit,
            // One page of four is empty, the others have any size.
            Some(rolled) if rolled % 4 == 0 => 0,
            Some(rolled) => usize::try_from(rolled >> 8).unwrap_or(0) % self.limit + 1,
        };
        Self { size, ..self }
    }

    /// Cuts the page out of a list that is sorted by its keys. A marker names the last key that was given out, so that
    /// what is made or deleted between two pages moves nothing else.
    pub(crate) fn cut<T>(&self, list: impl IntoIterator<Item = (String, T)>) -> Paged<T> {
        let mut items = Vec::new();
        // A page that is empty ends where it began.
        let mut last = Some(self.after.clone().unwrap_or_default());
        for (key, item) in list {
            if self.after.as_ref().is_some_and(|after| key <= *after) {
                continue;
            }
            if items.len() == self.size {
                return Paged { items, next: last };
            }
            items.push(item);
            last = Some(key);
        }
        Paged { items, next: None }
    }
}

impl<T> Paged<T> {
    /// Writes `IsTruncated` and, if there is more, `Marker`.
    pub(crate) fn write_end(&self, xml: &mut Xml) {
        xml.flag("IsTruncated", self.next.is_some());
        xml.optional("Marker", self.next.as_deref().map(mark).as_deref());
    }
}

/// A marker: opaque to clients, and never empty.
fn mark(key: &str) -> String {
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("AA{hex}")
}

fn unmark(text: &str) -> Option<String> {
    let text = text.strip_prefix("AA")?;
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}
