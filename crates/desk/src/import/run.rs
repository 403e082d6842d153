//! An import from where it is to its end: one task reads the file and makes rows ready, another writes slice after slice.
//! Everything that counts is in the database, so that this may end at any moment and begin again anywhere.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::actions::{ImportSlice, Written};
use super::model::{Format, Import, ImportState};
use super::naming;
use super::prepare::{Ahead, Batch, Prepared, RawRow, Seen, Understood, Way, WhoIsHere};
use super::rows::{self, Cut, Shape, TOO_LONG};
use super::staging::PIECE;
use super::store;
use crate::caller::Caller;
use crate::db::{Rd, Read, Tx, Weight, Write, params};
use crate::door::Desk;
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::user::unique::Settled;
use crate::user::{Round, WORTH_SETTLING};
use crate::value::clock::SECOND;
use crate::value::id::{ImportId, TenantId};

/// Rows of the first slice; later ones are as large as `SLICE` allows.
const ROWS_FIRST: usize = 200;
/// The fewest and the most rows of a slice.
const ROWS_MIN: usize = 20;
const ROWS_MAX: usize = 8000;
/// What a slice should take while others write, too: long enough to be worth a commit, short enough for those who wait
/// behind it.
const SLICE: Duration = Duration::from_millis(100);
/// What it should take while hardly anybody does. The more rows a slice has, the more of their tokens, sorted, go into the
/// same pages of the index, and each page is written once.
const SLICE_ALONE: Duration = Duration::from_millis(400);
/// So many works of others since the slice before are somebody who waits. (The house's own sealing and folding are some.)
const OTHERS: u64 = 25;
/// How many bytes of rows a slice holds at most.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// For how many names one read looks whether they are taken.
const TOKENS_AT_ONCE: usize = 2000;
/// How long a process that has died keeps others from going on.
const LEASE: i64 = 10 * SECOND;
/// How often the lease is asked for again.
const RENEWED: Duration = Duration::from_secs(3);
/// Times in a row that a slice may meet others before the import is put off.
const MEETINGS_MAX: usize = 20;

/// Why a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The import is over, and its file is deleted.
    Over,
    /// The import rests.
    Paused,
    /// The caller does not want to go on now.
    Told,
}

/// What a run has done since it was last asked whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// A slice was written.
    Wrote,
    /// Nothing was written: it waits, or reads again what came before.
    Asked,
}

/// Whether a run shall go on: asked between slices, and every second while another process has the import.
pub trait GoesOn: Send {
    /// `false` ends the run after what is written.
    fn goes_on(&mut self, since: Since) -> impl Future<Output = bool> + Send;
}

/// Nothing but the end ends the run.
pub struct ToTheEnd;

impl GoesOn for ToTheEnd {
    async fn goes_on(&mut self, _: Since) -> bool {
        true
    }
}

