//! What a file really is, found from its bytes and from nothing else. Nothing here trusts a header, decodes more than it must
//! or holds more than the file: a file is walked through, and whatever is not wholly one thing of one kind is refused.

mod image;
pub(super) mod pdf;

use crate::error::{Error, Result};
use crate::value::words;

/// The largest document, in bytes.
pub const BYTES_MAX: usize = 10 * 1024 * 1024;
/// The longest side of an image, in pixels.
pub const SIDE_MAX: u32 = 12_000;
/// The most pixels of an image.
pub const PIXELS_MAX: u64 = 50_000_000;
/// The most memory an image may take when it is decoded.
pub const DECODED_MAX: u64 = 256 * 1024 * 1024;
/// The most pages of a PDF.
pub const PAGES_MAX: usize = 50;
/// What a PDF is taken to need when it is opened, in bytes.
const PDF_COST: u64 = 96 * 1024 * 1024;

words! {
    /// What kinds of file are taken.
    pub enum MediaType {
        /// A photograph.
        Jpeg = "image/jpeg",
        /// A drawing, or a picture of a screen.
        Png = "image/png",
        /// A scan.
        Pdf = "application/pdf",
    }
}

impl MediaType {
    /// How names of such files end.
    pub fn ending(self) -> &'static str {
        match self {
            MediaType::Jpeg => "jpg",
            MediaType::Png => "png",
            MediaType::Pdf => "pdf",
        }
    }

    /// The kind that a `Content-Type` names, also by the names that older programs have for it.
    pub fn of_content_type(text: &str) -> Option<MediaType> {
        match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "image/jpg" | "image/pjpeg" | "image/x-citrix-jpeg" => Some(MediaType::Jpeg),
            "image/x-png" | "image/x-citrix-png" => Some(MediaType::Png),
            "application/x-pdf" => Some(MediaType::Pdf),
            name => MediaType::parse(name),
        }
    }

    /// What the first bytes say.
    pub(super) fn sniffed(bytes: &[u8]) -> Option<MediaType> {
        if bytes[pdf::front(bytes)..].starts_with(b"%PDF-") {
            return Some(MediaType::Pdf);
        }
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(MediaType::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(MediaType::Png),
            _ => None,
        }
    }
}

/// Why a file is not taken: a stable code, and a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfit(pub &'static str, pub &'static str);

impl From<Unfit> for Error {
    fn from(Unfit(code, message): Unfit) -> Self {
        Error::invalid("document", code, message)
    }
}

pub(super) const EMPTY: Unfit = Unfit("required", "The file is empty.");
const UNKNOWN: Unfit = Unfit("unknown_type", "Not a JPEG, a PNG or a PDF.");
const MISMATCH: Unfit = Unfit("type_mismatch", "It is of another type than it is said to be.");
const TRUNCATED: Unfit = Unfit("truncated", "The file ends too early.");
pub(super) const DAMAGED: Unfit = Unfit(
    "damaged",
    "The file is damaged, or written in a way that is not read here: a JPEG has 8 bits for each of 1, 3 or 4 colours.",
);
const TRAILING: Unfit = Unfit("trailing_data", "Something else follows after the end of the document.");
const POLYGLOT: Unfit = Unfit("polyglot", "It is a file of another kind as well.");
const TOO_MANY_PIXELS: Unfit =
    Unfit("too_many_pixels", "At most 12,000 pixels a side, 50 million in all, and 256 MiB once decoded.");
pub(super) const TOO_COMPLEX: Unfit = Unfit("too_complex", "It is built in a way that cannot be looked through.");
pub(super) const ACTIVE: Unfit =
    Unfit("active_content", "It holds scripts, attachments, or actions that leave the document.");
pub(super) const ENCRYPTED: Unfit = Unfit("encrypted", "It opens only with a password; send it without one.");
pub(super) const TOO_MANY_PAGES: Unfit = Unfit("too_many_pages", "At most 50 pages.");
/// All of them.
pub(super) const UNFIT: &[Unfit] = &[
    DAMAGED,
    EMPTY,
    UNKNOWN,
    MISMATCH,
    TRUNCATED,
    TRAILING,
    POLYGLOT,
    TOO_MANY_PIXELS,
    TOO_COMPLEX,
    ACTIVE,
    ENCRYPTED,
    TOO_MANY_PAGES,
];

