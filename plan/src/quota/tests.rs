use crossrole_iam::DocumentKind;
use jiff::Timestamp;

use super::*;
use crate::decide::{self, Known};
use crate::observed::{ObservedDocument, ObservedRole};
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

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn plan(observed: &Observed, spec: &str) -> Vec<Change> {
    let known = Known {
        seen_id: Some(testing::ROLE_ID),
        now: now(),
    };
    let ours = testing::claim(0, "security/audit");
    decide::converge(&testing::desired(spec), observed, &known, &ours, &[])
        .unwrap()
        .changes
}

fn judged(observed: Option<&ObservedRole>, spec: &str, quotas: &Quotas) -> String {
    let observed = observed.map_or(Observed::Absent, |role| Observed::Present(Box::new(role.clone())));
    verdict(check(&observed, &plan(&observed, spec), quotas))
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
    }
    // Nor is what ends sessions.
    let full = holding(&[("a", 5000), ("b", 4940)]);
    for rest in [
        "access: Closed",
        "sessions: {revokeIssuedBefore: '2026-11-22T10:00:00Z'}",
    ] {
        assert_eq!(judged(Some(&held(&full)), &format!("{full}\n{rest}"), &small), "passes");
    }
    // What adds is judged by what the role would be then.
    assert!(judged(Some(&held(&attaching(1))), &attaching(2), &small).starts_with("QuotaExceeded"));
}

#[test]
fn the_dates_of_validity_count() {
    let validity = "validity: {notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z'}";
    let entries: Vec<String> = (0..14)
        .map(|number| {
            format!(
                "{{from: {{accounts: ['{:012}'], kind: Roles}}}}",
                100_000_000_000u64 + number
            )
        })
        .collect();
    let trust = format!("trust: [{}]", entries.join(", "));
    let without = testing::desired(&trust).trust.size();
    // Two more dates in the condition block of every statement.
    let dates = r#""DateGreaterThanEquals":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"},"#;
    let size = without + 14 * dates.len();
    let most = Quotas {
        trust_policy_size: size - 1,
        ..Quotas::default()
    };
    assert_eq!(judged(None, &trust, &most), "passes");
    let said = judged(None, &format!("{trust}\n{validity}"), &most);
    assert!(
        said.starts_with(&format!(
            "QuotaExceeded, spec.trust: the trust policy has {size} characters without white space, 1 more than"
        )),
        "{said}"
    );
}

#[test]
fn the_policy_that_ends_a_role_counts_and_300_characters_stay_free_all_the_same() {
    let validity = "validity: {notAfter: '2027-01-01T00:00:00Z'}";
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"DateGreaterThanEquals":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}}]}"#;
    let room = 9_940 - document.len();
    let spec = |size: usize| format!("{}\n{validity}", holding(&[("a", size)]));
    assert_eq!(judged(None, &spec(room), &Quotas::default()), "passes");
    assert_eq!(
        judged(None, &spec(room + 1), &Quotas::default()),
        format!(
            "QuotaExceeded, spec.permissions.inline: the inline policies have 9941 characters without white space together, 1 more than 9940 (IAM's 10240, of which 300 stay free for revoking sessions); the largest is a with {}; crossrole-validity, which ends the role when its time is over, needs {} of them: move one into a customer managed policy",
            room + 1,
            document.len()
        )
    );
    // Revoked and closed at once, it still fits.
    let closed = format!(
        "{}\n{validity}\naccess: Closed\nsessions: {{revokeIssuedBefore: '2026-11-22T10:00:00Z'}}",
        holding(&[("a", 9_940)])
    );
    assert_eq!(judged(None, &closed, &Quotas::default()), "passes");
}

#[test]
fn a_long_revocation_of_somebody_else_leaves_less_room() {
    let mut role = held("");
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::{}"}}]}}"#,
        "x".repeat(500)
    );
    let document = ObservedDocument::parse_encoded(&long, DocumentKind::Permission);
    let most = 10_240 - document.size();
    role.inline
        .insert(REVOKE_OLDER_SESSIONS_POLICY.parse().unwrap(), document);
    let spec = |total: usize| holding(&[("a", 5000), ("b", total - 5000)]);
    assert_eq!(judged(Some(&role), &spec(most), &Quotas::default()), "passes");
    let said = judged(Some(&role), &spec(most + 1), &Quotas::default());
    assert!(
        said.contains(&format!(
            "1 more than {most} (IAM's 10240, of which {} stay free",
            10_240 - most
        )),
        "{said}"
    );
}

#[test]
fn tags_of_others_that_go_do_not_count() {
    let tags = |from: usize| {
        let pairs: Vec<String> = (from..from + 48).map(|number| format!("t{number}: x")).collect();
        format!("tags: {{{}}}", pairs.join(", "))
    };
    assert_eq!(judged(Some(&held(&tags(0))), &tags(48), &Quotas::default()), "passes");
    let mut role = held("");
    role.tags.insert("aws:cloudformation:stack-name".into(), "x".into());
    assert_eq!(judged(Some(&role), &tags(0), &Quotas::default()), "passes");
    let few = Quotas {
        tags: 49,
        ..Quotas::default()
    };
    assert_eq!(
        judged(Some(&role), &tags(0), &few),
        "QuotaExceeded, spec.tags: 50 tags, crossrole's own among them, are 1 more than the 49 that a role may have"
    );
}
