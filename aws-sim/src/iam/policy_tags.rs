//! Tags of managed policies. Unlike those of roles their keys differ by case.

use super::check;
use super::lookup::set_request_tags;
use super::managed_policies::{own_policy, policy, policy_arn};
use super::shapes::sorted_tags;
use crate::call::Call;
use crate::wire::error::{Answer, AwsError};
use crate::wire::xml::Xml;

const OUTSIDE: &str = "Cannot update policies outside your own account.";

pub(crate) fn tag_policy(call: &mut Call<'_>) -> Answer {
    let tags = call.parameters.pairs("Tags");
    check::tags(&tags, true)?;
    let arn = policy_arn(call, "iam:TagPolicy", |context| set_request_tags(context, &tags))?;
    let policy = own_policy(call, arn, OUTSIDE)?;
    let mut merged = policy.tags.clone();
    merged.retain(|(held, _)| !tags.iter().any(|(key, _)| key == held));
    merged.extend(tags);
    if merged.len() > 50 {
        return Err(AwsError::limit_exceeded("Cannot exceed quota for TagsPerPolicy: 50"));
    }
    policy.tags = merged;
    Ok(String::new())
}

pub(crate) fn untag_policy(call: &mut Call<'_>) -> Answer {
    let keys = call.parameters.members("TagKeys");
    check::tag_keys(&keys)?;
    let arn = policy_arn(call, "iam:UntagPolicy", |context| {
        context.set_many("aws:TagKeys", keys.iter().map(|key| (*key).to_owned()).collect());
    })?;
    let policy = own_policy(call, arn, OUTSIDE)?;
    policy.tags.retain(|(key, _)| !keys.contains(&key.as_str()));
    Ok(String::new())
}

pub(crate) fn list_policy_tags(call: &mut Call<'_>) -> Answer {
    let page = call.page()?;
    let arn = policy_arn(call, "iam:ListPolicyTags", |_| {})?;
    let policy = policy(call.account()?, arn)?;
    let keyed = sorted_tags(&policy.tags)
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
