//! How a file is received: in pieces, sealed with the tenant's key, never whole in memory. Bookkeeping of the house and no
//! action on anybody's data; that begins with `StartImport`, which `Staging::finish` makes. What is never finished is
//! swept after a day.

use std::sync::Arc;

use super::actions::{FailImport, StartImport};
use super::fields::{FIELDS, named, nearest};
use super::model::{Format, Import};
use super::rows::{self, Cut};
use super::store;
use crate::caller::{Caller, Door};
use crate::db::{Rd, Read, Tx, Write, params};
use crate::door::Desk;
use crate::error::{Error, Field, Result};
use crate::permission::{ACTIONS, need_of};
use crate::tenant::Tenant;
use crate::value::clock::{DAY, Time};
use crate::value::contact::Phone;
use crate::value::id::{ImportId, TenantId};
use crate::value::secret;
use crate::verb::{Action, Subject};

/// Bytes of every piece but the last.
pub(crate) const PIECE: usize = 256 * 1024;
/// How long an upload may take.
const UPLOAD_AGE: i64 = DAY;
/// How long a file waits for its start to be approved.
const AWAITING_AGE: i64 = 30 * DAY;
/// How long rejected rows are kept as they were.
const REJECTED_AGE: i64 = 30 * DAY;
/// The most columns a file may have.
const COLUMNS_MAX: usize = 500;
/// Columns of our own files that are left out, so that a mended error file, or an export, can be brought in.
const OWN_COLUMNS: &[&str] = &["line", "field", "code", "reason", "id", "number"];
/// What some programs put before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// How the columns of a file are to be understood.
#[derive(Debug, Clone, Default)]
pub struct Naming {
    /// Our field, and what the file calls it.
    pub map: Vec<(String, String)>,
    /// Columns to leave out.
    pub ignore: Vec<String>,
    /// Of which country telephone numbers without a country's code are (ISO 3166, two letters); else of the institution's.
    pub country: Option<String>,
}

impl Naming {
    /// Reads `phone=mobile`.
    pub fn pair(text: &str) -> Result<(String, String)> {
        let (ours, theirs) = text
            .split_once('=')
            .ok_or_else(|| Error::invalid("map", "invalid", "Write it as field=column, e.g. phone=mobile."))?;
        Ok((ours.trim().to_owned(), theirs.trim().to_owned()))
    }

    /// Which field each column of a header holds.
    fn columns(&self, header: &[String]) -> Result<Vec<Option<usize>>> {
        let mut faults = Vec::new();
        let mut renamed = Vec::new();
        for (ours, theirs) in &self.map {
            match (named(ours), header.iter().any(|column| same_name(column, theirs))) {
                (None, _) => faults.push(unknown("map", ours, None)),
                (_, false) => {
                    faults.push(Field::new("map", "unknown", "The file has no column of a name given there."))
                }
                (Some(field), true) => renamed.push((field, theirs)),
            }
        }
        let mut columns = Vec::with_capacity(header.len());
        for (at, name) in header.iter().enumerate() {
            let renamed = renamed.iter().find(|(_, theirs)| same_name(name, theirs)).map(|(field, _)| *field);
            let left_out = self.ignore.iter().any(|it| same_name(name, it)) || OWN_COLUMNS.contains(&name.trim());
            let known = renamed.or_else(|| if left_out { None } else { named(name.trim()) });
            match known {
                None if left_out => {}
                None => faults.push(unknown("columns", name, Some(at + 1))),
                Some(field) if columns.contains(&Some(field)) => {
                    let what = format!("Two columns hold `{}`.", FIELDS[field].name);
                    faults.push(Field::new("columns", "duplicate", what));
                }
                Some(_) => {}
            }
            columns.push(known);
        }
        faults.truncate(20);
        match faults.is_empty() {
            true => Ok(columns),
            false => Err(Error::Invalid(faults)),
        }
    }
}

fn same_name(column: &str, name: &str) -> bool {
    column.trim() == name.trim()
}

