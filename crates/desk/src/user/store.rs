//! The users' SQL. A user outside what the caller may know of does not exist: `hide` says so in every load.

use std::sync::LazyLock;

use crate::access;
use crate::caller::{Caller, Who};
use crate::db::{First, Look, Rd, Row, ToParam, Tx, many, params, slots};
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::tenant::Tenant;
use crate::user::census;
use crate::user::model::User;
use crate::user::profile::Profile;
use crate::user::standing::{FlagReach, LockCause, Presence, SignInLock, Standing};
use crate::user::unique::names::{self, PhoneNames};
use crate::user::unique::store::{self as unique, numbers_of, numbers_of_address_username};
use crate::user::unique::{Looked, Unique, unique_tokens};
use crate::value::clock::Time;
use crate::value::id::{TenantId, UserId};
use crate::value::random::Random;
use crate::value::seal::PersonKey;
use crate::value::token::{Lookup, SearchToken, UniqueToken};
use crate::verb::Cx;

/// Numbers have so many bits of a seat, the tenant those above.
macro_rules! number_bits {
    () => {
        40
    };
}
pub(crate) use number_bits;

/// The number of nobody: the first user has 1.
pub(crate) const NOBODY: i64 = 0;
const NUMBER_MAX: i64 = (1 << number_bits!()) - 1;

/// Where a user's row lies: tenant and number in one (decision 0042). What is no number is a seat of the same tenant in
/// which nobody is.
pub(crate) fn seat(tenant: TenantId, number: i64) -> i64 {
    (tenant.0 << number_bits!()) + number.clamp(NOBODY, NUMBER_MAX)
}

/// The seat of a number that a statement has found; `$1` is the tenant.
macro_rules! seat_of {
    ($number:literal) => {
        concat!("(CAST($1 AS BIGINT) << ", $crate::user::store::number_bits!(), ") + ", $number)
    };
}
pub(crate) use seat_of;

macro_rules! columns {
    () => {
        "u.id, u.number, u.version, u.kind, u.employee, u.risk_locked, u.profile, u.marks, u.second_factor, \
         u.second_factor_step, u.password_hash, u.failed_sign_ins, u.failing_since, u.sign_in_lock, u.lock_cause, \
         u.lock_until, u.unlock_queued_at, u.admission, u.core_state, u.suspension, u.flag, u.flagged_banks, \
         u.blacklist, u.fraud, u.verification, u.hold, u.presence, u.created_at, u.updated_at, u.last_seen_at, \
         u.pin, u.diaspora, u.email_changed_at, u.phone_changed_at, u.person_key"
    };
}
pub(crate) use columns;

/// The columns of a loaded user, for lists.
pub(crate) const COLUMNS: &str = columns!();

pub(crate) const SELECT: &str = concat!("SELECT ", columns!(), " FROM users u WHERE u.tenant_id = $1 AND u.id = $2");

pub(crate) const SELECT_FOR_CHANGE: &str =
    concat!("SELECT ", columns!(), " FROM users u WHERE u.tenant_id = $1 AND u.id = $2 FOR UPDATE");

/// `SELECT_FOR_CHANGE` about several, who are locked in the order of their ids.
pub(crate) const SELECT_SOME_FOR_CHANGE: &str = concat!(
    "SELECT u.id, ",
    columns!(),
    " FROM users u WHERE u.tenant_id = $1 AND u.id IN ",
    many!(),
    " ORDER BY u.id FOR UPDATE"
);

/// What whoever changes a user asks first.
static LOOKS: [Look; 2] = [
    Look { one: SELECT_FOR_CHANGE, many: SELECT_SOME_FOR_CHANGE, tables: &["users"] },
    Look { one: access::ANY, many: access::ANY_OF, tables: &["session", "proof", "challenge"] },
];

/// What whoever changes this user asks first.
pub(crate) fn asked_first(tenant: TenantId, user: UserId) -> First {
    First { tenant, id: user.0.into_bytes(), looks: &LOOKS }
}

/// Whoever signs in with one of these. (`IN` would make SQLite put the two into a tree first.)
pub(crate) const SELECT_BY_LOGIN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM (",
    numbers_of!("= $2"),
    " UNION ALL ",
    numbers_of_address_username!("= $3"),
    ") l CROSS JOIN users u WHERE u.seat = ",
    seat_of!("l.number")
);

