//! From a credential to a caller. Looked up for every request, never cached: a key revoked, a session ended, a staff
//! member disabled or a role changed counts from the next request on, in every process.

use std::sync::Arc;

use crate::caller::{Caller, Origin, Who};
use crate::db::{Rd, Read, Row, params};
use crate::door::Desk;
use crate::error::{Error, Result};
use crate::key::{self, Key};
use crate::permission::Permissions;
use crate::tenant::Tenant;
use crate::user::{self, Attempt};
use crate::value::clock::Time;
use crate::value::id::{KeyId, SessionId, StaffId, TenantId, UserId};
use crate::value::seal::Sealing;
use crate::value::secret::{Secret, fingerprint, same};
use crate::verb::Cx;

/// A key that counts now, its owner, and one row for each of the owner's roles. `$1` is the tenant, `$3` this moment.
macro_rules! key_that_counts {
    () => {
        "k.id, k.staff_id, k.permissions, r.permissions
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
           revoked_at, created_at
    FROM key
    WHERE client_id = $1";

/// A Switch client that counts now, with its secret.
pub(crate) const SWITCH_CLIENT: &str = "\
    SELECT tenant_id, id, secret
    FROM key
    WHERE client_id = $1 AND kind = 'switch_client' AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > $2)";

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

pub(crate) const IS_ACTIVE_STAFF: &str = "SELECT 1 FROM staff WHERE tenant_id = $1 AND id = $2 AND disabled_at IS NULL";

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
    let (tenant, _) = token.strip_prefix("bur_")?.split_once('_')?;
    tenant.parse().ok().map(TenantId)
}

const WRONG: Error = Error::Unauthenticated("the credential is unknown, revoked or has expired");

impl Desk {
    /// The caller behind a bearer credential of ours: a native key, a user's session or a staff session.
    pub async fn caller(&self, credential: &str, origin: Origin) -> Result<Caller> {
        let print = fingerprint(credential);
        let now = self.now();
        let found = match kind_of(credential).ok_or(WRONG)? {
            Credential::Key(tenant) => self.inner.db.read(FindKey { tenant, by: ByKey::Secret(print), now }).await?,
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

    /// The caller behind a key that proved itself in another way (a token we signed, a vendor's signature).
    pub async fn caller_of_key(&self, tenant: TenantId, key: KeyId, origin: Origin) -> Result<Caller> {
        let find = FindKey { tenant, by: ByKey::Id(key), now: self.now() };
        let (tenant, who, may) = self.inner.db.read(find).await?.ok_or(WRONG)?;
        Ok(Caller { who, tenant, may, origin })
    }

    /// The caller behind a key, proved by a token we signed for it. `token` is the token's own id.
    pub async fn caller_of_token(&self, tenant: TenantId, key: KeyId, token: &str, origin: Origin) -> Result<Caller> {
        let by = ByKey::Token(key, key::token_print(token));
        let (tenant, who, may) = self.inner.db.read(FindKey { tenant, by, now: self.now() }).await?.ok_or(WRONG)?;
        Ok(Caller { who, tenant, may, origin })
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
        let right: String = right.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        same(right.as_bytes(), checksum.to_ascii_lowercase().as_bytes())
    }
}

impl Desk {
    /// The Switch client of this id; nothing for one that is unknown, revoked or past its time.
    pub async fn switch_client(&self, client_id: &str) -> Result<Option<SwitchClient>> {
        if client_id.is_empty() || client_id.len() > 100 {
            return Ok(None);
        }
        let find = FindSwitchClient { client_id: client_id.to_owned(), now: self.now() };
        let Some((tenant, id, sealed)) = self.inner.db.read(find).await? else { return Ok(None) };
        let tenant = self.tenant(tenant).await?;
        let plain = tenant.keys.open(&key::secret_place(tenant.id, &id), &sealed)?;
        let secret = Secret::new(String::from_utf8(plain).map_err(Error::internal)?);
        Ok(Some(SwitchClient { tenant, secret }))
    }
}

struct FindSwitchClient {
    client_id: String,
    now: Time,
}

impl Read for FindSwitchClient {
    type Output = Option<(TenantId, KeyId, Vec<u8>)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let row = rd.find(SWITCH_CLIENT, params![self.client_id, self.now]).await?;
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

impl Read for FindKey {
    type Output = Option<Found>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<Found>> {
        let rows = match &self.by {
            ByKey::Secret(print) => rd.all(KEY_BY_SECRET, params![self.tenant, print, self.now]).await?,
            ByKey::Id(id) => rd.all(KEY_BY_ID, params![self.tenant, id, self.now]).await?,
            ByKey::Token(id, print) => rd.all(KEY_BY_TOKEN, params![self.tenant, id, self.now, print]).await?,
        };
        let mut found: Option<(KeyId, StaffId, Option<Permissions>)> = None;
        let mut may = Permissions::NONE;
        for mut row in rows {
            let (key, staff) = (row.take()?, row.take()?);
            let narrowed: Option<String> = row.take()?;
            found = Some((key, staff, narrowed.map(|text| Permissions::from_stored(&text))));
            may = may.or(role_of(&mut row)?);
        }
        Ok(found.map(|(id, staff, narrowed)| {
            let may = narrowed.map_or(may, |narrowed| may.and(narrowed));
            (self.tenant, Who::Key { id, staff }, may)
        }))
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
                if rd.find(IS_ACTIVE_STAFF, params![id, staff]).await?.is_none() {
                    return Ok(None);
                }
                let may = permissions_of(rd, id, staff).await?;
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
    let found = FindKey { tenant, by: ByKey::Id(key), now }.run(rd).await?;
    Ok(found.map_or(Permissions::NONE, |(_, _, may)| may))
}

impl Cx<'_> {
    /// What a staff member may do now, seen from inside the transaction.
    pub(crate) async fn tx_permissions_of(&mut self, staff: StaffId) -> Result<Permissions> {
        permissions_of(self.tx, self.tenant.id, staff).await
    }
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
