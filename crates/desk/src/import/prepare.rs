//! Rows made ready outside of any transaction: read, checked, sealed, their tokens made. What is left for the transaction
//! is to see whose names are taken, and to write.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::actions::kept;
use super::fields::{Draft, FIELDS, nearest};
use super::model::{Format, Import, Rejected};
use super::naming::{self, Name, Reading};
use super::rows::{self, Flaw, Shape};
use super::store;
use crate::db::{Rd, Read, Weight};
use crate::error::{Error, Field, Refusal, Result};
use crate::tenant::Tenant;
use crate::user::model::{Mark, User, UserKind};
use crate::user::standing::CoreState;
use crate::user::store::{self as users, Findable};
use crate::user::unique::names::PhoneNames;
use crate::user::unique::{self, Looked, Unique};
use crate::user::{Profile, contacts};
use crate::value::clock::Time;
use crate::value::id::{ImportId, UserId};
use crate::value::json;
use crate::value::random::Random;
use crate::value::seal::PersonKey;
use crate::value::token::UniqueToken;
use crate::verb::Cx;

/// What is said of a field with a NUL in it.
const NO_TEXT: &str = "Has a NUL character, which is no text.";

/// The longest row that waits for a name, in bytes.
const WAITING_BYTES: usize = 8 * 1024;

/// The next rows of a file, as bytes.
pub(super) struct Batch {
    pub from: i64,
    pub to: i64,
    pub next_line: i64,
    pub last: bool,
    pub rows: Vec<RawRow>,
}

/// One row as it is in the file.
pub(super) struct RawRow {
    pub line: i64,
    /// Where in the file it begins.
    pub at: i64,
    pub raw: Vec<u8>,
    pub flaw: Option<Flaw>,
}

/// The same rows, ready to be written.
pub(super) struct Prepared {
    pub from: i64,
    pub to: i64,
    pub next_line: i64,
    pub last: bool,
    pub unchanged: i64,
    pub rows: Vec<Row>,
    /// Each with the row as it was, sealed.
    pub rejected: Vec<(Rejected, Option<Vec<u8>>)>,
    /// What was seen of who has the names that the rows ask for.
    pub looked: Looked,
    /// These are the rows that have waited for a name until all others were done.
    pub of_waiting: bool,
    /// In a dry run: who would have which names by now.
    pub ahead: Option<Ahead>,
}

/// Who would have a name after the rows of a dry run so far; nothing: nobody any more.
pub(super) type Ahead = Arc<Mutex<HashMap<UniqueToken, Option<UserId>>>>;

impl Prepared {
    /// No rows, from nowhere: no import is there.
    pub fn of_nothing() -> Prepared {
        Prepared {
            from: -1,
            to: -1,
            next_line: 0,
            last: false,
            unchanged: 0,
            rows: Vec::new(),
            rejected: Vec::new(),
            looked: Looked::default(),
            of_waiting: false,
            ahead: None,
        }
    }

    /// How many rows of the file these are.
    pub fn count(&self) -> usize {
        self.rows.len() + self.rejected.len() + usize::try_from(self.unchanged).unwrap_or(0)
    }

    /// How much they have that may exist once only.
    pub fn unique(&self) -> i64 {
        self.rows.iter().map(|row| row.unique().len() as i64).sum()
    }

    /// The names that they ask for, in the order of the index.
    pub fn tokens(&self) -> Vec<UniqueToken> {
        self.sorted(|_, _| true)
    }

    /// The same without external ids of new users: it was seen that nobody has those.
    pub fn tokens_unseen(&self) -> Vec<UniqueToken> {
        self.sorted(|row, field| matches!(row.what, What::Edit(_)) || field != Unique::ExternalId)
    }

    fn sorted(&self, wanted: impl Fn(&Row, Unique) -> bool) -> Vec<UniqueToken> {
        let all = self.rows.iter().flat_map(|row| row.unique().iter().map(move |(field, token)| (row, *field, *token)));
        let mut tokens: Vec<_> = all.filter(|(row, field, _)| wanted(row, *field)).map(|(.., token)| token).collect();
        tokens.sort_unstable();
        tokens
    }
}

/// What a row asks for, and the names it takes beside those of a new user.
type Asked = (What, Vec<(Unique, UniqueToken)>);

/// One row, ready to be written.
pub(super) struct Row {
    line: i64,
    raw: Vec<u8>,
    pub draft: Draft,
    unique: Vec<(Unique, UniqueToken)>,
    pub what: What,
}

