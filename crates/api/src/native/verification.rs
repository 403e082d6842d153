//! Verification: what users send and see, and what staff decide by. A document is the body itself, received within its limit
//! and never more than that; what leaves carries a watermark and is kept by nobody on the way.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::user::UserFilter;
use desk::user::verification::{
    AddedDocument, ApproveVerification, AskForMore, DOCUMENT_BYTES_MAX, DeclineVerification, Document, DocumentKind,
    ListVerifications, MediaType, OpenDocument, PendingUser, Request as Asked, ShowVerification, SubmitVerification,
    VerificationBegin, VerificationFile, Verifying,
};
use desk::value::clock::Time;
use desk::value::id::{DocumentId, UserId};
use desk::{Caller, Error, Once};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::act::{self, Call, Preview, Reply};
use super::fault::problem;
use super::sign_in::oneself;
use super::standing::ReasonIn;
use super::users::Filters;
use super::wire::{UserWire, time};
use super::{House, Native, Problems};
use crate::kit::{Body as JsonBody, Fault, Json, Query, SignedBy, Text, Trouble};

type Answer = Result<Response, Fault<Native>>;

/// How long an upload may pause, and how long it may take in all.
const SILENCE: u32 = 15;
const MOMENT: Duration = Duration::from_secs(1);
const UPLOAD: Duration = Duration::from_secs(300);

/// A document, without its bytes.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentWire {
    #[schema(example = "doc_01jqzs8v1xe5ja4c3rq0f2m6tn")]
    pub id: String,
    /// `photo_id`, `selfie` or `signature`.
    pub kind: &'static str,
    /// `image/jpeg`, `image/png` or `application/pdf`.
    pub media_type: &'static str,
    pub bytes: i64,
    /// Of an image, in pixels.
    pub width: Option<i64>,
    pub height: Option<i64>,
    /// Of a PDF.
    pub pages: Option<i64>,
    pub added_at: String,
    pub added_by: String,
    /// When a newer one of its kind took its place.
    pub replaced_at: Option<String>,
}

impl From<&Document> for DocumentWire {
    fn from(it: &Document) -> Self {
        DocumentWire {
            id: it.id.to_string(),
            kind: it.kind.word(),
            media_type: it.media_type.word(),
            bytes: it.bytes,
            width: it.width,
            height: it.height,
            pages: it.pages,
            added_at: time(it.added_at),
            added_by: it.added_by.clone(),
            replaced_at: it.replaced_at.map(time),
        }
    }
}

/// A step of a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationStepWire {
    /// Where the request was from then on: `requested`, `more_needed`, `approved`, `declined`, `withdrawn`.
    pub state: &'static str,
    pub at: String,
    pub by: String,
    /// Why, among staff; never shown to the user.
    pub reason: Option<String>,
    /// What the user was told.
    pub text: Option<String>,
}

/// A request for verification.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationRequestWire {
    #[schema(example = "vrf_01jqzs8v1xe5ja4c3rq0f2m6tn")]
    pub id: String,
    /// `requested` (waits for staff), `more_needed` (waits for the user), `approved`, `declined`, `withdrawn`.
    pub state: &'static str,
    pub asked_at: String,
    pub asked_by: String,
    pub decided_at: Option<String>,
    pub decided_by: Option<String>,
    /// What happened to it, oldest first.
    pub steps: Vec<VerificationStepWire>,
    /// The ids of the documents that were there while it was open.
    pub documents: Vec<String>,
}

impl VerificationRequestWire {
    fn of(it: &Asked, documents: &[Document], now: Time) -> Self {
        let steps = it.steps.iter().map(|step| VerificationStepWire {
            state: step.state.word(),
            at: time(step.at),
            by: step.author.clone(),
            reason: step.said.as_ref().and_then(|said| said.reason.clone()),
            text: step.said.as_ref().and_then(|said| said.text.clone()),
        });
        VerificationRequestWire {
            id: it.id.to_string(),
            state: it.state.word(),
            asked_at: time(it.asked_at),
            asked_by: it.asked_by.clone(),
            decided_at: it.decided_at.map(time),
            decided_by: it.decided_by.clone(),
            steps: steps.collect(),
            documents: documents.iter().filter(|one| it.saw(one, now)).map(|one| one.id.to_string()).collect(),
        }
    }
}