/// What was found out about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// What it is.
    pub media_type: MediaType,
    /// Pixels of an image.
    pub size: Option<(u32, u32)>,
    /// How many bytes of the file are the document: what a camera adds behind it is cut off.
    pub kept: usize,
    /// The memory that opening it takes, in bytes.
    pub cost: u64,
}

/// Walks through a file. `declared` is what it is said to be.
pub(super) fn inspect(declared: Option<MediaType>, bytes: &[u8]) -> Result<Shape, Unfit> {
    if bytes.is_empty() {
        return Err(EMPTY);
    }
    let found = MediaType::sniffed(bytes).ok_or(UNKNOWN)?;
    if declared.is_some_and(|declared| declared != found) {
        return Err(MISMATCH);
    }
    let shape = match found {
        MediaType::Jpeg => image::jpeg(bytes)?.shape(found),
        MediaType::Png => image::png(bytes)?.shape(found),
        MediaType::Pdf => {
            pdf::inspect(bytes)?;
            Ok(of_pdf(bytes))
        }
    }?;
    let document = &bytes[..shape.kept];
    if is_zip(document) || found != MediaType::Pdf && is_page(document) {
        return Err(POLYGLOT);
    }
    Ok(shape)
}

fn of_pdf(bytes: &[u8]) -> Shape {
    Shape { media_type: MediaType::Pdf, size: None, kept: bytes.len(), cost: PDF_COST }
}

/// Walks through an encrypted PDF as far as it can be read: enough to know that it can be opened without harm. What is in it has to
/// be looked through once more when it is decrypted.
pub(super) fn inspect_locked(bytes: &[u8]) -> Result<Shape, Unfit> {
    pdf::inspect_locked(bytes)?;
    if is_zip(bytes) { Err(POLYGLOT) } else { Ok(of_pdf(bytes)) }
}

/// Whether bytes behind a document are a file of a kind that somebody could open by itself.
fn is_another(bytes: &[u8]) -> bool {
    let begins = bytes.starts_with(b"PK") || bytes.starts_with(b"GIF8") || bytes.starts_with(b"\x7fELF");
    let holds = [b"%PDF-".as_slice(), b"<?php", b"<?=", b"PK\x05\x06"].iter().any(|word| find(bytes, word).is_some());
    begins || holds || is_page(bytes)
}

/// Whether an archive ends in it: a reader of those looks for its end, and does not mind what comes before.
fn is_zip(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(65_536 + 64)..];
    // Four bytes may come by chance in a picture; an index besides does not.
    find(tail, b"PK\x05\x06").is_some() && find(bytes, b"PK\x01\x02").is_some()
}

/// Whether a browser that guesses could take it for a page.
fn is_page(bytes: &[u8]) -> bool {
    let head: Vec<u8> = bytes.iter().take(2048).map(u8::to_ascii_lowercase).collect();
    let begins = [b"<html".as_slice(), b"<body", b"<head", b"<svg", b"<?php", b"%pdf-"];
    if begins.iter().any(|word| find(&head, word).is_some()) {
        return true;
    }
    // Long enough not to come by chance.
    let anywhere = [b"<script".as_slice(), b"<!doctype html", b"<iframe"];
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'<').map(|(at, _)| &bytes[at..]);
    starts.into_iter().any(|rest| {
        anywhere.iter().any(|word| rest.len() >= word.len() && rest[..word.len()].eq_ignore_ascii_case(word))
    })
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let first = word.first()?;
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|byte| byte == first) {
        at += next;
        if bytes[at..].starts_with(word) {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn find_last(bytes: &[u8], word: &[u8]) -> Option<usize> {
    (0..=bytes.len().checked_sub(word.len())?).rev().find(|at| bytes[*at..].starts_with(word))
}
