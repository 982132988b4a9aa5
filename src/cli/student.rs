//! `mingji student …`: what happens to a student while she is at a school 学籍异动.

use std::path::Path;

use chrono::NaiveDate;
use clap::Subcommand;

use super::account::Who;
use super::case::By;
use super::output::Output;
use super::{Failure, runtime};
use crate::app::student_life::{Order, StayPart, Whose};
use crate::app::{App, Ctx};
use crate::domain::registry::codes::student_change::StudentChange;
use crate::domain::registry::codes::student_state::StudentState;
use crate::domain::registry::name::PersonName;
use crate::domain::registry::roster::ClassKey;

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Into another class of the same year.
    #[command(after_help = "Example: mingji student move abcd-efgh-jkmn --class 小学/2024/2班")]
    Move {
        #[command(flatten)]
        stay: Stay,
        /// 学段/入学年份/班级, of her school.
        #[arg(long, value_name = "CLASS")]
        class: String,
    },
    /// 留级: into a class that entered a year later.
    #[command(after_help = "Example: mingji student repeat abcd-efgh-jkmn --class 小学/2025/1班")]
    Repeat {
        #[command(flatten)]
        stay: Stay,
        /// 学段/入学年份/班级, of her school.
        #[arg(long, value_name = "CLASS")]
        class: String,
    },
    /// 跳级: into a class that entered a year earlier.
    #[command(after_help = "Example: mingji student skip abcd-efgh-jkmn --class 小学/2023/1班")]
    Skip {
        #[command(flatten)]
        stay: Stay,
        /// 学段/入学年份/班级, of her school.
        #[arg(long, value_name = "CLASS")]
        class: String,
    },
    /// 休学: she keeps her place.
    #[command(after_help = "Example: mingji student suspend abcd-efgh-jkmn --date 2026-10-08")]
    Suspend {
        #[command(flatten)]
        stay: Stay,
    },
    /// 停学: she keeps her place.
    #[command(after_help = "Example: mingji student halt abcd-efgh-jkmn")]
    Halt {
        #[command(flatten)]
        stay: Stay,
    },
    /// 复学: back into her class, or into another one of her school.
    #[command(after_help = "Example: mingji student resume abcd-efgh-jkmn --class 小学/2025/1班")]
    Resume {
        #[command(flatten)]
        stay: Stay,
        /// 学段/入学年份/班级; her own when left out.
        #[arg(long, value_name = "CLASS")]
        class: Option<String>,
    },
    /// Ends her stay: 退学, 流失, 毕业, 结业, 肄业, 开除, 下落不明. A transfer 转学 is asked for by the receiving school.
    #[command(after_help = "Example: mingji student end abcd-efgh-jkmn --state 毕业 --date 2026-07-10")]
    End {
        #[command(flatten)]
        stay: Stay,
        /// Code or name of JY/T table XSDQZT.
        #[arg(long, value_name = "STATE")]
        state: String,
    },
    /// 借读: asks for a student whose 学籍 stays at her school, which answers with `mingji claim confirm` or `reject`. It ends with
    /// `mingji student end --org … --state 结业`.
    #[command(
        after_help = "Example: mingji student borrow abcd-efgh-jkmn --org 2136000002 --name 王小明 --class 小学/2024/1班 --as k7m2-xp9w-dt2q"
    )]
    Borrow {
        #[command(flatten)]
        who: Who,
        /// Code of the school that asks.
        #[arg(long, value_name = "CODE")]
        org: String,
        /// Her name, as the school knows it.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// 学段/入学年份/班级, of the school that asks.
        #[arg(long, value_name = "CLASS")]
        class: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Tells where a student was, in which class and state, in turn or on one day.
    #[command(after_help = "Example: mingji student history --person ID --on 2025-10-01 --reason 核对学籍")]
    History {
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

/// Whose stay, from when on, with whose rights.
#[derive(clap::Args)]
pub struct Stay {
    #[command(flatten)]
    who: Who,
    /// Code of the school; the one that holds her 学籍 when left out.
    #[arg(long, value_name = "CODE")]
    org: Option<String>,
    /// The first day on which it is so; today when left out.
    #[arg(long, value_name = "DATE")]
    date: Option<NaiveDate>,
    /// Code or name of JY/T table XJYDLB, where it is not the usual one: 降级, 恢复学籍, 取消学籍, 保留学籍, 提前毕业.
    #[arg(long, value_name = "CHANGE", value_parser = change)]
    change: Option<StudentChange>,
    #[command(flatten)]
    by: By,
}

fn change(text: &str) -> Result<StudentChange, String> {
    StudentChange::read(text).map_err(|why| why.to_string())
}

/// Runs a subcommand.
pub async fn run(config: Option<&Path>, command: &Command, output: &Output) -> Result<(), Failure> {
    let app = runtime::standing(config).await?;
    let ctx = Ctx::task(&app, "student");
    let (stay, order) = match command {
        Command::Move { stay, class } => (stay, Order::Move(key(&app, class)?)),
        Command::Repeat { stay, class } => (stay, Order::Repeat(key(&app, class)?)),
        Command::Skip { stay, class } => (stay, Order::Skip(key(&app, class)?)),
        Command::Suspend { stay } => (stay, Order::Suspend),
        Command::Halt { stay } => (stay, Order::Halt),
        Command::Resume { stay, class } => {
            (stay, Order::Resume(class.as_deref().map(|class| key(&app, class)).transpose()?))
        }
        Command::End { stay, state } => {
            let state = StudentState::read(state).map_err(|why| Failure::new(why.to_string()))?;
            (stay, Order::End(state))
        }
        Command::Borrow { who, org, name, class, by } => {
            let name = PersonName::parse(name).map_err(|why| Failure::new(why.to_string()))?;
            let class = class.as_deref().map(|class| key(&app, class)).transpose()?;
            let (person, by) = (who.resolve(&app).await?, by.decider(&app).await?);
            let asked = app.ask_to_borrow(&ctx, by, person, org, &name, class.as_ref()).await?;
            return output.say(&asked, |asked| format!("{}: asked", asked.id));
        }
        Command::History { who, on, reason } => {
            let told = app.enrolments_as_of(&ctx, reason, who.resolve(&app).await?, *on).await?;
            return output.say(&told, |told| told.iter().map(line).collect());
        }
    };
    let (person, by) = (stay.who.resolve(&app).await?, stay.by.decider(&app).await?);
    let whose = Whose { person, org: stay.org.clone(), day: stay.date, code: stay.change };
    let changed = app.change_student(&ctx, by, &whose, &order).await?;
    output.say(&changed, line)
}

fn line(part: &StayPart) -> String {
    let to = part.to.map_or_else(|| "        ".to_owned(), |to| to.to_string());
    let class = part.class.as_deref().unwrap_or("-");
    let label = |change: Option<StudentChange>| change.map_or("", StudentChange::label);
    let (StayPart { from, institution, state, state_label, .. }, began) = (part, label(part.began_by));
    let ended = part.ended_as.map_or_else(String::new, |state| format!("  {} {}", state.label(), label(part.ended_by)));
    format!("{from} {to:<10}  {institution} {class}  {state} {state_label}  {began}{ended}\n")
}

/// A class by the name that its school has for it.
pub fn key(app: &App, class: &str) -> Result<ClassKey, Failure> {
    ClassKey::parse(class, app.now().shanghai_date())
        .ok_or_else(|| Failure::new("a class is 学段/入学年份/班级, as in 小学/2024/2班"))
}
