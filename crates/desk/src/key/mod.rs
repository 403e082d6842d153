//! A machine's credentials. A key acts as a staff member, with her permissions of this moment, narrowed where the key
//! says so. Kinds: native secret keys; Banno OAuth clients, known by public keys; Switch clients, known by an id, whose
//! secret makes checksums and opens nothing by itself; Choice senders, known by an id and by what their key has signed.

use serde::{Deserialize, Serialize};

use crate::caller::{Caller, Who};
use crate::credential;
use crate::db::{Rd, Row, Tx, Write, params};
use crate::door::Desk;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::permission::{Permission, Permissions};
use crate::role;
use crate::staff;
use crate::tenant::Tenant;
use crate::value::callback_url::CallbackUrl;
use crate::value::clock::Time;
use crate::value::id::{KeyId, StaffId, TenantId};
use crate::value::seal::{Place, Sealing};
use crate::value::secret::{Secret, fingerprint, new_token};
use crate::value::words;
use crate::verb::{Action, Cx, Question, Qx, Subject};

pub(crate) mod store {
    //! The keys' SQL.

    use super::{Key, opened_secret, read};
    use crate::db::{Rd, Tx, params};
    use crate::error::{Error, Result};
    use crate::tenant::Tenant;
    use crate::value::id::{KeyId, StaffId, TenantId, Uuid};
    use crate::value::secret::Secret;

    macro_rules! columns {
        () => {
            "id, kind, name, staff_id, client_id, public_keys, permissions, enforce_scopes, scopes, expires_at, revoked_at, \
             created_at, callback_url"
        };
    }

    pub(crate) const INSERT: &str = "\
        INSERT INTO key (tenant_id, id, kind, name, staff_id, fingerprint, client_id, public_keys, permissions,
                         enforce_scopes, scopes, expires_at, created_at, made_by, version, secret, callback_url)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, $15, $16)";

    pub(crate) const MAKERS: &str = "SELECT made_by FROM key WHERE tenant_id = $1 AND id = $2";

    pub(crate) const ALL: &str =
        concat!("SELECT ", columns!(), " FROM key WHERE tenant_id = $1 ORDER BY id LIMIT 1000");

    pub(crate) const SELECT: &str = concat!("SELECT ", columns!(), " FROM key WHERE tenant_id = $1 AND id = $2");

    pub(crate) const SELECT_FOR_CHANGE: &str =
        concat!("SELECT ", columns!(), " FROM key WHERE tenant_id = $1 AND id = $2 FOR UPDATE");

    pub(crate) const OF_STAFF: &str =
        concat!("SELECT ", columns!(), " FROM key WHERE tenant_id = $1 AND staff_id = $2 ORDER BY id LIMIT 1000");

    pub(crate) const SET_CALLBACK: &str = "\
        UPDATE key
        SET callback_url = $3, version = version + 1
        WHERE tenant_id = $1 AND id = $2";

    /// The partner that is called back, by its sender id: of this tenant, and no other's.
    pub(crate) const CALLED_BACK: &str = "\
        SELECT id
        FROM key
        WHERE client_id = $2 AND tenant_id = $1 AND kind = 'choice_sender' AND callback_url IS NOT NULL
            AND revoked_at IS NULL";

    pub(crate) const CALLBACK_OF: &str = "SELECT callback_url, secret FROM key WHERE tenant_id = $1 AND id = $2";

    pub(crate) const REVOKE: &str = "\
        UPDATE key
        SET revoked_at = $3, version = version + 1
        WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL";

    pub(crate) const REMEMBER_ASSERTION: &str = "\
        INSERT INTO assertion (tenant_id, key_id, jti, expires_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, key_id, jti) DO NOTHING";

    pub(crate) const SWEEP_ASSERTIONS: &str = "DELETE FROM assertion WHERE expires_at < $1";

    /// Who had a hand in making a key, where that is known: their ids stand one after the other.
    pub(crate) async fn makers(rd: &mut Rd, tenant: TenantId, key: KeyId) -> Result<Vec<StaffId>> {
        let Some(mut row) = rd.find(MAKERS, params![tenant, key]).await? else { return Ok(Vec::new()) };
        let ids: Option<Vec<u8>> = row.take()?;
        let ids = ids.unwrap_or_default();
        Ok(ids.as_chunks::<16>().0.iter().map(|id| StaffId(Uuid::from_bytes(*id))).collect())
    }

    fn absent() -> Error {
        Error::NotFound(KeyId::NOUN)
    }

    /// One key, to read.
    pub(crate) async fn load(rd: &mut Rd, tenant: TenantId, key: KeyId) -> Result<Key> {
        find(rd, tenant, key).await?.ok_or_else(absent)
    }

    /// One key, to read, if it is there.
    pub(crate) async fn find(rd: &mut Rd, tenant: TenantId, key: KeyId) -> Result<Option<Key>> {
        rd.find(SELECT, params![tenant, key]).await?.map(read).transpose()
    }

    /// One key, to change.
    pub(crate) async fn load_for_change(tx: &mut Tx, tenant: TenantId, key: KeyId) -> Result<Key> {
        read(tx.find(SELECT_FOR_CHANGE, params![tenant, key]).await?.ok_or_else(absent)?)
    }

    /// The key of the partner with this sender id, if it is to be called back.
    pub(crate) async fn called_back(rd: &mut Rd, tenant: TenantId, sender: &str) -> Result<Option<KeyId>> {
        rd.find(CALLED_BACK, params![tenant, sender]).await?.map(|mut row| row.take()).transpose()
    }

    /// Where a partner is called back, and what signs it; nothing if it is not called back any more.
    pub(crate) async fn callback_of(rd: &mut Rd, tenant: &Tenant, key: KeyId) -> Result<Option<(String, Secret)>> {
        let Some(mut row) = rd.find(CALLBACK_OF, params![tenant.id, key]).await? else { return Ok(None) };
        let (url, sealed): (Option<String>, Option<Vec<u8>>) = (row.take()?, row.take()?);
        let Some((url, sealed)) = url.zip(sealed) else { return Ok(None) };
        Ok(Some((url, opened_secret(tenant, &key, &sealed)?)))
    }
}

