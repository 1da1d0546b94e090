//! An account that does not let the operator in.

use super::*;

#[test]
fn a_closed_door_is_told_by_what_sts_said() {
    let account = account_of_tests();
    let role = "arn:aws:iam::222222222222:role/crossrole-bootstrap";
    let user = "User: arn:aws:sts::111111111111:assumed-role/o/s is not authorized to perform:";
    for (failure, message, side, what, fix) in [
        (
            Failure::BootstrapDenied,
            format!("{user} sts:AssumeRole on resource: {role}"),
            Side::Account,
            "AWS does not say why",
            "requires no external id, for this AWSAccount has none",
        ),
        (
            Failure::BootstrapDenied,
            format!(
                "{user} sts:AssumeRole on resource: {role} because no identity-based policy allows the sts:AssumeRole action"
            ),
            Side::Operator,
            "the operator's own role may not assume",
            "let the operator's role sts:AssumeRole",
        ),
        (
            Failure::BootstrapDenied,
            format!("{user} sts:TagSession on resource: {role}"),
            Side::Account,
            "carries tags",
            "sts:TagSession in a statement of its own",
        ),
        (
            Failure::BootstrapDenied,
            format!("{user} sts:AssumeRole on resource: {role} with an explicit deny in a resource-based policy"),
            Side::Account,
            "denies the operator",
            "take that Deny out",
        ),
        (
            Failure::WrongAccount,
            "account 3 answered".to_string(),
            Side::Objects,
            "account 3 answered",
            "set spec.accountId",
        ),
        (
            Failure::Malformed,
            "DurationSeconds".to_string(),
            Side::Objects,
            "DurationSeconds",
            "sessionDuration",
        ),
        (
            Failure::Unavailable,
            "connection refused".to_string(),
            Side::Network,
            "connection refused",
            "can be reached",
        ),
        (
            Failure::Unexpected,
            "?".to_string(),
            Side::Account,
            "does not know",
            "report it",
        ),
    ] {
        let finding = not_let_in(failure, &message, role, &account);
        assert_eq!(finding.side, side, "{finding}");
        assert!(finding.what.contains(what) && finding.fix.contains(fix), "{finding}");
    }
}
