//! Users brought in from files and taken out again. A file is the body itself and is never held whole; what comes out is
//! sent as it is read.

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::import::questions::REJECTED_PAGE_MAX;
use desk::import::{
    self, CancelImport, Encoding, Format, Import, ListImports, Naming, PauseImport, RejectedPage, RejectedRows,
    ResumeImport, RevealRejected, ShowImport, Staging, StartImport,
};
use desk::user::{ExportPage, ExportUsers};
use desk::value::id::ImportId;
use desk::{Caller, Desk, Door, Error, Once, Permission};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::act::{self, Call, Reply};
use super::fault::problem;
use super::users::Filters;
use super::wire::{chosen, time};
use super::{House, Native, Problems};
use crate::kit::{Body as JsonBody, Fault, Json, Query, SignedBy, Text, Trouble, pairs};

type Answer = Result<Response, Fault<Native>>;

/// How long an upload may pause.
const SILENCE: Duration = Duration::from_secs(30);
/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often a silent stream says that it is alive.
const ALIVE: Duration = Duration::from_secs(15);
/// How long one stream of progress lasts; a browser then asks again by itself.
const STREAM: Duration = Duration::from_secs(600);
/// Pieces of an answer that may wait for a slow reader.
const WAITING: usize = 4;

/// An import of users.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportWire {
    #[schema(example = "imp_01jqzs8v1xe5ja4c3rq0f2m6tn")]
    pub id: String,
    /// `awaiting`, `running`, `paused`, `completed`, `failed` or `cancelled`. What awaits its start is begun by approving a
    /// request for `import.start`.
    pub state: &'static str,
    /// `csv` or `ndjson`.
    pub format: &'static str,
    /// Only checked: nobody is created or changed.
    pub dry_run: bool,
    /// Rows dealt with so far.
    pub rows_read: i64,
    /// Users created or changed; in a dry run, who would be.
    pub rows_imported: i64,
    /// Of those, users created.
    pub rows_created: i64,
    /// Of those, users changed.
    pub rows_edited: i64,
    /// Rows that say what is so already.
    pub rows_unchanged: i64,
    /// Rows that did not enter.
    pub rows_rejected: i64,
    /// Where the rejected rows are told with line, field and reason.
    #[schema(example = "/v1/imports/imp_01jqzs8v1xe5ja4c3rq0f2m6tn/rejected")]
    pub rejected: String,
    /// How many of the rejected rows are told there; the rest is only counted.
    pub rejected_kept: i64,
    /// The size of the file.
    pub file_bytes: i64,
    /// How much of it was dealt with.
    pub done_bytes: i64,
    /// Why it failed.
    pub failure: Option<String>,
    /// Who started it.
    pub by: String,
    pub created_at: String,
    pub updated_at: String,
    pub finished_at: Option<String>,
}

impl From<Import> for ImportWire {
    fn from(it: Import) -> Self {
        ImportWire {
            id: it.id.to_string(),
            state: it.state.word(),
            format: it.format.word(),
            dry_run: it.dry_run,
            rows_read: it.rows_read(),
            rows_imported: it.rows_imported(),
            rows_created: it.rows_created,
            rows_edited: it.rows_edited,
            rows_unchanged: it.rows_unchanged,
            rows_rejected: it.rows_rejected,
            rejected: format!("/v1/imports/{}/rejected", it.id),
            rejected_kept: it.rejected_kept,
            file_bytes: it.file_bytes,
            done_bytes: it.done_bytes,
            failure: it.failure,
            by: it.author,
            created_at: time(it.created_at),
            updated_at: time(it.updated_at),
            finished_at: it.finished_at.map(time),
        }
    }
}

/// Imports, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportList {
    pub data: Vec<ImportWire>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// What the query of an upload may say.
struct Wishes {
    dry_run: bool,
    wait: bool,
    naming: Naming,
}

