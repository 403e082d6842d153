//! The page behind the link in a reset message: it asks for a new password, twice, and says what came of it. A password
//! that is refused leaves the link usable; every other answer says what to do next. The token stands in the address
//! only, never in the page and never in a log.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::{PathRejection, RawFormRejection};
use axum::extract::{FromRequestParts, Path, RawForm, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use desk::credential::tenant_of_link;
use desk::password::LinkCard;
use desk::value::secret::Secret;
use desk::{Busy, Caller, Desk, Error, Field, Refusal};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::visit::Visit;
use super::words::Words;
use super::{Language, STYLESHEET, page, said};
use crate::kit::is_text;
use crate::kit::layers::Limiters;

/// A token is 43 characters and a short prefix.
pub(super) const TOKEN_MAX: usize = 200;

pub(super) type Token = Result<Path<String>, PathRejection>;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Choice {
    password: Secret,
    password_again: Secret,
}

/// A link that is none is an answer, but not to one address again and again.
pub(super) async fn limited(
    State((desk, limiters)): State<(Desk, Arc<Limiters>)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(visit) = Visit::from_request_parts(&mut parts, &desk).await;
    let answer = next.run(Request::from_parts(parts, body)).await;
    let is_guess = matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::GONE);
    match visit.origin.address {
        Some(address) if is_guess && !limiters.admits_address(address) => {
            turned_away(visit.language, &Error::Busy(Busy::RateLimited))
        }
        _ => answer,
    }
}

/// `GET /reset/{token}`: the form.
pub(super) async fn show(State(desk): State<Desk>, visit: Visit, token: Token) -> Response {
    let language = visit.language;
    match OpenLink::find(&desk, visit, token).await {
        Ok(link) => link.form(StatusCode::OK, None),
        Err(error) => turned_away(language, &error),
    }
}

/// `POST /reset/{token}`: the password, if it may be chosen.
pub(super) async fn choose(
    State(desk): State<Desk>,
    visit: Visit,
    token: Token,
    form: Result<RawForm, RawFormRejection>,
) -> Response {
    let language = visit.language;
    if !visit.is_from_our_page {
        return unread(language, StatusCode::FORBIDDEN);
    }
    let choice: Choice = match read_form(form) {
        Ok(choice) => choice,
        Err(status) => return unread(language, status),
    };
    let link = match OpenLink::find(&desk, visit, token).await {
        Ok(link) => link,
        Err(error) => return turned_away(language, &error),
    };
    if choice.password.expose() != choice.password_again.expose() {
        let fault = Fault { place: Place::Again, reason: Words::of(link.language).mismatch.to_owned() };
        return link.form(StatusCode::UNPROCESSABLE_ENTITY, Some(fault));
    }
    match desk.choose_password(&link.caller, &link.token, choice.password).await {
        Ok(()) => link.done(),
        Err(Error::Invalid(fields)) => {
            let fault = Fault { place: Place::Password, reason: link.reason(&fields) };
            link.form(StatusCode::UNPROCESSABLE_ENTITY, Some(fault))
        }
        Err(error) => turned_away(link.language, &error),
    }
}

/// A link that still works.
struct OpenLink {
    caller: Caller,
    token: Secret,
    card: LinkCard,
    language: Language,
}

impl OpenLink {
    async fn find(desk: &Desk, visit: Visit, token: Token) -> desk::Result<OpenLink> {
        let unknown = || Error::NotFound("link");
        let Path(token) = token.map_err(|_| unknown())?;
        if token.len() > TOKEN_MAX {
            return Err(unknown());
        }
        let caller = Caller::anonymous(tenant_of_link(&token).ok_or_else(unknown)?, visit.origin);
        let token = Secret::new(token);
        let card = desk.reset_link(&caller, &token).await?;
        let language = card.locale.as_deref().and_then(Language::of_locale).unwrap_or(visit.language);
        Ok(OpenLink { caller, token, card, language })
    }

    fn form(&self, status: StatusCode, fault: Option<Fault>) -> Response {
        let words = Words::of(self.language);
        let hint = said(words.hint, &[("n", &self.card.password_min_length.to_string())]);
        let template = ChoosePage {
            language: self.language,
            stylesheet: &STYLESHEET.path,
            words,
            institution: &self.card.institution,
            hint,
            fault,
        };
        page(status, self.language, &template)
    }