/// How far somebody's verification is.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationWire {
    pub user_id: String,
    /// `none`, `requested`, `verified` or `declined`.
    pub verification: &'static str,
    /// The newest 20, the newest first.
    pub requests: Vec<VerificationRequestWire>,
    /// What was shown, oldest first; of each kind, one that is not replaced counts.
    pub documents: Vec<DocumentWire>,
}

impl From<VerificationFile> for VerificationWire {
    fn from(it: VerificationFile) -> Self {
        let request = |one| VerificationRequestWire::of(one, &it.documents, it.now);
        VerificationWire {
            user_id: it.user.to_string(),
            verification: it.verification.word(),
            requests: it.requests.iter().map(request).collect(),
            documents: it.documents.iter().map(DocumentWire::from).collect(),
        }
    }
}

/// What an action on a verification answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifyingWire {
    pub user_id: String,
    /// `none`, `requested`, `verified` or `declined`.
    pub verification: &'static str,
    /// Where the request is.
    pub request_state: Option<&'static str>,
    pub request_id: Option<String>,
}

/// What an action on a verification answers.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "read by the specification only")]
pub enum Verified {
    /// How far it is now.
    Done(VerifyingWire),
    /// With `preview=true`: what it would cause.
    Preview(Preview),
}

fn moved(it: Verifying, _: &Caller) -> desk::Result<Reply> {
    let wire = VerifyingWire {
        user_id: it.user.id.to_string(),
        verification: it.user.standing.verification.word(),
        request_state: it.request.as_ref().map(|request| request.state.word()),
        request_id: it.request.as_ref().map(|request| request.id.to_string()),
    };
    Ok(Reply::ok(&wire)?.version(it.user.version).changed(it.changed))
}

// --- the user herself ---

/// How far my verification is.
#[utoipa::path(get, path = "/v1/me/verification", tag = "verification",
    responses((status = 200, description = "How far it is.", body = VerificationWire), Problems))]
pub async fn mine(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let file = house.desk.ask(&caller, ShowVerification(oneself(&caller)?)).await?;
    Ok(Json(VerificationWire::from(file)).into_response())
}

/// Nothing to say.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitIn {}

/// Ask for my verification, or say that what was asked for is there now.
#[utoipa::path(post, path = "/v1/me/verification", tag = "verification", request_body = SubmitIn,
    params(("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
    responses((status = 200, description = "How far it is now.", body = Verified), Problems))]
pub async fn submit_mine(State(house): State<House>, call: Call<SubmitIn>) -> Answer {
    let action = SubmitVerification { user: oneself(&call.caller)? };
    call.act(&house, action, moved).await
}

/// Show a document for my verification: the file is the body itself. A newer one of a kind takes the place of the older.
#[utoipa::path(put, path = "/v1/me/verification/documents/{kind}", tag = "verification",
    params(("kind" = String, Path, description = "`photo_id`, `selfie` or `signature`."),
        ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
    request_body(content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "application/pdf"))),
    responses((status = 201, description = "It counts.", body = DocumentWire),
        (status = 200, description = "The same file counted already.", body = DocumentWire), Problems))]
pub async fn put_mine(State(house): State<House>, request: Request) -> Answer {
    let (mut parts, body) = request.into_parts();
    let caller = SignedBy::<Native>::from_request_parts(&mut parts, &house).await?;
    let Path(kind) = Path::<String>::from_request_parts(&mut parts, &house).await.map_err(|_| Trouble::Path)?;
    let user = oneself(&caller)?;
    received(&house, &caller, user, &kind, &parts, body).await
}

// --- staff ---