impl Desk {
    /// Brings in the rest of a file, unless another process does: then waits until that ends.
    pub async fn run_import(&self, tenant: TenantId, id: ImportId, mut way: impl GoesOn) -> Result<Stopped> {
        let holder = format!("{:032x}", u128::from_be_bytes(self.random().bytes()));
        let lease = format!("import {id}");
        let mut meetings = 0;
        loop {
            let import = self.db().read(Load(tenant, id)).await?;
            if matches!(import.state, ImportState::Awaiting | ImportState::Paused) {
                return Ok(Stopped::Paused);
            }
            if import.state.is_over() {
                self.clear_import_file(tenant, id).await?;
                self.settle_unique(tenant, WORTH_SETTLING).await?;
                return Ok(Stopped::Over);
            }
            if !way.goes_on(Since::Asked).await {
                return Ok(Stopped::Told);
            }
            if !self.take_lease(&lease, &holder, LEASE).await? {
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
            // Nothing is written for the rows of a dry run, so nobody knows who would have which names by now.
            let import = match import.dry_run && (import.rows_read() > 0 || import.rows_waiting > 0) {
                true => self.begin_again(tenant, import).await?,
                false => import,
            };
            let before = import.done_bytes;
            let done = self.slices(tenant, import, &lease, &holder, &mut way).await;
            // Whoever comes next need not wait.
            self.take_lease(&lease, &holder, -1).await?;
            match done {
                Ok(true) => {}
                Ok(false) => return Ok(Stopped::Told),
                // A user was created or changed between the look and the slice: look again.
                Err(Error::Conflict(_)) if meetings < MEETINGS_MAX => {
                    let now = self.db().read(Load(tenant, id)).await?.done_bytes;
                    meetings = if now > before { 0 } else { meetings + 1 };
                }
                Err(other) => return Err(other),
            }
        }
    }

    async fn begin_again(&self, tenant: TenantId, import: Import) -> Result<Import> {
        let (begins, line) = begins(self, self.tenant(tenant).await?, &import).await?;
        self.db().write(BeginAgain { tenant, id: import.id, begins, line }).await
    }

    /// Writes slices until there are no more, or somebody has paused or cancelled; `false` when told to stop.
    async fn slices(
        &self,
        tenant: TenantId,
        import: Import,
        lease: &str,
        holder: &str,
        way: &mut impl GoesOn,
    ) -> Result<bool> {
        let id = import.id;
        let house = Caller::house(tenant, crate::caller::Door::Worker);
        let size = Arc::new(AtomicUsize::new(ROWS_FIRST));
        let (ready, mut slices) = mpsc::channel(1);
        let ahead = import.dry_run.then(Ahead::default);
        let maker = Maker { desk: self.clone(), tenant: self.tenant(tenant).await?, house: house.clone(), ahead };
        let making = tokio::spawn(maker.clone().run(import.clone(), size.clone(), ready));
        let mut renewed = Instant::now();
        let (mut works, mut done) = (self.db().gauges().actions, 0);
        let mut round = Round::default();
        let written = loop {
            let slice = tokio::select! {
                slice = slices.recv() => slice,
                // What came before is read again first, which may take longer than a lease.
                () = tokio::time::sleep(RENEWED) => {
                    if !way.goes_on(Since::Asked).await {
                        break Ok(false);
                    }
                    if !self.take_lease(lease, holder, LEASE).await? {
                        break Ok(true);
                    }
                    renewed = Instant::now();
                    continue;
                }
            };
            let Some(slice) = slice else { break Ok(true) };
            let rows: Arc<Prepared> = Arc::new(slice?);
            let (count, unique) = (rows.count().max(1), rows.unique());
            let begun = Instant::now();
            let mut written = self.perform(&house, ImportSlice { import: id, rows: rows.clone() }).await?;
            if written == Written::On && rows.last {
                // Everything was read: now those who wait for one another's names are done, all together.
                let rows = Arc::new(maker.waiting(&import, rows.to, rows.next_line).await?);
                written = self.perform(&house, ImportSlice { import: id, rows }).await?;
            }
            match written {
                Written::On => {}
                Written::Completed | Written::Not => break Ok(true),
            }
            self.settle_share(tenant, &mut round, unique).await?;
            done += 1u64;
            if done.is_power_of_two() {
                self.db().learn().await?;
            }
            let others = self.db().gauges().actions - works;
            let wanted = if others > OTHERS { SLICE } else { SLICE_ALONE };
            let fitting = (count as f64 * wanted.as_secs_f64() / begun.elapsed().as_secs_f64().max(1e-4)) as usize;
            let last = size.load(Ordering::Relaxed);
            size.store(fitting.clamp(last / 2, last * 2).clamp(ROWS_MIN, ROWS_MAX), Ordering::Relaxed);
            self.db().settle().await?;
            works = self.db().gauges().actions;
            if !way.goes_on(Since::Wrote).await {
                break Ok(false);
            }
            if renewed.elapsed() > RENEWED {
                renewed = Instant::now();
                if !self.take_lease(lease, holder, LEASE).await? {
                    break Ok(true);
                }
            }
        };
        making.abort();
        written
    }
}

/// Puts a dry run back to its beginning.
struct BeginAgain {
    tenant: TenantId,
    id: ImportId,
    begins: i64,
    line: i64,
}

impl Write for BeginAgain {
    type Output = Import;

    async fn run(&self, tx: &mut Tx) -> Result<Import> {
        let mut import = store::load_for_change(tx, self.tenant, self.id).await?;
        tx.put(store::DELETE_REJECTED, params![self.tenant, self.id]).await?;
        tx.put(store::DELETE_WAITING, params![self.tenant, self.id]).await?;
        (import.done_bytes, import.next_line) = (self.begins, self.line);
        (import.rows_created, import.rows_edited, import.rows_unchanged) = (0, 0, 0);
        (import.rows_rejected, import.rejected_kept, import.rows_waiting) = (0, 0, 0);
        store::save(tx, self.tenant, &import).await?;
        Ok(import)
    }
}

struct LoadWaiting(Arc<Tenant>, ImportId);

impl Read for LoadWaiting {
    type Output = Vec<(i64, Vec<u8>)>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        store::waiting(rd, &self.0, self.1).await
    }
}

