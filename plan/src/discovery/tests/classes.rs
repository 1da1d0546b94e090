//! Which class an account is of.

use super::*;

#[test]
fn the_class_that_names_the_nearest_unit_counts_then_the_one_with_more_tags() {
    let chosen = |classes: &[(&str, &str)]| {
        let classes: Vec<AccountClass> = classes.iter().map(|(name, discovery)| class(name, discovery)).collect();
        let mut account = listed(1, &[WORKLOADS, PROD]);
        account.tags = BTreeMap::from([("env".into(), "prod".into()), ("team".into(), "a".into())]);
        let decision = Cluster::new(classes).decide(&listing(vec![account]));
        let class = decision.applications.first().map(|one| one.fields.class.clone());
        (
            class.unwrap_or_default(),
            decision.problems.into_keys().collect::<Vec<_>>().join(" "),
        )
    };
    let root = ("root", "{organizationalUnits: [r-a1b2]}");
    let tagged = ("tagged", "{tags: {env: prod}}");
    let both = ("both", "{tags: {env: prod, team: a}}");
    let below = ("below", "{organizationalUnits: [ou-a1b2-workload]}");
    let nearest = ("nearest", "{organizationalUnits: [ou-a1b2-workprod, ou-a1b2-sandbox1]}");
    for (classes, class, problems) in [
        (vec![root, tagged], "root", ""),
        (vec![tagged, both], "both", ""),
        (vec![root, below, nearest], "nearest", ""),
        (
            vec![
                below,
                ("more", "{organizationalUnits: [ou-a1b2-workload], tags: {env: prod}}"),
            ],
            "more",
            "",
        ),
        (
            vec![below, ("same", "{organizationalUnits: [ou-a1b2-workload]}")],
            "",
            "below same",
        ),
        (vec![("other", "{tags: {env: Prod}}")], "", ""),
        (
            vec![
                (
                    "elsewhere",
                    "{organizationalUnits: [ou-a1b2-workprod], tags: {env: stage}}",
                ),
                root,
            ],
            "root",
            "",
        ),
    ] {
        assert_eq!(
            chosen(&classes),
            (class.to_string(), problems.to_string()),
            "{classes:?}"
        );
    }
}

#[test]
fn an_account_that_two_classes_name_equally_well_keeps_the_one_that_it_has() {
    let mut cluster = Cluster::usual();
    let all = listing(vec![listed(1, &[WORKLOADS])]);
    cluster.follow(&all);
    cluster
        .classes
        .push(class("second", &format!("{{organizationalUnits: [{WORKLOADS}]}}")));
    let decision = cluster.follow(&all);
    assert_eq!(decision.applications, Vec::new());
    let (reason, message) = &decision.problems["second"];
    assert_eq!(*reason, Reason::AmbiguousClass);
    assert!(
        message.contains("222200000001 is named equally well by AccountClass standard"),
        "{message}"
    );
}

#[test]
fn nothing_is_concluded_from_classes_and_accounts_that_cannot_be_read() {
    let mut cluster = Cluster::usual();
    let all = listing(vec![listed(1, &[WORKLOADS]), listed(2, &[SANDBOX])]);
    cluster.follow(&all);
    let objects = cluster.objects();
    let known = Known {
        accounts: objects.iter().collect(),
        ..Known::default()
    };
    assert_eq!(decide(&all, &known, AT_LEAST), Decision::default());
    let known = Known {
        classes: cluster.classes.iter().collect(),
        all_classes: true,
        ..Known::default()
    };
    assert_eq!(
        decide(&all, &known, AT_LEAST).applications,
        Vec::new(),
        "it may be there already"
    );
}

#[test]
fn tags_are_asked_for_only_where_they_bear_on_something() {
    let mut cluster = Cluster::usual();
    let is_in = |cluster: &Cluster, units: &[&str]| {
        let objects = cluster.objects();
        let known = Known {
            classes: cluster.classes.iter().collect(),
            accounts: objects.iter().collect(),
            ..Known::default()
        };
        Interest::of(&known).is_in("r-a1b2", &listed(1, units))
    };
    assert!(is_in(&cluster, &[WORKLOADS, PROD]) && !is_in(&cluster, &[SANDBOX]));
    cluster.follow(&listing(vec![listed(1, &[WORKLOADS])]));
    assert!(is_in(&cluster, &[SANDBOX]), "it has an object, whose labels say them");
}

