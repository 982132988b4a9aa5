//! A roster under an administrator's rights (ruling R1). She may lie: what she writes about people whom others hold
//! changes nothing of theirs, and tells her nothing, not even by the number of a report.

use mingji::app::relation_claim::{Decider, PendingClaim, Verdict};
use mingji::app::roster_import::DeskReport;
use mingji::app::{Error, Kind};
use mingji::domain::id::PersonId;
use mingji::domain::registry::codes::admin_role::AdminRole;
use mingji::domain::registry::roster::RosterKind;
use mingji::domain::time::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Names, TOP, import};
use crate::support::app::{TestApp, both_engines};
use crate::support::database::select_texts;

const STAFF: &str = "学校标识码,姓名,身份证件类型,身份证件号,手机号,岗位,任教班级";
const STUDENTS: &str = "学校标识码,姓名,身份证件类型,身份证件号,学籍号,学段,入学年份,班级,监护人姓名,监护人关系,监护人身份证件类型,监护人身份证件号,监护人手机号";

/// A county of its own with two schools: hers and another. Regions are alike but for the digits of their numbers.
#[derive(Clone, Copy)]
struct Region(u32);

impl Region {
    fn county(self) -> String {
        format!("ED33{:04}00", self.0)
    }

    fn school(self, n: u32) -> String {
        format!("2133{:05}{n}", self.0)
    }

    /// A well-formed number (GB 11643) of somebody who was never born: children below 8, grown-ups from there. None ends in
    /// 000, which would be a warning in one region and not in another.
    fn number(self, who: u32) -> String {
        let year = if who < 8 { 2016 } else { 1985 };
        let body = format!("33{:04}{year}0203{:03}", self.0, who * 2 + 2);
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: u32 = body.chars().zip(weights).map(|(digit, weight)| digit.to_digit(10).unwrap() * weight).sum();
        format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char)
    }

    /// Her true name, or another one.
    fn name(self, who: u32, other: bool) -> String {
        format!("{}某{}", if other { "乙" } else { "甲" }, char::from_u32(0x4E00 + self.0 * 32 + who).unwrap())
    }

    fn student(self, school: u32, who: u32, class: u32, keeper: Option<u32>) -> String {
        Pupil { who, other: false, code: Code::Own, bare: false, class, keeper: keeper.map(Keeper::of) }
            .row(self, school)
    }

    fn teacher(self, school: u32, who: u32) -> String {
        format!(
            "{},{},居民身份证,{},,教师,小学/2022/1班\n",
            self.school(school),
            self.name(who, false),
            self.number(who)
        )
    }
}

#[derive(Clone, Copy, Debug)]
enum Code {
    None,
    Own,
    Of(u32),
}

#[derive(Clone, Copy, Debug)]
struct Keeper {
    who: u32,
    other: bool,
    father: bool,
    phone: u32,
}

impl Keeper {
    fn of(who: u32) -> Self {
        Self { who, other: false, father: true, phone: who }
    }
}

#[derive(Clone, Copy, Debug)]
struct Pupil {
    who: u32,
    other: bool,
    code: Code,
    /// Named by the 学籍号 alone.
    bare: bool,
    class: u32,
    keeper: Option<Keeper>,
}

impl Pupil {
    fn row(&self, region: Region, school: u32) -> String {
        let code = match self.code {
            Code::None => String::new(),
            Code::Own => format!("G{}", region.number(self.who)),
            Code::Of(who) => format!("G{}", region.number(who)),
        };
        let keeper = self.keeper.map_or(",,,,".to_owned(), |keeper| {
            let relation = if keeper.father { "父亲" } else { "其他" };
            let (name, number) = (region.name(keeper.who, keeper.other), region.number(keeper.who));
            format!("{name},{relation},居民身份证,{number},1390000{:04}", keeper.phone)
        });
        let number = if self.bare { String::new() } else { region.number(self.who) };
        let name = region.name(self.who, self.other);
        format!("{},{name},居民身份证,{number},{code},小学,2022,{}班,{keeper}\n", region.school(school), self.class)
    }
}

