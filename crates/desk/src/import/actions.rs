//! What may be done with an import: start, pause, resume, cancel; and by the house, one slice after the other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::fields::name_of_path;
use super::forget::is_about;
use super::model::{Format, Import, ImportState, Rejected};
use super::prepare::{Changes, Prepared, Row, What};
use super::store;
use super::swaps::{self, Wish};
use crate::caller::Caller;
use crate::credential;
use crate::db::params;
use crate::erasure::{self, Erased};
use crate::error::{Conflict, Error, Refusal, Result};
use crate::fact::Fact;
use crate::permission::Permission;
use crate::user::standing::{Attempt, Verification};
use crate::user::store::{self as users, Findable, NewRow};
use crate::user::unique::names::PhoneNames;
use crate::user::unique::{self, Looked, Unique, unique_tokens};
use crate::user::verification::DecideVerification;
use crate::user::{CreateUser, EditUser, Profile, User, contacts};
use crate::value::clock::Time;
use crate::value::id::{ImportId, UserId};
use crate::value::token::UniqueToken;
use crate::verb::{Action, Cx, Eyes, Subject, check_policy};

/// Imports of a tenant that have not ended.
pub(super) const OPEN_MAX: i64 = 16;
/// Rejected rows that are kept with their reasons; more are only counted.
pub const REJECTED_MAX: i64 = 100_000;
/// Rows that wait for one another until the end of the file; more are rejected where they stand. All of them are written in
/// one transaction, for which others wait.
const WAITING_MAX: i64 = 5_000;
/// The longest row that is kept as it was, in bytes.
const RAW_MAX: usize = 64 * 1024;

/// Starts to bring in the users of a file that was received. Made by `Staging::finish`.
pub struct StartImport {
    pub(super) import: Import,
    pub(super) file_token: [u8; 32],
}

impl StartImport {
    /// One that nobody may start, to be refused and recorded.
    pub(super) fn of_nothing(id: ImportId, now: Time) -> StartImport {
        let import = Import { dry_run: true, ..Import::begun(id, Format::Csv, now) };
        StartImport { import, file_token: [0; 32] }
    }

    /// The id the import will have.
    pub fn id(&self) -> ImportId {
        self.import.id
    }
}

impl Action for StartImport {
    const NAME: &'static str = "import.start";
    type Output = Import;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Import> {
        if store::open(cx.tx, cx.tenant.id, OPEN_MAX).await?.len() as i64 >= OPEN_MAX {
            return Err(Refusal::TooManyImports.into());
        }
        store::insert(cx.tx, cx.tenant.id, &self.import, &self.file_token).await?;
        cx.note(Fact::ImportStarted { import: self.import.id, dry_run: self.import.dry_run });
        Ok(self.import.clone())
    }
}

/// Keeps a file that was received until its start was proposed and approved. Made by `Staging::finish`.
pub struct ReceiveImport(StartImport);

impl StartImport {
    /// The same, to wait for a second person.
    pub fn to_wait(self) -> ReceiveImport {
        ReceiveImport(self)
    }
}

impl Action for ReceiveImport {
    const NAME: &'static str = "import.receive";
    type Output = Import;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Import> {
        if store::awaiting(cx.tx, cx.tenant.id, OPEN_MAX).await? as i64 >= OPEN_MAX {
            return Err(Refusal::TooManyImports.into());
        }
        let StartImport { import, file_token } = &self.0;
        let import = Import { state: ImportState::Awaiting, ..import.clone() };
        store::insert(cx.tx, cx.tenant.id, &import, file_token).await?;
        cx.note(Fact::ImportReceived { import: import.id, dry_run: import.dry_run });
        Ok(import)
    }
}

/// Begins with a file that waited for it: the start of an import, as it is proposed and approved.
pub(crate) struct BeginImport(pub ImportId);

impl Action for BeginImport {
    const NAME: &'static str = StartImport::NAME;
    type Output = Import;

