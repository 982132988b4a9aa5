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
    /// Where it went when it was written down; it goes to what the client has registered by then.
    pub uri: String,
    /// Since when it waits.
    pub created_at: crate::domain::time::Timestamp,
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

/// After how long a client that is out of use is looked at again, `None` when that was so for as long as a session lasts at most by
/// default: it would be back and keep people signed in who left. Whoever lets it back in says so; a replica that does not know yet
/// may put it off once more.
pub fn wait_for_return(waited: std::time::Duration) -> Option<std::time::Duration> {
    const LONGEST: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);
    const LOOK: std::time::Duration = std::time::Duration::from_secs(8 * 3_600);
    LONGEST.checked_sub(waited).filter(|left| !left.is_zero()).map(|left| left.min(LOOK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_out_of_use_for_a_week_hears_of_it_still() {
        let hours = |n: u64| std::time::Duration::from_secs(n * 3_600);
        assert_eq!(wait_for_return(hours(0)), Some(hours(8)));
        assert_eq!(wait_for_return(hours(7 * 24 - 1)), Some(hours(1)));
        assert_eq!((wait_for_return(hours(7 * 24)), wait_for_return(hours(8 * 24))), (None, None));
    }

    #[test]
    fn a_frame_names_issuer_and_session_beside_what_the_client_registered() {
        let framed = |uri| frame_address(uri, "https://id.example", "s d");
        assert_eq!(framed("https://a.example/out"), "https://a.example/out?iss=https%3A%2F%2Fid.example&sid=s+d");
        assert_eq!(framed("https://a.example/?x=1"), "https://a.example/?x=1&iss=https%3A%2F%2Fid.example&sid=s+d");
    }
}