words! {
    /// The kinds of key.
    pub enum KeyKind {
        /// A secret for the native API.
        Native = "native",
        /// An OAuth client of the Banno voice.
        Banno = "banno",
        /// A program that speaks as the Switch voice; people sign in through it.
        SwitchClient = "switch_client",
        /// A partner of the Choice voice: a sender id, and the key that signs what both sides say.
        ChoiceSender = "choice_sender",
    }
}

/// Public keys of an OAuth client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicKeys {
    /// One key in PEM.
    Pem(String),
    /// A JSON Web Key Set.
    Jwks(serde_json::Value),
}

/// A key, without its secret.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Key {
    pub id: KeyId,
    pub kind: KeyKind,
    pub name: String,
    pub staff: StaffId,
    pub client_id: Option<String>,
    pub public_keys: Option<PublicKeys>,
    /// Narrowed to these; absent: all that its owner may.
    pub permissions: Option<Permissions>,
    pub enforce_scopes: bool,
    pub scopes: Vec<String>,
    pub expires_at: Option<Time>,
    pub revoked_at: Option<Time>,
    pub created_at: Time,
    /// Where a partner is called back; absent: it is not.
    pub callback_url: Option<String>,
}

/// A new key and, for kinds with a secret, the secret: shown this once.
pub struct NewKey {
    /// The key.
    pub key: Key,
    /// Its secret.
    pub secret: Option<Secret>,
}