    fn subject(&self) -> Subject {
        Subject::Import(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Import> {
        let tenant = cx.tenant.id;
        if store::open(cx.tx, tenant, OPEN_MAX).await?.len() as i64 >= OPEN_MAX {
            return Err(Refusal::TooManyImports.into());
        }
        let mut import = store::load_for_change(cx.tx, tenant, self.0).await?;
        if import.begin(cx.caller.author(), cx.is_approved(), cx.now)? {
            let file = store::file_token(cx.tx, tenant, self.0).await?;
            cx.weigh("file", &file)?;
            store::save(cx.tx, tenant, &import).await?;
            cx.note(Fact::ImportStarted { import: self.0, dry_run: import.dry_run });
        }
        Ok(import)
    }
}

macro_rules! turns {
    ($($(#[$meta:meta])* $name:ident = $verb:literal, $to:ident, $fact:ident;)+) => {$(
        $(#[$meta])*
        pub struct $name(pub ImportId);

        impl Action for $name {
            const NAME: &'static str = $verb;
            type Output = (Import, bool);

            fn subject(&self) -> Subject {
                Subject::Import(self.0)
            }

            async fn run(&self, cx: &mut Cx<'_>) -> Result<(Import, bool)> {
                let mut import = store::load_for_change(cx.tx, cx.tenant.id, self.0).await?;
                let changed = import.turn(ImportState::$to, cx.now)?;
                if changed {
                    store::save(cx.tx, cx.tenant.id, &import).await?;
                    cx.note(Fact::$fact { import: self.0 });
                }
                Ok((import, changed))
            }
        }
    )+};
}

turns! {
    /// Lets an import rest after the slice that is being written.
    PauseImport = "import.pause", Paused, ImportPaused;
    /// Goes on with an import that rests.
    ResumeImport = "import.resume", Running, ImportResumed;
    /// Calls an import off. Users who are in stay in; the file is deleted.
    CancelImport = "import.cancel", Cancelled, ImportCancelled;
}

/// Ends an import that cannot go on.
pub struct FailImport {
    /// Which.
    pub import: ImportId,
    /// A stable word.
    pub code: &'static str,
}

impl Action for FailImport {
    const NAME: &'static str = "import.fail";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Import(self.import)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let mut import = store::load_for_change(cx.tx, cx.tenant.id, self.import).await?;
        fail(cx, &mut import, self.code).await
    }
}

async fn fail(cx: &mut Cx<'_>, import: &mut Import, code: &'static str) -> Result<()> {
    if !import.state.is_over() && import.turn(ImportState::Failed, cx.now)? {
        import.failure = Some(code.to_owned());
        store::save(cx.tx, cx.tenant.id, import).await?;
        cx.note(Fact::ImportFailed { import: import.id, code });
    }
    Ok(())
}

/// Writes the next rows of an import: users, rejected rows, counts and the position in one transaction, so that each row
/// takes effect once, whenever the process ends.
pub struct ImportSlice {
    pub(super) import: ImportId,
    pub(super) rows: Arc<Prepared>,
}

impl ImportSlice {
    /// One without rows: nothing to write, for whoever asks what such an attempt comes to.
    pub fn of_nothing(import: ImportId) -> ImportSlice {
        ImportSlice { import, rows: Arc::new(Prepared::of_nothing()) }
    }
}

/// What became of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is in, and the import goes on.
    On,
    /// It is in, and it was the last.
    Completed,
    /// The import does not run any more, or another process has written these rows.
    Not,
}

/// What the rows of a slice come to.
#[derive(Default)]
struct Sum {
    created: i64,
    edited: i64,
    unchanged: i64,
    rejected: Vec<(Rejected, Option<Vec<u8>>)>,
    /// Rows that wait until all others are done: line and sealed bytes.
    waiting: Vec<(i64, Vec<u8>)>,
}

impl Action for ImportSlice {
    const NAME: &'static str = "import.slice";
    type Output = Written;

    fn subject(&self) -> Subject {
        Subject::Import(self.import)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Written> {
        let rows = &*self.rows;
        let mut import = store::load_for_change(cx.tx, cx.tenant.id, self.import).await?;
        if import.state != ImportState::Running || import.done_bytes != rows.from {
            return Ok(Written::Not);
        }
        // Asked anew for each slice: a right that was taken away stops what was begun with it.
        let may = credential::permissions_of_author(cx.tx, cx.tenant.id, &import.author, cx.now).await?;
        if !may.has(Permission::UsersImport) {
            fail(cx, &mut import, "forbidden").await?;
            return Ok(Written::Not);
        }
        if rows.of_waiting {
            cx.tx.put(store::DELETE_WAITING, params![cx.tenant.id, import.id]).await?;
            import.rows_waiting = 0;
        }
        let starter = Caller { may, ..cx.caller.clone() };
        let mut sum = Sum { unchanged: rows.unchanged, ..Sum::default() };
        // Made ready before they were erased, maybe.
        let erased = erasure::pending(cx.tx, cx.tenant).await?;
        let new = decide(cx, &starter, &import, rows, &erased, &mut sum).await?;
        let (first_number, last_number) = match new.len() as i64 {
            count if count > 0 && !import.dry_run => {
                let last = crate::tenant::store::next_numbers(cx.tx, cx.tenant.id, count).await?;
                insert(cx, &new, last - count + 1, &rows.looked).await?;
                (Some(last - count + 1), Some(last))
            }
            _ => (None, None),
        };
        sum.created = new.len() as i64;
        let rejected = rows.rejected.len() as i64 + sum.rejected.len() as i64;
        let room = REJECTED_MAX - import.rejected_kept;
        let all = rows.rejected.iter().map(|(it, raw)| (it, raw)).chain(sum.rejected.iter().map(|(it, raw)| (it, raw)));
        for (it, sealed) in all.take(usize::try_from(room).unwrap_or(0)) {
            let sealed = sealed.as_deref().filter(|_| erased.is_empty());
            store::reject(cx.tx, cx.tenant.id, import.id, it, sealed, cx.now).await?;
            import.rejected_kept += 1;
        }
        for (line, sealed) in &sum.waiting {
            store::wait(cx.tx, cx.tenant.id, import.id, *line, sealed).await?;
        }
        import.rows_waiting += sum.waiting.len() as i64;
        import.rows_created += sum.created;
        import.rows_edited += sum.edited;
        import.rows_unchanged += sum.unchanged;
        import.rows_rejected += rejected;
        (import.done_bytes, import.next_line, import.updated_at) = (rows.to, rows.next_line, cx.now);
        cx.note(Fact::ImportAdvanced {
            import: import.id,
            created: sum.created,
            edited: sum.edited,
            unchanged: sum.unchanged,
            rejected,
            first_number,
            last_number,
        });
        let is_over = rows.last && import.rows_waiting == 0;
        if is_over {
            import.turn(ImportState::Completed, cx.now)?;
            cx.note(Fact::ImportCompleted {
                import: import.id,
                created: import.rows_created,
                edited: import.rows_edited,
                unchanged: import.rows_unchanged,
                rejected: import.rows_rejected,
            });
        }
        store::save(cx.tx, cx.tenant.id, &import).await?;
        Ok(if is_over { Written::Completed } else { Written::On })
    }
}

/// A row that may be kept as it was.
pub(super) fn kept(
    cx_tenant: &crate::tenant::Tenant,
    import: ImportId,
    line: i64,
    raw: &[u8],
    random: &crate::value::random::Random,
) -> Option<Vec<u8>> {
    (raw.len() <= RAW_MAX).then(|| store::seal_rejected(cx_tenant, import, line, raw, random))
}

/// A row that may enter if it gets the names it asks for; of somebody who is here with what it changes.
struct Candidate<'a> {
    row: &'a Row,
    edit: Option<Edit>,
}

struct Edit {
    user: User,
    old: Box<Profile>,
    changes: Changes,
}

/// Goes through the rows in their order: who is created, who is changed, who is rejected or waits because a name is taken.
async fn decide<'a>(
    cx: &mut Cx<'_>,
    starter: &Caller,
    import: &Import,
    rows: &'a Prepared,
    erased: &[Erased],
    sum: &mut Sum,
) -> Result<Vec<&'a Row>> {
    let mut holders = rows.looked.holders(cx.tx, cx.tenant.id, rows.tokens()).await?;
    if let Some(ahead) = &rows.ahead {
        for (token, holder) in ahead.lock().map_err(|_| Error::internal("a dry run has panicked"))?.iter() {
            match holder {
                Some(user) => holders.insert(*token, *user),
                None => holders.remove(token),
            };
        }
    }
    let (mut candidates, mut wishes) = (Vec::with_capacity(rows.rows.len()), Vec::with_capacity(rows.rows.len()));
    // Telephone numbers of new rows, as far as a username of the slice could be one of them; and the names of all rows before.
    let mut claimed: Vec<&PhoneNames> = Vec::new();
    let has_numeric = rows.rows.iter().any(|row| row.phone_names().is_some_and(|names| names.username().is_some()));
    let mut earlier = HashMap::new();
    for row in &rows.rows {
        if !erased.is_empty() && is_about(import, row.raw(), erased) {
            sum.rejected.push(row.forgotten());
            continue;
        }
        match &row.what {
            What::New(new) => {
                let is_other = |token| holders.get(token).is_some_and(|holder| *holder != new.user.id);
                if row.unique().iter().any(|(field, token)| *field == Unique::ExternalId && is_other(token)) {
                    // Somebody else has just created her: these rows are made ready anew.
                    return Err(Error::Conflict(Conflict::Exists));
                }
                if let Some((field, refusal)) = brings_in_alone(cx, starter, import, row) {
                    sum.rejected.push(row.rejected(cx, import.id, field, refusal.word(), refusal.sentence()));
                    continue;
                }
                if let Some(field) = phone_name_taken(cx, row, new.user.id, &earlier, &claimed).await? {
                    let message = "Another user has this already.";
                    sum.rejected.push(row.rejected(cx, import.id, Some(field), "taken", message));
                    continue;
                }
                claimed.extend(row.phone_names().filter(|_| has_numeric));
                earlier.extend(row.unique().iter().map(|(_, token)| (*token, new.user.id)));
                wishes.push(Wish { user: new.user.id, asks: row.unique().to_vec(), gives_up: Vec::new() });
                candidates.push(Candidate { row, edit: None });
            }
            What::Edit(id) => match look(cx, starter, import, *id, row).await {
                Ok(Some(edit)) => {
                    earlier.extend(row.unique().iter().map(|(_, token)| (*token, *id)));
                    wishes.push(wish(cx, row, &edit)?);
                    candidates.push(Candidate { row, edit: Some(edit) });
                }
                Ok(None) => sum.unchanged += 1,
                Err(Error::Refused(Refusal::UserErased)) => sum.rejected.push(row.forgotten()),
                Err(Error::Refused(refusal)) => {
                    sum.rejected.push(row.rejected(cx, import.id, None, refusal.word(), refusal.sentence()));
                }
                Err(Error::Invalid(faults)) if !cx.tx.is_broken() => {
                    let fault = faults.into_iter().next();
                    let (path, code, message) = fault.map_or((String::new(), "invalid", String::new()), |fault| {
                        (name_of_path(&fault.path), fault.code, fault.message)
                    });
                    sum.rejected.push(row.rejected(cx, import.id, Some(&path), code, &message));
                }
                Err(other) => return Err(other),
            },
        }
    }
    let denied = swaps::settled(&wishes, &mut holders);
    let (mut new, mut edits, mut taken) = (Vec::with_capacity(candidates.len()), Vec::new(), HashSet::new());
    for ((Candidate { row, edit }, wish), denied) in candidates.into_iter().zip(wishes).zip(denied) {
        if let Some(field) = denied {
            // Who has the name may give it up in a row that comes later.
            let may_wait = !rows.of_waiting && import.rows_waiting + (sum.waiting.len() as i64) < WAITING_MAX;
            match row.waiting(cx, import.id).filter(|_| may_wait) {
                Some(waiting) => sum.waiting.push(waiting),
                None => {
                    let taken = "Another user has this already.";
                    sum.rejected.push(row.rejected(cx, import.id, Some(field.word()), "taken", taken));
                }
            }
            continue;
        }
        if let Some(ahead) = &rows.ahead {
            let mut ahead = ahead.lock().map_err(|_| Error::internal("a dry run has panicked"))?;
            for token in &wish.gives_up {
                // Unless an earlier row has it already, to whom it was given up.
                ahead.entry(*token).and_modify(|it| *it = it.filter(|it| *it != wish.user)).or_insert(None);
            }
            ahead.extend(wish.asks.iter().map(|(_, token)| (*token, Some(wish.user))));
        }
        taken.extend(wish.asks.iter().map(|(_, token)| *token));
        match edit {
            Some(edit) => edits.push((row, edit, wish.gives_up)),
            None => new.push(row),
        }
    }
    sum.edited += edits.len() as i64;
    if !import.dry_run {
        // What another row takes is given up first.
        for (_, edit, gives_up) in &edits {
            for token in gives_up.iter().filter(|token| taken.contains(*token)) {
                users::give_up(cx.tx, cx.tenant.id, edit.user.number, token).await?;
            }
        }
        for (row, edit, _) in edits {
            write(cx, row, edit).await?;
        }
    }
    Ok(new)
}