impl Wishes {
    fn read(query: &str, headers: &HeaderMap) -> Result<Wishes, Trouble> {
        let pairs = pairs(query.as_bytes()).map_err(Trouble::query)?;
        let mut wishes = Wishes { dry_run: false, wait: false, naming: Naming::default() };
        for (name, value) in pairs {
            match (name.as_str(), value.as_str()) {
                ("dry_run", "true") => wishes.dry_run = true,
                ("dry_run", "false") => wishes.dry_run = false,
                ("dry_run", _) => return Err(Trouble::query("`dry_run` is true or false")),
                ("wait", "true") => wishes.wait = true,
                ("wait", "false") => wishes.wait = false,
                ("wait", _) => return Err(Trouble::query("`wait` is true or false")),
                // Several in one parameter, with commas between, are as good as several parameters.
                ("map", pairs) => {
                    for pair in pairs.split(',').filter(|pair| !pair.is_empty()) {
                        wishes.naming.map.push(Naming::pair(pair)?);
                    }
                }
                ("country", code) => wishes.naming.country = Some(code.to_owned()),
                ("ignore", columns) => wishes.naming.ignore.extend(columns.split(',').map(str::to_owned)),
                ("encoding", name) => wishes.naming.encoding = Some(encoding(name)?),
                _ => {
                    return Err(Trouble::query(
                        "the parameters here are `dry_run`, `wait`, `map`, `ignore`, `country` and `encoding`",
                    ));
                }
            }
        }
        if wishes.naming.encoding.is_none() {
            wishes.naming.encoding = charset_of(headers)?;
        }
        Ok(wishes)
    }
}

/// The encoding that the type of the body names; an error if nobody here reads it.
fn charset_of(headers: &HeaderMap) -> Result<Option<Encoding>, Trouble> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let pairs = text.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset")).map(|(_, value)| value).next();
    named.map(|name| encoding(name.trim().trim_matches('"'))).transpose()
}

fn encoding(name: &str) -> Result<Encoding, Trouble> {
    let known = || Trouble::query("the encodings are utf-8, utf-16le, utf-16be and windows-1252");
    Encoding::named(name).ok_or_else(known)
}

fn format_of(headers: &HeaderMap) -> Option<Format> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "text/csv" | "application/csv" => Some(Format::Csv),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Format::Ndjson),
        _ => None,
    }
}

fn unfit(detail: &str, caller: &Caller) -> Response {
    let (status, title) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type");
    problem(status, "body_type", title, detail.to_owned(), &caller.origin.request_id)
}

/// Receives the file, and says what is left to do.
async fn receive(
    house: &House,
    caller: &Caller,
    parts: &Parts,
    body: Body,
    staging: &mut Staging,
) -> Result<(StartImport, Option<Once>), Response> {
    let told = |fault: Trouble| Fault::<Native>::from(fault).into_response();
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(unfit("Send the file as it is, without a Content-Encoding.", caller));
    }
    if format_of(&parts.headers).is_none() {
        return Err(unfit("Send the file as text/csv or application/x-ndjson.", caller));
    }
    let key = act::key(parts).map_err(told)?;
    let limit = house.options.import_bytes;
    let too_large = || told(Trouble::BodyTooLarge(usize::try_from(limit).unwrap_or(usize::MAX)));
    let declared = parts.headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let (mut body, mut bytes) = (body, 0);
    loop {
        let frame = tokio::time::timeout(SILENCE, body.frame()).await.map_err(|_| told(Trouble::TimedOut))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| told(Trouble::body("the body broke off")))?;
        let Ok(data) = frame.into_data() else { continue };
        bytes += data.len() as u64;
        if bytes > limit {
            return Err(too_large());
        }
        staging.push(&data).await.map_err(|error| told(error.into()))?;
    }
    let start = staging.finish().await.map_err(|error| told(error.into()))?;
    let once = key.map(|key| {
        let mut seen = format!("{} {}\n", parts.method, parts.uri).into_bytes();
        seen.extend_from_slice(&staging.digest());
        Once { key, request_hash: desk::value::secret::digest(&seen) }
    });
    Ok((start, once))
}