/// Makes a key.
pub struct CreateKey {
    /// Its kind.
    pub kind: KeyKind,
    /// A name for people.
    pub name: String,
    /// Whom it acts as.
    pub staff: StaffId,
    /// Narrow it to these.
    pub permissions: Option<Vec<Permission>>,
    /// The client id, for OAuth kinds; else one is made.
    pub client_id: Option<String>,
    /// Public keys, for OAuth kinds.
    pub public_keys: Option<PublicKeys>,
    /// Whether scopes are enforced on top of permissions.
    pub enforce_scopes: bool,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// Where a partner is called back; for a Choice sender.
    pub callback_url: Option<CallbackUrl>,
}

impl CreateKey {
    /// A native key that may do what its owner may.
    pub fn native(name: &str, staff: StaffId) -> CreateKey {
        CreateKey {
            kind: KeyKind::Native,
            name: name.to_owned(),
            staff,
            permissions: None,
            client_id: None,
            public_keys: None,
            enforce_scopes: false,
            scopes: Vec::new(),
            expires_at: None,
            callback_url: None,
        }
    }
}

impl Action for CreateKey {
    const NAME: &'static str = "key.create";
    type Output = NewKey;

    fn subject(&self) -> Subject {
        Subject::Staff(self.staff)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<NewKey> {
        let name = crate::role::checked_name(&self.name)?;
        staff::store::load(cx.tx, cx.tenant, self.staff).await?;
        // A key for somebody else is worth what that person may do: nobody gives more than she has.
        let may = role::rights_of_staff(cx, self.staff).await?;
        cx.weigh("permissions", &may.to_stored())?;
        cx.caller.reaches(may)?;
        if self.scopes.len() > 50 || self.scopes.iter().any(|scope| scope.len() > 200 || scope.contains(' ')) {
            return Err(Error::invalid("scopes", "invalid", "At most 50 scopes of at most 200 characters."));
        }
        if self.expires_at.is_some_and(|at| at <= cx.now) {
            return Err(Error::invalid("expires_at", "out_of_range", "Must be in the future."));
        }
        let bounds = maker_bounds(cx).await?;
        let expires_at = match (bounds.expires_at, self.expires_at) {
            (Some(end), Some(asked)) if asked > end => return Err(Refusal::BeyondOwnRights.into()),
            (end, asked) => asked.or(end),
        };
        if self.callback_url.is_some() {
            if self.kind != KeyKind::ChoiceSender {
                return Err(not_called_back("callback_url"));
            }
            check_may_be_told(cx.caller, Permissions::NONE)?;
        }
        let id = KeyId::new(cx.id_time(), cx.random);
        let made = || crate::value::id::uuid_v7(cx.now, cx.random).to_string();
        let (secret, client_id) = match self.kind {
            KeyKind::Native => {
                let environment = cx.tenant.environment.word();
                (Some(new_token(&format!("bsk_{environment}_{}_", cx.tenant.id.0), cx.random)), None)
            }
            KeyKind::Banno => {
                if self.public_keys.is_none() {
                    return Err(Error::invalid("public_keys", "required", "A public key in PEM, or a key set."));
                }
                (None, Some(self.client_id.clone().unwrap_or_else(made)))
            }
            KeyKind::SwitchClient => {
                (Some(new_token("bcs_", cx.random)), Some(self.client_id.clone().unwrap_or_else(made)))
            }
            KeyKind::ChoiceSender => {
                (Some(new_token("bcp", cx.random)), Some(self.client_id.clone().unwrap_or_else(made)))
            }
        };
        if client_id.as_ref().is_some_and(|client| client.is_empty() || client.len() > 100) {
            return Err(Error::invalid("client_id", "invalid", "1 to 100 characters."));
        }
        let (print, sealed) = match (self.kind, &secret) {
            // It makes checksums and signatures, and must be known to check them: nobody is found by it.
            (KeyKind::SwitchClient | KeyKind::ChoiceSender, Some(secret)) => (
                None,
                Some(cx.tenant.keys.seal(&secret_place(cx.tenant.id, &id), secret.expose().as_bytes(), cx.random)),
            ),
            (_, secret) => (secret.as_ref().map(|secret| fingerprint(secret.expose())), None),
        };
        let public_keys = self.public_keys.as_ref().map(serde_json::to_string).transpose().map_err(Error::internal)?;
        if public_keys.as_ref().is_some_and(|text| text.len() > 20_000) {
            return Err(Error::invalid("public_keys", "too_long", "At most 20,000 characters."));
        }
        let asked: Option<Permissions> = self.permissions.as_ref().map(|list| list.iter().copied().collect());
        let is_for_another = cx.caller.who != Who::House && cx.caller.staff() != Some(self.staff);
        let permissions = match self.kind {
            // People act, not the program they sign in through.
            KeyKind::SwitchClient => Some(Permissions::NONE),
            // Nor does it grow, when its owner is given more later, beyond what its maker could give.
            _ if is_for_another => Some(asked.unwrap_or(cx.caller.may).and(cx.caller.may)),
            _ => match bounds.permissions {
                Some(narrowed) => Some(asked.unwrap_or(narrowed).and(narrowed)),
                None => asked,
            },
        };
        // Whoever had a hand in the key that makes this one may hold this one too, and so may whoever proposed it.
        let mut makers = match cx.caller.who {
            Who::Key { id, staff } => people_behind(cx.tx, cx.tenant.id, staff, Some(id)).await?,
            _ => cx.caller.staff().into_iter().collect(),
        };
        makers.extend(cx.proposers());
        let makers = stored_makers(makers);
        let stored = permissions.map(Permissions::to_stored);
        let callback_url = self.callback_url.as_ref().map(|url| url.as_str().to_owned());
        cx.tx
            .put(
                store::INSERT,
                params![
                    cx.tenant.id,
                    id,
                    self.kind,
                    name,
                    self.staff,
                    print,
                    client_id,
                    public_keys,
                    stored,
                    self.enforce_scopes,
                    self.scopes.join(" "),
                    expires_at,
                    cx.now,
                    makers,
                    sealed,
                    callback_url
                ],
            )
            .await?;
        cx.note(Fact::KeyCreated { key: id, kind: self.kind.word() });
        if let Some(url) = &self.callback_url {
            cx.note(Fact::KeyCallbackSet { key: id, host: Some(url.host().to_owned()) });
        }
        let key = Key {
            id,
            kind: self.kind,
            name,
            staff: self.staff,
            client_id,
            public_keys: self.public_keys.clone(),
            permissions,
            enforce_scopes: self.enforce_scopes,
            scopes: self.scopes.clone(),
            expires_at,
            revoked_at: None,
            created_at: cx.now,
            callback_url,
        };
        Ok(NewKey { key, secret })
    }
}

/// What bounds the keys that a caller makes.
#[derive(Default)]
struct Bounds {
    permissions: Option<Permissions>,
    expires_at: Option<Time>,
}

/// A narrowed key makes no wider one, now or once its owner is given more, and a key with an end none that outlives it.
async fn maker_bounds(cx: &mut Cx<'_>) -> Result<Bounds> {
    let Who::Key { id, .. } = cx.caller.who else { return Ok(Bounds::default()) };
    Ok(match store::find(cx.tx, cx.tenant.id, id).await? {
        Some(key) => Bounds { permissions: key.permissions, expires_at: key.expires_at },
        None => Bounds { permissions: Some(cx.caller.may), expires_at: None },
    })
}

/// Who may be behind somebody who comes with a key, or without one: whose it is, and who had a hand in making it.
pub(crate) async fn people_behind(
    rd: &mut Rd,
    tenant: TenantId,
    staff: StaffId,
    key: Option<KeyId>,
) -> Result<Vec<StaffId>> {
    let mut people = vec![staff];
    if let Some(key) = key {
        people.extend(store::makers(rd, tenant, key).await?);
    }
    Ok(people)
}

/// Each once, as they are stored.
fn stored_makers(mut makers: Vec<StaffId>) -> Option<Vec<u8>> {
    makers.sort_unstable();
    makers.dedup();
    let ids: Vec<u8> = makers.iter().flat_map(|id| *id.bytes()).collect();
    if ids.is_empty() { None } else { Some(ids) }
}

/// Where a client's secret rests.
fn secret_place(tenant: TenantId, id: &KeyId) -> Place<'_> {
    Place { tenant, table: "key", column: "secret", row: id.bytes() }
}