/// A name that is none of ours. It is repeated only if it looks like a name: a file without a header begins with somebody.
fn unknown(path: &str, name: &str, column: Option<usize>) -> Field {
    let name = name.trim();
    let plain = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '.' || it == '-' || it == ' ';
    let is_name = name.len() <= 40 && name.starts_with(|it: char| it.is_ascii_alphabetic()) && name.chars().all(plain);
    let mut told = match (is_name, column) {
        (true, Some(column)) => format!("There is no field `{name}` (column {column})."),
        (true, None) => format!("There is no field `{name}`."),
        (false, _) => {
            format!("Column {} has the name of no field; a file begins with its header.", column.unwrap_or(0))
        }
    };
    if let Some(near) = nearest(name) {
        told.push_str(&format!(" The nearest is `{near}`."));
    }
    if column.is_some() {
        told.push_str(" Map it to a field, or leave it out.");
    }
    Field::new(path, "unknown", told)
}

/// A file that is being received.
pub struct Staging {
    desk: Desk,
    tenant: Arc<Tenant>,
    id: ImportId,
    author: String,
    format: Format,
    dry_run: bool,
    naming: Naming,
    piece: i64,
    buffer: Vec<u8>,
    bytes: i64,
    digest: aws_lc_rs::digest::Context,
    head: Option<Head>,
}

/// What was read of the file's beginning.
struct Head {
    columns: Vec<Option<usize>>,
    begins: usize,
    line: i64,
}

impl Desk {
    /// Begins to receive a file, if the caller may bring users in; an attempt without the right is recorded.
    pub async fn stage_import(
        &self,
        caller: &Caller,
        format: Format,
        dry_run: bool,
        naming: Naming,
    ) -> Result<Staging> {
        let tenant = self.tenant(caller.tenant).await?;
        let mut naming = naming;
        if let Some(country) = &mut naming.country {
            if !Phone::is_country(country) {
                return Err(Error::invalid("country", "unknown", "Must be a country's two letters, e.g. NG."));
            }
            country.make_ascii_uppercase();
        }
        let id = ImportId::new(self.now(), self.random());
        let need = need_of(ACTIONS, StartImport::NAME).ok_or_else(|| Error::internal("no line for import.start"))?;
        if caller.lacks(need, Subject::Tenant).is_some() {
            let refused = self.perform(caller, StartImport::of_nothing(id, self.now())).await;
            return Err(refused.err().unwrap_or(Error::Forbidden("users.import")));
        }
        self.db().write(Begin { tenant: tenant.id, id, now: self.now() }).await?;
        Ok(Staging {
            desk: self.clone(),
            tenant,
            id,
            author: caller.author(),
            format,
            dry_run,
            naming,
            piece: 0,
            buffer: Vec::with_capacity(PIECE),
            bytes: 0,
            digest: aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256),
            head: None,
        })
    }

    /// The import of the same file that has not ended yet, if there is one: for whoever begins again.
    pub async fn unfinished_import(
        &self,
        caller: &Caller,
        digest: &[u8; 32],
        dry_run: bool,
    ) -> Result<Option<ImportId>> {
        let tenant = self.tenant(caller.tenant).await?;
        let token = file_token(&tenant, digest);
        let open = self.db().read(Open(tenant.id)).await?;
        let same = open.into_iter().find(|(_, known, dry)| secret::same(known, &token) && *dry == dry_run);
        Ok(same.map(|(id, _, _)| id))
    }

    /// Deletes the file of an import that has ended, or that was never begun. In steps, so that nobody waits for it.
    pub(super) async fn clear_import_file(&self, tenant: TenantId, id: ImportId) -> Result<()> {
        while self.db().write(Clear { tenant, id }).await? > 0 {}
        Ok(())
    }

    /// Deletes uploads that were never finished, ends imports whose start nobody has approved for a month, and forgets rejected
    /// rows after as long; answers how many.
    pub async fn sweep_imports(&self) -> Result<u64> {
        let old = self.db().read(OldUploads(self.now().plus(-UPLOAD_AGE))).await?;
        let mut swept = 0;
        for (tenant, id) in old {
            self.clear_import_file(tenant, id).await?;
            self.db().write(End { tenant, id }).await?;
            swept += 1;
        }
        for (tenant, id) in self.db().read(AwaitedTooLong(self.now().plus(-AWAITING_AGE))).await? {
            // The job that follows deletes the file.
            let house = Caller::house(tenant, Door::Worker);
            self.perform(&house, FailImport { import: id, code: "not_approved" }).await?;
            swept += 1;
        }
        swept += self.db().write(Forget(self.now().plus(-REJECTED_AGE))).await?;
        Ok(swept)
    }
}

