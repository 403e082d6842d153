//! From a credential to a caller. A key revoked, a session ended, a staff member disabled or a role changed counts from the
//! next request on, in every process: a session is looked up for every request, and what a key may do is remembered only
//! together with the *access version*, which every change of staff, memberships, roles and keys counts up in its own
//! transaction, and which every request reads (docs/decisions/0008-callers-by-version.md).

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::caller::{Caller, Origin, Who};
use crate::db::{Rd, Read, Row, Shared, Tx, params};
use crate::door::{Desk, Inner};
use crate::error::{Error, Result};
use crate::key::{self, Key, KeyKind};
use crate::permission::Permissions;
use crate::tenant::Tenant;
use crate::user::{self, Attempt};
use crate::value::clock::Time;
use crate::value::id::{KeyId, SessionId, StaffId, TenantId, UserId};
use crate::value::secret::{Secret, fingerprint, hex, pasted, same};

/// A key that counts now, its owner, and one row for each of the owner's roles. `$1` is the tenant, `$3` this moment.
macro_rules! key_that_counts {
    () => {
        "k.id, k.staff_id, k.permissions, k.expires_at, r.permissions
        FROM key k
        JOIN staff s ON s.tenant_id = k.tenant_id AND s.id = k.staff_id
        LEFT JOIN member m ON m.tenant_id = s.tenant_id AND m.staff_id = s.id
        LEFT JOIN role r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
        WHERE k.tenant_id = $1 AND k.revoked_at IS NULL AND s.disabled_at IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > $3)"
    };
}

pub(crate) const KEY_BY_SECRET: &str = concat!("SELECT ", key_that_counts!(), " AND k.fingerprint = $2");

pub(crate) const KEY_BY_ID: &str = concat!("SELECT ", key_that_counts!(), " AND k.id = $2");

/// For a bearer of a token that the key was given: not once the token was revoked.
pub(crate) const KEY_BY_TOKEN: &str = concat!(
    "SELECT ",
    key_that_counts!(),
    " AND k.id = $2
        AND NOT EXISTS (SELECT 1 FROM assertion a WHERE a.tenant_id = $1 AND a.key_id = k.id AND a.jti = $4)"
);

pub(crate) const CLIENT: &str = "\
    SELECT tenant_id, id, kind, name, staff_id, client_id, public_keys, permissions, enforce_scopes, scopes, expires_at,
           revoked_at, created_at, callback_url
    FROM key
    WHERE client_id = $1";

/// A client with a secret, of one kind, that counts now.
pub(crate) const CLIENT_WITH_SECRET: &str = "\
    SELECT k.tenant_id, k.id, k.secret
    FROM key k
    JOIN staff s ON s.tenant_id = k.tenant_id AND s.id = k.staff_id
    WHERE k.client_id = $1 AND k.kind = $2 AND k.revoked_at IS NULL AND s.disabled_at IS NULL
        AND (k.expires_at IS NULL OR k.expires_at > $3)";

pub(crate) const SESSION: &str = "\
    SELECT id, who, subject_id
    FROM session
    WHERE tenant_id = $1 AND fingerprint = $2 AND ended_at IS NULL AND expires_at > $3";

pub(crate) const PERMISSIONS_OF: &str = "\
    SELECT r.permissions
    FROM staff s
    JOIN member m ON m.tenant_id = s.tenant_id AND m.staff_id = s.id
    JOIN role r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
    WHERE s.tenant_id = $1 AND s.id = $2 AND s.disabled_at IS NULL";

pub(crate) const IS_ACTIVE_STAFF: &str =
    "SELECT password_change_due FROM staff WHERE tenant_id = $1 AND id = $2 AND disabled_at IS NULL";

pub(crate) const ACCESS_VERSION: &str = "SELECT version FROM access_version WHERE tenant_id = $1";

pub(crate) const COUNT_ACCESS_UP: &str = "\
    INSERT INTO access_version (tenant_id, version)
    VALUES ($1, 1)
    ON CONFLICT (tenant_id) DO UPDATE SET version = access_version.version + 1";

