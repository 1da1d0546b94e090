//! What users write: on each line a CrossAccountRole, an AccountClass or an AWSAccount, as JSON.
#![no_main]

use std::sync::LazyLock;

use crossrole_api::{AWSAccount, AccountClass, CrossAccountRole};
use crossrole_fuzz::{in_time, seeds};
use crossrole_iam::DocumentKind;
use crossrole_plan::account::Account;
use crossrole_plan::claim::Claim;
use crossrole_plan::decide::{self, Known};
use crossrole_plan::declaration::Declaration;
use crossrole_plan::desired::Desired;
use crossrole_plan::effect;
use crossrole_plan::guard::{self, Proposal};
use crossrole_plan::observed::Observed;
use crossrole_plan::quota::Quotas;
use crossrole_plan::rules::Rules;
use libfuzzer_sys::fuzz_target;

static CLASS: LazyLock<Option<Rules>> = LazyLock::new(|| class(&seeds::class()));
static ACCOUNT: LazyLock<Option<Account>> = LazyLock::new(|| account(&seeds::account()));

fn class(text: &str) -> Option<Rules> {
    let object: AccountClass = serde_json::from_str(text).ok()?;
    Rules::parse(&object).ok()
}

fn account(text: &str) -> Option<Account> {
    let object: AWSAccount = serde_json::from_str(text).ok()?;
    Account::parse(&object).ok()
}

fn role(text: &str) -> Option<Declaration> {
    let object: CrossAccountRole = serde_json::from_str(text).ok()?;
    Declaration::parse(&object).ok()
}

fuzz_target!(init: seeds::plant(seeds::declarations), |data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let lines = || text.lines();
    let class = lines().find_map(class).or_else(|| CLASS.clone()).expect("the class of the seeds");
    let account = lines().find_map(account).or_else(|| ACCOUNT.clone()).expect("the account of the seeds");
    if let Some(declaration) = lines().find_map(role) {
        in_time("judging a declaration", || judge(&declaration, &account, &class));
    }
});

fn judge(declaration: &Declaration, account: &Account, rules: &Rules) {
    let Ok(desired) = Desired::of(declaration, account, rules, "c1") else {
        return;
    };
    let proposal = Proposal {
        declaration,
        desired: &desired,
        account,
        rules,
        namespace_labels: &Default::default(),
        hub_role: None,
        namespace_roles: None,
    };
    if guard::check(&proposal).is_err() {
        return;
    }
    assert_eq!(desired.trust.check(DocumentKind::Trust), Ok(()), "{declaration:?}");
    for document in desired.inline.values() {
        assert_eq!(document.check(DocumentKind::Permission), Ok(()), "{declaration:?}");
    }
    let known = Known::default();
    let claim = Claim {
        created: 0,
        object: declaration.object.clone(),
    };
    let Ok(plan) = decide::converge(&desired, &Observed::Absent, &known, &claim, &[]) else {
        return;
    };
    let _ = plan.to_string();
    let made = effect::apply_all(&plan.changes, &plan.role, &Observed::Absent, &Quotas::raised());
    let Ok(Observed::Present(mut made)) = made else { return };
    made.arn = desired.arn.to_string();
    let again = decide::converge(&desired, &Observed::Present(made), &known, &claim, &[]).expect("it is ours");
    assert!(again.changes.is_empty(), "a second plan: {again}\n{declaration:?}");
}