#[derive(Clone, Copy, Debug)]
enum Line {
    Pupil(Pupil),
    Teacher { who: u32, other: bool, class: u32, phone: u32 },
}

fn who() -> impl Strategy<Value = u32> {
    // 0 to 3 and 8 to 11 are held elsewhere, the others nobody knows.
    prop_oneof![0..8_u32, 8..16_u32]
}

fn line() -> impl Strategy<Value = Line> {
    let keeper = (who(), any::<bool>(), any::<bool>(), 0..3_u32).prop_map(|(who, other, father, phone)| Keeper {
        who,
        other,
        father,
        phone,
    });
    let code = prop_oneof![Just(Code::None), Just(Code::Own), who().prop_map(Code::Of)];
    let pupil = (who(), prop::bool::weighted(0.2), code, prop::bool::weighted(0.2), 1..3_u32, prop::option::of(keeper));
    let pupil = pupil.prop_map(|(who, other, code, bare, class, keeper)| {
        Line::Pupil(Pupil { who, other, code, bare, class, keeper })
    });
    let teacher = (who(), prop::bool::weighted(0.2), 1..3_u32, 0..3_u32)
        .prop_map(|(who, other, class, phone)| Line::Teacher { who, other, class, phone });
    prop_oneof![3 => pupil, 1 => teacher]
}

struct Admin {
    region: Region,
    id: PersonId,
}

/// Opens the region, with an administrator of school 1 and, where they are to be known, people at school 2.
async fn open(app: &TestApp, region: Region, known: bool) -> Admin {
    let [province, county] = ["ED33000000".to_owned(), region.county()];
    let schools: String =
        [1, 2].iter().map(|n| format!("{},第{n}小学,学校,211,330102,{county}\n", region.school(*n))).collect();
    let file = format!(
        "{TOP}\n{province},浙江,教育行政部门,,330000,\n{county},某区,教育行政部门,,330102,{province}\n{schools}"
    );
    let names = &mut Names::default();
    import(app, RosterKind::Institutions, file, false, names).await;
    if known {
        let teachers: String = [8, 9].iter().map(|who| region.teacher(2, *who)).collect();
        import(app, RosterKind::Staff, format!("{STAFF}\n{teachers}"), false, names).await;
        // 9 teaches and has a child; 10 and 11 are guardians alone.
        let pupils: String =
            [(0, 9), (1, 10), (2, 10), (3, 11)].map(|(who, keeper)| region.student(2, who, 1, Some(keeper))).concat();
        import(app, RosterKind::Students, format!("{STUDENTS}\n{pupils}"), false, names).await;
    }
    Admin { region, id: administrator(app, region, 20, &region.school(1), AdminRole::School).await }
}

/// A teacher of school 1 who holds a role over an institution.
async fn administrator(app: &TestApp, region: Region, who: u32, scope: &str, role: AdminRole) -> PersonId {
    let mut names = Names::default();
    let file = format!("{STAFF}\n{}", region.teacher(1, who));
    import(app, RosterKind::Staff, file, false, &mut names).await;
    let person = app.app.person_of_login(&names.of(2, "staff")).await.unwrap();
    app.app.grant_admin(&app.operator(), person, role, scope).await.unwrap();
    person
}

impl Admin {
    async fn try_import(&self, app: &TestApp, kind: RosterKind, file: &str, dry: bool) -> Result<DeskReport, Error> {
        let listener = &mut Names::default();
        let report = app.app.import_roster_as(&app.operator(), self.id, kind, file.as_bytes(), dry, listener).await;
        assert!(listener.0.is_empty(), "a user name tells who is new");
        report.map(|report| DeskReport { seconds: 0.0, ..report })
    }

    async fn students(&self, app: &TestApp, rows: &str) -> DeskReport {
        self.try_import(app, RosterKind::Students, &format!("{STUDENTS}\n{rows}"), false).await.unwrap()
    }

