//! `mingji consent …`: a guardian's receipt, until the pages exist (ruling R8).

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::output::Output;
use super::{Failure, files, runtime};
use crate::app::Ctx;
use crate::app::consent_record::{GuardianNotice, Word};
use crate::domain::id::PersonId;
use crate::domain::locale::Locale;
use crate::domain::oidc::authorization_details::Details;
use crate::domain::oidc::scope::{Scope, ScopeSet};
use crate::http::pages::views::ConsentItem;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Records that a confirmed guardian lets a client know a child. First `--show` prints what she reads, with its digest;
    /// `--shown` then records nothing where that is not what is shown any more.
    #[command(
        after_help = "Example: mingji consent record --child ID --guardian ID --client CLIENT_ID --scope 'profile edu edu.class' --shown DIGEST"
    )]
    Record {
        /// The child's person id.
        #[arg(long, required_unless_present = "show")]
        child: Option<PersonId>,
        /// The guardian's person id.
        #[arg(long, required_unless_present = "show")]
        guardian: Option<PersonId>,
        /// The client.
        #[arg(long)]
        client: String,
        /// Scopes, separated by spaces; everything but refresh beyond the session when left out.
        #[arg(long)]
        scope: Option<String>,
        /// Authorization details (RFC 9396) that the guardian has seen: a file with the JSON list, `-` for standard input.
        /// The receipt covers exactly these.
        #[arg(long, value_name = "FILE")]
        authorization_details: Option<PathBuf>,
        /// Prints what the guardian reads, in both languages, and its digest; records nothing.
        #[arg(long, conflicts_with = "shown")]
        show: bool,
        /// The digest of what she read, as `--show` printed it.
        #[arg(long, value_name = "DIGEST")]
        shown: Option<String>,
    },
    /// Ends all live receipts of a person for a client, and everything the client holds.
    #[command(after_help = "Example: mingji consent withdraw --person ID --client CLIENT_ID")]
    Withdraw {
        /// The person (the child) whose data it is.
        #[arg(long, alias = "child")]
        person: PersonId,
        /// The client.
        #[arg(long)]
        client: String,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    match command {
        Command::Record { child, guardian, client, scope, authorization_details, show: only, shown } => {
            let scope = scope.as_deref().map_or_else(everything, ScopeSet::parse).without(Scope::Openid);
            let details = authorization_details.as_deref().map(read).transpose()?.unwrap_or_default();
            let word = Word { scope: &scope, details: &details, read: shown.as_deref() };
            let (Some(child), Some(guardian), false) = (child, guardian, only) else {
                return show(output, &app.guardian_notice(client, word, app.now()).await?);
            };
            let (child, guardian) = (app.standing_person(*child).await?, app.standing_person(*guardian).await?);
            let ctx = Ctx::task(&app, "consent record");
            let (id, notice) = app.record_guardian_word(&ctx, child, guardian, client, word).await?;
            let mut document = json!({ "consent_id": id, "scope": scope.to_string(), "digest": notice.digest });
            if !notice.details.is_empty() {
                document["shown"] = json!(notice.details);
            }
            output.say(&document, |_| format!("recorded {id}"))
        }
        Command::Withdraw { person, client } => {
            let ended = app
                .withdraw_consent(&Ctx::task(&app, "consent withdraw"), app.standing_person(*person).await?, client)
                .await?;
            output.say(&json!({ "receipts_ended": ended }), |_| format!("{ended} receipts ended"))
        }
    }
}

/// What a guardian reads, Chinese first.
fn show(output: &Output, notice: &GuardianNotice) -> Result<(), Failure> {
    let client = &notice.client;
    let provider = client.vendor().map(str::to_owned).or_else(|| notice.institution.clone());
    let items = ConsentItem::all(client.is_application(), notice.scope.iter().map(Scope::as_str));
    let words = |item: ConsentItem| {
        let (zh, en) = (item.words(Locale::Zh), item.words(Locale::En));
        json!({ "zh": [zh.title, zh.detail], "en": [en.title, en.detail] })
    };
    let unasked = ConsentItem::all(client.is_application(), std::iter::empty());
    let asked = notice.scope.iter().filter_map(|scope| {
        let mut said = words(ConsentItem::from_scope(scope.as_str())?);
        said["scope"] = json!(scope.as_str());
        Some(said)
    });
    let document = json!({
        "client_id": client.client_id(),
        "name": { "zh": client.display_name(false), "en": client.display_name(true) },
        "provider": provider,
        "policy_uri": client.metadata.policy_uri,
        "redirect_uris": client.metadata.redirect_uris,
        "contact": client.metadata.contacts.first(),
        "always": unasked.into_iter().map(words).collect::<Vec<_>>(),
        "scope": asked.collect::<Vec<_>>(),
        "shown": notice.details,
        "digest": notice.digest,
    });
    output.say(&document, |document| {
        let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let names = &document["name"];
        let mut lines = vec![
            format!("{} / {}", said(&names["zh"]), said(&names["en"])),
            format!("提供方 provided by: {}", provider.as_deref().unwrap_or("-")),
            format!("隐私政策 privacy policy: {}", client.metadata.policy_uri.as_deref().unwrap_or("-")),
            format!("联系方式 contact: {}", client.metadata.contacts.first().map_or("-", String::as_str)),
            "可以知道 it may know:".to_owned(),
        ];
        for item in &items {
            lines.extend([Locale::Zh, Locale::En].map(|locale| {
                let words = item.words(locale);
                format!("  {}: {}", words.title, words.detail)
            }));
        }
        for card in &notice.details {
            lines.push("可以办理 it may do:".to_owned());
            lines.extend([&card.title, &card.description].map(|text| format!("  {} / {}", text.zh, text.en)));
            let values = card.lines.iter().flat_map(|(_, values)| values);
            lines.extend(values.map(|value| format!("  {} / {}", value.zh, value.en)));
            lines.extend(card.at.iter().map(|at| format!("  @ {at}")));
        }
        lines.push(format!("摘要 digest: {}", notice.digest));
        lines.join("\n")
    })
}

/// Not an argument: what stands in details may be anybody's (R7).
fn read(file: &Path) -> Result<Details, Failure> {
    let text = files::read_text(file, "the authorization details")?;
    Details::parse(text.trim()).map_err(|e| Failure::new(e.to_string()))
}

/// What a guardian's receipt covers where nothing is said.
pub fn everything() -> ScopeSet {
    Scope::ALL.iter().copied().filter(|scope| *scope != Scope::OfflineAccess).collect()
}
