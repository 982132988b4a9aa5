//! What the sandbox provider does wrong, one thing at a time, and where it is said that a relying party notices.

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the sign-in that has to work.
    None,
    /// Nothing either: she does not agree, and the provider says so. How a sign-in that failed looks at this platform.
    Denied,
    WrongState,
    NoState,
    WrongIss,
    NoIss,
    WrongNonce,
    NoNonce,
    WrongAudience,
    ForeignAzp,
    WrongIssuer,
    AlgNone,
    ForeignKey,
    UnknownKey,
    Tampered,
    Expired,
    NoExpiry,
    NoSubject,
    WrongAtHash,
    OtherSubjectAtUserinfo,
}

/// A case of the doctor's.
pub struct Case {
    /// Its name, stable for scripts.
    pub name: &'static str,
    pub fault: Fault,
    /// What is sent, in a few words.
    pub sent: &'static str,
    /// Where it is said that this is refused.
    pub source: &'static str,
    /// Why it is wanted although the standards leave a choice there; none: they leave none.
    pub wanted: Option<&'static str>,
}

const fn case(name: &'static str, fault: Fault, sent: &'static str, source: &'static str) -> Case {
    Case { name, fault, sent, source, wanted: None }
}

/// One that the standards leave to the client.
const fn should(case: Case, why: &'static str) -> Case {
    Case { wanted: Some(why), ..case }
}

/// RFC 9207, 2.4 binds clients that support it, RFC 9700, 2.1 those that know several providers.
const MIXED_UP: &str = "a client that ever knows a second provider would send it the codes of the first";
/// Core, 3.1.3.7 (6): over TLS, straight from the token endpoint, the server's certificate may stand in for the signature.
const BY_TLS_ALONE: &str =
    "only the TLS of the token endpoint says then who the token is from, and a proxy in between may end it";

/// All of them, in the order in which they run.
pub const CASES: &[Case] = &[
    case("wrong_state", Fault::WrongState, "a state of somebody else's request", "RFC 6749, 10.12"),
    case("no_state", Fault::NoState, "no state, where the request had one", "RFC 6749, 4.1.2"),
    should(
        case("wrong_iss", Fault::WrongIss, "iss of another provider beside the code", "RFC 9207, 2.4; RFC 9700, 2.1"),
        MIXED_UP,
    ),
    should(
        case("no_iss", Fault::NoIss, "no iss, though the metadata promises it", "RFC 9207, 2.4; RFC 9700, 2.1"),
        MIXED_UP,
    ),
    case("wrong_nonce", Fault::WrongNonce, "an ID token with another nonce", "OpenID Connect Core, 3.1.3.7 (11)"),
    case("no_nonce", Fault::NoNonce, "an ID token without the nonce", "OpenID Connect Core, 3.1.3.7 (11)"),
    case("wrong_aud", Fault::WrongAudience, "an ID token for another client", "OpenID Connect Core, 3.1.3.7 (3)"),
    case(
        "foreign_azp",
        Fault::ForeignAzp,
        "an ID token for two, made for the other",
        "OpenID Connect Core, 3.1.3.7 (3)",
    ),
    case("wrong_issuer", Fault::WrongIssuer, "an ID token of another issuer", "OpenID Connect Core, 3.1.3.7 (2)"),
    // Which only a client that registered it may get.
    case(
        "alg_none",
        Fault::AlgNone,
        "an ID token without a signature (alg none)",
        "OpenID Connect Core, 2; RFC 8725, 3.2",
    ),
    should(
        case(
            "foreign_key",
            Fault::ForeignKey,
            "an ID token signed with a key that is not the provider's",
            "OpenID Connect Core, 3.1.3.7 (6)",
        ),
        BY_TLS_ALONE,
    ),
    should(
        case("unknown_key", Fault::UnknownKey, "an ID token whose kid nobody published", "OpenID Connect Core, 10.1.1"),
        BY_TLS_ALONE,
    ),
    should(
        case(
            "tampered",
            Fault::Tampered,
            "an ID token that was changed after it was signed",
            "OpenID Connect Core, 3.1.3.7 (6)",
        ),
        BY_TLS_ALONE,
    ),
    case("expired", Fault::Expired, "an ID token whose exp is over", "OpenID Connect Core, 3.1.3.7 (9)"),
    case("no_exp", Fault::NoExpiry, "an ID token without exp", "OpenID Connect Core, 2"),
    case("no_sub", Fault::NoSubject, "an ID token without sub", "OpenID Connect Core, 2"),
    should(
        case("wrong_at_hash", Fault::WrongAtHash, "at_hash of another access token", "OpenID Connect Core, 3.1.3.8"),
        "an access token that was put in the place of another shows",
    ),
    case(
        "other_sub_at_userinfo",
        Fault::OtherSubjectAtUserinfo,
        "userinfo of another person",
        "OpenID Connect Core, 5.3.2",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_tried_once_under_its_own_name() {
        for (at, case) in CASES.iter().enumerate() {
            assert!(![Fault::None, Fault::Denied].contains(&case.fault));
            assert!(
                CASES[at + 1..].iter().all(|other| other.fault != case.fault && other.name != case.name),
                "{}",
                case.name
            );
        }
    }
}
