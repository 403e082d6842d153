//! The way of a document in and out: what lies between the door and the vault. Bytes are received within the memory there is,
//! looked through, tried, sealed with the person's key and stored; only then does `AddDocument` say that they are hers. On
//! the way out a recorded question comes first, and a watermark last.

use std::sync::Arc;

use super::actions::AddDocument;
use super::content::{self, BYTES_MAX, MediaType};
use super::mark::Lines;
use super::model::{Document, DocumentKind};
use super::questions::OpenDocument;
use super::reading;
use super::store;
use super::vault::UNIT;
use crate::caller::Caller;
use crate::db::{Rd, Read, Tx, Write, params};
use crate::door::Desk;
use crate::error::{Busy, Error, Result};
use crate::permission::{ACTIONS, need_of};
use crate::tenant::Tenant;
use crate::user::model::User;
use crate::user::store as users;
use crate::value::clock::{HOUR, SECOND, Time};
use crate::value::id::{DocumentId, TenantId, UserId};
use crate::value::seal::{Place, Sealing};
use crate::value::secret;
use crate::verb::{Action, Subject};

/// How long an object may belong to no document before it is dropped.
const UNCLAIMED: i64 = HOUR;
/// How long an upload may take before its pace matters, and bytes a second from which on it is not slow.
const GRACE: i64 = 3 * SECOND;
const PACE: i64 = 256 * 1024;

/// A document that is being received.
pub struct Arriving {
    desk: Desk,
    caller: Caller,
    user: UserId,
    kind: DocumentKind,
    declared: Option<MediaType>,
    bytes: Vec<u8>,
    /// The memory it holds, and for how many bytes that is.
    room: (Vec<tokio::sync::OwnedSemaphorePermit>, usize),
    /// When it was given the first of it.
    begun_at: Option<Time>,
}

/// A document as it may leave: with a watermark.
pub struct ShownDocument {
    /// What it is.
    pub document: Document,
    /// The file.
    pub bytes: Vec<u8>,
    // Counted until it has left.
    _room: tokio::sync::OwnedSemaphorePermit,
}

/// Binds a document to tenant, person and itself.
fn row_of(user: UserId, document: DocumentId) -> [u8; 32] {
    let mut row = [0; 32];
    row[..16].copy_from_slice(user.bytes());
    row[16..].copy_from_slice(document.bytes());
    row
}

fn place(tenant: TenantId, row: &[u8; 32]) -> Place<'_> {
    Place { tenant, table: "verification_document", column: "content", row }
}

/// The keyed fingerprint of a file, to know the same one again.
fn token(tenant: &Tenant, user: UserId, bytes: &[u8]) -> [u8; 32] {
    let hex = secret::hex(&secret::digest(bytes));
    tenant.keys.lookup().of_person(&["document", &user.to_string(), &hex])
}

/// Work that keeps a thread busy, away from those that serve.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, content::Unfit> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(content::DAMAGED.into()),
    }
}

impl Desk {
    /// Begins to receive a document of a user, if the caller may show one now; an attempt without the right is recorded.
    pub async fn receive_document(
        &self,
        caller: &Caller,
        user: UserId,
        kind: DocumentKind,
        declared: Option<MediaType>,
    ) -> Result<Arriving> {
        let need = need_of(ACTIONS, AddDocument::NAME).ok_or_else(|| Error::internal("no line to add documents"))?;
        if caller.lacks(need, Subject::User(user)).is_some() {
            let nothing = AddDocument { document: nothing(user, kind), user };
            let refused = self.perform(caller, nothing).await;
            return Err(refused.err().unwrap_or(Error::Forbidden("verifications.decide")));
        }
        let loaded = self.loaded(caller, user).await?;
        loaded.may_show_documents(self.now()).map_err(|error| caller.reads(error))?;
        let (bytes, room) = (Vec::new(), (Vec::new(), 0));
        let (desk, caller) = (self.clone(), caller.clone());
        Ok(Arriving { desk, caller, user, kind, declared, bytes, room, begun_at: None })
    }