struct Load(TenantId, ImportId);

impl Read for Load {
    type Output = Import;

    async fn run(&self, rd: &mut Rd) -> Result<Import> {
        store::load(rd, self.0, self.1).await
    }
}

struct LoadPiece(Arc<Tenant>, ImportId, i64);

impl Read for LoadPiece {
    type Output = Option<Vec<u8>>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        store::piece(rd, &self.0, self.1, self.2).await
    }
}

/// Reads the file and makes its rows ready, ahead of the writer.
#[derive(Clone)]
struct Maker {
    desk: Desk,
    tenant: Arc<Tenant>,
    house: Caller,
    ahead: Option<Ahead>,
}

impl Maker {
    async fn run(self, import: Import, size: Arc<AtomicUsize>, ready: mpsc::Sender<Result<Prepared>>) {
        if let Err(fault) = self.make(import, size, &ready).await {
            // Nobody listens any more when the writer has ended first.
            let _ = ready.send(Err(fault)).await;
        }
    }

    async fn make(&self, import: Import, size: Arc<AtomicUsize>, ready: &mpsc::Sender<Result<Prepared>>) -> Result<()> {
        let way = self.way(&import);
        let mut seen = self.seen(&way, &import).await?;
        let mut feed = Feed::at(self.desk.clone(), self.tenant.clone(), &import, import.done_bytes, import.next_line);
        loop {
            let batch = feed.take(size.load(Ordering::Relaxed), import.file_bytes).await?;
            let last = batch.last;
            let (prepared, back) = self.ready(&way, batch, seen).await?;
            seen = back;
            if ready.send(Ok(prepared)).await.is_err() || last {
                return Ok(());
            }
        }
    }

    /// The rows that have waited until the end of the file.
    async fn waiting(&self, import: &Import, end: i64, next_line: i64) -> Result<Prepared> {
        let rows = self.desk.db().read(LoadWaiting(self.tenant.clone(), import.id)).await?;
        let rows = rows.into_iter().map(|(line, raw)| RawRow { line, at: end, raw, flaw: None }).collect();
        let batch = Batch { from: end, to: end, next_line, last: true, rows };
        let (mut prepared, _) = self.ready(&self.way(import), batch, Seen::default()).await?;
        prepared.of_waiting = true;
        Ok(prepared)
    }

    fn way(&self, import: &Import) -> Way {
        Way {
            tenant: self.tenant.clone(),
            import: import.id,
            dry_run: import.dry_run,
            columns: Arc::new(import.columns.clone()),
            reading: Arc::new(import.reading.clone()),
            format: import.format,
            author: import.author.as_str().into(),
            random: self.desk.random().clone(),
            country: import.country.as_ref().or(self.tenant.settings.country.as_ref()).map(|code| code.as_str().into()),
        }
    }

    async fn ready(&self, way: &Way, batch: Batch, seen: Seen) -> Result<(Prepared, Seen)> {
        let (understood, seen) = self.understand(way, batch, seen).await?;
        let mut tokens = understood.external_ids();
        // In the order of the index.
        tokens.sort_unstable();
        let look = WhoIsHere { tenant: self.tenant.clone(), caller: self.house.clone(), tokens };
        let (here, looked) = self.desk.db().read(look).await?;
        let (way, now) = (way.clone(), self.desk.now());
        let prepared = tokio::task::spawn_blocking(move || way.prepare(understood, &here, now));
        let mut prepared = prepared.await.map_err(Error::internal)??;
        prepared.looked = looked;
        prepared.ahead = self.ahead.clone();
        // Here nobody waits for it; but a read has an end.
        for tokens in prepared.tokens_unseen().chunks(TOKENS_AT_ONCE) {
            let settled = self.desk.db().read(Settled(self.tenant.id, tokens.to_vec())).await?;
            prepared.looked.add(settled);
        }
        Ok((prepared, seen))
    }

    async fn understand(&self, way: &Way, batch: Batch, mut seen: Seen) -> Result<(Understood, Seen)> {
        let way = way.clone();
        tokio::task::spawn_blocking(move || {
            let understood = way.understand(batch, &mut seen);
            (understood, seen)
        })
        .await
        .map_err(Error::internal)
    }

    /// What the rows before the position have used up: they are read again, nothing is written for them.
    async fn seen(&self, way: &Way, import: &Import) -> Result<Seen> {
        let mut seen = Seen::default();
        let (begins, line) = begins(&self.desk, self.tenant.clone(), import).await?;
        let mut feed = Feed::at(self.desk.clone(), self.tenant.clone(), import, begins, line);
        while feed.offset() < import.done_bytes {
            let batch = feed.take(ROWS_MAX, import.done_bytes).await?;
            (_, seen) = self.understand(way, batch, seen).await?;
        }
        Ok(seen)
    }
}

