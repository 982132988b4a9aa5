//! Accounts, aliases, passwords.

use uuid::Uuid;

use super::on_both_engines;
use super::support::{
    NOW, account, add_person, add_tree, confirmed_now, enrolment, guardianship, org_id, person_id, staffing,
};
use crate::domain::access::for_tests::{door, own, task};
use crate::domain::id::AccountId;
use crate::domain::registry::account::AliasKind;
use crate::domain::registry::codes::identity_kind::IdentityKind;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::guardianship::Evidence;
use crate::domain::registry::user_name::UserName;
use crate::store::db::{Db, Tx};
use crate::store::{accounts, credentials, enrolments, guardianships, staffings};

on_both_engines!(
    a_login_leads_to_a_reference,
    only_an_inactive_account_is_activated,
    an_alias_is_the_last_confirmers,
    a_password_is_its_owners,
    everybody_under_an_institution_is_listed,
);

const FIRST: &str = "222-222-2222";
const SECOND: &str = "3h2-222-2222";
const THIRD: &str = "4y2-222-2222";

async fn two_accounts(tx: &mut Tx) {
    for (n, name, user_name) in [(1, "王芳", FIRST), (2, "李娜", SECOND)] {
        add_person(tx, n, name).await;
        assert!(accounts::insert(tx, &task(), &account(n, n, user_name)).await.unwrap());
    }
}

fn id(n: u128) -> AccountId {
    AccountId(Uuid::from_u128(n))
}

async fn a_login_leads_to_a_reference(db: &Db) {
    let mut tx = db.write().await.unwrap();
    two_accounts(&mut tx).await;
    add_person(&mut tx, 3, "张伟").await;
    assert!(!accounts::insert(&mut tx, &task(), &account(3, 3, FIRST)).await.unwrap(), "the name is taken");
    let name: UserName = FIRST.parse().unwrap();
    let found = accounts::by_user_name(&mut tx, &door(), &name).await.unwrap().unwrap();
    assert_eq!(
        (found.id, found.person, found.user_name.as_str(), found.may_sign_in),
        (id(1), person_id(1), FIRST, false)
    );
    assert_eq!(accounts::by_id(&mut tx, &door(), id(2)).await.unwrap().unwrap().person, person_id(2));
    assert_eq!(accounts::of_person(&mut tx, &own(person_id(2))).await.unwrap().unwrap().id, id(2));
    assert_eq!(accounts::find(&mut tx, &own(person_id(1))).await.unwrap(), Some(account(1, 1, FIRST)));
    assert!(accounts::by_user_name(&mut tx, &door(), &THIRD.parse().unwrap()).await.unwrap().is_none());
    let second = accounts::insert(&mut tx, &task(), &account(4, 1, THIRD)).await.unwrap_err();
    assert!(second.is_unique("account_person_id_key"), "{second}");
}

async fn only_an_inactive_account_is_activated(db: &Db) {
    let mut tx = db.write().await.unwrap();
    two_accounts(&mut tx).await;
    let proof = own(person_id(1));
    assert!(!accounts::activate(&mut tx, &proof, id(2), NOW).await.unwrap(), "not hers");
    assert!(accounts::activate(&mut tx, &proof, id(1), NOW).await.unwrap());
    assert!(accounts::by_id(&mut tx, &door(), id(1)).await.unwrap().unwrap().may_sign_in);
    assert!(accounts::set_state(&mut tx, &proof, id(1), Status::AdminLocked, NOW).await.unwrap());
    assert!(!accounts::set_state(&mut tx, &proof, id(1), Status::AdminLocked, NOW).await.unwrap());
    assert!(!accounts::activate(&mut tx, &proof, id(1), NOW).await.unwrap(), "no activation opens a lock");
    assert!(!accounts::by_id(&mut tx, &door(), id(1)).await.unwrap().unwrap().may_sign_in);
    assert_eq!(accounts::find(&mut tx, &proof).await.unwrap().unwrap().version, 3);
}

