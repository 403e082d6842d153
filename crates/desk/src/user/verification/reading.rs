//! Reading files that strangers made. What a decoder does with a hostile file is not to be foreseen, so it happens apart: an
//! order and the file go out as bytes, an answer comes back as bytes, and where they are read is the reader's affair. The
//! server's is a process of its own with next to no rights (`bursar read-document`); tests read in their own.
//!
//! An order: `BRO1`, what to do (one byte), the type (one byte), the number of lines and each line with its length, the length
//! of the file, the file. An answer: `BRA1`, its kind (one byte), what was found. Numbers are big-endian.

use std::pin::Pin;
use std::sync::Arc;

use super::content::{self, MediaType, Shape, Unfit};
use super::mark::{self, Lines};
use crate::error::{Busy, Error, Result};

/// The longest answer: a document of the largest size that is taken grows when it is made anew, but not without end.
pub const ANSWER_MAX: usize = 64 * 1024 * 1024;
/// The longest order: a document, and a few lines of text.
pub const ORDER_MAX: usize = content::BYTES_MAX + 64 * 1024;

const ORDER: &[u8] = b"BRO1";
const ANSWER: &[u8] = b"BRA1";

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Nobody could be sent to read: the machine's trouble, not the document's.
    Nobody,
    /// Who read it did not come back.
    Died,
    /// Who read it took too long.
    TooLong,
}

impl From<Unread> for Error {
    fn from(unread: Unread) -> Error {
        match unread {
            Unread::Nobody => Error::Busy(Busy::Queue),
            Unread::Died => content::DAMAGED.into(),
            Unread::TooLong => content::TOO_COMPLEX.into(),
        }
    }
}

/// The bytes of an answer, when they are there.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Unread>> + Send + 'a>>;

/// Where documents are read.
pub trait Reader: Send + Sync {
    /// Has an order carried out by `obey`: its head and its file, one behind the other. Ends when it is dropped, and gives up
    /// on its own.
    fn read(&self, head: Vec<u8>, file: Arc<Vec<u8>>) -> Reading<'_>;
}

/// Reads in this process: for tests, and for pictures that a program of ours has made.
pub struct InThisProcess;

impl Reader for InThisProcess {
    fn read(&self, head: Vec<u8>, file: Arc<Vec<u8>>) -> Reading<'_> {
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || obey(&[&head[..], &file].concat())).await {
                Ok(Some(answer)) => Ok(answer),
                _ => Err(Unread::Died),
            }
        })
    }
}

/// What is to be done with a file.
pub(super) enum Order {
    /// Look through it: what it is.
    Look(Option<MediaType>),
    /// Open it as it would be to be shown: how many pages it has.
    Open(MediaType),
    /// Make it anew, with lines across it.
    Mark(MediaType, Lines),
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Looked(Shape),
    Opened(Option<usize>),
    Marked(Vec<u8>),
    Unfit(Unfit),
}

/// Carries out an order; nothing if it is none. Takes time and memory, and may panic over a hostile file.
pub fn obey(order: &[u8]) -> Option<Vec<u8>> {
    let (order, file) = Order::read(order)?;
    let answer = match order {
        Order::Look(declared) => looked(declared, file).map(Answer::Looked),
        Order::Open(media_type) => mark::tried(media_type, file).map(Answer::Opened),
        Order::Mark(media_type, lines) => mark::marked(media_type, file, &lines).map(Answer::Marked),
    };
    Some(answer.unwrap_or_else(Answer::Unfit).written())
}

/// What a file is. One that is encrypted but opens without a password is looked through once it is decrypted.
fn looked(declared: Option<MediaType>, file: &[u8]) -> Result<Shape, Unfit> {
    match content::inspect(declared, file) {
        Err(content::ENCRYPTED) => {
            let shape = content::inspect_locked(file)?;
            content::inspect(Some(MediaType::Pdf), &mark::unlocked(file)?)?;
            Ok(shape)
        }
        found => found,
    }
}

/// Has a file looked through.
pub(super) async fn look(reader: &dyn Reader, declared: Option<MediaType>, file: &Arc<Vec<u8>>) -> Result<Shape> {
    match asked(reader, &Order::Look(declared), file).await? {
        // Whatever it says, it must be about this file.
        Answer::Looked(shape) if (1..=file.len()).contains(&shape.kept) && shape.cost <= content::DECODED_MAX => {
            Ok(shape)
        }
        Answer::Unfit(unfit) => Err(unfit.into()),
        _ => Err(content::DAMAGED.into()),
    }
}

