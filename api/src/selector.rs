//! Label selectors and pieces of IAM policies, as they are written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Objects chosen by name, by label, or both: the union is meant. An empty selector selects nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct NamesOrSelector {
    /// Objects by name. At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub names: Vec<String>,
    /// Objects by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// A Kubernetes label selector. All requirements must hold. One without any requirement selects nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct LabelSelector {
    /// Labels that must be there with exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 20), schema_with = "label_map")]
    pub match_labels: BTreeMap<String, String>,
    /// Requirements on labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Vec<LabelRequirement>,
}

fn label_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "maxProperties": 20, "additionalProperties": {"type": "string", "maxLength": 63}})
}

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelRequirement {
    /// The label's key.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// How the label's value and `values` are compared.
    pub operator: LabelOperator,
    /// The values of `In` and `NotIn`; empty for `Exists` and `DoesNotExist`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(max = 63)), extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub enum LabelOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// A piece of the IAM policy language as somebody wrote it: a JSON object of at most so many members, kept as JSON text
/// and parsed on use.
///
/// The API server has already dropped duplicate keys when this text reaches us, and has read every number as an integer
/// of 64 bits or a binary fraction: how a number was written is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText<const MEMBERS: u32>(Box<str>);

/// A policy document: `Version`, `Id` and `Statement`.
pub type DocumentText = JsonText<3>;

/// One statement of a trust policy. There are seven members that it can have, `Principal` and `NotPrincipal` and `Action`
/// and `NotAction` among them; one more lets the reader name a member that belongs elsewhere.
pub type StatementText = JsonText<8>;

/// A condition block, by operator.
pub type ConditionText = JsonText<20>;

impl<const MEMBERS: u32> JsonText<MEMBERS> {
    /// Wraps JSON text. The text is not checked here.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const MEMBERS: u32> Deserialize<'de> for JsonText<MEMBERS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(value.to_string().into()))
    }
}

impl<const MEMBERS: u32> Serialize for JsonText<MEMBERS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<serde_json::Value>(&self.0)
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

impl<const MEMBERS: u32> JsonSchema for JsonText<MEMBERS> {
    fn schema_name() -> Cow<'static, str> {
        format!("JsonText{MEMBERS}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "maxProperties": MEMBERS})
    }
}
