//! Where documents lie: a folder, or a bucket that speaks S3. The outside world: never called inside a transaction. Bytes come
//! here sealed and under names that say nothing; what belongs to what stands in the database.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::reading::{self, InThisProcess, Reader};
use crate::error::{Busy, Error, Result};
use crate::value::id::TenantId;
use crate::value::secret::{Secret, hex};

/// How long the store may take for one object.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a document waits for memory.
const QUEUE: Duration = Duration::from_secs(10);
/// The unit in which memory is given out.
pub(super) const UNIT: usize = 1024 * 1024;
/// What documents may hold of it while they arrive or leave; sealing takes as much again.
const BODIES: usize = 64;
/// What may be decoded at the same time: the largest image there may be, or many small ones.
const DECODED: usize = 256;

/// Where documents shall lie.
#[derive(Debug, Clone)]
pub enum VaultPlace {
    /// Nowhere for long: for tests.
    Memory,
    /// A folder, made if need be.
    Folder(PathBuf),
    /// A bucket.
    S3(S3Place),
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct S3Place {
    /// Its name.
    pub bucket: String,
    /// What stands before the names of objects; may be empty.
    pub prefix: String,
    /// Its region.
    pub region: String,
    /// Where the service is, if it is not Amazon's.
    pub endpoint: Option<String>,
    /// The key to it and its secret; absent: what the machine it runs on is given.
    pub key: Option<(String, Secret)>,
}

/// The store of documents, who reads them, and the memory they may take.
#[derive(Clone)]
pub struct Vault {
    place: Arc<VaultPlace>,
    pub(super) reader: Arc<dyn Reader>,
    store: Arc<Mutex<Option<Arc<dyn ObjectStore>>>>,
    bodies: Arc<Semaphore>,
    /// How many wait for some of `bodies`.
    waiting: Arc<AtomicUsize>,
    decoded: Arc<Semaphore>,
}

impl Vault {
    /// A vault at this place, whose documents are read there. It is opened when it is first needed: a command that has nothing to do with documents must
    /// leave no folder behind.
    pub fn new(place: VaultPlace, reader: Arc<dyn Reader>) -> Vault {
        Vault {
            place: Arc::new(place),
            reader,
            store: Arc::default(),
            bodies: Arc::new(Semaphore::new(BODIES)),
            waiting: Arc::default(),
            decoded: Arc::new(Semaphore::new(DECODED)),
        }
    }

    /// Opens the place now, or says why it cannot be.
    pub fn ready(&self) -> Result<()> {
        self.store().map(drop)
    }

    /// Whether documents can be read, tried with one that is empty.
    pub async fn can_read(&self) -> bool {
        reading::is_there(&*self.reader).await
    }

    fn store(&self) -> Result<Arc<dyn ObjectStore>> {
        let mut store = self.store.lock().unwrap_or_else(|broken| broken.into_inner());
        if let Some(store) = &*store {
            return Ok(store.clone());
        }
        let opened = open(&self.place)?;
        *store = Some(opened.clone());
        Ok(opened)
    }

    /// A vault that forgets, and reads here: for tests.
    pub fn in_memory() -> Vault {
        Vault::new(VaultPlace::Memory, Arc::new(InThisProcess))
    }

    /// The store, or word that it is away.
    fn opened(&self) -> Result<Arc<dyn ObjectStore>> {
        self.store().map_err(|fault| {
            tracing::warn!(%fault, "the store of documents cannot be opened");
            Error::Busy(Busy::DocumentsAway)
        })
    }

    /// Room for so many bytes of a document; whoever waits too long is told to come again.
    pub(super) async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = self.bodies.clone().try_acquire_many_owned(in_units(bytes, BODIES)) {
            return Ok(permit);
        }
        let _waits = Waits::begin(&self.waiting);
        units(&self.bodies, bytes, BODIES).await
    }