pub(crate) const ID_OF_SEAT: &str = "SELECT id FROM users WHERE seat = $1";

pub(crate) const INSERT: &str = "\
    INSERT INTO users (seat, tenant_id, id, number, version, kind, employee, risk_locked, profile, marks, password_hash,
                       failed_sign_ins, sign_in_lock, lock_cause, lock_until, admission, core_state, suspension, flag,
                       flagged_banks, blacklist, fraud, verification, hold, presence, created_at, updated_at,
                       last_seen_at, diaspora, person_key)
    VALUES ($27, $1, $2, $3, 1, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
            $22, $23, $23, $24, $25, $26)";

pub(crate) const INSERT_RUN: &str = "\
    INSERT INTO user_run (tenant_id, run)
    VALUES ($1, $2)
    ON CONFLICT (tenant_id, run) DO NOTHING";

pub(crate) const INSERT_TOKEN: &str = "\
    INSERT INTO user_token (tenant_id, run, token, number)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, run, token, number) DO NOTHING";

/// `INSERT_TOKEN` for so many at a time: most of the cost of a row is the statement.
static INSERT_TOKENS: LazyLock<[(usize, String); 2]> = LazyLock::new(|| {
    let (head, rest) = INSERT_TOKEN.split_once("($1, $2, $3, $4)").expect("an insert has values");
    [32, 8].map(|many| {
        let rows: Vec<String> = (0..many).map(|row| format!("($1, $2, {})", slots(3 + 2 * row, 2))).collect();
        (many, format!("{head}{}{rest}", rows.join(", ")))
    })
});

pub(crate) const DELETE_TOKEN: &str = "\
    DELETE FROM user_token
    WHERE tenant_id = $1 AND run = $2 AND token = $3 AND number = $4";

pub(crate) const SAVE_LOCK: &str = "\
    UPDATE users
    SET sign_in_lock = $4, lock_cause = $5, lock_until = $6, unlock_queued_at = $7, failed_sign_ins = $8,
        failing_since = $9, marks = $10, updated_at = $11, version = version + 1
    WHERE tenant_id = $1 AND id = $2 AND version = $3";

pub(crate) const SAVE_STANDING: &str = "\
    UPDATE users
    SET admission = $4, core_state = $5, suspension = $6, flag = $7, flagged_banks = $8, blacklist = $9, fraud = $10,
        verification = $11, hold = $12, presence = $13, marks = $14, updated_at = $15, version = version + 1
    WHERE tenant_id = $1 AND id = $2 AND version = $3";

pub(crate) const SAVE_PROFILE: &str = "\
    UPDATE users
    SET profile = $4, kind = $5, employee = $6, risk_locked = $7, updated_at = $8, email_changed_at = $9,
        phone_changed_at = $10, version = version + 1
    WHERE tenant_id = $1 AND id = $2 AND version = $3";

pub(crate) const SAVE_CREDENTIALS: &str = "\
    UPDATE users
    SET password_hash = $4, second_factor = $5, second_factor_step = $6, core_state = $7, updated_at = $8, pin = $9,
        version = version + 1
    WHERE tenant_id = $1 AND id = $2 AND version = $3";

pub(crate) const SAVE_SEEN: &str = "\
    UPDATE users
    SET last_seen_at = $4, failed_sign_ins = 0, failing_since = NULL, second_factor_step = $5, version = version + 1
    WHERE tenant_id = $1 AND id = $2 AND version = $3";

pub(crate) const ERASE: &str = "\
    UPDATE users
    SET profile = NULL, marks = NULL, second_factor = NULL, second_factor_step = NULL, password_hash = NULL, pin = NULL,
        person_key = NULL, presence = 'erased', flagged_banks = '[]', flag = $5, updated_at = $4, version = version + 1
    WHERE tenant_id = $1 AND id = $2 AND version = $3";

pub(crate) const QUEUED_UNLOCKS: &str = "\
    SELECT id
    FROM users
    WHERE tenant_id = $1 AND unlock_queued_at IS NOT NULL
    LIMIT $2";

