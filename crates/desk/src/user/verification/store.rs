//! The SQL of requests, documents and objects.

use super::content::MediaType;
use super::model::{Document, DocumentKind, Request, RequestState, Said, Step};
use crate::db::{Rd, Row, ToParam, Tx, params};
use crate::error::{Error, Result};
use crate::user::census::store::padded_slots;
use crate::user::model::User;
use crate::value::clock::{MINUTE, Time};
use crate::value::id::{DocumentId, TenantId, UserId, VerificationId};
use crate::value::random::Random;
use crate::value::seal::{Place, Sealing};

pub(crate) const INSERT: &str = "\
    INSERT INTO verification (tenant_id, id, user_id, state, asked_at, asked_by, steps, told)
    VALUES ($1, $2, $3, 'requested', $4, $5, 0, 0)";

pub(crate) const SAVE: &str = "\
    UPDATE verification
    SET state = $3, decided_at = $4, decided_by = $5, steps = $6
    WHERE tenant_id = $1 AND id = $2";

/// Only once for each step.
pub(crate) const TELL: &str = "\
    UPDATE verification
    SET told = $3
    WHERE tenant_id = $1 AND id = $2 AND told < $3";

pub(crate) const SELECT: &str = "\
    SELECT id, user_id, state, asked_at, asked_by, decided_at, decided_by, steps
    FROM verification
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const OPEN_OF_USER: &str = "\
    SELECT id, user_id, state, asked_at, asked_by, decided_at, decided_by, steps
    FROM verification
    WHERE tenant_id = $1 AND user_id = $2 AND state IN ('requested', 'more_needed')";

/// The newest first.
pub(crate) const OF_USER: &str = "\
    SELECT id, user_id, state, asked_at, asked_by, decided_at, decided_by, steps
    FROM verification
    WHERE tenant_id = $1 AND user_id = $2
    ORDER BY id DESC
    LIMIT 20";

pub(crate) const INSERT_STEP: &str = "\
    INSERT INTO verification_step (tenant_id, verification_id, seq, state, at, author, sealed)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

pub(crate) const STEPS: &str = "\
    SELECT seq, state, at, author, sealed
    FROM verification_step
    WHERE tenant_id = $1 AND verification_id = $2
    ORDER BY seq";

pub(crate) const INSERT_DOCUMENT: &str = "\
    INSERT INTO verification_document (tenant_id, user_id, id, kind, media_type, bytes, width, height, pages, token,
                                       object, added_at, added_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

pub(crate) const DOCUMENT: &str = "\
    SELECT id, user_id, kind, media_type, bytes, width, height, pages, added_at, added_by, replaced_at, token, object
    FROM verification_document
    WHERE tenant_id = $1 AND user_id = $2 AND id = $3";

/// All of a user; there are few.
pub(crate) const DOCUMENTS: &str = "\
    SELECT id, user_id, kind, media_type, bytes, width, height, pages, added_at, added_by, replaced_at, token, object
    FROM verification_document
    WHERE tenant_id = $1 AND user_id = $2
    ORDER BY id";

pub(crate) const REPLACE_DOCUMENT: &str = "\
    UPDATE verification_document
    SET replaced_at = $4
    WHERE tenant_id = $1 AND user_id = $2 AND id = $3";

pub(crate) const DELETE_DOCUMENT: &str = "\
    DELETE FROM verification_document
    WHERE tenant_id = $1 AND user_id = $2 AND id = $3";

pub(crate) const DELETE_DOCUMENTS: &str = "DELETE FROM verification_document WHERE tenant_id = $1 AND user_id = $2";

pub(crate) const INSERT_OBJECT: &str = "\
    INSERT INTO verification_object (tenant_id, object, user_id, drop_at)
    VALUES ($1, $2, $3, $4)";

/// A document keeps its object, unless that is about to be dropped.
pub(crate) const KEEP_OBJECT: &str = "\
    UPDATE verification_object
    SET drop_at = NULL
    WHERE tenant_id = $1 AND object = $2 AND user_id = $3 AND drop_at > $4";

pub(crate) const DROP_OBJECT: &str = "\
    UPDATE verification_object
    SET drop_at = $3
    WHERE tenant_id = $1 AND object = $2";

/// What is kept goes now. What was announced may be on its way still: were it forgotten now, it would arrive later and be
/// nobody's for ever. It goes at `$4`, when it has arrived or never will.
pub(crate) const DROP_OBJECTS_OF: &str = "\
    UPDATE verification_object
    SET drop_at = CASE WHEN drop_at IS NULL THEN $3 WHEN drop_at > $4 THEN $4 ELSE drop_at END
    WHERE tenant_id = $1 AND user_id = $2";

