//! Names that IAM gives to things, each with its own length and characters.

use std::fmt;
use std::str::FromStr;

/// A name that IAM would refuse, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} {problem}")]
pub struct NameError {
    /// What kind of name it was meant to be, such as `role name`.
    pub what: &'static str,
    /// The text as it was written.
    pub value: String,
    /// What is wrong and what to write instead, as the end of a sentence.
    pub problem: String,
}

impl NameError {
    pub(crate) fn new(what: &'static str, value: &str, problem: impl Into<String>) -> Self {
        NameError {
            what,
            value: value.to_owned(),
            problem: problem.into(),
        }
    }
}

macro_rules! text_type {
    ($(#[$documentation:meta])* $name:ident, $check:path) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $check(text)?;
                Ok($name(text.to_owned()))
            }
        }
    };
}

text_type!(
    /// The name of a role: 1 to 64 characters out of letters, digits and `_+=,.@-`.
    ///
    /// Within an account, names are unique without regard to case: compare [`RoleName::folded`].
    /// Source: IAM API Reference, `CreateRole`; IAM User Guide, "IAM and AWS STS quotas".
    RoleName,
    check_role_name
);

impl RoleName {
    /// The name in lower case: two roles of one account never share it.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

text_type!(
    /// The name of a group of users: 1 to 128 characters out of letters, digits and `_+=,.@-`.
    ///
    /// Source: IAM API Reference, `CreateGroup`.
    GroupName,
    check_group_name
);

text_type!(
    /// The path of a role or policy: `/`, or segments between slashes, at most 512 characters.
    ///
    /// Source: IAM API Reference, `CreateRole` (`Path`: printable ASCII). Stricter than IAM in two points: an
    /// empty segment (`//`) is refused, for it is what a templating tool leaves of a variable that it did not
    /// know, and so are `*` and `?`, which turn every ARN that holds them into a pattern.
    Path,
    check_path
);

impl Path {
    /// The path `/`, at which IAM puts what was given no path.
    #[must_use]
    pub fn root() -> Path {
        Path("/".to_owned())
    }

    /// Whether this path is the other one or lies below it.
    #[must_use]
    pub fn is_at_or_below(&self, other: &Path) -> bool {
        self.0.starts_with(&other.0)
    }
}

text_type!(
    /// The name of an inline policy: 1 to 128 characters out of letters, digits and `_+=,.@-`.
    ///
    /// Source: IAM API Reference, `PutRolePolicy`.
    PolicyName,
    check_policy_name
);

text_type!(
    /// The name of a managed policy with its path, without a leading slash: `SecurityAudit`,
    /// `job-function/ViewOnlyAccess`. The name has at most 128 characters, the path at most 512.
    ///
    /// Source: IAM API Reference, `CreatePolicy`; as in [`Path`], no segment is empty or has a wildcard.
    PolicyPathName,
    check_policy_path_name
);

text_type!(
    /// An external id: 2 to 1224 characters out of letters, digits and `_+=,.@:/-`.
    ///
    /// Source: AWS STS API Reference, `AssumeRole` (`ExternalId`).
    ExternalId,
    check_external_id
);

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_+=,.@-".contains(character)
}

fn check_length(what: &'static str, text: &str, least: usize, most: usize) -> Result<(), NameError> {
    let length = text.chars().count();
    if length < least {
        let problem = if length == 0 {
            "is empty".to_owned()
        } else {
            format!("is shorter than {least} characters")
        };
        return Err(NameError::new(what, text, problem));
    }
    if length > most {
        return Err(NameError::new(
            what,
            text,
            format!("has {length} characters; at most {most} are allowed"),
        ));
    }
    Ok(())
}

fn check_characters(
    what: &'static str,
    text: &str,
    allowed: impl Fn(char) -> bool,
    in_words: &str,
) -> Result<(), NameError> {
    match text.chars().find(|character| !allowed(*character)) {
        Some(character) => Err(NameError::new(
            what,
            text,
            format!("has the character {character:?}; allowed are {in_words}"),
        )),
        None => Ok(()),
    }
}

const NAME_CHARACTERS: &str = "letters, digits and _+=,.@-";

fn check_role_name(text: &str) -> Result<(), NameError> {
    check_length("role name", text, 1, 64)?;
    check_characters("role name", text, is_name_character, NAME_CHARACTERS)
}

