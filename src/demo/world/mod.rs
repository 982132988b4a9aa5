//! A small school world in 瑞金市 (GB/T 2260 360781): real schools, invented people. The contract names the
//! people and the clients by key; who is who stands in [`cast`].

mod cast;
mod clients;

use std::collections::HashMap;

use chrono::Datelike as _;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::app::institution::NewInstitution;
use crate::app::person::NewPerson;
use crate::app::staffing::NewStaffing;
use crate::app::{App, Ctx, Error};
use crate::domain::access::TaskName;
use crate::domain::id::{ClassId, OrgId, PersonId};
use crate::domain::oidc::scope::Scope;
use crate::domain::registry::codes::admin_role::AdminRole;
use crate::domain::registry::codes::realname::{Level, Method};
use crate::domain::registry::codes::school_type::SchoolType;
use crate::domain::registry::codes::stage::Stage;
use crate::domain::registry::division::Division;
use crate::domain::registry::institution::InstitutionKind;
use crate::domain::registry::institution_code::Code;
use crate::domain::registry::name::PersonName;
use crate::domain::registry::space::SpaceAddress;

pub use cast::{Character, cast};
pub use clients::Addresses;

const TASK: TaskName = TaskName::DemoSeed;
const NOTE: &str = "demo_world";
const BEGUN: &str = "demo_world_begun";

/// Who can sign in and which clients there are; the contract's JSON.
#[derive(Clone, Serialize, Deserialize)]
pub struct World {
    /// Who can sign in, and how.
    pub people: Vec<DemoPerson>,
    /// Registered clients.
    pub clients: Vec<DemoClient>,
}

/// A person of the demo.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct DemoPerson {
    pub key: String,
    pub user_name: String,
    pub password: String,
    pub person_id: PersonId,
}

/// A client of the demo.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are the contract's")]
pub struct DemoClient {
    pub key: String,
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uris: Vec<String>,
}

impl World {
    /// A person by key.
    pub fn person(&self, key: &str) -> Option<&DemoPerson> {
        self.people.iter().find(|person| person.key == key)
    }

    /// A client by key.
    pub fn client(&self, key: &str) -> Option<&DemoClient> {
        self.clients.iter().find(|client| client.key == key)
    }
}

/// Lays the world out, or finds the one that was. Refuses a register that holds other people, unless told to go on.
///
/// # Errors
/// `Conflict` for somebody else's register; a failed store.
pub async fn seed(app: &App, addresses: &Addresses, into_existing: bool) -> Result<World, Error> {
    if let Some(kept) = app.sealed_note(NOTE).await? {
        return Ok(serde_json::from_slice(&kept)?);
    }
    // A start that was interrupted goes on where it was: what is there is found again by its document or code.
    let begun = app.sealed_note(BEGUN).await?.is_some();
    if !into_existing && !begun && app.count_registry(None).await?.persons > 0 {
        return Err(Error::new(
            crate::app::Kind::Conflict,
            "this register holds people already; `--into-existing` adds the demo world to them",
        ));
    }
    let ctx = Ctx::task(app, "demo seed");
    app.keep_sealed_note(&ctx, BEGUN, b"begun").await?;
    let places = places(app, &ctx, addresses).await?;
    let people = people(app, &ctx, &places).await?;
    let clients = clients::register(app, &ctx, addresses).await?;
    let world = World { people, clients };
    receipts(app, &ctx, &world).await?;
    app.keep_sealed_note(&ctx, NOTE, &serde_json::to_vec(&world)?).await?;
    Ok(world)
}

/// Institutions and classes by their key.
struct Places {
    orgs: HashMap<&'static str, OrgId>,
    classes: HashMap<&'static str, ClassId>,
    home: uuid::Uuid,
}

impl Places {
    fn org(&self, key: &str) -> Result<OrgId, Error> {
        self.orgs.get(key).copied().ok_or_else(|| Error::internal(format!("the demo has no institution {key}")))
    }

    fn class(&self, key: &str) -> Result<ClassId, Error> {
        self.classes.get(key).copied().ok_or_else(|| Error::internal(format!("the demo has no class {key}")))
    }
}