    async fn loaded(&self, caller: &Caller, user: UserId) -> Result<User> {
        let tenant = self.tenant(caller.tenant).await?;
        self.db().read(Load { tenant, caller: caller.clone(), user }).await
    }

    /// A document, watermarked for this caller. The question is on record before the store is asked.
    pub async fn show_document(&self, caller: &Caller, open: OpenDocument) -> Result<ShownDocument> {
        let user = open.user;
        let opened = self.ask(caller, open).await?;
        let (tenant, vault) = (self.tenant(caller.tenant).await?, &self.inner.vault);
        // Twice: sealed and opened, then opened and marked.
        let room = vault.room(2 * opened.shape.kept).await?;
        let sealed = vault.get(tenant.id, &opened.document.object).await?;
        let row = row_of(user, opened.document.id);
        let document = opened.document.clone();
        let id = tenant.id;
        let plain = aside(move || opened.key.open(&place(id, &row), &sealed).map_err(|_| content::DAMAGED)).await?;
        let plain = Arc::new(plain);
        let media_type = document.media_type;
        let shape = reading::look(&*vault.reader, Some(media_type), &plain).await?;
        let decoding = vault.room_to_decode(shape.cost).await?;
        let viewer = caller.author().split_once(':').map_or("house".to_owned(), |(_, id)| id.to_owned());
        let moment = self.now().rfc3339_millis();
        let lines = Lines::of(&[&viewer, &moment[..16], &tenant.institution.name]);
        let bytes = reading::mark(&*vault.reader, media_type, lines, &plain).await?;
        drop(decoding);
        Ok(ShownDocument { document, bytes, _room: room })
    }

    /// Deletes objects that belong to no document (any more); how many. Safe to do anywhere, any number of times.
    pub async fn drop_objects(&self) -> Result<u64> {
        let (mut dropped, mut trouble) = (0, None);
        loop {
            let now = self.now();
            let due = self.db().read(Due(now)).await?;
            if due.is_empty() {
                return trouble.map_or(Ok(dropped), Err);
            }
            for (tenant, object) in due {
                match self.inner.vault.delete(tenant, &object).await {
                    Ok(()) => dropped += self.db().write(Forget { tenant, object, now }).await?,
                    // One that cannot be deleted does not keep the others: it comes again later.
                    Err(error) => {
                        self.db().write(PutOff { tenant, object, until: now.plus(PUT_OFF) }).await?;
                        trouble = trouble.or(Some(error));
                    }
                }
            }
        }
    }
}

fn nothing(user: UserId, kind: DocumentKind) -> Document {
    Document {
        id: DocumentId(user.0),
        user,
        kind,
        media_type: MediaType::Png,
        bytes: 0,
        width: None,
        height: None,
        pages: None,
        added_at: Time(0),
        added_by: String::new(),
        replaced_at: None,
        token: [0; 32],
        object: [0; 16],
    }
}

impl Arriving {
    /// Waits for the memory that a file of this length takes: all of it at once, so that of many none waits for the rest of
    /// its memory while it holds what another one waits for.
    pub async fn expect(&mut self, length: usize) -> Result<()> {
        if length > BYTES_MAX {
            return Err(Error::invalid("document", "too_large", "At most 10 MiB."));
        }
        if length > self.room.1 {
            let more = (length - self.room.1).next_multiple_of(UNIT);
            self.room.0.push(self.desk.inner.vault.room(more).await?);
            self.room.1 += more;
            self.begun_at = self.begun_at.or(Some(self.desk.now()));
        }
        Ok(())
    }

    /// Whether it may go on: one that comes slowly gives the memory it holds to those who wait for some, and is told to come
    /// again. Ask now and then, also while nothing comes.
    pub fn keep_pace(&self) -> Result<()> {
        let taken = self.begun_at.map_or(0, |begun| self.desk.now().0 - begun.0);
        let is_slow = taken > GRACE && (self.bytes.len() as i64) < taken / SECOND * PACE;
        if is_slow && self.desk.inner.vault.someone_waits() { Err(Error::Busy(Busy::Queue)) } else { Ok(()) }
    }

