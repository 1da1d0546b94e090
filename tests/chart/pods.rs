//! The Deployment, and what stands around its Pods.

use crossrole_testkit::Chart;
use crossrole_testkit::chart::{NAMESPACE, RELEASE};
use serde_json::{Value, json};

use super::{has, only, pod_spec, render};

#[tokio::test]
async fn values_become_arguments() {
    let default = Chart::of_this_workspace()
        .render(&[])
        .await
        .unwrap()
        .operator()
        .unwrap();
    assert_eq!(
        default.args,
        [
            "run",
            "--resync-interval=10m",
            "--propagation-delay=2m",
            "--max-removals=10",
            "--log-filter-file=/etc/crossrole/log/filter",
            "--log-format=text",
            "--leader-elect",
            "--leader-elect-lease-duration=15s",
            "--leader-elect-renew-deadline=10s",
            "--leader-elect-retry-period=2s",
            "--metrics-address=0.0.0.0:8080",
        ]
    );
    let own = [("POD_NAME", "crossrole-0"), ("POD_NAMESPACE", NAMESPACE)].map(owned);
    assert_eq!(default.env, own);
    assert_eq!(
        (default.namespace.as_str(), default.service_account.as_str()),
        (NAMESPACE, RELEASE)
    );

    let settings = [
        "operator.resyncInterval=30s",
        "operator.propagationDelay=5m",
        "operator.maxRemovals=2000000",
        "operator.clusterId=east",
        "operator.discoverOrganization=true,operator.organizationRole=arn:aws:iam::111111111111:role/reader",
        "operator.eventQueueUrl=https://sqs.eu-central-1.amazonaws.com/111111111111/crossrole-events",
        "operator.logFormat=json",
        "notifierSecrets[0]=chat",
        "extraEnv[0].name=AWS_REGION,extraEnv[0].value=eu-west-1",
        "serviceAccount.name=robot",
        "metrics.bindAddress=::,metrics.port=9090",
        "leaderElection.leaseDuration=1m,leaderElection.renewDeadline=40s,leaderElection.retryPeriod=5s",
    ];
    let set = Chart::of_this_workspace()
        .render(&settings)
        .await
        .unwrap()
        .operator()
        .unwrap();
    assert_eq!(
        set.args,
        [
            "run",
            "--resync-interval=30s",
            "--propagation-delay=5m",
            "--max-removals=2000000",
            "--cluster-id=east",
            "--discover-organization",
            "--organization-role=arn:aws:iam::111111111111:role/reader",
            "--event-queue-url=https://sqs.eu-central-1.amazonaws.com/111111111111/crossrole-events",
            "--notifier-secrets-dir=/etc/crossrole/notifiers",
            "--log-filter-file=/etc/crossrole/log/filter",
            "--log-format=json",
            "--leader-elect",
            "--leader-elect-lease-duration=1m",
            "--leader-elect-renew-deadline=40s",
            "--leader-elect-retry-period=5s",
            "--metrics-address=[::]:9090",
        ]
    );
    let [name, namespace] = own;
    assert_eq!(set.env, [name, namespace, owned(("AWS_REGION", "eu-west-1"))]);
    assert_eq!(set.service_account, "robot");
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn without_a_lease_no_two_pods_ever_run() {
    let with = render(&["replicas=3"]).await;
    let deployment = &only(&with, "Deployment")["spec"];
    assert_eq!(deployment["replicas"], 3);
    assert_eq!(deployment["strategy"]["type"], "RollingUpdate");

    for (replicas, expected) in [("replicas=3", 1), ("replicas=0", 0)] {
        let without = render(&["leaderElection.enabled=false", replicas]).await;
        let deployment = &only(&without, "Deployment")["spec"];
        assert_eq!(deployment["replicas"], expected);
        assert_eq!(deployment["strategy"]["type"], "Recreate");
        let arguments = pod_spec(&without)["containers"][0]["args"].to_string();
        assert!(!arguments.contains("--leader-elect"), "{arguments}");
        assert!(without.iter().all(|manifest| manifest["kind"] != "Role"));
    }
}

#[tokio::test]
async fn an_image_is_named_by_tag_or_by_digest() {
    let digest = format!("sha256:{}", "a".repeat(64));
    for (setting, expected) in [
        (
            "image.repository=registry.example.com/crossrole",
            format!("registry.example.com/crossrole:{}", env!("CARGO_PKG_VERSION")),
        ),
        ("image.tag=edge", "crossrole:edge".to_owned()),
        (&format!("image.digest={digest}"), format!("crossrole@{digest}")),
    ] {
        assert_eq!(
            pod_spec(&render(&[setting]).await)["containers"][0]["image"],
            expected,
            "{setting}"
        );
    }
}

#[tokio::test]
async fn pods_are_spread_over_zones_and_hosts_without_ever_waiting_for_it() {
    let ours = json!({"app.kubernetes.io/name": "crossrole", "app.kubernetes.io/instance": RELEASE});
    let manifests = render(&[]).await;
    let spread = pod_spec(&manifests)["topologySpreadConstraints"].as_array().unwrap();
    let keys = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"];
    assert_eq!(spread.len(), keys.len());
    for (constraint, key) in spread.iter().zip(keys) {
        assert_eq!(constraint["topologyKey"], key);
        assert_eq!(constraint["whenUnsatisfiable"], "ScheduleAnyway");
        assert_eq!(constraint["labelSelector"]["matchLabels"], ours);
        assert_eq!(constraint["matchLabelKeys"], json!(["pod-template-hash"]));
    }

    let own = r#"topologySpreadConstraints[0]={"maxSkew":2,"topologyKey":"rack","whenUnsatisfiable":"DoNotSchedule","labelSelector":{"matchLabels":{"app":"x"}}}"#;
    let manifests = Chart::of_this_workspace().render_json(&[own]).await.unwrap();
    let spread = &pod_spec(manifests.all())["topologySpreadConstraints"][0];
    assert_eq!(spread["labelSelector"], json!({"matchLabels": {"app": "x"}}));
    assert!(spread["matchLabelKeys"].is_null(), "{spread}");

    let without = Chart::of_this_workspace()
        .render_json(&["topologySpreadConstraints=[]"])
        .await
        .unwrap();
    assert!(pod_spec(without.all())["topologySpreadConstraints"].is_null());
}

#[tokio::test]
async fn a_budget_is_there_for_several_pods_and_never_for_one() {
    let manifests = render(&[]).await;
    let budget = &only(&manifests, "PodDisruptionBudget")["spec"];
    assert_eq!(budget["maxUnavailable"], 1);
    assert_eq!(budget["unhealthyPodEvictionPolicy"], "AlwaysAllow");
    assert_eq!(
        budget["selector"]["matchLabels"],
        only(&manifests, "Deployment")["spec"]["selector"]["matchLabels"]
    );
    let share = render(&["podDisruptionBudget.maxUnavailable=50%"]).await;
    assert_eq!(only(&share, "PodDisruptionBudget")["spec"]["maxUnavailable"], "50%");
    for setting in [
        "replicas=1",
        "leaderElection.enabled=false",
        "podDisruptionBudget.enabled=false",
    ] {
        assert!(!has(&render(&[setting]).await, "PodDisruptionBudget"), "{setting}");
    }
}

#[tokio::test]
async fn the_network_policy_lets_only_scrapes_in_and_names_every_way_out() {
    assert!(!has(&render(&[]).await, "NetworkPolicy"));
    let settings = [
        "networkPolicy.enabled=true",
        "networkPolicy.ports={443,8443}",
        "networkPolicy.egress[0].ports[0].port=3128",
    ];
    let manifests = render(&settings).await;
    let policy = &only(&manifests, "NetworkPolicy")["spec"];
    assert_eq!(
        policy["podSelector"]["matchLabels"],
        only(&manifests, "Deployment")["spec"]["selector"]["matchLabels"]
    );
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    let scraped = json!([{"protocol": "TCP", "port": "metrics"}]);
    assert_eq!(policy["ingress"], json!([{"ports": scraped}]));
    let peers = "networkPolicy.scrapers[0].namespaceSelector.matchLabels.name=monitoring";
    let some = render(&["networkPolicy.enabled=true", peers]).await;
    let from = json!([{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]);
    let ingress = &only(&some, "NetworkPolicy")["spec"]["ingress"];
    assert_eq!(*ingress, json!([{"ports": scraped, "from": from}]));
    let nobody = render(&["networkPolicy.enabled=true", "metrics.enabled=false"]).await;
    assert_eq!(only(&nobody, "NetworkPolicy")["spec"]["ingress"], json!([]));
    let ports = |rule: &Value| -> Vec<i64> {
        let ports = rule["ports"].as_array().unwrap().iter();
        ports.map(|port| port["port"].as_i64().unwrap()).collect()
    };
    let rules = policy["egress"].as_array().unwrap();
    assert_eq!(
        rules.iter().map(ports).collect::<Vec<_>>(),
        [vec![53, 53], vec![443, 8443], vec![80], vec![3128]]
    );
    // Only the agent of EKS Pod Identity is asked without encryption, and it has these addresses on every node.
    let agent = json!([{"ipBlock": {"cidr": "169.254.170.23/32"}}, {"ipBlock": {"cidr": "fd00:ec2::23/128"}}]);
    assert_eq!(rules[2]["to"], agent);
}

#[tokio::test]
async fn labels_and_placement_are_added_and_replace_nothing() {
    let settings = [
        r#"podLabels={"app.kubernetes.io/name":"mine","team":"platform"}"#,
        r#"podAnnotations={"example.com/scrape":"no"}"#,
        r#"nodeSelector={"kubernetes.io/arch":"arm64"}"#,
        r#"tolerations=[{"key":"spot","operator":"Exists"}]"#,
        r#"affinity={"nodeAffinity":{}}"#,
        r#"priorityClassName="system-cluster-critical""#,
        r#"imagePullSecrets=[{"name":"registry"}]"#,
    ];
    let manifests = Chart::of_this_workspace().render_json(&settings).await.unwrap();
    let template = &only(manifests.all(), "Deployment")["spec"]["template"];
    assert_eq!(template["metadata"]["labels"]["app.kubernetes.io/name"], "crossrole");
    assert_eq!(template["metadata"]["labels"]["team"], "platform");
    assert_eq!(template["metadata"]["annotations"]["example.com/scrape"], "no");
    let spec = &template["spec"];
    assert_eq!(spec["nodeSelector"]["kubernetes.io/arch"], "arm64");
    assert_eq!(spec["tolerations"][0]["key"], "spot");
    assert_eq!(spec["affinity"], json!({"nodeAffinity": {}}));
    assert_eq!(spec["priorityClassName"], "system-cluster-critical");
    assert_eq!(spec["imagePullSecrets"], json!([{"name": "registry"}]));
}

#[tokio::test]
async fn volumes_are_added_and_the_cluster_may_choose_the_ids() {
    let settings = [
        r#"extraVolumes=[{"name":"certificates","configMap":{"name":"proxy"}}]"#,
        r#"extraVolumeMounts=[{"name":"certificates","mountPath":"/etc/proxy","readOnly":true}]"#,
        r#"podSecurityContext={"runAsUser":null,"runAsGroup":null,"fsGroup":null}"#,
    ];
    let manifests = Chart::of_this_workspace().render_json(&settings).await.unwrap();
    let spec = pod_spec(manifests.all());
    assert_eq!(
        spec["securityContext"],
        json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})
    );
    let without = render(&[]).await;
    let added = |list: fn(&Value) -> &Value| -> Vec<Value> {
        let (before, now) = (list(pod_spec(&without)), list(spec));
        let (before, now) = (before.as_array().unwrap(), now.as_array().unwrap());
        assert_eq!(before[..], now[..before.len()], "the chart's own come first");
        now[before.len()..].to_vec()
    };
    assert_eq!(
        added(|spec| &spec["volumes"]),
        [json!({"name": "certificates", "configMap": {"name": "proxy"}})]
    );
    assert_eq!(
        added(|spec| &spec["containers"][0]["volumeMounts"]),
        [json!({"name": "certificates", "mountPath": "/etc/proxy", "readOnly": true})]
    );
}

