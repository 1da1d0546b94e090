//! An AWS account, as its object states it.

use std::collections::BTreeMap;

use crossrole_api::{AWSAccount, AccountState, PartitionName, Reason};
use crossrole_iam::{AccountId, ExternalId, Partition};

use crate::refusal::Refusal;

/// An AWS account, as its object states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The AWSAccount's name.
    pub name: String,
    /// The account's id.
    pub id: AccountId,
    /// Its partition.
    pub partition: Partition,
    /// The AccountClass's name.
    pub class: String,
    /// Presented when the bootstrap role is assumed.
    pub external_id: Option<ExternalId>,
    /// Values for `${parameter.NAME}` in permission documents.
    pub parameters: BTreeMap<String, String>,
    /// Whether crossrole works there.
    pub state: AccountState,
}

/// The partition that an object names.
pub fn partition(name: PartitionName) -> Partition {
    match name {
        PartitionName::Aws => Partition::Aws,
        PartitionName::AwsCn => Partition::AwsCn,
        PartitionName::AwsUsGov => Partition::AwsUsGov,
        PartitionName::AwsEusc => Partition::AwsEusc,
    }
}

/// The name of a partition in an object.
pub fn partition_name(partition: Partition) -> PartitionName {
    match partition {
        Partition::Aws => PartitionName::Aws,
        Partition::AwsCn => PartitionName::AwsCn,
        Partition::AwsUsGov => PartitionName::AwsUsGov,
        Partition::AwsEusc => PartitionName::AwsEusc,
    }
}

impl Account {
    /// Reads an AWSAccount.
    ///
    /// # Errors
    /// A field that the schema should have refused.
    pub fn parse(object: &AWSAccount) -> Result<Self, Refusal> {
        let invalid = |field: &str, error: &dyn std::fmt::Display| {
            Refusal::of_field(
                Reason::InvalidSpec,
                format!("AWSAccount spec.{field}"),
                error.to_string(),
            )
        };
        Ok(Self {
            name: object.metadata.name.clone().unwrap_or_default(),
            id: object
                .spec
                .account_id
                .parse()
                .map_err(|error| invalid("accountId", &error))?,
            partition: partition(object.spec.partition),
            class: object.spec.class.clone(),
            external_id: object
                .spec
                .external_id
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|error| invalid("externalId", &error))?,
            parameters: object.spec.parameters.clone(),
            state: object.spec.state,
        })
    }
}
