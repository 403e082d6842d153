//! Papers to show: small, valid, and obviously of nobody. And the way they take to the desk.

use std::io::Cursor;

use desk::testing::TestDesk;
use desk::user::verification::{AddedDocument, DocumentKind, MediaType};
use desk::value::id::UserId;
use desk::{Caller, Result};
use image::{ImageFormat, Rgb, RgbImage};

/// A picture with something on it.
pub fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, 90]))
}

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture(width, height).write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// A PNG.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(width, height, ImageFormat::Png)
}

/// A JPEG.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(width, height, ImageFormat::Jpeg)
}

/// A PDF of these objects, numbered from 1; the first is the catalog.
pub fn pdf_of(objects: &[String]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", at + 1).as_bytes());
    }
    let table = out.len();
    out.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for place in places {
        out.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    let size = objects.len() + 1;
    out.extend_from_slice(format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").as_bytes());
    out
}

/// A PDF of so many pages that say what they are; with `more` in its catalog.
pub fn pdf(pages: usize, more: &str) -> Vec<u8> {
    let drawing = "BT /F 24 Tf 72 700 Td (SPECIMEN) Tj ET";
    let kids: Vec<String> = (0..pages).map(|page| format!("{} 0 R", 5 + page)).collect();
    let mut objects = vec![
        format!("<< /Type /Catalog /Pages 2 0 R {more} >>"),
        format!("<< /Type /Pages /Kids [{}] /Count {pages} /MediaBox [0 0 595 842] >>", kids.join(" ")),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{drawing}\nendstream", drawing.len()),
    ];
    let page = "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F 3 0 R >> >> >>";
    objects.extend(std::iter::repeat_n(page.to_owned(), pages));
    pdf_of(&objects)
}

/// What a file says it is by its name would be this.
pub fn type_of(bytes: &[u8]) -> MediaType {
    match bytes {
        [b'%', ..] => MediaType::Pdf,
        [0xff, ..] => MediaType::Jpeg,
        _ => MediaType::Png,
    }
}

/// Shows a document, as somebody: all the way from its first byte to its row.
pub async fn show(
    t: &TestDesk,
    caller: &Caller,
    user: UserId,
    kind: DocumentKind,
    bytes: &[u8],
) -> Result<AddedDocument> {
    show_as(t, caller, user, kind, Some(type_of(bytes)), bytes).await
}

/// The same, said to be of a type.
pub async fn show_as(
    t: &TestDesk,
    caller: &Caller,
    user: UserId,
    kind: DocumentKind,
    declared: Option<MediaType>,
    bytes: &[u8],
) -> Result<AddedDocument> {
    let mut arriving = t.desk.receive_document(caller, user, kind, declared).await?;
    for piece in bytes.chunks(60_000) {
        arriving.push(piece).await?;
    }
    let add = arriving.finish().await?;
    t.desk.perform(caller, add).await
}
