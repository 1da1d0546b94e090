use super::*;

const TRUST: DocumentKind = DocumentKind::Trust;

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
fn what_a_principal_must_not_be_is_refused_with_its_path() {
    for (principal, start) in [
        (
            r#""111111111111""#,
            ": \"111111111111\" does not say of which kind it is",
        ),
        ("[]", ": must be an object, not an array"),
        ("{}", ": is empty"),
        (
            r#"{"aws": "111111111111"}"#,
            ".aws: is not a member of Principal; write AWS",
        ),
        (r#"{"User": "x"}"#, ".User: is not a member of Principal, which has"),
        (r#"{"AWS": []}"#, ".AWS: is empty"),
        (r#"{"AWS": {}}"#, ".AWS: must be a string or an array"),
        (
            r#"{"AWS": 111111111111}"#,
            ".AWS: must be a string; write \"111111111111\"",
        ),
        (
            r#"{"AWS": ["111111111111", ""]}"#,
            ".AWS[1]: \"\" is not an AWS principal",
        ),
        (r#"{"AWS": "11111111111"}"#, ".AWS: \"11111111111\" has 11 digits"),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:role/*"}"#,
            ".AWS: \"arn:aws:iam::111111111111:role/*\" has a wildcard",
        ),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:user/${aws:username}"}"#,
            ".AWS: \"arn:aws:iam::111111111111:user/${aws:username}\" has a policy variable",
        ),
        (
            r#"{"AWS": "arn:aws:iam::*:root"}"#,
            ".AWS: \"arn:aws:iam::*:root\" has a wildcard",
        ),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:group/admins"}"#,
            ".AWS: \"arn:aws:iam::111111111111:group/admins\" is a group",
        ),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:role/"}"#,
            ".AWS: ARN \"arn:aws:iam::111111111111:role/\" has an empty segment",
        ),
        (
            r#"{"AWS": "arn:aws:iam::111111111111:role"}"#,
            ".AWS: \"arn:aws:iam::111111111111:role\" is not an AWS principal",
        ),
        (
            r#"{"AWS": "arn:aws:iam:::role/x"}"#,
            ".AWS: \"arn:aws:iam:::role/x\" is not an AWS principal",
        ),
        (
            r#"{"AWS": "arn:mars:iam::111111111111:role/x"}"#,
            ".AWS: \"arn:mars:iam::111111111111:role/x\" has the partition",
        ),
        (
            r#"{"AWS": "arn:aws:sts::111111111111:assumed-role/x"}"#,
            ".AWS: \"arn:aws:sts::111111111111:assumed-role/x\" must name the role and the session",
        ),
        (
            r#"{"AWS": "arn:aws:s3:::bucket"}"#,
            ".AWS: \"arn:aws:s3:::bucket\" is not an AWS principal",
        ),
        (r#"{"AWS": "AROA123"}"#, ".AWS: \"AROA123\" is not an AWS principal"),
        (
            r#"{"AWS": "AROAdbqp57ff2aexample"}"#,
            ".AWS: \"AROAdbqp57ff2aexample\" is not an AWS principal",
        ),
        (
            r#"{"AWS": " 111111111111"}"#,
            ".AWS: \" 111111111111\" begins or ends with white space",
        ),
        (r#"{"Service": "ec2"}"#, ".Service: \"ec2\" is not a service principal"),
        (r#"{"Service": "*"}"#, ".Service: \"*\" is not a service principal"),
        (
            r#"{"Service": "ec2.amazonaws.com "}"#,
            ".Service: \"ec2.amazonaws.com \" is not a service principal",
        ),
        (r#"{"Federated": "*"}"#, ".Federated: \"*\" is not an identity provider"),
        (
            r#"{"Federated": "https://accounts.google.com"}"#,
            ".Federated: \"https://accounts.google.com\" is not",
        ),
        (
            r#"{"Federated": "arn:aws:iam::1111:saml-provider/okta"}"#,
            ".Federated: \"arn:aws:iam::1111:saml-provider/okta\" is not",
        ),
        (
            r#"{"Federated": "arn:aws:iam::111111111111:role/okta"}"#,
            ".Federated: \"arn:aws:iam::111111111111:role/okta\" is not",
        ),
        (
            r#"{"CanonicalUser": "x"}"#,
            ".CanonicalUser: \"x\" is not a canonical user id",
        ),
    ] {
        let statement = format!(r#"{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole"}}"#);
        let message = refusal(&trust(&statement), TRUST);
        let start = format!("Statement[0].Principal{start}");
        assert!(message.starts_with(&start), "{principal}: {message}");
    }
}

#[test]
fn every_kind_of_principal_that_a_trust_policy_takes_is_read() {
    for principal in [
        r#""*""#,
        r#"{"AWS": "*"}"#,
        r#"{"AWS": "111111111111"}"#,
        r#"{"AWS": "arn:aws:iam::111111111111:root"}"#,
        r#"{"AWS": "arn:aws-cn:iam::111111111111:user/path/ann"}"#,
        r#"{"AWS": "arn:aws-us-gov:iam::111111111111:role/aws-service-role/x.amazonaws.com/Y"}"#,
        r#"{"AWS": "arn:aws-eusc:sts::111111111111:assumed-role/ci/session-1"}"#,
        r#"{"AWS": "arn:aws:sts::111111111111:federated-user/ann"}"#,
        r#"{"AWS": ["AROADBQP57FF2AEXAMPLE", "AIDADBQP57FF2AEXAMPLE"]}"#,
        r#"{"Service": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}"#,
        r#"{"Service": "states.eu-west-1.amazonaws.com"}"#,
        r#"{"Federated": "cognito-identity.amazonaws.com"}"#,
        r#"{"Federated": "arn:aws:iam::111111111111:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"}"#,
        r#"{"Federated": "arn:aws-cn:iam::111111111111:saml-provider/okta"}"#,
    ] {
        let statement = format!(r#"{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole"}}"#);
        let document =
            Document::parse(&trust(&statement), TRUST).unwrap_or_else(|error| panic!("{principal}: {error}"));
        assert_eq!(Document::parse(&document.to_json(), TRUST), Ok(document));
    }
}

#[test]
fn principals_are_empty_when_nobody_is_named() {
    assert!(Principals::default().is_empty());
    for principals in [
        Principals::anyone(),
        Principals::aws(["111111111111"]),
        Principals::services(["ec2.amazonaws.com"]),
        Principals::federated(["accounts.google.com"]),
    ] {
        assert!(!principals.is_empty(), "{principals:?}");
    }
}