/// How many keys and tokens are remembered, and how long at most without having been looked up.
const REMEMBERED: u64 = 10_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// Keys and tokens that counted when they were last looked up, by their fingerprints; and the question, for each tenant,
/// whether that still stands.
pub(crate) struct Remembered {
    looked: Cache<[u8; 32], Looked>,
    versions: Cache<TenantId, Arc<Shared<i64>>>,
}

/// What was found, at which access version.
#[derive(Clone, Copy)]
struct Looked {
    version: i64,
    expires_at: Option<Time>,
    found: Found,
}

impl Remembered {
    pub fn nothing() -> Remembered {
        let looked = Cache::builder().max_capacity(REMEMBERED).time_to_live(REMEMBERED_FOR).build();
        Remembered { looked, versions: Cache::new(REMEMBERED) }
    }
}

/// Forgets, in every process, who may do what: with the change of it, in one transaction.
pub(crate) async fn count_access_up(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    tx.put(COUNT_ACCESS_UP, params![tenant]).await
}

/// A credential as text: its prefix says what it is and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credential {
    Key(TenantId),
    UserSession(TenantId),
    StaffSession(TenantId),
}

fn kind_of(text: &str) -> Option<Credential> {
    if text.len() > 200 {
        return None;
    }
    let mut parts = text.splitn(4, '_');
    let (prefix, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    let number = |digits: &str| digits.parse().ok().map(TenantId);
    match prefix {
        "bsk" => number(third).map(Credential::Key),
        "bus" => number(second).map(Credential::UserSession),
        "bss" => number(second).map(Credential::StaffSession),
        _ => None,
    }
}

/// The tenant that a one-time link's token belongs to.
pub fn tenant_of_link(token: &str) -> Option<TenantId> {
    let token = pasted(token);
    let (tenant, _) = token.expose().strip_prefix("bur_")?.split_once('_')?;
    tenant.parse().ok().map(TenantId)
}

const WRONG: Error = Error::Unauthenticated("the credential is unknown, revoked or has expired");

impl Desk {
    /// The caller behind a bearer credential of ours: a native key, a user's session or a staff session.
    pub async fn caller(&self, credential: &str, origin: Origin) -> Result<Caller> {
        let print = fingerprint(credential);
        let now = self.now();
        let found = match kind_of(credential).ok_or(WRONG)? {
            Credential::Key(tenant) => self.look_up(print, FindKey { tenant, by: ByKey::Secret(print), now }).await?,
            Credential::UserSession(id) => {
                // A tenant that does not exist has no sessions.
                let tenant = self.tenant(id).await.map_err(|_| WRONG)?;
                self.inner.db.read(FindSession { tenant, print, now, staff: false }).await?
            }
            Credential::StaffSession(id) => {
                let tenant = self.tenant(id).await.map_err(|_| WRONG)?;
                self.inner.db.read(FindSession { tenant, print, now, staff: true }).await?
            }
        };
        let (tenant, who, may) = found.ok_or(WRONG)?;
        Ok(Caller { who, tenant, may, origin })
    }

    /// The same caller with what is left now of what she might do when she came: for answers that take longer than a moment.
    pub async fn caller_now(&self, caller: &Caller) -> Result<Caller> {
        let (tenant, who, now) = (caller.tenant, caller.who, self.now());
        let may = self.inner.db.read(FindNow { tenant, who, now }).await?;
        Ok(Caller { may: caller.may.and(may), ..caller.clone() })
    }

    /// The caller behind a key that proved itself in another way (a token we signed, a vendor's signature).
    pub async fn caller_of_key(&self, tenant: TenantId, key: KeyId, origin: Origin) -> Result<Caller> {
        let find = FindKey { tenant, by: ByKey::Id(key), now: self.now() };
        let (tenant, who, may) = self.inner.db.read(find).await?.ok_or(WRONG)?;
        Ok(Caller { who, tenant, may, origin })
    }

    /// The caller behind a key, proved by a token we signed for it. `token` is the token's own id.
    pub async fn caller_of_token(&self, tenant: TenantId, key: KeyId, token: &str, origin: Origin) -> Result<Caller> {
        let print = key::token_print(token);
        let find = FindKey { tenant, by: ByKey::Token(key, print), now: self.now() };
        let (tenant, who, may) = self.look_up(print, find).await?.ok_or(WRONG)?;
        Ok(Caller { who, tenant, may, origin })
    }

    /// What the key may do now. Remembered by this fingerprint; believed as long as nothing has changed since.
    async fn look_up(&self, print: [u8; 32], find: FindKey) -> Result<Option<Found>> {
        let Inner { db, remembered, .. } = &*self.inner;
        let tenant = find.tenant;
        let known = remembered.looked.get(&print).filter(|it| find.is_met_by(it));
        let shared = || remembered.versions.get_with(tenant, || Arc::new(Shared::new()));
        if let Some(known) = known
            && known.version == db.read_shared(shared, || AccessVersion(tenant)).await?
        {
            return Ok(Some(known.found));
        }
        let looked = db.read(LookUp(find)).await?;
        match looked {
            Some(looked) => remembered.looked.insert(print, looked),
            None if known.is_some() => remembered.looked.invalidate(&print),
            None => {}
        }
        Ok(looked.map(|it| it.found))
    }

    /// The OAuth client of this id, with its tenant; also a revoked one, so that the door can say so in its log.
    pub async fn client(&self, client_id: &str) -> Result<Option<(TenantId, Key)>> {
        if client_id.len() > 100 {
            return Ok(None);
        }
        self.inner.db.read(FindClient(client_id.to_owned())).await
    }
}

/// A program that speaks as the Switch voice, as it counts now.
pub struct SwitchClient {
    /// Whose.
    pub tenant: Arc<Tenant>,
    secret: Secret,
}

impl SwitchClient {
    /// Whether this is the checksum of a payload: HMAC-SHA-256 in hexadecimal.
    pub fn is_checksum(&self, payload: &[u8], checksum: &str) -> bool {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, self.secret.expose().as_bytes());
        let right = aws_lc_rs::hmac::sign(&key, payload);
        let right = hex(right.as_ref());
        same(right.as_bytes(), checksum.to_ascii_lowercase().as_bytes())
    }
}