/// Whether there is somebody who reads: asks about an empty file.
pub(super) async fn is_there(reader: &dyn Reader) -> bool {
    let answer = asked(reader, &Order::Look(None), &Arc::default()).await;
    matches!(answer, Ok(Answer::Unfit(unfit)) if unfit == content::EMPTY)
}

/// Has a file opened once; how many pages it has, if it has pages.
pub(super) async fn open(reader: &dyn Reader, media_type: MediaType, file: &Arc<Vec<u8>>) -> Result<Option<usize>> {
    match asked(reader, &Order::Open(media_type), file).await? {
        Answer::Opened(pages) if pages.is_none_or(|pages| pages <= content::PAGES_MAX) => Ok(pages),
        Answer::Unfit(unfit) => Err(unfit.into()),
        _ => Err(content::DAMAGED.into()),
    }
}

/// Has a file made anew with lines across it.
pub(super) async fn mark(
    reader: &dyn Reader,
    media_type: MediaType,
    lines: Lines,
    file: &Arc<Vec<u8>>,
) -> Result<Vec<u8>> {
    match asked(reader, &Order::Mark(media_type, lines), file).await? {
        Answer::Marked(bytes) if MediaType::sniffed(&bytes) == Some(media_type) => Ok(bytes),
        Answer::Unfit(unfit) => Err(unfit.into()),
        _ => Err(content::DAMAGED.into()),
    }
}

async fn asked(reader: &dyn Reader, order: &Order, file: &Arc<Vec<u8>>) -> Result<Answer> {
    let answer = reader.read(order.head(file.len()), file.clone()).await?;
    Answer::read(answer).ok_or_else(|| content::DAMAGED.into())
}

impl Order {
    /// What stands before a file of this length.
    fn head(&self, length: usize) -> Vec<u8> {
        let none = Lines(Vec::new());
        let (what, media_type, lines) = match self {
            Order::Look(declared) => (0, *declared, &none),
            Order::Open(media_type) => (1, Some(*media_type), &none),
            Order::Mark(media_type, lines) => (2, Some(*media_type), lines),
        };
        let mut out = ORDER.to_vec();
        out.extend([what, number_of(media_type)]);
        let lines = &lines.0[..lines.0.len().min(LINES_MAX)];
        out.push(lines.len() as u8);
        for line in lines {
            let line = line.as_bytes();
            let line = &line[..line.len().min(LINE_MAX)];
            out.extend_from_slice(&(line.len() as u32).to_be_bytes());
            out.extend_from_slice(line);
        }
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out
    }

    fn read(bytes: &[u8]) -> Option<(Order, &[u8])> {
        let mut bytes = Bytes(bytes.strip_prefix(ORDER)?);
        let (what, media_type) = (bytes.byte()?, media_type_of(bytes.byte()?)?);
        let mut lines = Vec::new();
        for _ in 0..bytes.byte()? {
            let length = bytes.number()?;
            lines.push(String::from_utf8_lossy(bytes.take(length)?).into_owned());
        }
        let length = bytes.number()?;
        let file = bytes.take(length).filter(|_| bytes.0.is_empty())?;
        let order = match (what, media_type) {
            (0, declared) => Order::Look(declared),
            (1, Some(media_type)) => Order::Open(media_type),
            (2, Some(media_type)) => Order::Mark(media_type, Lines(lines)),
            _ => return None,
        };
        Some((order, file))
    }
}

/// Lines of a watermark, and bytes of each.
const LINES_MAX: usize = 8;
const LINE_MAX: usize = 4096;

impl Answer {
    fn written(self) -> Vec<u8> {
        let mut out = ANSWER.to_vec();
        let mut number = |number: u64| out.extend_from_slice(&number.to_be_bytes());
        match self {
            Answer::Looked(shape) => {
                let (width, height) = shape.size.unwrap_or_default();
                number(0);
                number(u64::from(number_of(Some(shape.media_type))));
                number(u64::from(width));
                number(u64::from(height));
                number(shape.kept as u64);
                number(shape.cost);
            }
            Answer::Opened(pages) => {
                number(1);
                number(pages.map_or(0, |pages| pages as u64));
            }
            Answer::Unfit(unfit) => {
                number(2);
                number(content::UNFIT.iter().position(|it| *it == unfit).unwrap_or(0) as u64);
            }
            Answer::Marked(bytes) => {
                number(3);
                number(bytes.len() as u64);
                out.extend(bytes);
            }
        }
        out
    }