/// key, kind, name, division, school type, code, key of the parent
type Place =
    (&'static str, InstitutionKind, &'static str, &'static str, Option<SchoolType>, &'static str, Option<&'static str>);

const PLACES: &[Place] = &[
    ("province", InstitutionKind::Authority, "江西省教育厅", "360000", None, "ED36000000", None),
    ("city", InstitutionKind::Authority, "赣州市教育局", "360700", None, "ED36070000", Some("province")),
    ("county", InstitutionKind::Authority, "瑞金市教育科技体育局", "360781", None, "ED36078100", Some("city")),
    (
        "primary",
        InstitutionKind::School,
        "瑞金市怡安希望小学",
        "360781",
        Some(SchoolType::Primary),
        "2136000781",
        Some("county"),
    ),
    (
        "nine_year",
        InstitutionKind::School,
        "瑞金市思源实验学校",
        "360781",
        Some(SchoolType::NineYear),
        "3136000782",
        Some("county"),
    ),
    (
        "complete",
        InstitutionKind::School,
        "瑞金第一中学",
        "360781",
        Some(SchoolType::Complete),
        "3436000783",
        Some("county"),
    ),
];

async fn places(app: &App, ctx: &Ctx, addresses: &Addresses) -> Result<Places, Error> {
    let read = |text: &str| Division::parse(text).map_err(Error::internal);
    let county = read("360781")?;
    let home = app.home_platform(ctx, TASK, &county, "county", "瑞金教育云").await?;
    let space = addresses.platform_a.join("space").map_err(Error::internal)?;
    let space = SpaceAddress::parse(space.as_str()).map_err(Error::internal)?;
    app.set_space_address(ctx, TASK, &county, &space).await?;
    let mut places = Places { orgs: HashMap::new(), classes: HashMap::new(), home };
    for (key, kind, name, division, school_type, code, parent) in PLACES.iter().copied() {
        let parent = parent.map(|parent| places.org(parent)).transpose()?;
        let code = Code::parse(code).map_err(Error::internal)?;
        let new = NewInstitution { kind, name: name.to_owned(), division: read(division)?, school_type, code, parent };
        places.orgs.insert(key, app.open_institution(ctx, TASK, new).await?);
    }
    let year = cast::school_year(ctx.now.shanghai_date());
    for (key, org, stage, grade, class_no) in [
        ("primary_3_2", "primary", Stage::Primary, 3, "2班"),
        ("primary_3_3", "primary", Stage::Primary, 3, "3班"),
        ("nine_5_1", "nine_year", Stage::Primary, 5, "1班"),
        ("senior_1_4", "complete", Stage::Senior, 1, "4班"),
    ] {
        let class = app.open_class(ctx, TASK, places.org(org)?, stage, year - grade + 1, class_no).await?;
        places.classes.insert(key, class);
    }
    Ok(places)
}

async fn people(app: &App, ctx: &Ctx, places: &Places) -> Result<Vec<DemoPerson>, Error> {
    let today = ctx.now.shanghai_date();
    let mut ids: HashMap<&str, PersonId> = HashMap::new();
    let mut people = Vec::new();
    let level = Level::new(2).map_err(Error::internal)?;
    for character in cast(today) {
        let method = if character.enrolled.is_some() { Method::StudentRegister } else { Method::TeacherRegister };
        let verified = Some(if character.posts.is_empty() && character.enrolled.is_none() {
            (Method::SchoolVouch, Level::new(1).map_err(Error::internal)?)
        } else {
            (method, level)
        });
        let new = NewPerson {
            name: PersonName::parse(character.name).map_err(Error::internal)?,
            sex: character.sex,
            birth_date: Some(character.born),
            document: Some(character.document()?),
            personal_code: character.personal_code()?,
            verified,
            home: Some(places.home),
        };
        let id = app.register_person(ctx, TASK, new).await?;
        ids.insert(character.key, id);
        let since = chrono::NaiveDate::from_ymd_opt(today.year() - 2, 9, 1).unwrap_or(today);
        if let Some((org, class)) = character.enrolled {
            app.enrol(ctx, TASK, id, places.org(org)?, places.class(class)?, since).await?;
        }
        for post in &character.posts {
            let teaches = post
                .teaches
                .iter()
                .map(|(class, subject, head)| Ok((places.class(class)?, *subject, *head)))
                .collect::<Result<_, Error>>()?;
            let new = NewStaffing { org: places.org(post.org)?, post: post.post, staff_no: None, teaches, from: since };
            app.employ(ctx, TASK, id, new).await?;
        }
        for (child, relation, school) in &character.wards {
            let child = ids
                .get(child)
                .copied()
                .ok_or_else(|| Error::internal("a ward comes before her guardian in the cast"))?;
            app.confirm_guardian(ctx, TASK, child, id, *relation, places.org(school)?).await?;
        }
        if let Some(profile) = character.profile() {
            app.set_profile(ctx, TASK, id, &profile).await?;
        }
        people.push(account(app, ctx, &character, id).await?);
        if let Some((role, code)) = character.admin {
            grant(app, ctx, id, role, code).await?;
        }
    }
    Ok(people)
}

async fn grant(app: &App, ctx: &Ctx, person: PersonId, role: AdminRole, code: &str) -> Result<(), Error> {
    app.grant_admin(ctx, person, role, code).await.map(|_| ())
}

/// Passwords are drawn for each installation, so that a demo on an open machine has no known ones.
async fn account(app: &App, ctx: &Ctx, character: &Character, person: PersonId) -> Result<DemoPerson, Error> {
    let user_name = app.open_account(ctx, TASK, person).await?;
    let drawn = crate::keys::opaque::generate(&*app.random);
    let letters: String = drawn.expose_secret().chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let password = letters
        .to_ascii_lowercase()
        .as_bytes()
        .chunks(4)
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect::<Vec<_>>()
        .join("-");
    app.set_password(ctx, person, password.clone().into()).await?;
    if let Some(code) = character.personal_code()? {
        app.add_personal_code_alias(ctx, TASK, person, &code).await?;
    }
    Ok(DemoPerson { key: character.key.to_owned(), user_name, password, person_id: person })
}

/// The guardian of the child under 14 agreed to platform B, and to nobody else.
async fn receipts(app: &App, ctx: &Ctx, world: &World) -> Result<(), Error> {
    let id = |key: &str| {
        world.person(key).map(|person| person.person_id).ok_or_else(|| Error::internal("the demo lacks a person"))
    };
    let platform_b = world.client("platform_b").ok_or_else(|| Error::internal("the demo lacks a client"))?;
    let scope =
        Scope::ALL.iter().copied().filter(|scope| !matches!(scope, Scope::Openid | Scope::OfflineAccess)).collect();
    app.record_guardian_consent(ctx, id("child_under14")?, id("guardian_of_two")?, &platform_b.client_id, &scope)
        .await?;
    Ok(())
}
