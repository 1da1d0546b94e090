use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ACCOUNT, create, end, fault};
use crate::support::{Answer, Aws};

/// The same for all forms: texts as lists, lists and statements in order.
fn canonical(value: &Value, key: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| {
                let value = canonical(value, key);
                let alone = key == "Statement" && value.is_object();
                (key.clone(), if alone { json!([value]) } else { value })
            });
            fields.collect()
        }
        Value::Array(list) => {
            let mut list: Vec<_> = list.iter().map(|item| canonical(item, "item")).collect();
            list.sort_by_key(Value::to_string);
            Value::Array(list)
        }
        one if ["item", "Effect", "Version", "Sid"].contains(&key) => one.clone(),
        one => json!([one]),
    }
}

#[test]
fn documents_come_back_in_another_form_that_means_the_same() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"],
         "Principal": {"AWS": ["arn:aws:iam::111111111111:root", "arn:aws:iam::333333333333:root"], "Service": "ec2.amazonaws.com"},
         "Condition": {"StringEquals": {"sts:ExternalId": ["a", "b"], "aws:PrincipalOrgID": "o-a1"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]});
    let inline = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::b/*"]}});
    aws.post(
        "/accounts/222222222222/roles",
        &json!({"name": "r", "trust": trust, "inline": {"i": inline}}),
    );
    let role = ("RoleName", "r");
    let reads = || -> Vec<String> {
        let of = |answer: Answer, names: &[&str]| names.iter().flat_map(|name| answer.texts(name)).collect::<Vec<_>>();
        let documents = ["AssumeRolePolicyDocument", "PolicyDocument"];
        [
            of(aws.iam(&root, "GetRole", &[role]).ok(), &documents),
            of(aws.iam(&root, "ListRoles", &[]).ok(), &documents),
            of(
                aws.iam(&root, "GetRolePolicy", &[role, ("PolicyName", "i")]).ok(),
                &documents,
            ),
            of(aws.iam(&root, "GetAccountAuthorizationDetails", &[]).ok(), &documents),
        ]
        .concat()
    };
    let parse = |text: &String| -> Value {
        let text = percent_encoding::percent_decode_str(text).decode_utf8().unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let plain = reads();
    let mut forms = BTreeSet::new();
    for seed in 0..20 {
        let id = fault(
            &aws,
            json!({"match": {"account": ACCOUNT}, "do": {"reshape": {"seed": seed}}}),
        );
        let shaped = reads();
        assert_eq!(reads(), shaped, "a document keeps its form until it changes");
        for (plain, shaped) in plain.iter().zip(&shaped) {
            assert_eq!(canonical(&parse(plain), ""), canonical(&parse(shaped), ""), "{shaped}");
        }
        forms.extend(shaped);
        end(&aws, &id);
    }
    assert_eq!(reads(), plain);
    assert!(forms.len() >= 20, "{}", forms.len());
    // What is answered to the writing itself is an echo.
    fault(&aws, json!({"do": {"reshape": {"seed": 1}}}));
    let made = create(&aws, &root, "echo").ok().document("AssumeRolePolicyDocument");
    assert_eq!(
        made["Statement"][0]["Principal"],
        json!({"Service": "ec2.amazonaws.com"})
    );
}

#[test]
fn pages_of_any_size_still_give_everything_once() {
    let (aws, root) = Aws::with_account(ACCOUNT);
    let names: Vec<_> = (0..30).map(|index| format!("role-{index:02}")).collect();
    for name in &names {
        create(&aws, &root, name).ok();
    }
    fault(
        &aws,
        json!({"match": {"action": "ListRoles"}, "do": {"pages": {"seed": 5}}}),
    );
    let mut sizes = Vec::new();
    let mut seen = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut parameters = vec![("MaxItems", "8")];
        parameters.extend(marker.as_deref().map(|text| ("Marker", text)));
        let page = aws.iam(&root, "ListRoles", &parameters).ok();
        let listed = page.texts("RoleName");
        sizes.push(listed.len());
        seen.extend(listed);
        if page.text("IsTruncated") == "false" {
            assert!(page.texts("Marker").is_empty());
            break;
        }
        marker = Some(page.text("Marker")).filter(|text| !text.is_empty());
        assert!(marker.is_some());
    }
    assert_eq!(seen, names);
    assert!(sizes.contains(&0) && sizes.iter().all(|size| *size <= 8), "{sizes:?}");
    assert!(sizes.iter().collect::<BTreeSet<_>>().len() > 3, "{sizes:?}");
}