impl Desk {
    /// The Switch client of this id; nothing for one that is unknown, revoked or past its time, or whose owner was disabled:
    /// she knows its secret.
    pub async fn switch_client(&self, client_id: &str) -> Result<Option<SwitchClient>> {
        if client_id.is_empty() || client_id.len() > 100 {
            return Ok(None);
        }
        let found = self.secret_of(KeyKind::SwitchClient, client_id).await?;
        Ok(found.map(|(tenant, _, secret)| SwitchClient { tenant, secret }))
    }

    /// The Choice sender of this id; nothing for one that is unknown, revoked or past its time.
    pub async fn choice_sender(&self, sender: &str) -> Result<Option<ChoiceSender>> {
        if sender.is_empty() || sender.len() > 100 {
            return Ok(None);
        }
        let found = self.secret_of(KeyKind::ChoiceSender, sender).await?;
        let id = sender.to_owned();
        Ok(found.map(|(tenant, key, signing_key)| ChoiceSender { tenant, key, id, signing_key }))
    }

    /// The caller a sender acts as, who has signed a request: its key's owner with her permissions of now; refused if she is
    /// no longer here.
    pub async fn caller_of_sender(&self, sender: &ChoiceSender, origin: Origin) -> Result<Caller> {
        let print = fingerprint(&format!("choice sender {}", sender.key));
        let find = FindKey { tenant: sender.tenant.id, by: ByKey::Id(sender.key), now: self.now() };
        let (tenant, who, may) = self.look_up(print, find).await?.ok_or(WRONG)?;
        Ok(Caller { who, tenant, may, origin })
    }

    /// Whether a sender uses this id of a request for the first time; remembered until then.
    pub async fn first_request(&self, sender: &ChoiceSender, request: &str, until: Time) -> Result<bool> {
        let (tenant, key) = (sender.tenant.id, sender.key);
        self.inner.db.write(key::RememberRequest { tenant, key, request: request.to_owned(), until }).await
    }

    /// A key known by a client id, with its secret opened.
    async fn secret_of(&self, kind: KeyKind, client_id: &str) -> Result<Option<(Arc<Tenant>, KeyId, Secret)>> {
        let find = FindSecret { kind, client_id: client_id.to_owned(), now: self.now() };
        let Some((tenant, id, sealed)) = self.inner.db.read(find).await? else { return Ok(None) };
        let tenant = self.tenant(tenant).await?;
        let secret = key::opened_secret(&tenant, &id, &sealed)?;
        Ok(Some((tenant, id, secret)))
    }
}