/// A file is known by the keyed fingerprint of its bytes.
fn file_token(tenant: &Tenant, digest: &[u8]) -> [u8; 32] {
    let hex = secret::hex(digest);
    tenant.keys.lookup().of_person(&["import file", &hex])
}

impl Staging {
    /// The id the import will have.
    pub fn id(&self) -> ImportId {
        self.id
    }

    /// Takes more of the file. A header that cannot be used is told as soon as it is there.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = PIECE - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.digest.update(now);
            self.buffer.extend_from_slice(now);
            self.bytes += now.len() as i64;
            bytes = later;
            if self.buffer.len() == PIECE {
                self.flush(false).await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, last: bool) -> Result<()> {
        if self.head.is_none() {
            self.head = Some(head(self.format, &self.naming, &self.buffer, last)?);
        }
        let sealed = store::seal_piece(&self.tenant, self.id, self.piece, &self.buffer, self.desk.random());
        let piece = self.piece;
        self.desk.db().write(Piece { tenant: self.tenant.id, id: self.id, piece, sealed }).await?;
        self.piece += 1;
        self.buffer.clear();
        Ok(())
    }

    /// The file is whole: what is left is to start the import.
    pub async fn finish(&mut self) -> Result<StartImport> {
        if self.bytes == 0 {
            return Err(Error::invalid("file", "required", "The file is empty."));
        }
        if !self.buffer.is_empty() {
            self.flush(true).await?;
        }
        let head = self.head.as_ref().ok_or_else(|| Error::internal("a file without a beginning"))?;
        let digest = self.digest.clone().finish();
        let now = self.desk.now();
        let import = Import {
            dry_run: self.dry_run,
            columns: head.columns.clone(),
            author: self.author.clone(),
            country: self.naming.country.clone(),
            file_bytes: self.bytes,
            done_bytes: head.begins as i64,
            next_line: head.line,
            ..Import::begun(self.id, self.format, now)
        };
        Ok(StartImport { import, file_token: file_token(&self.tenant, digest.as_ref()) })
    }

    /// SHA-256 of what came.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.digest.clone().finish().as_ref());
        out
    }

    /// Throws away what was received.
    pub async fn discard(self) -> Result<()> {
        self.desk.clear_import_file(self.tenant.id, self.id).await?;
        self.desk.db().write(End { tenant: self.tenant.id, id: self.id }).await
    }
}

/// Reads the beginning: what stands before the first row, and which field each column holds.
fn head(format: Format, naming: &Naming, buffer: &[u8], last: bool) -> Result<Head> {
    let bad = |code, message: &str| Error::invalid("file", code, message);
    if buffer.starts_with(b"\xff\xfe") || buffer.starts_with(b"\xfe\xff") || buffer.starts_with(b"\x1f\x8b") {
        return Err(bad("encoding", "Must be UTF-8, and not compressed."));
    }
    let begins = if buffer.starts_with(BOM) { BOM.len() } else { 0 };
    if format == Format::Ndjson {
        if !naming.map.is_empty() || !naming.ignore.is_empty() {
            return Err(Error::invalid("map", "invalid", "Only the columns of a CSV file are mapped."));
        }
        return Ok(Head { columns: Vec::new(), begins, line: 1 });
    }
    let (mut begins, mut line) = (begins, 1);
    loop {
        // No file has so many columns, so every header has the wrong number of them; what matters is where it ends.
        match rows::cut(Format::Csv, usize::MAX, &buffer[begins..], last) {
            Cut::Blank { end } => {
                begins += end;
                line += 1;
            }
            Cut::Row { end, flaw: Some(rows::COLUMNS), .. } => {
                let text = std::str::from_utf8(&buffer[begins..begins + end]);
                let text = text.map_err(|_| bad("encoding", "The header is not UTF-8."))?;
                let header = rows::csv_fields(text);
                if header.len() > COLUMNS_MAX {
                    return Err(bad("too_long", "A file has at most 500 columns."));
                }
                return Ok(Head { columns: naming.columns(&header)?, begins: begins + end, line: line + 1 });
            }
            Cut::Row { .. } => return Err(bad("quoting", "The quotes of the header do not fit.")),
            Cut::More | Cut::Endless { .. } => {
                return Err(bad("header", "A CSV file begins with a header of one line."));
            }
        }
    }
}

