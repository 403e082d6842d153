//! The page behind the link of a registration: it asks for the password that was registered, and then there is an account.
//! Opening the page alone does nothing, so that a mail program that looks at links confirms nothing. The token stands in
//! the address only.

use askama::Template;
use axum::extract::rejection::RawFormRejection;
use axum::extract::{Path, RawForm, State};
use axum::http::StatusCode;
use axum::response::Response;
use desk::password::{RegistrationAnswer, RegistrationCard, tenant_of_registration};
use desk::value::secret::Secret;
use desk::{Caller, Desk, Error};
use serde::Deserialize;

use super::reset::{TOKEN_MAX, Token, Tone, notice, read_form, turned_away, unread};
use super::visit::Visit;
use super::words::Words;
use super::{Language, STYLESHEET, page};

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Proof {
    password: Secret,
}

/// `GET /confirm/{token}`: the form.
pub(super) async fn show(State(desk): State<Desk>, visit: Visit, token: Token) -> Response {
    let language = visit.language;
    match OpenLink::find(&desk, visit, token).await {
        Ok(link) => link.form(StatusCode::OK, None),
        Err(error) => turned_away(language, &error),
    }
}

/// `POST /confirm/{token}`: the password, if it is the one that was registered.
pub(super) async fn confirm(
    State(desk): State<Desk>,
    visit: Visit,
    token: Token,
    form: Result<RawForm, RawFormRejection>,
) -> Response {
    let language = visit.language;
    if !visit.is_from_our_page {
        return unread(language, StatusCode::FORBIDDEN);
    }
    let proof: Proof = match read_form(form) {
        Ok(proof) => proof,
        Err(status) => return unread(language, status),
    };
    let link = match OpenLink::find(&desk, visit, token).await {
        Ok(link) => link,
        Err(error) => return turned_away(language, &error),
    };
    let words = Words::of(link.language);
    match desk.confirm_registration(&link.caller, &link.token, proof.password).await {
        Ok(RegistrationAnswer::Registered(_)) => {
            let institution = Some(link.card.institution.as_str());
            notice(StatusCode::OK, link.language, Tone::Good, words.confirmed_heading, words.confirmed, institution)
        }
        Ok(RegistrationAnswer::WrongPassword) | Err(Error::Invalid(_)) => {
            link.form(StatusCode::UNPROCESSABLE_ENTITY, Some(words.confirm_wrong))
        }
        Ok(RegistrationAnswer::Refused(refusal)) => turned_away(link.language, &Error::Refused(refusal)),
        Err(error) => turned_away(link.language, &error),
    }
}

/// A link that still works.
struct OpenLink {
    caller: Caller,
    token: Secret,
    card: RegistrationCard,
    language: Language,
}

impl OpenLink {
    async fn find(desk: &Desk, visit: Visit, token: Token) -> desk::Result<OpenLink> {
        let unknown = || Error::NotFound("link");
        let Path(token) = token.map_err(|_| unknown())?;
        if token.len() > TOKEN_MAX {
            return Err(unknown());
        }
        let caller = Caller::anonymous(tenant_of_registration(&token).ok_or_else(unknown)?, visit.origin);
        let token = Secret::new(token);
        let card = desk.registration_link(&caller, &token).await?;
        let language = card.locale.as_deref().and_then(Language::of_locale).unwrap_or(visit.language);
        Ok(OpenLink { caller, token, card, language })
    }

    fn form(&self, status: StatusCode, fault: Option<&str>) -> Response {
        let template = ConfirmPage {
            language: self.language,
            stylesheet: &STYLESHEET.path,
            words: Words::of(self.language),
            institution: &self.card.institution,
            fault,
        };
        page(status, self.language, &template)
    }
}

#[derive(Template)]
#[template(path = "pages/confirm.html")]
struct ConfirmPage<'a> {
    language: Language,
    stylesheet: &'a str,
    words: &'a Words,
    institution: &'a str,
    fault: Option<&'a str>,
}