/// The field of a new row that is another user's username or telephone number, across the two.
async fn phone_name_taken(
    cx: &mut Cx<'_>,
    row: &Row,
    user: UserId,
    holders: &HashMap<UniqueToken, UserId>,
    claimed: &[&PhoneNames],
) -> Result<Option<&'static str>> {
    let Some(names) = row.phone_names() else { return Ok(None) };
    // Among the rows before this one, which are not written yet.
    if names.of_phone(cx.tenant.keys.lookup()).iter().any(|token| holders.contains_key(token)) {
        return Ok(Some("phone"));
    }
    if names.username().is_some_and(|digits| claimed.iter().any(|other| other.is_phone(digits))) {
        return Ok(Some("username"));
    }
    match unique::names::check(cx.tx, cx.tenant, user, names).await {
        Ok(()) => Ok(None),
        Err(Error::Invalid(faults)) => {
            Ok(Some(if faults.iter().any(|fault| fault.path == "phone") { "phone" } else { "username" }))
        }
        Err(other) => Err(other),
    }
}

/// The names that a row asks for and gives up.
fn wish(cx: &Cx<'_>, row: &Row, edit: &Edit) -> Result<Wish> {
    let lookup = cx.tenant.keys.lookup();
    let (has, shall) = (unique_tokens(lookup, &edit.old), unique_tokens(lookup, &edit.changes.profile));
    let asks: Vec<_> = shall.iter().filter(|it| !has.contains(it)).copied().collect();
    // She was changed since the row was made ready, and nobody has looked who has these: made ready anew.
    if asks.iter().any(|it| !row.unique().contains(it)) {
        return Err(Error::Conflict(Conflict::Exists));
    }
    let gives_up = has.iter().filter(|it| !shall.contains(it)).map(|(_, token)| *token).collect();
    Ok(Wish { user: edit.user.id, asks, gives_up })
}

