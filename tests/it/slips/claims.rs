//! A decision about a claim makes somebody more, or less: what was printed for her before ends, and what rests on it; and
//! nobody decides what she wrote herself.

use mingji::app::Kind;
use mingji::app::relation_claim::{Decider, Verdict};
use mingji::app::slips::{Bundle, Slip};
use mingji::domain::id::RelationClaimId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::holder::SlipKind;
use mingji::domain::registry::roster::RosterKind;

use super::scope::{COUNTY, LIARS, OTHER, import, lie, person, pupil, staff, world};
use super::{GOOD, Nobody, SlipWish, activate};
use crate::support::app::{TestApp, both_engines};
use crate::support::browser::PlainBrowser;
use crate::support::database::select_texts;
use crate::support::visitor::Visitor;

async fn slips(app: &TestApp, org: &str) -> Vec<Slip> {
    let mut slips = Vec::new();
    let press = &mut |bundle: &Bundle| {
        slips.extend(bundle.slips.iter().cloned());
        Ok(())
    };
    app.app.print_slips(&app.operator(), org, &SlipWish::default(), press).await.unwrap();
    slips
}

fn of<'a>(slips: &'a [Slip], name: &str) -> &'a Slip {
    slips.iter().find(|slip| slip.name == name).unwrap()
}

/// The liars say that these people work for them.
async fn claim_staff(app: &TestApp, names: &[&str]) {
    let file = staff(&names.iter().map(|name| (LIARS, *name)).collect::<Vec<_>>());
    let (ctx, liar) = (app.operator(), person(app, "谎").await);
    app.app.import_roster_as(&ctx, liar, RosterKind::Staff, file.as_bytes(), false, &mut Nobody).await.unwrap();
}

/// The claim about somebody, as the operator finds it.
async fn claim_about(app: &TestApp, kind: &str, name: &str) -> RelationClaimId {
    let claims = app.app.pending_claims(&app.operator(), Decider::Operator, COUNTY, None).await.unwrap();
    claims.iter().find(|claim| claim.kind == kind && claim.name == name).unwrap().id
}

async fn decide(app: &TestApp, by: Decider, claim: RelationClaimId, verdict: Verdict) -> Result<(), Kind> {
    app.app.decide_claim(&app.operator(), by, claim, verdict).await.map(|_| ()).map_err(|error| error.kind)
}