/// Bring in users from a file: CSV with a header, or NDJSON, as the body itself. The answer comes once the file was
/// received; its rows are then brought in one after the other, as `GET /v1/imports/{import_id}` tells.
#[utoipa::path(post, path = "/v1/imports", tag = "imports",
    params(("dry_run" = Option<bool>, Query, description = "Check every row and change nothing."),
        ("wait" = Option<bool>, Query, description = "Keep the file until its start was proposed, as `import.start`, and approved; a month at most."),
        ("country" = Option<String>, Query, description = "Two letters: of which country telephone numbers without a country's code are; else of the institution's."),
        ("map" = Option<String>, Query, description = "`field=column`, with commas between several: which column of the file holds a field."),
        ("ignore" = Option<String>, Query, description = "Columns to leave out, with commas between. Columns named `id` and `number` are either mapped or left out."),
        ("encoding" = Option<String>, Query, description = "What the file is encoded in, where neither its first bytes nor the `charset` of its type say so: `utf-8`, `utf-16le`, `utf-16be` or `windows-1252`.")),
    request_body(content(
        (String = "text/csv", example = "external_id,first_name,last_name,email\r\ncrm-17,Marta,Reyes,marta.reyes@example.com\r\n"),
        (String = "application/x-ndjson"))),
    responses((status = 202, description = "Received, and begun; or kept.", body = ImportWire), Problems))]
pub async fn start(State(house): State<House>, request: Request) -> Answer {
    let (mut parts, body) = request.into_parts();
    let caller = SignedBy::<Native>::from_request_parts(&mut parts, &house).await?;
    let format = format_of(&parts.headers).unwrap_or(Format::Csv);
    // Who may not is told so before anything else; what is wrong with the request comes after that.
    let wishes = Wishes::read(parts.uri.query().unwrap_or_default(), &parts.headers);
    let (dry_run, wait, naming) = match &wishes {
        Ok(wishes) => (wishes.dry_run, wishes.wait, wishes.naming.clone()),
        Err(_) => (true, false, Naming::default()),
    };
    let mut staging = house.desk.stage_import(&caller, format, dry_run, naming).await?;
    let received = match wishes {
        Ok(_) => receive(&house, &caller, &parts, body, &mut staging).await,
        Err(fault) => Err(Fault::<Native>::from(fault).into_response()),
    };
    let (start, once) = match received {
        Ok(received) => received,
        Err(response) => {
            staging.discard().await?;
            return Ok(response);
        }
    };
    let id = start.id();
    let call = Call::once(caller.0.clone(), once);
    let received = |import: Import, _: &Caller| {
        let place = format!("/v1/imports/{}", import.id);
        Ok(Reply::new(StatusCode::ACCEPTED, &ImportWire::from(import))?.location(place))
    };
    let answer = match wait {
        true => call.act(&house, start.to_wait(), received).await,
        false => call.act(&house, start, received).await,
    };
    // Refused, or the answer of an earlier request: then nobody will read this file.
    let house_itself = Caller::house(caller.tenant, Door::Native);
    if matches!(house.desk.ask(&house_itself, ShowImport(id)).await, Err(Error::NotFound(_))) {
        staging.discard().await?;
    }
    answer
}

/// Which imports.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportsQuery {
    /// Those older than this one: `next` of the page before.
    pub before: Option<String>,
    /// How many, 1 to 200; default 50.
    pub limit: Option<i64>,
}

/// List imports, the newest first.
#[utoipa::path(get, path = "/v1/imports", tag = "imports", params(ImportsQuery),
    responses((status = 200, description = "A page.", body = ImportList), Problems))]
pub async fn list(State(house): State<House>, caller: SignedBy<Native>, query: Query<Native, ImportsQuery>) -> Answer {
    let bad = || Error::invalid("before", "invalid", "Not a cursor of this list.");
    let before = query.0.before.as_deref().map(|text| ImportId::parse(text).ok_or_else(bad)).transpose()?;
    let limit = query.0.limit.unwrap_or(50);
    let found = house.desk.ask(&caller, ListImports { before, limit }).await?;
    let next = found.last().filter(|_| found.len() as i64 == limit).map(|it| it.id.to_string());
    Ok(Json(ImportList { data: found.into_iter().map(ImportWire::from).collect(), next }).into_response())
}

