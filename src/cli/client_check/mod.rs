//! `mingji client check URL…`: a doctor for relying parties. It stands up a sandbox provider, visits a platform's sign-in
//! as somebody with a browser does, answers wrongly in one way at a time, and says what was let in that should not.

mod faults;
mod provider;
mod visit;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::faults::{CASES, Fault};
use self::provider::{Sandbox, Seen};
use self::visit::{Arrived, Visitor, http};
use super::Failure;
use super::output::Output;
use crate::http::server;

/// While a platform comes up.
const ASKED_AGAIN: Duration = Duration::from_millis(250);

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
    /// How long the platform may take to come up, in seconds: a client that reads the provider's metadata when it starts is
    /// started after this command.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
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
    /// Why it is wanted where they leave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<&'static str>,
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

    /// Cases in which the client never came where it could notice.
    fn unseen(&self) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::NotReached).count()
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
        0 if reports.iter().any(|report| report.unseen() == report.findings.len()) => {
            Err(Failure::new("no case was seen by this client: nothing is known of it"))
        }
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
        self.must_answer().await?;
        let good = self.visit(Fault::None).await?;
        self.must_work(&good)?;
        self.must_tell_apart(&good).await?;
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
                must: case.wanted.is_none(),
                wanted: case.wanted,
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
        let mut visitor = Visitor::new(self.http);
        let arrived = visitor.open(self.url).await?;
        self.seen_by(visitor, arrived).await
    }

    /// Somebody is there; what she says does not matter yet.
    async fn must_answer(&self) -> Result<(), Failure> {
        let until = Instant::now() + Duration::from_secs(self.asked.wait);
        loop {
            self.sandbox.close();
            match Visitor::new(self.http).open(self.url).await {
                Err(_) if Instant::now() < until => tokio::time::sleep(ASKED_AGAIN).await,
                answered => return answered.map(drop),
            }
        }
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
        let status = good.arrived.status;
        if !status.is_success() {
            return Err(Failure::new(format!("the good sign-in does not work: it ends with status {status}")));
        }
        if !self.is_inside(good, good) {
            let why = "it ends on a page of somebody who is not signed in";
            return Err(Failure::new(format!("the good sign-in does not work: {why} (status {status})")));
        }
        Ok(())
    }

    /// What counts as signed in has to be hidden from whoever is not, or every answer would look accepted: from a stranger,
    /// and from somebody whose sign-in the provider refused.
    async fn must_tell_apart(&self, good: &Visit) -> Result<(), Failure> {
        let another = match (&self.asked.protected, &self.asked.signed_in) {
            (Some(_), _) => "let --protected name a page that only somebody signed in may see",
            (None, Some(_)) => "let --signed-in be a text that stands on no other page, or use --protected",
            (None, None) => "say with --protected or --signed-in who is signed in",
        };
        let page = self.asked.protected.as_ref().unwrap_or(&good.arrived.url);
        self.sandbox.close();
        // A page that strangers are sent round in circles from is hidden from them.
        if let Ok(arrived) = Visitor::new(self.http).open(page).await
            && self.is_inside(&self.seen_by(Visitor::new(self.http), arrived).await?, good)
        {
            return Err(Failure::new(format!("{} is shown to strangers too: {another}", place(page))));
        }
        let refused = self.visit(Fault::Denied).await;
        if refused.is_ok_and(|refused| self.is_inside(&refused, good)) {
            let why = "a sign-in that the provider refused looks as one that it did not";
            return Err(Failure::new(format!("{why}: {another}")));
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
                let mut victim = Visitor::new(self.http);
                let arrived = victim.follow(answer).await?;
                let victim = self.seen_by(victim, arrived).await?;
                if self.is_inside(&victim, good) { Verdict::Accepted } else { Verdict::Refused }
            }
        };
        // Nobody is signed in on the way: what she brought is all there is. The attacker's request has closed the door.
        let sent = "the whole answer of somebody else's sign-in, in another browser";
        let source = "RFC 6749, 10.12";
        Ok(Finding { case: "foreign_answer", verdict, must: true, wanted: None, sent, source })
    }

    async fn seen_by(&self, mut visitor: Visitor, arrived: Arrived) -> Result<Visit, Failure> {
        let seen = self.sandbox.seen();
        let inside = match &self.asked.protected {
            Some(page) => Some(is_shown(&visitor.open(page).await?, page)),
            None => None,
        };
        Ok(Visit { arrived, seen, inside })
    }
}

/// Without the query, which may hold a code.
fn place(url: &Url) -> &str {
    &url[..url::Position::AfterPath]
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
    for Finding { case, verdict, must, wanted, sent, source } in &report.findings {
        let verdict = match verdict {
            Verdict::Refused => "refused ",
            Verdict::Accepted if *must => "ACCEPTED",
            Verdict::Accepted => "should  ",
            Verdict::NotReached => "not seen",
        };
        let why = wanted.filter(|_| verdict == "should  ").map(|why| format!(": {why}")).unwrap_or_default();
        let _ = writeln!(text, "  {verdict}  {case}: {sent} ({source}){why}");
    }
    if report.findings.iter().any(|finding| finding.verdict == Verdict::Accepted && !finding.must) {
        text.push_str(
            "  should: let in; the standards leave it to the client, and it should refuse. It counts as no fault\n",
        );
    }
    if report.unseen() > 0 {
        let (unseen, all) = (report.unseen(), report.findings.len());
        let _ = writeln!(
            text,
            "  not seen: {unseen} of {all}; the client never came where it could notice, and nothing is said of them"
        );
    }
    text
}