/// A client's secret, opened.
pub(crate) fn opened_secret(tenant: &Tenant, id: &KeyId, sealed: &[u8]) -> Result<Secret> {
    let plain = tenant.keys.open(&secret_place(tenant.id, id), sealed)?;
    String::from_utf8(plain).map(Secret::new).map_err(Error::internal)
}

pub(crate) fn read(mut row: Row) -> Result<Key> {
    let (id, kind, name, staff, client_id) = (row.take()?, row.take()?, row.take()?, row.take()?, row.take()?);
    let public_keys: Option<String> = row.take()?;
    let permissions: Option<String> = row.take()?;
    let enforce_scopes = row.take()?;
    let scopes: String = row.take()?;
    Ok(Key {
        id,
        kind,
        name,
        staff,
        client_id,
        public_keys: public_keys.map(|text| serde_json::from_str(&text)).transpose().map_err(Error::internal)?,
        permissions: permissions.map(|text| Permissions::from_stored(&text)),
        enforce_scopes,
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        expires_at: row.take()?,
        revoked_at: row.take()?,
        created_at: row.take()?,
        callback_url: row.take()?,
    })
}

/// A staff member's keys, revoked ones too.
pub(crate) async fn of_staff(rd: &mut Rd, tenant: TenantId, staff: StaffId) -> Result<Vec<Key>> {
    rd.all(store::OF_STAFF, params![tenant, staff]).await?.into_iter().map(read).collect()
}

