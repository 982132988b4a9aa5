//! Proofs of possession (RFC 9449): what must stand in one whose signature holds.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::assertion::ClientAlg;
use super::numeric_date;
use crate::domain::time::Timestamp;

/// `typ` of a proof (4.2).
pub const TYP: &str = "dpop+jwt";

/// Algorithms of proofs, for discovery. RS256 is left out, as in FAPI 2.0, 5.4: nobody has old keys for this.
pub const ALGS: [ClientAlg; 3] = [ClientAlg::Es256, ClientAlg::EdDsa, ClientAlg::Ps256];

/// The same in a challenge (7.1).
pub fn challenged_algs() -> String {
    format!("algs=\"{}\"", ClientAlg::names(&ALGS).join(" "))
}

/// How old a proof may be.
const LONGEST: Duration = Duration::from_secs(120);
/// How far the client's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(30);
/// How far it may be ahead where a nonce of ours stands for it: a clock in another zone is an hour wrong.
const AHEAD: Duration = Duration::from_secs(3_900);
/// How long a nonce of ours may be used (8: "SHOULD be […] fresh"); so long a proof with one is remembered.
pub const NONCE_LIFE: Duration = Duration::from_secs(300);

/// What is asked of a proof.
pub struct Expect<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The addresses under which this endpoint is known; never what the request calls us.
    pub urls: &'a [String],
    /// The digest of the access token beside it, where there is one (base64url of SHA-256).
    pub ath: Option<&'a str>,
    /// When we made the nonce in it, where it holds a good one.
    pub nonce_made_at: Option<Timestamp>,
    /// The present.
    pub now: Timestamp,
    /// Since when used proofs are remembered, where a start forgot them (R3).
    pub since: Timestamp,
}

/// What is left to do with a good one: use it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Its name.
    pub jti: String,
    /// How long that must be remembered.
    pub remember: Duration,
}

impl Expect<'_> {
    /// Looks at the claims (4.3); the error is a sentence for the client's developer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, claims: &Map<String, Value>) -> Result<Proof, &'static str> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("htm") != Some(self.method) {
            return Err("htm of the proof is not the method of the request");
        }
        if !text("htu").is_some_and(|htu| self.urls.iter().any(|url| is_same_address(htu, url))) {
            return Err("htu of the proof is not the address of this endpoint");
        }
        if self.ath.is_some() && text("ath") != self.ath {
            return Err("ath of the proof is not the digest of the access token");
        }
        // "MUST" stand in every proof (4.2).
        let iat = numeric_date::seconds(claims, "iat").ok().flatten().ok_or("iat of the proof is no number")?;
        let iat = Timestamp::from_seconds(iat);
        // Our own nonce says more than the client's clock (11.1).
        let (issued, life, ahead) = match self.nonce_made_at {
            Some(made) => (made, NONCE_LIFE, AHEAD),
            None => (iat, LONGEST, SKEW),
        };
        if self.now >= issued.plus(life) {
            return Err("the proof is too old");
        }
        if iat > self.now.plus(ahead) || issued > self.now.plus(SKEW) {
            return Err("the proof comes from the future");
        }
        // R3: nobody knows whether it was used before the start.
        if issued < self.since {
            return Err("the proof was made before our start: make a new one");
        }
        match text("jti") {
            Some(jti) if !jti.is_empty() && jti.len() <= 512 => {
                // With its nonce it ends, whatever the client's clock says: remembered for as long as that allows, strangers
                // could leave an hour of them. (Whoever switches nonces off lets the clocks that are ahead speak again.)
                let end = issued.plus(life);
                Ok(Proof { jti: jti.to_owned(), remember: end.since(self.now) + SKEW })
            }
            _ => Err("the proof has no usable jti"),
        }
    }
}

/// 4.3: compared "ignoring any query and fragment parts", after normalization (RFC 3986, 6.2.2 and 6.2.3).
fn is_same_address(htu: &str, ours: &str) -> bool {
    let bare = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    htu.len() <= 2048 && bare(htu).is_some_and(|htu| Some(htu) == bare(ours))
}

