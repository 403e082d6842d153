//! The watermark of PDFs: a file is read into its objects, each page becomes a form that is drawn within a page of ours,
//! with the lines over it, and all of it is written anew.

use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream, dictionary};

use super::super::content::pdf::{ACTING, ACTING_SHORT};
use super::super::content::{ACTIVE, DAMAGED, ENCRYPTED, PAGES_MAX, TOO_COMPLEX, TOO_MANY_PAGES, Unfit};
use super::Lines;

/// What one packed stream of objects may come to.
const UNPACKED_MAX: usize = 16 * 1024 * 1024;
/// What the drawing of one page may come to, and that of all.
const PAGE_MAX: usize = 16 * 1024 * 1024;
const PAGES_BYTES_MAX: usize = 48 * 1024 * 1024;
/// How far up the tree of pages is looked for what a page inherits.
const ANCESTORS_MAX: usize = 50;

fn damaged<T>(result: lopdf::Result<T>) -> Result<T, Unfit> {
    result.map_err(|_| DAMAGED)
}

/// A file as its objects, decrypted where that needs no password, and nothing in them that acts.
fn opened(bytes: &[u8]) -> Result<Document, Unfit> {
    let options = LoadOptions { max_decompressed_size: Some(UNPACKED_MAX), ..LoadOptions::default() };
    let document = damaged(Document::load_mem_with_options(bytes, options))?;
    if document.trailer.has(b"Encrypt") {
        return Err(ENCRYPTED);
    }
    if document.objects.values().chain([&Object::Dictionary(document.trailer.clone())]).any(acts) {
        return Err(ACTIVE);
    }
    Ok(document)
}

/// The same file without its encryption, if it opens without a password: one that only keeps others from changing it.
pub(super) fn unlocked(bytes: &[u8]) -> Result<Vec<u8>, Unfit> {
    let mut document = opened(bytes).map_err(|unfit| if unfit == DAMAGED { ENCRYPTED } else { unfit })?;
    let mut out = Vec::with_capacity(bytes.len());
    document.save_to(&mut out).map_err(|_| DAMAGED)?;
    Ok(out)
}

/// The file with the lines on every page, and how many pages there are.
pub(super) fn pdf(bytes: &[u8], lines: &Lines) -> Result<(Vec<u8>, usize), Unfit> {
    let mut document = opened(bytes)?;
    let pages: Vec<ObjectId> = document.page_iter().take(PAGES_MAX + 1).collect();
    if pages.is_empty() {
        return Err(DAMAGED);
    }
    if pages.len() > PAGES_MAX {
        return Err(TOO_MANY_PAGES);
    }
    let mut room = PAGES_BYTES_MAX;
    for page in &pages {
        mark(&mut document, *page, lines, &mut room)?;
    }
    if let Ok(catalog) = document.catalog_mut() {
        // Where to begin, and what to do when it is opened or closed, is the viewer's own affair.
        for name in [b"OpenAction".as_slice(), b"AA"] {
            catalog.remove(name);
        }
    }
    let mut out = Vec::with_capacity(bytes.len() + 16 * 1024);
    document.save_to(&mut out).map_err(|_| DAMAGED)?;
    Ok((out, pages.len()))
}

/// Whether an object names what acts. Depth is bounded by whoever read it.
fn acts(object: &Object) -> bool {
    let is_acting = |name: &[u8]| ACTING.contains(&name) || ACTING_SHORT.contains(&name);
    let dictionary = |it: &Dictionary| it.iter().any(|(name, value)| is_acting(name) || acts(value));
    match object {
        Object::Name(name) => is_acting(name),
        Object::Array(items) => items.iter().any(acts),
        Object::Dictionary(it) => dictionary(it),
        Object::Stream(it) => dictionary(&it.dict),
        _ => false,
    }
}

/// What a page has under this name, itself or by inheritance.
fn inherited(document: &Document, page: ObjectId, name: &[u8]) -> Option<Object> {
    let mut at = page;
    for _ in 0..ANCESTORS_MAX {
        let dictionary = document.get_dictionary(at).ok()?;
        if let Ok(found) = dictionary.get(name) {
            return Some(found.clone());
        }
        at = dictionary.get(b"Parent").and_then(Object::as_reference).ok()?;
    }
    None
}

