//! `mingji staff …`: posts and classes of members of staff, as time goes by.

use std::path::Path;

use chrono::NaiveDate;
use clap::Subcommand;

use super::account::Who;
use super::case::By;
use super::output::Output;
use super::{Failure, runtime};
use crate::app::staff_life::{LessonPart, NumberPart, Order, PostPart};
use crate::app::{App, Ctx};
use crate::domain::registry::codes::staff::{StaffPost, StaffState};
use crate::domain::registry::codes::subject::Subject;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Begins a post of somebody who is in the register; she may have others elsewhere. An administrator brings in whom others
    /// hold by a row of a roster.
    #[command(after_help = "Example: mingji staff join abcd-efgh-jkmn --org 2136000001 --post 教师")]
    Join {
        #[command(flatten)]
        whose: Whose,
        /// Code of the institution.
        #[arg(long, value_name = "CODE")]
        org: String,
        /// Code or name of table GWZY.
        #[arg(long, value_name = "POST", value_parser = post)]
        post: StaffPost,
        /// 工号.
        #[arg(long, value_name = "NO")]
        staff_no: Option<String>,
    },
    /// Ends a post: 调出, 辞职, 离职, 退休 … Rights of an administrator that rest on it end, and so do sign-ins as its holder.
    #[command(after_help = "Example: mingji staff leave abcd-efgh-jkmn --state 退休 --date 2026-08-31")]
    Leave {
        #[command(flatten)]
        whose: Whose,
        /// Code of the institution; the only one where she has a post when left out.
        #[arg(long, value_name = "CODE")]
        org: Option<String>,
        /// Code or name of table JZGDQZT.
        #[arg(long, value_name = "STATE", value_parser = state, default_value = "离职")]
        state: StaffState,
    },
    /// Takes back whoever left, as what she was unless said otherwise: 返聘 after retirement.
    #[command(after_help = "Example: mingji staff return abcd-efgh-jkmn --org 2136000001")]
    Return {
        #[command(flatten)]
        whose: Whose,
        /// Code of the institution that she left.
        #[arg(long, value_name = "CODE")]
        org: String,
        /// Code or name of table GWZY.
        #[arg(long, value_name = "POST", value_parser = post)]
        post: Option<StaffPost>,
    },
    /// To another institution, or to another post at the same one.
    #[command(after_help = "Example: mingji staff move abcd-efgh-jkmn --to 2136000002 --post 校领导")]
    Move {
        #[command(flatten)]
        whose: Whose,
        /// Code of the institution that she leaves; the only one where she has a post when left out.
        #[arg(long, value_name = "CODE")]
        org: Option<String>,
        /// Code of the institution to which she goes.
        #[arg(long, value_name = "CODE")]
        to: String,
        /// Code or name of table GWZY; the same when left out.
        #[arg(long, value_name = "POST", value_parser = post)]
        post: Option<StaffPost>,
    },
    /// Gives her a class, or takes one away (`--end`). A class has one head teacher: whoever was it is it no longer.
    #[command(after_help = "Example: mingji staff teach abcd-efgh-jkmn --class 小学/2024/1班 --subject 语文 --head")]
    Teach {
        #[command(flatten)]
        whose: Whose,
        /// Code of the school; the only one where she has a post when left out.
        #[arg(long, value_name = "CODE")]
        org: Option<String>,
        /// 学段/入学年份/班级, of the school.
        #[arg(long, value_name = "CLASS")]
        class: String,
        /// Code or name of table ZXXKC.
        #[arg(long, value_name = "SUBJECT", value_parser = subject)]
        subject: Option<Subject>,
        /// 班主任.
        #[arg(long, conflicts_with = "end")]
        head: bool,
        /// She teaches it no longer: the subject, or all that she taught there.
        #[arg(long)]
        end: bool,
    },
    /// Tells posts and classes in turn, or those of one day.
    #[command(after_help = "Example: mingji staff show --person ID --on 2025-10-01 --reason 核对档案")]
    Show {
        #[command(flatten)]
        who: Who,
        /// The day.
        #[arg(long, value_name = "DATE")]
        on: Option<NaiveDate>,
        /// Why: it stands in the audit, and in her list of who looked. No number, code or phone.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// Whom it is about, from when on, with whose rights.
#[derive(clap::Args)]
pub struct Whose {
    #[command(flatten)]
    who: Who,
    /// The first day on which it is so; today when left out.
    #[arg(long, value_name = "DATE")]
    date: Option<NaiveDate>,
    #[command(flatten)]
    by: By,
}

fn post(text: &str) -> Result<StaffPost, String> {
    StaffPost::read(text).map_err(|why| why.to_string())
}

fn state(text: &str) -> Result<StaffState, String> {
    StaffState::read(text).map_err(|why| why.to_string())
}

fn subject(text: &str) -> Result<Subject, String> {
    Subject::read(text).map_err(|why| why.to_string())
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let (whose, order) = match command {
        Command::Show { who, on, reason } => {
            let told = app.posts_as_of(&Ctx::task(&app, "staff"), reason, who.resolve(&app).await?, *on).await?;
            return output.say(&told, |told| told.iter().map(line).collect());
        }
        Command::Join { whose, org, post, staff_no } => {
            (whose, Order::Join { org: org.clone(), post: *post, staff_no: staff_no.clone() })
        }
        Command::Leave { whose, org, state } => (whose, Order::Leave { org: org.clone(), state: *state }),
        Command::Return { whose, org, post } => (whose, Order::Return { org: org.clone(), post: *post }),
        Command::Move { whose, org, to, post } => {
            (whose, Order::Move { org: org.clone(), to: to.clone(), post: *post })
        }
        Command::Teach { whose, .. } => (whose, taught(&app, command)?),
    };
    let (person, by) = (whose.who.resolve(&app).await?, whose.by.decider(&app).await?);
    let told = app.change_staff(&Ctx::task(&app, "staff"), by, person, whose.date, &order).await?;
    output.say(&told, |told| told.iter().map(line).collect())
}

fn taught(app: &App, command: &Command) -> Result<Order, Failure> {
    let Command::Teach { org, class, subject, head, end, .. } = command else {
        return Err(Failure::new("say which class"));
    };
    let (org, class, subject) = (org.clone(), super::student::key(app, class)?, *subject);
    Ok(if *end { Order::Cease { org, class, subject } } else { Order::Teach { org, class, subject, head: *head } })
}

fn line(part: &PostPart) -> String {
    let lessons: String = part.teaches.iter().map(lesson).collect();
    let numbers: String = part.numbers.iter().map(number).collect();
    let PostPart { institution, post, post_label, state, .. } = part;
    format!("{} {}  {institution}  {post} {post_label}  {state}\n{numbers}{lessons}", part.from, until(part.to))
}

fn number(part: &NumberPart) -> String {
    let Some(staff_no) = &part.staff_no else { return String::new() };
    format!("    {} {}  工号 {staff_no}\n", part.from, until(part.to))
}

fn lesson(part: &LessonPart) -> String {
    let head = if part.head_teacher { "  班主任" } else { "" };
    let subject = part.subject.unwrap_or_default();
    format!("    {} {}  {}  {subject}{head}\n", part.from, until(part.to), part.class)
}

fn until(day: Option<NaiveDate>) -> String {
    day.map_or_else(|| " ".repeat(10), |day| day.to_string())
}