/// Where the first row is, and on which line.
pub(super) async fn begins(desk: &Desk, tenant: Arc<Tenant>, import: &Import) -> Result<(i64, i64)> {
    let piece = desk.db().read(LoadPiece(tenant, import.id, 0)).await?;
    let piece = piece.ok_or_else(|| Error::internal("the file of an import is gone"))?;
    let (mut at, mut line) = (if piece.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }, 1);
    if import.format == Format::Ndjson {
        return Ok((at, line));
    }
    loop {
        let from = usize::try_from(at).map_err(Error::internal)?;
        let Some(end) = rows::line_end(&piece[from..]) else { return Ok((import.file_bytes, line)) };
        at += end as i64;
        line += 1;
        // Blank lines may stand before the header, and the one that says what separates the fields.
        let text = &piece[from..from + end];
        if !rows::trimmed(text).is_empty() && (line > 2 || naming::sep_line(text).is_none()) {
            return Ok((at, line));
        }
    }
}

/// The file from a place on.
pub(super) struct Feed {
    desk: Desk,
    tenant: Arc<Tenant>,
    import: ImportId,
    shape: Shape,
    columns: usize,
    file_bytes: i64,
    /// The place in the file at which `buffer` begins.
    base: i64,
    buffer: Vec<u8>,
    /// How much of the buffer is dealt with.
    at: usize,
    line: i64,
}

impl Feed {
    pub fn at(desk: Desk, tenant: Arc<Tenant>, import: &Import, offset: i64, line: i64) -> Feed {
        Feed {
            desk,
            tenant,
            import: import.id,
            shape: import.reading.shape(import.format),
            columns: import.columns.len(),
            file_bytes: import.file_bytes,
            base: offset,
            buffer: Vec::new(),
            at: 0,
            line,
        }
    }

    fn offset(&self) -> i64 {
        self.base + self.at as i64
    }

    /// Takes the next piece, or the rest of the one in which the feed begins.
    async fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.at);
        self.base += self.at as i64;
        self.at = 0;
        let next = self.base + self.buffer.len() as i64;
        let (piece, within) = (next / PIECE as i64, (next % PIECE as i64) as usize);
        let load = LoadPiece(self.tenant.clone(), self.import, piece);
        let found = self.desk.db().read(load).await?;
        let found = found.ok_or_else(|| Error::internal("a piece of the file of an import is gone"))?;
        self.buffer.extend_from_slice(found.get(within..).unwrap_or_default());
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.base + self.buffer.len() as i64 >= self.file_bytes
    }

    /// The next rows: at most so many, and none beyond this place.
    pub async fn take(&mut self, count: usize, until: i64) -> Result<Batch> {
        let from = self.offset();
        let (mut taken, mut bytes) = (Vec::with_capacity(count), 0);
        while taken.len() < count && bytes < BYTES_MAX && self.offset() < until {
            let rest = &self.buffer[self.at..];
            match rows::cut(self.shape, self.columns, rest, self.is_whole()) {
                Cut::Row { end, lines, flaw } => {
                    // What is wrong as a row and very long is not carried along.
                    let raw = if flaw == Some(TOO_LONG) { Vec::new() } else { rest[..end].to_vec() };
                    bytes += raw.len();
                    taken.push(RawRow { line: self.line, at: self.offset(), raw, flaw });
                    self.line += lines;
                    self.at += end;
                }
                Cut::Blank { end } => {
                    self.line += 1;
                    self.at += end;
                }
                Cut::Endless { end } => {
                    self.at += end;
                    self.skip_line().await?;
                    taken.push(RawRow { line: self.line, at: self.offset(), raw: Vec::new(), flaw: Some(TOO_LONG) });
                    self.line += 1;
                }
                Cut::More => self.fill().await?,
            }
        }
        let to = self.offset();
        Ok(Batch { from, to, next_line: self.line, last: to >= self.file_bytes, rows: taken })
    }

    /// Leaves out everything up to the next line break.
    async fn skip_line(&mut self) -> Result<()> {
        loop {
            let rest = &self.buffer[self.at..];
            if let Some(end) = rows::line_end(rest) {
                self.at += end;
                return Ok(());
            }
            self.at = self.buffer.len();
            if self.is_whole() {
                return Ok(());
            }
            self.fill().await?;
        }
    }
}