struct Begin {
    tenant: TenantId,
    id: ImportId,
    now: Time,
}

impl Write for Begin {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::INSERT_UPLOAD, params![self.tenant, self.id, self.now]).await
    }
}

struct Piece {
    tenant: TenantId,
    id: ImportId,
    piece: i64,
    sealed: Vec<u8>,
}

impl Write for Piece {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::INSERT_PIECE, params![self.tenant, self.id, self.piece, self.sealed]).await
    }
}

struct End {
    tenant: TenantId,
    id: ImportId,
}

impl Write for End {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::DELETE_UPLOAD, params![self.tenant, self.id]).await
    }
}

struct Clear {
    tenant: TenantId,
    id: ImportId,
}

impl Write for Clear {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.run(store::DELETE_PIECES, params![self.tenant, self.id]).await
    }
}

struct Open(TenantId);

impl Read for Open {
    type Output = Vec<(ImportId, [u8; 32], bool)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        store::open(rd, self.0, super::actions::OPEN_MAX + 1).await
    }
}

struct OldUploads(Time);

impl Read for OldUploads {
    type Output = Vec<(TenantId, ImportId)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let rows = rd.all(store::OLD_UPLOADS, params![self.0]).await?.into_iter();
        rows.map(|mut row| Ok((row.take()?, row.take()?))).collect()
    }
}

struct AwaitedTooLong(Time);

impl Read for AwaitedTooLong {
    type Output = Vec<(TenantId, ImportId)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let rows = rd.all(store::AWAITED_TOO_LONG, params![self.0]).await?.into_iter();
        rows.map(|mut row| Ok((row.take()?, row.take()?))).collect()
    }
}

struct Forget(Time);

impl Write for Forget {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.run(store::FORGET_REJECTED, params![self.0]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(header: &str, naming: &Naming) -> std::result::Result<Vec<Option<&'static str>>, String> {
        match head(Format::Csv, naming, header.as_bytes(), true) {
            Ok(head) => Ok(head.columns.iter().map(|it| it.map(|at| FIELDS[at].name)).collect()),
            Err(Error::Invalid(faults)) => {
                Err(faults.iter().map(|it| it.message.clone()).collect::<Vec<_>>().join(" "))
            }
            Err(other) => Err(other.to_string()),
        }
    }

    #[test]
    fn a_header_names_fields_by_our_names_the_apis_and_mapped_ones() {
        let plain = Naming::default();
        let good = [Some("external_id"), Some("phone"), Some("bvn"), None];
        assert_eq!(told("\u{feff}external_id,\"phone\",identifiers.bvn,reason\r\n", &plain).unwrap(), good);
        let naming = Naming {
            map: vec![Naming::pair("phone=mobile").unwrap()],
            ignore: vec!["shoe size".to_owned()],
            country: None,
        };
        assert_eq!(told("mobile,shoe size", &naming).unwrap(), [Some("phone"), None]);
    }

    #[test]
    fn a_header_that_cannot_be_used_says_why() {
        let plain = Naming::default();
        let wrong = told("external_id,fone", &plain).unwrap_err();
        assert!(wrong.contains("`fone`") && wrong.contains("The nearest is `phone`"), "{wrong}");
        let headless = told("Marta,marta@mail.example", &plain).unwrap_err();
        assert!(!headless.contains("@"), "{headless}");
        assert!(told("phone,phone", &plain).unwrap_err().contains("Two columns"));
        assert!(told("\"phone", &plain).unwrap_err().contains("quotes"));
        assert!(told("\n\n", &plain).unwrap_err().contains("header"));
        let naming = Naming { map: vec![("fone".to_owned(), "phone".to_owned())], ignore: Vec::new(), country: None };
        assert!(told("phone", &naming).unwrap_err().contains("nearest"));
    }
}