pub(crate) const DUE_OBJECTS: &str = "\
    SELECT tenant_id, object
    FROM verification_object
    WHERE drop_at <= $1
    ORDER BY drop_at
    LIMIT 100";

/// Only what is still due: nothing else may have kept it meanwhile.
pub(crate) const FORGET_OBJECT: &str = "\
    DELETE FROM verification_object
    WHERE tenant_id = $1 AND object = $2 AND drop_at <= $3";

/// The open requests of these users.
pub(crate) fn open_of_users_sql(slots: &str) -> String {
    format!(
        "SELECT id, user_id, state, asked_at, asked_by, decided_at, decided_by, steps FROM verification
         WHERE tenant_id = $1 AND state IN ('requested', 'more_needed') AND user_id IN ({slots})"
    )
}

pub(crate) fn selfies_sql(slots: &str) -> String {
    format!(
        "SELECT id, user_id, kind, media_type, bytes, width, height, pages, added_at, added_by, replaced_at, token, object
         FROM verification_document
         WHERE tenant_id = $1 AND user_id IN ({slots}) AND kind = 'selfie' AND replaced_at IS NULL"
    )
}

fn read_request(mut row: Row) -> Result<Request> {
    Ok(Request {
        id: row.take()?,
        user: row.take()?,
        state: row.take()?,
        asked_at: row.take()?,
        asked_by: row.take()?,
        decided_at: row.take()?,
        decided_by: row.take()?,
        step_count: row.take()?,
        steps: Vec::new(),
    })
}

fn read_document(mut row: Row) -> Result<Document> {
    let (id, user): (DocumentId, UserId) = (row.take()?, row.take()?);
    let (kind, media_type): (DocumentKind, MediaType) = (row.take()?, row.take()?);
    Ok(Document {
        id,
        user,
        kind,
        media_type,
        bytes: row.take()?,
        width: row.take()?,
        height: row.take()?,
        pages: row.take()?,
        added_at: row.take()?,
        added_by: row.take()?,
        replaced_at: row.take()?,
        token: row.take()?,
        object: row.take()?,
    })
}

/// The user's request that waits for somebody.
pub(super) async fn open_of(rd: &mut Rd, tenant: TenantId, user: UserId) -> Result<Option<Request>> {
    rd.find(OPEN_OF_USER, params![tenant, user]).await?.map(read_request).transpose()
}

/// One request.
pub(crate) async fn find(rd: &mut Rd, tenant: TenantId, id: VerificationId) -> Result<Option<Request>> {
    rd.find(SELECT, params![tenant, id]).await?.map(read_request).transpose()
}

/// The newest requests of a user.
pub(super) async fn of_user(rd: &mut Rd, tenant: TenantId, user: UserId) -> Result<Vec<Request>> {
    rd.all(OF_USER, params![tenant, user]).await?.into_iter().map(read_request).collect()
}

/// The open requests of some users.
pub(super) async fn open_of_users(rd: &mut Rd, tenant: TenantId, users: &[UserId]) -> Result<Vec<Request>> {
    let Some(first) = users.first() else { return Ok(Vec::new()) };
    let (slots, room) = padded_slots(2, users.len());
    let mut params = vec![tenant.to_param()];
    params.extend(users.iter().chain(std::iter::repeat(first)).take(room).map(ToParam::to_param));
    rd.all(open_of_users_sql(&slots), &params).await?.into_iter().map(read_request).collect()
}

pub(super) async fn insert(tx: &mut Tx, tenant: TenantId, request: &Request) -> Result<()> {
    let params = params![tenant, request.id, request.user, request.asked_at, request.asked_by];
    tx.put(INSERT, params).await
}

pub(super) async fn save(tx: &mut Tx, tenant: TenantId, it: &Request) -> Result<()> {
    let params = params![tenant, it.id, it.state, it.decided_at, it.decided_by, it.step_count];
    tx.put(SAVE, params).await
}

/// The place of what was said with a step.
fn row_of(id: VerificationId, seq: i64) -> [u8; 24] {
    let mut row = [0; 24];
    row[..16].copy_from_slice(id.bytes());
    row[16..].copy_from_slice(&seq.to_be_bytes());
    row
}