/// What of a row about somebody new needs somebody who has not looked: that she is created, or that she is verified.
fn brings_in_alone(
    cx: &Cx<'_>,
    starter: &Caller,
    import: &Import,
    row: &Row,
) -> Option<(Option<&'static str>, Refusal)> {
    let What::New(new) = &row.what else { return None };
    let subject = Subject::User(new.user.id);
    let held = |name| match check_policy(cx.tenant, starter, name, subject, eyes(import)) {
        Err(Error::Refused(refusal)) => Some(refusal),
        _ => None,
    };
    let is_verified = new.user.standing.verification == Verification::Verified;
    let decided = || DecideVerification::held_as(true).into_iter().filter(|_| is_verified).find_map(held);
    held(CreateUser::NAME)
        .map(|refusal| (None, refusal))
        .or_else(|| decided().map(|refusal| (Some("verification"), refusal)))
}

/// Whose eyes an import has passed.
fn eyes(import: &Import) -> Eyes {
    if import.approved { Eyes::TWO } else { Eyes::ONE }
}

/// What a row changes of somebody who is here; nothing if it says what is so already.
async fn look(cx: &mut Cx<'_>, starter: &Caller, import: &Import, id: UserId, row: &Row) -> Result<Option<Edit>> {
    let user = match users::load_for_change(cx.tx, cx.tenant, starter, id).await {
        // Nobody ever goes; she is hidden from who brings in the file, who learns what anybody learns of a taken name.
        Err(Error::NotFound(_)) => {
            return Err(Error::invalid("identifiers.external_id", "taken", "Another user has this already."));
        }
        loaded => loaded?,
    };
    user.try_to(Attempt::Edit, cx.now)?;
    let old = user.profile()?;
    let changes = row.changes(&user, &old)?;
    if changes.is_empty() {
        return Ok(None);
    }
    // Nor does a file change alone what needs a second person.
    check_policy(cx.tenant, starter, EditUser::NAME, Subject::User(id), eyes(import))?;
    let (before, now) = (PhoneNames::of(&old), PhoneNames::of(&changes.profile));
    unique::names::check(cx.tx, cx.tenant, id, &now.beside(&before)).await?;
    Ok(Some(Edit { user, old, changes }))
}

