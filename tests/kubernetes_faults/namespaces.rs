use super::*;

/// Deletes a namespace and everything in it as Kubernetes does: it goes when the last object is gone.
async fn delete_namespace(scene: &Scene) {
    kubectl(scene, &["delete", "namespace", "security", "--wait=false"]).await;
    kubectl(
        scene,
        &["delete", "xar", "--all", "--namespace=security", "--wait=false"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_being_deleted_takes_its_roles_along_however_long_an_account_is_away() {
    let scene = start().await;
    let _operator = scene.operator(&ASKED).await.unwrap();
    let kept = with(role("kept"), "/spec/deletionPolicy", json!("Retain"));
    apply(&scene, &[role("gone"), kept]).await;
    for name in ["gone", "kept"] {
        scene.wait_for_ready("security", name, "True").await.unwrap();
    }
    let outage = scene.simulator.deny_account(PROD).await.unwrap();
    delete_namespace(&scene).await;
    let object = wait_for_reason(&scene, "gone", "PermissionDenied").await;
    assert_eq!(object["status"]["accounts"][0]["state"], "Removing");
    // Nobody can write an Event there any more, nor begin anything new.
    let refused = scene.control_plane.apply(&yaml(&[role("new")])).await.unwrap_err();
    assert!(
        refused.to_string().contains("because it is being terminated"),
        "{refused}"
    );
    assert!(found(&scene, "gone").await.is_some());
    scene.simulator.end_fault(outage).await.unwrap();
    for name in ["gone", "kept"] {
        scene.wait_for_gone("xar", "security", name).await.unwrap();
    }
    assert_eq!(found(&scene, "gone").await, None);
    let kept = found(&scene, "kept").await.unwrap();
    assert!(
        kept.tags.keys().all(|key| !key.starts_with("crossrole.dev/")),
        "{kept:?}"
    );
}
