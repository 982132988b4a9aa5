//! `mingji client check URL…`: a doctor for relying parties. It stands up a sandbox provider, visits a platform's sign-in
//! as somebody with a browser does, answers wrongly in one way at a time, and says what was let in that should not.

mod faults;
mod provider;
mod visit;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::faults::{CASES, Fault};
use self::provider::{Sandbox, Seen};
use self::visit::{Arrived, Visitor, http};
use super::Failure;
use super::output::Output;
use crate::http::server;

/// What is checked, and how it reaches the sandbox.
#[derive(Args)]
pub struct Asked {
    /// Where a sign-in begins at the platform, as `https://app.example/login`. Its client must know the sandbox as its
    /// provider: the issuer is what this command says, client_id and secret are any.
    #[arg(required = true, value_name = "URL")]
    urls: Vec<Url>,
    /// Where the sandbox provider listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9191")]
    listen: SocketAddr,
    /// The issuer as the platform reaches it; where it listens, when left out.
    #[arg(long, value_name = "URL")]
    issuer: Option<Url>,
    /// A page of the platform that only somebody signed in may see: the surest way to know who was let in.
    #[arg(long, value_name = "URL")]
    protected: Option<Url>,
    /// A text that stands only on a page of somebody signed in.
    #[arg(long, value_name = "TEXT")]
    signed_in: Option<String>,
    /// Certificates to trust besides the system's, as PEM.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// What became of one case.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// As it should be.
    Refused,
    /// Somebody was signed in who should not be.
    Accepted,
    /// The client never came where it could notice.
    NotReached,
}

#[derive(Serialize)]
struct Finding {
    case: &'static str,
    verdict: Verdict,
    /// Whether the standards leave no choice.
    must: bool,
    sent: &'static str,
    source: &'static str,
}

#[derive(Serialize)]
struct Report {
    url: Url,
    /// What its requests lack, apart from any answer.
    requests: Vec<&'static str>,
    findings: Vec<Finding>,
}

impl Report {
    fn faults(&self) -> usize {
        let let_in = self.findings.iter().filter(|finding| finding.must && finding.verdict == Verdict::Accepted);
        self.requests.len() + let_in.count()
    }
}

/// Runs the command.
pub async fn run(asked: &Asked, output: &Output) -> Result<(), Failure> {
    let listener = server::bind(asked.listen).await?;
    let here = format!("http://{}", listener.local_addr()?);
    let issuer = asked.issuer.as_ref().map_or(here, |url| url.as_str().trim_end_matches('/').to_owned());
    let sandbox = Arc::new(Sandbox::new(&issuer)?);
    let stop = CancellationToken::new();
    let served = tokio::spawn(server::serve(listener, Arc::clone(&sandbox).router(), None, stop.clone()));
    let checked = check_all(asked, &sandbox, &issuer).await;
    stop.cancel();
    served.await.map_err(|why| Failure::new(why.to_string()))??;
    let reports = checked?;
    output.say(&reports, |reports| reports.iter().map(text).collect())?;
    match reports.iter().map(Report::faults).sum() {
        0 => Ok(()),
        faults => Err(Failure::new(format!("{faults} faults: mend them before this client meets real people"))),
    }
}

async fn check_all(asked: &Asked, sandbox: &Sandbox, issuer: &str) -> Result<Vec<Report>, Failure> {
    let ca = asked.ca.as_ref().map(std::fs::read).transpose()?;
    let http = http(ca.as_deref())?;
    let mut reports = Vec::new();
    for url in &asked.urls {
        reports.push(Doctor { asked, sandbox, issuer, url, http: &http }.check().await?);
    }
    Ok(reports)
}

struct Doctor<'a> {
    asked: &'a Asked,
    sandbox: &'a Sandbox,
    issuer: &'a str,
    url: &'a Url,
    http: &'a reqwest::Client,
}

/// How a visit went on.
struct Visit {
    arrived: Arrived,
    seen: Seen,
    /// Whether the protected page was shown.
    inside: Option<bool>,
}

