//! JPEG and PNG, walked through segment by segment and chunk by chunk. Sizes are read from the headers; no pixel is decoded.

use super::{
    DAMAGED, DECODED_MAX, MediaType, PIXELS_MAX, SIDE_MAX, Shape, TOO_COMPLEX, TOO_MANY_PIXELS, TRAILING, TRUNCATED,
    Unfit, is_another,
};

/// Zeros that a camera may leave behind an image.
const PADDING_MAX: usize = 65_536;
/// Scans of one JPEG: each is a pass over all of it.
const SCANS_MAX: usize = 100;

/// What the headers of an image say.
pub(super) struct Picture {
    width: u32,
    height: u32,
    /// Bytes that a pixel takes while it is decoded.
    pixel: u64,
    /// Where it ends.
    end: usize,
}

impl Picture {
    pub fn shape(&self, media_type: MediaType) -> Result<Shape, Unfit> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let cost = pixels.saturating_mul(self.pixel);
        let is_small = self.width <= SIDE_MAX && self.height <= SIDE_MAX && pixels <= PIXELS_MAX && cost <= DECODED_MAX;
        if !is_small {
            return Err(TOO_MANY_PIXELS);
        }
        Ok(Shape { media_type, size: Some((self.width, self.height)), kept: self.end, cost })
    }
}

fn short(bytes: &[u8], at: usize) -> Result<usize, Unfit> {
    match bytes.get(at..at + 2) {
        Some([high, low]) => Ok(usize::from(u16::from_be_bytes([*high, *low]))),
        _ => Err(TRUNCATED),
    }
}

/// A JPEG, to the end of its image. What may stand behind that, and is cut off: zeros and line ends; where the index of multi-picture
/// files (CIPA DC-007) announces them, further images such as a camera's preview; and what makers are known to put there.
pub(super) fn jpeg(bytes: &[u8]) -> Result<Picture, Unfit> {
    let (picture, has_more) = one_jpeg(bytes)?;
    let mut rest = after_padding(&bytes[picture.end..])?;
    while has_more && rest.starts_with(&[0xff, 0xd8, 0xff]) {
        let end = one_jpeg(rest)?.0.end;
        rest = after_padding(&rest[end..])?;
    }
    if rest.is_empty() || is_of_maker(rest) && !is_another(rest) { Ok(picture) } else { Err(TRAILING) }
}

fn after_padding(bytes: &[u8]) -> Result<&[u8], Unfit> {
    let padding = bytes.iter().take_while(|byte| is_padding(**byte)).count();
    if padding > PADDING_MAX { Err(TRAILING) } else { Ok(&bytes[padding..]) }
}

fn is_padding(byte: u8) -> bool {
    matches!(byte, 0 | b'\r' | b'\n')
}

/// Whether this is what makers of cameras and of programs put behind an image, known by how it begins or ends: the film of a moving
/// picture, and tables of settings (Samsung, Canon, Vivo, AFCP, Photo Mechanic).
fn is_of_maker(bytes: &[u8]) -> bool {
    let padding = bytes.iter().rev().take_while(|byte| is_padding(**byte)).count();
    let whole = &bytes[..bytes.len() - padding];
    let begins: [&[u8]; 4] = [b"CANON OPTIONAL DATA\0", b"vivo{\"", b"AXS!", b"AXS*"];
    let ends: [&[u8]; 4] = [b"SEFT", b"QDIOBS", b"CANON OPTIONAL DATA\0", b"cbipcbbl"];
    // Its length of four bytes stands before the word; the zeros it begins with were taken for padding.
    let is_film = (1..=4).any(|at| whole.get(at..at + 4) == Some(b"ftyp"));
    is_film || begins.iter().any(|word| whole.starts_with(word)) || ends.iter().any(|word| whole.ends_with(word))
}

/// One image, and whether it announces more.
fn one_jpeg(bytes: &[u8]) -> Result<(Picture, bool), Unfit> {
    let (mut at, mut frame, mut has_more, mut scans) = (2, None, false, 0);
    loop {
        // Any number of fill bytes may stand before a marker.
        if *bytes.get(at).ok_or(TRUNCATED)? != 0xff {
            return Err(DAMAGED);
        }
        let fill = bytes[at..].iter().take_while(|byte| **byte == 0xff).count();
        at += fill;
        let marker = *bytes.get(at).ok_or(TRUNCATED)?;
        at += 1;
        if marker == 0xd9 {
            break;
        }
        // Markers without a length have no place here.
        if marker == 0x00 || marker == 0x01 || (0xd0..=0xd8).contains(&marker) {
            return Err(DAMAGED);
        }
        let length = short(bytes, at)?;
        if length < 2 {
            return Err(DAMAGED);
        }
        let segment = bytes.get(at + 2..at + length).ok_or(TRUNCATED)?;
        at += length;
        match marker {
            0xc0..=0xc2 if frame.is_none() => frame = Some(frame_of(marker, segment)?),
            // A second frame, lossless or arithmetic coding.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Err(DAMAGED),
            0xe2 if segment.starts_with(b"MPF\0") => has_more = true,
            0xda => {
                scans += 1;
                if frame.is_none() {
                    return Err(DAMAGED);
                }
                if scans > SCANS_MAX {
                    return Err(TOO_COMPLEX);
                }
                at = after_scan(bytes, at)?;
            }
            _ => {}
        }
    }
    let (width, height, pixel) = frame.filter(|_| scans > 0).ok_or(DAMAGED)?;
    Ok((Picture { width, height, pixel, end: at }, has_more))
}