fn check_group_name(text: &str) -> Result<(), NameError> {
    check_length("group name", text, 1, 128)?;
    check_characters("group name", text, is_name_character, NAME_CHARACTERS)
}

fn check_policy_name(text: &str) -> Result<(), NameError> {
    check_length("policy name", text, 1, 128)?;
    check_characters("policy name", text, is_name_character, NAME_CHARACTERS)
}

fn is_path_character(character: char) -> bool {
    ('\u{21}'..='\u{7e}').contains(&character) && character != '*' && character != '?'
}

const PATH_CHARACTERS: &str = "printable ASCII characters without space, * and ?";

fn check_path(text: &str) -> Result<(), NameError> {
    const WHAT: &str = "path";
    check_length(WHAT, text, 1, 512)?;
    if !text.starts_with('/') || !text.ends_with('/') {
        return Err(NameError::new(
            WHAT,
            text,
            "must begin and end with a slash, such as /team/",
        ));
    }
    if text.contains("//") {
        return Err(NameError::new(
            WHAT,
            text,
            "has an empty segment; was a variable replaced by nothing?",
        ));
    }
    check_characters(WHAT, text, is_path_character, PATH_CHARACTERS)
}

fn check_policy_path_name(text: &str) -> Result<(), NameError> {
    const WHAT: &str = "managed policy";
    if text.starts_with('/') {
        return Err(NameError::new(
            WHAT,
            text,
            "must not begin with a slash: write the path and the name, such as team/read-logs",
        ));
    }
    check_length(WHAT, text, 1, 512 + 128)?;
    if text.split('/').any(str::is_empty) {
        return Err(NameError::new(
            WHAT,
            text,
            "has an empty segment; was a variable replaced by nothing?",
        ));
    }
    if text.starts_with("arn:") {
        return Err(NameError::new(WHAT, text, "is an ARN where a name is expected"));
    }
    let (path, name) = match text.rsplit_once('/') {
        Some((path, name)) => (path, name),
        None => ("", text),
    };
    check_length(WHAT, name, 1, 128)?;
    check_length(WHAT, path, 0, 510)?;
    check_characters(WHAT, path, is_path_character, PATH_CHARACTERS)?;
    check_characters(WHAT, name, is_name_character, NAME_CHARACTERS)
}

fn check_external_id(text: &str) -> Result<(), NameError> {
    const WHAT: &str = "external id";
    check_length(WHAT, text, 2, 1224)?;
    check_characters(
        WHAT,
        text,
        |character| is_name_character(character) || character == ':' || character == '/',
        "letters, digits and _+=,.@:/-",
    )
}

fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric()
        || "_.:/=+-@".contains(character)
        || (character.is_whitespace() && !character.is_control())
}

const TAG_CHARACTERS: &str = "letters, digits, spaces and _.:/=+-@";

fn check_not_reserved(what: &'static str, text: &str) -> Result<(), NameError> {
    let reserved = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    if reserved {
        return Err(NameError::new(
            what,
            text,
            "begins with aws:, which AWS keeps for itself",
        ));
    }
    Ok(())
}

/// Checks the key of a tag on a role: 1 to 128 characters out of letters, digits, spaces and `_.:/=+-@`, not
/// beginning with `aws:` in any case. IAM compares keys without regard to case.
///
/// Source: IAM API Reference, `Tag`; IAM User Guide, "Tags for AWS Identity and Access Management resources".
///
/// # Errors
/// A [`NameError`] that says which rule the key breaks.
pub fn check_tag_key(text: &str) -> Result<(), NameError> {
    const WHAT: &str = "tag key";
    check_length(WHAT, text, 1, 128)?;
    check_not_reserved(WHAT, text)?;
    check_characters(WHAT, text, is_tag_character, TAG_CHARACTERS)
}

/// Checks the value of a tag on a role: 0 to 256 characters out of letters, digits, spaces and `_.:/=+-@`, not
/// beginning with `aws:` in any case.
///
/// Source: as for [`check_tag_key`].
///
/// # Errors
/// A [`NameError`] that says which rule the value breaks.
pub fn check_tag_value(text: &str) -> Result<(), NameError> {
    const WHAT: &str = "tag value";
    check_length(WHAT, text, 0, 256)?;
    check_not_reserved(WHAT, text)?;
    check_characters(WHAT, text, is_tag_character, TAG_CHARACTERS)
}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
