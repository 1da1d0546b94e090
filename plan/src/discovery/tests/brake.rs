//! What is taken away at once.

use super::*;

#[test]
fn a_listing_that_misses_many_accounts_changes_none_of_them_until_a_person_says_so() {
    let mut cluster = Cluster::usual();
    let all: Vec<Listed> = (1..=30).map(|number| listed(number, &[WORKLOADS])).collect();
    cluster.follow(&listing(all.clone()));
    // One more than ten; and one comes, and one is suspended, all the same.
    let mut fewer: Vec<Listed> = all[11..].to_vec();
    fewer[0].standing = Standing::Suspended;
    fewer.push(listed(31, &[WORKLOADS]));
    let fewer = listing(fewer);
    let decision = cluster.follow(&fewer);
    assert_eq!(names(&decision), ["account-222200000012", "account-222200000031"]);
    let (reason, message) = &decision.problems["standard"];
    assert_eq!(*reason, Reason::TooManyRemovals);
    assert!(
        message.starts_with("11 accounts of the class would be paused or forgotten, of 11 at once, more than 10"),
        "{message}"
    );
    assert_eq!(cluster.state(FIRST), AccountState::Active);

    cluster.release(&decision, "standard");
    let decision = cluster.follow(&fewer);
    assert_eq!(decision.applications.len(), 11);
    assert!(decision.applications.iter().all(|one| one.takes && one.is_released));
    assert_eq!(decision.problems, BTreeMap::new());
    assert_eq!(cluster.state(FIRST), AccountState::Paused);
    // It released those and no others.
    let decision = cluster.follow(&listing(Vec::new()));
    assert_eq!(
        names(&decision),
        ["account-222200000012"],
        "what is paused already is only told to be gone"
    );
    assert!(!decision.applications[0].takes);
    assert_eq!(decision.problems["standard"].0, Reason::TooManyRemovals);
}

#[test]
fn the_brake_counts_what_went_lately_and_a_class_that_names_fewer_units() {
    let mut cluster = Cluster::usual();
    let all = listing((1..=12).map(|number| listed(number, &[WORKLOADS])).collect());
    cluster.follow(&all);
    cluster.taken_lately = (1..=10).map(|number| format!("lately-{number}")).collect();
    let mut fewer = all.clone();
    fewer.accounts.remove(0);
    assert_eq!(cluster.decide(&fewer).problems["standard"].0, Reason::TooManyRemovals);
    cluster.taken_lately.clear();
    cluster.classes[0] = class("standard", &format!("{{organizationalUnits: [{SANDBOX}]}}"));
    let decision = cluster.decide(&all);
    assert_eq!((decision.applications.len(), decision.problems.len()), (0, 1));
    // AWS says that of accounts that it lists, and can take it back: nothing is forgotten.
    let mut closed = all.clone();
    cluster.classes[0] = class("standard", &format!("{{organizationalUnits: [{WORKLOADS}]}}"));
    for account in &mut closed.accounts {
        account.standing = Standing::Closed;
    }
    assert_eq!(cluster.decide(&closed).applications.len(), 12);
    for account in &mut closed.accounts {
        account.standing = Standing::Suspended;
    }
    assert_eq!(cluster.decide(&closed).applications.len(), 12);
}

#[test]
fn whoever_released_a_pause_has_not_released_that_roles_are_forgotten() {
    let mut cluster = Cluster::usual();
    let mut all = listing((1..=12).map(|number| listed(number, &[WORKLOADS])).collect());
    cluster.follow(&all);
    for account in &mut all.accounts {
        account.units.clear();
    }
    let decision = cluster.decide(&all);
    cluster.release(&decision, "standard");
    cluster.follow(&all);
    assert_eq!(cluster.state(FIRST), AccountState::Paused);
    for account in &mut all.accounts {
        account.standing = Standing::Closed;
    }
    cluster.follow(&all);
    all.accounts.clear();
    let decision = cluster.follow(&all);
    assert_eq!(
        (decision.applications.len(), decision.held.len()),
        (0, 12),
        "the same accounts, and something else becomes of them"
    );
    assert_eq!(cluster.state(FIRST), AccountState::Paused);
    cluster.release(&decision, "standard");
    cluster.follow(&all);
    assert_eq!(cluster.state(FIRST), AccountState::Abandoned);
}

#[test]
fn what_a_person_released_holds_no_other_class_back() {
    let second = "{organizationalUnits: [ou-a1b2-sandbox1]}";
    let mut cluster = Cluster::usual();
    cluster.classes.push(class("second", second));
    let mut accounts: Vec<Listed> = (1..=11).map(|number| listed(number, &[WORKLOADS])).collect();
    accounts.push(listed(12, &[SANDBOX]));
    cluster.follow(&listing(accounts));
    let none = listing(Vec::new());
    let decision = cluster.decide(&none);
    assert_eq!(decision.applications, Vec::new());
    cluster.release(&decision, "standard");
    let decision = cluster.follow(&none);
    let released = decision.applications.iter().map(|one| one.is_released);
    assert_eq!(released.filter(|is_released| !is_released).count(), 1);
    assert_eq!(decision.applications.len(), 12);
}

#[test]
fn each_account_that_goes_is_asked_for_and_so_many_that_are_held_that_they_are_held_rightly() {
    let asked_for = |missing: u32, asked: &[u32]| {
        let mut cluster = Cluster::usual();
        cluster.follow(&listing((1..=30).map(|number| listed(number, &[WORKLOADS])).collect()));
        let fewer = listing((missing + 1..=30).map(|number| listed(number, &[WORKLOADS])).collect());
        let asked = asked.iter().map(|number| listed(*number, &[]).id).collect();
        cluster.decide(&fewer).to_be_asked_for(&asked, AT_LEAST).len()
    };
    assert_eq!(asked_for(10, &[]), 10);
    assert_eq!(asked_for(10, &[1, 2]), 8);
    assert_eq!(asked_for(20, &[]), 11, "held");
    assert_eq!(asked_for(20, &[1, 2, 3]), 8);
    assert_eq!(asked_for(20, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), 0);
}

#[test]
fn accounts_that_are_held_and_whose_class_is_not_there_stand_in_the_log() {
    let mut cluster = Cluster::usual();
    cluster.follow(&listing((1..=12).map(|number| listed(number, &[WORKLOADS])).collect()));
    cluster.classes.clear();
    let decision = cluster.decide(&listing(Vec::new()));
    assert_eq!(decision.held.len(), 12);
    assert!(
        decision.left_out[0].starts_with("there is no AccountClass standard, and 12 accounts"),
        "{:?}",
        decision.left_out
    );
}