    /// One report for each step: preview, import, the same again, staff and students in turn.
    async fn run(&self, app: &TestApp, files: &[Vec<Line>]) -> Vec<DeskReport> {
        let mut reports = Vec::new();
        for lines in files {
            let (mut pupils, mut teachers) = (format!("{STUDENTS}\n"), format!("{STAFF}\n"));
            for line in lines {
                match line {
                    Line::Pupil(pupil) => pupils += &pupil.row(self.region, 1),
                    Line::Teacher { who, other, class, phone } => {
                        let (name, number) = (self.region.name(*who, *other), self.region.number(*who));
                        let school = self.region.school(1);
                        teachers += &format!(
                            "{school},{name},居民身份证,{number},1370000{phone:04},教师,小学/2022/{class}班\n"
                        );
                    }
                }
            }
            for (kind, file) in [(RosterKind::Students, pupils), (RosterKind::Staff, teachers)] {
                for dry in [true, false, false, true] {
                    reports.push(self.try_import(app, kind, &file, dry).await.unwrap());
                }
            }
        }
        reports
    }
}

/// What others recorded of the people whom school 2 holds, and whatever else could hang on them.
async fn held(app: &TestApp, region: Region) -> Vec<String> {
    let school = format!("(SELECT org_id FROM institution_code WHERE value = '{}')", region.school(2));
    let hers = format!(
        "(SELECT person_id FROM enrolment WHERE org_id = {school} UNION SELECT person_id FROM staffing WHERE org_id = {school}
          UNION SELECT guardian_id FROM guardianship WHERE recorded_org_id = {school})"
    );
    let mut found = Vec::new();
    for (table, column) in [
        ("person", "id"),
        ("identity_document", "person_id"),
        ("enrolment", "person_id"),
        ("staffing", "person_id"),
        ("account", "person_id"),
    ] {
        found.push(format!(
            "SELECT '{table} ' || CAST(COUNT(*) AS TEXT) || ' ' || CAST(SUM(version) AS TEXT) FROM {table} WHERE {column} IN {hers}"
        ));
    }
    for table in ["contact", "personal_code", "presence"] {
        found.push(format!("SELECT '{table} ' || CAST(COUNT(*) AS TEXT) FROM {table} WHERE person_id IN {hers}"));
    }
    found.push(format!(
        "SELECT 'confirmed ' || CAST(COUNT(*) AS TEXT) || ' ' || CAST(SUM(version) AS TEXT) FROM guardianship WHERE child_id IN {hers} AND status = 'confirmed'"
    ));
    let mut rows = Vec::new();
    for query in found {
        rows.extend(select_texts(&app.database.url, &query).await);
    }
    rows
}

async fn one_text(app: &TestApp, query: &str) -> String {
    select_texts(&app.database.url, query).await.join(",")
}

async fn waiting(app: &TestApp, region: Region) -> Vec<PendingClaim> {
    app.app.pending_claims(&app.operator(), Decider::Operator, &region.county(), None).await.unwrap()
}

/// The state of what waits in a region, by kind.
async fn pending(app: &TestApp, region: Region) -> Vec<String> {
    let claims = waiting(app, region).await;
    let said = |conflict| if conflict { " conflict" } else { "" };
    let now = app.app.now();
    for claim in serde_json::to_value(&claims).unwrap().as_array().unwrap() {
        let since = claim["since"].as_str().and_then(Timestamp::from_rfc3339).expect("a moment that people read");
        assert!(since <= now, "{claim}");
    }
    let mut kinds: Vec<_> = claims.iter().map(|claim| format!("{}{}", claim.kind, said(claim.conflict))).collect();
    kinds.sort();
    kinds
}