/// Whether users who are employees are kept from this caller.
pub(crate) fn hides_employees(tenant: &Tenant, caller: &Caller) -> bool {
    tenant.settings.hide_employees && !caller.may(Permission::UsersEmployees)
}

/// Nobody is hidden from herself.
fn is_herself(caller: &Caller, user: UserId) -> bool {
    matches!(caller.who, Who::User { id, .. } if id == user)
}

/// Turns a row of `COLUMNS` into a user.
pub(crate) fn read(tenant: &Tenant, row: &mut Row) -> Result<User> {
    let (id, number, version) = (row.take()?, row.take()?, row.take()?);
    let (kind, employee, risk_locked) = (row.take()?, row.take()?, row.take()?);
    let sealed_profile = row.take()?;
    let sealed_marks: Option<Vec<u8>> = row.take()?;
    let (sealed_second_factor, second_factor_step) = (row.take()?, row.take()?);
    let (password_hash, failed_sign_ins, failing_since) = (row.take()?, row.take()?, row.take()?);
    let lock_word: String = row.take()?;
    let (cause, until): (Option<LockCause>, Option<Time>) = (row.take()?, row.take()?);
    let lock = match lock_word.as_str() {
        "locked" => SignInLock::Locked { cause: cause.unwrap_or(LockCause::Core), until },
        _ => SignInLock::Open,
    };
    let unlock_queued_at = row.take()?;
    let (admission, core, suspension) = (row.take()?, row.take()?, row.take()?);
    let flag: FlagReach = row.take()?;
    let banks: String = row.take()?;
    let standing = Standing {
        lock,
        unlock_queued_at,
        admission,
        core,
        suspension,
        flagged_whole: flag == FlagReach::Whole,
        flagged_banks: serde_json::from_str(&banks).map_err(Error::internal)?,
        blacklist: row.take()?,
        fraud: row.take()?,
        verification: row.take()?,
        hold: row.take()?,
        presence: row.take()?,
    };
    let (created_at, updated_at, last_seen_at) = (row.take()?, row.take()?, row.take()?);
    let (sealed_pin, diaspora_stored): (Option<Vec<u8>>, Option<bool>) = (row.take()?, row.take()?);
    let (email_changed_at, phone_changed_at) = (row.take()?, row.take()?);
    let wrapped: Option<Vec<u8>> = row.take()?;
    let id: UserId = id;
    let person = match wrapped {
        Some(wrapped) => Some(PersonKey::unwrap(&tenant.keys, tenant.id, id.bytes(), &wrapped)?),
        None => None,
    };
    let mut user = User {
        tenant: tenant.id,
        id,
        number,
        version,
        kind,
        employee,
        risk_locked,
        standing,
        marks: Default::default(),
        password_hash,
        failed_sign_ins,
        failing_since,
        second_factor_step,
        created_at,
        updated_at,
        last_seen_at,
        email_changed_at,
        phone_changed_at,
        diaspora: diaspora_stored.unwrap_or_default(),
        diaspora_stored,
        sealed_profile,
        sealed_pin,
        sealed_second_factor,
        person,
        counted: 0,
    };
    user.open_marks(sealed_marks)?;
    user.counted = census::axes_of(&user);
    if diaspora_stored.is_none() {
        // A row of before: it is counted without what was added since, and only the profile says where she lives.
        user.counted &= !census::ADDED;
        user.diaspora = user.profile()?.is_diaspora == Some(true);
    }
    Ok(user)
}

async fn get(rd: &mut Rd, sql: &'static str, tenant: &Tenant, caller: &Caller, id: UserId) -> Result<User> {
    let row = rd.find(sql, params![tenant.id, id]).await?;
    shown_to(row, tenant, caller, id)
}

/// The user of a row, for a caller who may see her.
fn shown_to(row: Option<Row>, tenant: &Tenant, caller: &Caller, id: UserId) -> Result<User> {
    let user = read(tenant, &mut row.ok_or(Error::NotFound(UserId::NOUN))?)?;
    if user.employee && hides_employees(tenant, caller) && !is_herself(caller, id) {
        return Err(Error::NotFound(UserId::NOUN));
    }
    Ok(user)
}