    /// Whoever wrote it read a stranger's file before: nothing of it is believed that was not looked at.
    fn read(mut answer: Vec<u8>) -> Option<Answer> {
        let mut bytes = Bytes(answer.strip_prefix(ANSWER)?);
        let found = match bytes.long()? {
            0 => {
                let media_type = media_type_of(u8::try_from(bytes.long()?).ok()?)??;
                let (width, height) = (u32::try_from(bytes.long()?).ok()?, u32::try_from(bytes.long()?).ok()?);
                let size = (media_type != MediaType::Pdf).then_some((width, height));
                let (kept, cost) = (usize::try_from(bytes.long()?).ok()?, bytes.long()?);
                Answer::Looked(Shape { media_type, size, kept, cost })
            }
            1 => Answer::Opened(usize::try_from(bytes.long()?).ok().filter(|pages| *pages > 0)),
            2 => Answer::Unfit(*content::UNFIT.get(usize::try_from(bytes.long()?).ok()?)?),
            3 => {
                let length = usize::try_from(bytes.long()?).ok()?;
                let begin = answer.len() - bytes.0.len();
                if bytes.0.len() != length {
                    return None;
                }
                return Some(Answer::Marked(answer.split_off(begin)));
            }
            _ => return None,
        };
        bytes.0.is_empty().then_some(found)
    }
}

fn number_of(media_type: Option<MediaType>) -> u8 {
    match media_type {
        None => 0,
        Some(MediaType::Jpeg) => 1,
        Some(MediaType::Png) => 2,
        Some(MediaType::Pdf) => 3,
    }
}

