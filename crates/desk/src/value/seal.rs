//! Envelope encryption. A master key (file or environment) wraps the keys of each tenant, a tenant's key wraps one key per
//! person, and a person's key seals her columns: AES-256-GCM-SIV with the place of the value as associated data, so that a
//! sealed value moved to another row, column or tenant cannot be opened. Destroying a person's wrapped key erases her.
//! Search tokens are made in `token`; what is stored where is decided by the nouns.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Nonce, Tag};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::id::TenantId;
use super::random::Random;
use super::token::Lookup;
use crate::{Error, Result};

/// The only format so far.
const VERSION: u8 = 1;
/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a nonce.
const NONCE: usize = 12;
/// Bytes of an authentication tag.
const TAG: usize = 16;
/// Bytes a sealed value is longer than the plain one.
pub const OVERHEAD: usize = 1 + NONCE + TAG;
/// Bytes of a tenant's three keys in a row.
const TENANT: usize = 3 * KEY;
/// The largest key file that is read at all.
const FILE_MAX: u64 = 4096;

/// Where a sealed value belongs. It can be opened only with the very place it was sealed for.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Whose row.
    pub tenant: TenantId,
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key, as bytes.
    pub row: &'a [u8],
}

/// Something that seals values and opens them again: a person's key, or a tenant's for what belongs to no person.
pub trait Sealing {
    /// Seals a value for a place: version, nonce, ciphertext, tag.
    fn seal(&self, place: &Place<'_>, plain: &[u8], random: &Random) -> Vec<u8>;

    /// Opens what was sealed for this place with this key. Any other key, place or change of a byte is one and the same error.
    fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>>;
}

/// The key-encryption key of an installation. Whoever loses it has lost every sealed value.
pub struct MasterKey {
    cipher: Cipher,
    bytes: Zeroizing<[u8; KEY]>,
}

impl MasterKey {
    /// A new key.
    pub fn create(random: &Random) -> MasterKey {
        MasterKey::from_bytes(Zeroizing::new(random.bytes()))
    }

