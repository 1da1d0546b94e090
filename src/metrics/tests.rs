use super::*;

/// Something of everything, for two accounts.
fn full() -> Metrics {
    let metrics = Metrics::default();
    for account in ["222222222222", "333333333333"] {
        metrics.called_aws(account, "iam:GetRole", "OK", Duration::from_millis(30));
        metrics.waited_for_aws(account, Duration::from_millis(1500));
        metrics.repaired(account);
    }
    for account in ["222222222222", "333333333333"] {
        metrics.used_role(account, ["IAMUser", "Yes", "Granted"], Duration::from_secs(3));
        metrics.changed_outside(account, Duration::from_secs(4));
    }
    metrics.took_message("Use");
    metrics.read_event_queue(true);
    metrics.reconciled("CrossAccountRole", "Ready", "InSync");
    metrics.looked("Ready", "InSync");
    metrics.wrote_to_kubernetes("patch", "crossaccountroles/status");
    metrics.kubernetes_failed("CrossAccountRole", "409");
    metrics.read_organization(1_800_000_000, 300);
    metrics.sent_notice("standard/chat", "Delivered");
    metrics.notifier_stands("standard/chat", true);
    metrics
}

fn account(id: &str) -> AccountStanding {
    AccountStanding {
        id: id.into(),
        ready: Some(true),
        orphans: Some(3),
        breaker_open: Some(false),
        credentials_expiry: Some(1_800_000_000),
    }
}

fn standing(accounts: &[&str]) -> Standing {
    Standing {
        leader: true,
        roles: vec![("222222222222".into(), "Ready", 2)],
        reasons: vec![("InSync", 2)],
        unused: vec![("90", 1)],
        grants: vec![("222222222222".into(), "Ready", 1)],
        stalled: vec![("CrossAccountRole", "InvalidSpec".into(), 1)],
        looks_under_way: 1,
        next_validity_end: Some(1_900_000_000),
        accounts: accounts.iter().map(|id| account(id)).collect(),
        all_accounts: true,
    }
}

/// The series of a text: `name{labels}` and the value.
fn series(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).collect()
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let found = series(text).into_iter().find(|(series, _)| *series == name);
    found.map(|(_, value)| value)
}

#[test]
fn what_is_described_is_what_is_told() {
    let metrics = full();
    metrics.read_from(|| standing(&["222222222222", "333333333333"]));
    let text = metrics.tell().unwrap();
    assert!(text.ends_with("# EOF\n"));
    for description in metrics.described() {
        let (name, family) = (&description.name, description.name.trim_end_matches("_total"));
        let kind = format!("# TYPE {family} {}\n", description.kind);
        assert!(text.contains(&kind), "{kind}");
        let help = format!("# HELP {family} {}.\n", description.meaning);
        assert!(text.contains(&help), "{help}");
        let unit = format!("# UNIT {family} ");
        let unit = text
            .split_once(&unit)
            .map_or("", |(_, rest)| rest.lines().next().unwrap());
        assert_eq!(unit, description.unit, "{name}");
        let one = if description.kind == "histogram" {
            format!("{name}_count")
        } else {
            name.clone()
        };
        let (found, _) = series(&text)
            .into_iter()
            .find(|(series, _)| series.split('{').next() == Some(&one))
            .unwrap_or_else(|| panic!("no series of {name}"));
        let labels = found.split_once('{').map_or("", |(_, labels)| labels);
        let labels: Vec<&str> = labels
            .split("\",")
            .filter_map(|label| label.split('=').next())
            .collect();
        let labels: Vec<&str> = labels.into_iter().filter(|label| !label.is_empty()).collect();
        assert_eq!(labels, description.labels, "{found}");
    }
    let families = text.lines().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(families, metrics.described().len());
}

