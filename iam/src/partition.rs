//! The AWS partitions: groups of Regions that share no accounts, no IAM and no DNS suffix with each other.

use std::fmt;
use std::str::FromStr;

use crate::name::NameError;

/// An AWS partition that crossrole can work in.
///
/// Source: AWS General Reference, "Amazon Resource Names (ARNs)"; the European Sovereign Cloud's partition is
/// named on "AWS European Sovereign Cloud" in the same place. The isolated partitions (`aws-iso…`) are known to
/// policy documents only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    /// `aws`: the commercial Regions.
    Aws,
    /// `aws-cn`: the Regions in China.
    AwsCn,
    /// `aws-us-gov`: AWS GovCloud (US).
    AwsUsGov,
    /// `aws-eusc`: the AWS European Sovereign Cloud.
    AwsEusc,
}

impl Partition {
    /// Every partition that crossrole can work in.
    pub const ALL: [Partition; 4] = [
        Partition::Aws,
        Partition::AwsCn,
        Partition::AwsUsGov,
        Partition::AwsEusc,
    ];

    /// The partition's name as it stands in an ARN.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Partition::Aws => "aws",
            Partition::AwsCn => "aws-cn",
            Partition::AwsUsGov => "aws-us-gov",
            Partition::AwsEusc => "aws-eusc",
        }
    }

    /// The domain under which the partition's endpoints live, without a leading dot.
    #[must_use]
    pub fn dns_suffix(self) -> &'static str {
        match self {
            Partition::Aws | Partition::AwsUsGov => "amazonaws.com",
            Partition::AwsCn => "amazonaws.com.cn",
            Partition::AwsEusc => "amazonaws.eu",
        }
    }

    /// A Region of the partition in which every account can call STS and CloudFormation. IAM is the same in all of its Regions.
    /// Source: AWS General Reference, "Regions and endpoints".
    #[must_use]
    pub fn home_region(self) -> &'static str {
        match self {
            Partition::Aws => "us-east-1",
            Partition::AwsCn => "cn-north-1",
            Partition::AwsUsGov => "us-gov-west-1",
            Partition::AwsEusc => "eusc-de-east-1",
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Partition {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Partition::ALL
            .into_iter()
            .find(|partition| partition.as_str() == text)
            .ok_or_else(|| {
                NameError::new(
                    "partition",
                    text,
                    "is not known: write aws, aws-cn, aws-us-gov or aws-eusc",
                )
            })
    }
}

/// The partitions that may stand in an ARN of a policy document: ours and the isolated ones.
pub(crate) const NAMED_IN_DOCUMENTS: [&str; 8] = [
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-eusc",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_reads_back_as_itself() {
        for partition in Partition::ALL {
            assert_eq!(partition.to_string().parse::<Partition>(), Ok(partition));
        }
    }

    #[test]
    fn an_unknown_partition_is_refused_with_the_known_ones() {
        let error = "AWS".parse::<Partition>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"partition "AWS" is not known: write aws, aws-cn, aws-us-gov or aws-eusc"#
        );
    }

    #[test]
    fn china_and_the_sovereign_cloud_have_domains_of_their_own() {
        assert_eq!(Partition::Aws.dns_suffix(), "amazonaws.com");
        assert_eq!(Partition::AwsUsGov.dns_suffix(), "amazonaws.com");
        assert_eq!(Partition::AwsCn.dns_suffix(), "amazonaws.com.cn");
        assert_eq!(Partition::AwsEusc.dns_suffix(), "amazonaws.eu");
    }
}
