//! PDF, looked through without building anything: every name in the file, and in everything that is packed in it, is compared
//! with those that act. Objects can be packed into streams and names written in a roundabout way; what could hide a name from
//! this look is refused. It also says how much there is, so that nothing large is built from it afterwards. What leaves
//! again is built from the objects (`mark`), which are compared once more.

use flate2::{Decompress, FlushDecompress, Status};

use super::{ACTIVE, DAMAGED, ENCRYPTED, TOO_COMPLEX, TRAILING, TRUNCATED, Unfit, find, find_last};

/// What is unpacked in all.
const UNPACKED_MAX: usize = 256 * 1024 * 1024;
/// Streams of a file.
const STREAMS_MAX: usize = 5_000;
/// Words outside of streams and in packed objects: each becomes an object when the file is opened.
const WORDS_MAX: usize = 400_000;
/// The longest description of a stream.
const DICTIONARY_MAX: usize = 65_536;
/// Objects that a file lists, times the words it has: whoever opens it builds what stands at each place that is listed, and
/// the same words may be listed again and again.
const BUILT_MAX: usize = 5_000_000;
/// The longest name that matters here, written as `#41#42…`.
const NAME_MAX: usize = 3 * 16;

/// Names of what acts, long enough not to come by chance in a picture.
pub(in super::super) const ACTING: &[&[u8]] = &[
    b"JavaScript",
    b"Launch",
    b"EmbeddedFile",
    b"EmbeddedFiles",
    b"RichMedia",
    b"SubmitForm",
    b"ImportData",
    b"Rendition",
    b"GoToR",
    b"GoToE",
];
/// Short ones, looked for only where objects are written.
pub(in super::super) const ACTING_SHORT: &[&[u8]] = &[b"JS", b"XFA"];
/// Ways of packing that are not unpacked here, and what else would keep packed objects from being seen.
const HIDING: &[&[u8]] = &[
    b"DecodeParms",
    b"DP",
    b"F",
    b"FFilter",
    b"LZWDecode",
    b"LZW",
    b"ASCII85Decode",
    b"A85",
    b"ASCIIHexDecode",
    b"AHx",
    b"RunLengthDecode",
    b"RL",
    b"Crypt",
    b"BrotliDecode",
];

/// What may stand before a file, in bytes: readers look for its beginning so far.
const FRONT_MAX: usize = 1024;

/// Where a file begins: a byte order mark and blanks may stand before it.
pub(super) fn front(bytes: &[u8]) -> usize {
    let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let blanks = bytes[mark..].iter().take(FRONT_MAX).take_while(|byte| is_blank(**byte)).count();
    mark + blanks
}

/// Looks through a file.
pub(super) fn inspect(bytes: &[u8]) -> Result<(), Unfit> {
    look_through(bytes, UNPACKED_MAX, false)
}

/// Looks through a file that is encrypted.
pub(super) fn inspect_locked(bytes: &[u8]) -> Result<(), Unfit> {
    look_through(bytes, UNPACKED_MAX, true)
}