/// A partner of the Choice voice, as it counts now.
pub struct ChoiceSender {
    /// Whose.
    pub tenant: Arc<Tenant>,
    /// Its key.
    pub key: KeyId,
    /// Its sender id.
    pub id: String,
    /// What signs and checks.
    pub signing_key: Secret,
}

struct FindSecret {
    kind: KeyKind,
    client_id: String,
    now: Time,
}

impl Read for FindSecret {
    type Output = Option<(TenantId, KeyId, Vec<u8>)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let row = rd.find(CLIENT_WITH_SECRET, params![self.client_id, self.kind, self.now]).await?;
        row.map(|mut row| Ok((row.take()?, row.take()?, row.take()?))).transpose()
    }
}

enum ByKey {
    Secret([u8; 32]),
    Id(KeyId),
    Token(KeyId, [u8; 32]),
}

struct FindKey {
    tenant: TenantId,
    by: ByKey,
    now: Time,
}

type Found = (TenantId, Who, Permissions);

impl FindKey {
    /// Whether what is remembered is of this key, and has not expired.
    fn is_met_by(&self, it: &Looked) -> bool {
        let (tenant, who, _) = it.found;
        let is_key = match (&self.by, who) {
            (ByKey::Secret(_), Who::Key { .. }) => true,
            (ByKey::Id(id) | ByKey::Token(id, _), Who::Key { id: known, .. }) => *id == known,
            _ => false,
        };
        is_key && tenant == self.tenant && it.expires_at.is_none_or(|end| end > self.now)
    }

    async fn find(&self, rd: &mut Rd) -> Result<Option<(Found, Option<Time>)>> {
        let rows = match &self.by {
            ByKey::Secret(print) => rd.all(KEY_BY_SECRET, params![self.tenant, print, self.now]).await?,
            ByKey::Id(id) => rd.all(KEY_BY_ID, params![self.tenant, id, self.now]).await?,
            ByKey::Token(id, print) => rd.all(KEY_BY_TOKEN, params![self.tenant, id, self.now, print]).await?,
        };
        let mut found: Option<(KeyId, StaffId, Option<Permissions>, Option<Time>)> = None;
        let mut may = Permissions::NONE;
        for mut row in rows {
            let (key, staff) = (row.take()?, row.take()?);
            let narrowed: Option<String> = row.take()?;
            found = Some((key, staff, narrowed.map(|text| Permissions::from_stored(&text)), row.take()?));
            may = may.or(role_of(&mut row)?);
        }
        Ok(found.map(|(id, staff, narrowed, expires_at)| {
            let may = narrowed.map_or(may, |narrowed| may.and(narrowed));
            ((self.tenant, Who::Key { id, staff }, may), expires_at)
        }))
    }
}

impl Read for FindKey {
    type Output = Option<Found>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<Found>> {
        Ok(self.find(rd).await?.map(|(found, _)| found))
    }
}

/// What is changed with every change of what staff or keys may do.
struct AccessVersion(TenantId);

impl Read for AccessVersion {
    type Output = i64;

    async fn run(&self, rd: &mut Rd) -> Result<i64> {
        let row = rd.find(ACCESS_VERSION, params![self.0]).await?;
        Ok(row.map(|mut row| row.take()).transpose()?.unwrap_or(0))
    }
}

/// A key, to be remembered.
struct LookUp(FindKey);

impl Read for LookUp {
    type Output = Option<Looked>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<Looked>> {
        // The version first: a change between the two statements is then found at the next request at the latest.
        let version = AccessVersion(self.0.tenant).run(rd).await?;
        let found = self.0.find(rd).await?;
        Ok(found.map(|(found, expires_at)| Looked { version, expires_at, found }))
    }
}

fn role_of(row: &mut Row) -> Result<Permissions> {
    let stored: Option<String> = row.take()?;
    Ok(stored.map_or(Permissions::NONE, |text| Permissions::from_stored(&text)))
}

struct FindSession {
    tenant: Arc<Tenant>,
    print: [u8; 32],
    now: Time,
    staff: bool,
}