/// Makes a key worthless, at once and for good. Only for who may do what the key may.
pub struct RevokeKey(pub KeyId);

impl Action for RevokeKey {
    const NAME: &'static str = "key.revoke";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Key(self.0)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let key = store::load_for_change(cx.tx, cx.tenant.id, self.0).await?;
        if !cx.is_tried() {
            // What it would permit again as soon as its owner is enabled.
            let rights = role::rights_of_staff(cx, key.staff).await?;
            cx.caller.reaches(key.permissions.map_or(rights, |narrowed| rights.and(narrowed)))?;
        }
        if cx.tx.run(store::REVOKE, params![cx.tenant.id, self.0, cx.now]).await? == 1 {
            cx.note(Fact::KeyRevoked { key: self.0 });
        }
        Ok(())
    }
}

impl Desk {
    /// Where a partner shall be called back, if this house calls there; `field` is where it stood.
    pub fn callback_url(&self, field: &str, text: &str) -> Result<CallbackUrl> {
        CallbackUrl::parse(text, self.inner.callbacks_to).map_err(|what| Error::invalid(field, "invalid", what))
    }
}

fn not_called_back(field: &str) -> Error {
    Error::invalid(field, "invalid", "Only a partner of the Choice voice is called back.")
}

/// Nobody has herself told, at an address of her own, what she may not see: whatever the key may, accounts, and the numbers of
/// papers in full.
fn check_may_be_told(caller: &Caller, key: Permissions) -> Result<()> {
    let told: Permissions = [Permission::AccountsRead, Permission::UsersReveal].into_iter().collect();
    caller.reaches(told.or(key))
}

/// Says where a partner of the Choice voice is called back, or that it is not; where to only while its key counts.
pub struct SetCallbackUrl {
    /// The partner's key.
    pub key: KeyId,
    /// Where to; absent: not at all.
    pub url: Option<CallbackUrl>,
}

