use super::*;

fn problem<T: FromStr<Err = NameError> + fmt::Debug>(text: &str) -> String {
    text.parse::<T>().unwrap_err().to_string()
}

#[test]
fn a_role_name_has_1_to_64_characters_of_iams_set() {
    assert!("a".repeat(64).parse::<RoleName>().is_ok());
    assert!("Az09_+=,.@-".parse::<RoleName>().is_ok());
    assert!(problem::<RoleName>(&"a".repeat(65)).contains("has 65 characters; at most 64"));
    assert_eq!(problem::<RoleName>(""), r#"role name "" is empty"#);
    assert_eq!(
        problem::<RoleName>("a b"),
        r#"role name "a b" has the character ' '; allowed are letters, digits and _+=,.@-"#
    );
    for text in ["a/b", "a*", "a:b", "ä", "a\n"] {
        assert!(text.parse::<RoleName>().is_err(), "{text:?}");
    }
}

#[test]
fn role_names_that_differ_only_in_case_fold_to_the_same_text() {
    let upper: RoleName = "CrossAccount".parse().unwrap();
    let lower: RoleName = "crossaccount".parse().unwrap();
    assert_ne!(upper, lower);
    assert_eq!(upper.folded(), lower.folded());
}

#[test]
fn a_path_begins_and_ends_with_a_slash_and_has_no_empty_segment() {
    for text in ["/", "/a/", "/a/b/", "/crossrole/team_1/"] {
        assert!(text.parse::<Path>().is_ok(), "{text:?}");
    }
    for (text, part) in [
        ("", "is empty"),
        ("a/", "must begin and end with a slash"),
        ("/a", "must begin and end with a slash"),
        ("//", "empty segment"),
        ("/a//b/", "empty segment"),
        ("/a*/", "character '*'"),
        ("/a?/", "character '?'"),
        ("/a b/", "character ' '"),
        ("/ä/", "character 'ä'"),
    ] {
        let message = problem::<Path>(text);
        assert!(message.contains(part), "{message}");
    }
    assert!(format!("/{}/", "a".repeat(510)).parse::<Path>().is_ok());
    assert!(format!("/{}/", "a".repeat(511)).parse::<Path>().is_err());
}

#[test]
fn a_path_knows_what_lies_below_it() {
    let path = |text: &str| text.parse::<Path>().unwrap();
    assert!(path("/a/b/").is_at_or_below(&path("/a/")));
    assert!(path("/a/").is_at_or_below(&path("/a/")));
    assert!(path("/a/").is_at_or_below(&Path::root()));
    assert!(!path("/ab/").is_at_or_below(&path("/a/")));
}

#[test]
fn an_inline_policy_name_has_1_to_128_characters() {
    assert!("a".repeat(128).parse::<PolicyName>().is_ok());
    assert!("a".repeat(129).parse::<PolicyName>().is_err());
    assert!("".parse::<PolicyName>().is_err());
    assert!("read logs".parse::<PolicyName>().is_err());
}

#[test]
fn a_managed_policy_is_a_name_or_a_path_and_a_name() {
    for text in ["SecurityAudit", "job-function/ViewOnlyAccess", "service-role/a/b/Name"] {
        assert!(text.parse::<PolicyPathName>().is_ok(), "{text:?}");
    }
    for (text, part) in [
        ("", "is empty"),
        ("/SecurityAudit", "must not begin with a slash"),
        ("team//x", "empty segment"),
        ("team/", "empty segment"),
        ("team/*", "character '*'"),
        ("arn:aws:iam::aws:policy/SecurityAudit", "is an ARN"),
    ] {
        let message = problem::<PolicyPathName>(text);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn an_external_id_has_2_to_1224_characters_without_space() {
    assert!("ab".parse::<ExternalId>().is_ok());
    assert!("a1_+=,.@:/-".parse::<ExternalId>().is_ok());
    assert!("a".repeat(1224).parse::<ExternalId>().is_ok());
    assert!(problem::<ExternalId>("a").contains("shorter than 2"));
    assert!(problem::<ExternalId>(&"a".repeat(1225)).contains("at most 1224"));
    assert!(problem::<ExternalId>("a b").contains("character ' '"));
    assert!(problem::<ExternalId>("a*").contains("character '*'"));
}

#[test]
fn tags_follow_iams_rules() {
    for key in ["team", "cost center", "größe", "crossrole.dev/owner", "a:b"] {
        assert_eq!(check_tag_key(key), Ok(()), "{key:?}");
    }
    for key in ["", "aws:x", "AWS:x", "a*b", "a\tb", "a#"] {
        assert!(check_tag_key(key).is_err(), "{key:?}");
    }
    assert!(check_tag_key(&"a".repeat(128)).is_ok());
    assert!(check_tag_key(&"a".repeat(129)).is_err());
    assert!(check_tag_value("").is_ok());
    assert!(check_tag_value(&"a".repeat(256)).is_ok());
    assert!(check_tag_value(&"a".repeat(257)).is_err());
    assert!(check_tag_value("Aws:x").is_err());
    assert!(check_tag_value("a,b").is_err());
}
