//! The hash chain. Each row's hash covers the row and the hash before it; a checkpoint lists its rows and signs the
//! running hash with the tenant's Ed25519 key. Sealing runs beside the actions in batches and does not touch the rows,
//! so it never slows an action; whoever later changes, drops or inserts a row breaks the chain, and an exported file
//! shows it without the server.

use std::collections::HashMap;
use std::sync::MutexGuard;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::store::{self, AuditRow};
use crate::db::{Rd, Read, Tx, Weight, Write};
use crate::door::Desk;
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::value::clock::{SECOND, Time};
use crate::value::id::{AuditId, TenantId};
use crate::value::secret::hex;

/// Rows sealed in one transaction: small enough that the writer's other callers hardly notice.
pub const BATCH: i64 = 200;

/// How long a long backlog is sealed from where the last batch ended, before the beginning of the queue is looked at again:
/// whoever was committed late has an id from before.
const ONWARD: i64 = 5 * SECOND;

/// Before all ids.
const BEGINNING: AuditId = AuditId(uuid::Uuid::nil());

/// The hash before the first row.
const START: [u8; 32] = [0; 32];

/// What of a row is hashed, in an unambiguous form: each part with its length before it.
fn row_hash(before: &[u8], tenant: TenantId, seq: i64, row: &AuditRow) -> [u8; 32] {
    // Put together first: a call for each part costs more than the hashing.
    let mut text = Vec::with_capacity(512 + row.facts.len() + row.sealed.as_ref().map_or(0, Vec::len));
    let mut part = |bytes: &[u8]| {
        text.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        text.extend_from_slice(bytes);
    };
    part(before);
    part(&tenant.0.to_be_bytes());
    part(&seq.to_be_bytes());
    part(row.id.bytes());
    part(&row.at.0.to_be_bytes());
    part(row.actor_kind.as_bytes());
    part(row.actor_id.as_deref().unwrap_or_default());
    part(row.staff_id.as_ref().map(|id| id.bytes().as_slice()).unwrap_or_default());
    part(row.door.as_bytes());
    part(row.action.as_bytes());
    part(row.subject_kind.as_bytes());
    part(row.subject_id.as_deref().unwrap_or_default());
    part(row.outcome.as_bytes());
    part(row.code.as_deref().unwrap_or_default().as_bytes());
    part(row.facts.as_bytes());
    part(row.request_id.as_bytes());
    part(row.sealed.as_deref().unwrap_or_default());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &text).as_ref());
    hash
}

/// What is signed of the chain at some number: `what` is `checkpoint` or `end`.
fn signed_text(what: &str, tenant: TenantId, seq: i64, at: Time, hash: &[u8]) -> Vec<u8> {
    let mut text = format!("bursar audit {what} 1\n{tenant}\n{seq}\n{}\n", at.0).into_bytes();
    text.extend_from_slice(hash);
    text
}

fn key_pair(tenant: &Tenant) -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(tenant.keys.signing_seed())
        .map_err(|_| Error::internal("signing seed rejected"))
}

/// How far a tenant's queue of rows to be sealed was emptied, by this process. On PostgreSQL what was taken off a queue lies at its
/// beginning until it is cleared away, and would be gone through for each batch.
#[derive(Clone, Copy)]
pub(crate) struct Emptied {
    /// The last one taken off.
    last: AuditId,
    /// When the beginning was looked at.
    looked_at: Time,
}

/// What waits to be sealed, and where the chain ends: seen at one moment.
struct Unsealed {
    tenant: TenantId,
    /// The rows behind this one; if they do not fill a batch, those from the beginning.
    behind: AuditId,
}

/// A batch.
struct Waiting {
    /// In the order of their ids.
    rows: Vec<AuditRow>,
    /// Number and hash of the chain's last row.
    end: (i64, Vec<u8>),
    /// Whether they are the first that wait.
    from_beginning: bool,
}

impl Read for Unsealed {
    type Output = Waiting;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Waiting> {
        let mut ids = store::unsealed(rd, self.tenant, self.behind, BATCH).await?;
        let is_short = (ids.len() as i64) < BATCH;
        if self.behind != BEGINNING && is_short {
            ids = store::unsealed(rd, self.tenant, BEGINNING, BATCH).await?;
        }
        let rows = store::some(rd, self.tenant, &ids).await?;
        if rows.len() != ids.len() {
            return Err(Error::internal("an audit row that waits to be sealed is gone"));
        }
        let end = store::chain_end(rd, self.tenant).await?.unwrap_or_else(start);
        Ok(Waiting { rows, end, from_beginning: self.behind == BEGINNING || is_short })
    }
}

struct Seal {
    tenant: TenantId,
    checkpoint: store::CheckpointRow,
}

impl Write for Seal {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let ids = &self.checkpoint.audit_ids;
        if store::sealed(tx, self.tenant, ids).await? != ids.len() as u64 {
            return Err(Error::internal("an audit row was sealed by somebody else at the same time"));
        }
        // The number of this row, and where the chain ended, also make two sealers collide rather than fork the chain.
        store::insert_checkpoint(tx, self.tenant, &self.checkpoint).await
    }
}