impl Action for SetCallbackUrl {
    const NAME: &'static str = "key.set_callback";
    type Output = Key;

    fn subject(&self) -> Subject {
        Subject::Key(self.key)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Key> {
        let mut key = store::load_for_change(cx.tx, cx.tenant.id, self.key).await?;
        if key.kind != KeyKind::ChoiceSender {
            return Err(not_called_back("url"));
        }
        let url = self.url.as_ref().map(|url| url.as_str().to_owned());
        if key.callback_url == url {
            return Ok(key);
        }
        if url.is_some() {
            // What it may once it counts again, nobody knows today.
            let found = credential::key_now(cx.tx, cx.tenant.id, key.id, cx.now).await?;
            let (_, may) = found.ok_or(Refusal::KeyDoesNotCount)?;
            check_may_be_told(cx.caller, may)?;
        }
        cx.weigh("callback_url", &(&key.callback_url, &url))?;
        cx.tx.put(store::SET_CALLBACK, params![cx.tenant.id, key.id, url]).await?;
        cx.note(Fact::KeyCallbackSet { key: key.id, host: self.url.as_ref().map(|url| url.host().to_owned()) });
        key.callback_url = url;
        Ok(key)
    }
}

/// Takes down that a sender has used this id of a request, until then. Bookkeeping of a door against replays, and no action on
/// anybody's data: what the request asks for is on record by itself. `true` for the first time.
pub(crate) struct RememberRequest {
    pub tenant: TenantId,
    pub key: KeyId,
    pub request: String,
    pub until: Time,
}

impl Write for RememberRequest {
    type Output = bool;

    async fn run(&self, tx: &mut Tx) -> Result<bool> {
        let print = fingerprint(&format!("request {}", self.request));
        let params = params![self.tenant, self.key, print, self.until];
        Ok(tx.run(store::REMEMBER_ASSERTION, params).await? == 1)
    }
}

/// Remembers that a client's assertion was used; answers whether this was the first time.
pub struct RememberAssertion {
    /// The client's key.
    pub key: KeyId,
    /// The assertion's own id.
    pub jti: String,
    /// Until when it could be used again.
    pub expires_at: Time,
}

impl Action for RememberAssertion {
    const NAME: &'static str = "key.remember_assertion";
    type Output = bool;

    fn subject(&self) -> Subject {
        Subject::Key(self.key)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<bool> {
        let print = fingerprint(&self.jti);
        let params = params![cx.tenant.id, self.key, print, self.expires_at];
        let is_first = cx.tx.run(store::REMEMBER_ASSERTION, params).await? == 1;
        if is_first {
            cx.note(Fact::AssertionAccepted { key: self.key });
        }
        Ok(is_first)
    }
}

/// What is stored of a revoked token. It rests among the used assertions, which are forgotten after the same rule: once
/// they have expired. The word before it keeps the two apart.
pub(crate) fn token_print(token: &str) -> [u8; 32] {
    fingerprint(&format!("access token {token}"))
}

/// Ends a token that a key was given, before it expires. The door has checked that it is the client's own.
pub struct RevokeToken {
    /// The key.
    pub key: KeyId,
    /// The token's own id.
    pub token: String,
    /// When it would have expired.
    pub expires_at: Time,
}

impl Action for RevokeToken {
    const NAME: &'static str = "key.revoke_token";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Key(self.key)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let print = token_print(&self.token);
        let params = params![cx.tenant.id, self.key, print, self.expires_at];
        if cx.tx.run(store::REMEMBER_ASSERTION, params).await? == 1 {
            cx.note(Fact::TokenRevoked { key: self.key });
        }
        Ok(())
    }
}

/// All keys, without secrets.
pub struct ListKeys;

impl Question for ListKeys {
    const NAME: &'static str = "key.list";
    type Output = Vec<Key>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Key>> {
        qx.rd.all(store::ALL, params![qx.tenant.id]).await?.into_iter().map(read).collect()
    }
}
