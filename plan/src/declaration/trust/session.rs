//! What is required of a session, and what it may set.

use std::collections::BTreeSet;

use crossrole_iam::check_tag_key;

use super::values::{cidr, list, name_pattern};
use super::{Entry, Session, SourceIdentity, conditions};
use crate::duration;
use crate::refusal::Refusal;

pub(super) fn parse(entry: &Entry<'_>) -> Result<Session, Refusal> {
    Ok(Session {
        source_cidrs: list(entry, "require.sourceCidrs", &entry.require.source_cidrs, cidr)?,
        names: names(entry)?,
        source_identity: source_identity(entry)?,
        tags: tags(entry)?,
        conditions: conditions::parse(entry)?,
    })
}

/// The greatest age of the second factor, in seconds.
pub(super) fn mfa_max_age(entry: &Entry<'_>) -> Result<Option<u32>, Refusal> {
    let Some(mfa) = &entry.require.mfa else {
        return Ok(None);
    };
    match duration::seconds(&mfa.max_age).filter(|seconds| (60..=129_600).contains(seconds)) {
        Some(seconds) => Ok(Some(seconds)),
        None => entry.refuse("require.mfa.maxAge", "write a duration from 1m to 36h"),
    }
}

pub(super) fn names(entry: &Entry<'_>) -> Result<BTreeSet<String>, Refusal> {
    list(entry, "require.sessionName", &entry.require.session_name, |text| {
        if is_anything(text) {
            return Err(format!(
                "{text:?} matches every session name, so it requires nothing: remove it"
            ));
        }
        name_pattern(text, "session name")
    })
}

pub(super) fn source_identities(entry: &Entry<'_>) -> Result<BTreeSet<String>, Refusal> {
    list(
        entry,
        "require.sourceIdentity",
        &entry.require.source_identity,
        |text| name_pattern(text, "source identity"),
    )
}

// Setting a source identity needs `sts:SetSourceIdentity` in the trust policy, beside the action that assumes the role:
// IAM User Guide, "Monitor and control actions taken with assumed roles". So a role that requires one and does not allow
// it can be assumed by nobody.
fn source_identity(entry: &Entry<'_>) -> Result<SourceIdentity, Refusal> {
    let required = source_identities(entry)?;
    match (required.is_empty(), entry.allow.source_identity) {
        (true, false) => Ok(SourceIdentity::NotAllowed),
        (true, true) => Ok(SourceIdentity::Allowed),
        (false, true) => Ok(SourceIdentity::Required(required)),
        (false, false) => entry.refuse(
            "require.sourceIdentity",
            "nobody could meet this: to set a source identity needs a permission of its own. Add allow: {sourceIdentity: true}",
        ),
    }
}

// STS does not tell keys apart by case: IAM User Guide, "Pass session tags in AWS STS".
fn tags(entry: &Entry<'_>) -> Result<BTreeSet<String>, Refusal> {
    const FIELD: &str = "allow.sessionTags";
    let tags = list(entry, FIELD, &entry.allow.session_tags, |text| {
        check_tag_key(text).map(|()| text.to_string())
    })?;
    let mut folded = BTreeSet::new();
    for tag in &tags {
        if !folded.insert(tag.to_lowercase()) {
            return entry.refuse(
                FIELD,
                format!("{tag:?} is there twice, for AWS does not tell tag keys apart by case"),
            );
        }
    }
    Ok(tags)
}

/// Whether a pattern names no character at all, and so requires nothing but a certain length.
pub(crate) fn is_anything(text: &str) -> bool {
    text.contains('*') && text.bytes().all(|byte| byte == b'*' || byte == b'?')
}

/// Refuses what compares with the name of an IAM user where nobody can be one: `${aws:username}` is in the requests of
/// users alone.
///
/// Source: IAM User Guide, "IAM policy elements: Variables and tags" (where you can use policy variables).
pub(super) fn refuse_user_names(entry: &Entry<'_>) -> Result<(), Refusal> {
    let require = &entry.require;
    for (field, patterns) in [
        ("require.sessionName", &require.session_name),
        ("require.sourceIdentity", &require.source_identity),
    ] {
        if patterns
            .iter()
            .any(|pattern| pattern.to_lowercase().contains("${aws:username"))
        {
            return entry.refuse(
                field,
                "${aws:username} is in the requests of IAM users alone, and nobody here can be one: nothing could match. Remove it",
            );
        }
    }
    Ok(())
}
