//! Sign-ins that AWS's own services make for others, which have no call of STS: services, EKS Pod Identity, Roles
//! Anywhere. The role's trust policy decides about them as it does about all others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sessions::credential_json;
use super::{Refused, Reply};
use crate::call::request_context;
use crate::gateway::Shared;
use crate::policy::visitor::Visitor;
use crate::sts::sign_in::SignIn;
use crate::world::World;
use crate::world::credential::Attributes;

type Shares = State<Arc<Shared>>;

const POD_IDENTITY: &str = "pods.eks.amazonaws.com";
const ROLES_ANYWHERE: &str = "rolesanywhere.amazonaws.com";

fn an_hour() -> i64 {
    3600
}

/// A pod whose service account is bound to a role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pod {
    /// The ARN of the cluster.
    cluster: String,
    namespace: String,
    service_account: String,
    name: String,
    uid: String,
}

impl Pod {
    fn tags(&self) -> BTreeMap<String, String> {
        let cluster = self.cluster.rsplit('/').next().unwrap_or_default();
        [
            ("eks-cluster-arn", self.cluster.as_str()),
            ("eks-cluster-name", cluster),
            ("kubernetes-namespace", &self.namespace),
            ("kubernetes-service-account", &self.service_account),
            ("kubernetes-pod-name", &self.name),
            ("kubernetes-pod-uid", &self.uid),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ServiceOrder {
    role: String,
    /// Such as `ec2.amazonaws.com`; EKS Pod Identity's own when a pod is given.
    service: Option<String>,
    source_arn: Option<String>,
    source_account: Option<String>,
    pod: Option<Pod>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    session_name: Option<String>,
    #[serde(default = "an_hour")]
    duration_seconds: i64,
}

/// A session that a service takes for itself or for what runs on it.
pub(crate) async fn service(State(shared): Shares, Json(order): Json<ServiceOrder>) -> Reply {
    let mut tags = order.tags;
    let mut source_arn = order.source_arn;
    let mut name = order.session_name.unwrap_or_else(|| "service".to_owned());
    let service = match (&order.service, &order.pod) {
        (Some(service), None) => service.as_str(),
        (None, Some(pod)) => {
            tags.extend(pod.tags());
            source_arn = source_arn.or_else(|| Some(pod.cluster.clone()));
            name = format!(
                "eks-{}-{}",
                pod.cluster.rsplit('/').next().unwrap_or_default(),
                pod.name
            );
            POD_IDENTITY
        }
        _ => return Err(Refused::bad("either a service or a pod")),
    };
    let transitive = if service == POD_IDENTITY {
        tags.keys().cloned().collect()
    } else {
        Vec::new()
    };
    let visit = Visit {
        role: &order.role,
        service,
        session_name: &name,
        source_account: order.source_account.or_else(|| account_in(source_arn.as_deref())),
        source_arn,
        attributes: Attributes {
            tags: tags.into_iter().collect(),
            transitive,
            ..Attributes::default()
        },
        seconds: order.duration_seconds,
    };
    visit.carry_out(&mut shared.world())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AnywhereOrder {
    role: String,
    trust_anchor_arn: String,
    /// Parts of the certificate's names, such as `CN` and `OU`.
    subject: BTreeMap<String, String>,
    #[serde(default)]
    issuer: BTreeMap<String, String>,
    /// Alternative names: `DNS`, `URI`, `Name/CN` and the like.
    #[serde(default)]
    san: BTreeMap<String, String>,
    /// The certificate's serial number in hexadecimal digits, which becomes the session's name.
    #[serde(default = "serial")]
    serial: String,
    #[serde(default = "an_hour")]
    duration_seconds: i64,
}

fn serial() -> String {
    "1f71c5114a119fc0".to_owned()
}

/// A session for a certificate: what `CreateSession` of Roles Anywhere gives.
pub(crate) async fn roles_anywhere(State(shared): Shares, Json(order): Json<AnywhereOrder>) -> Reply {
    let common_name = order.subject.get("CN");
    let common_name = common_name.ok_or_else(|| Refused::bad("the subject has no CN, which is the source identity"))?;
    let parts = [
        ("x509Subject", &order.subject),
        ("x509Issuer", &order.issuer),
        ("x509SAN", &order.san),
    ];
    let tags = parts.into_iter().flat_map(|(name, fields)| {
        fields
            .iter()
            .map(move |(field, value)| (format!("{name}/{field}"), value.clone()))
    });
    let visit = Visit {
        role: &order.role,
        service: ROLES_ANYWHERE,
        session_name: &order.serial,
        source_account: account_in(Some(&order.trust_anchor_arn)),
        source_arn: Some(order.trust_anchor_arn.clone()),
        attributes: Attributes {
            tags: tags.collect(),
            source_identity: Some(format!("CN={common_name}")),
            ..Attributes::default()
        },
        seconds: order.duration_seconds,
    };
    visit.carry_out(&mut shared.world())
}

fn account_in(arn: Option<&str>) -> Option<String> {
    let account = arn?.split(':').nth(4)?;
    (!account.is_empty()).then(|| account.to_owned())
}

/// A service before a role.
struct Visit<'a> {
    role: &'a str,
    service: &'a str,
    session_name: &'a str,
    source_arn: Option<String>,
    source_account: Option<String>,
    attributes: Attributes,
    seconds: i64,
}

impl Visit<'_> {
    fn carry_out(self, world: &mut World) -> Reply {
        let mut context = request_context(None, world.now());
        context.set("aws:PrincipalIsAWSService", "true");
        context.set("aws:PrincipalServiceName", self.service);
        context.set_many("aws:PrincipalServiceNamesList", vec![self.service.to_owned()]);
        context.set_optional("aws:SourceArn", self.source_arn);
        let source = self.source_account.as_ref().and_then(|id| world.accounts.get(id));
        if let Some(organization) = source.and_then(|account| account.organization.as_ref()) {
            context.set("aws:SourceOrgID", organization.id.as_str());
            context.set_many("aws:SourceOrgPaths", vec![organization.path.clone()]);
        }
        context.set_optional("aws:SourceAccount", self.source_account);
        if self.service == ROLES_ANYWHERE {
            // The fields of the certificate count as tags of whoever holds it already at the door.
            let pairs = self.attributes.tags.iter();
            context.set_tags(
                "aws:PrincipalTag",
                pairs.map(|(key, value)| (key.as_str(), value.as_str())),
            );
        }
        let sign_in = SignIn {
            role_arn: self.role,
            session_name: self.session_name,
            visitor: Visitor::Service(self.service),
            action: "sts:AssumeRole",
            context,
            attributes: self.attributes,
            policies: Vec::new(),
            seconds: self.seconds,
        };
        let (_, credential) = sign_in.carry_out(world)?;
        Ok(Json(credential_json(&credential)))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Whereabouts {
    source_ip: Option<IpAddr>,
}

/// Where requests with an access key are to come from.
pub(crate) async fn move_credential(
    State(shared): Shares,
    Path(access_key): Path<String>,
    Json(order): Json<Whereabouts>,
) -> Reply {
    if shared.world().move_credential(&access_key, order.source_ip) {
        Ok(Json(
            json!({"sourceIp": order.source_ip.map_or(Value::Null, |ip| json!(ip))}),
        ))
    } else {
        Err(Refused::not_found(&format!("access key {access_key}")))
    }
}
