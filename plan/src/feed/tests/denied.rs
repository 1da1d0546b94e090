//! Who was refused a role, and what was no refusal.

use serde_json::{Value, json};

use super::{ROLE, event, named, used, with};
use crate::feed::record::{Happening, Outcome, read};

#[test]
fn what_was_denied_names_the_role_in_one_of_three_places() {
    let message = format!(
        "User: arn:aws:iam::111111111111:user/anna is not authorized to perform: sts:AssumeRole on resource: {ROLE} because no identity-based policy allows the sts:AssumeRole action"
    );
    let denied = with(
        named("a"),
        &[
            ("/errorCode", json!("AccessDenied")),
            ("/errorMessage", json!(message)),
            ("/responseElements", Value::Null),
            ("/sharedEventID", Value::Null),
        ],
    );
    let without = |pointers: &[&str]| {
        let changes: Vec<_> = pointers.iter().map(|pointer| (*pointer, Value::Null)).collect();
        with(denied.clone(), &changes)
    };
    for record in [
        denied.clone(),
        without(&["/requestParameters"]),
        without(&["/requestParameters", "/resources"]),
    ] {
        let found = used(record);
        assert_eq!(
            (found.outcome, found.role.to_string().as_str()),
            (Outcome::Denied, ROLE)
        );
        assert_eq!(found.id, "dexample-ac7f-466c-a608-4ac8dexample");
    }
    let nowhere = without(&["/requestParameters", "/resources", "/errorMessage"]);
    assert_eq!(read(&event(nowhere)), Ok(Happening::Other));
}

#[test]
fn what_came_to_nothing_was_denied_to_nobody() {
    let failed = |code: &str| read(&event(with(named("a"), &[("/errorCode", json!(code))])));
    for code in [
        "ThrottlingException",
        "Throttling",
        "ValidationError",
        "RegionDisabledException",
    ] {
        assert_eq!(failed(code), Ok(Happening::Other), "{code}");
    }
    for code in [
        "AccessDenied",
        "InvalidIdentityTokenException",
        "ExpiredTokenException",
        "SomethingNew",
    ] {
        let Ok(Happening::Use(used)) = failed(code) else {
            panic!("{code} is a refusal");
        };
        assert_eq!(used.outcome, Outcome::Denied, "{code}");
    }
}
