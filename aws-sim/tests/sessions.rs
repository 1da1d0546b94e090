//! What goes with a session: tags, source identity, organisation, address; and sessions of roles that AWS owns.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Aws, Keys, policy, signed, trust, trust_for};

const HOME: &str = "111111111111";
const TARGET: &str = "222222222222";
const TEAM: &[(&str, &str)] = &[("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "red")];

fn may(actions: &[&str]) -> Value {
    json!({"sts": policy("Allow", actions, "*")})
}

fn world() -> Aws {
    let aws = Aws::start();
    aws.account(HOME);
    aws.account(TARGET);
    aws
}

/// Makes a role of the target account anew and gives its ARN.
fn role(aws: &Aws, name: &str, document: &Value) -> String {
    aws.try_json("DELETE", &format!("/accounts/{TARGET}/roles/{name}"), None);
    let order = json!({"name": name, "trust": document, "inline": may(&["sts:*", "iam:*"])});
    let made = aws.post(&format!("/accounts/{TARGET}/roles"), &order);
    made["arn"].as_str().unwrap().to_owned()
}

#[test]
fn tags_and_source_identity_are_allowed_by_both_sides_or_refused() {
    let aws = world();
    let only_assume = aws.user(HOME, "only-assume", may(&["sts:AssumeRole"]));
    let tagger = aws.user(HOME, "tagger", may(&["sts:AssumeRole", "sts:TagSession"]));
    let namer = aws.user(HOME, "namer", may(&["sts:AssumeRole", "sts:SetSourceIdentity"]));
    let source = [("SourceIdentity", "ada")];
    let every = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    for (actions, keys, more, missing) in [
        (&every[..], &tagger, TEAM, None),
        (&every[..], &only_assume, TEAM, Some("sts:TagSession")),
        (&every[..], &namer, TEAM, Some("sts:TagSession")),
        (&every[..1], &tagger, TEAM, Some("sts:TagSession")),
        (&every[..], &namer, &source, None),
        (&every[..], &tagger, &source, Some("sts:SetSourceIdentity")),
        (&every[..2], &namer, &source, Some("sts:SetSourceIdentity")),
        (&every[1..], &tagger, TEAM, Some("sts:AssumeRole")),
    ] {
        let arn = role(&aws, "target", &trust_for(actions, json!({"AWS": HOME}), Value::Null));
        let answer = aws.assume(keys, &arn, more);
        match missing {
            None => drop(answer.ok()),
            Some(action) => {
                let message = answer.refused("AccessDenied").text("Message");
                assert!(message.contains(&format!("perform: {action} on")), "{message}");
            }
        }
    }
}

#[test]
fn conditions_on_the_tags_of_a_request_decide() {
    let aws = world();
    let ada = aws.user(HOME, "ada", may(&["sts:*"]));
    let transitive = [TEAM[0], TEAM[1], ("TransitiveTagKeys.member.1", "team")];
    for (condition, more, expected) in [
        (json!({"StringEquals": {"aws:RequestTag/team": "red"}}), TEAM, "OK"),
        (
            json!({"StringEquals": {"aws:RequestTag/team": "blue"}}),
            TEAM,
            "AccessDenied",
        ),
        (
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}}),
            TEAM,
            "OK",
        ),
        (
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["cost"]}}),
            TEAM,
            "AccessDenied",
        ),
        (json!({"Null": {"sts:TransitiveTagKeys": "true"}}), TEAM, "OK"),
        (
            json!({"Null": {"sts:TransitiveTagKeys": "true"}}),
            &transitive,
            "AccessDenied",
        ),
        (
            json!({"ForAllValues:StringEquals": {"sts:TransitiveTagKeys": "team"}}),
            &transitive,
            "OK",
        ),
        (
            json!({"StringEquals": {"sts:SourceIdentity": "ada"}}),
            &[("SourceIdentity", "ada")],
            "OK",
        ),
        (
            json!({"StringEquals": {"sts:SourceIdentity": "${aws:username}"}}),
            &[("SourceIdentity", "ada")],
            "OK",
        ),
        (
            json!({"StringEquals": {"sts:SourceIdentity": "${aws:username}"}}),
            &[("SourceIdentity", "eve")],
            "AccessDenied",
        ),
        (Value::Null, &[("SourceIdentity", "aws:x")], "ValidationError"),
        (
            Value::Null,
            &[("TransitiveTagKeys.member.1", "team")],
            "InvalidParameterValue",
        ),
    ] {
        let arn = role(
            &aws,
            "target",
            &trust_for(&["sts:*"], json!({"AWS": HOME}), condition.clone()),
        );
        let answer = aws.assume(&ada, &arn, more);
        assert_eq!(answer.code(), expected, "{condition} {more:?}: {}", answer.body);
    }
}