/// The same, with how much may be unpacked, and whether it may be encrypted.
fn look_through(bytes: &[u8], mut room: usize, may_be_locked: bool) -> Result<(), Unfit> {
    let bytes = &bytes[front(bytes)..];
    // Names are compared wherever they can be read; but that one, they are the same in either.
    let look = |bytes: &[u8], are_objects: bool, words: &mut usize| look_for(bytes, are_objects, words, may_be_locked);
    if !bytes.starts_with(b"%PDF-1.") && !bytes.starts_with(b"%PDF-2.") {
        return Err(DAMAGED);
    }
    let end = find_last(bytes, b"%%EOF").ok_or(TRUNCATED)?;
    if !bytes[end + 5..].iter().all(|byte| is_blank(*byte)) {
        return Err(TRAILING);
    }
    if find(&bytes[end.saturating_sub(1024)..end], b"startxref").is_none() {
        return Err(TRUNCATED);
    }
    let (mut words, mut streams, mut plain, mut listed) = (0, 0, 0, 0);
    while let Some((keyword, data)) = next_stream(bytes, plain) {
        streams += 1;
        if streams > STREAMS_MAX {
            return Err(TOO_COMPLEX);
        }
        let outside = &bytes[plain..keyword];
        look(outside, true, &mut words)?;
        let holds_objects = holds_objects(outside)?;
        listed += listed_in(outside)?;
        unpack(&bytes[data..], holds_objects, &mut room, &mut words, may_be_locked)?;
        let ends = data + find(&bytes[data..], b"endstream").ok_or(TRUNCATED)?;
        // A reader told another place may find objects in here as well: what acts is refused, and so is any object.
        look(&bytes[data..ends], false, &mut 0)?;
        if has_object(&bytes[data..ends]) {
            return Err(TOO_COMPLEX);
        }
        plain = ends + b"endstream".len();
    }
    let outside = &bytes[plain..];
    look(outside, true, &mut words)?;
    listed +=
        listed_in(outside)? + outside.windows(3).filter(|it| matches!(it, [b' ', b'n', b' ' | b'\r' | b'\n'])).count();
    if listed.saturating_mul(words) > BUILT_MAX { Err(TOO_COMPLEX) } else { Ok(()) }
}

/// Whether an object begins in these bytes: `7 0 obj`.
fn has_object(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], b"obj") {
        let before = &bytes[..at + found];
        let blanks = before.iter().rev().take_while(|byte| is_blank(**byte)).count();
        if blanks > 0 && before[..before.len() - blanks].last().is_some_and(u8::is_ascii_digit) {
            return true;
        }
        at += found + 3;
    }
    false
}

/// How many objects the stream described at the end of this text lists: `N` of those that hold objects, `Size` of a table
/// of places. A number that stands elsewhere, or none, is refused.
fn listed_in(text: &[u8]) -> Result<usize, Unfit> {
    let tail = &text[text.len().saturating_sub(DICTIONARY_MAX)..];
    let begins = find_last(tail, b"obj").unwrap_or(0);
    let names = || tail[begins..].iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let named = |wanted: &[u8]| names().find(|(at, _)| name_at(&tail[begins + at + 1..]) == wanted);
    let wanted: &[u8] = match (named(b"ObjStm"), named(b"XRef")) {
        (Some(_), _) => b"N",
        (_, Some(_)) => b"Size",
        (None, None) => return Ok(0),
    };
    let (at, _) = named(wanted).ok_or(TOO_COMPLEX)?;
    let value = &tail[begins + at + 1 + wanted.len()..];
    let digits: Vec<u8> =
        value.iter().copied().skip_while(|byte| is_blank(*byte)).take_while(u8::is_ascii_digit).collect();
    let mut after = value.iter().skip_while(|byte| is_blank(**byte)).skip(digits.len());
    let is_reference = after.find(|byte| !is_blank(**byte)).is_some_and(u8::is_ascii_digit);
    match std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok()) {
        Some(number) if !is_reference => Ok(number),
        _ => Err(TOO_COMPLEX),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

/// The keyword that begins the next stream, and where its data begins.
fn next_stream(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        at += find(&bytes[at..], b"stream")?;
        let after = at + b"stream".len();
        let blanks = bytes[after..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let data = match bytes.get(after + blanks..) {
            Some([b'\r', b'\n', ..]) => Some(after + blanks + 2),
            Some([b'\r' | b'\n', ..]) => Some(after + blanks + 1),
            _ => None,
        };
        let is_end = bytes[..at].ends_with(b"end");
        match data {
            Some(data) if !is_end => return Some((at, data)),
            _ => at = after,
        }
    }
}

/// Compares every name, and counts words where objects are written.
fn look_for(bytes: &[u8], are_objects: bool, words: &mut usize, may_be_locked: bool) -> Result<(), Unfit> {
    let mut was_blank = true;
    for (at, byte) in bytes.iter().enumerate() {
        let ends = is_blank(*byte) || is_delimiter(*byte);
        if was_blank && !is_blank(*byte) || is_delimiter(*byte) {
            *words += 1;
        }
        was_blank = ends;
        if *byte != b'/' {
            continue;
        }
        let name = name_at(&bytes[at + 1..]);
        if name == b"Encrypt" && !may_be_locked {
            return Err(ENCRYPTED);
        }
        if ACTING.contains(&&*name) || are_objects && ACTING_SHORT.contains(&&*name) {
            return Err(ACTIVE);
        }
    }
    if are_objects && *words > WORDS_MAX { Err(TOO_COMPLEX) } else { Ok(()) }
}

/// The name that stands here, plainly written; too long ones are cut.
fn name_at(bytes: &[u8]) -> Vec<u8> {
    let written = bytes.iter().take(NAME_MAX).take_while(|byte| !is_blank(**byte) && !is_delimiter(**byte)).count();
    let (mut rest, mut name) = (&bytes[..written], Vec::with_capacity(16));
    while let Some((first, after)) = rest.split_first() {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        rest = match (first, after) {
            (b'#', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0);
                name.push(value as u8);
                after
            }
            _ => {
                name.push(*first);
                after
            }
        };
    }
    name
}

