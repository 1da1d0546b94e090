//! Session tags, and the actions that a trust policy may hold.

use super::super::judge_as;
use super::{LISTS, MFA, OURS, judge};
use crate::testing::check_table;

#[test]
fn session_tags_are_set_by_listed_keys_alone() {
    const TAG: &str = "'sts:TagSession'";
    const ANY: &str = "TagNotAllowed | this lets any session tag be set: name the keys by ForAllValues:StringEquals on aws:TagKeys, each in guardrails.sessionTagKeys of AccountClass production";
    check_table(
        &[
            (
                "listed keys",
                (
                    OURS,
                    TAG,
                    "'ForAllValues:StringEquals': {'aws:TagKeys': [Team, cost-center]}",
                ),
                "passes",
            ),
            (
                "a pattern inside a listed one",
                (OURS, TAG, "'ForAllValues:StringLike': {'aws:TagKeys': 'cost-a*'}"),
                "passes",
            ),
            (
                "a wider pattern",
                (OURS, TAG, "'ForAllValues:StringLike': {'aws:TagKeys': 'co*'}"),
                "TagNotAllowed | session tag co* is not in guardrails.sessionTagKeys of AccountClass production",
            ),
            (
                "a key that is not listed",
                (OURS, TAG, "'ForAllValues:StringEquals': {'aws:TagKeys': [team, stage]}"),
                "TagNotAllowed | session tag stage is not in guardrails.sessionTagKeys of AccountClass production",
            ),
            ("no limit", (OURS, TAG, ""), ANY),
            (
                "a limit that names nothing",
                (OURS, TAG, "'ForAllValues:StringEquals': {'aws:TagKeys': []}"),
                ANY,
            ),
            (
                "one listed key, and others beside it",
                (OURS, TAG, "'ForAnyValue:StringEquals': {'aws:TagKeys': team}"),
                ANY,
            ),
            (
                "no set operator",
                (OURS, TAG, "StringEquals: {'aws:TagKeys': team}"),
                ANY,
            ),
            (
                "the value of one tag",
                (OURS, TAG, "StringEquals: {'aws:RequestTag/team': a}"),
                ANY,
            ),
            (
                "hidden in a wildcard",
                (OURS, "['sts:AssumeRole', 'sts:Tag*']", ""),
                ANY,
            ),
            (
                "by an identity provider",
                ("{Federated: 'arn:aws:iam::222222222222:saml-provider/okta'}", TAG, ""),
                ANY,
            ),
            ("by an ordinary service", ("{Service: ec2.amazonaws.com}", TAG, ""), ANY),
        ],
        judge,
    );
}

#[test]
fn actions_that_no_guardrail_judges_are_refused() {
    check_table(
        &[
            (
                "every action of STS",
                (OURS, "'sts:*'", ""),
                "TrustNotAllowed | sts:* can match sts:SetContext, which no guardrail judges: name the actions that are meant",
            ),
            (
                "SetContext",
                (OURS, "['sts:AssumeRole', 'sts:SetContext']", ""),
                "TrustNotAllowed | no guardrail judges sts:SetContext, so it may not stand in a trust policy here",
            ),
            ("every way to assume", (OURS, "'STS:assumerole*'", ""), "passes"),
        ],
        judge,
    );
    let deny = "extraTrustStatements: [{Effect: Deny, Principal: '*', Action: 'sts:*'}, {Effect: Deny, NotPrincipal: {AWS: '999999999999'}, Action: 'sts:AssumeRole'}]";
    assert_eq!(judge_as(&[LISTS], deny, None), "passes");
    // A Deny elsewhere helps nobody.
    let rescued = "extraTrustStatements: [{Effect: Deny, Principal: '*', Action: 'sts:*', Condition: {BoolIfExists: {'aws:MultiFactorAuthPresent': 'false'}}}, {Effect: Allow, Principal: {AWS: '111111111111'}, Action: 'sts:AssumeRole'}]";
    assert_eq!(
        judge_as(&[LISTS], rescued, None),
        MFA.replace(" | ", ", spec.extraTrustStatements[1]: ")
    );
}
