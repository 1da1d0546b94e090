//! An account as its root sees it.

use aws_sdk_iam::Client;
use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use crossrole_testkit::Scene;

/// The account's root, by signed calls.
pub async fn root(scene: &Scene, account: &str) -> Client {
    let keys = scene.simulator.root_keys(account).await.unwrap();
    let keys = Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "tests");
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(&scene.simulator.endpoint)
        .credentials_provider(keys)
        .build();
    Client::from_conf(config)
}