/// Get an import: how far it is.
#[utoipa::path(get, path = "/v1/imports/{import_id}", tag = "imports", params(("import_id" = String, Path)),
    responses((status = 200, description = "The import.", body = ImportWire), Problems))]
pub async fn get(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, ImportId>) -> Answer {
    let import = house.desk.ask(&caller, ShowImport(id.0)).await?;
    Ok(Json(ImportWire::from(import)).into_response())
}

fn turned((import, changed): (Import, bool), _: &Caller) -> desk::Result<Reply> {
    Ok(Reply::ok(&ImportWire::from(import))?.changed(changed))
}

/// Nothing to say.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NothingIn {}

/// Let an import rest: the rows that are being written are finished.
#[utoipa::path(post, path = "/v1/imports/{import_id}/pause", tag = "imports", params(("import_id" = String, Path)),
    responses((status = 200, description = "The import.", body = ImportWire), Problems))]
pub async fn pause(State(house): State<House>, id: Text<Native, ImportId>, call: Call<NothingIn>) -> Answer {
    call.act(&house, PauseImport(id.0), turned).await
}

/// Go on with an import that rests.
#[utoipa::path(post, path = "/v1/imports/{import_id}/resume", tag = "imports", params(("import_id" = String, Path)),
    responses((status = 200, description = "The import.", body = ImportWire), Problems))]
pub async fn resume(State(house): State<House>, id: Text<Native, ImportId>, call: Call<NothingIn>) -> Answer {
    call.act(&house, ResumeImport(id.0), turned).await
}

/// Call an import off. Users who are in stay in; the file is deleted.
#[utoipa::path(post, path = "/v1/imports/{import_id}/cancel", tag = "imports", params(("import_id" = String, Path)),
    responses((status = 200, description = "The import.", body = ImportWire), Problems))]
pub async fn cancel(State(house): State<House>, id: Text<Native, ImportId>, call: Call<NothingIn>) -> Answer {
    call.act(&house, CancelImport(id.0), turned).await
}

/// An answer that is sent as it is made; whoever makes it ends when nobody reads any more.
fn streamed(content_type: &'static str) -> (Sender<Bytes, Error>, Response) {
    let (sender, body) = Channel::<Bytes, Error>::new(WAITING);
    let body = Body::new(body.map_err(axum::Error::new));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        // Else nginx keeps it until it is whole.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (sender, (headers, body).into_response())
}

/// Progress of an import as server-sent events: `progress` with the import whenever it got on, until it rests for long or
/// is over.
#[utoipa::path(get, path = "/v1/imports/{import_id}/progress", tag = "imports", params(("import_id" = String, Path)),
    responses((status = 200, description = "Events named `progress`, each with the import as JSON.",
        content_type = "text/event-stream", body = String), Problems))]
pub async fn progress(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, ImportId>) -> Answer {
    let first = house.desk.ask(&caller, ShowImport(id.0)).await?;
    let (sender, response) = streamed("text/event-stream");
    tokio::spawn(tell_progress(house.desk.clone(), caller.0.clone(), first, sender));
    Ok(response)
}

async fn tell_progress(desk: Desk, caller: Caller, first: Import, mut sender: Sender<Bytes, Error>) {
    let (begun, mut told) = (Instant::now(), Instant::now());
    let (id, mut now, mut last) = (first.id, first, None);
    loop {
        let seen = (now.state, now.done_bytes);
        let is_over = now.state.is_over();
        let text = if last != Some(seen) {
            last = Some(seen);
            let Ok(json) = serde_json::to_string(&ImportWire::from(now)) else { return };
            format!("event: progress\ndata: {json}\n\n")
        } else if told.elapsed() > ALIVE {
            ": still here\n\n".to_owned()
        } else {
            String::new()
        };
        if !text.is_empty() {
            told = Instant::now();
            if sender.send_data(text.into()).await.is_err() {
                return;
            }
        }
        if is_over || begun.elapsed() > STREAM {
            return;
        }
        tokio::time::sleep(LOOK).await;
        // It may take long, and the key may be revoked meanwhile: then it ends.
        let look = async {
            let caller = desk.caller_now(&caller).await?;
            desk.ask(&caller, ShowImport(id)).await
        };
        match look.await {
            Ok(import) => now = import,
            Err(_) => return,
        }
    }
}