/// Whether the stream described at the end of this text holds objects; if so, it must be packed in no way but the one that is
/// unpacked here.
fn holds_objects(text: &[u8]) -> Result<bool, Unfit> {
    let begins = match find_last(&text[text.len().saturating_sub(DICTIONARY_MAX)..], b"obj") {
        Some(at) => text.len().saturating_sub(DICTIONARY_MAX) + at,
        None if text.len() > DICTIONARY_MAX => return Err(TOO_COMPLEX),
        None => 0,
    };
    let text = &text[begins..];
    let names: Vec<(usize, Vec<u8>)> = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| (at, name_at(&text[at + 1..])))
        .collect();
    let has = |wanted: &[u8]| names.iter().any(|(_, name)| name == wanted);
    let holds = has(b"ObjStm") || has(b"First") && has(b"N");
    if !holds {
        return Ok(false);
    }
    if names.iter().any(|(_, name)| HIDING.contains(&&**name)) {
        return Err(TOO_COMPLEX);
    }
    for (at, _) in names.iter().filter(|(_, name)| name == b"Filter") {
        let written = text[at + 1..].iter().take_while(|byte| !is_blank(**byte) && !is_delimiter(**byte)).count();
        let value = text[at + 1 + written..].iter().find(|byte| !is_blank(**byte) && **byte != b'[');
        // A way of packing that is told elsewhere.
        if value != Some(&b'/') {
            return Err(TOO_COMPLEX);
        }
    }
    if names.iter().filter(|(_, name)| name == b"FlateDecode" || name == b"Fl").count() > 1 {
        return Err(TOO_COMPLEX);
    }
    Ok(true)
}

/// Unpacks what begins here, if it is packed, and looks through what comes out; never more than a window is held.
fn unpack(
    bytes: &[u8],
    are_objects: bool,
    room: &mut usize,
    words: &mut usize,
    may_be_locked: bool,
) -> Result<(), Unfit> {
    let is_packed = matches!(bytes, [method, flags, ..]
        if method & 0x0f == 8 && (u16::from(*method) * 256 + u16::from(*flags)) % 31 == 0);
    if !is_packed {
        return if are_objects { look_at_unpacked(bytes, words, may_be_locked) } else { Ok(()) };
    }
    let mut packed = Decompress::new(true);
    let mut window = vec![0; 65_536];
    // A name may lie across the border of two windows: the end of one is looked at again with the next.
    let mut held = 0;
    loop {
        let (read, wrote) = (packed.total_in() as usize, packed.total_out());
        let status = packed.decompress(&bytes[read..], &mut window[held..], FlushDecompress::None);
        let came = (packed.total_out() - wrote) as usize;
        *room = room.checked_sub(came).ok_or(TOO_COMPLEX)?;
        let filled = held + came;
        let mut none = 0;
        look_for(&window[..filled], are_objects, if are_objects { &mut *words } else { &mut none }, may_be_locked)?;
        let is_over = !matches!(status, Ok(Status::Ok)) || came == 0 && packed.total_in() as usize == read;
        if is_over {
            return Ok(());
        }
        let keep = filled.min(NAME_MAX + 1);
        window.copy_within(filled - keep..filled, 0);
        held = keep;
    }
}

