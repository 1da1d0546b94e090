use serde_json::json;

use super::{ACCOUNT, ada, create, end, fault};
use crate::support::{Aws, trust};

#[test]
fn each_short_name_answers_with_the_code_and_status_that_the_list_tells() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let known = aws.get("/faults/errors");
    let errors = known["errors"].as_array().unwrap();
    assert!(errors.len() >= 25, "{}", errors.len());
    for error in errors {
        fault(&aws, json!({"do": {"error": error["name"]}}));
        let answer = aws.iam(&root, "GetRole", &[("RoleName", "r")]);
        assert_eq!(
            (json!(answer.code()), json!(answer.status)),
            (error["code"].clone(), error["status"].clone()),
        );
        assert!(!answer.texts("Message").is_empty(), "{}", answer.body);
    }
    let of_create = known["actions"]["CreateRole"].as_array().unwrap();
    for name in [
        "EntityAlreadyExists",
        "InvalidPrincipal",
        "ServiceFailure",
        "Throttling",
    ] {
        assert!(of_create.contains(&json!(name)), "{name}");
    }
    assert!(
        !known["actions"]["GetRole"]
            .as_array()
            .unwrap()
            .contains(&json!("LimitExceeded"))
    );
    assert!(
        !known["actions"]["AssumeRole"]
            .as_array()
            .unwrap()
            .contains(&json!("ServiceFailure"))
    );
    let (status, text) = aws.try_json("POST", "/faults", Some(&json!({"do": {"error": "Trottling"}})));
    assert_eq!((status, text.contains("Throttling")), (400, true), "{text}");
}

#[test]
fn the_sentence_of_an_error_is_about_the_call() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let ada = ada(&aws);
    let said = |name: &str, action: &str, parameters: &[(&str, &str)]| {
        fault(&aws, json!({"match": {"action": action}, "do": {"error": name}}));
        aws.iam(&ada, action, parameters).text("Message")
    };
    let role = ("RoleName", "r");
    let document = trust(json!({"AWS": ["arn:aws:iam::111111111111:role/new"]}), json!(null)).to_string();
    let create = [role, ("Path", "/x/"), ("AssumeRolePolicyDocument", document.as_str())];
    assert_eq!(
        said("InvalidPrincipal", "CreateRole", &create),
        "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:role/new\""
    );
    assert_eq!(
        said("ServiceControlPolicy", "CreateRole", &create),
        "User: arn:aws:iam::222222222222:user/ada is not authorized to perform: iam:CreateRole on resource: \
         arn:aws:iam::222222222222:role/x/r with an explicit deny in a service control policy"
    );
    assert_eq!(
        said("AccessDenied", "DeleteRole", &[role]),
        "User: arn:aws:iam::222222222222:user/ada is not authorized to perform: iam:DeleteRole on resource: role r \
         because no identity-based policy allows the iam:DeleteRole action"
    );
    assert_eq!(
        said("NoSuchEntity", "DeleteRolePolicy", &[role, ("PolicyName", "p")]),
        "The role policy with name p cannot be found."
    );
    assert_eq!(said("Throttling", "GetRole", &[role]), "Rate exceeded");
    fault(&aws, json!({"do": {"error": "AccessDenied"}}));
    let refused = aws
        .assume(&ada, "arn:aws:iam::222222222222:role/r", &[])
        .refused("AccessDenied");
    assert_eq!(
        refused.text("Message"),
        "User: arn:aws:iam::222222222222:user/ada is not authorized to perform: sts:AssumeRole on resource: \
         arn:aws:iam::222222222222:role/r"
    );
    // An error that is written out may leave to the short name what it does not say itself.
    fault(&aws, json!({"do": {"error": {"code": "ServiceUnavailable"}}}));
    assert_eq!(
        aws.iam(&root, "ListRoles", &[]).refused("ServiceUnavailable").status,
        503
    );
    fault(
        &aws,
        json!({"do": {"error": {"code": "Throttling", "message": "Slow down"}}}),
    );
    assert_eq!(
        aws.iam(&root, "ListRoles", &[]).refused("Throttling").text("Message"),
        "Slow down"
    );
}

#[test]
fn a_share_of_the_calls_fails_and_a_seed_says_which() {
    let run = |seed: u64, first: &str| {
        let (aws, root) = Aws::with_account(ACCOUNT);
        let id = fault(
            &aws,
            json!({"match": {"action": "GetRole"}, "probability": 0.3, "seed": seed, "do": {"error": "Throttling"}}),
        );
        let codes = |role: &str| -> Vec<_> {
            (0..40)
                .map(|_| aws.iam(&root, "GetRole", &[("RoleName", role)]).code())
                .collect()
        };
        // The fate of a call of one role does not hang on when the other's calls come.
        let (one, other) = if first == "a" {
            let one = codes("a");
            (one, codes("b"))
        } else {
            let other = codes("b");
            (codes("a"), other)
        };
        let throttled = [one.clone(), other.clone()]
            .concat()
            .iter()
            .filter(|code| *code == "Throttling")
            .count();
        assert!((12..=36).contains(&throttled), "{throttled} of 80");
        let report = end(&aws, &id);
        assert_eq!((&report["seen"], &report["fired"]), (&json!(80), &json!(throttled)));
        (one, other)
    };
    assert_eq!(run(7, "a"), run(7, "b"));
    assert_ne!(run(7, "a"), run(8, "a"));
    let (aws, _) = Aws::with_account(ACCOUNT);
    let wrong = json!({"probability": 1.5, "do": {"error": "Throttling"}});
    assert_eq!(aws.try_json("POST", "/faults", Some(&wrong)).0, 400);
}

#[test]
fn several_calls_in_a_row_fail_and_then_none() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    fault(
        &aws,
        json!({"match": {"action": "CreateRole"}, "nth": 2, "times": 2, "do": {"error": "ConcurrentModification"}}),
    );
    let codes: Vec<_> = ["a", "b", "b", "b"].map(|name| create(&aws, &root, name).code()).into();
    assert_eq!(codes, ["OK", "ConcurrentModification", "ConcurrentModification", "OK"]);
}

#[test]
fn a_proxy_on_the_way_can_answer_instead_of_aws() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    fault(
        &aws,
        json!({"do": {"body": {"status": 502, "text": "<html><body>Bad Gateway</body>"}}}),
    );
    let answer = aws.iam(&root, "ListRoles", &[]);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (502, "<html><body>Bad Gateway</body>")
    );
    assert_eq!(aws.get("/calls")["calls"][0]["code"], "502");
}
