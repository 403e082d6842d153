//! Watermarks. A document never leaves as it came: an image is decoded, written over and encoded anew, which also leaves
//! behind where and with what it was taken; a PDF is built anew with a layer on every page. Who looks, when and where
//! stands across all of it.

mod letters;
mod page;
mod picture;

use super::content::{MediaType, Unfit};

/// The lines that are written across a document.
#[derive(Debug, Clone)]
pub(super) struct Lines(pub Vec<String>);

impl Lines {
    /// Lines of plain capitals: what a letter of ours cannot be drawn with becomes a dot.
    pub fn of(texts: &[&str]) -> Lines {
        let plain = |text: &&str| text.to_uppercase().chars().map(letters::drawable).collect();
        Lines(texts.iter().map(plain).collect())
    }
}

/// The document with the lines across it. Takes time, and memory as the cost of its shape says.
pub(super) fn marked(media_type: MediaType, bytes: &[u8], lines: &Lines) -> Result<Vec<u8>, Unfit> {
    match media_type {
        MediaType::Jpeg => picture::jpeg(bytes, lines),
        MediaType::Png => picture::png(bytes, lines),
        MediaType::Pdf => page::pdf(bytes, lines).map(|(marked, _)| marked),
    }
}

/// Opens a document as `marked` would: what cannot be shown later is not taken. How many pages it has, if it has pages.
pub(super) fn tried(media_type: MediaType, bytes: &[u8]) -> Result<Option<usize>, Unfit> {
    match media_type {
        MediaType::Jpeg => picture::try_jpeg(bytes).map(|()| None),
        MediaType::Png => picture::try_png(bytes).map(|()| None),
        MediaType::Pdf => page::pdf(bytes, &Lines::of(&["tried"])).map(|(_, pages)| Some(pages)),
    }
}

/// An encrypted PDF that opens without a password, decrypted; takes as much as `tried`.
pub(super) fn unlocked(bytes: &[u8]) -> Result<Vec<u8>, Unfit> {
    page::unlocked(bytes)
}

/// Draws a text into a picture of one byte for each of three colours, `scale` times as large as its letters are made: for
/// pictures made by programs, such as the demo's.
pub fn write(pixels: &mut [u8], width: usize, at: (usize, usize), scale: usize, text: &str, colour: [u8; 3]) {
    let plain: String = text.to_uppercase().chars().map(letters::drawable).collect();
    letters::dots(&plain, scale, |x, y| {
        let place = (at.1 + y).saturating_mul(width).saturating_add(at.0 + x).saturating_mul(3);
        if at.0 + x < width
            && let Some(pixel) = pixels.get_mut(place..place.saturating_add(3))
        {
            pixel.copy_from_slice(&colour);
        }
    });
}