/// Width, height, and bytes for a pixel.
fn frame_of(marker: u8, segment: &[u8]) -> Result<(u32, u32, u64), Unfit> {
    let (height, width) = (short(segment, 1)?, short(segment, 3)?);
    let (precision, components) = (segment[0], *segment.get(5).ok_or(TRUNCATED)?);
    if precision != 8 || width == 0 || height == 0 || !matches!(components, 1 | 3 | 4) {
        return Err(DAMAGED);
    }
    let decoded = if components == 1 { 1 } else { 3 };
    // All coefficients of a progressive image are held until its last scan.
    let coefficients = if marker == 0xc2 { 2 * u64::from(components) } else { 0 };
    Ok((width as u32, height as u32, decoded + coefficients))
}

/// Where the data of a scan ends: at a marker that is neither a stuffed byte nor a restart.
fn after_scan(bytes: &[u8], from: usize) -> Result<usize, Unfit> {
    let mut at = from;
    loop {
        at += bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0xff)).ok_or(TRUNCATED)?;
        match bytes.get(at + 1).ok_or(TRUNCATED)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Ok(at),
        }
    }
}

/// A PNG, to its last chunk. Zeros and line ends behind that are cut off; nothing else may stand there.
pub(super) fn png(bytes: &[u8]) -> Result<Picture, Unfit> {
    let (mut at, mut header, mut has_data) = (8, None, false);
    loop {
        let word = |at: usize| match bytes.get(at..at + 4) {
            Some(four) => Ok(u32::from_be_bytes([four[0], four[1], four[2], four[3]])),
            None => Err(TRUNCATED),
        };
        let length = usize::try_from(word(at)?).map_err(|_| TRUNCATED)?;
        let kind = bytes.get(at + 4..at + 8).ok_or(TRUNCATED)?;
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(DAMAGED);
        }
        let end = at.checked_add(length).and_then(|end| end.checked_add(12)).ok_or(TRUNCATED)?;
        let covered = bytes.get(at + 4..end - 4).filter(|_| end <= bytes.len()).ok_or(TRUNCATED)?;
        let mut sum = flate2::Crc::new();
        sum.update(covered);
        if sum.sum() != word(end - 4)? {
            return Err(DAMAGED);
        }
        let is_first = at == 8;
        match kind {
            b"IHDR" if is_first => header = Some(header_of(&covered[4..])?),
            b"IHDR" => return Err(DAMAGED),
            _ if is_first => return Err(DAMAGED),
            b"IDAT" => has_data = true,
            b"IEND" => {
                let (width, height, pixel) = header.filter(|_| has_data).ok_or(DAMAGED)?;
                if !after_padding(&bytes[end..])?.is_empty() {
                    return Err(TRAILING);
                }
                return Ok(Picture { width, height, pixel, end });
            }
            _ => {}
        }
        at = end;
    }
}