    /// Reads 64 hexadecimal characters, or base64 (either alphabet, padded or not) of 32 bytes. Blanks around it are ignored.
    pub fn from_text(text: &str) -> Result<MasterKey> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0u8; KEY]);
        // 64 characters cannot be base64 of 32 bytes (that is 43 or 44), so the forms do not overlap.
        let read = if text.len() == 2 * KEY { read_hex(text, &mut bytes) } else { read_base64(text, &mut bytes) };
        if !read {
            return Err(Error::internal(
                "the master key must be 64 hexadecimal characters or base64 of 32 bytes; make one with `openssl rand -hex 32`",
            ));
        }
        if *bytes == [0u8; KEY] {
            return Err(Error::internal("the master key is all zeros; make one with `openssl rand -hex 32`"));
        }
        Ok(MasterKey::from_bytes(bytes))
    }

    /// Reads the key file, or makes it (mode 0600, never over an existing file) when there is none.
    pub fn read_or_create(path: &Path, random: &Random) -> Result<MasterKey> {
        match create_file(path) {
            Ok(file) => {
                let key = MasterKey::create(random);
                key.write(file, path)?;
                Ok(key)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => MasterKey::read(path),
            Err(error) => Err(Error::internal(format!(
                "cannot create the master key file {}: {error}; create its directory and let this user write there, or name another file",
                path.display()
            ))),
        }
    }

    /// The key as 64 hexadecimal characters, for the operator's own safe-keeping.
    pub fn to_text(&self) -> super::secret::Secret {
        let mut text = String::with_capacity(2 * KEY);
        for byte in self.bytes.iter() {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
        super::secret::Secret::new(text)
    }

    /// A key for another purpose, the same in every process that has this master key. One purpose tells nothing of
    /// another, nor of the master key.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; KEY]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.bytes);
        let tag = hmac::sign(&key, format!("bursar derived key 1\n{purpose}").as_bytes());
        let mut derived = Zeroizing::new([0u8; KEY]);
        derived.copy_from_slice(tag.as_ref());
        derived
    }

    /// A key that seals for another purpose, derived alike.
    pub fn sealing(&self, purpose: &str) -> HouseKey {
        HouseKey { cipher: Cipher::new(&self.derive(purpose)) }
    }

    fn from_bytes(bytes: Zeroizing<[u8; KEY]>) -> MasterKey {
        MasterKey { cipher: Cipher::new(&bytes), bytes }
    }

    fn read(path: &Path) -> Result<MasterKey> {
        let fault = |error: std::io::Error| {
            Error::internal(format!(
                "cannot read the master key file {}: {error}; let this user read it",
                path.display()
            ))
        };
        let file = File::open(path).map_err(fault)?;
        let metadata = file.metadata().map_err(fault)?;
        if !metadata.is_file() {
            return Err(Error::internal(format!("the master key {} is not a file; name a file", path.display())));
        }
        refuse_if_open_to_others(path, &metadata)?;
        let mut text = Zeroizing::new(String::with_capacity(256));
        file.take(FILE_MAX).read_to_string(&mut text).map_err(fault)?;
        if text.trim().is_empty() {
            return Err(Error::internal(format!(
                "the master key file {} is empty; restore it from your copy, or remove it if nothing was ever sealed with it",
                path.display()
            )));
        }
        MasterKey::from_text(&text)
            .map_err(|error| Error::internal(format!("in the file {}: {}", path.display(), told(&error))))
    }

    fn write(&self, mut file: File, path: &Path) -> Result<()> {
        let write = |file: &mut File| -> std::io::Result<()> {
            file.write_all(self.to_text().expose().as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        };
        write(&mut file).map_err(|error| {
            // A half-written key must not be taken for a key at the next start. Nothing was sealed with it yet.
            let _ = std::fs::remove_file(path);
            Error::internal(format!("cannot write the master key file {}: {error}; check the disk", path.display()))
        })?;
        // The name must survive a power loss as well as the bytes: without it everything sealed from now on is lost.
        #[cfg(unix)]
        if let Some(directory) = path.parent() {
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| {
                Error::internal(format!("cannot sync the directory {}: {error}; check the disk", directory.display()))
            })?;
        }
        Ok(())
    }
}

/// A key of the house for what it gives away and takes back, e.g. what stands in a vendor's token.
pub struct HouseKey {
    cipher: Cipher,
}

impl Sealing for HouseKey {
    fn seal(&self, place: &Place<'_>, plain: &[u8], random: &Random) -> Vec<u8> {
        seal(&self.cipher, place, plain, random)
    }

    fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>> {
        open(&self.cipher, place, sealed)
    }
}

/// The keys of one tenant, prepared for use. Keep them in an `Arc` for as long as the tenant is served: unwrapping them for
/// each request would cost more than the requests.
pub struct TenantKeys {
    cipher: Cipher,
    lookup: Lookup,
    sealing: Zeroizing<[u8; KEY]>,
    lookup_key: Zeroizing<[u8; KEY]>,
    signing_seed: Zeroizing<[u8; KEY]>,
    proof: hmac::Key,
}

impl TenantKeys {
    /// New keys for a new tenant.
    pub fn create(random: &Random) -> TenantKeys {
        let mut bytes = Zeroizing::new([0u8; TENANT]);
        random.fill(&mut *bytes);
        TenantKeys::from_bytes(&bytes)
    }

    /// The keys, sealed with the master key for this tenant.
    pub fn wrap(&self, master: &MasterKey, tenant: TenantId) -> Vec<u8> {
        let mut plain = Zeroizing::new([0u8; TENANT]);
        plain[..KEY].copy_from_slice(&*self.sealing);
        plain[KEY..2 * KEY].copy_from_slice(&*self.lookup_key);
        plain[2 * KEY..].copy_from_slice(&*self.signing_seed);
        wrap(&master.cipher, &tenant_place(tenant), Purpose::Tenant, &*plain)
    }

