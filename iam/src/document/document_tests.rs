use super::*;

const TRUST: DocumentKind = DocumentKind::Trust;
const PERMISSION: DocumentKind = DocumentKind::Permission;

fn trust(statement: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#)
}

fn refusal(text: &str, kind: DocumentKind) -> String {
    match Document::parse(text, kind) {
        Ok(document) => panic!("accepted: {document:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn iams_answers_are_decoded_once_and_keep_their_plus_signs() {
    let text = trust(r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/a+b%2Fc"}"#);
    let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
    for answer in [encoded.clone(), encoded.replace("%2B", "+")] {
        let document = Document::parse_encoded(&answer, PERMISSION).unwrap();
        let resource = document.statements[0].resource.as_ref().unwrap();
        assert_eq!(resource.patterns(), ["arn:aws:s3:::b/a+b%2Fc"]);
    }
    let error = Document::parse_encoded("%FF", PERMISSION).unwrap_err();
    assert_eq!(error.to_string(), "is not UTF-8 after percent-decoding");
}

#[test]
fn what_iam_holds_is_not_judged_again_but_nothing_of_it_is_dropped() {
    for (text, kind) in [
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}"#,
            DocumentKind::Managed,
        ),
        (
            r#"{"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}"#,
            DocumentKind::Managed,
        ),
        (
            r#"{"Version": "2012-10-17", "Statement": {"Sid": "a b", "Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "NotAction": "s3:x"}}"#,
            TRUST,
        ),
    ] {
        assert!(Document::parse(text, kind).is_err(), "{text}");
        assert!(Document::parse_encoded(text, kind).is_ok(), "{text}");
    }
    for (text, start) in [
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Extra": 1}}"#,
            "Statement.Extra",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Effect": "Allow"}}"#,
            "Statement.Effect",
        ),
        (r#"{"Statement": {"Effect": "allow"}}"#, "Statement.Effect"),
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "${aws:username}"}}"#,
            "Version: is missing",
        ),
        (
            r#"{"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "${aws:username}"}}"#,
            "Version: in version 2008-10-17",
        ),
        (
            r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:x", "Resource": "*", "Condition": {"Odd": {}}}}"#,
            "Statement.Condition.Odd",
        ),
    ] {
        let message = Document::parse_encoded(text, PERMISSION).unwrap_err().to_string();
        assert!(message.starts_with(start), "{text}: {message}");
    }
}

#[test]
fn an_inline_policy_need_not_say_its_version_while_both_mean_the_same() {
    let new = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::NAME/*"}}"#;
    let variable = new.replace("NAME", "${aws:username}");
    let meant = Document::parse(new, PERMISSION).unwrap();
    for (version, problem) in [("", "is missing"), (r#""Version": "2008-10-17", "#, "is plain text")] {
        let old = |text: &str| text.replace(r#""Version": "2012-10-17", "#, version);
        assert!(
            Document::parse(&old(new), PERMISSION)
                .unwrap()
                .means_the_same_as(&meant)
        );
        let message = refusal(&old(&variable), PERMISSION);
        assert!(
            message.starts_with("Version: ") && message.contains(problem),
            "{message}"
        );
    }
}

#[test]
fn a_trust_policy_of_the_old_version_is_taken_while_it_means_the_same() {
    let text =
        trust(r#"{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}"#);
    let old = Document::parse(&text.replace("2012-10-17", "2008-10-17"), TRUST).unwrap();
    assert!(old.to_json().starts_with(r#"{"Version":"2012-10-17","#));
    let variable = trust(
        r#"{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"a": "${aws:username}"}}}"#,
    );
    assert!(Document::parse(&variable, TRUST).is_ok());
    let message = refusal(&variable.replace("2012-10-17", "2008-10-17"), TRUST);
    assert!(message.contains("is plain text"), "{message}");
}

#[test]
fn documents_are_written_compact_or_indented() {
    let document = Document::parse(
        r#"{"Statement": {"Condition": {"stringequals": {"b": ["x", "y"], "a": "1"}}, "Resource": ["*"], "Action": ["s3:GetObject", "s3:PutObject"], "Effect": "Deny", "Sid": "One"}, "Id": "é\u0416\"\\\n", "Version": "2012-10-17"}"#,
        PERMISSION,
    )
    .unwrap();
    let compact = r#"{"Version":"2012-10-17","Id":"é\u0416\"\\\n","Statement":[{"Sid":"One","Effect":"Deny","Action":["s3:GetObject","s3:PutObject"],"Resource":"*","Condition":{"StringEquals":{"b":["x","y"],"a":"1"}}}]}"#;
    assert_eq!(document.to_json(), compact);
    assert_eq!(document.size(), compact.chars().count());
    assert_eq!(
        document.to_pretty_json(),
        r#"{
  "Version": "2012-10-17",
  "Id": "é\u0416\"\\\n",
  "Statement": [
    {
      "Sid": "One",
      "Effect": "Deny",
      "Action": [
        "s3:GetObject",
        "s3:PutObject"
      ],
      "Resource": "*",
      "Condition": {
        "StringEquals": {
          "b": [
            "x",
            "y"
          ],
          "a": "1"
        }
      }
    }
  ]
}"#
    );
    assert!(document.has_deny() && !document.has_allow());
}

#[test]
fn the_size_leaves_out_white_space_inside_strings_too() {
    let document = |action: &str| {
        Document::new(vec![Statement {
            sid: None,
            effect: Effect::Allow,
            principal: None,
            action: ActionElement::Action(vec![action.to_owned()]),
            resource: Some(ResourceElement::Resource(vec!["*".to_owned()])),
            conditions: vec![],
        }])
    };
    assert_eq!(document("s3:a b c").size(), document("s3:abc").size());
}

#[test]
fn everybody_is_written_under_aws() {
    let text = trust(r#"{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}"#);
    let document = Document::parse(&text, TRUST).unwrap();
    assert!(document.to_json().contains(r#""Principal":{"AWS":"*"}"#));
}

#[test]
fn a_document_put_together_wrongly_is_found_out() {
    let mut statement = Statement {
        sid: None,
        effect: Effect::Allow,
        principal: Some(PrincipalElement::Principal(Principals::services(["ec2.amazonaws.com"]))),
        action: ActionElement::Action(vec!["sts:AssumeRole".to_owned()]),
        resource: None,
        conditions: vec![],
    };
    assert_eq!(Document::new(vec![statement.clone()]).check(TRUST), Ok(()));
    let condition = Condition::new(OperatorName::StringEquals, "sts:ExternalId", ["ab"]);
    statement.conditions = vec![condition.clone(), condition];
    let error = Document::new(vec![statement]).check(TRUST).unwrap_err();
    assert!(error.to_string().contains("stands twice"), "{error}");
    assert!(Document::new(vec![]).check(TRUST).is_err());
}

#[test]
fn deleted_principals_are_told_each_once() {
    let document = Document::parse(
        &trust(
            r#"{"Effect": "Allow", "Principal": {"AWS": ["AROADBQP57FF2AEXAMPLE", "111111111111"]}, "Action": "sts:AssumeRole"},
               {"Effect": "Deny", "Principal": {"AWS": ["AIDADBQP57FF2AEXAMPLE", "AROADBQP57FF2AEXAMPLE"]}, "Action": "sts:AssumeRole"}"#,
        ),
        TRUST,
    )
    .unwrap();
    assert_eq!(
        document.dead_principals(),
        ["AROADBQP57FF2AEXAMPLE", "AIDADBQP57FF2AEXAMPLE"]
    );
    assert_eq!(document.statements[0].dead_principals(), ["AROADBQP57FF2AEXAMPLE"]);
}
