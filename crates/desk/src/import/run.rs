//! An import from where it is to its end: one task reads the file and makes rows ready, another writes slice after slice.
//! Everything that counts is in the database, so that this may end at any moment and begin again anywhere.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::actions::{ImportSlice, Written};
use super::model::{Format, Import, ImportState};
use super::prepare::{Batch, Prepared, RawRow, Seen, Understood, Way, WhoIsHere};
use super::rows::{self, Cut, TOO_LONG};
use super::staging::PIECE;
use super::store;
use crate::caller::Caller;
use crate::db::{Rd, Read};
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
        let maker = Maker { desk: self.clone(), tenant: self.tenant(tenant).await?, house: house.clone() };
        let making = tokio::spawn(maker.run(import, size.clone(), ready));
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
            match self.perform(&house, ImportSlice { import: id, rows }).await? {
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
struct Maker {
    desk: Desk,
    tenant: Arc<Tenant>,
    house: Caller,
}

impl Maker {
    async fn run(self, import: Import, size: Arc<AtomicUsize>, ready: mpsc::Sender<Result<Prepared>>) {
        if let Err(fault) = self.make(import, size, &ready).await {
            // Nobody listens any more when the writer has ended first.
            let _ = ready.send(Err(fault)).await;
        }
    }

    async fn make(&self, import: Import, size: Arc<AtomicUsize>, ready: &mpsc::Sender<Result<Prepared>>) -> Result<()> {
        let way = Way {
            tenant: self.tenant.clone(),
            import: import.id,
            format: import.format,
            dry_run: import.dry_run,
            columns: Arc::new(import.columns.clone()),
            author: import.author.as_str().into(),
            random: self.desk.random().clone(),
            country: import.country.as_ref().or(self.tenant.settings.country.as_ref()).map(|code| code.as_str().into()),
        };
        let mut seen = self.seen(&way, &import).await?;
        let mut feed = Feed::at(self, &import, import.done_bytes, import.next_line);
        loop {
            let batch = feed.take(size.load(Ordering::Relaxed), import.file_bytes).await?;
            let last = batch.last;
            let (understood, back) = self.understand(&way, batch, seen).await?;
            seen = back;
            let mut tokens = understood.external_ids();
            // In the order of the index.
            tokens.sort_unstable();
            let look = WhoIsHere { tenant: self.tenant.clone(), caller: self.house.clone(), tokens };
            let (here, looked) = self.desk.db().read(look).await?;
            let (way, now) = (way.clone(), self.desk.now());
            let prepared = tokio::task::spawn_blocking(move || {
                let prepared = way.prepare(understood, &here, &mut seen, now);
                (prepared, seen)
            });
            let (prepared, back) = prepared.await.map_err(Error::internal)?;
            seen = back;
            let mut prepared = prepared?;
            prepared.looked = looked;
            // Here nobody waits for it; but a read has an end.
            for tokens in prepared.tokens_unseen().chunks(TOKENS_AT_ONCE) {
                let settled = self.desk.db().read(Settled(self.tenant.id, tokens.to_vec())).await?;
                prepared.looked.add(settled);
            }
            if ready.send(Ok(prepared)).await.is_err() || last {
                return Ok(());
            }
        }
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
        let (begins, line) = self.begins(import).await?;
        let mut feed = Feed::at(self, import, begins, line);
        while feed.offset() < import.done_bytes {
            let batch = feed.take(ROWS_MAX, import.done_bytes).await?;
            let (understood, back) = self.understand(way, batch, seen).await?;
            seen = back;
            if import.dry_run {
                let (way, now) = (way.clone(), self.desk.now());
                let again = tokio::task::spawn_blocking(move || {
                    let done = way.prepare(understood, &Default::default(), &mut seen, now).map(drop);
                    (done, seen)
                });
                let (done, back) = again.await.map_err(Error::internal)?;
                done?;
                seen = back;
            }
        }
        Ok(seen)
    }

    /// Where the first row is, and on which line.
    async fn begins(&self, import: &Import) -> Result<(i64, i64)> {
        let piece = self.desk.db().read(LoadPiece(self.tenant.clone(), import.id, 0)).await?;
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
            // Blank lines may stand before the header.
            if !rows::trimmed(&piece[from..from + end]).is_empty() {
                return Ok((at, line));
            }
        }
    }
}

/// The file from a place on.
struct Feed<'a> {
    maker: &'a Maker,
    import: ImportId,
    format: Format,
    columns: usize,
    file_bytes: i64,
    /// The place in the file at which `buffer` begins.
    base: i64,
    buffer: Vec<u8>,
    /// How much of the buffer is dealt with.
    at: usize,
    line: i64,
}

impl<'a> Feed<'a> {
    fn at(maker: &'a Maker, import: &Import, offset: i64, line: i64) -> Feed<'a> {
        Feed {
            maker,
            import: import.id,
            format: import.format,
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
        let load = LoadPiece(self.maker.tenant.clone(), self.import, piece);
        let found = self.maker.desk.db().read(load).await?;
        let found = found.ok_or_else(|| Error::internal("a piece of the file of an import is gone"))?;
        self.buffer.extend_from_slice(found.get(within..).unwrap_or_default());
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.base + self.buffer.len() as i64 >= self.file_bytes
    }

    /// The next rows: at most so many, and none beyond this place.
    async fn take(&mut self, count: usize, until: i64) -> Result<Batch> {
        let from = self.offset();
        let (mut taken, mut bytes) = (Vec::with_capacity(count), 0);
        while taken.len() < count && bytes < BYTES_MAX && self.offset() < until {
            let rest = &self.buffer[self.at..];
            match rows::cut(self.format, self.columns, rest, self.is_whole()) {
                Cut::Row { end, lines, flaw } => {
                    // What is wrong as a row and very long is not carried along.
                    let raw = if flaw == Some(TOO_LONG) { Vec::new() } else { rest[..end].to_vec() };
                    bytes += raw.len();
                    taken.push(RawRow { line: self.line, raw, flaw });
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
                    taken.push(RawRow { line: self.line, raw: Vec::new(), flaw: Some(TOO_LONG) });
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
