//! What a service is told, and when its answer is believed. Question and answer are signed tokens; a number stands in the
//! question alone, and in no log.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::services::VerificationService;
use crate::app::{App, Error};
use crate::domain::access::Task;
use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::registry::codes::realname::Method;
use crate::domain::registry::codes::status::Status;
use crate::domain::registry::contact::ContactKind;
use crate::domain::registry::document::{Document, DocumentStatus};
use crate::domain::registry::person::Person;
use crate::domain::registry::verification_request::{CallFault, Compared, is_plain_txn};
use crate::domain::time::Timestamp;
use crate::keys::foreign::Header;
use crate::store::db::Tx;
use crate::store::{contacts, documents};

/// A question is good for so long, and an answer may be so old.
const FRESH: std::time::Duration = std::time::Duration::from_secs(300);
const QUESTION: &str = "verification-request+jwt";
const ANSWER: &str = "verification-response+jwt";

/// What is compared: as the register has it at one moment.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Facts {
    name: String,
    document: Option<(&'static str, String, String)>,
    personal_code: Option<String>,
    phone: Option<String>,
}

impl Facts {
    /// Whether a text holds one of the numbers that are compared, however it is parted.
    fn stand_in(&self, text: &str) -> bool {
        let bare = |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).collect() };
        let text = bare(text).to_ascii_uppercase();
        let document = self.document.as_ref().map(|(_, _, number)| number);
        let numbers = [document, self.personal_code.as_ref(), self.phone.as_ref()];
        // A phone is sealed with the code of its country; nobody writes that who writes the phone.
        let held = |number: &String| text.contains(bare(number).to_ascii_uppercase().trim_start_matches("86"));
        numbers.into_iter().flatten().any(held)
    }
}

/// What a service said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) matches: bool,
    pub(super) txn: Option<String>,
}

impl App {
    /// What a method compares of a person; `None` where the register lacks any of it, and of whoever asked to be erased: what is kept of
    /// her leaves the house no more (R18).
    pub(super) async fn facts_for(
        &self,
        tx: &mut Tx,
        task: &Task,
        person: &Person,
        method: Method,
    ) -> Result<Option<Facts>, Error> {
        let known = person.name.as_ref().filter(|_| person.status != Status::Cancelled);
        let (Some(compared), Some(name)) = (Compared::by(method), known) else { return Ok(None) };
        let mut facts = Facts { name: name.as_str().to_owned(), document: None, personal_code: None, phone: None };
        let on = task.on(person.id);
        if compared != Compared::PersonalCode {
            let held = documents::of_person(tx, &on).await?;
            let held = held.iter().filter(|one| one.status == DocumentStatus::Active);
            let mut held: Vec<Document> = held.filter_map(|one| self.open_number(person, one)).collect();
            // The number of the resident is what such services know best.
            held.sort_by_key(|one| one.class);
            let Some(number) = held.into_iter().next() else { return Ok(None) };
            let country = number.country_text().to_owned();
            facts.document = Some((number.class.as_str(), country, number.number.expose().to_owned()));
        }
        if compared == Compared::PersonalCode {
            let codes = documents::codes_of(tx, &on).await?;
            let Some(code) = codes.iter().find(|one| one.status == DocumentStatus::Active) else { return Ok(None) };
            let Some(plain) = self.plain_code(person, code)? else { return Ok(None) };
            facts.personal_code = Some(plain);
        }
        if compared == Compared::Phone {
            let known = contacts::of_person(tx, &on).await?;
            let phone = known.iter().find(|one| one.kind == ContactKind::Phone);
            let Some((phone, sealed)) = phone.and_then(|one| Some((one, one.value_sealed.as_ref()?))) else {
                return Ok(None);
            };
            facts.phone = self.open_for(person, "contact", "value_sealed", phone.id, sealed)?;
        }
        Ok(Some(facts))
    }

    /// The question of one call, signed by us. No two calls ask under one id: an answer says which it belongs to, and one
    /// that was kept, or came late, is none to what is asked now.
    pub(super) async fn question(
        &self,
        call: Uuid,
        method: Method,
        service: &VerificationService,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<String, Error> {
        let keyring = self.keyring(now).await?;
        let key =
            keyring.active(SigningAlg::Es256).ok_or_else(|| Error::busy("the signing key is still being made"))?;
        let mut claims = json!({
            "iss": self.issuer().as_str(), "aud": service.url, "jti": call, "iat": now.seconds(),
            "exp": now.plus(FRESH).seconds(), "method": method.as_str(), "name": facts.name,
        });
        if let Some((class, country, number)) = &facts.document {
            claims["document"] = json!({ "class": class, "country": country, "number": number });
        }
        if let Some(code) = &facts.personal_code {
            claims["personal_code"] = json!(code);
        }
        if let Some(phone) = &facts.phone {
            claims["phone"] = json!(phone);
        }
        Ok(keyring.sign(key, QUESTION, &claims)?)
    }

    /// The answer, where it is the service's, to this call and no other, and of today.
    pub(super) fn believe(
        &self,
        service: &VerificationService,
        call: Uuid,
        asked: &Facts,
        text: &str,
        now: Timestamp,
    ) -> Result<Answer, CallFault> {
        let header = Header::read(text.trim()).map_err(|_| CallFault::Garbage)?;
        if header.typ.as_deref() != Some(ANSWER) {
            return Err(CallFault::Garbage);
        }
        let claims = service.keys.verify(text.trim(), &header).map_err(|_| CallFault::Signature)?;
        let said = |name: &str| claims.get(name).and_then(Value::as_str);
        let is_hers = said("iss") == Some(&service.url)
            && said("aud") == Some(self.issuer().as_str())
            && said("request") == Some(&call.to_string());
        if !is_hers || !is_fresh(&claims, now) {
            return Err(CallFault::Signature);
        }
        let matches = match said("result") {
            Some("match") => true,
            Some("mismatch") => false,
            _ => return Err(CallFault::Garbage),
        };
        let plain = |txn: &&str| is_plain_txn(txn) && !asked.stand_in(txn);
        Ok(Answer { matches, txn: said("txn").filter(plain).map(str::to_owned) })
    }
}

fn is_fresh(claims: &Map<String, Value>, now: Timestamp) -> bool {
    claims.get("iat").and_then(Value::as_i64).is_some_and(|at| now.seconds().abs_diff(at) <= FRESH.as_secs())
}
