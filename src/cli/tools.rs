//! Flags of the commands around the operator: who gets in, with which profile, and what exists already.

use std::path::PathBuf;

use clap::Args;
use crossrole_iam::{AccountId, Arn, Partition, Path};
use crossrole_plan::declaration::OrganizationId;
use crossrole_plan::observed::Days;
use crossrole_plan::profile::Caller;

use super::{arn, organization};
use crate::access_command::TableFormat;
use crate::plan_command::OutputFormat;

/// Which objects `crossrole access` and `crossrole profiles` are about.
#[derive(Debug, Args)]
pub struct ObjectFlags {
    /// Files, folders (their YAML and JSON files), or - for standard input: CrossAccountRoles, AWSAccounts,
    /// AccountClasses and Namespaces. Default: the cluster that kubectl would speak to.
    #[arg(short, long, num_args = 1.., value_name = "FILES")]
    pub filename: Vec<PathBuf>,
    /// Only these AWSAccounts, by name or by account id.
    #[arg(short, long, num_args = 1.., value_name = "NAME")]
    pub account: Vec<String>,
    /// Only CrossAccountRoles of this namespace. In files it is also that of objects that name none.
    #[arg(short, long)]
    pub namespace: Option<String>,
}

/// Flags of `crossrole access`.
#[derive(Debug, Args)]
pub struct AccessFlags {
    /// Which objects.
    #[command(flatten)]
    pub objects: ObjectFlags,
    /// Only what lets this principal in or keeps it out, or may: the ARN of a user, role or session, an account's twelve
    /// digits, or the name of a service or an identity provider as it stands in trust policies.
    #[arg(short, long, value_name = "PRINCIPAL")]
    pub principal: Option<String>,
    /// Only roles that are there for so many days (`90d`; at most `400d`, of earlier uses IAM does not tell) and that nobody
    /// used in them. Files do not tell when.
    #[arg(long, value_name = "DAYS", conflicts_with = "filename")]
    pub unused: Option<Days>,
    /// How the table is written.
    #[arg(short, long, default_value = "text", value_enum)]
    pub output: TableFormat,
}

/// Flags of `crossrole profiles`.
#[derive(Debug, Args)]
pub struct ProfilesFlags {
    /// Who assumes the roles: the ARN of a user or role, or the twelve digits of an account.
    #[arg(value_name = "PRINCIPAL", value_parser = caller)]
    pub caller: Caller,
    /// Which objects.
    #[command(flatten)]
    pub objects: ObjectFlags,
    /// The profile that holds the principal's own credentials.
    #[arg(long, default_value = "default", value_name = "PROFILE")]
    pub source_profile: String,
    /// The principal's MFA device, for roles that require MFA.
    #[arg(long, value_name = "ARN", value_parser = mfa_serial)]
    pub mfa_serial: Option<String>,
    /// The organisation that the principal's account belongs to, for roles that require one.
    #[arg(long, value_name = "ID", value_parser = organization)]
    pub organization: Option<OrganizationId>,
    /// How the profiles are written.
    #[arg(short, long, default_value = "text", value_enum)]
    pub output: OutputFormat,
}

/// Flags of `crossrole import`.
#[derive(Debug, Args)]
pub struct ImportFlags {
    /// The AWSAccount's name.
    #[arg(short, long, value_name = "NAME")]
    pub account: String,
    /// Files, folders (their YAML and JSON files), or - for standard input: the AWSAccount and its AccountClass. The account
    /// is then read through its bootstrap role, as the operator would. Default: it is read with the caller's own identity.
    #[arg(short, long, num_args = 1.., value_name = "FILES")]
    pub filename: Vec<PathBuf>,
    /// The namespace of the CrossAccountRoles.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// Roles at or below this path.
    #[arg(long, value_name = "PATH")]
    pub path_prefix: Option<Path>,
    /// Roles whose name matches this pattern, in which * and ? stand for other characters.
    #[arg(long, value_name = "PATTERN")]
    pub name: Option<String>,
    /// These roles.
    #[arg(long, num_args = 1.., value_name = "ARNS", value_parser = arn)]
    pub arn: Vec<Arn>,
    /// Read Role objects of the AWS Controllers for Kubernetes (iam.services.k8s.aws/v1alpha1) from these files, and not the
    /// account.
    #[arg(long, num_args = 1.., value_name = "FILES", requires = "account_id")]
    pub from_ack: Vec<PathBuf>,
    /// The account's id, for --from-ack.
    #[arg(long, value_name = "ID")]
    pub account_id: Option<AccountId>,
    /// The account's partition, for --from-ack: aws, aws-cn, aws-us-gov or aws-eusc.
    #[arg(long, default_value = "aws", value_name = "PARTITION")]
    pub partition: Partition,
}

fn caller(text: &str) -> Result<Caller, String> {
    text.parse()
}

// An MFA device's ARN, or the number of a hardware token: IAM API Reference, `MFADevice` (`SerialNumber`).
fn mfa_serial(text: &str) -> Result<String, String> {
    let fits = |character: char| character.is_ascii_alphanumeric() || "+=/:,.@-_".contains(character);
    if (9..=256).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_string())
    } else {
        Err("write the device's ARN, such as arn:aws:iam::123456789012:mfa/name".to_string())
    }
}