impl Desk {
    /// Seals one batch of a tenant's rows into its chain; answers how many. Called by the one process that holds the lease.
    /// Rows never change, so they are read and hashed before the transaction, and the writer only takes them off the queue.
    pub async fn seal_audit(&self, tenant: TenantId) -> Result<i64> {
        let tenant = self.tenant(tenant).await?;
        let at = self.now();
        let emptied = self.emptied().get(&tenant.id).copied();
        let emptied = emptied.filter(|it| at >= it.looked_at && at.0 - it.looked_at.0 < ONWARD);
        let behind = emptied.map_or(BEGINNING, |it| it.last);
        let waiting = self.inner.db.read(Unsealed { tenant: tenant.id, behind }).await?;
        let Waiting { rows, end: (mut seq, mut hash), from_beginning } = waiting;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(0) };
        for row in &rows {
            seq += 1;
            hash = row_hash(&hash, tenant.id, seq, row).to_vec();
        }
        let signature = key_pair(&tenant)?.sign(&signed_text("checkpoint", tenant.id, seq, at, &hash));
        let signature = signature.as_ref().to_vec();
        let audit_ids = rows.iter().map(|row| row.id).collect();
        let checkpoint = store::CheckpointRow { seq, at, audit_ids, hash, signature };
        self.inner.db.write(Seal { tenant: tenant.id, checkpoint }).await?;
        let looked_at = emptied.filter(|_| !from_beginning).map_or(at, |it| it.looked_at);
        self.emptied().insert(tenant.id, Emptied { last, looked_at });
        Ok(rows.len() as i64)
    }

    fn emptied(&self) -> MutexGuard<'_, HashMap<TenantId, Emptied>> {
        self.inner.emptied.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (text.len().is_multiple_of(2) && text.is_ascii())
        .then(|| (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect())
        .flatten()
}

/// The first line of an export: whose it is, and the key that checks its signatures.
pub(crate) fn export_head(tenant: &Tenant) -> Result<Value> {
    let key = key_pair(tenant)?;
    Ok(json!({
        "bursar_audit": 1,
        "tenant_id": tenant.id,
        "institution": tenant.institution.name,
        "public_key": BASE64.encode(key.public_key().as_ref()),
    }))
}

/// A checkpoint's lines: the rows that it covers, exactly as hashed and nothing opened, then itself. `before` is the hash
/// of the checkpoint before it.
pub(crate) fn export_batch(
    tenant: TenantId,
    before: &[u8],
    checkpoint: &store::CheckpointRow,
    rows: &[AuditRow],
) -> Vec<String> {
    let first = checkpoint.seq - checkpoint.audit_ids.len() as i64 + 1;
    let mut hash = before.to_vec();
    let mut lines = Vec::with_capacity(rows.len() + 1);
    for (seq, id) in (first..).zip(&checkpoint.audit_ids) {
        // A row that somebody has deleted leaves a gap in the numbers, which is how it shows.
        let Some(row) = rows.iter().find(|row| row.id == *id) else { continue };
        hash = row_hash(&hash, tenant, seq, row).to_vec();
        lines.push(export_row(seq, &hash, row).to_string());
    }
    lines.push(export_checkpoint(checkpoint).to_string());
    lines
}

/// The last line: where the chain ends at this moment, signed, so that a file without its end shows.
pub(crate) fn export_end(tenant: &Tenant, now: Time, (seq, hash): (i64, Vec<u8>)) -> Result<String> {
    let signature = key_pair(tenant)?.sign(&signed_text("end", tenant.id, seq, now, &hash));
    let signature = BASE64.encode(signature.as_ref());
    Ok(json!({ "end": seq, "at": now, "hash": hex(&hash), "signature": signature }).to_string())
}

/// Number and hash before the first row.
pub(crate) fn start() -> (i64, Vec<u8>) {
    (0, START.to_vec())
}

fn export_row(seq: i64, hash: &[u8], row: &AuditRow) -> Value {
    json!({
        "seq": seq,
        "id": row.id,
        "at": row.at,
        "actor_kind": row.actor_kind,
        "actor_id": row.actor_id.as_deref().map(hex),
        "staff_id": row.staff_id,
        "door": row.door,
        "action": row.action,
        "subject_kind": row.subject_kind,
        "subject_id": row.subject_id.as_deref().map(hex),
        "outcome": row.outcome,
        "code": row.code,
        "facts": row.facts,
        "request_id": row.request_id,
        "sealed": row.sealed.as_deref().map(|sealed| BASE64.encode(sealed)),
        "hash": hex(hash),
    })
}

fn export_checkpoint(checkpoint: &store::CheckpointRow) -> Value {
    json!({
        "checkpoint": checkpoint.seq,
        "at": checkpoint.at,
        "hash": hex(&checkpoint.hash),
        "signature": BASE64.encode(&checkpoint.signature),
    })
}