async fn an_alias_is_the_last_confirmers(db: &Db) {
    let mut tx = db.write().await.unwrap();
    two_accounts(&mut tx).await;
    let (first, second) = (own(person_id(1)), own(person_id(2)));
    let holder =
        async |tx: &mut Tx| accounts::by_alias(tx, &door(), "phone", [1; 32]).await.unwrap().map(|found| found.id);
    let new = Uuid::from_u128;
    assert!(!accounts::add_alias(&mut tx, &first, new(1), id(1), AliasKind::Phone, [1; 32], NOW).await.unwrap());
    assert!(!accounts::add_alias(&mut tx, &first, new(2), id(1), AliasKind::Phone, [1; 32], NOW).await.unwrap());
    assert_eq!(holder(&mut tx).await, Some(id(1)));
    assert!(accounts::add_alias(&mut tx, &second, new(3), id(2), AliasKind::Phone, [1; 32], NOW).await.unwrap());
    assert_eq!(holder(&mut tx).await, Some(id(2)));
    assert!(accounts::by_alias(&mut tx, &door(), "email", [1; 32]).await.unwrap().is_none());
    assert_eq!(accounts::end_aliases(&mut tx, &first, id(2), AliasKind::Phone, NOW).await.unwrap(), 0, "not hers");
    assert_eq!(accounts::end_aliases(&mut tx, &second, id(2), AliasKind::Phone, NOW).await.unwrap(), 1);
    assert_eq!(holder(&mut tx).await, None);
}

async fn a_password_is_its_owners(db: &Db) {
    let mut tx = db.write().await.unwrap();
    two_accounts(&mut tx).await;
    assert_eq!(credentials::password(&mut tx, &door(), id(1)).await.unwrap(), None);
    assert!(!credentials::set_password(&mut tx, &own(person_id(2)), id(1), "$argon2id$a", NOW).await.unwrap());
    for phc in ["$argon2id$a", "$argon2id$b"] {
        assert!(credentials::set_password(&mut tx, &own(person_id(1)), id(1), phc, NOW).await.unwrap());
        assert_eq!(credentials::password(&mut tx, &door(), id(1)).await.unwrap().as_deref(), Some(phc));
    }
}

async fn everybody_under_an_institution_is_listed(db: &Db) {
    let mut tx = db.write().await.unwrap();
    add_tree(&mut tx).await;
    two_accounts(&mut tx).await;
    add_person(&mut tx, 3, "母亲").await;
    assert!(accounts::insert(&mut tx, &task(), &account(3, 3, THIRD)).await.unwrap());
    let (child, teacher) = (task().on(person_id(1)), task().on(person_id(3)));
    assert!(enrolments::insert(&mut tx, &child, &enrolment(1, 1, 5)).await.unwrap());
    assert!(staffings::insert(&mut tx, &teacher, &staffing(1, 3, 6)).await.unwrap());
    let pending = guardianship(1, 1, 3);
    assert!(guardianships::insert(&mut tx, &child, &pending).await.unwrap());
    assert!(
        guardianships::update(&mut tx, &child, &pending.confirm(Evidence::School, confirmed_now()).unwrap())
            .await
            .unwrap()
    );
    let list = async |tx: &mut Tx, org| {
        let lines = accounts::list_under(tx, &task(), org_id(org)).await.unwrap();
        lines.into_iter().map(|line| (line.kind, line.person, line.user_name)).collect::<Vec<_>>()
    };
    let student = (IdentityKind::Student, person_id(1), FIRST.to_owned());
    let parent = (IdentityKind::Parent, person_id(3), THIRD.to_owned());
    let staff = (IdentityKind::Teacher, person_id(3), THIRD.to_owned());
    assert_eq!(list(&mut tx, 5).await, [student.clone(), parent.clone()]);
    assert_eq!(list(&mut tx, 6).await, std::slice::from_ref(&staff));
    assert_eq!(list(&mut tx, 1).await, [student, staff, parent]);
}