both_engines! {
    async fn a_code_that_the_old_school_printed_ends_with_the_transfer(app: TestApp) {
        world(&app).await;
        let printed = slips(&app, OTHER).await;
        assert!(activate(&app, of(&printed, "双大")).await);
        let link = app.app.issue_activation(&app.operator(), person(&app, "双大").await).await.unwrap().1;
        lie(&app, &[("母儿", "母"), ("双大", "双")].map(|(child, keeper)| pupil(LIARS, child, keeper)).concat()).await;
        for child in ["母儿", "双大"] {
            decide(&app, Decider::Operator, claim_about(&app, "student", child).await, Verdict::Confirm).await.unwrap();
        }
        for name in ["母儿", "母"] {
            assert!(!activate(&app, of(&printed, name)).await, "{name} belongs to another school now");
        }
        assert!(activate(&app, of(&printed, "教儿")).await, "others keep theirs");
        let outgrown = PlainBrowser::new(&app).open(&link).await;
        assert!(outgrown.has("problem"), "nor is a link for whoever has a password: nobody keeps who drew it");
    }

    async fn nor_is_a_slip_worth_a_second_school_or_child(app: TestApp) {
        world(&app).await;
        let printed = slips(&app, OTHER).await;
        claim_staff(&app, &["教"]).await;
        lie(&app, &pupil(LIARS, "母儿", "母")).await;
        let borrowed = claim_about(&app, "student", "母儿").await;
        let post = claim_about(&app, "staff", "教").await;
        for (claim, verdict, name) in [(borrowed, Verdict::Borrow, "母儿"), (post, Verdict::Confirm, "教")] {
            decide(&app, Decider::Operator, claim, verdict).await.unwrap();
            assert!(!activate(&app, of(&printed, name)).await, "{name}");
        }
        assert!(slips(&app, OTHER).await.iter().all(|slip| slip.name != "教"), "nor is another printed there");
    }

    async fn a_run_of_slips_and_a_claim_at_once_leave_no_code(app: TestApp) {
        world(&app).await;
        let names = ["一", "丁", "七", "万", "丈", "三"];
        import(&app, RosterKind::Staff, staff(&names.map(|name| (OTHER, name)))).await;
        claim_staff(&app, &names).await;
        let run = async |app: TestApp| {
            let wish = SlipWish { kind: Some(SlipKind::Staff), reprint: true, ..SlipWish::default() };
            app.app.print_slips(&app.operator(), OTHER, &wish, &mut |_| Ok(())).await.unwrap();
        };
        for name in names {
            let claim = claim_about(&app, "staff", name).await;
            let runs: Vec<_> = (0..3).map(|_| tokio::spawn(run(app.clone()))).collect();
            decide(&app, Decider::Operator, claim, Verdict::Confirm).await.unwrap();
            for one in runs {
                one.await.unwrap();
            }
        }
        let open = "SELECT DISTINCT p.name FROM activation v JOIN account a ON a.id = v.account_id JOIN person p ON p.id = a.person_id WHERE v.used_at IS NULL";
        assert_eq!(select_texts(&app.database.url, open).await, ["教"], "the runs did print");
    }

    async fn of_two_codes_made_at_once_one_works(app: TestApp) {
        world(&app).await;
        let teacher = person(&app, "师").await;
        let made: Vec<_> = (0..6).map(|_| {
            let app = app.clone();
            tokio::spawn(async move { app.app.issue_activation(&app.operator(), teacher).await.unwrap() })
        }).collect();
        for one in made {
            one.await.unwrap();
        }
        let open = "SELECT p.name FROM activation v JOIN account a ON a.id = v.account_id JOIN person p ON p.id = a.person_id WHERE v.used_at IS NULL";
        assert_eq!(select_texts(&app.database.url, open).await, ["师"]);
    }

    async fn nobody_decides_what_she_wrote_herself(app: TestApp) {
        world(&app).await;
        lie(&app, &[("甲甲", "理"), ("丙丙", "母")].map(|(child, keeper)| pupil(LIARS, child, keeper)).concat()).await;
        let (of_theirs, of_hers) = (claim_about(&app, "guardian", "理").await, claim_about(&app, "guardian", "母").await);
        // The children move on, and she comes to govern the next school too.
        let moved = "UPDATE enrolment SET org_id = (SELECT id FROM institution WHERE name = '第八实验小学'), class_id = NULL
            WHERE person_id IN (SELECT id FROM person WHERE name IN ('甲甲', '丙丙')) RETURNING state";
        assert_eq!(select_texts(&app.database.url, moved).await.len(), 2);
        let (liar, colleague) = (person(&app, "谎").await, person(&app, "师").await);
        for (who, scope) in [(liar, OTHER), (colleague, OTHER), (colleague, LIARS)] {
            app.app.grant_admin(&app.operator(), who, AdminRole::School, scope).await.unwrap();
        }
        let (liar, colleague) = (Decider::Admin(liar), Decider::Admin(colleague));
        let list = async |by| {
            let mut names = Vec::new();
            for org in [LIARS, OTHER] {
                let claims = app.app.pending_claims(&app.operator(), by, org, None).await.unwrap();
                names.extend(claims.into_iter().map(|claim| claim.name));
            }
            names
        };
        assert_eq!((list(liar).await, list(colleague).await), (vec![], vec!["母".to_owned(), "母".to_owned()]));
        for (by, claim) in [(liar, of_theirs), (liar, of_hers), (colleague, of_theirs)] {
            for verdict in [Verdict::Confirm, Verdict::Reject(None)] {
                assert_eq!(decide(&app, by, claim, verdict).await, Err(Kind::NotFound));
            }
        }
        decide(&app, colleague, of_hers, Verdict::Confirm).await.unwrap();
    }

    async fn a_rejected_guardian_refreshes_nothing_in_that_childs_name(app: TestApp) {
        world(&app).await;
        lie(&app, &pupil(LIARS, "丙丙", "母")).await;
        let mother = person(&app, "母").await;
        app.app.set_password(&app.operator(), mother, GOOD.to_owned().into()).await.unwrap();
        let login = "SELECT a.user_name FROM account a JOIN person p ON p.id = a.person_id WHERE p.name = '母'";
        let rp = app.client("platform_a");
        let mut refresh = Vec::new();
        for identity in 0..2 {
            let mut visitor = Visitor { identity, ..app.teacher() };
            visitor.person.user_name = select_texts(&app.database.url, login).await.remove(0);
            visitor.person.password = GOOD.into();
            refresh.push(visitor.sign_in(&rp).await.refresh());
        }
        decide(&app, Decider::Operator, claim_about(&app, "guardian", "母").await, Verdict::Reject(None)).await.unwrap();
        assert_eq!(rp.refresh(&refresh[1]).await.error(), "invalid_grant");
        assert_eq!(rp.refresh(&refresh[0]).await.status, 200, "her own child's stays");
    }
}