#[test]
fn tags_belong_to_the_session_and_only_transitive_ones_go_on() {
    let aws = world();
    let ada = aws.user(HOME, "ada", may(&["sts:*"]));
    let first = role(&aws, "first", &trust_for(&["sts:*"], json!({"AWS": HOME}), Value::Null));
    let team_only = json!({"StringEquals": {"aws:PrincipalTag/team": "red"}});
    let second = role(
        &aws,
        "second",
        &trust_for(&["sts:*"], json!({"AWS": first}), team_only.clone()),
    );
    let third = role(&aws, "third", &trust_for(&["sts:*"], json!({"AWS": second}), team_only));
    let plain = aws.assume(&ada, &first, TEAM).ok().keys();
    let inner = aws.assume(&plain, &second, &[]).ok().keys();
    aws.assume(&inner, &third, &[]).refused("AccessDenied");
    aws.assume(&aws.assume(&ada, &first, &[]).ok().keys(), &second, &[])
        .refused("AccessDenied");

    let transitive = [TEAM[0], TEAM[1], ("TransitiveTagKeys.member.1", "team")];
    let outer = aws.assume(&ada, &first, &transitive).ok().keys();
    let inner = aws.assume(&outer, &second, &[]).ok().keys();
    aws.assume(&inner, &third, &[]).ok();
    let message = aws
        .assume(&outer, &second, TEAM)
        .refused("InvalidParameterValue")
        .text("Message");
    assert!(
        message.starts_with("One of the specified transitive tag keys can't be set"),
        "{message}"
    );
}

#[test]
fn a_source_identity_stays_and_cannot_be_changed() {
    let aws = world();
    let ada = aws.user(HOME, "ada", may(&["sts:*"]));
    let first = role(&aws, "first", &trust_for(&["sts:*"], json!({"AWS": HOME}), Value::Null));
    let second = role(&aws, "second", &trust(json!({"AWS": first}), Value::Null));
    let session = aws.assume(&ada, &first, &[("SourceIdentity", "ada")]).ok().keys();
    let message = aws
        .assume(&session, &second, &[])
        .refused("AccessDenied")
        .text("Message");
    assert!(message.contains("sts:SetSourceIdentity"), "{message}");
    let condition = json!({"StringEquals": {"aws:SourceIdentity": "ada"}});
    let second = role(&aws, "second", &trust_for(&["sts:*"], json!({"AWS": first}), condition));
    let chained = aws.assume(&session, &second, &[]).ok();
    assert_eq!(chained.text("SourceIdentity"), "ada");
    aws.assume(&session, &second, &[("SourceIdentity", "eve")])
        .refused("AccessDenied");
    aws.assume(&session, &second, &[("SourceIdentity", "ada")]).ok();
}

#[test]
fn a_session_of_identity_center_is_known_by_the_arn_of_its_role_with_the_path() {
    let aws = world();
    let name = "AWSReservedSSO_Audit_0123456789abcdef";
    for (path, region) in [
        ("/aws-reserved/sso.amazonaws.com/", ""),
        ("/aws-reserved/sso.amazonaws.com/eu-west-1/", "*/"),
    ] {
        let order = json!({"name": name, "path": path, "inline": may(&["sts:AssumeRole"]),
            "trust": trust(json!({"AWS": HOME}), Value::Null)});
        aws.post("/accounts/111111111111/roles", &order);
        let reserved = format!("arn:aws:iam::111111111111:role{path}{name}");
        let session = Keys::of(&aws.post(
            "/sessions/role",
            &json!({"role": reserved, "sessionName": "ada@acme.test"}),
        ));
        let identity = aws.sts(&session, "GetCallerIdentity", &[]).ok();
        assert_eq!(
            identity.text("Arn"),
            format!("arn:aws:sts::111111111111:assumed-role/{name}/ada@acme.test")
        );
        let pattern = |set: &str| {
            format!(
                "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/{region}AWSReservedSSO_{set}_????????????????"
            )
        };
        for (set, expected) in [
            ("Audit", "OK"),
            ("Aud", "AccessDenied"),
            ("Audit_Admin", "AccessDenied"),
        ] {
            let condition = json!({"ArnLike": {"aws:PrincipalArn": pattern(set)}});
            let arn = role(&aws, "target", &trust(json!({"AWS": HOME}), condition));
            aws.assume(&session, &arn, &[]).refused_or_ok(expected);
        }
        let root = aws.root(HOME);
        aws.iam(&root, "DeleteRole", &[("RoleName", name)])
            .refused("UnmodifiableEntity");
        aws.json("DELETE", &format!("/accounts/111111111111/roles/{name}"), None);
    }
}