/// Writes a step, with what was said sealed.
pub(super) async fn insert_step(
    tx: &mut Tx,
    user: &User,
    id: VerificationId,
    step: &Step,
    random: &Random,
) -> Result<()> {
    let row = row_of(id, step.seq);
    let place = Place { tenant: user.tenant, table: "verification_step", column: "sealed", row: &row };
    let sealed = match &step.said {
        Some(said) if *said != Said::default() => {
            let plain = serde_json::to_vec(said).map_err(Error::internal)?;
            Some(user.key()?.seal(&place, &plain, random))
        }
        _ => None,
    };
    let params = params![user.tenant, id, step.seq, step.state, step.at, step.author, sealed];
    tx.put(INSERT_STEP, params).await
}

/// The history of a request.
pub(crate) async fn steps(rd: &mut Rd, user: &User, id: VerificationId) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for mut row in rd.all(STEPS, params![user.tenant, id]).await? {
        let (seq, state): (i64, RequestState) = (row.take()?, row.take()?);
        let (at, author) = (row.take()?, row.take()?);
        let sealed: Option<Vec<u8>> = row.take()?;
        let said = match (&user.person, sealed) {
            (Some(key), Some(sealed)) => {
                let bytes = row_of(id, seq);
                let place = Place { tenant: user.tenant, table: "verification_step", column: "sealed", row: &bytes };
                Some(serde_json::from_slice(&key.open(&place, &sealed)?).map_err(Error::internal)?)
            }
            _ => None,
        };
        steps.push(Step { seq, state, at, author, said });
    }
    Ok(steps)
}

/// `true` for whoever tells of this step first.
pub(crate) async fn tell(tx: &mut Tx, tenant: TenantId, id: VerificationId, step: i64) -> Result<bool> {
    Ok(tx.run(TELL, params![tenant, id, step]).await? == 1)
}

pub(super) async fn documents(rd: &mut Rd, tenant: TenantId, user: UserId) -> Result<Vec<Document>> {
    rd.all(DOCUMENTS, params![tenant, user]).await?.into_iter().map(read_document).collect()
}

/// The selfies that count now of some users.
pub(crate) async fn selfies(rd: &mut Rd, tenant: TenantId, users: &[UserId]) -> Result<Vec<Document>> {
    let Some(first) = users.first() else { return Ok(Vec::new()) };
    let (slots, room) = padded_slots(2, users.len());
    let mut params = vec![tenant.to_param()];
    params.extend(users.iter().chain(std::iter::repeat(first)).take(room).map(ToParam::to_param));
    rd.all(selfies_sql(&slots), &params).await?.into_iter().map(read_document).collect()
}

pub(super) async fn document(rd: &mut Rd, tenant: TenantId, user: UserId, id: DocumentId) -> Result<Document> {
    let row = rd.find(DOCUMENT, params![tenant, user, id]).await?.ok_or(Error::NotFound(DocumentId::NOUN))?;
    read_document(row)
}

pub(super) async fn insert_document(tx: &mut Tx, tenant: TenantId, it: &Document) -> Result<()> {
    let params = params![
        tenant,
        it.user,
        it.id,
        it.kind,
        it.media_type,
        it.bytes,
        it.width,
        it.height,
        it.pages,
        it.token,
        it.object,
        it.added_at,
        it.added_by
    ];
    tx.put(INSERT_DOCUMENT, params).await
}

/// A newer document takes the place of this one, which stays if a request has seen it.
pub(super) async fn replace(tx: &mut Tx, tenant: TenantId, old: &Document, was_seen: bool, now: Time) -> Result<()> {
    if was_seen {
        return tx.put(REPLACE_DOCUMENT, params![tenant, old.user, old.id, now]).await;
    }
    tx.put(DELETE_DOCUMENT, params![tenant, old.user, old.id]).await?;
    tx.put(DROP_OBJECT, params![tenant, old.object, now]).await
}

/// How long a document that somebody had begun to store may be on its way; the store has half a minute for it.
const ON_ITS_WAY: i64 = 5 * MINUTE;

/// Everything a person showed goes with her; what was said can no longer be opened.
pub(crate) async fn forget(tx: &mut Tx, user: &User, author: &str, now: Time) -> Result<()> {
    if let Some(mut open) = open_of(tx, user.tenant, user.id).await? {
        open.state = RequestState::Withdrawn;
        (open.decided_at, open.decided_by) = (Some(now), Some(author.to_owned()));
        save(tx, user.tenant, &open).await?;
    }
    tx.put(DELETE_DOCUMENTS, params![user.tenant, user.id]).await?;
    tx.put(DROP_OBJECTS_OF, params![user.tenant, user.id, now, now.plus(ON_ITS_WAY)]).await
}
