//! `mingji keys …` (ruling R2).

use std::path::{Path, PathBuf};

use clap::Subcommand;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::io::Write as _;

use super::codes::one_of;
use super::output::Output;
use super::standing::Obstacle;
use super::{Failure, files, passphrase, runtime, standing};
use crate::app::backup::sync_folder_of;
use crate::app::{Ctx, Kind, secrets};
use crate::domain::oidc::signing_key::SigningAlg;
use crate::domain::time::Clock as _;
use crate::keys::random::SystemRandom;
use crate::keys::root::RootSecrets;
use crate::telemetry::SystemClock;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Makes the root secrets of a database that has none.
    #[command(after_help = "Example: mingji keys init")]
    Init {
        /// Be content when they are there already and belong to this database.
        #[arg(long)]
        if_missing: bool,
    },
    /// Lists the signing keys.
    #[command(after_help = "Example: mingji keys list")]
    List,
    /// Brings the next signing key into use; nobody is signed out.
    #[command(after_help = "Example: mingji keys rotate --alg ES256")]
    Rotate {
        /// All when left out.
        #[arg(long, value_parser = one_of(&SigningAlg::ALL, SigningAlg::as_str))]
        alg: Option<SigningAlg>,
        /// Somebody may have copied them: every key ends at once, with all tokens that it signed, and new ones are made.
        /// People stay signed in; platforms fetch the new keys by themselves.
        #[arg(long)]
        compromised: bool,
    },
    /// Writes the root secrets to a file, sealed under a passphrase (asked for, or a line of standard input).
    #[command(after_help = "Example: mingji keys backup /media/safe/mingji-keys.txt")]
    Backup {
        /// The new file.
        file: PathBuf,
    },
    /// Brings the root secrets back from a backup into an empty keys folder.
    #[command(after_help = "Example: mingji keys restore /media/safe/mingji-keys.txt")]
    Restore {
        /// The backup.
        file: PathBuf,
    },
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Init { if_missing } => init(config, *if_missing, output).await,
        Command::List => list(config, output).await,
        Command::Rotate { alg, compromised } => rotate(config, *alg, *compromised, output).await,
        Command::Backup { file } => backup(config, file, output).await,
        Command::Restore { file } => restore(config, file, output).await,
    }
}

async fn init(config: Option<&Path>, if_missing: bool, output: &Output) -> Result<(), Failure> {
    let settings = runtime::settings(config, &[])?;
    let db = runtime::open_database(&settings, true).await?;
    if if_missing && RootSecrets::load(&settings.keys_dir)?.is_some() {
        secrets::settle(&db, &settings.keys_dir, &SystemRandom::new(), SystemClock.now()).await?;
        return output.say(&json!({ "keys_dir": settings.keys_dir, "made": false }), |_| {
            format!("they are in {} already, and belong to this database", settings.keys_dir.display())
        });
    }
    secrets::create(&db, &settings.keys_dir, &SystemRandom::new(), SystemClock.now()).await?;
    output.say(&json!({ "keys_dir": settings.keys_dir, "made": true }), |_| {
        format!(
            "made in {}; copy the folder to every replica and run `mingji keys backup FILE`",
            settings.keys_dir.display()
        )
    })
}

async fn list(config: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let rows: Vec<_> = app
        .list_keys()
        .await?
        .into_iter()
        .map(|key| json!({ "kid": key.kid, "alg": key.alg, "state": key.state.as_str(), "created_at": key.created_at.to_rfc3339(), "retires_at": key.retires_at.map(crate::domain::time::Timestamp::to_rfc3339) }))
        .collect();
    output.say(&rows, |rows| {
        rows.iter()
            .map(|row| {
                format!(
                    "{}  {}  {}  {}\n",
                    text(&row["kid"]),
                    text(&row["alg"]),
                    text(&row["state"]),
                    text(&row["created_at"])
                )
            })
            .collect()
    })
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn rotate(
    config: Option<&Path>,
    alg: Option<SigningAlg>,
    compromised: bool,
    output: &Output,
) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "keys rotate");
    let mut active = serde_json::Map::new();
    let mut waiting = Vec::new();
    for alg in alg.map_or_else(|| SigningAlg::ALL.to_vec(), |alg| vec![alg]) {
        let rotated = match compromised {
            true => app.replace_keys(&ctx, alg).await,
            false => app.rotate_keys(&ctx, alg).await,
        };
        match rotated {
            Ok(now) => drop(active.insert(alg.to_string(), json!(now))),
            // The others may be ready for it.
            Err(why) if why.kind == Kind::Conflict => waiting.push(format!("{alg}: {}", why.public)),
            Err(why) => return Err(why.into()),
        }
    }
    if !active.is_empty() || waiting.is_empty() {
        output.say(&json!({ "active": active }), |_| {
            active.iter().map(|(alg, kid)| format!("{alg} is now signed with {}\n", text(kid))).collect()
        })?;
    }
    if waiting.is_empty() { Ok(()) } else { Err(Failure::new(waiting.join("\n"))) }
}