    /// Takes more of the file.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.expect(self.bytes.len() + bytes.len()).await?;
        self.bytes.reserve_exact(self.room.1.min(BYTES_MAX) - self.bytes.len());
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// SHA-256 of what came.
    pub fn digest(&self) -> [u8; 32] {
        secret::digest(&self.bytes)
    }

    /// The file is whole: it is looked through, tried, sealed and stored. What is left is to say that it is hers.
    pub async fn finish(self) -> Result<AddDocument> {
        let Arriving { desk, caller, user, kind, declared, bytes, room, .. } = self;
        let (tenant, vault) = (desk.tenant(caller.tenant).await?, &desk.inner.vault);
        let mut bytes = Arc::new(bytes);
        let shape = reading::look(&*vault.reader, declared, &bytes).await?;
        Arc::make_mut(&mut bytes).truncate(shape.kept);
        let decoding = vault.room_to_decode(shape.cost).await?;
        let pages = reading::open(&*vault.reader, shape.media_type, &bytes).await?;
        drop(decoding);
        let key = desk.loaded(&caller, user).await?.person.ok_or(Error::Refused(crate::Refusal::UserErased))?;
        let (now, random) = (desk.now(), desk.random().clone());
        let (id, object) = (DocumentId::new(now, &random), random.bytes::<16>());
        let (token, length) = (token(&tenant, user, &bytes), bytes.len() as i64);
        // What would be refused, or is there already, is not stored first; the action looks again.
        let known = desk.db().read(Known { tenant: tenant.id, user }).await?;
        if !known.iter().any(|it| it.is_the_same(kind, &token)) {
            super::actions::room_for_one_more(&caller, user, known.len())?;
            let (row, tenant_id) = (row_of(user, id), tenant.id);
            let sealed = aside(move || Ok(key.seal(&place(tenant_id, &row), &bytes, &random))).await?;
            // Written down here before it is written there: whatever happens next, somebody knows to drop it.
            desk.db().write(Announce { tenant: tenant.id, object, user, drop_at: now.plus(UNCLAIMED) }).await?;
            vault.put(tenant.id, &object, sealed).await?;
        }
        drop(room);
        let (width, height) = shape.size.map(|(width, height)| (i64::from(width), i64::from(height))).unzip();
        let document = Document {
            id,
            media_type: shape.media_type,
            bytes: length,
            width,
            height,
            pages: pages.map(|pages| pages as i64),
            token,
            object,
            ..nothing(user, kind)
        };
        Ok(AddDocument { document, user })
    }
}

struct Load {
    tenant: Arc<Tenant>,
    caller: Caller,
    user: UserId,
}

impl Read for Load {
    type Output = User;

    async fn run(&self, rd: &mut Rd) -> Result<User> {
        users::load(rd, &self.tenant, &self.caller, self.user).await
    }
}

struct Known {
    tenant: TenantId,
    user: UserId,
}

impl Read for Known {
    type Output = Vec<Document>;

    async fn run(&self, rd: &mut Rd) -> Result<Vec<Document>> {
        store::documents(rd, self.tenant, self.user).await
    }
}

struct Announce {
    tenant: TenantId,
    object: [u8; 16],
    user: UserId,
    drop_at: Time,
}

impl Write for Announce {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::INSERT_OBJECT, params![self.tenant, self.object, self.user, self.drop_at]).await
    }
}

struct Due(Time);

impl Read for Due {
    type Output = Vec<(TenantId, [u8; 16])>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let rows = rd.all(store::DUE_OBJECTS, params![self.0]).await?.into_iter();
        rows.map(|mut row| Ok((row.take()?, row.take()?))).collect()
    }
}

/// An object that could not be deleted is tried again after so long.
const PUT_OFF: i64 = HOUR;

struct PutOff {
    tenant: TenantId,
    object: [u8; 16],
    until: Time,
}

impl Write for PutOff {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::DROP_OBJECT, params![self.tenant, self.object, self.until]).await
    }
}

struct Forget {
    tenant: TenantId,
    object: [u8; 16],
    now: Time,
}

impl Write for Forget {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.run(store::FORGET_OBJECT, params![self.tenant, self.object, self.now]).await
    }
}