/// Width, height, and bytes for a pixel.
fn header_of(data: &[u8]) -> Result<(u32, u32, u64), Unfit> {
    let [w1, w2, w3, w4, h1, h2, h3, h4, depth, colour, 0, 0, 0 | 1] = *data else { return Err(DAMAGED) };
    let (width, height) = (u32::from_be_bytes([w1, w2, w3, w4]), u32::from_be_bytes([h1, h2, h3, h4]));
    let channels = match (colour, depth) {
        (0, 1 | 2 | 4 | 8 | 16) => 1,
        (2, 8 | 16) => 3,
        // A palette may be transparent.
        (3, 1 | 2 | 4 | 8) | (6, 8 | 16) => 4,
        (4, 8 | 16) => 2,
        _ => return Err(DAMAGED),
    };
    if width == 0 || height == 0 {
        return Err(DAMAGED);
    }
    // Deep images are made shallow in a second copy.
    Ok((width, height, if depth == 16 { 3 * channels } else { channels }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u16 + 2).to_be_bytes();
        [&[0xff, marker], &length[..], data].concat()
    }

    fn frame(marker: u8, width: u16, height: u16) -> Vec<u8> {
        let ([w1, w2], [h1, h2]) = (width.to_be_bytes(), height.to_be_bytes());
        segment(marker, &[8, h1, h2, w1, w2, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0])
    }

    /// The skeleton of a JPEG: every segment there, and no sense in the data.
    fn skeleton(more: &[u8], frame: Vec<u8>) -> Vec<u8> {
        let scan = [&segment(0xda, &[1, 1, 0, 0, 63, 0])[..], &[1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]].concat();
        [&[0xff, 0xd8][..], more, &frame, &scan, &[0xff, 0xd9]].concat()
    }

    fn told(bytes: &[u8]) -> &'static str {
        let found = super::super::inspect(None, bytes);
        found.map_or_else(|unfit| unfit.0, |_| "fit")
    }

    #[test]
    fn sizes_are_read_from_the_frame_and_bounded() {
        for (width, height, marker, expected) in [
            (640, 480, 0xc0, "fit"),
            (8_000, 6_000, 0xc0, "fit"),
            (12_001, 10, 0xc0, "too_many_pixels"),
            (10_000, 6_000, 0xc0, "too_many_pixels"),
            (65_535, 65_535, 0xc2, "too_many_pixels"),
            // All of a progressive image is held in coefficients besides.
            (8_000, 6_000, 0xc2, "too_many_pixels"),
            (5_000, 4_000, 0xc2, "fit"),
            (640, 0, 0xc0, "damaged"),
            (640, 480, 0xc3, "damaged"),
        ] {
            assert_eq!(told(&skeleton(&[], frame(marker, width, height))), expected, "{width} x {height}, {marker:x}");
        }
    }

    #[test]
    fn a_jpeg_that_ends_anywhere_else_is_truncated() {
        let whole = skeleton(&segment(0xe1, b"Exif\0\0"), frame(0xc0, 640, 480));
        assert_eq!(told(&whole), "fit");
        for length in 4..whole.len() {
            assert_eq!(told(&whole[..length]), "truncated", "{length} of {}", whole.len());
        }
    }

    #[test]
    fn what_a_camera_adds_is_cut_off_and_anything_else_refused() {
        let plain = skeleton(&[], frame(0xc0, 640, 480));
        let announced = skeleton(&segment(0xe2, b"MPF\0II"), frame(0xc0, 640, 480));
        let kept = |bytes: &[u8]| super::super::inspect(None, bytes).unwrap().kept;
        assert_eq!(kept(&[&plain[..], &[0; 40]].concat()), plain.len());
        assert_eq!(kept(&[&announced[..], &[0; 7], &plain, &[0; 3], &plain].concat()), announced.len());
        for tail in [&b"PK\x03\x04"[..], b"<html>", b"\0\0x", &plain, &[0; PADDING_MAX + 1]] {
            assert_eq!(told(&[&plain[..], tail].concat()), "trailing_data");
        }
        assert_eq!(told(&[&announced[..], &plain, b"PK\x03\x04"].concat()), "trailing_data");
        // Stray line ends, and what makers put there.
        let makers: [&[u8]; 8] = [
            b"\n",
            b"\r\n\r\n",
            b"\0\0\x01\x0aImage_UTC_Data1767225600123SEFHk\0\0\0\x01\0\0\0$\0\0\0SEFT",
            b"\0\0\x01\x0aImage_UTC_Data1767225600123SEFHk\0\0\0\x01\0\0\0$\0\0\0SEFT\r\n",
            b"\0\0\0\x18ftypmp42\0\0\0\0isommp42",
            b"CANON OPTIONAL DATA\0\0\x01..CANON OPTIONAL DATA\0",
            b"vivo{\"com.camera\":1}",
            b"AXS!\x01\0",
        ];
        for tail in makers {
            assert_eq!(kept(&[&plain[..], tail].concat()), plain.len(), "{}", String::from_utf8_lossy(tail));
        }
        // Whatever a maker's table is said to be, nothing else is hidden in it.
        for hidden in [&b"<script>alert(1)</script>"[..], b"<html>", b"<?php ", b"%PDF-1.4", b"PK\x03\x04..PK\x05\x06"]
        {
            let sef = [hidden, b"SEFHkSEFT"].concat();
            let film = [&b"\0\0\0\x18ftypmp42"[..], hidden].concat();
            for tail in [sef, film, [b"\r\n", hidden].concat()] {
                assert_eq!(told(&[&plain[..], &tail].concat()), "trailing_data", "{}", String::from_utf8_lossy(&tail));
            }
        }
    }

    #[test]
    fn what_is_hidden_in_a_comment_is_found() {
        let hidden = |text: &[u8]| told(&skeleton(&segment(0xfe, text), frame(0xc0, 640, 480)));
        assert_eq!(hidden(b"made with care"), "fit");
        for text in [&b"<HTML>"[..], b"%PDF-1.4", b"<?php ", b"<ScRiPt>alert(1)</script>", b"PK\x01\x02..PK\x05\x06"] {
            assert_eq!(hidden(text), "polyglot", "{}", String::from_utf8_lossy(text));
        }
        let far = [vec![b' '; 5_000], b"<script>".to_vec()].concat();
        assert_eq!(hidden(&far), "polyglot");
    }
}