/// What a row asks for.
pub(super) enum What {
    New(Box<NewUser>),
    Edit(UserId),
}

/// A new user, sealed.
pub(super) struct NewUser {
    pub user: User,
    pub wrapped: Vec<u8>,
    pub marks: Option<Vec<u8>>,
    pub findable: Findable,
}

/// A part of a token is enough to know a name again within one file.
type Short = [u8; 12];

/// External ids that earlier rows of the same file have.
#[derive(Default)]
pub(super) struct Seen {
    external_ids: HashSet<Short>,
}

fn short(token: &UniqueToken) -> Short {
    let mut out = [0; 12];
    out.copy_from_slice(&token[..12]);
    out
}

/// What making rows ready needs to know.
#[derive(Clone)]
pub(super) struct Way {
    pub tenant: Arc<Tenant>,
    pub import: ImportId,
    pub format: Format,
    pub dry_run: bool,
    pub columns: Arc<Vec<Option<usize>>>,
    pub reading: Arc<Reading>,
    pub author: Arc<str>,
    pub random: Random,
    /// Of which country telephone numbers without a country's code are.
    pub country: Option<Arc<str>>,
}

/// A row that was understood.
struct Known {
    line: i64,
    raw: Vec<u8>,
    draft: Draft,
    external: Option<UniqueToken>,
}

impl Row {
    /// The names it asks for.
    pub fn unique(&self) -> &[(Unique, UniqueToken)] {
        match &self.what {
            What::New(new) => new.findable.unique(),
            What::Edit(_) => &self.unique,
        }
    }

    /// What of a new user is compared across usernames and telephone numbers.
    pub fn phone_names(&self) -> Option<&PhoneNames> {
        match &self.what {
            What::New(new) => Some(new.findable.phone_names()),
            What::Edit(_) => None,
        }
    }

    /// What the row changes of somebody who is here.
    pub fn changes(&self, user: &User, old: &Profile) -> Result<Changes> {
        changes(&self.draft, user, old)
    }

    /// The row as one that waits for a name until all others are done: line and sealed bytes. A long one does not wait.
    pub fn waiting(&self, cx: &Cx<'_>, import: ImportId) -> Option<(i64, Vec<u8>)> {
        let fits = self.raw.len() <= WAITING_BYTES;
        fits.then(|| (self.line, store::seal_waiting(cx.tenant, import, self.line, &self.raw, cx.random)))
    }

    /// The row as it is in the file.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The row as one about somebody who was erased: nothing of it is kept.
    pub fn forgotten(&self) -> (Rejected, Option<Vec<u8>>) {
        let (code, reason) = (Refusal::UserErased.word().to_owned(), Refusal::UserErased.sentence().to_owned());
        (Rejected { line: self.line, field: None, code, reason }, None)
    }

    /// The row as one that did not enter.
    pub fn rejected(
        &self,
        cx: &Cx<'_>,
        import: ImportId,
        field: Option<&str>,
        code: &str,
        reason: &str,
    ) -> (Rejected, Option<Vec<u8>>) {
        let field = field.filter(|field| !field.is_empty()).map(super::fields::name_of_path);
        let rejected = Rejected { line: self.line, field, code: code.to_owned(), reason: reason.to_owned() };
        (rejected, kept(cx.tenant, import, self.line, &self.raw, cx.random))
    }
}

/// What a row changes of somebody who is here.
pub(super) struct Changes {
    /// The profile as it is then.
    pub profile: Profile,
    /// The names of the fields that differ.
    pub fields: Vec<String>,
    /// The hash of a password that is taken: only of who has none, so that no file replaces anybody's password.
    pub password_hash: Option<String>,
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.password_hash.is_none()
    }
}

fn changes(draft: &Draft, user: &User, old: &Profile) -> Result<Changes> {
    let mut new = draft.over(old.clone())?;
    contacts::unconfirm(old, &mut new, |field| draft.states(field));
    let mut fields = if new == *old { Vec::new() } else { new.differing_fields(old)? };
    for (name, differs) in [
        ("kind", draft.kind.is_some_and(|kind| kind != user.kind)),
        ("employee", draft.employee.is_some_and(|employee| employee != user.employee)),
        ("risk_locked", draft.risk_locked.is_some_and(|locked| locked != user.risk_locked)),
    ] {
        if differs {
            fields.push(name.to_owned());
        }
    }
    // Whose password was revoked has none either, and shall not get the old one back.
    let may_take = user.password_hash.is_none() && user.standing.core != CoreState::PasswordNeedsReset;
    let password_hash = draft.password_hash.clone().filter(|_| may_take);
    Ok(Changes { profile: new, fields, password_hash })
}

