//! Which accounts of the organisation are of which class.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_api::AccountClass;
use crossrole_iam::ExternalId;

use super::listing::Listed;
use super::{is_discovered, rules};
use crate::refusal::Refusal;
use crate::rules::invalid;

/// `spec.discovery` of an AccountClass, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The class's name.
    pub class: String,
    /// Organisational units, or the root: an account must be in one of them. Empty: it may be anywhere.
    units: BTreeSet<String>,
    /// The tags that it must have.
    tags: BTreeMap<String, String>,
    /// What its AWSAccount presents.
    pub external_id: Option<ExternalId>,
    /// Whether the class is being deleted: it gets no more accounts.
    pub(super) is_ending: bool,
}

/// The class of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice<'a> {
    /// This one.
    Class(&'a Rule),
    /// Several that nothing tells apart.
    Ambiguous(Vec<&'a str>),
    /// None names it.
    None,
    /// A class cannot be read, and may be the one.
    Unsure,
}

impl Rule {
    /// Reads `spec.discovery`; `None` where the class has none.
    ///
    /// # Errors
    /// A field that cannot be what it is.
    pub fn parse(class: &AccountClass) -> Result<Option<Self>, Refusal> {
        let Some(discovery) = &class.spec.discovery else {
            return Ok(None);
        };
        // It would name the whole organisation, and nothing in it says so.
        if discovery.organizational_units.is_empty() && discovery.tags.is_empty() {
            return Err(invalid("discovery", "write organizationalUnits, tags or both"));
        }
        let external_id = discovery.external_id.as_deref().map(str::parse).transpose();
        Ok(Some(Self {
            class: class.metadata.name.clone().unwrap_or_default(),
            units: discovery.organizational_units.iter().cloned().collect(),
            tags: discovery.tags.clone(),
            is_ending: class.metadata.deletion_timestamp.is_some(),
            external_id: external_id.map_err(|error| invalid("discovery.externalId", &format!("{error}")))?,
        }))
    }

    /// How far below the root the nearest unit is that the rule names: `None` where it names none of them.
    fn depth(&self, listed: &Listed, root: &str) -> Option<usize> {
        if self.units.is_empty() {
            return Some(0);
        }
        let nearest = listed.units.iter().rposition(|unit| self.units.contains(&unit.id));
        nearest
            .map(|index| index + 2)
            .or_else(|| self.units.contains(root).then_some(1))
    }

    /// How well the rule fits an account: `None` where it does not.
    fn fit(&self, listed: &Listed, root: &str) -> Option<(usize, usize)> {
        let has = |(key, value): (&String, &String)| listed.tags.get(key) == Some(value);
        let depth = self.depth(listed, root)?;
        self.tags.iter().all(has).then_some((depth, self.tags.len()))
    }
}

/// The class of an account: the one that names the unit nearest to it, then the one that names more tags.
pub(super) fn choose<'a>(rules: &'a [Rule], listed: &Listed, root: &str) -> Choice<'a> {
    let fits = rules
        .iter()
        .filter_map(|rule| Some((rule.fit(listed, root)?, rule)))
        .collect::<Vec<_>>();
    let Some(best) = fits.iter().map(|(fit, _)| *fit).max() else {
        return Choice::None;
    };
    let best: Vec<&Rule> = fits
        .iter()
        .filter(|(fit, _)| *fit == best)
        .map(|(_, rule)| *rule)
        .collect();
    match best.as_slice() {
        [rule] => Choice::Class(rule),
        several => Choice::Ambiguous(several.iter().map(|rule| rule.class.as_str()).collect()),
    }
}

/// Of which accounts the tags bear on anything.
#[derive(Clone, Debug)]
pub struct Interest<'a> {
    rules: Vec<Rule>,
    /// The ids of accounts that have an AWSAccount of discovery.
    kept: BTreeSet<&'a str>,
}

impl<'a> Interest<'a> {
    /// As Kubernetes says.
    pub fn of(known: &super::Known<'a>) -> Self {
        let kept = known.accounts.iter().filter(|account| {
            let labels = account.metadata.labels.as_ref();
            labels.is_some_and(is_discovered)
        });
        Self {
            rules: rules(known).0,
            kept: kept.map(|account| account.spec.account_id.as_str()).collect(),
        }
    }

    /// Whether an account has an AWSAccount of discovery, or a class names a unit that it is in.
    pub fn is_in(&self, root: &str, listed: &Listed) -> bool {
        self.kept.contains(listed.id.as_str()) || self.rules.iter().any(|rule| rule.depth(listed, root).is_some())
    }
}