/// Which of those who wait.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PendingQuery {
    /// `next` of the page before.
    pub after: Option<String>,
    /// A page by its number, from 1, instead of a cursor; as cheap, however deep.
    pub page: Option<i64>,
    /// With `page`: `number` (default), or `newest` for the newest users first.
    pub order: Option<String>,
    /// How many, 1 to 200; default 50.
    pub limit: Option<i64>,
    /// `open` or `locked`.
    pub sign_in_lock: Option<String>,
    pub admission: Option<String>,
    pub core_state: Option<String>,
    pub suspension: Option<String>,
    pub flag: Option<String>,
    pub blacklist: Option<String>,
    pub fraud: Option<String>,
    pub hold: Option<String>,
    pub kind: Option<String>,
    pub employee: Option<bool>,
}

impl PendingQuery {
    fn filter(&self) -> desk::Result<UserFilter> {
        let filters = Filters {
            sign_in_lock: self.sign_in_lock.clone(),
            admission: self.admission.clone(),
            core_state: self.core_state.clone(),
            suspension: self.suspension.clone(),
            flag: self.flag.clone(),
            blacklist: self.blacklist.clone(),
            fraud: self.fraud.clone(),
            verification: None,
            hold: self.hold.clone(),
            presence: None,
            kind: self.kind.clone(),
            employee: self.employee,
            diaspora: None,
            verified: None,
        };
        filters.filter("")
    }

    fn begin(&self, limit: i64) -> desk::Result<VerificationBegin> {
        let newest = match self.order.as_deref() {
            None | Some("number") => false,
            Some("newest") => true,
            Some(_) => return Err(Error::invalid("order", "unknown", "One of: number, newest.")),
        };
        match (self.page, &self.after) {
            (Some(_), Some(_)) => Err(Error::invalid("page", "invalid", "Either a page or a cursor.")),
            (Some(..=0), None) => Err(Error::invalid("page", "out_of_range", "Pages are counted from 1.")),
            (Some(page), None) if newest => Ok(VerificationBegin::RowFromEnd((page - 1).saturating_mul(limit))),
            (Some(page), None) => Ok(VerificationBegin::Row((page - 1).saturating_mul(limit))),
            (None, _) if newest => Err(Error::invalid("order", "invalid", "The newest first needs a page.")),
            (None, after) => Ok(VerificationBegin::After(after.clone())),
        }
    }
}

/// Somebody who waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingWire {
    pub user: UserWire,
    /// Her request, without steps and documents; null where she was brought in waiting.
    pub request: Option<PendingRequestWire>,
}

/// A request that waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingRequestWire {
    pub id: String,
    /// `requested`: waits for staff. `more_needed`: waits for the user.
    pub state: &'static str,
    pub asked_at: String,
    pub asked_by: String,
}

impl From<PendingUser> for PendingWire {
    fn from(it: PendingUser) -> Self {
        let request = it.request.map(|request| PendingRequestWire {
            id: request.id.to_string(),
            state: request.state.word(),
            asked_at: time(request.asked_at),
            asked_by: request.asked_by,
        });
        PendingWire { user: UserWire::from(it.user), request }
    }
}

/// A page of those who wait.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingList {
    pub data: Vec<PendingWire>,
    /// Where to go on: pass it as `after`.
    pub next: Option<String>,
    /// How many wait in all, exactly.
    pub total: i64,
}

/// List the users who wait for verification, by number; a page by cursor or by its number.
#[utoipa::path(get, path = "/v1/verifications", tag = "verification", params(PendingQuery),
    responses((status = 200, description = "A page.", body = PendingList), Problems))]
pub async fn pending(
    State(house): State<House>,
    caller: SignedBy<Native>,
    query: Query<Native, PendingQuery>,
) -> Answer {
    let limit = query.0.limit.unwrap_or(50);
    let (filter, begin) = (query.0.filter()?, query.0.begin(limit)?);
    let page = house.desk.ask(&caller, ListVerifications { filter, begin, limit }).await?;
    let data = page.users.into_iter().map(PendingWire::from).collect();
    Ok(Json(PendingList { data, next: page.next, total: page.total }).into_response())
}

