//! What IAM checks in a request before it looks at anything else. Unlike STS it does not repeat the value that it refuses.

use std::collections::HashSet;

use crate::wire::error::AwsError;

const TAG_PATTERN: &str = "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+";

/// A name of a role, user, policy or instance profile.
pub(crate) fn name(value: &str, field: &str, longest: usize) -> Result<(), AwsError> {
    if value.is_empty() {
        return Err(AwsError::constraint(
            None,
            field,
            "Member must have length greater than or equal to 1",
        ));
    }
    if value.chars().count() > longest {
        let constraint = format!("Member must have length less than or equal to {longest}");
        return Err(AwsError::constraint(None, field, &constraint));
    }
    if !value
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character))
    {
        return Err(AwsError::validation(format!(
            "The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        )));
    }
    Ok(())
}

/// A path: `/`, or names between slashes.
pub(crate) fn path(value: &str) -> Result<(), AwsError> {
    if value.len() > 512 {
        return Err(AwsError::constraint(
            None,
            "path",
            "Member must have length less than or equal to 512",
        ));
    }
    let visible = value.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if !visible || !value.starts_with('/') || !value.ends_with('/') || value.contains("//") {
        return Err(AwsError::validation(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters.",
        ));
    }
    Ok(())
}

/// A maximum session duration in seconds.
pub(crate) fn session_duration(seconds: u64) -> Result<(), AwsError> {
    let refused = |word: &str, bound: u64| {
        let constraint = format!("Member must have value {word} than or equal to {bound}");
        Err(AwsError::constraint(None, "maxSessionDuration", &constraint))
    };
    match seconds {
        ..3600 => refused("greater", 3600),
        3600..=43_200 => Ok(()),
        _ => refused("less", 43_200),
    }
}

/// A description of a role.
pub(crate) fn description(value: &str) -> Result<(), AwsError> {
    let constraint = if value.chars().count() > 1000 {
        "Member must have length less than or equal to 1000"
    } else if value
        .chars()
        .any(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}'))
    {
        "Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*"
    } else {
        return Ok(());
    };
    Err(AwsError::constraint(None, "description", constraint))
}

/// An ARN of a policy, by its form alone.
pub(crate) fn policy_arn(value: &str) -> Result<(), AwsError> {
    if value.len() < 20 {
        return Err(AwsError::constraint(
            None,
            "policyArn",
            "Member must have length greater than or equal to 20",
        ));
    }
    if !value.starts_with("arn:") || !value.contains(":iam::") || !value.contains(":policy/") {
        return Err(AwsError::invalid_input(format!("ARN {value} is not valid.")));
    }
    Ok(())
}

/// Tags as they come in with a request.
pub(crate) fn tags(tags: &[(String, String)], case_matters: bool) -> Result<(), AwsError> {
    if tags.len() > 50 {
        return Err(AwsError::constraint(
            None,
            "tags",
            "Member must have length less than or equal to 50",
        ));
    }
    for (index, (key, value)) in tags.iter().enumerate() {
        let place = index + 1;
        let refused = |field: &str, constraint: &str| {
            Err(AwsError::constraint(
                None,
                &format!("tags.{place}.member.{field}"),
                constraint,
            ))
        };
        match key.chars().count() {
            0 => return refused("key", "Member must have length greater than or equal to 1"),
            1..=128 => {}
            _ => return refused("key", "Member must have length less than or equal to 128"),
        }
        if value.chars().count() > 256 {
            return refused("value", "Member must have length less than or equal to 256");
        }
        for (field, text) in [("key", key), ("value", value)] {
            if !text.chars().all(tag_character) {
                return refused(
                    field,
                    &format!("Member must satisfy regular expression pattern: {TAG_PATTERN}"),
                );
            }
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(AwsError::invalid_input(
                "Tag keys starting with \"aws:\" are reserved for system use.",
            ));
        }
    }
    let mut seen = HashSet::new();
    let distinct = |key: &str| {
        if case_matters {
            key.to_owned()
        } else {
            key.to_lowercase()
        }
    };
    if !tags.iter().all(|(key, _)| seen.insert(distinct(key))) {
        let hint = if case_matters {
            ""
        } else {
            " Please note that Tag keys are case insensitive."
        };
        return Err(AwsError::invalid_input(format!("Duplicate tag keys found.{hint}")));
    }
    Ok(())
}

/// The keys of an untag request.
pub(crate) fn tag_keys(keys: &[&str]) -> Result<(), AwsError> {
    if keys.len() > 50 {
        return Err(AwsError::constraint(
            None,
            "tagKeys",
            "Member must have length less than or equal to 50",
        ));
    }
    if keys
        .iter()
        .any(|key| !(1..=128).contains(&key.chars().count()) || !key.chars().all(tag_character))
    {
        return Err(AwsError::constraint(
            None,
            "tagKeys",
            &format!(
                "Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have \
                 length greater than or equal to 1, Member must satisfy regular expression pattern: {TAG_PATTERN}, \
                 Member must not be null]"
            ),
        ));
    }
    Ok(())
}

fn tag_character(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || character == '\u{a0}' || "_.:/=+-@".contains(character)
}
