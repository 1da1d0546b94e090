//! Tags on which a policy hangs never meet the policy of the other declaration.

use super::*;

const PROD: &str =
    "{Effect: Allow, Action: 's3:*', Resource: '*', Condition: {StringEquals: {'aws:PrincipalTag/env': prod}}}";
const DEV: &str =
    "{Effect: Allow, Action: 'ec2:*', Resource: '*', Condition: {StringEquals: {'aws:PrincipalTag/env': dev}}}";
const CLOSE: &str = "close the trust policy while the rest changes";
const OPEN: &str = "set the trust policy";

fn tagged(tags: &str, policies: &[String]) -> String {
    trusting(&[ALICE], &format!("tags: {{{tags}}}\n{}", with_inline(policies)))
}

/// The steps without their numbers.
fn unnumbered(before: &str, after: &str) -> Vec<String> {
    let steps = steps_between(before, after);
    let words = steps.lines().filter_map(|line| line.split_once(". "));
    words.map(|(_, words)| words.to_string()).collect()
}

#[test]
fn a_policy_that_is_replaced_meets_no_tags_of_the_other_declaration() {
    let before = tagged("env: dev", &[inline("p", &[PROD])]);
    let after = tagged("env: prod", &[inline("p", &[DEV])]);
    let expected = [CLOSE, "set tags env = prod", "put inline policy p", OPEN];
    assert_eq!(unnumbered(&before, &after), expected);
    // A policy that hangs on no tag is replaced with the role open.
    let before = tagged("env: dev", &[inline("p", &[READ])]);
    let after = tagged("env: prod", &[inline("p", &[WRITE])]);
    assert_eq!(
        unnumbered(&before, &after),
        ["set tags env = prod", "put inline policy p"]
    );
}

#[test]
fn tags_change_after_what_goes_and_before_what_comes() {
    let before = tagged("env: dev", &[inline("going", &[PROD]), inline("staying", &[DEV])]);
    let after = tagged("env: prod", &[inline("staying", &[DEV]), inline("coming", &[READ])]);
    assert_eq!(
        unnumbered(&before, &after),
        [
            "delete inline policy going",
            "set tags env = prod",
            "put inline policy coming"
        ]
    );
}

#[test]
fn tags_that_take_two_calls_close_the_role_where_a_policy_hangs_on_them() {
    let policies = [inline("p", &[PROD])];
    let (before, after) = (tagged("env: dev", &policies), tagged("team: red", &policies));
    assert_eq!(
        unnumbered(&before, &after),
        [CLOSE, "remove tags env", "set tags team = red", OPEN]
    );
}

#[test]
fn another_boundary_closes_the_role_where_tags_change_on_which_a_policy_hangs() {
    let policies = [inline("p", &[PROD])];
    let with = |boundary: &str, tags: &str| format!("permissionsBoundary: {boundary}\n{}", tagged(tags, &policies));
    let steps = unnumbered(&with("a", "env: dev"), &with("b", "env: prod"));
    assert_eq!(steps.first().map(String::as_str), Some(CLOSE));
    assert_eq!(steps.last().map(String::as_str), Some(OPEN));
}
