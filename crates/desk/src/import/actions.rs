//! What may be done with an import: start, pause, resume, cancel; and by the house, one slice after the other.

use std::collections::HashMap;
use std::sync::Arc;

use super::fields::name_of_path;
use super::model::{Format, Import, ImportState, Rejected};
use super::prepare::{Prepared, Row, What};
use super::store;
use crate::caller::Caller;
use crate::credential;
use crate::error::{Conflict, Error, Refusal, Result};
use crate::fact::Fact;
use crate::permission::Permission;
use crate::user::actions::Changed;
use crate::user::standing::{Attempt, Verification};
use crate::user::store::{self as users, Findable, NewRow};
use crate::user::unique::names::PhoneNames;
use crate::user::unique::{self, Looked, Unique};
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
        let starter = Caller { may, ..cx.caller.clone() };
        let mut sum = Sum { unchanged: rows.unchanged, ..Sum::default() };
        let new = decide(cx, &starter, &import, rows, &mut sum).await?;
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
            store::reject(cx.tx, cx.tenant.id, import.id, it, sealed.as_deref(), cx.now).await?;
            import.rejected_kept += 1;
        }
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
        if rows.last {
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
        Ok(if rows.last { Written::Completed } else { Written::On })
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

/// Goes through the rows in their order: who is created, who is changed, who is rejected because a name is taken.
async fn decide<'a>(
    cx: &mut Cx<'_>,
    starter: &Caller,
    import: &Import,
    rows: &'a Prepared,
    sum: &mut Sum,
) -> Result<Vec<&'a Row>> {
    let mut holders = rows.looked.holders(cx.tx, cx.tenant.id, rows.tokens()).await?;
    let mut new: Vec<&Row> = Vec::with_capacity(rows.rows.len());
    // Telephone numbers of new rows, as far as a username of the slice could be one of them.
    let mut claimed: Vec<&PhoneNames> = Vec::new();
    let has_numeric = rows.rows.iter().any(|row| row.phone_names().is_some_and(|names| names.username().is_some()));
    for row in &rows.rows {
        let (user, is_new) = match &row.what {
            What::New(new) => (new.user.id, true),
            What::Edit(user) => (*user, false),
        };
        let taken = row.unique().iter().find(|(_, token)| holders.get(token).is_some_and(|holder| *holder != user));
        if let Some((field, _)) = taken {
            if is_new && *field == Unique::ExternalId {
                // Somebody else has just created her: these rows are made ready anew.
                return Err(Error::Conflict(Conflict::Exists));
            }
            sum.rejected.push(row.rejected(
                cx,
                import.id,
                Some(field.word()),
                "taken",
                "Another user has this already.",
            ));
            continue;
        }
        if !is_new {
            match edit(cx, starter, import, user, row).await {
                Ok(true) => sum.edited += 1,
                Ok(false) => sum.unchanged += 1,
                Err(Error::Refused(refusal)) => {
                    sum.rejected.push(row.rejected(cx, import.id, None, refusal.word(), refusal.sentence()));
                    continue;
                }
                Err(Error::Invalid(faults)) if !cx.tx.is_broken() => {
                    let fault = faults.into_iter().next();
                    let (path, code, message) = fault.map_or((String::new(), "invalid", String::new()), |fault| {
                        (name_of_path(&fault.path), fault.code, fault.message)
                    });
                    sum.rejected.push(row.rejected(cx, import.id, Some(&path), code, &message));
                    continue;
                }
                Err(other) => return Err(other),
            }
        } else if let Some(field) = phone_name_taken(cx, row, user, &holders, &claimed).await? {
            let message = "Another user has this already.";
            sum.rejected.push(row.rejected(cx, import.id, Some(field), "taken", message));
            continue;
        } else if let Some((field, refusal)) = brings_in_alone(cx, starter, import, row) {
            sum.rejected.push(row.rejected(cx, import.id, field, refusal.word(), refusal.sentence()));
            continue;
        } else {
            new.push(row);
            claimed.extend(row.phone_names().filter(|_| has_numeric));
        }
        holders.extend(row.unique().iter().map(|(_, token)| (*token, user)));
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

/// Lays a row over somebody who is here.
async fn edit(cx: &mut Cx<'_>, starter: &Caller, import: &Import, id: UserId, row: &Row) -> Result<bool> {
    let mut user = match users::load_for_change(cx.tx, cx.tenant, starter, id).await {
        // Nobody ever goes; she is hidden from who brings in the file, who learns what anybody learns of a taken name.
        Err(Error::NotFound(_)) => {
            return Err(Error::invalid("identifiers.external_id", "taken", "Another user has this already."));
        }
        loaded => loaded?,
    };
    user.try_to(Attempt::Edit, cx.now)?;
    let old = user.profile()?;
    let (new, fields) = row.changes(&user, &old)?;
    if fields.is_empty() {
        return Ok(false);
    }
    // Nor does a file change alone what needs a second person.
    check_policy(cx.tenant, starter, EditUser::NAME, Subject::User(id), eyes(import))?;
    let (before, now) = (PhoneNames::of(&old), PhoneNames::of(&new));
    unique::names::check(cx.tx, cx.tenant, id, &now.beside(&before)).await?;
    if import.dry_run {
        return Ok(true);
    }
    user.kind = row.draft.kind.unwrap_or(user.kind);
    user.employee = row.draft.employee.unwrap_or(user.employee);
    user.risk_locked = row.draft.risk_locked.unwrap_or(user.risk_locked);
    contacts::mark_changed(&mut user, &old, &new, cx.now);
    let Changed { user, .. } = save(cx, user, &old, &new).await?;
    cx.announce(Fact::UserEdited { user: user.id, fields });
    let noted = cx.facts.len();
    contacts::follow(cx, &user, &old, &new).await?;
    // As the edit itself: the row of the slice would name thousands.
    let followed: Vec<Fact> = cx.facts.drain(noted..).collect();
    followed.into_iter().for_each(|fact| cx.announce(fact));
    Ok(true)
}

async fn save(cx: &mut Cx<'_>, mut user: User, old: &Profile, new: &Profile) -> Result<Changed> {
    user.set_profile(new, cx.random)?;
    users::save_profile(cx.tx, &mut user, cx.now).await?;
    let lookup = cx.tenant.keys.lookup();
    let (before, now) = (Findable::of(lookup, old), Findable::of(lookup, new));
    match users::reindex(cx.tx, cx.tenant, &user, &before, &now).await {
        // The names were free a moment ago: another transaction has them now.
        Err(Error::Invalid(_)) => Err(Error::Conflict(Conflict::Exists)),
        other => other,
    }?;
    Ok(Changed { user, changed: true })
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