/// What the rows of a batch are, before it is known who is here.
pub(super) struct Understood {
    from: i64,
    to: i64,
    next_line: i64,
    last: bool,
    known: Vec<Known>,
    rejected: Vec<(Rejected, Option<Vec<u8>>)>,
}

impl Understood {
    /// The external ids in it.
    pub fn external_ids(&self) -> Vec<UniqueToken> {
        self.known.iter().filter_map(|row| row.external).collect()
    }
}

impl Way {
    fn reject(&self, line: i64, raw: &[u8], faults: Vec<Field>) -> (Rejected, Option<Vec<u8>>) {
        let mut faults = faults.into_iter();
        let first = faults.next().unwrap_or_else(|| Field::new("", "invalid", "Cannot be accepted."));
        let mut reason = first.message;
        for more in faults.take(8) {
            reason.push_str(&format!(" {}: {}", more.path, more.message));
        }
        let field = Some(first.path).filter(|path| !path.is_empty());
        let rejected = Rejected { line, field, code: first.code.to_owned(), reason };
        (rejected, kept(&self.tenant, self.import, line, raw, &self.random))
    }

    /// Reads a row's values.
    fn draft(&self, raw: &[u8]) -> std::result::Result<Draft, Vec<Field>> {
        let flawed = |flaw: Flaw| vec![Field::new("", flaw.0, flaw.1)];
        let text = std::str::from_utf8(raw).map_err(|_| flawed(rows::ENCODING))?;
        let mut draft = Draft::of(self.country.clone());
        let mut faults = Vec::new();
        match self.reading.shape(self.format) {
            Shape::Csv(separator) => {
                for (text, field) in rows::csv_fields(text, separator).into_iter().zip(self.columns.iter()) {
                    let Some(field) = field else { continue };
                    let taken = match text.contains('\0') {
                        true => Err(Field::new(FIELDS[*field].name, "invalid", NO_TEXT)),
                        false => draft.take(*field, Some(text)),
                    };
                    faults.extend(taken.err());
                }
            }
            Shape::Ndjson => {
                let object: serde_json::Map<String, serde_json::Value> =
                    json::read(text.as_bytes()).map_err(|flaw| match flaw.code {
                        // Which member it is stands in the row.
                        "duplicate" => vec![Field::new(flaw.path, flaw.code, "Said twice in this row.")],
                        "invalid" if flaw.message == json::NUL => vec![Field::new(flaw.path, flaw.code, NO_TEXT)],
                        _ => flawed(rows::JSON),
                    })?;
                let mut said = HashSet::new();
                for (path, value) in flat(object) {
                    let taken = match (self.reading.name(&path), value) {
                        (Name::LeftOut, _) => Ok(()),
                        (Name::Undecided, _) => Err(naming::undecided(&path)),
                        (Name::Field(field), _) if !said.insert(field) => {
                            Err(Field::new(path, "duplicate", "Said twice in this row."))
                        }
                        (Name::Unknown, _) => Err(unknown_field(&path)),
                        (Name::Field(_), Told::Unfit) => {
                            Err(Field::new(path, "invalid", "Must be a text, a whole number, true, false or null."))
                        }
                        (Name::Field(field), Told::Text(text)) => draft.take(field, Some(text)),
                        (Name::Field(field), Told::Nothing) => draft.take(field, None),
                    };
                    faults.extend(taken.err());
                }
            }
        }
        if faults.is_empty() { Ok(draft) } else { Err(faults) }
    }

    /// Reads the rows. The first row of a file with an external id counts, whether it enters or not.
    pub fn understand(&self, batch: Batch, seen: &mut Seen) -> Understood {
        let mut known = Vec::with_capacity(batch.rows.len());
        let mut rejected = Vec::new();
        for RawRow { line, raw, flaw, .. } in batch.rows {
            if let Some(flaw) = flaw {
                rejected.push(self.reject(line, &raw, vec![Field::new("", flaw.0, flaw.1)]));
                continue;
            }
            let draft = match self.draft(&raw) {
                Ok(draft) => draft,
                Err(faults) => {
                    rejected.push(self.reject(line, &raw, faults));
                    continue;
                }
            };
            let lookup = self.tenant.keys.lookup();
            let external = draft.external_id().map(|id| lookup.unique(Unique::ExternalId.domain(), id));
            if external.is_some_and(|token| !seen.external_ids.insert(short(&token))) {
                let message = "An earlier row of the file has the same external id.";
                rejected.push(self.reject(line, &raw, vec![Field::new("external_id", "duplicate", message)]));
                continue;
            }
            known.push(Known { line, raw, draft, external });
        }
        let Batch { from, to, next_line, last, .. } = batch;
        Understood { from, to, next_line, last, known, rejected }
    }