    /// Opens what `wrap` made.
    pub fn unwrap(master: &MasterKey, tenant: TenantId, wrapped: &[u8]) -> Result<TenantKeys> {
        let mut bytes = Zeroizing::new([0u8; TENANT]);
        unwrap(&master.cipher, &tenant_place(tenant), Purpose::Tenant, wrapped, &mut *bytes)?;
        Ok(TenantKeys::from_bytes(&bytes))
    }

    /// What makes the tenant's search tokens.
    pub fn lookup(&self) -> &Lookup {
        &self.lookup
    }

    /// The Ed25519 seed that signs the checkpoints of the tenant's audit.
    pub fn signing_seed(&self) -> &[u8; KEY] {
        &self.signing_seed
    }

    /// A code over something that this program has written, which nobody can make who only writes to the database.
    pub fn prove(&self, bytes: &[u8]) -> [u8; KEY] {
        let mut proof = [0; KEY];
        proof.copy_from_slice(hmac::sign(&self.proof, bytes).as_ref());
        proof
    }

    /// Whether the code is one that `prove` has made over the same.
    pub fn is_proved(&self, bytes: &[u8], proof: &[u8]) -> bool {
        hmac::verify(&self.proof, bytes, proof).is_ok()
    }

    fn from_bytes(bytes: &[u8; TENANT]) -> TenantKeys {
        let part = |index: usize| {
            let mut key = Zeroizing::new([0u8; KEY]);
            key.copy_from_slice(&bytes[index * KEY..(index + 1) * KEY]);
            key
        };
        let (sealing, lookup_key, signing_seed) = (part(0), part(1), part(2));
        let seed = hmac::Key::new(hmac::HMAC_SHA256, &*signing_seed);
        let proof = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&seed, b"bursar audit proof 1").as_ref());
        TenantKeys {
            cipher: Cipher::new(&sealing),
            lookup: Lookup::new(&lookup_key),
            sealing,
            lookup_key,
            signing_seed,
            proof,
        }
    }
}

impl Sealing for TenantKeys {
    fn seal(&self, place: &Place<'_>, plain: &[u8], random: &Random) -> Vec<u8> {
        seal(&self.cipher, place, plain, random)
    }

    fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>> {
        open(&self.cipher, place, sealed)
    }
}

/// The key of one person. When its wrapped form is destroyed, what it sealed cannot be read any more.
pub struct PersonKey {
    cipher: Cipher,
    bytes: Zeroizing<[u8; KEY]>,
}

impl PersonKey {
    /// A new key for a new person.
    pub fn create(random: &Random) -> PersonKey {
        PersonKey::from_bytes(Zeroizing::new(random.bytes()))
    }

    /// The key, sealed with the tenant's key for this person's row.
    pub fn wrap(&self, keys: &TenantKeys, tenant: TenantId, row: &[u8; 16]) -> Vec<u8> {
        wrap(&keys.cipher, &person_place(tenant, row), Purpose::Person, &*self.bytes)
    }

    /// Opens what `wrap` made.
    pub fn unwrap(keys: &TenantKeys, tenant: TenantId, row: &[u8; 16], wrapped: &[u8]) -> Result<PersonKey> {
        let mut bytes = Zeroizing::new([0u8; KEY]);
        unwrap(&keys.cipher, &person_place(tenant, row), Purpose::Person, wrapped, &mut *bytes)?;
        Ok(PersonKey::from_bytes(bytes))
    }

    fn from_bytes(bytes: Zeroizing<[u8; KEY]>) -> PersonKey {
        PersonKey { cipher: Cipher::new(&bytes), bytes }
    }
}

impl Sealing for PersonKey {
    fn seal(&self, place: &Place<'_>, plain: &[u8], random: &Random) -> Vec<u8> {
        seal(&self.cipher, place, plain, random)
    }

    fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>> {
        open(&self.cipher, place, sealed)
    }
}

/// Keys say what they are and nothing of what they hold, so that a record with a key in it may still be printed.
macro_rules! silent {
    ($($name:ident)+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    )+};
}
silent! { MasterKey HouseKey TenantKeys PersonKey }

