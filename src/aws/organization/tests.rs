use aws_sdk_organizations::types::{AccountState, AccountStatus};

use super::*;

fn account(number: u32) -> Listed {
    listed(Account::builder().id(format!("2222{number:08}")).build(), &[]).unwrap()
}

#[test]
fn a_root_names_its_organization() {
    let arn = "arn:aws:organizations::111111111111:root/o-a1b2c3d4e5/r-a1b2";
    let listing = listing("r-a1b2", arn).unwrap();
    assert_eq!(listing.organization.as_str(), "o-a1b2c3d4e5");
    assert_eq!(listing.management_account.as_str(), "111111111111");
    assert!(super::listing("r-a1b2", "arn:aws:organizations::111111111111:ou/o-a1b2c3d4e5/ou-1").is_none());
}

#[test]
fn an_account_stands_as_its_state_says_or_its_status_where_it_has_none() {
    let state = |account: Account| listed(account, &[]).unwrap().standing;
    let id = || Account::builder().id("222222222222");
    let suspended = id().status(AccountStatus::Suspended);
    assert_eq!(state(suspended.clone().build()), Standing::Suspended);
    assert_eq!(state(suspended.state(AccountState::Closed).build()), Standing::Closed);
    assert_eq!(state(id().state("NEW".into()).build()), Standing::Unknown);
    assert_eq!(state(id().build()), Standing::Unknown);
    assert!(listed(Account::builder().build(), &[]).is_none());
}

#[test]
fn tags_are_read_anew_after_hours_or_when_the_account_is_not_as_it_was() {
    let now = Instant::now();
    let later = |hours: u64| now + Duration::from_secs(hours * 3600);
    let mut early = 0;
    for number in 0..100 {
        let listed = account(number);
        let tags = Tags {
            tags: BTreeMap::new(),
            read: now,
            of: beside_tags(&listed),
        };
        assert!(tags.hold(&listed, later(2)) && !tags.hold(&listed, later(6)));
        early += usize::from(!tags.hold(&listed, later(4)));
        let renamed = Listed {
            name: "other".into(),
            ..listed
        };
        assert!(!tags.hold(&renamed, now));
    }
    assert!((20..80).contains(&early), "{early} of 100 within four hours");
}

#[test]
fn the_role_that_reads_is_a_role() {
    let role: OrganizationRole = "arn:aws:iam::111111111111:role/reader".parse().unwrap();
    assert_eq!(role.account.as_str(), "111111111111");
    for text in [
        "arn:aws:iam::111111111111:user/reader",
        "reader",
        "arn:aws:s3:::role/reader",
    ] {
        assert!(text.parse::<OrganizationRole>().is_err(), "{text}");
    }
}