    /// Makes ready what was understood, now that it is known who is here.
    pub fn prepare(&self, understood: Understood, here: &Here, now: Time) -> Result<Prepared> {
        let Understood { from, to, next_line, last, known, mut rejected } = understood;
        let lookup = self.tenant.keys.lookup();
        let (mut ready, mut unchanged) = (Vec::with_capacity(known.len()), 0);
        for Known { line, raw, draft, external } in known {
            if let Some(fault) = draft.unborn(now) {
                rejected.push(self.reject(line, &raw, vec![fault]));
                continue;
            }
            let found = external.and_then(|token| here.get(&token));
            let made = match found {
                None => self.new_user(&draft, now, ready.len() as i64),
                Some((user, old)) => changes(&draft, user, old).map(|changes| match changes.is_empty() {
                    true => None,
                    false => {
                        // What she has already nobody can have taken.
                        let has = unique::unique_tokens(lookup, old);
                        let asked =
                            unique::unique_tokens(lookup, &changes.profile).into_iter().filter(|it| !has.contains(it));
                        Some((What::Edit(user.id), asked.collect()))
                    }
                }),
            };
            let (what, unique) = match made {
                Ok(Some(made)) => made,
                Ok(None) => {
                    unchanged += 1;
                    continue;
                }
                Err(Error::Invalid(faults)) => {
                    rejected.push(self.reject(line, &raw, faults));
                    continue;
                }
                Err(other) => return Err(other),
            };
            let row = Row { line, raw, draft, unique, what };
            ready.push(row);
        }
        rejected.sort_by_key(|(it, _)| it.line);
        let (looked, of_waiting, ahead) = (Looked::default(), false, None);
        Ok(Prepared { from, to, next_line, last, unchanged, rows: ready, rejected, looked, of_waiting, ahead })
    }

    fn new_user(&self, draft: &Draft, now: Time, index: i64) -> Result<Option<Asked>> {
        let profile = draft.over(Profile::default())?;
        let findable = Findable::of(self.tenant.keys.lookup(), &profile);
        if self.dry_run {
            // Nobody will be written, so nothing is sealed: what counts are her names.
            return Ok(Some((What::New(Box::new(self.unsealed(draft, now, index, findable))), Vec::new())));
        }
        let mut new = self.unsealed(draft, now, index, findable);
        new.user.set_profile(&profile, &self.random)?;
        new.wrapped = new.user.key()?.wrap(&self.tenant.keys, self.tenant.id, new.user.id.bytes());
        new.marks = new.user.sealed_marks(&self.random)?;
        Ok(Some((What::New(Box::new(new)), Vec::new())))
    }

    fn unsealed(&self, draft: &Draft, now: Time, index: i64, findable: Findable) -> NewUser {
        let mut user = User {
            tenant: self.tenant.id,
            id: UserId::new(now.plus(index), &self.random),
            number: 0,
            version: 1,
            kind: draft.kind.unwrap_or(UserKind::Individual),
            employee: draft.employee.unwrap_or(false),
            risk_locked: draft.risk_locked.unwrap_or(false),
            standing: draft.standing.clone(),
            marks: Default::default(),
            password_hash: draft.password_hash.clone(),
            failed_sign_ins: 0,
            failing_since: None,
            second_factor_step: None,
            created_at: draft.created_at.unwrap_or(now),
            updated_at: now,
            last_seen_at: draft.last_seen_at,
            email_changed_at: None,
            phone_changed_at: None,
            diaspora: false,
            diaspora_stored: None,
            sealed_profile: None,
            sealed_pin: None,
            sealed_second_factor: None,
            person: Some(PersonKey::create(&self.random)),
            counted: 0,
        };
        for axis in user.standing.deviating() {
            user.marks.insert(axis, Mark { at: now, by: self.author.to_string(), reason: None });
        }
        NewUser { user, wrapped: Vec::new(), marks: None, findable }
    }
}

/// What an NDJSON row says of a field.
enum Told {
    Text(String),
    Nothing,
    Unfit,
}

/// The objects within a user, as the API has them.
const GROUPS: &[&str] =
    &["address", "identifiers", "photo_id", "demographic", "home_contact", "next_of_kin", "house_account", "wallet"];

