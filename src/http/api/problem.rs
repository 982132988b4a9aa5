//! What went wrong at the API, as a problem document (RFC 9457): a stable code, a sentence in Chinese and in English, and
//! the id under which the log has more.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::app::possession::Scheme;
use crate::app::{Ctx, Error, Kind};
use crate::domain::oidc::dpop;
use crate::domain::oidc::error::{Code, ProtocolError};

/// A kind of problem. The codes are part of the API's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemCode {
    /// No token.
    Unauthorized,
    /// A token that is not for here, or has ended.
    InvalidToken,
    /// A token that is bound to a key, with a proof of it that does not hold (RFC 9449, 7.1).
    InvalidDpopProof,
    /// The same with a proof that lacks the nonce of this answer (RFC 9449, 8).
    UseDpopNonce,
    /// A token without the scope.
    InsufficientScope,
    /// A sign-in that is too long ago for this.
    InsufficientUserAuthentication,
    /// It is not there, or not for this administrator.
    NotFound,
    /// Another method of this path.
    MethodNotAllowed,
    /// The request cannot be used.
    InvalidRequest,
    /// The body is larger than anything that is asked here.
    TooLarge,
    /// The body is of another type than this takes.
    UnsupportedMediaType,
    /// The state does not allow it.
    Conflict,
    /// What was asked for is not kept any more.
    Gone,
    /// Too much at once.
    Busy,
    /// It failed here.
    Internal,
}

impl ProblemCode {
    /// Code, status, Chinese, English.
    const fn row(self) -> (&'static str, StatusCode, &'static str, &'static str) {
        match self {
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "请先取得令牌", "A token is needed"),
            Self::InvalidToken => {
                ("invalid_token", StatusCode::UNAUTHORIZED, "令牌无效或已失效", "The token is not valid or has ended")
            }
            Self::InvalidDpopProof => (
                "invalid_dpop_proof",
                StatusCode::UNAUTHORIZED,
                "密钥持有证明无效",
                "The proof of possession does not hold",
            ),
            Self::UseDpopNonce => (
                "use_dpop_nonce",
                StatusCode::UNAUTHORIZED,
                "请用本次应答里的 DPoP-Nonce 再试",
                "Try again with the nonce of this answer",
            ),
            Self::InsufficientScope => {
                ("insufficient_scope", StatusCode::FORBIDDEN, "令牌没有这项权限", "The token does not cover this")
            }
            Self::InsufficientUserAuthentication => (
                "insufficient_user_authentication",
                StatusCode::UNAUTHORIZED,
                "请重新登录后再做这一步",
                "Sign in again for this step",
            ),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "没有找到", "Not found"),
            Self::MethodNotAllowed => {
                ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "此地址不支持这种方法", "Not with this method")
            }
            Self::InvalidRequest => {
                ("invalid_request", StatusCode::BAD_REQUEST, "请求无法使用", "The request cannot be used")
            }
            Self::TooLarge => ("too_large", StatusCode::PAYLOAD_TOO_LARGE, "请求过大", "The request is too large"),
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "请求体的类型不对",
                "Not a type of body that is taken here",
            ),
            Self::Conflict => ("conflict", StatusCode::CONFLICT, "当前状态不允许", "Not possible in this state"),
            Self::Gone => {
                ("gone", StatusCode::GONE, "变更已不再保留，请先取快照", "Not kept any more: take a snapshot")
            }
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE, "请稍后再试", "Try again in a moment"),
            Self::Internal => {
                ("internal", StatusCode::INTERNAL_SERVER_ERROR, "系统出错，已记录", "It failed here, and was noted")
            }
        }
    }
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "urn:mingji:problem:not_found", "title": "没有找到", "title_en": "Not found", "status": 404, "code": "not_found",
    "detail": "the case was not found", "instance": "urn:uuid:019a0000-0000-7000-8000-000000000001",
}))]
pub struct Document {
    /// The kind of problem; stable.
    #[serde(rename = "type")]
    pub kind: String,
    /// What went wrong, in Chinese.
    pub title: &'static str,
    /// The same in English.
    pub title_en: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The last part of the type.
    pub code: &'static str,
    /// Where the snapshot is, when changes are not kept any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// More about this one, for the developer; never a value of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Names the request in the log.
    pub instance: String,
}

/// A problem on its way out.
pub struct Problem {
    code: ProblemCode,
    detail: Option<String>,
    snapshot: Option<String>,
    /// In seconds: how long ago the sign-in may be.
    max_age: Option<u64>,
    /// How the token was presented; none: there was none.
    scheme: Option<Scheme>,
    request: String,
    refused: Option<Box<Refused>>,
}

/// An administrator whose use case failed, for the audit: it travels with the answer.
#[derive(Clone)]
pub struct Refused {
    /// The request, in her name.
    pub ctx: Ctx,
    /// What kind of failure it was.
    pub kind: Kind,
}

impl Problem {
    /// A problem that says no more than its kind.
    pub fn new(ctx: &Ctx, code: ProblemCode) -> Self {
        Self {
            code,
            detail: None,
            snapshot: None,
            max_age: None,
            scheme: None,
            request: ctx.request_id.to_string(),
            refused: None,
        }
    }

    /// With a sentence for the developer.
    #[must_use]
    pub fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Changes that are not kept any more, and where the snapshot is.
    pub fn gone(ctx: &Ctx, snapshot: String) -> Self {
        Self { snapshot: Some(snapshot), ..Self::new(ctx, ProblemCode::Gone) }
    }