/// What checking an export found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whose audit it is.
    pub tenant: String,
    /// The institution's name, as the file says.
    pub institution: String,
    /// Rows whose hashes follow one another.
    pub rows: i64,
    /// Checkpoints whose signatures hold.
    pub checkpoints: i64,
    /// When it was exported: nothing was missing then.
    pub as_of: Time,
    /// The key that signed, base64; compare it with the one you trust.
    pub public_key: String,
}

/// Checks an exported file without the server: every row's hash follows from the one before, no number is missing, every
/// checkpoint's signature holds, and so does that of the end. The error says the line and what is wrong.
pub fn verify_export(lines: impl Iterator<Item = std::io::Result<String>>) -> std::result::Result<Verified, String> {
    let mut lines = lines.enumerate();
    let bad = |number: usize, what: &str| format!("line {}: {what}", number + 1);
    let parse = |number: usize, line: std::io::Result<String>| -> std::result::Result<Value, String> {
        let line = line.map_err(|fault| bad(number, &fault.to_string()))?;
        serde_json::from_str(&line).map_err(|_| bad(number, "not JSON"))
    };
    let (number, line) = lines.next().ok_or("the file is empty")?;
    let head = parse(number, line)?;
    if head["bursar_audit"] != 1 {
        return Err(bad(number, "not the head of an audit export"));
    }
    let tenant_text = head["tenant_id"].as_str().unwrap_or_default().to_owned();
    let tenant = TenantId::parse(&tenant_text).ok_or_else(|| bad(number, "no tenant"))?;
    let public_key = head["public_key"].as_str().unwrap_or_default().to_owned();
    let key_bytes = BASE64.decode(&public_key).map_err(|_| bad(number, "no public key"))?;
    let key = UnparsedPublicKey::new(&ED25519, key_bytes);
    let mut found = Verified {
        tenant: tenant_text,
        institution: head["institution"].as_str().unwrap_or_default().to_owned(),
        rows: 0,
        checkpoints: 0,
        as_of: Time(0),
        public_key,
    };
    let (mut hash, mut has_end) = (START.to_vec(), false);
    for (number, line) in lines {
        let line = parse(number, line)?;
        if has_end {
            return Err(bad(number, "there is something behind the end"));
        }
        let signed = ["checkpoint", "end"].into_iter().find_map(|what| Some((what, line[what].as_i64()?)));
        if let Some((what, seq)) = signed {
            let signature = line["signature"].as_str().and_then(|text| BASE64.decode(text).ok());
            let signature = signature.ok_or_else(|| bad(number, "no signature"))?;
            let at = Time(line["at"].as_i64().ok_or_else(|| bad(number, "no time"))?);
            if seq != found.rows || line["hash"].as_str() != Some(&hex(&hash)) {
                return Err(bad(
                    number,
                    &format!("the {what} does not fit the rows before it: some are missing or changed"),
                ));
            }
            key.verify(&signed_text(what, tenant, seq, at, &hash), &signature)
                .map_err(|_| bad(number, &format!("the signature of the {what} does not hold")))?;
            match what {
                "end" => (has_end, found.as_of) = (true, at),
                _ => found.checkpoints += 1,
            }
            continue;
        }
        let row = import_row(&line).ok_or_else(|| bad(number, "not an audit row"))?;
        if line["seq"].as_i64() != Some(found.rows + 1) {
            return Err(bad(number, "a row is missing, repeated or out of order"));
        }
        hash = row_hash(&hash, tenant, found.rows + 1, &row).to_vec();
        if line["hash"].as_str() != Some(&hex(&hash)) {
            return Err(bad(number, "the row's hash does not follow from the one before: it was changed"));
        }
        found.rows += 1;
    }
    if has_end { Ok(found) } else { Err("the file has no end: it was cut".to_owned()) }
}

fn import_row(line: &Value) -> Option<AuditRow> {
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    let optional = |name: &str| match &line[name] {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        _ => None,
    };
    let bytes = |name: &str| match optional(name)? {
        None => Some(None),
        Some(text) => unhex(&text).map(Some),
    };
    Some(AuditRow {
        id: crate::value::id::AuditId::parse(line["id"].as_str()?)?,
        at: Time(line["at"].as_i64()?),
        actor_kind: text("actor_kind")?,
        actor_id: bytes("actor_id")?,
        staff_id: match optional("staff_id")? {
            None => None,
            Some(text) => Some(crate::value::id::StaffId::parse(&text)?),
        },
        door: text("door")?,
        action: text("action")?,
        subject_kind: text("subject_kind")?,
        subject_id: bytes("subject_id")?,
        outcome: text("outcome")?,
        code: optional("code")?,
        facts: text("facts")?,
        request_id: text("request_id")?,
        sealed: match optional("sealed")? {
            None => None,
            Some(text) => Some(BASE64.decode(text).ok()?),
        },
    })
}
