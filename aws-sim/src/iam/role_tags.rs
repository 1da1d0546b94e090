//! Tags of roles. Keys are the same whatever their case; the last writing of a key is the one that is kept.

use super::check;
use super::lookup::{Access, change_role, role, set_request_tags};
use super::shapes::sorted_tags;
use crate::call::Call;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;

pub(crate) fn tag_role(call: &mut Call<'_>) -> Answer {
    let tags = call.parameters.pairs("Tags");
    check::tags(&tags, false)?;
    let role = role(call, "iam:TagRole", Access::Write, |context, _| {
        set_request_tags(context, &tags)
    })?;
    let merged = merge(&role.tags, tags);
    let quota = call.account()?.quotas.tags_per_role;
    if merged.len() > quota {
        return Err(AwsError::limit_exceeded(format!(
            "Cannot exceed quota for TagsPerRole: {quota}"
        )));
    }
    change_role(call, &role.name, |role| role.tags = merged)?;
    Ok(String::new())
}

/// New tags over old ones.
pub(crate) fn merge(old: &[(String, String)], new: Vec<(String, String)>) -> Vec<(String, String)> {
    let replaced = |key: &str| new.iter().any(|(other, _)| other.eq_ignore_ascii_case(key));
    let kept: Vec<_> = old.iter().filter(|(key, _)| !replaced(key)).cloned().collect();
    kept.into_iter().chain(new).collect()
}

pub(crate) fn untag_role(call: &mut Call<'_>) -> Answer {
    let keys = call.parameters.members("TagKeys");
    check::tag_keys(&keys)?;
    let role = role(call, "iam:UntagRole", Access::Write, |context, _| {
        context.set_many("aws:TagKeys", keys.iter().map(|key| (*key).to_owned()).collect());
    })?;
    change_role(call, &role.name, |role| {
        role.tags
            .retain(|(key, _)| !keys.iter().any(|gone| gone.eq_ignore_ascii_case(key)));
    })?;
    Ok(String::new())
}

pub(crate) fn list_role_tags(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let role = role(call, "iam:ListRoleTags", Access::Read, |_, _| {})?;
    // The length leads, so that the marker follows the order of the list.
    let keyed = sorted_tags(&role.tags)
        .into_iter()
        .map(|tag| (format!("{:03}{}", tag.0.len(), tag.0), tag));
    let paged = page.cut(keyed);
    let mut xml = Xml::new();
    paged.write_end(&mut xml);
    xml.list("Tags", &paged.items, |xml, (key, value)| {
        xml.leaf("Key", key).leaf("Value", value);
    });
    xml.answer()
}