/// Lays a row over somebody who is here.
async fn write(cx: &mut Cx<'_>, row: &Row, edit: Edit) -> Result<()> {
    let Edit { mut user, old, changes } = edit;
    let id = user.id;
    if let Some(hash) = changes.password_hash {
        user.password_hash = Some(hash);
        users::save_credentials(cx.tx, &mut user, cx.now).await?;
        cx.announce(Fact::PasswordChanged { user: id, way: "import" });
    }
    if !changes.fields.is_empty() {
        user.kind = row.draft.kind.unwrap_or(user.kind);
        user.employee = row.draft.employee.unwrap_or(user.employee);
        user.risk_locked = row.draft.risk_locked.unwrap_or(user.risk_locked);
        contacts::mark_changed(&mut user, &old, &changes.profile, cx.now);
        let user = save(cx, user, &old, &changes.profile).await?;
        cx.announce(Fact::UserEdited { user: id, fields: changes.fields });
        let noted = cx.facts.len();
        contacts::follow(cx, &user, &old, &changes.profile).await?;
        // As the edit itself: the row of the slice would name thousands.
        let followed: Vec<Fact> = cx.facts.drain(noted..).collect();
        followed.into_iter().for_each(|fact| cx.announce(fact));
    }
    Ok(())
}

async fn save(cx: &mut Cx<'_>, mut user: User, old: &Profile, new: &Profile) -> Result<User> {
    user.set_profile(new, cx.random)?;
    users::save_profile(cx.tx, &mut user, cx.now).await?;
    let lookup = cx.tenant.keys.lookup();
    let (before, now) = (Findable::of(lookup, old), Findable::of(lookup, new));
    match users::reindex(cx.tx, cx.tenant, &user, &before, &now).await {
        // The names were free a moment ago: another transaction has them now.
        Err(Error::Invalid(_)) => Err(Error::Conflict(Conflict::Exists)),
        other => other.map(|()| user),
    }
}

/// Inserts the new users with numbers from this one on.
async fn insert(cx: &mut Cx<'_>, rows: &[&Row], first: i64, looked: &Looked) -> Result<()> {
    let mut inserts = Vec::with_capacity(rows.len());
    let mut tokens = Vec::with_capacity(rows.len());
    for row in rows {
        let What::New(new) = &row.what else { continue };
        let number = first + inserts.len() as i64;
        inserts.push(NewRow { user: &new.user, number, wrapped: &new.wrapped, marks: new.marks.as_deref() });
        tokens.push((number, &new.findable));
        cx.announce(Fact::UserCreated { user: new.user.id, number });
    }
    users::insert_many(cx.tx, cx.tenant.id, &inserts).await?;
    users::index_many(cx.tx, cx.tenant.id, &tokens, looked).await
}