/// A key with its schedule worked out.
struct Cipher(Aes256GcmSiv);

impl Cipher {
    fn new(key: &[u8; KEY]) -> Cipher {
        Cipher(Aes256GcmSiv::new(key.into()))
    }

    fn encrypt(&self, nonce: &[u8; NONCE], aad: &[u8], buffer: &mut [u8]) -> [u8; TAG] {
        let tag = self
            .0
            .encrypt_inout_detached(&Nonce::from(*nonce), aad, buffer.into())
            .expect("only 64 GiB and more are refused, which no column holds");
        tag.into()
    }

    fn decrypt(&self, nonce: [u8; NONCE], aad: &[u8], buffer: &mut [u8], tag: [u8; TAG]) -> Result<()> {
        self.0
            .decrypt_inout_detached(&Nonce::from(nonce), aad, buffer.into(), &Tag::from(tag))
            .map_err(|_| cannot_open())
    }
}

/// What a ciphertext is for. Part of the associated data, so that a wrapped key can never be opened as a value or the other
/// way round, whatever tables and columns are called.
#[derive(Clone, Copy)]
enum Purpose {
    Value = 1,
    Person = 2,
    Tenant = 3,
}

/// The associated data: purpose, tenant, then each part with its length before it, so that no two places have the same bytes.
fn associated(place: &Place<'_>, purpose: Purpose) -> Vec<u8> {
    let (table, column) = (place.table.as_bytes(), place.column.as_bytes());
    let mut out = Vec::with_capacity(1 + 8 + 12 + table.len() + column.len() + place.row.len());
    out.push(purpose as u8);
    out.extend_from_slice(&place.tenant.0.to_be_bytes());
    for part in [table, column, place.row] {
        let length = u32::try_from(part.len()).expect("names and row keys are short");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn tenant_place(tenant: TenantId) -> Place<'static> {
    Place { tenant, table: "tenant", column: "keys", row: &[] }
}

fn person_place(tenant: TenantId, row: &[u8; 16]) -> Place<'_> {
    Place { tenant, table: "person", column: "key", row }
}

fn seal(cipher: &Cipher, place: &Place<'_>, plain: &[u8], random: &Random) -> Vec<u8> {
    sealed_with(cipher, &random.bytes(), &associated(place, Purpose::Value), plain)
}

fn sealed_with(cipher: &Cipher, nonce: &[u8; NONCE], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    // The right size from the start: growing would leave a copy of the plain text behind.
    let mut out = Vec::with_capacity(plain.len() + OVERHEAD);
    out.push(VERSION);
    out.extend_from_slice(nonce);
    out.extend_from_slice(plain);
    let tag = cipher.encrypt(nonce, aad, &mut out[1 + NONCE..]);
    out.extend_from_slice(&tag);
    out
}

fn open(cipher: &Cipher, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>> {
    let (nonce, body, tag) = split(sealed)?;
    let mut plain = body.to_vec();
    cipher.decrypt(nonce, &associated(place, Purpose::Value), &mut plain, tag)?;
    Ok(plain)
}

/// Wraps a key. The nonce comes from the place instead of from chance: wrapping the same key for the same place gives the
/// same bytes, which SIV permits by design (it tells only that two plain texts are equal).
fn wrap(cipher: &Cipher, place: &Place<'_>, purpose: Purpose, key: &[u8]) -> Vec<u8> {
    let aad = associated(place, purpose);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &aad);
    let mut nonce = [0u8; NONCE];
    nonce.copy_from_slice(&digest.as_ref()[..NONCE]);
    sealed_with(cipher, &nonce, &aad, key)
}

/// Opens a wrapped key straight into its place, without the heap.
fn unwrap(cipher: &Cipher, place: &Place<'_>, purpose: Purpose, wrapped: &[u8], out: &mut [u8]) -> Result<()> {
    let (nonce, body, tag) = split(wrapped)?;
    if body.len() != out.len() {
        return Err(cannot_open());
    }
    out.copy_from_slice(body);
    cipher.decrypt(nonce, &associated(place, purpose), out, tag)
}