#[test]
fn a_class_that_chooses_nothing_or_presents_no_external_id_is_refused() {
    let refused = |discovery: &str| Rule::parse(&class("standard", discovery)).unwrap_err();
    assert_eq!(refused("{}").reason, Reason::InvalidClass);
    assert!(
        refused("{tags: {a: b}, externalId: 'a b'}")
            .field
            .contains("discovery.externalId")
    );
}

#[test]
fn while_a_class_cannot_be_read_none_is_chosen_and_the_classes_say_so() {
    let mut cluster = Cluster::new(vec![
        class(
            "standard",
            &format!("{{organizationalUnits: [{WORKLOADS}], externalId: standard-1}}"),
        ),
        class(
            "production",
            &format!("{{organizationalUnits: [{PROD}], externalId: production-1}}"),
        ),
    ]);
    let all = listing(vec![listed(1, &[WORKLOADS, PROD]), listed(2, &[WORKLOADS])]);
    cluster.follow(&all);
    assert_eq!(cluster.accounts[FIRST]["spec"]["class"], "production");
    let objects = cluster.objects();
    let mut more = all.clone();
    more.accounts.push(listed(3, &[WORKLOADS]));
    more.accounts[1].standing = Standing::Suspended;
    let unreadable = class("production", "{}");
    for (classes, all_classes) in [
        (vec![&cluster.classes[0]], false),
        (vec![&cluster.classes[0], &unreadable], true),
    ] {
        let known = Known {
            classes,
            accounts: objects.iter().collect(),
            all_classes,
            all_accounts: true,
            ..Known::default()
        };
        let decision = decide(&more, &known, AT_LEAST);
        assert_eq!(names(&decision), ["account-222200000002"], "what AWS says counts");
        let fields = &decision.applications[0].fields;
        assert_eq!(
            (fields.class.as_str(), fields.external_id.as_deref()),
            ("standard", Some("standard-1"))
        );
        let (reason, message) = &decision.problems["standard"];
        assert_eq!(*reason, Reason::InvalidSpec);
        assert!(message.contains("no AWSAccount is made"), "{message}");
    }
}

#[test]
fn an_account_that_no_class_named_stays_paused_while_its_class_is_in_doubt() {
    let mut cluster = Cluster::usual();
    let mut all = listing(vec![listed(1, &[WORKLOADS])]);
    cluster.follow(&all);
    all.accounts[0].units = vec![unit(SANDBOX, "Sandbox")];
    cluster.follow(&all);
    for name in ["one", "other"] {
        cluster
            .classes
            .push(class(name, &format!("{{organizationalUnits: [{SANDBOX}]}}")));
    }
    cluster.follow(&all);
    assert_eq!(cluster.state(FIRST), AccountState::Paused);
    cluster.classes.pop();
    cluster.follow(&all);
    assert_eq!(cluster.state(FIRST), AccountState::Active);
    assert_eq!(cluster.accounts[FIRST]["spec"]["class"], "one");
}

#[test]
fn where_an_account_cannot_be_read_the_classes_say_that_none_is_made() {
    let cluster = Cluster::usual();
    let known = Known {
        classes: cluster.classes.iter().collect(),
        all_classes: true,
        ..Known::default()
    };
    let decision = decide(&listing(vec![listed(1, &[WORKLOADS])]), &known, AT_LEAST);
    let (reason, message) = &decision.problems["standard"];
    assert_eq!(*reason, Reason::InvalidSpec);
    assert!(message.starts_with("an AWSAccount cannot be read"), "{message}");
}

#[test]
fn a_class_that_is_being_deleted_gets_no_more_accounts() {
    let mut cluster = Cluster::usual();
    cluster.follow(&listing(vec![listed(1, &[WORKLOADS])]));
    let ending = json!("2026-11-22T10:00:00Z");
    cluster.classes[0].metadata.deletion_timestamp = Some(serde_json::from_value(ending).unwrap());
    let both = listing(vec![listed(1, &[WORKLOADS]), listed(2, &[WORKLOADS])]);
    assert_eq!(cluster.follow(&both), Decision::default());
    // Nor one that is of another class.
    let mut cluster = Cluster::usual();
    cluster.follow(&listing(vec![listed(1, &[WORKLOADS, PROD])]));
    let mut nearer = class(
        "nearer",
        &format!("{{organizationalUnits: [{PROD}], externalId: nearer-1}}"),
    );
    nearer.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-11-22T10:00:00Z")).unwrap());
    cluster.classes.push(nearer);
    assert_eq!(
        cluster.follow(&listing(vec![listed(1, &[WORKLOADS, PROD])])),
        Decision::default()
    );
    assert_eq!(cluster.accounts[FIRST]["spec"]["class"], "standard");
}