#[tokio::test]
async fn the_service_account_is_made_here_or_by_somebody_else() {
    let role = "arn:aws:iam::111111111111:role/crossrole-operator";
    let irsa = format!("serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn={role}");
    let manifests = render(&[&irsa]).await;
    let account = only(&manifests, "ServiceAccount");
    assert_eq!(account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"], role);
    assert_eq!(account["automountServiceAccountToken"], false);

    let manifests = render(&["serviceAccount.create=false", "serviceAccount.name=robot"]).await;
    assert!(!has(&manifests, "ServiceAccount"));
    assert_eq!(pod_spec(&manifests)["serviceAccountName"], "robot");
    let nameless = Chart::of_this_workspace()
        .render(&["serviceAccount.create=false"])
        .await;
    let refused = nameless.unwrap_err().to_string();
    assert!(refused.contains("serviceAccount.name"), "{refused}");
}

async fn template(settings: &[&str]) -> Value {
    only(&render(settings).await, "Deployment")["spec"]["template"].clone()
}

// IRSA gives a Pod its identity when it is made, so only another template brings it.
#[tokio::test]
async fn another_identity_of_the_service_account_makes_new_pods() {
    let role = |name: &str| format!("serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn={name}");
    let (first, second) = (role("first"), role("second"));
    let (none, one, other) = (
        template(&[]).await,
        template(&[&first]).await,
        template(&[&second]).await,
    );
    assert!(none["metadata"]["annotations"].is_null(), "{none}");
    assert!(none != one && one != other && other != none, "{one}");
    assert_eq!(one, template(&[&first]).await);
    // Somebody else's ServiceAccount has no annotations of ours.
    let elses = ["serviceAccount.create=false", "serviceAccount.name=robot"];
    assert_eq!(template(&elses).await, template(&[elses[0], elses[1], &first]).await);
}

#[tokio::test]
async fn pods_have_no_rights_on_their_node() {
    let manifests = render(&[]).await;
    let spec = pod_spec(&manifests);
    assert_eq!(
        spec["securityContext"],
        json!({
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"}
        })
    );
    for container in spec["containers"].as_array().unwrap() {
        assert_eq!(
            container["securityContext"],
            json!({
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}
            })
        );
        for host in ["hostNetwork", "hostPID", "hostIPC"] {
            assert!(spec[host].is_null(), "{host}");
        }
        for mount in container["volumeMounts"].as_array().unwrap() {
            assert_eq!(mount["readOnly"], true, "{mount}");
        }
    }
    let volumes = json!([{"name": "log", "configMap": {"name": "crossrole-log"}}]);
    assert_eq!(spec["volumes"], volumes);
}

#[tokio::test]
async fn secrets_that_sign_notices_are_mounted_and_one_that_is_not_there_keeps_nobody_from_working() {
    let manifests = render(&["notifierSecrets={chat,pager}"]).await;
    let pod = pod_spec(&manifests);
    for secret in ["chat", "pager"] {
        let volume = json!({"name": format!("notifier-{secret}"), "secret": {"secretName": secret, "optional": true}});
        assert!(
            pod["volumes"].as_array().unwrap().contains(&volume),
            "{}",
            pod["volumes"]
        );
        let mount = json!({
            "name": format!("notifier-{secret}"), "readOnly": true, "mountPath": format!("/etc/crossrole/notifiers/{secret}"),
        });
        let mounts = &pod["containers"][0]["volumeMounts"];
        assert!(mounts.as_array().unwrap().contains(&mount), "{mounts}");
    }
}