/// How far a user's verification is, with the history of her requests and what she showed.
#[utoipa::path(get, path = "/v1/users/{user_id}/verification", tag = "verification", params(("user_id" = String, Path)),
    responses((status = 200, description = "How far it is.", body = VerificationWire), Problems))]
pub async fn show(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, UserId>) -> Answer {
    let file = house.desk.ask(&caller, ShowVerification(id.0)).await?;
    Ok(Json(VerificationWire::from(file)).into_response())
}

/// Approve a user's request: she is verified, and told so by mail.
#[utoipa::path(post, path = "/v1/users/{user_id}/verification/approve", tag = "verification",
    params(("user_id" = String, Path), ("preview" = Option<bool>, Query, description = "Only say what would happen."),
        ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
    request_body = ReasonIn,
    responses((status = 200, description = "How far it is now; or the preview.", body = Verified), Problems))]
pub async fn approve(State(house): State<House>, id: Text<Native, UserId>, call: Call<ReasonIn>) -> Answer {
    let action = ApproveVerification { user: id.0, reason: call.body.reason.clone() };
    call.act(&house, action, moved).await
}

/// Why not.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeclineIn {
    /// Why, among staff; needed, at most 500 characters, kept in the audit and never shown to the user.
    #[schema(example = "The picture is of somebody else")]
    pub reason: String,
    /// What the user is told besides, at most 1,000 characters.
    pub text: Option<String>,
}

/// Decline a user's request: she is told by mail, and may ask again.
#[utoipa::path(post, path = "/v1/users/{user_id}/verification/decline", tag = "verification",
    params(("user_id" = String, Path), ("preview" = Option<bool>, Query, description = "Only say what would happen."),
        ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
    request_body = DeclineIn,
    responses((status = 200, description = "How far it is now; or the preview.", body = Verified), Problems))]
pub async fn decline(State(house): State<House>, id: Text<Native, UserId>, call: Call<DeclineIn>) -> Answer {
    let (reason, text) = (call.body.reason.clone(), call.body.text.clone());
    call.act(&house, DeclineVerification { user: id.0, reason, text }, moved).await
}

/// What is missing.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AskMoreIn {
    /// What the user is told, 1 to 1,000 characters; sealed with her key.
    #[schema(example = "The picture of your passport is not sharp. Please send another one.")]
    pub text: String,
    /// Why, among staff.
    pub reason: Option<String>,
}

/// Ask a user for more: her request waits for her, and she is told by mail.
#[utoipa::path(post, path = "/v1/users/{user_id}/verification/ask-more", tag = "verification",
    params(("user_id" = String, Path), ("preview" = Option<bool>, Query, description = "Only say what would happen."),
        ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
    request_body = AskMoreIn,
    responses((status = 200, description = "How far it is now; or the preview.", body = Verified), Problems))]
pub async fn ask_more(State(house): State<House>, id: Text<Native, UserId>, call: Call<AskMoreIn>) -> Answer {
    let (text, reason) = (call.body.text.clone(), call.body.reason.clone());
    call.act(&house, AskForMore { user: id.0, text, reason }, moved).await
}

/// Add a document for a user: the file is the body itself.
#[utoipa::path(put, path = "/v1/users/{user_id}/verification/documents/{kind}", tag = "verification",
    params(("user_id" = String, Path), ("kind" = String, Path, description = "`photo_id`, `selfie` or `signature`."),
        ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
    request_body(content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "application/pdf"))),
    responses((status = 201, description = "It counts.", body = DocumentWire),
        (status = 200, description = "The same file counted already.", body = DocumentWire), Problems))]
pub async fn put_document(State(house): State<House>, request: Request) -> Answer {
    let (mut parts, body) = request.into_parts();
    let caller = SignedBy::<Native>::from_request_parts(&mut parts, &house).await?;
    let Path((id, kind)) =
        Path::<(String, String)>::from_request_parts(&mut parts, &house).await.map_err(|_| Trouble::Path)?;
    let user = UserId::parse(&id).ok_or(Error::NotFound(UserId::NOUN))?;
    received(&house, &caller, user, &kind, &parts, body).await
}

