//! Sessions are found under their role, and roles under their sessions.

use super::*;

#[test]
fn a_session_and_its_role_may_be_each_other() {
    const CI: &str = "arn:aws:iam::111111111111:role/team/ci";
    const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/ci/x";
    let roles = |kind| Who::Account {
        id: "111111111111".into(),
        kind,
    };
    let pattern = |text: &str| Who::Pattern(format!("arn:aws:iam::111111111111:{text}"));
    let set = Who::PermissionSet {
        account: "111111111111".into(),
        name: "Admin".into(),
    };
    let admin = "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ann";
    for (who, asked, expected) in [
        (Who::Principal(SESSION.into()), CI, true),
        (Who::Principal(CI.into()), SESSION, true),
        (Who::Principal(SESSION.into()), SESSION, true),
        (
            Who::Principal(SESSION.into()),
            "arn:aws:sts::111111111111:assumed-role/ci/y",
            false,
        ),
        (
            Who::Principal(SESSION.into()),
            "arn:aws:iam::111111111111:role/team/cd",
            false,
        ),
        (
            Who::Principal(SESSION.into()),
            "arn:aws:iam::333333333333:role/ci",
            false,
        ),
        (
            Who::Principal(SESSION.into()),
            "arn:aws:iam::111111111111:user/ci",
            false,
        ),
        (roles(Kind::Any), SESSION, true),
        (roles(Kind::Roles), SESSION, true),
        (roles(Kind::Users), SESSION, false),
        (pattern("role/team/*"), SESSION, true),
        (pattern("role/*/ci"), SESSION, true),
        (pattern("role/*/cd"), SESSION, false),
        (pattern("role/*d"), SESSION, false),
        (pattern("user/*"), SESSION, false),
        (pattern("*"), SESSION, true),
        (Who::Pattern("arn:aws:iam::3*:role/*".into()), SESSION, false),
        (set.clone(), admin, true),
        (set, SESSION, false),
    ] {
        assert_eq!(who.may_be(asked), expected, "{who} {asked}");
    }
}