/// Left, bottom, right and top of a page.
fn edges(document: &Document, page: ObjectId) -> [f32; 4] {
    let letter = [0.0, 0.0, 612.0, 792.0];
    let Some(found) = inherited(document, page, b"MediaBox") else { return letter };
    let Ok((_, Object::Array(items))) = document.dereference(&found) else { return letter };
    let mut edges = [0.0_f32; 4];
    for (edge, item) in edges.iter_mut().zip(items) {
        match document.dereference(item).and_then(|(_, number)| number.as_float()) {
            Ok(number) if number.is_finite() && number.abs() < 1e6 => *edge = number,
            _ => return letter,
        }
    }
    let [a, b, c, d] = edges;
    let edges = [a.min(c), b.min(d), a.max(c), b.max(d)];
    if items.len() == 4 && edges[2] - edges[0] >= 1.0 && edges[3] - edges[1] >= 1.0 { edges } else { letter }
}

fn mark(document: &mut Document, page: ObjectId, lines: &Lines, room: &mut usize) -> Result<(), Unfit> {
    let edges = edges(document, page);
    let frame: Vec<Object> = edges.iter().map(|edge| Object::Real(*edge)).collect();
    let drawing = document.get_page_content_with_limit(page, PAGE_MAX.min(*room)).map_err(|_| TOO_COMPLEX)?;
    *room -= drawing.len().min(*room);
    let resources = inherited(document, page, b"Resources").unwrap_or_else(|| Dictionary::new().into());
    // As a form the page's drawing is a world of its own: whatever it leaves open or cut off ends with it.
    let form = dictionary! {
        "Type" => "XObject", "Subtype" => "Form", "BBox" => frame.clone(), "Resources" => resources,
    };
    let mut form = Stream::new(form, drawing);
    let _ = form.compress();
    let form = document.add_object(form);
    let font = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica-Bold", "Encoding" => "WinAnsiEncoding",
    });
    let paint = dictionary! { "Type" => "ExtGState", "ca" => 0.4_f32, "CA" => 0.4_f32 };
    let over = dictionary! {
        "Type" => "XObject", "Subtype" => "Form", "BBox" => frame,
        "Resources" => dictionary! {
            "Font" => dictionary! { "F" => font },
            "ExtGState" => dictionary! { "G" => paint },
        },
    };
    let over = document.add_object(Stream::new(over, damaged(drawn(edges, lines))?));
    let content = Stream::new(Dictionary::new(), b"q /BursarPage Do Q q /BursarMark Do Q".to_vec());
    let content = document.add_object(content);
    let dictionary = damaged(document.get_dictionary_mut(page))?;
    dictionary.remove(b"AA");
    dictionary.set("Contents", content);
    let forms = dictionary! { "BursarPage" => form, "BursarMark" => over };
    dictionary.set("Resources", dictionary! { "XObject" => forms });
    Ok(())
}

/// The lines again and again, from the top to the bottom.
fn drawn([left, bottom, right, top]: [f32; 4], lines: &Lines) -> lopdf::Result<Vec<u8>> {
    let longest = lines.0.iter().map(String::len).max().unwrap_or(1).max(1) as f32;
    // A bold letter is about seven tenths as wide as it is high.
    let size = ((right - left) * 0.45 / (longest * 0.7)).clamp(4.0, 200.0);
    let (pitch, mut operations) = (
        size * 3.0,
        vec![
            Operation::new("q", vec![]),
            Operation::new("gs", vec!["G".into()]),
            Operation::new("BT", vec![]),
            Operation::new("Tf", vec!["F".into(), size.into()]),
            Operation::new("g", vec![0.45_f32.into()]),
        ],
    );
    let rows = ((top - bottom) / pitch).ceil().clamp(1.0, 400.0) as usize;
    for row in 0..rows {
        let Some(line) = lines.0.get(row % lines.0.len().max(1)) else { break };
        let step = (line.len() as f32 + 4.0) * size * 0.7;
        let mut x = left - (row % 3) as f32 * step / 3.0;
        let y = top - pitch * (row as f32 + 0.5);
        for _ in 0..40 {
            if x > right {
                break;
            }
            let place = [1.0_f32, 0.0, 0.0, 1.0, x, y].map(Object::from).to_vec();
            operations.push(Operation::new("Tm", place));
            operations.push(Operation::new("Tj", vec![Object::string_literal(line.as_str())]));
            x += step;
        }
    }
    operations.extend([Operation::new("ET", vec![]), Operation::new("Q", vec![])]);
    Content { operations }.encode()
}
