//! What an audit entry says of a person's state instead of the state.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Error;
use super::work::Work;
use crate::domain::access::{Task, TaskOn};
use crate::domain::hex::hex;
use crate::domain::id::PersonId;
use crate::domain::registry::person::{Person, PersonSalt};
use crate::keys::blind_index::salted;
use crate::store::db::Tx;
use crate::store::documents;

/// What an audit entry says of a state instead of the state: keyed with the person's salt, it means nothing once that is
/// gone (R7, R18).
pub(super) fn digest(salt: &PersonSalt, parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    STANDARD.encode(salted(salt.expose(), &parts))
}

/// Notes how somebody's papers stand before anything is done to them.
pub(super) async fn note_papers(work: &mut Work<'_>, task: &Task, person: PersonId) -> Result<(), Error> {
    let papers = papers_of(work.tx(), &task.on(person)).await?;
    work.papers_were(person, papers);
    Ok(())
}

/// Digests of somebody who was just written, and of what she was before anything was done to her.
///
/// # Errors
/// A failed store.
pub(super) async fn note(
    work: &mut Work<'_>,
    task: &Task,
    salt: &PersonSalt,
    before: Option<&Person>,
    after: &Person,
) -> Result<(), Error> {
    let papers = papers_of(work.tx(), &task.on(after.id)).await?;
    let were = work.papers_were(after.id, papers.clone());
    let digest = |person: &Person, papers: &[String]| digest(salt, &[&content(person), papers].concat());
    let before = before.map(|before| digest(before, &were));
    work.digests(after.id, before, digest(after, &papers));
    Ok(())
}

/// Her papers and 学籍号, by their indexes.
async fn papers_of(tx: &mut Tx, on: &TaskOn) -> Result<Vec<String>, Error> {
    let mut papers = Vec::new();
    for paper in documents::of_person(tx, on).await? {
        papers.push(format!("{} {} {} {:?}", hex(&paper.key.index), paper.key.country, paper.status, paper.valid_to));
    }
    for code in documents::codes_of(tx, on).await? {
        papers.push(format!("{} {} {:?}", hex(&code.index), code.status, code.valid_to));
    }
    papers.sort_unstable();
    Ok(papers)
}

/// What can change about a person herself.
fn content(person: &Person) -> Vec<String> {
    vec![
        person.name.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default(),
        person.sex.as_str().to_owned(),
        person.birth_date.map(|born| born.to_string()).unwrap_or_default(),
        person.nationality.clone().unwrap_or_default(),
        person.status.as_str().to_owned(),
        person.realname_level.get().to_string(),
    ]
}