#[test]
fn what_happened_is_counted() {
    let metrics = full();
    metrics.called_aws("222222222222", "iam:GetRole", "Throttling", Duration::from_secs(20));
    let text = metrics.tell().unwrap();
    for (name, expected) in [
        (r#"crossrole_aws_calls_total{action="iam:GetRole",code="OK"}"#, "2"),
        (
            r#"crossrole_aws_calls_total{action="iam:GetRole",code="Throttling"}"#,
            "1",
        ),
        (r#"crossrole_aws_account_calls_total{account_id="222222222222"}"#, "2"),
        (r#"crossrole_aws_wait_seconds_total{account_id="333333333333"}"#, "1.5"),
        (
            r#"crossrole_aws_call_duration_seconds_bucket{le="15.0",action="iam:GetRole"}"#,
            "2",
        ),
        (
            r#"crossrole_aws_call_duration_seconds_count{action="iam:GetRole"}"#,
            "3",
        ),
    ] {
        assert_eq!(value(&text, name), Some(expected), "{name} in\n{text}");
    }
    assert_eq!(
        value(&text, "crossrole_leader"),
        Some("0"),
        "nobody told how things stand"
    );
}

#[test]
fn the_series_of_an_account_that_is_gone_are_gone() {
    let metrics = full();
    let now = Arc::new(Mutex::new(standing(&["222222222222", "333333333333"])));
    let source = now.clone();
    metrics.read_from(move || source.lock().unwrap_or_else(PoisonError::into_inner).clone());
    assert!(metrics.tell().unwrap().contains("333333333333"));

    *now.lock().unwrap() = Standing {
        all_accounts: false,
        ..standing(&["222222222222"])
    };
    let text = metrics.tell().unwrap();
    let calls = r#"crossrole_aws_account_calls_total{account_id="333333333333"}"#;
    assert_eq!(
        value(&text, calls),
        Some("1"),
        "the account may be one that cannot be read"
    );

    *now.lock().unwrap() = standing(&["222222222222"]);
    let text = metrics.tell().unwrap();
    assert!(!text.contains("333333333333"), "{text}");
    // A call that was under way ends later; the next scrape takes it away again.
    metrics.called_aws("333333333333", "iam:GetRole", "OK", Duration::ZERO);
    assert!(!metrics.tell().unwrap().contains("333333333333"));
    assert!(text.contains("222222222222"));
}

#[test]
fn how_things_stand_is_told_by_the_leader_alone() {
    let metrics = Metrics::default();
    metrics.read_from(|| Standing {
        leader: false,
        ..standing(&["222222222222"])
    });
    let text = metrics.tell().unwrap();
    assert_eq!(value(&text, "crossrole_leader"), Some("0"));
    let told: Vec<&str> = series(&text).into_iter().map(|(name, _)| name).collect();
    let build_info = format!("crossrole_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(told, [build_info.as_str(), "crossrole_leader"]);
}

/// Ten thousand roles in a thousand accounts cost the scrape what a thousand accounts cost.
#[test]
fn a_thousand_accounts_are_told_quickly() {
    let metrics = Metrics::default();
    let ids: Vec<String> = (0..1000).map(|number| format!("{number:012}")).collect();
    let accounts: Vec<AccountStanding> = ids.iter().map(|id| account(id)).collect();
    let roles = ids
        .iter()
        .flat_map(|id| ["Ready", "Refused"].map(|state| (id.clone(), state, 5)));
    let all = Standing {
        roles: roles.collect(),
        accounts,
        ..standing(&[])
    };
    for id in &ids {
        metrics.called_aws(id, "iam:GetRole", "OK", Duration::ZERO);
    }
    metrics.read_from(move || all.clone());
    let began = std::time::Instant::now();
    let text = metrics.tell().unwrap();
    let took = began.elapsed();
    println!("{} series, {} bytes: {took:?}", series(&text).len(), text.len());
    assert!(series(&text).len() > 7000);
    assert!(took < Duration::from_secs(2), "{took:?}");
}
