//! Papers of invented people: small, valid, and marked all over as specimens. Nobody's face and nobody's hand.

use std::io::Cursor;

use desk::user::verification::{DocumentKind, MediaType, mark};
use image::{ImageFormat, RgbImage};

const INK: [u8; 3] = [40, 48, 70];
const RED: [u8; 3] = [176, 40, 48];

/// A paper of a kind for somebody of this name, and what type of file it is. `pick` varies it.
pub fn paper(kind: DocumentKind, name: &str, pick: usize) -> (MediaType, Vec<u8>) {
    match kind {
        DocumentKind::PhotoId if pick.is_multiple_of(3) => (MediaType::Pdf, scan(name)),
        DocumentKind::PhotoId => (MediaType::Png, encoded(&card(name, pick), ImageFormat::Png)),
        DocumentKind::Selfie => (MediaType::Jpeg, encoded(&face(pick), ImageFormat::Jpeg)),
        DocumentKind::Signature => (MediaType::Png, encoded(&scribble(pick), ImageFormat::Png)),
    }
}

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).expect("a picture in memory can be encoded");
    out.into_inner()
}

fn sheet(width: u32, height: u32, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, image::Rgb(colour))
}

fn write(picture: &mut RgbImage, at: (usize, usize), scale: usize, text: &str, colour: [u8; 3]) {
    let width = picture.width() as usize;
    mark::write(picture, width, at, scale, text, colour);
}

/// A head and shoulders without a face.
fn figure(picture: &mut RgbImage, middle: (i64, i64), size: i64, colour: [u8; 3]) {
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let (dx, dy) = (i64::from(x) - middle.0, i64::from(y) - middle.1);
        let head = dx * dx + dy * dy < size * size;
        let (wide, high) = (dx * dx * 10, (dy - 3 * size) * (dy - 3 * size) * 10);
        if head || dy > size && wide + high < 34 * size * size && dy < 3 * size {
            pixel.0 = colour;
        }
    }
}

fn card(name: &str, pick: usize) -> RgbImage {
    let mut picture = sheet(480, 300, [214, 224, 236]);
    figure(&mut picture, (90, 120), 36, [(120 + pick * 37 % 100) as u8, 110, 130]);
    write(&mut picture, (180, 40), 3, "SPECIMEN", RED);
    write(&mut picture, (180, 90), 2, name, INK);
    write(&mut picture, (180, 120), 2, "INVENTED PERSON", INK);
    write(&mut picture, (180, 150), 2, "NOT A REAL PAPER", INK);
    write(&mut picture, (24, 260), 2, "BURSAR DEMO - OF NO VALUE", RED);
    picture
}

fn face(pick: usize) -> RgbImage {
    let mut picture = sheet(320, 400, [230, 226, 214]);
    figure(&mut picture, (160, 160), 70, [150, (100 + pick * 53 % 90) as u8, 110]);
    write(&mut picture, (64, 24), 4, "SPECIMEN", RED);
    picture
}

fn scribble(pick: usize) -> RgbImage {
    let mut picture = sheet(360, 120, [255, 255, 255]);
    for step in 0..1_200_u32 {
        let turn = f64::from(step) / 40.0;
        let x = 30.0 + f64::from(step) / 4.0;
        let y = 60.0 + 22.0 * (turn * (1.0 + (pick % 5) as f64 / 7.0)).sin() * (turn / 3.0).cos();
        for (dx, dy) in [(0, 0), (1, 0), (0, 1)] {
            if let Some(pixel) = picture.get_pixel_mut_checked(x as u32 + dx, y as u32 + dy) {
                pixel.0 = INK;
            }
        }
    }
    write(&mut picture, (12, 100), 1, "SPECIMEN - BURSAR DEMO", RED);
    picture
}

/// A PDF of one page.
fn scan(name: &str) -> Vec<u8> {
    let plain: String = name.chars().map(|it| if it.is_ascii_alphanumeric() || it == ' ' { it } else { '.' }).collect();
    let line = |size: u32, y: u32, text: &str| format!("/F {size} Tf 1 0 0 1 72 {y} Tm ({text}) Tj ");
    let drawing = format!(
        "BT {}{}{}ET",
        line(36, 720, "SPECIMEN"),
        line(18, 670, &plain),
        line(12, 640, "Invented person. Bursar demo, of no value.")
    );
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{drawing}\nendstream", drawing.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let (mut text, mut table) = ("%PDF-1.4\n".to_owned(), "0000000000 65535 f \n".to_owned());
    for (at, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", text.len()));
        text.push_str(&format!("{} 0 obj\n{object}\nendobj\n", at + 1));
    }
    let (size, place) = (objects.len() + 1, text.len());
    text.push_str(&format!(
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{place}\n%%EOF\n"
    ));
    text.into_bytes()
}
