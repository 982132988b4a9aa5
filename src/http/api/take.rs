//! What operations of the API take: the administrator behind a token, a body, a query, a path. Whatever cannot be used is a
//! problem document that repeats nothing of it.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::{Problem, ProblemCode};
use crate::app::administrator::Caller;
use crate::app::feed::Reader;
use crate::app::possession::{AccessToken, Scheme};
use crate::app::relation_claim::Decider;
use crate::app::{App, Ctx, Error};
use crate::domain::audit::Actor;
use crate::domain::id::{ClientId, PersonId};
use crate::domain::registry::roster::ClassKey;
use crate::domain::time::Timestamp;
use crate::http::Door;
use crate::http::extract::{Visit, access_token};

/// The administrator who asks.
#[derive(Clone)]
pub struct Administrator {
    /// The request, in her name.
    pub ctx: Ctx,
    /// Her.
    pub person: PersonId,
    /// The client through which she asks.
    pub through: ClientId,
    /// When she last proved who she is.
    pub auth_time: Timestamp,
    /// How her token was presented.
    scheme: Scheme,
}

impl Administrator {
    /// With whose rights a use case is called.
    pub fn by(&self) -> Decider {
        Decider::Admin(self.person)
    }

    /// Whether she proved a short while ago who she is.
    ///
    /// # Errors
    /// The challenge that says how long ago it may be (RFC 9470, 3).
    pub fn proved_recently(&self, app: &App) -> Result<(), Problem> {
        let most = app.step_up_age();
        match self.ctx.now.since(self.auth_time) <= most {
            true => Ok(()),
            false => Err(Problem::sign_in_again(&self.ctx, most).presented_as(self.scheme)),
        }
    }

    /// A class by the name that its school has for it.
    ///
    /// # Errors
    /// What is no such name.
    pub fn class(&self, text: &str) -> Result<ClassKey, Problem> {
        let key = ClassKey::parse(text, self.ctx.now.shanghai_date());
        key.ok_or_else(|| self.problem(&Error::invalid("a class is 学段/入学年份/班级, as in 小学/2024/2班")))
    }

    /// A failed use case, for her.
    pub fn problem(&self, error: &Error) -> Problem {
        Problem::of(&self.ctx, error)
    }
}

async fn request_ctx(parts: &mut Parts, door: &Door) -> Ctx {
    match Visit::from_request_parts(parts, door).await {
        Ok(visit) => visit.ctx,
        Err(never) => match never {},
    }
}

/// The token of a request, with what came with it: one that is bound to a key needs its proof here too (RFC 9449, 7.1).
fn presented(parts: &Parts, door: &Door) -> Option<AccessToken> {
    access_token(&door.app, parts.uri.path(), &parts.method, &parts.headers)
}

impl FromRequestParts<Door> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        // Known already, where the request carries a key: a proof of possession is good once.
        if let Some(known) = parts.extensions.remove::<Self>() {
            return Ok(known);
        }
        let ctx = request_ctx(parts, door).await;
        let token = presented(parts, door).ok_or_else(|| Problem::new(&ctx, ProblemCode::Unauthorized))?;
        match door.app.administrator(&ctx, &token).await {
            Ok(Caller { person, through, auth_time }) => {
                Ok(Self { ctx: ctx.administering(person), person, through, auth_time, scheme: token.scheme })
            }
            Err(error) => Err(Problem::of(&ctx, &error).presented_as(token.scheme)),
        }
    }
}

/// The administrator who asks, and who proved a short while ago who she is: for what opens a record, or cannot be taken
/// back by herself (RFC 9470).
pub struct Recent(pub Administrator);

impl FromRequestParts<Door> for Recent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let admin = Administrator::from_request_parts(parts, door).await?;
        admin.proved_recently(&door.app)?;
        Ok(Self(admin))
    }
}

/// Whoever signed in, about herself.
pub struct Person {
    /// The request, in her name.
    pub ctx: Ctx,
    /// Her.
    pub id: PersonId,
}

impl FromRequestParts<Door> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let ctx = request_ctx(parts, door).await;
        let token = presented(parts, door).ok_or_else(|| Problem::new(&ctx, ProblemCode::Unauthorized))?;
        match door.app.bearer(&ctx, &token).await {
            Ok(Caller { person: id, .. }) => Ok(Self { ctx: ctx.acting(Actor::Person { id }), id }),
            Err(error) => Err(Problem::of(&ctx, &error).presented_as(token.scheme)),
        }
    }
}

/// A platform, in its own name.
pub struct Platform {
    /// The request, in its name.
    pub ctx: Ctx,
    /// It.
    pub reader: Reader,
}

impl FromRequestParts<Door> for Platform {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let ctx = request_ctx(parts, door).await;
        let token = presented(parts, door).ok_or_else(|| Problem::new(&ctx, ProblemCode::Unauthorized))?;
        match door.app.feed_reader(&ctx, &token).await {
            Ok(reader) => Ok(Self { ctx: ctx.acting(Actor::Client { id: reader.client() }), reader }),
            Err(error) => Err(Problem::of(&ctx, &error).presented_as(token.scheme)),
        }
    }
}

/// The bytes of a body. One that was cut off, or came too slowly, is none that is too large: it may be sent again.
pub async fn whole(request: Request, door: &Door, ctx: &Ctx) -> Result<Bytes, Problem> {
    Bytes::from_request(request, door).await.map_err(|why| match is_too_large(&why) {
        true => Problem::new(ctx, ProblemCode::TooLarge),
        false => Problem::new(ctx, ProblemCode::InvalidRequest).saying("the body did not come whole"),
    })
}

fn is_too_large(why: &BytesRejection) -> bool {
    matches!(why, BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)))
}

/// A JSON body, of a kind that holds no member which nobody reads.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Door> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, door: &Door) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let ctx = request_ctx(&mut parts, door).await;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            return Err(Problem::new(&ctx, ProblemCode::UnsupportedMediaType));
        }
        let bytes = whole(Request::from_parts(parts, body), door, &ctx).await?;
        // Never the message: it may repeat what was sent.
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let place = format!("the body is not what is asked for: line {} column {}", error.line(), error.column());
            Problem::new(&ctx, ProblemCode::InvalidRequest).saying(place)
        })
    }
}

/// The query of an address.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Door> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let ctx = request_ctx(parts, door).await;
        let read = Query::<T>::from_request_parts(parts, door).await;
        let fault =
            |_| Problem::new(&ctx, ProblemCode::InvalidRequest).saying("a parameter of the address cannot be read");
        read.map(|Query(asked)| Self(asked)).map_err(fault)
    }
}

/// The variable parts of a path. What is no id is nobody's.
pub struct Named<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Door> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let ctx = request_ctx(parts, door).await;
        let read = Path::<T>::from_request_parts(parts, door).await;
        read.map(|Path(named)| Self(named)).map_err(|_| Problem::new(&ctx, ProblemCode::NotFound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::DefaultBodyLimit;
    use futures_util::stream;

    #[tokio::test]
    async fn a_body_that_was_cut_off_is_none_that_is_too_large() {
        let long = axum::body::Body::from(vec![b'x'; 4 << 20]);
        let cut = axum::body::Body::from_stream(stream::iter([
            Ok(Bytes::from_static(b"{")),
            Err(std::io::Error::other("the connection ended")),
        ]));
        for (body, large) in [(long, true), (cut, false)] {
            let mut request = Request::new(body);
            DefaultBodyLimit::max(1 << 20).apply(&mut request);
            let why = Bytes::from_request(request, &()).await.unwrap_err();
            assert_eq!(is_too_large(&why), large, "{why:?}");
        }
    }
}