/// What a document is looked at for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentPurposeIn {
    /// What it is needed for; recorded.
    #[schema(example = "Deciding on her request")]
    pub purpose: String,
}

/// Get a document, with a watermark that says who looked, and when. Needs `documents.read`, and is recorded with its purpose
/// before anything is read.
#[utoipa::path(post, path = "/v1/users/{user_id}/verification/documents/{document_id}/reveal", tag = "verification",
    params(("user_id" = String, Path), ("document_id" = String, Path)), request_body = DocumentPurposeIn,
    responses((status = 200, description = "The document, watermarked.", content_type = "application/octet-stream",
        body = Vec<u8>), Problems))]
pub async fn get_document(
    State(house): State<House>,
    caller: SignedBy<Native>,
    id: Text<Native, UserId, DocumentId>,
    body: JsonBody<Native, DocumentPurposeIn>,
) -> Answer {
    let open = OpenDocument { user: id.0, document: id.1, purpose: body.value.purpose };
    let shown = house.desk.show_document(&caller, open).await?;
    let name = format!("attachment; filename=\"{}\"", shown.document.file_name());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(shown.document.media_type.word())),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(Error::internal)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    Ok((headers, Body::from(shown.bytes)).into_response())
}

// --- receiving ---

fn media_type(headers: &HeaderMap) -> Option<MediaType> {
    MediaType::of_content_type(headers.get(header::CONTENT_TYPE)?.to_str().ok()?)
}

fn too_large() -> Trouble {
    Trouble::BodyTooLarge(DOCUMENT_BYTES_MAX)
}

/// Receives a document within its limits and has it recorded.
async fn received(house: &House, caller: &Caller, user: UserId, kind: &str, parts: &Parts, body: Body) -> Answer {
    let found = DocumentKind::parse(kind);
    let declared = media_type(&parts.headers);
    // Who may not is told so before anything else; what is wrong with the request comes after that.
    let wanted = found.unwrap_or(DocumentKind::PhotoId);
    let mut arriving = house.desk.receive_document(caller, user, wanted, declared).await?;
    if found.is_none() {
        return Err(Trouble::Path.into());
    }
    if declared.is_none() || parts.headers.contains_key(header::CONTENT_ENCODING) {
        let detail = "Send the file as image/jpeg, image/png or application/pdf, without a Content-Encoding.";
        let (status, title) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type");
        return Ok(problem(status, "body_type", title, detail.to_owned(), &caller.origin.request_id));
    }
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(Trouble::query("there are no parameters here").into());
    }
    let key = act::key(parts)?;
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > DOCUMENT_BYTES_MAX as u64) {
        return Err(too_large().into());
    }
    arriving.expect(length.map_or(0, |length| length as usize)).await?;
    let all = async {
        let (mut body, mut bytes, mut silent) = (body, 0, 0);
        loop {
            arriving.keep_pace()?;
            let Ok(frame) = tokio::time::timeout(MOMENT, body.frame()).await else {
                silent += 1;
                if silent >= SILENCE {
                    return Err(Trouble::TimedOut);
                }
                continue;
            };
            silent = 0;
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(|_| Trouble::body("the body broke off"))?;
            let Ok(data) = frame.into_data() else { continue };
            bytes += data.len();
            if bytes > DOCUMENT_BYTES_MAX {
                return Err(too_large());
            }
            arriving.push(&data).await?;
        }
    };
    tokio::time::timeout(UPLOAD, all).await.map_err(|_| Trouble::TimedOut)??;
    let once = key.map(|key| {
        let mut seen = format!("{} {}\n", parts.method, parts.uri).into_bytes();
        seen.extend_from_slice(&arriving.digest());
        Once { key, request_hash: desk::value::secret::digest(&seen) }
    });
    let action = arriving.finish().await?;
    Call::once(caller.clone(), once)
        .if_match(&parts.headers)?
        .act(house, action, |AddedDocument { document, changed }, _| {
            let status = if changed { StatusCode::CREATED } else { StatusCode::OK };
            Ok(Reply::new(status, &DocumentWire::from(&document))?.changed(changed))
        })
        .await
}