/// `dpop_jkt` (10): a SHA-256 thumbprint, base64url.
pub fn is_thumbprint(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;
    const HERE: &str = "https://id.example/token";

    fn checked_at(own: Value, nonce: Option<i64>, since: Option<i64>) -> Result<Proof, &'static str> {
        let mut claims = json!({ "htm": "POST", "htu": HERE, "iat": NOW, "jti": "j", "ath": "digest" });
        claims.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let at = |seconds: Option<i64>| seconds.map(Timestamp::from_seconds);
        let expect = Expect {
            method: "POST",
            urls: &[HERE.to_owned()],
            ath: Some("digest"),
            nonce_made_at: at(nonce),
            now: Timestamp::from_seconds(NOW),
            since: Timestamp::from_seconds(since.unwrap_or_default()),
        };
        expect.check(claims.as_object().unwrap())
    }

    fn checked(own: Value) -> Result<Proof, &'static str> {
        checked_at(own, None, None)
    }

    #[test]
    fn good_ones() {
        for own in [
            json!({}),
            json!({ "htu": "HTTPS://ID.example:443/token?x=1#y" }),
            json!({ "htu": "https://id.example/./token" }),
            json!({ "iat": NOW + 30 }),
            json!({ "iat": NOW - 119 }),
            json!({ "nbf": NOW, "exp": NOW + 300, "more": 1 }),
        ] {
            assert_eq!(checked(own.clone()).map(|good| good.jti), Ok("j".into()), "{own}");
        }
    }

    #[test]
    fn bad_ones() {
        for own in [
            json!({ "htm": "post" }),
            json!({ "htm": "GET" }),
            json!({ "htu": "https://id.example/userinfo" }),
            json!({ "htu": "https://evil.example/token" }),
            json!({ "htu": "https://id.example:444/token" }),
            json!({ "htu": "http://id.example/token" }),
            json!({ "htu": "https://id.example/token/" }),
            json!({ "htu": "/token" }),
            json!({ "htu": null }),
            json!({ "ath": null }),
            json!({ "ath": "other" }),
            json!({ "iat": NOW - 120 }),
            json!({ "iat": NOW + 31 }),
            json!({ "iat": NOW.to_string() }),
            json!({ "iat": null }),
            json!({ "jti": "" }),
            json!({ "jti": 7 }),
            json!({ "jti": null }),
        ] {
            assert!(checked(own.clone()).is_err(), "{own}");
        }
    }

    #[test]
    fn a_nonce_of_ours_stands_for_the_clock_of_the_client() {
        let skewed = json!({ "iat": NOW - 3600 });
        assert!(checked_at(skewed.clone(), Some(NOW - 299), None).is_ok());
        assert!(checked_at(skewed.clone(), Some(NOW - 300), None).is_err());
        assert!(checked_at(json!({ "iat": null }), Some(NOW), None).is_err(), "iat is needed all the same");
        let remembered = checked_at(skewed, Some(NOW - 100), None).unwrap().remember;
        assert!(remembered >= Duration::from_secs(200), "as long as the nonce is good: {remembered:?}");
    }

    #[test]
    fn one_with_a_nonce_is_remembered_as_long_as_that_is_good_and_no_longer() {
        let ahead = checked_at(json!({ "iat": NOW + 3_600 }), Some(NOW), None).unwrap().remember;
        assert_eq!(ahead, NONCE_LIFE + SKEW, "a clock that is ahead takes no more room");
        assert!(checked_at(json!({ "iat": NOW + 3_600 }), Some(NOW), None).is_ok(), "a clock in another zone");
        assert!(checked_at(json!({ "iat": NOW + 3_901 }), Some(NOW), None).is_err());
    }

    #[test]
    fn after_a_start_that_forgot_older_ones_are_refused() {
        assert!(checked_at(json!({}), None, Some(NOW)).is_ok());
        assert!(checked_at(json!({}), None, Some(NOW + 1)).is_err());
        assert!(checked_at(json!({}), Some(NOW - 1), Some(NOW)).is_err());
    }
}
