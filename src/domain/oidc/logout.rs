//! Signing out at clients: by their request (RP-Initiated Logout 1.0), behind the browser's back (Back-Channel Logout
//! 1.0), and in its frames (Front-Channel Logout 1.0).

use super::params::Params;

/// What a client asks of the end-session endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LogoutRequest {
    /// An ID token we issued; may be expired (section 2).
    pub id_token_hint: Option<String>,
    /// Whose address follows.
    pub client_id: Option<String>,
    /// An exact registered address.
    pub post_logout_redirect_uri: Option<String>,
    /// Given back as it came.
    pub state: Option<String>,
    /// Languages for the pages.
    pub ui_locales: Option<String>,
}

impl LogoutRequest {
    /// The parameters that are read; whatever else came is kept nowhere.
    pub const READ: &[&str] = &["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

    /// Reads the parameters; `None` when one is repeated.
    pub fn parse(params: &Params) -> Option<Self> {
        params.refuse_repeated().ok()?;
        let own = |name: &str| params.get(name).map(str::to_owned);
        Some(Self {
            id_token_hint: own("id_token_hint"),
            client_id: own("client_id"),
            post_logout_redirect_uri: own("post_logout_redirect_uri"),
            state: own("state"),
            ui_locales: own("ui_locales"),
        })
    }
}

/// A back-channel logout token that waits for its receiver (Back-Channel Logout 1.0).
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id, also the token's `jti`.
    pub id: crate::domain::id::DeliveryId,
    /// The audience.
    pub client: crate::domain::id::ClientId,
    /// Where it goes.
    pub uri: String,
    /// The subject as the client knows it.
    pub sub: String,
    /// The session as the client knows it.
    pub sid: String,
    /// Tries so far.
    pub attempts: u32,
}

/// What the browser opens in a frame (Front-Channel Logout 1.0, 2): a query of the client's own is kept.
pub fn frame_address(uri: &str, issuer: &str, sid: &str) -> String {
    with_query(uri, &[("iss", issuer), ("sid", sid)])
}

/// An address with more parameters; the text before them stays as it was registered.
pub fn with_query(uri: &str, more: &[(&str, &str)]) -> String {
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(more).finish())
}

/// How long to wait after so many failed tries; `None` when it is given up (about a day).
pub fn retry_after(attempts: u32) -> Option<std::time::Duration> {
    const MINUTES: &[u64] = &[0, 1, 2, 5, 10, 30, 60, 120, 240, 480, 480];
    let index = usize::try_from(attempts).ok()?;
    MINUTES.get(index).map(|minutes| std::time::Duration::from_secs((minutes * 60).max(5)))
}

/// The same for a client that is out of use, which nobody asks meanwhile: as long as a session lasts at most by default, for a
/// week, or it would be back and keep people signed in who left.
pub fn retry_suspended_after(attempts: u32) -> Option<std::time::Duration> {
    const LONGEST: std::time::Duration = std::time::Duration::from_secs(8 * 3_600);
    const MOST_TRIES: u32 = 31;
    retry_after(attempts).or_else(|| (attempts < MOST_TRIES).then_some(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_out_of_use_for_a_week_hears_of_it_still() {
        let (mut waited, mut tries) = (std::time::Duration::ZERO, 1);
        while let Some(pause) = retry_suspended_after(tries) {
            (waited, tries) = (waited + pause, tries + 1);
        }
        let day = 86_400;
        assert!((7 * day..8 * day).contains(&waited.as_secs()), "{waited:?}");
    }

    #[test]
    fn a_frame_names_issuer_and_session_beside_what_the_client_registered() {
        let framed = |uri| frame_address(uri, "https://id.example", "s d");
        assert_eq!(framed("https://a.example/out"), "https://a.example/out?iss=https%3A%2F%2Fid.example&sid=s+d");
        assert_eq!(framed("https://a.example/?x=1"), "https://a.example/?x=1&iss=https%3A%2F%2Fid.example&sid=s+d");
    }
}