both_engines! {
    async fn a_lying_administrator_learns_and_changes_nothing(app: TestApp) {
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let strategy = prop::collection::vec(prop::collection::vec(line(), 1..8), 1..4);
        for case in 200..230 {
            let files = strategy.new_tree(&mut runner).unwrap().current();
            let (known, unknown) = (Region(case * 2), Region(case * 2 + 1));
            let (here, there) = (open(&app, known, true).await, open(&app, unknown, false).await);
            let before = held(&app, known).await;
            let told = here.run(&app, &files).await;
            assert_eq!(held(&app, known).await, before, "{files:#?}");
            for (step, (one, other)) in told.iter().zip(there.run(&app, &files).await).enumerate() {
                assert_eq!(*one, other, "step {step} of {files:#?}");
            }
        }
    }

    async fn a_student_of_another_school_is_asked_for_and_released(app: TestApp) {
        let region = Region(100);
        let admin = open(&app, region, true).await;
        let report = admin.students(&app, &region.student(1, 1, 2, Some(10))).await;
        assert_eq!((report.accepted, report.errors.len()), (1, 0), "{report:?}");
        assert_eq!(pending(&app, region).await, ["guardian", "student"], "nothing is enrolled twice");
        let claims = waiting(&app, region).await;
        let transfer = claims.iter().find(|claim| claim.kind == "student").unwrap();
        assert_eq!((transfer.transfer, transfer.held_by.as_deref()), (true, Some("第2小学")), "the operator is told");
        let transfer = transfer.id;
        let list = async |by, school| app.app.pending_claims(&app.operator(), by, &region.school(school), None).await;
        let hers = list(Decider::Admin(admin.id), 1).await.unwrap();
        assert!(hers.len() == 2 && hers.iter().all(|claim| claim.held_by.is_none()), "her own rows and nothing more");
        assert_eq!(list(Decider::Admin(admin.id), 2).await.unwrap_err().kind, Kind::NotFound);
        let decide = async |by, verdict| app.app.decide_claim(&app.operator(), by, transfer, verdict).await;
        let own = decide(Decider::Admin(admin.id), Verdict::Confirm).await;
        assert_eq!(own.unwrap_err().kind, Kind::NotFound, "the claimant cannot confirm herself");
        let stranger = administrator(&app, region, 22, &Region(100).school(1), AdminRole::Audit).await;
        assert_eq!(decide(Decider::Admin(stranger), Verdict::Confirm).await.unwrap_err().kind, Kind::NotFound);
        let releasing = administrator(&app, region, 23, &region.school(2), AdminRole::School).await;
        let asked = list(Decider::Admin(releasing), 2).await.unwrap();
        assert!(asked.iter().any(|claim| claim.id == transfer && claim.transfer), "the holder finds it too");
        let decided = decide(Decider::Admin(releasing), Verdict::Confirm).await.unwrap();
        assert_eq!(decided.transferred_from.as_deref(), Some("第2小学"));
        assert_eq!(decide(Decider::Operator, Verdict::Confirm).await.unwrap_err().kind, Kind::Conflict, "once");
        let name = region.name(1, false);
        let stays = format!(
            "SELECT e.state || ' ' || o.name FROM enrolment e JOIN institution o ON o.id = e.org_id JOIN person p ON p.id = e.person_id
             WHERE p.name = '{name}' ORDER BY e.created_at"
        );
        assert_eq!(one_text(&app, &stays).await, "10 第2小学,01 第1小学");
        let again = admin.students(&app, &region.student(1, 1, 2, Some(10))).await;
        assert_eq!(again.unchanged, 1, "{again:?}");
        // Back, and there again: what was decided once does not stand in the way.
        for (school, other) in [(2, 1), (1, 2)] {
            let row = format!("{STUDENTS}\n{}", region.student(school, 1, 2, None));
            let report = import(&app, RosterKind::Students, row, false, &mut Names::default()).await;
            assert_eq!(report.conflicts, 1, "to school {school}, from {other}: {report:?}");
            let claims = waiting(&app, region).await;
            let claim = claims.iter().find(|claim| claim.transfer).unwrap().id;
            app.app.decide_claim(&app.operator(), Decider::Operator, claim, Verdict::Confirm).await.unwrap();
        }
        assert!(one_text(&app, &stays).await.ends_with("01 第1小学"));
    }

    async fn a_student_may_sit_at_another_school(app: TestApp) {
        let region = Region(107);
        let admin = open(&app, region, true).await;
        admin.students(&app, &region.student(1, 3, 2, None)).await;
        let claim = waiting(&app, region).await[0].id;
        app.app.decide_claim(&app.operator(), Decider::Operator, claim, Verdict::Borrow).await.unwrap();
        let stays = format!(
            "SELECT e.source || ' ' || o.name FROM enrolment e JOIN institution o ON o.id = e.org_id JOIN person p ON p.id = e.person_id
             WHERE p.name = '{}' AND e.valid_to IS NULL ORDER BY e.created_at",
            region.name(3, false)
        );
        assert_eq!(one_text(&app, &stays).await, "normal 第2小学,borrowed 第1小学");
        assert_eq!(admin.students(&app, &region.student(1, 3, 2, None)).await.unchanged, 1);
    }

    async fn a_guardian_waits_where_another_school_recorded_some(app: TestApp) {
        let region = Region(101);
        let admin = open(&app, region, true).await;
        admin.students(&app, &region.student(1, 1, 2, None)).await;
        let transfer = waiting(&app, region).await[0].id;
        app.app.decide_claim(&app.operator(), Decider::Operator, transfer, Verdict::Confirm).await.unwrap();
        // The school holds the 学籍 now, and names somebody whom nobody knows yet.
        let report = admin.students(&app, &region.student(1, 1, 2, Some(14))).await;
        assert_eq!(report.updated, 1);
        let status = |who| {
            format!(
                "SELECT g.status FROM guardianship g JOIN person p ON p.id = g.guardian_id WHERE p.name = '{}'
                 AND g.child_id = (SELECT id FROM person WHERE name = '{}')",
                region.name(who, false),
                region.name(1, false)
            )
        };
        assert_eq!(one_text(&app, &status(14)).await, "pending");
        assert_eq!(one_text(&app, &status(10)).await, "confirmed", "who was there stays");
        let claim = waiting(&app, region).await[0].id;
        let decide = async |by| app.app.decide_claim(&app.operator(), by, claim, Verdict::Confirm).await;
        assert_eq!(decide(Decider::Admin(admin.id)).await.unwrap_err().kind, Kind::NotFound, "not the claimant alone");
        let county = administrator(&app, region, 22, &region.county(), AdminRole::County).await;
        decide(Decider::Admin(county)).await.unwrap();
        assert_eq!(one_text(&app, &status(14)).await, "confirmed");
    }

    async fn a_new_childs_guardian_is_confirmed_even_if_known_elsewhere(app: TestApp) {
        let region = Region(102);
        let admin = open(&app, region, true).await;
        let before = held(&app, region).await;
        admin.students(&app, &region.student(1, 5, 1, Some(10))).await;
        assert_eq!(held(&app, region).await, before, "no phone and no name of hers");
        let guardians = |child| {
            let child = region.name(child, false);
            format!("SELECT status FROM guardianship WHERE child_id = (SELECT id FROM person WHERE name = '{child}')")
        };
        assert_eq!(one_text(&app, &guardians(5)).await, "confirmed");
        assert_eq!(pending(&app, region).await, ["guardian"], "in force, and to be looked at");
        assert!(waiting(&app, region).await[0].in_force);
        // Under another name it may be anybody, so it is nobody's guardian yet.
        let keeper = Some(Keeper { other: true, ..Keeper::of(11) });
        let row = Pupil { who: 6, other: false, code: Code::Own, bare: false, class: 1, keeper }.row(region, 1);
        assert_eq!(admin.students(&app, &row).await.accepted, 1);
        assert_eq!(one_text(&app, &guardians(6)).await, "");
        assert_eq!(pending(&app, region).await, ["guardian", "guardian conflict"]);
        let before = one_text(&app, &guardians(0)).await;
        let row = Pupil { who: 0, other: true, code: Code::Own, bare: false, class: 1, keeper: Some(Keeper::of(15)) }.row(region, 1);
        admin.students(&app, &row).await;
        assert_eq!(one_text(&app, &guardians(0)).await, before, "nor is anybody the guardian of one named wrongly");
    }

    async fn a_claim_of_staff_becomes_a_post(app: TestApp) {
        let region = Region(103);
        let admin = open(&app, region, true).await;
        let file = format!("{STAFF}\n{}", region.teacher(1, 8));
        let report = admin.try_import(&app, RosterKind::Staff, &file, false).await.unwrap();
        assert_eq!(report.accepted, 1);
        let posts = format!(
            "SELECT CAST(COUNT(*) AS TEXT) FROM staffing WHERE person_id = (SELECT id FROM person WHERE name = '{}')",
            region.name(8, false)
        );
        assert_eq!(one_text(&app, &posts).await, "1");
        let claim = waiting(&app, region).await[0].id;
        let county = administrator(&app, region, 22, &region.county(), AdminRole::County).await;
        app.app.decide_claim(&app.operator(), Decider::Admin(county), claim, Verdict::Confirm).await.unwrap();
        assert_eq!(one_text(&app, &posts).await, "2");
        let again = admin.try_import(&app, RosterKind::Staff, &file, false).await.unwrap();
        assert_eq!(again.unchanged, 1, "{again:?}");
    }

    /// A parent whom the school sees works elsewhere: those who hold her confirm what she becomes here.
    async fn whom_a_school_knows_as_a_parent_it_does_not_employ(app: TestApp) {
        let region = Region(140);
        let admin = open(&app, region, true).await;
        let names = &mut Names::default();
        import(&app, RosterKind::Students, format!("{STUDENTS}\n{}", region.student(1, 4, 1, Some(9))), false, names).await;
        let file = format!("{STAFF}\n{}", region.teacher(1, 9));
        let report = admin.try_import(&app, RosterKind::Staff, &file, false).await.unwrap();
        assert_eq!(report.accepted, 1, "{report:?}");
        let posts = format!("SELECT CAST(COUNT(*) AS TEXT) FROM staffing WHERE person_id = (SELECT id FROM person WHERE name = '{}')", region.name(9, false));
        assert_eq!(one_text(&app, &posts).await, "1");
        let again = admin.try_import(&app, RosterKind::Staff, &file, false).await.unwrap();
        assert_eq!(again.unchanged, 1, "{again:?}");
        let claim = waiting(&app, region).await[0].id;
        let county = administrator(&app, region, 22, &region.county(), AdminRole::County).await;
        app.app.decide_claim(&app.operator(), Decider::Admin(county), claim, Verdict::Confirm).await.unwrap();
        assert_eq!(one_text(&app, &posts).await, "2");
    }

    async fn an_administrators_own_row_gives_her_nothing(app: TestApp) {
        let region = Region(141);
        let admin = open(&app, region, false).await;
        let lessons = format!("SELECT CAST(COUNT(*) AS TEXT) || ' ' || CAST(COUNT(CASE WHEN t.head_teacher = TRUE THEN 1 END) AS TEXT) FROM teaching t JOIN staffing s ON s.id = t.staffing_id JOIN person p ON p.id = s.person_id WHERE p.name = '{}'", region.name(20, false));
        let before = one_text(&app, &lessons).await;
        let own = region.teacher(1, 20);
        let told = admin.try_import(&app, RosterKind::Staff, &format!("{STAFF}\n{own}"), false).await.unwrap();
        assert_eq!((told.unchanged, told.errors.len()), (1, 0), "what is recorded is said again: {told:?}");
        for own in [format!("{STAFF},班主任\n{},是\n", own.trim_end()), format!("{STAFF}\n{}", own.replace("1班", "7班"))] {
            let told = admin.try_import(&app, RosterKind::Staff, &own, false).await.unwrap();
            assert_eq!((told.unchanged, told.errors.len()), (1, 1), "{told:?}");
            assert_eq!(one_text(&app, &lessons).await, before);
        }
        let county = administrator(&app, region, 22, &region.county(), AdminRole::County).await;
        let county = Admin { region, id: county };
        let elsewhere = region.teacher(2, 22);
        let told = county.try_import(&app, RosterKind::Staff, &format!("{STAFF}\n{elsewhere}"), false).await.unwrap();
        assert_eq!((told.rejected, told.accepted), (1, 0), "nor a post at a school below her: {told:?}");
    }

    async fn a_rejected_claim_is_not_made_again(app: TestApp) {
        let region = Region(104);
        let admin = open(&app, region, true).await;
        let row = Pupil { who: 0, other: true, code: Code::None, bare: false, class: 1, keeper: None }.row(region, 1);
        admin.students(&app, &row).await;
        assert_eq!(pending(&app, region).await, ["student conflict"]);
        let claim = waiting(&app, region).await[0].id;
        let decide = async |verdict| app.app.decide_claim(&app.operator(), Decider::Operator, claim, verdict).await;
        assert_eq!(decide(Verdict::Confirm).await.unwrap_err().kind, Kind::Conflict, "a conflict is no relation: the case settles it");
        decide(Verdict::Reject(Some("查无此人".into()))).await.unwrap();
        assert_eq!(admin.students(&app, &row).await.unchanged, 1);
        assert!(pending(&app, region).await.is_empty());
        app.pass(std::time::Duration::from_secs(31 * 24 * 3600));
        admin.students(&app, &row).await;
        assert_eq!(pending(&app, region).await, ["student conflict"], "a month later things may have changed");
    }

    async fn schools_outside_the_scope_are_unknown(app: TestApp) {
        let region = Region(105);
        let admin = open(&app, region, true).await;
        let report = admin.students(&app, &region.student(2, 5, 1, None)).await;
        let nowhere = admin.students(&app, &region.student(9, 5, 1, None)).await;
        assert_eq!((report.rejected, &report.errors), (1, &nowhere.errors), "not found, never forbidden");
        let institutions = admin.try_import(&app, RosterKind::Institutions, TOP, false).await;
        assert_eq!(institutions.unwrap_err().kind, Kind::Invalid);
        let nobody = Admin { region, id: app.person("teacher_parent").person_id };
        let refused = nobody.try_import(&app, RosterKind::Students, &format!("{STUDENTS}\n"), true).await;
        assert_eq!(refused.unwrap_err().kind, Kind::NotFound);
    }

    async fn questions_have_a_daily_budget(app: TestApp) {
        let region = Region(106);
        let admin = open(&app, region, true).await;
        let audited = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_entry WHERE action = 'roster.previewed'";
        let file = |who| format!("{STUDENTS}\n{}", region.student(1, who, 1, None));
        admin.try_import(&app, RosterKind::Students, &file(4), true).await.unwrap();
        assert_eq!(one_text(&app, audited).await, "1", "a preview answers too");
        select_texts(&app.database.url, "UPDATE probe_count SET asked = 19999 RETURNING day").await;
        admin.students(&app, &region.student(1, 4, 1, None)).await;
        for dry in [true, false] {
            let refused = admin.try_import(&app, RosterKind::Students, &file(5), dry).await.unwrap_err();
            assert_eq!(refused.kind, Kind::Conflict);
        }
        let known = admin.students(&app, &region.student(1, 4, 1, None)).await;
        assert_eq!(known.unchanged, 1, "whom she holds she may always name");
        app.pass(std::time::Duration::from_secs(24 * 3600));
        assert_eq!(admin.students(&app, &region.student(1, 5, 1, None)).await.accepted, 1, "tomorrow");
    }
}
