use crossrole_plan::access::Who;
use crossrole_plan::declaration::ObjectName;

use super::*;
use crate::cli::ObjectFlags;

fn flags() -> ProfilesFlags {
    ProfilesFlags {
        caller: "111111111111".parse().unwrap(),
        objects: ObjectFlags {
            filename: Vec::new(),
            account: Vec::new(),
            namespace: None,
        },
        source_profile: "default".into(),
        mfa_serial: None,
        organization: None,
        output: OutputFormat::Text,
    }
}

fn profile(partition: &str, who: Who) -> Profile {
    Profile {
        place: Place {
            account: "prod".into(),
            account_id: "222222222222".into(),
            object: ObjectName {
                namespace: "security".into(),
                name: "audit".into(),
            },
            role_arn: format!("arn:{partition}:iam::222222222222:role/crossrole/audit"),
        },
        who,
        mfa: false,
        external_id: None,
        session_name: None,
        duration: 3600,
    }
}

#[test]
fn no_text_of_an_object_becomes_configuration() {
    for end in ["\n", "\r", "\r\n", "\u{85}", "\u{2028}", "\u{2029}"] {
        let pattern = format!("arn:aws:iam::111111111111:role/x*{end}[default]{end}credential_process = sh");
        let mut profile = profile("aws", Who::Pattern(pattern.clone()));
        profile.place.account = format!("prod{end}[default]");
        profile.session_name = Some(format!("x{end}credential_process = sh"));
        let left = LeftOut {
            place: profile.place.clone(),
            who: Some(profile.who.clone()),
            why: pattern,
        };
        let text = text(&sections(vec![profile]), &flags());
        let is_end = |character: char| matches!(character, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
        assert!(!text.contains(is_end), "{text}");
        let begins = [
            "# for ",
            "[profile prod",
            "role_arn = ",
            "source_profile = ",
            "role_session_name = ",
            "duration_seconds = ",
        ];
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), begins.len(), "{text}");
        for (line, begin) in lines.iter().zip(begins) {
            assert!(line.starts_with(begin), "{line}");
        }
        let told = told(&left);
        assert!(!told.contains(is_end) && !told.contains('\n'), "{told}");
    }
}

#[test]
fn another_partition_has_a_region_of_its_own() {
    for (partition, region) in [
        ("aws", None),
        ("aws-cn", Some("cn-north-1")),
        ("aws-us-gov", Some("us-gov-west-1")),
        ("aws-eusc", Some("eusc-de-east-1")),
    ] {
        let sections = sections(vec![profile(partition, Who::Anyone)]);
        let settings = sections[0].settings(&flags());
        let found = settings.iter().find(|(name, _)| *name == "region");
        assert_eq!(found.map(|(_, value)| value.as_str()), region, "{partition}");
    }
}