/// The type that a number stands for; nothing if it stands for none.
fn media_type_of(number: u8) -> Option<Option<MediaType>> {
    [None, Some(MediaType::Jpeg), Some(MediaType::Png), Some(MediaType::Pdf)].get(usize::from(number)).copied()
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|it| it[0])
    }

    fn number(&mut self) -> Option<usize> {
        let four = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(four)).ok()
    }

    fn long(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { media_type: MediaType::Png, size: Some((3, 4)), kept: 9, cost: 36 };

    fn answers() -> Vec<Answer> {
        let pdf = Shape { media_type: MediaType::Pdf, size: None, ..SHAPE };
        let mut all = vec![
            Answer::Looked(SHAPE),
            Answer::Looked(pdf),
            Answer::Opened(None),
            Answer::Opened(Some(50)),
            Answer::Marked(b"%PDF-1.4".to_vec()),
        ];
        all.extend(content::UNFIT.iter().copied().map(Answer::Unfit));
        all
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        for answer in answers() {
            let told = format!("{answer:?}");
            let written = answer.written();
            assert_eq!(Answer::read(written.clone()).map(|it| format!("{it:?}")), Some(told));
            for length in 0..written.len() {
                assert_eq!(Answer::read(written[..length].to_vec()), None, "cut off after {length}: {written:?}");
            }
            assert_eq!(Answer::read([&written[..], b"!"].concat()), None);
        }
        for nonsense in
            [&b""[..], b"BRA1", b"panicked", b"BRA1\0\0\0\0\0\0\0\x09", b"BRA1\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x63"]
        {
            assert_eq!(Answer::read(nonsense.to_vec()), None);
        }
    }

    #[test]
    fn an_order_that_is_cut_off_or_goes_on_is_none() {
        let lines = Lines(vec!["ADA".to_owned(), "2026-03-02".to_owned()]);
        let written = [&Order::Mark(MediaType::Png, lines).head(10)[..], b"no picture"].concat();
        let (read, file) = Order::read(&written).unwrap();
        assert!(matches!(read, Order::Mark(MediaType::Png, lines) if lines.0 == ["ADA", "2026-03-02"]));
        assert_eq!(file, b"no picture");
        for length in 0..written.len() {
            assert_eq!(obey(&written[..length]), None);
        }
        assert_eq!(obey(&[&written[..], b"!"].concat()), None);
        let answer = Answer::read(obey(&written).unwrap());
        assert_eq!(answer, Some(Answer::Unfit(content::DAMAGED)));
    }

    /// Somebody who answers what she likes.
    struct Liar(Result<Answer, Unread>);

    impl Reader for Liar {
        fn read(&self, _: Vec<u8>, _: Arc<Vec<u8>>) -> Reading<'_> {
            let answer = match &self.0 {
                Ok(Answer::Looked(shape)) => Ok(Answer::Looked(*shape).written()),
                Ok(Answer::Marked(bytes)) => Ok(Answer::Marked(bytes.clone()).written()),
                Ok(_) => Ok(b"nonsense".to_vec()),
                Err(unread) => Err(*unread),
            };
            Box::pin(async move { answer })
        }
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_about_the_file_is_not_believed() {
        async fn looked(shape: Shape) -> Result<Shape> {
            look(&Liar(Ok(Answer::Looked(shape))), None, &Arc::new(vec![0; 9])).await
        }
        assert_eq!(looked(SHAPE).await.unwrap(), SHAPE);
        for shape in [Shape { kept: 10, ..SHAPE }, Shape { kept: 0, ..SHAPE }, Shape { cost: u64::MAX, ..SHAPE }] {
            assert!(matches!(looked(shape).await, Err(Error::Invalid(_))), "{shape:?}");
        }
        let marked = |bytes: &[u8]| Liar(Ok(Answer::Marked(bytes.to_vec())));
        let (lines, x) = (Lines(Vec::new()), Arc::new(b"x".to_vec()));
        assert!(mark(&marked(b"%PDF-1.4"), MediaType::Pdf, lines.clone(), &x).await.is_ok());
        assert!(matches!(mark(&marked(b"<html>"), MediaType::Pdf, lines, &x).await, Err(Error::Invalid(_))));
    }

    #[tokio::test]
    async fn whoever_dies_over_a_file_has_found_it_unfit_and_nobody_to_send_is_a_reason_to_come_again() {
        let x = Arc::new(b"x".to_vec());
        for (unread, code) in [(Unread::Died, "damaged"), (Unread::TooLong, "too_complex")] {
            match look(&Liar(Err(unread)), None, &x).await {
                Err(Error::Invalid(fields)) => assert_eq!(fields[0].code, code),
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(look(&Liar(Err(Unread::Nobody)), None, &x).await, Err(Error::Busy(_))));
        assert!(matches!(look(&Liar(Ok(Answer::Opened(None))), None, &x).await, Err(Error::Invalid(_))));
    }

    /// A PDF of one page, with this object besides, encrypted for these passwords.
    fn locked(more: lopdf::Object, owner: &str, user: &str) -> Vec<u8> {
        use lopdf::{Document, EncryptionState, EncryptionVersion, Object, Permissions, Stream, dictionary};
        let mut document = Document::with_version("1.5");
        let pages = document.new_object_id();
        let drawing = document.add_object(Stream::new(dictionary! {}, b"BT ET".to_vec()));
        let page = document.add_object(dictionary! {
            "Type" => "Page", "Parent" => pages, "Contents" => drawing, "MediaBox" => vec![0.into(), 0.into(), 300.into(), 400.into()],
        });
        let tree = dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 };
        document.objects.insert(pages, Object::Dictionary(tree));
        let more = document.add_object(more);
        let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages, "More" => more });
        document.trailer.set("Root", catalog);
        let id = Object::string_literal("sixteen bytes id");
        document.trailer.set("ID", vec![id.clone(), id]);
        let version = EncryptionVersion::V2 {
            document: &document,
            owner_password: owner,
            user_password: user,
            key_length: 128,
            permissions: Permissions::all(),
        };
        let state = EncryptionState::try_from(version).unwrap();
        document.encrypt(&state).unwrap();
        let mut out = Vec::new();
        document.save_to(&mut out).unwrap();
        out
    }

    #[test]
    fn a_pdf_that_only_its_owners_password_guards_is_read_and_looked_through() {
        use lopdf::{Object, Stream, dictionary};
        let plain = || Object::string_literal("a scan");
        let told = |file: &[u8]| looked(Some(MediaType::Pdf), file).map_or_else(|unfit| unfit.0, |_| "fit");
        let file = locked(plain(), "owner", "");
        assert!(file.windows(8).any(|it| it == b"/Encrypt"));
        assert_eq!(told(&file), "fit");
        let marked = mark::marked(MediaType::Pdf, &file, &Lines(vec!["SEEN".to_owned()])).unwrap();
        assert!(!marked.windows(8).any(|it| it == b"/Encrypt"), "it leaves without");
        assert_eq!(told(&marked), "fit");
        assert_eq!(told(&[b"\xef\xbb\xbf\r\n", &file[..]].concat()), "fit");
        // With a password for readers it cannot be looked through.
        assert_eq!(told(&locked(plain(), "owner", "reader")), "encrypted");
        // What acts is found, in the clear and in what was encrypted.
        let acting = dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("app.alert(1)") };
        assert_eq!(told(&locked(acting.clone().into(), "owner", "")), "active_content");
        let packed = Stream::new(dictionary! {}, b"<< /S /JavaScript /JS (app.alert(1)) >>".to_vec());
        assert_eq!(told(&locked(packed.into(), "owner", "")), "active_content");
        assert_eq!(told(&[&file[..], b"<html>"].concat()), "trailing_data");
    }
}
