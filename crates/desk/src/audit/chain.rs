//! The hash chain. Each row's hash covers the row and the hash before it; a checkpoint lists its rows and signs the
//! running hash with the tenant's Ed25519 key. Sealing runs beside the actions in batches and does not touch the rows,
//! so it never slows an action; whoever later changes, drops or inserts a row breaks the chain, and an exported file
//! shows it without the server.

use std::collections::{BTreeMap, HashMap, HashSet};
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
pub(super) const BEGINNING: AuditId = AuditId(uuid::Uuid::nil());

/// How many rows outside the chain a piece of an export names at most.
const OUTSIDE: i64 = 1_000;
/// Checkpoints that may be made while a piece of an export is read.
const LATER: i64 = 100;

/// The hash before the first row.
pub(super) const START: [u8; 32] = [0; 32];

/// What of a row is hashed, in an unambiguous form: each part with its length before it.
pub(super) fn row_hash(before: &[u8], tenant: TenantId, seq: i64, row: &AuditRow) -> [u8; 32] {
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

/// The same of a checkpoint, with the rows that something else has put into the queue.
fn signed_checkpoint(tenant: TenantId, seq: i64, at: Time, hash: &[u8], unproved: &[AuditId]) -> Vec<u8> {
    let mut text = signed_text("checkpoint", tenant, seq, at, hash);
    for id in unproved {
        text.extend_from_slice(id.bytes());
    }
    text
}

/// Whether a row that waits to be sealed was written by this program.
fn is_ours(tenant: &Tenant, row: &AuditRow, proof: Option<&[u8]>) -> bool {
    let hash = row_hash(&START, tenant.id, 0, row);
    proof.is_some_and(|proof| tenant.keys.is_proved(&hash, proof))
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
    /// In the same order.
    proofs: Vec<store::Unproved>,
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
        let mut proofs = store::unsealed(rd, self.tenant, self.behind, BATCH).await?;
        let is_short = (proofs.len() as i64) < BATCH;
        if self.behind != BEGINNING && is_short {
            proofs = store::unsealed(rd, self.tenant, BEGINNING, BATCH).await?;
        }
        let ids: Vec<AuditId> = proofs.iter().map(|(id, _)| *id).collect();
        let rows = store::some(rd, self.tenant, &ids).await?;
        if rows.len() != ids.len() {
            return Err(Error::internal("an audit row that waits to be sealed is gone"));
        }
        let end = store::chain_end(rd, self.tenant).await?.unwrap_or_else(start);
        Ok(Waiting { rows, proofs, end, from_beginning: self.behind == BEGINNING || is_short })
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

/// Where the chain of a tenant ends while rows wait to be sealed.
struct Stands(TenantId);

impl Read for Stands {
    type Output = Option<i64>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<i64>> {
        if store::unsealed(rd, self.0, BEGINNING, 1).await?.is_empty() {
            return Ok(None);
        }
        Ok(Some(store::chain_end(rd, self.0).await?.unwrap_or_else(start).0))
    }
}

impl Desk {
    /// The number at which the chain of a tenant stands while rows wait to be sealed; nothing if none wait. For a process
    /// that does not seal: if it stays the same, whoever should does not.
    pub async fn unsealed_behind(&self, tenant: TenantId) -> Result<Option<i64>> {
        self.inner.db.read(Stands(tenant)).await
    }

    /// Seals one batch of a tenant's rows into its chain; answers how many. Called by the one process that holds the lease.
    /// Rows never change, so they are read and hashed before the transaction, and the writer only takes them off the queue.
    pub async fn seal_audit(&self, tenant: TenantId) -> Result<i64> {
        let tenant = self.tenant(tenant).await?;
        let at = self.now();
        let emptied = self.emptied().get(&tenant.id).copied();
        let emptied = emptied.filter(|it| at >= it.looked_at && at.0 - it.looked_at.0 < ONWARD);
        let behind = emptied.map_or(BEGINNING, |it| it.last);
        let waiting = self.inner.db.read(Unsealed { tenant: tenant.id, behind }).await?;
        let Waiting { rows, proofs, end: (mut seq, mut hash), from_beginning } = waiting;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(0) };
        let mut unproved = Vec::new();
        for (row, (_, proof)) in rows.iter().zip(&proofs) {
            seq += 1;
            hash = row_hash(&hash, tenant.id, seq, row).to_vec();
            if !is_ours(&tenant, row, proof.as_deref()) {
                tracing::error!(audit = %row.id, "a row of the audit was not written by this program");
                unproved.push(row.id);
            }
        }
        let signature = key_pair(&tenant)?.sign(&signed_checkpoint(tenant.id, seq, at, &hash, &unproved));
        let signature = signature.as_ref().to_vec();
        let audit_ids = rows.iter().map(|row| row.id).collect();
        let checkpoint = store::CheckpointRow { seq, at, audit_ids, hash, signature, unproved };
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

/// Lines for rows that lie where the rows of these checkpoints do and are not among them, nor do they wait for being sealed:
/// `verify_export` looks whether another part of the chain has them.
pub(crate) async fn outside(
    rd: &mut Rd,
    tenant: &Tenant,
    within: (AuditId, AuditId),
    sealed: &HashSet<AuditId>,
    end: i64,
) -> Result<Vec<String>> {
    let mut found = store::between(rd, tenant.id, within, sealed.len() as i64 + OUTSIDE).await?;
    found.retain(|(id, _)| !sealed.contains(id));
    // Sealed since the end was read, on PostgreSQL.
    let later = store::checkpoints_from(rd, tenant.id, end + 1, LATER).await?;
    let later: HashSet<AuditId> = later.iter().flat_map(|it| &it.audit_ids).copied().collect();
    found.retain(|(id, _)| !later.contains(id));
    let waiting: Vec<AuditId> = found.iter().filter(|(_, waits)| waits.is_some()).map(|(id, _)| *id).collect();
    let mut lines = Vec::new();
    let mut ours = HashSet::new();
    for some in waiting.chunks(BATCH as usize) {
        for row in store::some(rd, tenant.id, some).await? {
            let proof = found.iter().find(|(id, _)| *id == row.id).and_then(|(_, waits)| waits.clone()).flatten();
            if is_ours(tenant, &row, proof.as_deref()) {
                ours.insert(row.id);
            }
        }
    }
    for (id, waits) in found.iter().filter(|(id, _)| !ours.contains(id)) {
        lines.push(json!({ "outside": id, "waits": waits.is_some() }).to_string());
    }
    Ok(lines)
}

/// Where the chain of a tenant ends, signed: a line for a witness.
struct End(TenantId);

impl Read for End {
    type Output = Option<(i64, Vec<u8>)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        store::chain_end(rd, self.0).await
    }
}

impl Desk {
    /// Where the chain of a tenant ends at this moment, signed, with its number: a line to be kept elsewhere, with which a
    /// later export is compared. Nothing before the first sealing.
    pub async fn audit_head(&self, tenant: TenantId) -> Result<Option<(i64, String)>> {
        let tenant = self.tenant(tenant).await?;
        let Some((seq, hash)) = self.inner.db.read(End(tenant.id)).await? else { return Ok(None) };
        let (at, key) = (self.now(), key_pair(&tenant)?);
        let signature = key.sign(&signed_text("end", tenant.id, seq, at, &hash));
        let line = json!({
            "bursar_audit_head": 1,
            "tenant_id": tenant.id,
            "institution": tenant.institution.name,
            "public_key": BASE64.encode(key.public_key().as_ref()),
            "end": seq,
            "at": at,
            "hash": hex(&hash),
            "signature": BASE64.encode(signature.as_ref()),
        });
        Ok(Some((seq, line.to_string())))
    }
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
    let mut line = json!({
        "checkpoint": checkpoint.seq,
        "at": checkpoint.at,
        "hash": hex(&checkpoint.hash),
        "signature": BASE64.encode(&checkpoint.signature),
    });
    if !checkpoint.unproved.is_empty() {
        line["unproved"] = json!(checkpoint.unproved);
    }
    line
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
    verify_export_against(lines, &Heads::default())
}

/// Signed ends of one chain: by number, when it ended there and with which hash.
type Ends = BTreeMap<i64, (Time, String)>;

/// Signed ends of chains that were kept elsewhere: of a witness, or of an earlier export.
#[derive(Debug, Default)]
pub struct Heads {
    /// By tenant: the key that signed, and the ends it signed.
    tenants: HashMap<String, (String, Ends)>,
}

impl Heads {
    /// Reads the lines of a witness (`bursar audit head`, `audit_witness`) or of an export. Each signature is checked; a last
    /// line that was cut is left out.
    pub fn read(&mut self, lines: impl Iterator<Item = std::io::Result<String>>) -> std::result::Result<(), String> {
        let mut of: Option<(String, String)> = None;
        let mut lines = lines.enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let bad = |what: &str| format!("line {}: {what}", number + 1);
            let line = line.map_err(|fault| bad(&fault.to_string()))?;
            if line.trim().is_empty() {
                continue;
            }
            let line: Value = match serde_json::from_str(&line) {
                Ok(line) => line,
                Err(_) if lines.peek().is_none() => break,
                Err(_) => return Err(bad("not JSON")),
            };
            if line["bursar_audit"] == 1 || line["bursar_audit_head"] == 1 {
                let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                of = Some((text("tenant_id"), text("public_key")));
            }
            let signed = ["checkpoint", "end"].into_iter().find_map(|what| Some((what, line[what].as_i64()?)));
            let Some((what, seq)) = signed else { continue };
            let (tenant, public_key) = of.clone().ok_or_else(|| bad("it does not say whose it is"))?;
            let id = TenantId::parse(&tenant).ok_or_else(|| bad("no tenant"))?;
            let key = BASE64.decode(&public_key).map_err(|_| bad("no public key"))?;
            let at = Time(line["at"].as_i64().ok_or_else(|| bad("no time"))?);
            let hash = line["hash"].as_str().unwrap_or_default().to_owned();
            check_signed(&UnparsedPublicKey::new(&ED25519, key), what, id, (seq, at, &hash), &line)
                .map_err(|what| bad(&what))?;
            let (known, ends) = self.tenants.entry(tenant).or_insert_with(|| (public_key.clone(), BTreeMap::new()));
            if *known != public_key {
                return Err(bad("it was signed by another key than the lines before it"));
            }
            // The first time it was seen.
            ends.entry(seq).or_insert((at, hash));
        }
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tenants.is_empty()
    }

    /// How many there are of a tenant.
    pub fn of(&self, tenant: &str) -> usize {
        self.tenants.get(tenant).map_or(0, |(_, ends)| ends.len())
    }
}

/// Checks the signature of a checkpoint or an end; answers the rows that the checkpoint names as not written by the server.
fn check_signed(
    key: &UnparsedPublicKey<Vec<u8>>,
    what: &str,
    tenant: TenantId,
    (seq, at, hash): (i64, Time, &str),
    line: &Value,
) -> std::result::Result<Vec<AuditId>, String> {
    let signature = line["signature"].as_str().and_then(|text| BASE64.decode(text).ok()).ok_or("no signature")?;
    let hash = unhex(hash).ok_or("no hash")?;
    let named = line["unproved"].as_array().map_or(&[][..], Vec::as_slice);
    let unproved = named.iter().map(|id| AuditId::parse(id.as_str()?)).collect::<Option<Vec<_>>>();
    let unproved = unproved.ok_or("no ids")?;
    let text = match what {
        "checkpoint" => signed_checkpoint(tenant, seq, at, &hash, &unproved),
        _ => signed_text(what, tenant, seq, at, &hash),
    };
    key.verify(&text, &signature).map_err(|_| format!("the signature of the {what} does not hold"))?;
    Ok(unproved)
}

/// The same, compared with ends of the chain that were kept elsewhere: a chain that was cut at its end, or made anew from a
/// point on, does not have them.
pub fn verify_export_against(
    lines: impl Iterator<Item = std::io::Result<String>>,
    heads: &Heads,
) -> std::result::Result<Verified, String> {
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
    let nothing = BTreeMap::new();
    let expected = match heads.tenants.get(&found.tenant) {
        Some((key, _)) if *key != found.public_key => {
            return Err(format!("it was signed by another key than the witness, which has {key}"));
        }
        Some((_, ends)) => ends,
        None if heads.tenants.is_empty() => &nothing,
        None => return Err(format!("the witness holds nothing of {}", found.tenant)),
    };
    let (mut hash, mut has_end) = (START.to_vec(), false);
    // Of each row its id, to be compared with rows that were found outside the pieces of the chain.
    let (mut sealed, mut outside, mut unproved) = (Vec::new(), Vec::new(), Vec::new());
    for (number, line) in lines {
        let line = parse(number, line)?;
        if has_end {
            return Err(bad(number, "there is something behind the end"));
        }
        let signed = ["checkpoint", "end"].into_iter().find_map(|what| Some((what, line[what].as_i64()?)));
        if let Some((what, seq)) = signed {
            let at = Time(line["at"].as_i64().ok_or_else(|| bad(number, "no time"))?);
            if seq != found.rows || line["hash"].as_str() != Some(&hex(&hash)) {
                return Err(bad(
                    number,
                    &format!("the {what} does not fit the rows before it: some are missing or changed"),
                ));
            }
            let named = check_signed(&key, what, tenant, (seq, at, &hex(&hash)), &line);
            unproved.extend(named.map_err(|what| bad(number, &what))?);
            match what {
                "end" => (has_end, found.as_of) = (true, at),
                _ => found.checkpoints += 1,
            }
            continue;
        }
        if let Some(id) = line["outside"].as_str() {
            let id = AuditId::parse(id).ok_or_else(|| bad(number, "no id"))?;
            outside.push((id, line["waits"] == true));
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
        sealed.push(row.id);
        if let Some((at, known)) = expected.get(&found.rows)
            && *known != hex(&hash)
        {
            let at = at.rfc3339_millis();
            return Err(bad(number, &format!("the witness of {at} has another row with the number {}", found.rows)));
        }
    }
    if !has_end {
        return Err("the file has no end: it was cut".to_owned());
    }
    if let Some((seq, (at, _))) = expected.last_key_value()
        && *seq > found.rows
    {
        let missing = seq - found.rows;
        return Err(match *at > found.as_of {
            true => format!("it is older than the witness, which has {seq} rows; export it anew"),
            false => format!("the last {missing} rows are missing: at {} there were {seq}", at.rfc3339_millis()),
        });
    }
    sealed.sort_unstable();
    outside.retain(|(id, waits)| *waits || sealed.binary_search(id).is_err());
    if let Some((id, waits)) = outside.first() {
        let how = if *waits { "waits to be sealed without the server's proof" } else { "stands outside the chain" };
        return Err(format!("{} rows were not written by the server; {id} {how}", outside.len()));
    }
    if let Some(id) = unproved.first() {
        return Err(format!(
            "{} rows were not written by the server; {id} had no proof when it was sealed",
            unproved.len()
        ));
    }
    Ok(found)
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