    /// A sign-in that is longer ago than `most` (RFC 9470, 3).
    pub fn sign_in_again(ctx: &Ctx, most: Duration) -> Self {
        Self { max_age: Some(most.as_secs()), ..Self::new(ctx, ProblemCode::InsufficientUserAuthentication) }
    }

    /// A failed use case. What happened inside goes to the log.
    pub fn of(ctx: &Ctx, error: &Error) -> Self {
        crate::http::error::note(ctx, error);
        let refused = ctx.administrator().map(|_| Box::new(Refused { ctx: ctx.clone(), kind: error.kind }));
        let code = match (&error.protocol, error.kind) {
            (Some(ProtocolError { code: Code::InvalidToken, .. }), _) => ProblemCode::InvalidToken,
            (Some(ProtocolError { code: Code::InvalidDpopProof, .. }), _) => ProblemCode::InvalidDpopProof,
            (Some(ProtocolError { code: Code::UseDpopNonce, .. }), _) => ProblemCode::UseDpopNonce,
            (Some(ProtocolError { code: Code::InsufficientScope, .. }), _) => ProblemCode::InsufficientScope,
            (_, Kind::NotFound) => ProblemCode::NotFound,
            (_, Kind::Invalid) => ProblemCode::InvalidRequest,
            (_, Kind::Conflict) => ProblemCode::Conflict,
            (_, Kind::Busy) => ProblemCode::Busy,
            (_, Kind::Internal) => ProblemCode::Internal,
        };
        Self { refused, ..Self::new(ctx, code).saying(error.public.clone()) }
    }

    /// What the token was presented as, so that the challenge is of the same kind.
    #[must_use]
    pub fn presented_as(self, scheme: Scheme) -> Self {
        Self { scheme: Some(scheme), ..self }
    }

    /// RFC 6750, 3, and RFC 9449, 7.1: the challenge says which code; without any token both ways stand there, and no code.
    fn challenges(&self) -> Vec<String> {
        let (code, status, ..) = self.code.row();
        let said = match self.code {
            ProblemCode::Unauthorized => String::new(),
            ProblemCode::InsufficientScope => format!("error=\"{code}\", scope=\"{}\"", self.needed()),
            ProblemCode::InsufficientUserAuthentication => {
                format!("error=\"{code}\", max_age=\"{}\"", self.max_age.unwrap_or_default())
            }
            _ if status == StatusCode::UNAUTHORIZED => format!("error=\"{code}\""),
            _ => return Vec::new(),
        };
        let parts = |own: String| [own, said.clone()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let bearer = || format!("Bearer {}", parts("realm=\"mingji\"".into()).join(", "));
        let dpop = || format!("DPoP {}", parts(dpop::challenged_algs()).join(", "));
        match self.scheme {
            None => vec![bearer(), dpop()],
            Some(Scheme::Bearer) => vec![bearer()],
            Some(Scheme::Dpop) => vec![dpop()],
        }
    }

    fn needed(&self) -> &'static str {
        use crate::domain::oidc::resource::{ADMIN, FEED, SELF};
        let says = |word: &&str| self.detail.as_deref().is_some_and(|detail| detail.contains(word));
        [FEED, SELF].into_iter().find(says).unwrap_or(ADMIN)
    }

    /// The document alone, where it is of one of many.
    pub fn into_document(self) -> Document {
        let (code, status, title, title_en) = self.code.row();
        Document {
            kind: format!("urn:mingji:problem:{code}"),
            title,
            title_en,
            status: status.as_u16(),
            code,
            snapshot: self.snapshot,
            detail: self.detail,
            instance: format!("urn:uuid:{}", self.request),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let (_, status, ..) = self.code.row();
        let refused = self.refused.take();
        let (challenges, is_busy) = (self.challenges(), self.code == ProblemCode::Busy);
        let document = self.into_document();
        let fixed = [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, Json(document)).into_response();
        for (name, value) in fixed {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        for challenge in challenges.into_iter().filter_map(|text| HeaderValue::try_from(text).ok()) {
            response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
        }
        if is_busy {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if let Some(refused) = refused {
            response.extensions_mut().insert(*refused);
        }
        response
    }
}

/// What any operation may answer besides its own.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "it is only described, and answered by `Problem`")]
pub enum Problems {
    /// The request cannot be used.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Document),
    /// No token, one that is not for here or has ended, or a sign-in that is too long ago (RFC 9470).
    #[response(status = 401, content_type = "application/problem+json", headers(("WWW-Authenticate", description = "RFC 6750, 3; RFC 9449, 7.1; RFC 9470, 3"), ("DPoP-Nonce", description = "RFC 9449, 8, where proofs need one")))]
    Token(Document),
    /// A token without the scope.
    #[response(status = 403, content_type = "application/problem+json", headers(("WWW-Authenticate", description = "RFC 6750, 3")))]
    Scope(Document),
    /// Not there, or not for whoever asks.
    #[response(status = 404, content_type = "application/problem+json")]
    Missing(Document),
    /// The state does not allow it.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document),
    /// The body is larger than anything that is asked here.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Document),
    /// The body is of another type than this takes.
    #[response(status = 415, content_type = "application/problem+json")]
    Type(Document),
    /// It failed here, and was noted.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Document),
    /// Too much at once.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After", description = "seconds")))]
    Busy(Document),
}
