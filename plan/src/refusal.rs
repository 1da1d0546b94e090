//! A refusal: why, which field, and what to do.

use std::fmt;

use crossrole_api::Reason;

/// Why something is not done. A person must act before it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The closed reason.
    pub reason: Reason,
    /// The field that is at fault, as a path from the object's root; empty where no single field is.
    pub field: String,
    /// What is wrong, and the way out.
    pub message: String,
}

impl Refusal {
    /// A refusal that names the field at fault.
    pub fn of_field(reason: Reason, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason,
            field: field.into(),
            message: message.into(),
        }
    }

    /// A refusal that no single field is at fault for.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            field: String::new(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            formatter.write_str(&self.message)
        } else {
            write!(formatter, "{}: {}", self.field, self.message)
        }
    }
}

impl std::error::Error for Refusal {}