/// Loads a user to read.
pub(crate) async fn load(rd: &mut Rd, tenant: &Tenant, caller: &Caller, id: UserId) -> Result<User> {
    get(rd, SELECT, tenant, caller, id).await
}

/// Those of these users whom the caller may see.
pub(crate) async fn some(rd: &mut Rd, tenant: &Tenant, caller: &Caller, mut ids: Vec<UserId>) -> Result<Vec<User>> {
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let hidden = if hides_employees(tenant, caller) { " AND u.employee = 0" } else { "" };
    let sql =
        format!("SELECT {COLUMNS} FROM users u WHERE u.tenant_id = $1 AND u.id IN ({}){hidden}", slots(2, ids.len()));
    let mut params = vec![tenant.id.to_param()];
    params.extend(ids.iter().map(ToParam::to_param));
    rd.all(sql, &params).await?.into_iter().map(|mut row| read(tenant, &mut row)).collect()
}

/// Loads a user to change; nobody else changes her until this transaction ends.
pub(crate) async fn load_for_change(tx: &mut Tx, tenant: &Tenant, caller: &Caller, id: UserId) -> Result<User> {
    get(tx, SELECT_FOR_CHANGE, tenant, caller, id).await
}

/// The same, for what bars her: asks in one go for what she has open, which `access::end` will want to know.
pub(crate) async fn load_to_bar(cx: &mut Cx<'_>, id: UserId) -> Result<User> {
    let key = params![cx.tenant.id, id];
    let (row, open) = cx.tx.find_two((SELECT_FOR_CHANGE, key), (access::ANY, key)).await?;
    cx.open_access = Some((id, open.is_some()));
    shown_to(row, cx.tenant, cx.caller, id)
}

/// The user with this number.
pub(crate) async fn id_of_number(rd: &mut Rd, tenant: TenantId, number: i64) -> Result<Option<UserId>> {
    rd.find(ID_OF_SEAT, params![seat(tenant, number)]).await?.map(|mut row| row.take()).transpose()
}

/// So many users' tokens lie together in their index, a run of numbers: new users write into the last run only, however
/// many there are, and a search asks run after run (decision 0034).
pub(crate) const RUN: i64 = 65_536;

/// The run of a user's tokens.
pub(crate) fn run_of(number: i64) -> i64 {
    number / RUN
}

/// What a user can be found by, and what may exist once only, as tokens. Made before the transaction where there are many.
pub(crate) struct Findable {
    unique: Vec<(Unique, UniqueToken)>,
    /// Sorted, each once.
    tokens: Vec<SearchToken>,
    /// The username could be an e-mail address.
    has_address_username: bool,
    /// The username could be a telephone number, and which one is.
    phone_names: PhoneNames,
}

impl Findable {
    /// Of a checked profile.
    pub fn of(lookup: &Lookup, profile: &Profile) -> Findable {
        let names = [&profile.middle_name, &profile.preferred_name, &profile.business_name].into_iter().flatten();
        let mut tokens =
            lookup.of_names([&profile.first_name, &profile.last_name].into_iter().chain(names).map(|it| &**it));
        tokens.extend(profile.username.iter().flat_map(|username| lookup.of_username(username)));
        tokens.extend(profile.email.iter().flat_map(|email| lookup.of_email(email)));
        tokens.extend(profile.phone.iter().flat_map(|phone| lookup.of_phone(phone)));
        let identifiers = profile.identifiers.all().chain(&profile.photo_id.number);
        tokens.extend(identifiers.flat_map(|identifier| lookup.of_identifier(identifier)));
        tokens.extend(profile.sales_agent_code.iter().map(|code| lookup.of_agent(code)));
        tokens.sort_unstable();
        tokens.dedup();
        let has_address_username = profile.username.as_ref().is_some_and(|username| username.contains('@'));
        let phone_names = PhoneNames::of(profile);
        Findable { unique: unique_tokens(lookup, profile), tokens, has_address_username, phone_names }
    }

    /// What is compared across usernames and telephone numbers.
    pub fn phone_names(&self) -> &PhoneNames {
        &self.phone_names
    }

