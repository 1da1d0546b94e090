//! Whose a role is, when the cluster or the account says something new.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn objects_restored_with_other_creation_times_do_not_move_a_contested_role() {
    let scene = start().await;
    let named = |object: &str| with(role(object), "/spec/roleName", json!("Contested"));
    let mut operator = scene.operator(&ASKED).await.unwrap();
    apply(&scene, &[named("holder")]).await;
    scene.wait_for_ready("security", "holder", "True").await.unwrap();
    apply(&scene, &[named("claimant")]).await;
    wait_for_reason(&scene, "claimant", "HeldByAnother").await;
    operator.kill().await.unwrap();
    vanish(&scene, &["holder", "claimant"]).await;
    scene.simulator.reset_calls().await.unwrap();

    // The claimant comes first this time.
    apply(&scene, &[named("claimant")]).await;
    let created =
        async |name: &str| scene.get("xar", "security", name).await.unwrap()["metadata"]["creationTimestamp"].clone();
    eventually(scene::PATIENCE, "a younger holder", async || {
        apply(&scene, &[named("holder")]).await;
        if created("holder").await != created("claimant").await {
            return Ok(());
        }
        delete(&scene, &["holder"]).await;
        Err("of the same second")
    })
    .await
    .unwrap();
    let _operator = scene.operator(&ASKED).await.unwrap();
    scene.wait_for_ready("security", "holder", "True").await.unwrap();
    wait_for_reason(&scene, "claimant", "HeldByAnother").await;
    assert_eq!(scene.simulator.counts().await.unwrap().total.writes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_cluster_takes_over_what_the_old_one_held_and_writes_nothing_but_tags() {
    let scene = start().await;
    let mut operator = scene.operator(&ASKED).await.unwrap();
    apply(&scene, &[role("inherited")]).await;
    scene.wait_for_ready("security", "inherited", "True").await.unwrap();
    operator.kill().await.unwrap();
    vanish(&scene, &["inherited"]).await;
    let before = found(&scene, "inherited").await.unwrap();
    scene.simulator.reset_calls().await.unwrap();
    apply(&scene, &[role("inherited")]).await;

    // Under another id, the role is somebody else's.
    let rebuilt = [
        "--resync-interval=24h",
        "--propagation-delay=1s",
        "--cluster-id=rebuilt-cluster",
    ];
    let mut operator = scene.operator(&rebuilt).await.unwrap();
    wait_for_reason(&scene, "inherited", "ForeignRole").await;
    assert_eq!(scene.simulator.counts().await.unwrap().total.writes, 0);
    operator.kill().await.unwrap();

    let heir = rebuilt.into_iter().chain(["--take-over-from=this-cluster"]);
    let _operator = scene.operator(&heir.collect::<Vec<_>>()).await.unwrap();
    scene.wait_for_ready("security", "inherited", "True").await.unwrap();
    assert_eq!(writes(&scene, "inherited").await, ["TagRole"]);
    let mut after = found(&scene, "inherited").await.unwrap();
    let cluster = after.tags.insert("crossrole.dev/cluster".into(), "this-cluster".into());
    assert_eq!(cluster.as_deref(), Some("rebuilt-cluster"));
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn stripped_tags_are_put_back_and_copied_or_forged_ones_take_nothing_over() {
    let scene = start().await;
    let _operator = scene.operator(&ASKED).await.unwrap();
    apply(&scene, &[role("stripped")]).await;
    scene.wait_for_ready("security", "stripped", "True").await.unwrap();
    let before = found(&scene, "stripped").await.unwrap();

    scene.simulator.reset_calls().await.unwrap();
    let tags = json!({"tags": {"crossrole.dev/owner": null, "crossrole.dev/cluster": null}});
    scene.simulator.edit_role(PROD, "stripped", tags).await.unwrap();
    look(&scene, "stripped", "1").await;
    assert_eq!(writes(&scene, "stripped").await, ["TagRole"]);
    assert_eq!(found(&scene, "stripped").await.unwrap(), before);

    // Another role wears copies of its tags, and one wears those of an object of another cluster.
    let forged = [
        ("copied", "security/stripped", "this-cluster", "HeldByAnother"),
        ("elsewhere", "security/elsewhere", "other-cluster", "ForeignRole"),
        ("half", "security/half", "", "ForeignRole"),
    ];
    scene.simulator.reset_calls().await.unwrap();
    for (name, owner, cluster, reason) in forged {
        let mut tags = json!({"crossrole.dev/owner": owner});
        if !cluster.is_empty() {
            tags["crossrole.dev/cluster"] = json!(cluster);
        }
        let made = json!({"name": name, "path": "/crossrole/", "trust": before.trust, "tags": tags});
        scene.simulator.create_role(PROD, made).await.unwrap();
        let untouched = found(&scene, name).await;
        apply(&scene, &[role(name)]).await;
        wait_for_reason(&scene, name, reason).await;
        delete(&scene, &[name]).await;
        scene.wait_for_gone("xar", "security", name).await.unwrap();
        assert_eq!(found(&scene, name).await, untouched, "{name}");
    }
    look(&scene, "stripped", "2").await;
    delete(&scene, &["stripped"]).await;
    scene.wait_for_gone("xar", "security", "stripped").await.unwrap();
    assert!(
        found(&scene, "copied").await.is_some(),
        "tags alone do not make a role of another name ours"
    );
    for (name, ..) in forged {
        assert_eq!(writes(&scene, name).await, Vec::<String>::new(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_in_the_place_of_ours_is_closed_and_made_anew_if_it_wears_our_tags_and_left_alone_if_not() {
    let scene = start().await;
    let _operator = scene.operator(&ASKED).await.unwrap();
    apply(&scene, &[role("replaced"), role("usurped")]).await;
    scene.wait_for_ready("security", "replaced", "True").await.unwrap();
    scene.wait_for_ready("security", "usurped", "True").await.unwrap();
    let ours = found(&scene, "replaced").await.unwrap();
    let open = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}
    ]});
    scene.simulator.reset_calls().await.unwrap();
    for (name, tags) in [("replaced", json!(ours.tags)), ("usurped", json!({}))] {
        let made = json!({"name": name, "path": "/crossrole/", "trust": open, "tags": tags});
        scene.simulator.delete_role(PROD, name).await.unwrap();
        scene.simulator.create_role(PROD, made).await.unwrap();
    }
    let theirs = found(&scene, "usurped").await;
    let theirs_with_our_tags = found(&scene, "replaced").await.unwrap();

    let object = look(&scene, "replaced", "1").await;
    let role = found(&scene, "replaced").await.unwrap();
    assert_ne!(role.id, ours.id);
    assert_eq!(
        role.id, theirs_with_our_tags.id,
        "it is made as declared, not made again"
    );
    assert_eq!(object["status"]["accounts"][0]["roleId"], role.id);
    assert_eq!((&role.trust, &role.attached), (&ours.trust, &ours.attached));
    assert!(
        role.inline.contains_key("AWSRevokeOlderSessions"),
        "older sessions are ended"
    );
    assert!(!role.inline.contains_key("crossrole-closed"));
    let calls = scene.simulator.calls(0).await.unwrap();
    let mut about = calls
        .iter()
        .filter(|call| call.kind == "write" && call.role.as_deref() == Some("replaced"));
    let first = about.next().unwrap();
    assert_eq!(
        first.action, "UpdateAssumeRolePolicy",
        "it is closed before anything else"
    );
    assert!(first.params["PolicyDocument"].contains("CrossroleClosed"), "{first:?}");
    let events = kubectl(&scene, &["get", "events", "--all-namespaces", "--output", "json"]).await;
    assert!(events.contains("RoleReplaced"), "{events}");

    ask(&scene, &["usurped"], "1").await;
    wait_for_reason(&scene, "usurped", "ForeignRole").await;
    assert_eq!(found(&scene, "usurped").await, theirs);
}
