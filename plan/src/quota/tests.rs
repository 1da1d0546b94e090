use super::*;
use crate::diff;
use crate::observed::ObservedRole;
use crate::testing::{self, check_table, held, verdict};

/// A declaration of this many external accounts, policies or characters.
fn trusting(accounts: usize) -> String {
    let ids: Vec<String> = (0..accounts)
        .map(|number| format!("'{:012}'", 100_000_000_000u64 + number as u64))
        .collect();
    format!("trust: [{{from: {{accounts: [{}], kind: Roles}}}}]", ids.join(", "))
}

fn attaching(policies: usize) -> String {
    let names: Vec<String> = (0..policies).map(|number| format!("p{number}")).collect();
    format!("permissions: {{customerManaged: [{}]}}", names.join(", "))
}

fn inline(name: &str, size: usize) -> String {
    let empty = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::"}]}"#;
    let document = empty.replace(":::", &format!(":::{}", "b".repeat(size - empty.len())));
    format!("{{name: {name}, document: {document}}}")
}

fn holding(policies: &[(&str, usize)]) -> String {
    let all: Vec<String> = policies.iter().map(|(name, size)| inline(name, *size)).collect();
    format!("permissions: {{inline: [{}]}}", all.join(", "))
}

fn judged(observed: Option<&ObservedRole>, spec: &str, quotas: &Quotas) -> String {
    let desired = testing::desired(spec);
    let changes = observed.map_or_else(|| diff::create(&desired), |role| diff::update(role, &desired));
    verdict(check(&desired, &changes, quotas))
}

#[test]
fn what_is_too_much_says_by_how_much() {
    let rows = [
        ("a role like most passes", "description: x".to_string(), "passes"),
        ("ten attachments are enough", attaching(10), "passes"),
        (
            "eleven are one too many",
            attaching(11),
            "QuotaExceeded, spec.permissions: 11 managed policies are 1 more than IAM's default quota (the account's own was not read) of 10 attached to a role: join some, or have the quota raised",
        ),
        (
            "9,940 characters of inline policies fit",
            holding(&[("a", 5000), ("b", 4940)]),
            "passes",
        ),
        (
            "one more does not, for 300 stay free",
            holding(&[("a", 5001), ("b", 4940)]),
            "QuotaExceeded, spec.permissions.inline: the inline policies have 9941 characters without white space together, 1 more than 9940 (IAM's 10240, of which 300 stay free for revoking sessions); the largest is a with 5001: move one into a customer managed policy",
        ),
    ];
    check_table(&rows, |spec| judged(None, spec, &Quotas::default()));
}

#[test]
fn a_trust_policy_too_long_says_by_how_much() {
    let size = testing::desired(&trusting(30)).trust.size();
    let over = size - 2048;
    let said = judged(None, &trusting(30), &Quotas::default());
    let expected = format!(
        "QuotaExceeded, spec.trust: the trust policy has {size} characters without white space, {over} more than IAM's default quota"
    );
    assert!(said.starts_with(&expected), "{said}");
}

#[test]
fn the_accounts_own_quotas_count() {
    let summary = |pairs: &[(&str, i64)]| {
        let map = pairs.iter().map(|(key, value)| (key.to_string(), *value)).collect();
        Quotas::of_summary(&map)
    };
    let raised = summary(&[
        ("AssumeRolePolicySizeQuota", 4096),
        ("AttachedPoliciesPerRoleQuota", 20),
        ("Roles", 7),
    ]);
    assert_eq!(
        (raised.trust_policy_size, raised.attached_policies, raised.roles),
        (4096, 20, 1000)
    );
    assert_eq!(judged(None, &attaching(20), &raised), "passes");
    assert_eq!(judged(None, &trusting(30), &raised), "passes");
    let said = judged(None, &attaching(20), &summary(&[("AttachedPoliciesPerRoleQuota", 15)]));
    assert!(
        said.contains("20 managed policies are 5 more than the account's quota of 15"),
        "{said}"
    );
    for nonsense in [0, -1] {
        assert_eq!(
            summary(&[("AttachedPoliciesPerRoleQuota", nonsense)]).attached_policies,
            10
        );
    }
}

#[test]
fn what_no_account_can_have_raised_is_told_from_what_one_can() {
    assert_eq!(judged(None, &attaching(20), &Quotas::raised()), "passes");
    assert_eq!(judged(None, &trusting(30), &Quotas::raised()), "passes");
    assert!(judged(None, &holding(&[("a", 10_000)]), &Quotas::raised()).starts_with("QuotaExceeded"));
}

#[test]
fn what_only_takes_away_is_never_refused() {
    let small = Quotas {
        trust_policy_size: 10,
        attached_policies: 1,
        inline_total: 310,
        ..Quotas::default()
    };
    for (before, after) in [
        (attaching(12), attaching(11)),
        (holding(&[("a", 2000), ("b", 2000)]), holding(&[("a", 2000)])),
        ("description: old".into(), "description: new".into()),
    ] {
        assert_eq!(judged(Some(&held(&before)), &after, &small), "passes");
        assert!(!bears_on(&diff::update(&held(&before), &testing::desired(&after))));
    }
    // What adds is judged by what the role would be then.
    assert!(judged(Some(&held(&attaching(1))), &attaching(2), &small).starts_with("QuotaExceeded"));
}