/// The error file of an import as CSV: line, field, code and reason of every row that did not enter.
#[utoipa::path(get, path = "/v1/imports/{import_id}/rejected", tag = "imports", params(("import_id" = String, Path)),
    responses((status = 200, description = "The error file.", content_type = "text/csv", body = String), Problems))]
pub async fn rejected(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, ImportId>) -> Answer {
    error_file(&house, caller.0.clone(), id.0, None).await
}

/// Why values are shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurposeIn {
    /// What they are needed for; recorded.
    #[schema(example = "Mending what did not enter")]
    pub purpose: String,
}

/// The error file with the columns of the rows, so that it can be mended and brought in. Needs `users.reveal`, and is
/// recorded with its purpose. Rows are kept for thirty days.
#[utoipa::path(post, path = "/v1/imports/{import_id}/rejected", tag = "imports", params(("import_id" = String, Path)),
    request_body = PurposeIn,
    responses((status = 200, description = "The error file.", content_type = "text/csv", body = String), Problems))]
pub async fn reveal_rejected(
    State(house): State<House>,
    caller: SignedBy<Native>,
    id: Text<Native, ImportId>,
    body: JsonBody<Native, PurposeIn>,
) -> Answer {
    error_file(&house, caller.0.clone(), id.0, Some(body.value.purpose)).await
}

async fn rejected_page(
    desk: &Desk,
    caller: &Caller,
    import: ImportId,
    after: i64,
    purpose: &Option<String>,
) -> desk::Result<RejectedPage> {
    let limit = REJECTED_PAGE_MAX;
    match purpose.clone() {
        None => desk.ask(caller, RejectedRows { import, after, limit }).await,
        Some(purpose) => desk.ask(caller, RevealRejected { import, after, limit, purpose }).await,
    }
}

async fn error_file(house: &House, caller: Caller, id: ImportId, purpose: Option<String>) -> Answer {
    let mut page = rejected_page(&house.desk, &caller, id, 0, &purpose).await?;
    let (mut sender, response) = streamed("text/csv; charset=utf-8");
    let desk = house.desk.clone();
    tokio::spawn(async move {
        let mut text = page.csv_header();
        loop {
            text.push_str(&page.csv_rows());
            if sender.send_data(std::mem::take(&mut text).into()).await.is_err() {
                return;
            }
            let Some(after) = page.next else { return };
            let next = async {
                let caller = desk.caller_now(&caller).await?;
                rejected_page(&desk, &caller, id, after, &purpose).await
            };
            match next.await {
                Ok(next) => page = next,
                // An answer that is cut off must not look like a whole one.
                Err(fault) => return sender.abort(fault),
            }
        }
    });
    Ok(response)
}

fn form(word: Option<&str>) -> desk::Result<Format> {
    Ok(chosen("format", word, Format::parse, Format::WORDS)?.unwrap_or(Format::Csv))
}

/// Take out a list of users as a file, masked like everything the caller sees. Recorded.
#[utoipa::path(get, path = "/v1/users/export", tag = "users", params(ExportQuery),
    responses((status = 200, description = "The users.", content_type = "text/csv", body = String), Problems))]
pub async fn export(
    State(house): State<House>,
    caller: SignedBy<Native>,
    method: Method,
    query: Query<Native, ExportQuery>,
) -> Answer {
    let question = ExportUsers { filter: query.0.filters().filter("")?, purpose: None };
    let form = form(query.0.format.as_deref())?;
    // Nothing is taken out, so nothing is recorded.
    if method == Method::HEAD {
        return act::head_of(&caller, Permission::UsersExport, content_type(form));
    }
    send_users(&house, caller.0.clone(), question, form).await
}