    /// What may exist once only.
    pub fn unique(&self) -> &[(Unique, UniqueToken)] {
        &self.unique
    }

    /// Its tokens with the user's number, as `insert_tokens` takes them.
    fn rows(&self, number: i64) -> impl Iterator<Item = (SearchToken, i64)> {
        self.tokens.iter().map(move |token| (*token, number))
    }
}

/// Writes what a user can be found by and what may exist once only; says which field is taken.
pub(crate) async fn index(tx: &mut Tx, tenant: &Tenant, user: &User, now: &Findable) -> Result<()> {
    let number = user.number;
    unique::insert(tx, tenant.id, number, now.unique.iter()).await?;
    names::check(tx, tenant, user.id, &now.phone_names).await?;
    note_usernames(tx, tenant.id, [now]).await?;
    insert_tokens(tx, tenant.id, &now.rows(number).collect::<Vec<_>>()).await
}

/// Keeps in mind which kinds of username there are, so that nobody looks for others.
async fn note_usernames<'a>(
    tx: &mut Tx,
    tenant: TenantId,
    new: impl IntoIterator<Item = &'a Findable> + Clone,
) -> Result<()> {
    if new.clone().into_iter().any(|it| it.has_address_username) {
        unique::note_address_username(tx, tenant).await?;
    }
    if new.into_iter().any(|it| it.phone_names.username().is_some()) {
        unique::note_numeric_username(tx, tenant).await?;
    }
    Ok(())
}

/// The same for many users by their numbers; one of them whose name was taken since fails them all.
pub(crate) async fn index_many(
    tx: &mut Tx,
    tenant: TenantId,
    users: &[(i64, &Findable)],
    looked: &Looked,
) -> Result<()> {
    let unique = users.iter().flat_map(|(number, it)| it.unique.iter().map(|(_, token)| (*token, *number)));
    unique::insert_many(tx, tenant, unique.collect(), looked).await?;
    note_usernames(tx, tenant, users.iter().map(|(_, it)| *it)).await?;
    let mut tokens: Vec<_> = users.iter().flat_map(|(number, it)| it.rows(*number)).collect();
    // In the order of the key, so that what goes into the same page goes there together.
    tokens.sort_unstable_by_key(|(token, number)| (run_of(*number), *token, *number));
    insert_tokens(tx, tenant, &tokens).await
}

/// Writes tokens of any users, those of a run one after the other.
async fn insert_tokens(tx: &mut Tx, tenant: TenantId, rows: &[(SearchToken, i64)]) -> Result<()> {
    for rows in rows.chunk_by(|(_, one), (_, next)| run_of(*one) == run_of(*next)) {
        let run = run_of(rows[0].1);
        tx.put(INSERT_RUN, params![tenant, run]).await?;
        let mut rest = rows;
        for (many, sql) in INSERT_TOKENS.iter() {
            while let Some((chunk, after)) = rest.split_at_checked(*many) {
                let mut values = vec![tenant.to_param(), run.to_param()];
                values.extend(chunk.iter().flat_map(|(token, number)| [token.to_param(), number.to_param()]));
                tx.put(sql.as_str(), &values).await?;
                rest = after;
            }
        }
        for (token, number) in rest {
            tx.put(INSERT_TOKEN, params![tenant, run, token, number]).await?;
        }
    }
    Ok(())
}

/// Moves what a user can be found by from one profile to another.
pub(crate) async fn reindex(
    tx: &mut Tx,
    tenant: &Tenant,
    user: &User,
    before: &Findable,
    now: &Findable,
) -> Result<()> {
    let (whole, tenant) = (tenant, tenant.id);
    for (_, token) in before.unique.iter().filter(|it| !now.unique.contains(it)) {
        unique::delete(tx, tenant, user.number, token).await?;
    }
    unique::insert(tx, tenant, user.number, now.unique.iter().filter(|it| !before.unique.contains(it))).await?;
    names::check(tx, whole, user.id, &now.phone_names.clone().beside(&before.phone_names)).await?;
    note_usernames(tx, tenant, [now]).await?;
    for token in before.tokens.iter().filter(|token| now.tokens.binary_search(token).is_err()) {
        tx.put(DELETE_TOKEN, params![tenant, run_of(user.number), token, user.number]).await?;
    }
    let new = now.rows(user.number).filter(|(token, _)| before.tokens.binary_search(token).is_err());
    insert_tokens(tx, tenant, &new.collect::<Vec<_>>()).await
}