/// An object as pairs of path and value, one level deep as the API has it.
fn flat(object: serde_json::Map<String, serde_json::Value>) -> Vec<(String, Told)> {
    use serde_json::Value;
    let told = |value: Value| match value {
        Value::Null => Told::Nothing,
        Value::String(text) => Told::Text(text),
        Value::Bool(truth) => Told::Text(truth.to_string()),
        Value::Number(number) if !number.is_f64() => Told::Text(number.to_string()),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => Told::Unfit,
    };
    let mut pairs = Vec::with_capacity(object.len());
    for (name, value) in object {
        match value {
            Value::Object(inner) if GROUPS.contains(&name.as_str()) => {
                pairs.extend(inner.into_iter().map(|(field, value)| (format!("{name}.{field}"), told(value))));
            }
            Value::Object(inner) if name == "abilities" => {
                let text: Vec<String> =
                    inner.into_iter().map(|(ability, value)| format!("{ability}={value}")).collect();
                pairs.push((name, Told::Text(text.join(";"))));
            }
            Value::Array(inner) if name == "flagged_banks" && inner.iter().all(Value::is_string) => {
                let text: Vec<&str> = inner.iter().filter_map(Value::as_str).collect();
                pairs.push((name, Told::Text(text.join(";"))));
            }
            value => pairs.push((name, told(value))),
        }
    }
    pairs
}

fn unknown_field(path: &str) -> Field {
    let told = match nearest(path) {
        Some(near) => format!("There is no such field; the nearest is `{near}`."),
        None => "There is no such field.".to_owned(),
    };
    // Keys are names as a rule, but nobody vouches for it: what does not look like one is not kept.
    let is_name = path.len() <= 40 && path.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.-".contains(&it));
    Field::new(if is_name { path } else { "" }, "unknown", told)
}

/// The values of a row by canonical name, for a file in which it can be mended.
pub(super) fn cells(import: &Import, raw: &[u8]) -> HashMap<&'static str, String> {
    let known = told_cells(import, raw).unwrap_or_default().into_iter();
    known.map(|(field, text)| (FIELDS[field].name, text)).collect()
}

/// The values of a row by the paths of their fields; nothing if it cannot be told which is which.
pub(super) fn cells_by_path(import: &Import, raw: &[u8]) -> Option<Vec<(&'static str, String)>> {
    let known = told_cells(import, raw)?.into_iter();
    Some(known.map(|(field, text)| (FIELDS[field].path, text)).collect())
}

fn told_cells(import: &Import, raw: &[u8]) -> Option<Vec<(usize, String)>> {
    let text = std::str::from_utf8(raw).ok()?;
    match import.reading.shape(import.format) {
        Shape::Csv(separator) => {
            let fields = rows::csv_fields(text, separator);
            let pairs = (fields.len() == import.columns.len()).then(|| fields.into_iter().zip(&import.columns))?;
            Some(pairs.filter_map(|(text, field)| Some(((*field)?, text))).collect())
        }
        Shape::Ndjson => {
            let object: serde_json::Map<_, _> = serde_json::from_str(text).ok()?;
            let known = |(path, told): (String, Told)| match (import.reading.name(&path), told) {
                (Name::Field(field), Told::Text(text)) => Some((field, text)),
                _ => None,
            };
            Some(flat(object).into_iter().filter_map(known).collect())
        }
    }
}

/// Users who are here, by the token of their external id.
pub(super) type Here = HashMap<UniqueToken, (User, Box<Profile>)>;

/// Who of these is here; begins the look at what is taken.
pub(super) struct WhoIsHere {
    pub tenant: Arc<Tenant>,
    pub caller: crate::caller::Caller,
    pub tokens: Vec<UniqueToken>,
}

impl Read for WhoIsHere {
    type Output = (Here, Looked);

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<(Here, Looked)> {
        let mut looked = Looked::begin(rd, self.tenant.id).await?;
        let found = looked.see(rd, self.tenant.id, &self.tokens).await?;
        let tokens: HashMap<UserId, UniqueToken> = found.into_iter().map(|(token, user)| (user, token)).collect();
        let mut here = HashMap::with_capacity(tokens.len());
        let ids: Vec<UserId> = tokens.keys().copied().collect();
        for some in ids.chunks(100) {
            for user in users::some(rd, &self.tenant, &self.caller, some.to_vec()).await? {
                if let Some(token) = tokens.get(&user.id) {
                    let profile = user.profile()?;
                    here.insert(*token, (user, profile));
                }
            }
        }
        Ok((here, looked))
    }
}