impl Doctor<'_> {
    async fn check(&self) -> Result<Report, Failure> {
        let good = self.visit(Fault::None).await?;
        self.must_work(&good)?;
        let mut report = Report { url: self.url.clone(), requests: lacking(&good.seen), findings: Vec::new() };
        for case in CASES {
            let verdict = match self.visit(case.fault).await {
                Ok(bad) if !is_reached(case.fault, &bad.seen) => Verdict::NotReached,
                Ok(bad) if self.is_inside(&bad, &good) => Verdict::Accepted,
                Ok(_) => Verdict::Refused,
                // Nobody answered, or the platform sent its visitor in a circle.
                Err(_) => Verdict::NotReached,
            };
            report.findings.push(Finding {
                case: case.name,
                verdict,
                must: case.must,
                sent: case.sent,
                source: case.source,
            });
        }
        report.findings.push(self.foreign_answer(&good).await?);
        // A platform that locks the door after so many bad answers has not looked at any of the later ones.
        self.must_work(&self.visit(Fault::None).await?)?;
        Ok(report)
    }

    async fn visit(&self, fault: Fault) -> Result<Visit, Failure> {
        self.sandbox.turn(fault);
        self.seen_by(Visitor::new(self.http), self.url).await
    }

    fn must_work(&self, good: &Visit) -> Result<(), Failure> {
        let Seen { asked, redeemed, refused, .. } = &good.seen;
        if asked.is_none() {
            let issuer = self.issuer;
            return Err(Failure::new(format!(
                "{} does not send its visitors to {issuer}: let its client use {issuer} as issuer, with any client_id and secret",
                self.url
            )));
        }
        if let Some(why) = refused {
            return Err(Failure::new(format!("the good sign-in does not work: {why}")));
        }
        if !redeemed {
            let why = "the platform never redeemed the code; is the answer read by a page in the browser, which this command has none of?";
            return Err(Failure::new(format!("the good sign-in does not work: {why}")));
        }
        if !self.is_inside(good, good) {
            let why = "it ends on a page of somebody who is not signed in";
            return Err(Failure::new(format!(
                "the good sign-in does not work: {why} (status {})",
                good.arrived.status
            )));
        }
        Ok(())
    }

    /// Whether a visit ended as the good one did. With nothing else to go by, the same page with a good status counts.
    fn is_inside(&self, visit: &Visit, good: &Visit) -> bool {
        if let Some(inside) = visit.inside {
            return inside;
        }
        let Arrived { status, url, text } = &visit.arrived;
        match &self.asked.signed_in {
            Some(words) => text.contains(words.as_str()),
            None => status.is_success() && url.path() == good.arrived.url.path(),
        }
    }

    /// Somebody is sent the answer of another's sign-in (RFC 6749, 10.12): she would work in a stranger's account.
    async fn foreign_answer(&self, good: &Visit) -> Result<Finding, Failure> {
        self.sandbox.turn(Fault::None);
        let answer = Visitor::new(self.http).answer_at(self.url, self.issuer).await?;
        let verdict = match answer {
            None => Verdict::NotReached,
            Some(answer) => {
                let victim = self.seen_by(Visitor::new(self.http), &answer).await?;
                if self.is_inside(&victim, good) { Verdict::Accepted } else { Verdict::Refused }
            }
        };
        // Nobody is signed in on the way: what she brought is all there is. The attacker's request has closed the door.
        let sent = "the whole answer of somebody else's sign-in, in another browser";
        Ok(Finding { case: "foreign_answer", verdict, must: true, sent, source: "RFC 6749, 10.12" })
    }

    async fn seen_by(&self, mut visitor: Visitor, url: &Url) -> Result<Visit, Failure> {
        let arrived = visitor.open(url).await?;
        let seen = self.sandbox.seen();
        let inside = match &self.asked.protected {
            Some(page) => Some(is_shown(&visitor.open(page).await?, page)),
            None => None,
        };
        Ok(Visit { arrived, seen, inside })
    }
}

/// Whether the page itself was shown, and nothing that stands in for it.
fn is_shown(arrived: &Arrived, page: &Url) -> bool {
    arrived.status.is_success() && arrived.url.path() == page.path()
}

/// What authorization requests lack (RFC 9700, 2.1 and 2.1.1): PKCE stands in for `state` and `nonce`, and this provider asks
/// every client for it.
fn lacking(seen: &Seen) -> Vec<&'static str> {
    let lacks = |name: &str| seen.parameter(name).is_none();
    if !lacks("code_challenge") {
        let plain = seen.parameter("code_challenge_method") != Some("S256");
        return plain.then_some("code_challenge_method is not S256 (RFC 9700, 2.1.1)").into_iter().collect();
    }
    let mut lacking = vec!["no PKCE: a stolen code can be redeemed (RFC 9700, 2.1.1)"];
    let wanted = [
        ("state", "no state: nothing binds the answer to the browser (RFC 9700, 4.7)"),
        ("nonce", "no nonce: nothing binds the ID token to the request (OpenID Connect Core, 15.5.2)"),
    ];
    lacking.extend(wanted.into_iter().filter(|(name, _)| lacks(name)).map(|(_, why)| why));
    lacking
}

/// Whether the client came where this is noticed.
fn is_reached(fault: Fault, seen: &Seen) -> bool {
    match fault {
        Fault::WrongState | Fault::NoState => seen.parameter("state").is_some(),
        Fault::WrongNonce | Fault::NoNonce => seen.parameter("nonce").is_some() && seen.redeemed,
        Fault::WrongIss | Fault::NoIss => seen.asked.is_some(),
        Fault::OtherSubjectAtUserinfo => seen.userinfo,
        _ => seen.redeemed,
    }
}

fn text(report: &Report) -> String {
    let mut text = format!("{}\n", report.url);
    for why in &report.requests {
        let _ = writeln!(text, "  FAULT     {why}");
    }
    for Finding { case, verdict, must, sent, source } in &report.findings {
        let verdict = match verdict {
            Verdict::Refused => "refused ",
            Verdict::Accepted if *must => "ACCEPTED",
            Verdict::Accepted => "let in  ",
            Verdict::NotReached => "not seen",
        };
        let _ = writeln!(text, "  {verdict}  {case}: {sent} ({source})");
    }
    text
}
