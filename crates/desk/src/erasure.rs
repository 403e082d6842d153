//! What is left of an erased person outside of their own rows: kept answers of requests about them, and rows of files that were
//! brought in. Answers go with the erasure. Files are gone through afterwards (`import::forget`), and until then what the person
//! was known by is kept, sealed with the tenant's key.

use serde::{Deserialize, Serialize};

use crate::db::{Rd, Tx, params};
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::user::Profile;
use crate::value::clock::Time;
use crate::value::id::{TenantId, UserId};
use crate::value::random::Random;
use crate::value::seal::{Place, Sealing};

pub(crate) const NOTE: &str = "\
    INSERT INTO import_erased (tenant_id, user_id, sealed, created_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, user_id) DO NOTHING";

pub(crate) const PENDING: &str = "\
    SELECT user_id, sealed, created_at
    FROM import_erased
    WHERE tenant_id = $1 AND user_id > $2
    ORDER BY user_id
    LIMIT 1000";

pub(crate) const TENANTS: &str = "\
    SELECT tenant_id
    FROM import_erased
    WHERE created_at < $1
    LIMIT 1000";

pub(crate) const DONE: &str = "DELETE FROM import_erased WHERE tenant_id = $1 AND user_id = $2";

/// The answers stay as rows, so that the same requests do not take effect again.
pub(crate) const FORGET_ANSWERS: &str = "\
    UPDATE idempotency
    SET answer = NULL
    WHERE tenant_id = $1 AND user_id = $2";

/// What an erased person was known by, by the path of the field. Only what is theirs alone: a phone or an address may be a
/// family's.
#[derive(Serialize, Deserialize)]
pub(crate) struct Traces(Vec<(String, String)>);

/// An erased person of whom rows of files may be left.
pub(crate) struct Erased {
    pub user: UserId,
    pub traces: Traces,
    pub at: Time,
}

impl Traces {
    /// Of this person.
    pub fn of(profile: &Profile) -> Traces {
        let (ids, paper) = (&profile.identifiers, &profile.photo_id);
        let all = [
            ("identifiers.external_id", &ids.external_id),
            ("username", &profile.username),
            ("email", &profile.email),
            ("identifiers.ssn", &ids.ssn),
            ("identifiers.bvn", &ids.bvn),
            ("identifiers.nin", &ids.nin),
            ("identifiers.net_teller_id", &ids.net_teller_id),
            ("identifiers.customer_id", &ids.customer_id),
            ("identifiers.member_number", &ids.member_number),
            ("photo_id.number", &paper.number),
        ];
        let set = all.into_iter().filter_map(|(path, value)| Some((path.to_owned(), plain(value.as_deref()?))));
        Traces(set.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Whether a value of this field is theirs.
    pub fn is_theirs(&self, path: &str, value: &str) -> bool {
        let mut of_field = self.0.iter().filter(|(known, _)| known == path).peekable();
        of_field.peek().is_some() && of_field.any(|(_, known)| *known == plain(value))
    }

    /// Whether a text whose fields cannot be told apart holds something that is theirs. Short values stand in anything.
    pub fn stand_in(&self, text: &str) -> bool {
        let text = plain(text);
        self.0.iter().any(|(_, known)| known.chars().count() >= 6 && text.contains(known.as_str()))
    }
}

/// What counts when values are compared: letters and digits in one case.
fn plain(text: &str) -> String {
    text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn place<'a>(tenant: &Tenant, user: &'a UserId) -> Place<'a> {
    Place { tenant: tenant.id, table: "import_erased", column: "sealed", row: user.bytes() }
}

/// Begins to forget somebody who is being erased.
pub(crate) async fn begin(
    tx: &mut Tx,
    tenant: &Tenant,
    random: &Random,
    user: UserId,
    profile: &Profile,
    now: Time,
) -> Result<()> {
    tx.put(FORGET_ANSWERS, params![tenant.id, user]).await?;
    let traces = serde_json::to_vec(&Traces::of(profile)).map_err(Error::internal)?;
    let sealed = tenant.keys.seal(&place(tenant, &user), &traces, random);
    tx.put(NOTE, params![tenant.id, user, sealed, now]).await
}

/// Those of whom rows may be left.
pub(crate) async fn pending(rd: &mut Rd, tenant: &Tenant) -> Result<Vec<Erased>> {
    let rows = rd.all(PENDING, params![tenant.id, UserId(uuid::Uuid::nil())]).await?.into_iter();
    rows.map(|mut row| {
        let (user, sealed, at): (UserId, Vec<u8>, Time) = (row.take()?, row.take()?, row.take()?);
        let traces = tenant.keys.open(&place(tenant, &user), &sealed)?;
        Ok(Erased { user, traces: serde_json::from_slice(&traces).map_err(Error::internal)?, at })
    })
    .collect()
}

/// The institutions in which somebody was erased before this moment, of whom rows may be left.
pub(crate) async fn tenants(rd: &mut Rd, before: Time) -> Result<Vec<TenantId>> {
    let rows = rd.all(TENANTS, params![before]).await?.into_iter();
    let mut found = rows.map(|mut row| row.take()).collect::<Result<Vec<TenantId>>>()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Nothing is left of them, and nothing more is kept to find it by.
pub(crate) async fn done(tx: &mut Tx, tenant: TenantId, user: UserId) -> Result<()> {
    tx.put(DONE, params![tenant, user]).await
}