/// Objects that are not packed at all.
fn look_at_unpacked(bytes: &[u8], words: &mut usize, may_be_locked: bool) -> Result<(), Unfit> {
    let end = find(bytes, b"endstream").ok_or(TRUNCATED)?;
    look_for(&bytes[..end], true, words, may_be_locked)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::super::inspect;
    use super::{TOO_COMPLEX, WORDS_MAX, look_through};

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// A file around these objects; only its outline is looked at here.
    fn file(objects: &[u8]) -> Vec<u8> {
        let outline = b"\nxref\n0 1\n0000000000 65535 f \ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n";
        [b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n", objects, outline].concat()
    }

    fn stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
        let head = format!("2 0 obj << {dictionary} /Length {} >> stream\n", data.len());
        [head.as_bytes(), data, b"\nendstream endobj"].concat()
    }

    fn told(bytes: &[u8]) -> &'static str {
        inspect(None, bytes).map_or_else(|unfit| unfit.0, |_| "fit")
    }

    #[test]
    fn the_outline_must_be_whole_and_nothing_may_follow() {
        let whole = file(b"");
        assert_eq!(told(&whole), "fit");
        assert_eq!(told(&[&whole[..], b"\r\n \0"].concat()), "fit");
        assert_eq!(told(&[&whole[..], b"<html>"].concat()), "trailing_data");
        for length in [10, whole.len() / 2, whole.len() - 3] {
            assert_eq!(told(&whole[..length]), "truncated");
        }
        assert_eq!(told(b"%PDF-9.0\nstartxref\n%%EOF"), "damaged");
        assert_eq!(told(&[b"GIF89a", &whole[..]].concat()), "unknown_type");
        for front in [&b"\xef\xbb\xbf"[..], b"\r\n\r\n", b" \t\n", b"\xef\xbb\xbf\r\n"] {
            assert_eq!(told(&[front, &whole[..]].concat()), "fit", "{front:?}");
        }
        for front in [&b"x"[..], b"<html>", b"\xef\xbb", b"\n%\n", &[b' '; 2000]] {
            assert_eq!(told(&[front, &whole[..]].concat()), "unknown_type", "{front:?}");
        }
    }

    #[test]
    fn what_acts_is_refused_however_it_is_written() {
        for (objects, expected) in [
            ("<< /S /URI /URI (https://bank.example) >>", "fit"),
            ("<< /S /JavaScript /JS (app.alert(1)) >>", "active_content"),
            ("<< /S /J#61vaScript >>", "active_content"),
            ("<</S/#4A#61#76#61#53#63#72#69#70#74>>", "active_content"),
            ("<< /S /Launch /F (cmd.exe) >>", "active_content"),
            ("<< /Type /EmbeddedFile >>", "active_content"),
            ("<< /Names << /EmbeddedFiles 3 0 R >> >>", "active_content"),
            ("<< /AcroForm << /XFA 3 0 R >> >>", "active_content"),
            ("<< /Encrypt 4 0 R >>", "encrypted"),
            ("<< /EncryptMetadata true >>", "fit"),
            ("<< /JavaScripts 1 >>", "fit"),
        ] {
            assert_eq!(told(&file(objects.as_bytes())), expected, "{objects}");
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_and_looked_through() {
        let script = b"1 0 << /S /JavaScript /JS (app.alert(1)) >>";
        let objects = "/Type /ObjStm /N 1 /First 4";
        let flate = format!("{objects} /Filter /FlateDecode");
        assert_eq!(told(&file(&stream(&flate, &packed(b"1 0 << /S /GoTo >>")))), "fit");
        assert_eq!(told(&file(&stream(&flate, &packed(script)))), "active_content");
        assert_eq!(told(&file(&stream("/Filter [ /FlateDecode ]", &packed(script)))), "active_content");
        assert_eq!(told(&file(&stream(objects, script))), "active_content");
        // Across the border of a window.
        for shift in 65_470..65_540 {
            let far = [vec![b' '; shift], script.to_vec()].concat();
            assert_eq!(told(&file(&stream(&flate, &packed(&far)))), "active_content", "{shift}");
        }
    }

    #[test]
    fn what_could_hide_packed_objects_is_refused() {
        for dictionary in [
            "/Type /ObjStm /N 1 /First 4 /Filter /LZWDecode",
            "/Type /ObjStm /N 1 /First 4 /Filter [/ASCIIHexDecode /FlateDecode]",
            "/Type /ObjStm /N 1 /First 4 /Filter 9 0 R",
            "/Type 8 0 R /N 1 /First 4 /Filter /FlateDecode /DecodeParms << /Predictor 12 >>",
            "/Type /Obj#53tm /N 1 /First 4 /F (elsewhere)",
            "/Type /ObjStm /N 1 /First 4 /Filter [/FlateDecode /FlateDecode]",
        ] {
            assert_eq!(told(&file(&stream(dictionary, b"??"))), "too_complex", "{dictionary}");
        }
        // What holds no objects may be packed in any way.
        assert_eq!(told(&file(&stream("/Subtype /Image /Filter /LZWDecode", b"??"))), "fit");
    }

    #[test]
    fn a_file_that_lists_the_same_words_again_and_again_is_refused() {
        let array = format!("0 0 [ {} ]", "0 ".repeat(50_000));
        let objects = |n: &str| file(&stream(&format!("/Type /ObjStm /N {n} /First 4"), array.as_bytes()));
        assert_eq!(told(&objects("1")), "fit");
        for n in ["2000", "9 0 R", "", "99999999999999999999999"] {
            assert_eq!(told(&objects(n)), "too_complex", "/N {n}");
        }
        let places = |lines: usize| {
            let table = "0000000009 00000 n \n".repeat(lines);
            file(format!("3 0 obj {array} endobj\nxref\n0 {lines}\n{table}").as_bytes())
        };
        assert_eq!((told(&places(3)), told(&places(2000))), ("fit", "too_complex"));
        assert_eq!(told(&file(&stream("/Subtype /Image", b"\xff 7 0 obj [ 0 0 ]"))), "too_complex");
        assert_eq!(told(&file(&stream("/Subtype /Image", b"\xff objects"))), "fit");
    }

    #[test]
    fn a_bomb_is_not_unpacked_to_its_end() {
        let bomb = packed(&vec![0; 2 * 1024 * 1024]);
        let many = file(&(0..3).flat_map(|_| stream("/Filter /FlateDecode", &bomb)).collect::<Vec<_>>());
        assert!(many.len() < 16 * 1024);
        assert_eq!(look_through(&many, 6 * 1024 * 1024, false), Ok(()));
        assert_eq!(look_through(&many, 6 * 1024 * 1024 - 1, false), Err(TOO_COMPLEX));
        let words = packed(&b"[ ".repeat(WORDS_MAX));
        assert_eq!(told(&file(&stream("/Type /ObjStm /N 1 /First 0 /Filter /FlateDecode", &words))), "too_complex");
    }
}