    /// Why the desk does not take the password, in the user's language.
    fn reason(&self, fields: &[Field]) -> String {
        let words = Words::of(self.language);
        let text = match fields.first().map_or("", |field| field.code) {
            "too_short" => words.too_short,
            "too_long" => words.too_long,
            "too_common" => words.too_common,
            "contains_personal" => words.contains_personal,
            _ => words.too_guessable,
        };
        said(text, &[("n", &self.card.password_min_length.to_string())])
    }

    fn done(&self) -> Response {
        let words = Words::of(self.language);
        let institution = Some(self.card.institution.as_str());
        notice(StatusCode::OK, self.language, Tone::Good, words.done_heading, words.done, institution)
    }
}

/// The answer to a link that does not lead to the form, or no longer.
pub(super) fn turned_away(language: Language, error: &Error) -> Response {
    let words = Words::of(language);
    let (status, heading, paragraphs) = match error {
        // A tenant that does not exist and a link that does not are told alike.
        Error::NotFound(_) => (StatusCode::NOT_FOUND, words.unknown_heading, words.unknown),
        Error::Refused(Refusal::LinkInvalid | Refusal::LinkExpired) => {
            (StatusCode::GONE, words.over_heading, words.over)
        }
        Error::Refused(_) => (StatusCode::FORBIDDEN, words.barred_heading, words.barred),
        Error::Busy(Busy::RateLimited) => (StatusCode::TOO_MANY_REQUESTS, words.busy_heading, words.busy),
        Error::Busy(_) | Error::Conflict(_) => (StatusCode::SERVICE_UNAVAILABLE, words.busy_heading, words.busy),
        Error::Invalid(_) => (StatusCode::BAD_REQUEST, words.unread_heading, words.unread),
        Error::Unauthenticated(_) | Error::Forbidden(_) | Error::Internal(_) => {
            tracing::error!(code = error.code(), %error, "the reset page failed");
            (StatusCode::INTERNAL_SERVER_ERROR, words.broken_heading, words.broken)
        }
    };
    let mut answer = notice(status, language, Tone::Bad, heading, paragraphs, None);
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    answer
}

/// The answer to a form that we could not read, or that another site sent.
pub(super) fn unread(language: Language, status: StatusCode) -> Response {
    let words = Words::of(language);
    notice(status, language, Tone::Bad, words.unread_heading, words.unread, None)
}

/// What a form says; else the status to answer with. The reason is not repeated: it may quote what was typed.
pub(super) fn read_form<T: DeserializeOwned>(form: Result<RawForm, RawFormRejection>) -> Result<T, StatusCode> {
    let RawForm(bytes) = form.map_err(|rejection| rejection.status())?;
    let read = is_text(&bytes).then(|| serde_urlencoded::from_bytes(&bytes).ok()).flatten();
    read.ok_or(StatusCode::BAD_REQUEST)
}

pub(super) fn notice(
    status: StatusCode,
    language: Language,
    tone: Tone,
    heading: &str,
    paragraphs: &[&str],
    institution: Option<&str>,
) -> Response {
    let name = institution.unwrap_or(Words::of(language).your_institution);
    let paragraphs = paragraphs.iter().map(|text| said(text, &[("institution", name)])).collect();
    let template =
        NoticePage { language, stylesheet: &STYLESHEET.path, tone: tone.class(), heading, paragraphs, institution };
    page(status, language, &template)
}

/// How a notice looks; its words say the same.
#[derive(Clone, Copy)]
pub(super) enum Tone {
    Good,
    Bad,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
        }
    }
}

/// Which of the two fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Password,
    Again,
}

/// Why a field cannot be accepted.
struct Fault {
    place: Place,
    reason: String,
}

#[derive(Template)]
#[template(path = "pages/choose.html")]
struct ChoosePage<'a> {
    language: Language,
    stylesheet: &'a str,
    words: &'a Words,
    institution: &'a str,
    hint: String,
    fault: Option<Fault>,
}

impl ChoosePage<'_> {
    fn reason_at(&self, place: Place) -> Option<&str> {
        self.fault.as_ref().filter(|fault| fault.place == place).map(|fault| fault.reason.as_str())
    }
}

#[derive(Template)]
#[template(path = "pages/notice.html")]
struct NoticePage<'a> {
    language: Language,
    stylesheet: &'a str,
    tone: &'a str,
    heading: &'a str,
    paragraphs: Vec<String>,
    institution: Option<&'a str>,
}
