//! Commands: hands that call use cases. Exit 0 on success, 1 on a refused or failed request with one line on
//! standard error that says what to do, 2 on wrong usage; `--json` prints one JSON document and nothing else.

mod account;
mod admin;
mod audit;
mod authorization_type;
mod backup;
mod case;
mod certificate;
mod claim;
mod client;
mod client_check;
mod codes;
mod consent;
mod demo;
mod doctor;
mod files;
mod guardian;
mod institution;
mod keys;
mod migrate;
mod output;
mod passphrase;
mod person;
mod platform;
mod progress;
mod registry;
mod resource;
mod roster;
mod runtime;
mod serve;
mod slips;
mod staff;
mod standing;
mod student;
mod verification;
mod year;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use output::Failure;
use output::Output;

/// Mingji 名籍: identity and real-name sign-in provider of a national education system.
#[derive(Parser)]
struct Cli {
    /// Settings file (TOML); `mingji.toml` where it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document on standard output and nothing else.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything embedded, nothing to configure: provider, two demo platforms, a small school world.
    #[command(after_help = "Example: mingji demo --port 9080")]
    Demo(demo::Args),
    /// The provider, from configuration.
    #[command(after_help = "Example: MINGJI_ISSUER=https://id.example.edu.cn mingji serve")]
    Serve(serve::Args),
    /// Applies migrations and prints what it did.
    #[command(after_help = "Example: mingji migrate")]
    Migrate,
    /// Checks configuration, keys and their backup, database, ephemeral store, clock and issuer.
    #[command(after_help = "Example: mingji doctor")]
    Doctor,
    /// Counts what the register holds.
    #[command(subcommand)]
    Registry(registry::Command),
    /// Rosters in.
    #[command(subcommand)]
    Roster(roster::Command),
    /// What institutions say of people they do not hold: list, confirm, reject.
    #[command(subcommand)]
    Claim(claim::Command),
    /// Who is who, where only a human can tell: list, show, decide.
    #[command(subcommand)]
    Case(case::Command),
    /// One record for each human being: merge, rename, correct, export.
    #[command(subcommand)]
    Person(person::Command),
    /// Who says that somebody is who the register says: ask a service, record a word, list, retry.
    #[command(subcommand)]
    Verification(verification::Command),
    /// What becomes of institutions: open, rename, recode, move, merge, split, close; how it was on any day.
    #[command(subcommand)]
    Institution(institution::Command),
    /// What happens to students 学籍异动: another class, a year again, a pause, the end; how it was on any day.
    #[command(subcommand)]
    Student(student::Command),
    /// Members of staff over time 任职: join, leave, return, move, teach; how it was on any day.
    #[command(subcommand)]
    Staff(staff::Command),
    /// Who a child's guardians are 监护关系: add, end, restrict, order; how it was on any day.
    #[command(subcommand)]
    Guardian(guardian::Command),
    /// The turn of the school year 升级: whoever is through graduates; it can be undone for a time.
    #[command(subcommand)]
    Year(year::Command),
    /// Accounts: list, set a password, issue an activation link.
    #[command(subcommand)]
    Account(account::Command),
    /// Relying parties.
    #[command(subcommand)]
    Client(client::Command),
    /// Services that clients call with tokens.
    #[command(subcommand)]
    Resource(resource::Command),
    /// What clients may ask to do in detail (RFC 9396): put, list, remove.
    #[command(subcommand)]
    AuthorizationType(authorization_type::Command),
    /// Guardians' receipts, until the pages exist.
    #[command(subcommand)]
    Consent(consent::Command),
    /// Administrators' grants.
    #[command(subcommand)]
    Admin(admin::Command),
    /// Platforms that people call home.
    #[command(subcommand)]
    Platform(platform::Command),
    /// Writes the database and the root secrets of a one-box install to one sealed file, while the service runs.
    #[command(after_help = "Example: mingji backup /media/safe/mingji-2026-09-01.backup")]
    Backup(backup::Args),
    /// Brings a one-box install back from such a file, into an empty place.
    #[command(after_help = "Example: mingji restore /media/safe/mingji-2026-09-01.backup")]
    Restore(backup::Args),
    /// Says that the database went back to an earlier moment by its own tools: platforms read their people anew.
    #[command(after_help = "Example: mingji restored --as-of 2026-09-01T02:00:00Z")]
    Restored(backup::RestoredArgs),
    /// Root secrets and signing keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// The audit chain.
    #[command(subcommand)]
    Audit(audit::Command),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    crate::outbound::install_tls_provider();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.fail(&Failure::new(format!("the runtime cannot start: {error}"))),
    };
    match runtime.block_on(run(cli, &output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.fail(&failure),
    }
}

async fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let config = cli.config.as_deref();
    match cli.command {
        Command::Demo(args) => demo::run(config, &args, output).await,
        Command::Serve(args) => serve::run(config, &args).await,
        Command::Migrate => migrate::run(config, output).await,
        Command::Doctor => doctor::run(config, output).await,
        Command::Registry(command) => registry::run(config, &command, output).await,
        Command::Roster(command) => roster::run(config, &command, output).await,
        Command::Claim(command) => claim::run(config, &command, output).await,
        Command::Case(command) => case::run(config, &command, output).await,
        Command::Person(command) => person::run(config, &command, output).await,
        Command::Verification(command) => verification::run(config, &command, output).await,
        Command::Institution(command) => institution::run(config, &command, output).await,
        Command::Student(command) => student::run(config, &command, output).await,
        Command::Staff(command) => staff::run(config, &command, output).await,
        Command::Guardian(command) => guardian::run(config, &command, output).await,
        Command::Year(command) => year::run(config, &command, output).await,
        Command::Account(command) => account::run(config, &command, output).await,
        Command::Client(command) => client::run(config, &command, output).await,
        Command::Resource(command) => resource::run(config, &command, output).await,
        Command::AuthorizationType(command) => authorization_type::run(config, &command, output).await,
        Command::Consent(command) => consent::run(config, &command, output).await,
        Command::Admin(command) => admin::run(config, &command, output).await,
        Command::Platform(command) => platform::run(config, &command, output).await,
        Command::Backup(args) => backup::backup(config, &args, output).await,
        Command::Restore(args) => backup::restore(config, &args, output).await,
        Command::Restored(args) => backup::restored(config, &args, output).await,
        Command::Keys(command) => keys::run(config, &command, output).await,
        Command::Audit(command) => audit::run(config, &command, output).await,
    }
}