fn split(sealed: &[u8]) -> Result<([u8; NONCE], &[u8], [u8; TAG])> {
    let rest = sealed.strip_prefix(&[VERSION]).ok_or_else(cannot_open)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or_else(cannot_open)?;
    let (body, tag) = rest.split_last_chunk::<TAG>().ok_or_else(cannot_open)?;
    Ok((*nonce, body, *tag))
}

/// One error for every reason: which one it was would help only an attacker.
fn cannot_open() -> Error {
    Error::internal("sealed value cannot be opened")
}

fn read_hex(text: &str, out: &mut [u8; KEY]) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        match (digit(pair[0]), digit(pair[1])) {
            (Some(high), Some(low)) => *slot = high << 4 | low,
            _ => return false,
        }
    }
    true
}

fn read_base64(text: &str, out: &mut [u8; KEY]) -> bool {
    let engine = match (text.contains(['-', '_']), text.ends_with('=')) {
        (true, true) => &URL_SAFE,
        (true, false) => &URL_SAFE_NO_PAD,
        (false, true) => &STANDARD,
        (false, false) => &STANDARD_NO_PAD,
    };
    // The decoder wants room for its own estimate, which can be a little more than what it writes.
    let mut buffer = Zeroizing::new([0u8; KEY + 4]);
    match engine.decode_slice(text, &mut *buffer) {
        Ok(KEY) => {
            out.copy_from_slice(&buffer[..KEY]);
            true
        }
        _ => false,
    }
}

fn create_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn refuse_if_open_to_others(path: &Path, metadata: &std::fs::Metadata) -> Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the master key file {path} can be used by others (mode {mode:04o}); run `chmod 600 {path}`, and think about who may have read it",
        path = path.display()
    )))
}

#[cfg(not(unix))]
fn refuse_if_open_to_others(_: &Path, _: &std::fs::Metadata) -> Result<()> {
    Ok(())
}