#[test]
fn a_role_that_dies_becomes_its_unique_id_and_does_not_come_back() {
    let aws = world();
    let make = || {
        let order = json!({"name": "hub", "inline": may(&["sts:AssumeRole"]), "trust": trust(json!({"AWS": HOME}), Value::Null)});
        aws.post("/accounts/111111111111/roles", &order)["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let hub = "arn:aws:iam::111111111111:role/hub";
    let session = || Keys::of(&aws.post("/sessions/role", &json!({"role": hub})));
    let id = make();
    let old = session();
    let target = role(&aws, "target", &trust(json!({"AWS": hub}), Value::Null));
    aws.assume(&old, &target, &[]).ok();
    aws.json("DELETE", "/accounts/111111111111/roles/hub", None);
    let named = || aws.get("/accounts/222222222222/roles/target")["trust"]["Statement"][0]["Principal"]["AWS"].clone();
    assert_eq!(named(), json!(id));
    aws.assume(&old, &target, &[]).refused("InvalidClientTokenId");
    assert_ne!(make(), id);
    assert_eq!(named(), json!(id));
    aws.assume(&session(), &target, &[]).refused("AccessDenied");
    aws.assume(&old, &target, &[]).refused("InvalidClientTokenId");
    let target = role(&aws, "target", &trust(json!({"AWS": hub}), Value::Null));
    aws.assume(&session(), &target, &[]).ok();
}

#[test]
fn an_account_knows_its_organisation_and_its_place_in_it() {
    let aws = world();
    let ada = aws.user(HOME, "ada", may(&["sts:*"]));
    let unit = "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/";
    let place = |path: &str| json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": path}});
    let try_in = |condition: Value| {
        let arn = role(&aws, "target", &trust(json!({"AWS": "*"}), condition));
        aws.assume(&ada, &arn, &[]).code()
    };
    assert_eq!(try_in(place("*")), "AccessDenied");
    aws.post("/accounts", &json!({"id": HOME, "organization": "o-a1b2c3d4e5"}));
    assert_eq!(try_in(place("o-a1b2c3d4e5/*")), "OK");
    assert_eq!(try_in(place(unit)), "AccessDenied");
    aws.post(
        "/accounts",
        &json!({"id": HOME, "organization": "o-a1b2c3d4e5", "organizationPath": unit}),
    );
    assert_eq!(try_in(place(unit)), "OK");
    assert_eq!(try_in(place("o-a1b2c3d4e5/r-ab12/ou-ab12-22222222/*")), "AccessDenied");
    let same = json!({"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}});
    assert_eq!(try_in(same.clone()), "AccessDenied");
    aws.post("/accounts", &json!({"id": TARGET, "organization": "o-a1b2c3d4e5"}));
    assert_eq!(try_in(same), "OK");
    for (id, path) in [(Some("o-x"), "o-y/r-1/"), (Some("o-x"), "o-x/r-1"), (None, "o-x/r-1/")] {
        let order = json!({"id": HOME, "organization": id, "organizationPath": path});
        assert_eq!(aws.try_json("POST", "/accounts", Some(&order)).0, 400, "{path}");
    }
}

#[test]
fn the_address_of_a_caller_can_be_chosen() {
    let aws = world();
    let ada = aws.user(HOME, "ada", may(&["sts:*"]));
    let arn = role(
        &aws,
        "target",
        &trust(
            json!({"AWS": HOME}),
            json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        ),
    );
    aws.assume(&ada, &arn, &[]).refused("AccessDenied");
    let path = format!("/credentials/{}", ada.id);
    aws.json("PUT", &path, Some(&json!({"sourceIp": "203.0.113.9"})));
    aws.assume(&ada, &arn, &[]).ok();
    let parameters = [("RoleArn", arn.as_str()), ("RoleSessionName", "test")];
    let send = |address: &str| {
        let headers = format!("{}X-Aws-Sim-Source-Ip: {address}\r\n", signed("sts", &ada));
        aws.send(&headers, "AssumeRole", &parameters).unwrap()
    };
    send("198.51.100.1").refused("AccessDenied");
    aws.json("PUT", &path, Some(&json!({"sourceIp": null})));
    aws.assume(&ada, &arn, &[]).refused("AccessDenied");
    send("203.0.113.255").ok();
}

#[test]
fn dates_in_a_trust_policy_follow_the_simulated_clock() {
    let aws = world();
    let ada = aws.user(HOME, "ada", may(&["sts:*"]));
    let now = || {
        aws.post("/clock", &json!({"advanceSeconds": 0}))["now"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    aws.post("/clock", &json!({"advanceSeconds": 3600}));
    let end = now();
    aws.post("/clock", &json!({"advanceSeconds": -3600}));
    let arn = role(
        &aws,
        "target",
        &trust(json!({"AWS": HOME}), json!({"DateLessThan": {"aws:CurrentTime": end}})),
    );
    aws.assume(&ada, &arn, &[]).ok();
    aws.post("/clock", &json!({"advanceSeconds": 3600}));
    aws.assume(&ada, &arn, &[]).refused("AccessDenied");
}