/// Lets go of what may exist once only before others take it in the same transaction; the profile follows with `reindex`.
pub(crate) async fn give_up(tx: &mut Tx, tenant: TenantId, number: i64, token: &UniqueToken) -> Result<()> {
    unique::delete(tx, tenant, number, token).await
}

/// A user to be inserted, with what was sealed for her outside.
pub(crate) struct NewRow<'a> {
    /// Who.
    pub user: &'a User,
    /// Her number.
    pub number: i64,
    /// Her key, wrapped.
    pub wrapped: &'a [u8],
    /// Her marks, sealed.
    pub marks: Option<&'a [u8]>,
}

/// Inserts a user with her key.
pub(crate) async fn insert(tx: &mut Tx, tenant: &Tenant, user: &mut User, random: &Random) -> Result<()> {
    let wrapped = user.key()?.wrap(&tenant.keys, tenant.id, user.id.bytes());
    let marks = user.sealed_marks(random)?;
    let row = NewRow { user, number: user.number, wrapped: &wrapped, marks: marks.as_deref() };
    insert_many(tx, tenant.id, &[row]).await?;
    user.counted = census::axes_of(user);
    user.diaspora_stored = Some(user.diaspora);
    Ok(())
}

/// Inserts users with their keys: every new user comes this way.
pub(crate) async fn insert_many(tx: &mut Tx, tenant: TenantId, rows: &[NewRow<'_>]) -> Result<()> {
    for row in rows {
        let (user, standing) = (row.user, &row.user.standing);
        tx.put(
            INSERT,
            params![
                tenant,
                user.id,
                row.number,
                user.kind,
                user.employee,
                user.risk_locked,
                user.sealed_profile,
                row.marks,
                user.password_hash,
                standing.lock.word(),
                standing.lock.cause(),
                standing.lock.until(),
                standing.admission,
                standing.core,
                standing.suspension,
                standing.flag(),
                banks(standing)?,
                standing.blacklist,
                standing.fraud,
                standing.verification,
                standing.hold,
                standing.presence,
                user.created_at,
                user.last_seen_at,
                user.diaspora,
                row.wrapped,
                seat(tenant, row.number)
            ],
        )
        .await?;
    }
    census::store::count_new(tx, tenant, rows.iter().map(|row| (row.number, census::axes_of(row.user)))).await
}

fn banks(standing: &Standing) -> Result<String> {
    serde_json::to_string(&standing.flagged_banks).map_err(Error::internal)
}

/// The version moves with every save; a racing writer finds none. Whatever has changed is counted.
async fn saved(tx: &mut Tx, user: &mut User) -> Result<()> {
    user.version += 1;
    census::store::count(tx, user).await
}

/// Counts a user by what was added since her row was written.
pub(crate) async fn recount(tx: &mut Tx, user: &mut User) -> Result<()> {
    tx.put_version(census::store::RECOUNT, params![user.tenant, user.id, user.version]).await?;
    saved(tx, user).await
}

/// Saves the lock axis and the count of wrong passwords.
pub(crate) async fn save_lock(tx: &mut Tx, user: &mut User, random: &Random, now: Time) -> Result<()> {
    let standing = &user.standing;
    tx.put_version(
        SAVE_LOCK,
        params![
            user.tenant,
            user.id,
            user.version,
            standing.lock.word(),
            standing.lock.cause(),
            standing.lock.until(),
            standing.unlock_queued_at,
            user.failed_sign_ins,
            user.failing_since,
            user.sealed_marks(random)?,
            now
        ],
    )
    .await?;
    user.updated_at = now;
    saved(tx, user).await
}

/// Saves every axis but the lock.
pub(crate) async fn save_standing(tx: &mut Tx, user: &mut User, random: &Random, now: Time) -> Result<()> {
    let standing = &user.standing;
    tx.put_version(
        SAVE_STANDING,
        params![
            user.tenant,
            user.id,
            user.version,
            standing.admission,
            standing.core,
            standing.suspension,
            standing.flag(),
            banks(standing)?,
            standing.blacklist,
            standing.fraud,
            standing.verification,
            standing.hold,
            standing.presence,
            user.sealed_marks(random)?,
            now
        ],
    )
    .await?;
    user.updated_at = now;
    saved(tx, user).await
}

/// Saves the profile and what stands beside it.
pub(crate) async fn save_profile(tx: &mut Tx, user: &mut User, now: Time) -> Result<()> {
    let (sealed, kind) = (&user.sealed_profile, user.kind);
    tx.put_version(
        SAVE_PROFILE,
        params![
            user.tenant,
            user.id,
            user.version,
            sealed,
            kind,
            user.employee,
            user.risk_locked,
            now,
            user.email_changed_at,
            user.phone_changed_at
        ],
    )
    .await?;
    user.updated_at = now;
    saved(tx, user).await
}

/// Saves password and second factor, and the core state that a new password ends.
pub(crate) async fn save_credentials(tx: &mut Tx, user: &mut User, now: Time) -> Result<()> {
    let (hash, factor, step) = (&user.password_hash, &user.sealed_second_factor, user.second_factor_step);
    let core = user.standing.core;
    tx.put_version(
        SAVE_CREDENTIALS,
        params![user.tenant, user.id, user.version, hash, factor, step, core, now, user.sealed_pin],
    )
    .await?;
    user.updated_at = now;
    saved(tx, user).await
}

/// Saves a sign-in: seen now, wrong passwords forgotten.
pub(crate) async fn save_seen(tx: &mut Tx, user: &mut User, now: Time) -> Result<()> {
    tx.put_version(SAVE_SEEN, params![user.tenant, user.id, user.version, now, user.second_factor_step]).await?;
    user.last_seen_at = Some(now);
    (user.failed_sign_ins, user.failing_since) = (0, None);
    saved(tx, user).await
}

/// Destroys the key and clears what it sealed, and what she could be found by.
pub(crate) async fn erase(tx: &mut Tx, tenant: &Tenant, user: &mut User, now: Time) -> Result<()> {
    let nobody = Findable {
        unique: Vec::new(),
        tokens: Vec::new(),
        has_address_username: false,
        phone_names: PhoneNames::default(),
    };
    // Somebody whose key is gone already (`restored`) cannot be read any more, not even for this.
    if user.person.is_some() {
        reindex(tx, tenant, user, &Findable::of(tenant.keys.lookup(), &*user.profile()?), &nobody).await?;
    }
    let flag = if user.standing.flagged_whole { "whole" } else { "none" };
    tx.put_version(ERASE, params![user.tenant, user.id, user.version, now, flag]).await?;
    user.standing.presence = Presence::Erased;
    user.diaspora = false;
    user.standing.flagged_banks.clear();
    saved(tx, user).await
}

/// Some users whose unlock waits.
pub(crate) async fn queued_unlocks(rd: &mut Rd, tenant: TenantId, limit: i64) -> Result<Vec<UserId>> {
    rd.all(QUEUED_UNLOCKS, params![tenant, limit]).await?.into_iter().map(|mut row| row.take()).collect()
}

pub(crate) const KEYLESS: &str = "\
    SELECT id
    FROM users
    WHERE tenant_id = $1 AND person_key IS NULL AND presence <> 'erased'
    LIMIT $2";

/// Users whose keys are gone and who are not erased: after a backup was restored with the keys of a later day.
pub(crate) async fn keyless(rd: &mut Rd, tenant: TenantId, limit: i64) -> Result<Vec<UserId>> {
    rd.all(KEYLESS, params![tenant, limit]).await?.into_iter().map(|mut row| row.take()).collect()
}

/// Forgets by what users could be found whose numbers these are, without knowing it.
pub(crate) async fn forget_how_to_find_erased(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    for table in ["user_token", "user_unique", "user_unique_recent"] {
        let erased = "SELECT number FROM users WHERE tenant_id = $1 AND presence = 'erased'";
        tx.run(format!("DELETE FROM {table} WHERE tenant_id = $1 AND number IN ({erased})"), params![tenant]).await?;
    }
    Ok(())
}