    /// Whether somebody waits for room.
    pub(super) fn someone_waits(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Room to decode so many bytes.
    pub(super) async fn room_to_decode(&self, bytes: u64) -> Result<OwnedSemaphorePermit> {
        units(&self.decoded, usize::try_from(bytes).unwrap_or(usize::MAX), DECODED).await
    }

    /// Copies every document, sealed as it is, to another place; tells how many.
    pub async fn copy_to(&self, to: &Vault) -> Result<u64> {
        if let VaultPlace::Folder(folder) = &*self.place
            && !folder.exists()
        {
            return Ok(0);
        }
        let (from, to) = (self.opened()?, to.opened()?);
        let (mut folders, mut copied) = (vec![None], 0);
        while let Some(folder) = folders.pop() {
            let found = patient(from.list_with_delimiter(folder.as_ref())).await?;
            folders.extend(found.common_prefixes.into_iter().map(Some));
            for object in found.objects {
                let bytes = patient(async { from.get(&object.location).await?.bytes().await }).await?;
                patient(to.put(&object.location, PutPayload::from(bytes))).await?;
                copied += 1;
            }
        }
        Ok(copied)
    }

    /// Writes something to the place, reads it and takes it away again.
    pub async fn try_out(&self) -> Result<()> {
        let (store, at) = (self.opened()?, Path::from("doctor/trial"));
        patient(store.put(&at, PutPayload::from_static(b"trial"))).await?;
        let read = patient(async { store.get(&at).await?.bytes().await }).await;
        patient(store.delete(&at)).await?;
        read.map(drop)
    }

    /// Writes an object. When this returns, it is there for good.
    pub(super) async fn put(&self, tenant: TenantId, object: &[u8; 16], sealed: Vec<u8>) -> Result<()> {
        let (store, place) = (self.opened()?, place(tenant, object));
        patient(store.put(&place, PutPayload::from(sealed))).await.map(drop)
    }

    /// Reads an object; one that is not there is a fault of the store.
    pub(super) async fn get(&self, tenant: TenantId, object: &[u8; 16]) -> Result<Vec<u8>> {
        let (store, place) = (self.opened()?, place(tenant, object));
        patient(async { store.get(&place).await?.bytes().await }).await.map(Vec::from)
    }

    /// Deletes an object, if it is there.
    pub(super) async fn delete(&self, tenant: TenantId, object: &[u8; 16]) -> Result<()> {
        let (store, place) = (self.opened()?, place(tenant, object));
        patient(async {
            match store.delete(&place).await {
                Err(object_store::Error::NotFound { .. }) => Ok(()),
                other => other,
            }
        })
        .await
    }
}

fn open(place: &VaultPlace) -> Result<Arc<dyn ObjectStore>> {
    Ok(match place {
        VaultPlace::Memory => Arc::new(InMemory::new()),
        VaultPlace::Folder(folder) => {
            make_folder(folder).map_err(|fault| {
                Error::internal(format!("cannot make the folder for documents {}: {fault}", folder.display()))
            })?;
            // A document that was acknowledged is there after a power cut: written, synced, renamed, synced.
            let store = LocalFileSystem::new_with_prefix(folder).map_err(Error::internal)?;
            Arc::new(store.with_fsync(true))
        }
        VaultPlace::S3(place) => {
            let mut builder = AmazonS3Builder::new().with_bucket_name(&place.bucket).with_region(&place.region);
            if let Some(endpoint) = &place.endpoint {
                builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http:"));
            }
            if let Some((id, secret)) = &place.key {
                builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose());
            }
            let store = builder.build().map_err(Error::internal)?;
            Arc::new(PrefixStore::new(store, Path::from(place.prefix.trim_matches('/'))))
        }
    })
}

/// Only the one it belongs to may look in, where there is such a thing.
fn make_folder(folder: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn in_units(bytes: usize, most: usize) -> u32 {
    bytes.div_ceil(UNIT).clamp(1, most) as u32
}

/// Counted as long as it is there.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Waits(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn units(room: &Arc<Semaphore>, bytes: usize, most: usize) -> Result<OwnedSemaphorePermit> {
    match tokio::time::timeout(QUEUE, room.clone().acquire_many_owned(in_units(bytes, most))).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(Error::Busy(Busy::Queue)),
    }
}

/// The tenant, two letters so that no folder grows large, and the name.
fn place(tenant: TenantId, object: &[u8; 16]) -> Path {
    let name = hex(object);
    Path::from(format!("{tenant}/{}/{name}", &name[..2]))
}

async fn patient<T>(work: impl Future<Output = object_store::Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(fault)) => {
            tracing::warn!(%fault, "the store of documents did not do what it was asked");
            Err(Error::Busy(Busy::DocumentsAway))
        }
        Err(_) => {
            tracing::warn!("the store of documents took too long");
            Err(Error::Busy(Busy::DocumentsAway))
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}