/// What an internal error says, without its "internal error" in front.
fn told(error: &Error) -> String {
    match error {
        Error::Internal(source) => source.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TENANT_A: TenantId = TenantId(7);
    const ROW: [u8; 16] = [9; 16];

    fn place(row: &[u8]) -> Place<'_> {
        Place { tenant: TENANT_A, table: "user", column: "profile", row }
    }

    fn refused<T>(result: Result<T>) -> bool {
        matches!(result, Err(Error::Internal(source)) if source.to_string() == "sealed value cannot be opened")
    }

    #[test]
    fn a_sealed_value_opens_only_with_its_key_and_at_its_place() {
        let random = Random::seeded(1);
        let key = PersonKey::create(&random);
        let sealed = key.seal(&place(&ROW), b"Adaeze Okafor", &random);
        assert_eq!(sealed.len(), 13 + OVERHEAD);
        assert_eq!(sealed[0], 1);
        assert_eq!(key.open(&place(&ROW), &sealed).unwrap(), b"Adaeze Okafor");

        assert!(refused(PersonKey::create(&random).open(&place(&ROW), &sealed)));
        assert!(refused(key.open(&place(&[8; 16]), &sealed)));
        assert!(refused(key.open(&Place { tenant: TenantId(8), ..place(&ROW) }, &sealed)));
        assert!(refused(key.open(&Place { table: "staff", ..place(&ROW) }, &sealed)));
        assert!(refused(key.open(&Place { column: "email", ..place(&ROW) }, &sealed)));
    }

    #[test]
    fn equal_values_look_different() {
        let random = Random::seeded(1);
        let key = PersonKey::create(&random);
        assert_ne!(key.seal(&place(&ROW), b"same", &random), key.seal(&place(&ROW), b"same", &random));
    }

    #[test]
    fn names_cannot_flow_into_one_another() {
        let one = associated(&Place { table: "ab", column: "c", ..place(&ROW) }, Purpose::Value);
        let two = associated(&Place { table: "a", column: "bc", ..place(&ROW) }, Purpose::Value);
        assert_ne!(one, two);
    }

    #[test]
    fn anything_too_short_or_of_another_version_is_refused() {
        let random = Random::seeded(1);
        let key = PersonKey::create(&random);
        let sealed = key.seal(&place(&ROW), b"", &random);
        assert_eq!(key.open(&place(&ROW), &sealed).unwrap(), b"");
        for length in 0..sealed.len() {
            assert!(refused(key.open(&place(&ROW), &sealed[..length])), "{length}");
        }
        let longer = [&sealed[..], &[0]].concat();
        assert!(refused(key.open(&place(&ROW), &longer)));
    }

    #[test]
    fn tenant_keys_survive_wrapping_and_belong_to_their_tenant() {
        let random = Random::seeded(2);
        let master = MasterKey::create(&random);
        let keys = TenantKeys::create(&random);
        let wrapped = keys.wrap(&master, TENANT_A);
        let back = TenantKeys::unwrap(&master, TENANT_A, &wrapped).unwrap();

        let sealed = keys.seal(&place(&ROW), b"staff profile", &random);
        assert_eq!(back.open(&place(&ROW), &sealed).unwrap(), b"staff profile");
        assert_eq!(back.signing_seed(), keys.signing_seed());
        assert_eq!(back.lookup().of_username("adaeze"), keys.lookup().of_username("adaeze"));

        assert!(refused(TenantKeys::unwrap(&master, TenantId(8), &wrapped)));
        assert!(refused(TenantKeys::unwrap(&MasterKey::create(&random), TENANT_A, &wrapped)));
        assert!(refused(TenantKeys::unwrap(&master, TENANT_A, &wrapped[..40])));
    }

    #[test]
    fn a_derived_key_is_the_same_each_time_and_another_for_another_purpose() {
        let master = MasterKey::create(&Random::seeded(1));
        let again = MasterKey::from_text(master.to_text().expose()).unwrap();
        assert_eq!(*master.derive("tokens"), *again.derive("tokens"));
        assert_ne!(*master.derive("tokens"), *master.derive("token"));
        assert_ne!(*master.derive("tokens"), *MasterKey::create(&Random::seeded(2)).derive("tokens"));
        assert_ne!(*master.derive("tokens"), *master.bytes);
    }

    #[test]
    fn a_person_key_survives_wrapping_and_belongs_to_its_row() {
        let random = Random::seeded(3);
        let keys = TenantKeys::create(&random);
        let person = PersonKey::create(&random);
        let wrapped = person.wrap(&keys, TENANT_A, &ROW);
        let sealed = person.seal(&place(&ROW), b"profile", &random);
        let back = PersonKey::unwrap(&keys, TENANT_A, &ROW, &wrapped).unwrap();
        assert_eq!(back.open(&place(&ROW), &sealed).unwrap(), b"profile");

        assert!(refused(PersonKey::unwrap(&keys, TENANT_A, &[1; 16], &wrapped)));
        assert!(refused(PersonKey::unwrap(&keys, TenantId(8), &ROW, &wrapped)));
        assert!(refused(PersonKey::unwrap(&TenantKeys::create(&random), TENANT_A, &ROW, &wrapped)));
    }

    #[test]
    fn a_wrapped_key_cannot_be_opened_as_a_value() {
        let random = Random::seeded(3);
        let keys = TenantKeys::create(&random);
        let wrapped = PersonKey::create(&random).wrap(&keys, TENANT_A, &ROW);
        assert!(refused(keys.open(&person_place(TENANT_A, &ROW), &wrapped)));
    }

    #[test]
    fn keys_print_nothing_of_themselves() {
        let random = Random::seeded(4);
        let keys = TenantKeys::create(&random);
        let printed = format!("{:?} {keys:?} {:?}", MasterKey::create(&random), PersonKey::create(&random));
        assert_eq!(printed, "MasterKey(***) TenantKeys(***) PersonKey(***)");
    }

    #[test]
    fn a_master_key_is_read_as_hex_or_base64() {
        let random = Random::seeded(5);
        let key = MasterKey::create(&random);
        let hex = key.to_text();
        let forms = [
            hex.expose().to_owned(),
            hex.expose().to_uppercase(),
            format!("  {}\n", hex.expose()),
            STANDARD.encode(*key.bytes),
            STANDARD_NO_PAD.encode(*key.bytes),
            URL_SAFE.encode(*key.bytes),
            URL_SAFE_NO_PAD.encode(*key.bytes),
        ];
        for form in forms {
            assert_eq!(MasterKey::from_text(&form).unwrap().to_text().expose(), hex.expose());
        }
        let wrong = [
            "",
            "short",
            &"g".repeat(64),
            &"é".repeat(32),
            &"0".repeat(64),
            &STANDARD.encode([1u8; 31]),
            &"A".repeat(5000),
        ];
        for form in wrong {
            let error = MasterKey::from_text(form).unwrap_err();
            assert!(told(&error).contains("openssl rand -hex 32"), "{error}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_and_read_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let random = Random::seeded(6);
        let made = MasterKey::read_or_create(&path, &random).unwrap();
        let read = MasterKey::read_or_create(&path, &random).unwrap();
        assert_eq!(made.to_text().expose(), read.to_text().expose());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            for bad in [0o640, 0o604, 0o660] {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bad)).unwrap();
                let error = MasterKey::read_or_create(&path, &random).unwrap_err();
                assert!(told(&error).contains("chmod 600"), "{error}");
            }
        }
    }

    #[test]
    fn a_broken_key_file_is_named_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let random = Random::seeded(6);
        for (content, expected) in [("", "is empty"), ("not a key\n", "64 hexadecimal")] {
            let path = directory.path().join("broken.key");
            let _ = std::fs::remove_file(&path);
            create_file(&path).unwrap().write_all(content.as_bytes()).unwrap();
            let error = MasterKey::read_or_create(&path, &random).unwrap_err();
            assert!(told(&error).contains(expected) && told(&error).contains("broken.key"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        assert!(MasterKey::read_or_create(&directory.path().join("no/such/master.key"), &random).is_err());
    }

    proptest! {
        #[test]
        fn what_is_sealed_can_be_opened(plain in proptest::collection::vec(any::<u8>(), 0..600), row in proptest::collection::vec(any::<u8>(), 0..40), seed: u64) {
            let random = Random::seeded(seed);
            let key = PersonKey::create(&random);
            let sealed = key.seal(&place(&row), &plain, &random);
            prop_assert_eq!(key.open(&place(&row), &sealed).unwrap(), plain);
        }

        #[test]
        fn any_changed_byte_is_noticed(plain in proptest::collection::vec(any::<u8>(), 0..100), at: prop::sample::Index, flip in 1u8..) {
            let random = Random::seeded(1);
            let key = PersonKey::create(&random);
            let mut sealed = key.seal(&place(&ROW), &plain, &random);
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(refused(key.open(&place(&ROW), &sealed)));
        }
    }

    /// Not a test: `cargo test -p desk --release seal -- --ignored --nocapture` prints what opening costs.
    #[test]
    #[ignore = "a measurement"]
    fn what_opening_costs() {
        let random = Random::seeded(1);
        let keys = TenantKeys::create(&random);
        let person = PersonKey::create(&random);
        let wrapped = person.wrap(&keys, TENANT_A, &ROW);
        let sealed = person.seal(&place(&ROW), &[b'x'; 500], &random);
        let rounds = 50_000u32;
        let start = std::time::Instant::now();
        for _ in 0..rounds {
            let key = PersonKey::unwrap(&keys, TENANT_A, &ROW, &wrapped).unwrap();
            std::hint::black_box(key.open(&place(&ROW), &sealed).unwrap());
        }
        println!("unwrap the key and open 500 bytes: {:?}", start.elapsed() / rounds);
    }
}