/// What is taken out, and what for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportIn {
    /// What it is needed for; recorded. Then nothing is masked, which needs `users.reveal`.
    #[serde(default)]
    #[schema(example = "Yearly report to the supervisor")]
    pub purpose: Option<String>,
    /// `csv` (default) or `ndjson`.
    #[serde(default)]
    pub format: Option<String>,
    /// Which users: as in the query of `GET /v1/users`.
    #[serde(default)]
    pub filters: Filters,
}

/// Take out a list of users as a file, with a purpose in full. Recorded, with its purpose.
#[utoipa::path(post, path = "/v1/users/export", tag = "users", request_body = ExportIn,
    responses((status = 200, description = "The users.", content_type = "text/csv", body = String), Problems))]
pub async fn export_in_full(
    State(house): State<House>,
    caller: SignedBy<Native>,
    body: JsonBody<Native, ExportIn>,
) -> Answer {
    let ExportIn { purpose, format, filters } = body.value;
    let question = ExportUsers { filter: filters.filter("filters.")?, purpose };
    let form = form(format.as_deref())?;
    send_users(&house, caller.0.clone(), question, form).await
}

fn content_type(form: Format) -> &'static str {
    match form {
        Format::Csv => "text/csv; charset=utf-8",
        Format::Ndjson => "application/x-ndjson",
    }
}

async fn send_users(house: &House, caller: Caller, question: ExportUsers, form: Format) -> Answer {
    let export = house.desk.ask(&caller, question).await?;
    let header = match form {
        Format::Csv => import::csv_header(),
        Format::Ndjson => String::new(),
    };
    let (mut sender, response) = streamed(content_type(form));
    let desk = house.desk.clone();
    tokio::spawn(async move {
        let (mut text, mut after) = (header, 0);
        loop {
            // It may take long, and whoever asked for it may lose her rights meanwhile.
            let page = async {
                let caller = desk.caller_now(&caller).await?;
                desk.ask(&caller, ExportPage { export: export.clone(), after }).await
            };
            let users = match page.await {
                Ok(users) => users,
                Err(fault) => return sender.abort(fault),
            };
            for user in &users {
                match form {
                    Format::Csv => import::csv_line(user, &mut text),
                    Format::Ndjson => import::ndjson_line(user, &mut text),
                }
            }
            if !text.is_empty() && sender.send_data(std::mem::take(&mut text).into()).await.is_err() {
                return;
            }
            match users.last() {
                Some(last) => after = last.number,
                None => return,
            }
        }
    });
    Ok(response)
}

/// Filters of an export: one for each axis, as in `GET /v1/users`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `csv` (default) or `ndjson`.
    pub format: Option<String>,
    /// `open` or `locked`.
    pub sign_in_lock: Option<String>,
    pub admission: Option<String>,
    pub core_state: Option<String>,
    pub suspension: Option<String>,
    pub flag: Option<String>,
    pub blacklist: Option<String>,
    pub fraud: Option<String>,
    pub verification: Option<String>,
    pub hold: Option<String>,
    /// Erased users have nothing left to take out, but their numbers; they come only when asked for.
    pub presence: Option<String>,
    pub kind: Option<String>,
    pub employee: Option<bool>,
    /// Lives abroad.
    pub diaspora: Option<bool>,
    /// Verified, or else in any other state of verification.
    pub verified: Option<bool>,
}

impl ExportQuery {
    fn filters(&self) -> Filters {
        Filters {
            sign_in_lock: self.sign_in_lock.clone(),
            admission: self.admission.clone(),
            core_state: self.core_state.clone(),
            suspension: self.suspension.clone(),
            flag: self.flag.clone(),
            blacklist: self.blacklist.clone(),
            fraud: self.fraud.clone(),
            verification: self.verification.clone(),
            hold: self.hold.clone(),
            presence: self.presence.clone(),
            kind: self.kind.clone(),
            employee: self.employee,
            diaspora: self.diaspora,
            verified: self.verified,
        }
    }
}