impl Read for FindSession {
    type Output = Option<Found>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<Found>> {
        let id = self.tenant.id;
        let Some(mut row) = rd.find(SESSION, params![id, self.print, self.now]).await? else { return Ok(None) };
        let session: SessionId = row.take()?;
        let who: String = row.take()?;
        match (who.as_str(), self.staff) {
            ("staff", true) => {
                let staff: StaffId = row.take()?;
                let Some(mut row) = rd.find(IS_ACTIVE_STAFF, params![id, staff]).await? else { return Ok(None) };
                // A password that somebody else has set opens nothing but its own change.
                let may = match row.take()? {
                    true => Permissions::NONE,
                    false => permissions_of(rd, id, staff).await?,
                };
                Ok(Some((id, Who::Staff { id: staff, session }, may)))
            }
            ("user", false) => {
                let user: UserId = row.take()?;
                let house = Caller::house(id, crate::caller::Door::Native);
                let loaded = user::store::load(rd, &self.tenant, &house, user).await?;
                // Whatever bars a user has ended her sessions in its own commit; this is the second lock on that door.
                if loaded.try_to(Attempt::UseSession, self.now).is_err() {
                    return Ok(None);
                }
                Ok(Some((id, Who::User { id: user, session }, Permissions::NONE)))
            }
            _ => Ok(None),
        }
    }
}

/// What a staff member may do now: the union of her roles.
pub(crate) async fn permissions_of(rd: &mut Rd, tenant: TenantId, staff: StaffId) -> Result<Permissions> {
    let mut may = Permissions::NONE;
    for mut row in rd.all(PERMISSIONS_OF, params![tenant, staff]).await? {
        may = may.or(role_of(&mut row)?);
    }
    Ok(may)
}

/// What somebody may do now who came to the desk earlier and is not here any more: nothing once the key was revoked, or the
/// staff member disabled.
pub(crate) async fn permissions_now(rd: &mut Rd, tenant: TenantId, who: Who, now: Time) -> Result<Permissions> {
    match who {
        Who::House => Ok(Permissions::all()),
        Who::Staff { id, .. } => permissions_of(rd, tenant, id).await,
        Who::Key { id, .. } => permissions_of_key(rd, tenant, id, now).await,
        Who::User { .. } | Who::Anonymous => Ok(Permissions::NONE),
    }
}

struct FindNow {
    tenant: TenantId,
    who: Who,
    now: Time,
}

impl Read for FindNow {
    type Output = Permissions;

    async fn run(&self, rd: &mut Rd) -> Result<Permissions> {
        permissions_now(rd, self.tenant, self.who, self.now).await
    }
}

/// The same for whom a record names as its author (`Caller::author`).
pub(crate) async fn permissions_of_author(
    rd: &mut Rd,
    tenant: TenantId,
    author: &str,
    now: Time,
) -> Result<Permissions> {
    let (kind, id) = author.split_once(':').unwrap_or((author, ""));
    match (kind, StaffId::parse(id), KeyId::parse(id)) {
        ("house", ..) => Ok(Permissions::all()),
        ("staff", Some(id), _) => permissions_of(rd, tenant, id).await,
        ("key", _, Some(id)) => permissions_of_key(rd, tenant, id, now).await,
        _ => Ok(Permissions::NONE),
    }
}

async fn permissions_of_key(rd: &mut Rd, tenant: TenantId, key: KeyId, now: Time) -> Result<Permissions> {
    Ok(key_now(rd, tenant, key, now).await?.map_or(Permissions::NONE, |(_, may)| may))
}

/// Who a key acts as now, and what it may do; nothing for one that does not count.
pub(crate) async fn key_now(
    rd: &mut Rd,
    tenant: TenantId,
    key: KeyId,
    now: Time,
) -> Result<Option<(Who, Permissions)>> {
    let found = FindKey { tenant, by: ByKey::Id(key), now }.run(rd).await?;
    Ok(found.map(|(_, who, may)| (who, may)))
}

struct FindClient(String);

impl Read for FindClient {
    type Output = Option<(TenantId, Key)>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<(TenantId, Key)>> {
        let Some(mut row) = rd.find(CLIENT, params![self.0]).await? else { return Ok(None) };
        let tenant = row.take()?;
        Ok(Some((tenant, key::read(row)?)))
    }
}