async fn backup(config: Option<&Path>, file: &Path, output: &Output) -> Result<(), Failure> {
    let settings = runtime::settings(config, &[])?;
    let Some(secrets) = RootSecrets::load(&settings.keys_dir)? else {
        return Err(Failure::new(format!(
            "{} holds no root secrets: run `mingji keys init`",
            settings.keys_dir.display()
        )));
    };
    // Before anything is written: secrets that belong to no register are no backup of one.
    let app = runtime::standing_on(&settings).await?;
    let sealed = secrets.backup(passphrase::ask()?.expose_secret(), &SystemRandom::new())?;
    let mut out = files::create(file)?;
    let whole = out.write_all(sealed.as_bytes()).and_then(|()| out.sync_all()).and_then(|()| sync_folder_of(file));
    if let Err(fault) = whole {
        return Err(taken_back(file, fault.into()));
    }
    let ctx = Ctx::task(&app, "keys backup");
    if let Err(fault) = app.note_backup(&ctx).await {
        // The answer may have been lost, not the note: the doctor would go by a file that is gone.
        match app.backed_up_at().await {
            Ok(noted) if noted.as_deref() == Some(ctx.now.to_rfc3339().as_str()) => {}
            Ok(_) => return Err(taken_back(file, fault.into())),
            Err(_) => {
                let (file, fault) = (file.display(), Failure::from(fault));
                return Err(Failure::new(format!(
                    "{fault}; {file} is whole and stays, but whether it was noted nobody knows: make another when the database answers"
                )));
            }
        }
    }
    output.say(&json!({ "file": file }), |_| {
        format!("written to {}; keep it and its passphrase apart from the database", file.display())
    })
}

/// What no doctor will know of must not be taken for the backup; the file is ours, nobody had it before.
fn taken_back(file: &Path, failure: Failure) -> Failure {
    match std::fs::remove_file(file) {
        Ok(()) => failure,
        Err(fault) => Failure::new(format!("{failure}; {}: {fault}: remove it", file.display())),
    }
}

async fn restore(config: Option<&Path>, file: &Path, output: &Output) -> Result<(), Failure> {
    let settings = runtime::settings(config, &[])?;
    let sealed = std::fs::read_to_string(file).map_err(|e| Failure::new(format!("{}: {e}", file.display())))?;
    let secrets = RootSecrets::restore(&sealed, passphrase::ask()?.expose_secret())?;
    // Before anything is written, and without making or changing a register: what is in the folder is never overwritten.
    let (known, unasked) = match standing::fingerprints(&settings).await {
        Ok(known) => (known, None),
        // Perhaps it is being brought back as well. Secrets of another register would be refused by the start.
        Err(Obstacle::NotYet(why) | Obstacle::Fault(_, why)) => (Vec::new(), Some(why)),
    };
    secrets::fit(&secrets, &known)?;
    secrets.write(&settings.keys_dir)?;
    let register = unasked.is_none().then_some(!known.is_empty());
    output.say(&json!({ "keys_dir": settings.keys_dir, "register": register, "unasked": unasked }), |_| {
        let register = match (&unasked, known.is_empty()) {
            (Some(why), _) => {
                format!("whether the register was made with them could not be asked, and the start will look: {why}")
            }
            (None, true) => "there is no register at MINGJI_DATABASE_URL yet".to_owned(),
            (None, false) => "the register there was made with them".to_owned(),
        };
        format!("restored into {}; {register}", settings.keys_dir.display())
    })
}
