//! Documents are read in a process of their own: whatever a file does there, the server neither grows nor ends, and whoever
//! sent it is told what the documents say.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use crate::bank::{Bank, Client, Server, person};
use crate::running::{bursar, run, until};

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let pixels = vec![210; (width * height * 3) as usize];
    RgbImage::from_raw(width, height, pixels).unwrap().write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

/// Sixteen bits for each of four colours: what takes the most memory by its size.
fn deep_png(side: u32) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let pixels = vec![0x7f7f_u16; (side * side * 4) as usize];
    let picture = image::ImageBuffer::<image::Rgba<u16>, _>::from_raw(side, side, pixels).unwrap();
    picture.write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

/// A PDF that holds one packed stream of objects, said to be so long.
fn packed(stream: &[u8]) -> Vec<u8> {
    let head = "%PDF-1.5\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n\
                2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n";
    let object =
        format!("3 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length {} >>\nstream\n", stream.len());
    let tail = "\nendstream\nendobj\ntrailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n9\n%%EOF\n";
    [head.as_bytes(), object.as_bytes(), stream, tail.as_bytes()].concat()
}

/// The packed form of so many MiB of blanks: made of one block again and again, so that making it takes no time.
fn blanks(mib: usize) -> Vec<u8> {
    // A PNG's data are packed alike: a tall picture of one colour is a long row of equal bytes.
    let picture = {
        let mut out = std::io::Cursor::new(Vec::new());
        let side = (mib * 1024) as u32;
        let pixels = vec![b' '; 1024 * side as usize];
        image::GrayImage::from_raw(1024, side, pixels).unwrap().write_to(&mut out, ImageFormat::Png).unwrap();
        out.into_inner()
    };
    let (mut at, mut data) = (8, Vec::new());
    while let Some(four) = picture.get(at..at + 4) {
        let length = u32::from_be_bytes(four.try_into().unwrap()) as usize;
        if &picture[at + 4..at + 8] == b"IDAT" {
            data.extend_from_slice(&picture[at + 8..at + 8 + length]);
        }
        at += length + 12;
    }
    data
}

async fn someone(bank: &Bank, server: &Server) -> (Client, String) {
    let native = Client::new(&Client::http(), server, &bank.key);
    let user = native.call("POST", "/v1/users", person("papers")).await.text("id").to_owned();
    (native, format!("/v1/users/{user}/verification/documents/photo_id"))
}

fn code(answer: Option<(u16, Vec<u8>)>) -> (u16, String) {
    let (status, body) = answer.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    (status, body["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_takes_none_of_the_servers_memory_and_is_refused_by_name() {
    let bank = Bank::embedded();
    let server = bank.start();
    let (native, path) = someone(&bank, &server).await;
    assert_eq!(code(native.put(&path, "image/png", png(30, 40)).await).0, 201);
    let (_, before) = server.resident_mib();
    // 147 MB once it is decoded, and nothing wrong with it, and the largest that there may be; then they are shown, too.
    for large in [png(7_000, 7_000), deep_png(4_700)] {
        let (status, body) = native.put(&path, "image/png", large).await.unwrap();
        assert_eq!(status, 201, "{}", bank.log());
        let body: Value = serde_json::from_slice(&body).unwrap();
        let shown = format!("{}/{}/reveal", path.rsplit_once('/').unwrap().0, body["id"].as_str().unwrap());
        assert_eq!(native.call("POST", &shown, json!({ "purpose": "deciding on her request" })).await.status, 200);
    }
    for (media_type, bomb, expected) in [
        ("image/png", png(12_001, 8), "too_many_pixels"),
        ("application/pdf", packed(&blanks(300)), "too_complex"),
        ("application/pdf", packed(&b"[".repeat(9 * 1024 * 1024)), "damaged"),
    ] {
        let (status, code) = code(native.put(&path, media_type, bomb).await);
        assert_eq!(status, 400, "{media_type} {expected}");
        assert!(code == expected || code == "too_complex", "{code} instead of {expected}");
    }
    let (_, most) = server.resident_mib();
    // What it holds of them is the files themselves, the largest of 9 MiB, twice.
    assert!(most < before + 64, "{most} MiB were resident, {before} before");
    assert!(!bank.log().contains("panic"), "{}", bank.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_a_document_may_do_nothing_else_and_when_she_dies_the_document_is_refused() {
    let bank = Bank::embedded();
    let mut server = bank.launch_with(&[], |command| {
        command.env("BURSAR_MAIL_FROM", "Bank <post@bank.example>");
    });
    server.wait(&bank);
    let (native, path) = someone(&bank, &server).await;
    let large = png(7_000, 7_000);
    // A reader may be done before she is stopped: then another is tried.
    let mut caught = None;
    for attempt in 1..=10 {
        let showing = tokio::spawn({
            // Another one each time: one that is known already is not read again.
            let (native, path, picture) = (native.clone(), path.clone(), png(7_000, 7_000 - attempt));
            async move { native.put(&path, "image/png", picture).await }
        });
        let reader = tokio::task::block_in_place(|| until("a reader", || server.readers().pop()));
        let stopped = signal(&reader, "-STOP");
        // Of one who is done there are still limits, and no place.
        let limits = std::fs::read_to_string(reader.join("limits")).unwrap_or_default();
        match (std::fs::read(reader.join("environ")), std::fs::read_link(reader.join("cwd"))) {
            (Ok(environment), Ok(place)) if stopped && limits.contains("1073741824") => {
                caught = Some((showing, reader, limits, environment, place));
                break;
            }
            _ => {
                signal(&reader, "-CONT");
                showing.await.unwrap();
            }
        }
    }
    let (showing, reader, limits, environment, place) = caught.expect("one of them is stopped while she reads");
    let open = files(&reader);
    let killed = signal(&reader, "-KILL");
    assert!(killed);
    assert_eq!(code(showing.await.unwrap()), (400, "damaged".to_owned()));
    for (name, most) in [
        ("Max cpu time", "20"),
        ("Max file size", "0"),
        ("Max data size", "536870912"),
        ("Max core file size", "0"),
        ("Max processes", "0"),
        ("Max address space", "1073741824"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let values: Vec<&str> = line[name.len()..].split_whitespace().take(2).collect();
        assert_eq!(values, [most, most], "{name}");
    }
    assert_eq!(environment, b"", "it knows no settings and no keys");
    assert_eq!(place, Path::new("/"));
    // What whoever started the server left open, it cannot close; of the server's own there is nothing but three pipes.
    let (mut open, left) = (open, files(Path::new("/proc/self")));
    open.retain(|file| !left.contains(file));
    assert!(open.len() <= 3 && !open.iter().any(|it| it.contains("socket:") || it.contains(".db")), "{open:?}");
    assert!(bank.log().contains("a document was not read to its end"), "{}", bank.log());
    // The next one is none the worse.
    assert_eq!(code(native.put(&path, "image/png", large).await).0, 201);
    until("an end of all of them", || server.readers().is_empty().then_some(()));
}

/// What a process has open.
fn files(process: &Path) -> Vec<String> {
    let all = std::fs::read_dir(process.join("fd")).unwrap().flatten();
    all.filter_map(|file| Some(std::fs::read_link(file.path()).ok()?.display().to_string())).collect()
}

fn signal(process: &Path, which: &str) -> bool {
    let id = process.file_name().unwrap().to_str().unwrap();
    Command::new("kill").args([which, id]).status().unwrap().success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_reads_on_while_a_newer_program_is_put_in_its_place() {
    let bank = Bank::embedded();
    let program = bank.folder.path().join("bursar");
    std::fs::hard_link(env!("CARGO_BIN_EXE_bursar"), &program).unwrap();
    let mut server = bank.launch_program(&program, &[], |_| {});
    server.wait(&bank);
    let newer = bank.folder.path().join("newer");
    std::fs::write(&newer, "no program").unwrap();
    std::fs::rename(&newer, &program).unwrap();
    let (native, path) = someone(&bank, &server).await;
    assert_eq!(code(native.put(&path, "image/png", png(30, 40)).await).0, 201, "{}", bank.log());
    std::fs::remove_file(&program).unwrap();
    assert_eq!(code(native.put(&path, "image/png", png(31, 40)).await).0, 201, "{}", bank.log());
}

#[test]
fn what_is_no_order_is_not_answered_and_the_command_is_nobodys_to_type() {
    for more in [&[][..], &["--limited"]] {
        let mut command = bursar(&["read-document"]);
        command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut to = child.stdin.take().unwrap();
        let _ = to.write_all(b"BRO1 and nothing sensible");
        drop(to);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(output.stdout, b"");
    }
    let help = run(&["--help"]);
    assert!(!String::from_utf8_lossy(&help.stdout).contains("read-document"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_takes_the_reader_along() {
    let bank = Bank::embedded();
    let server = bank.start();
    let (native, path) = someone(&bank, &server).await;
    let mut caught = None;
    for attempt in 0..10 {
        let (native, path) = (native.clone(), path.clone());
        let picture = png(7_000, 7_000 - attempt);
        let showing = tokio::spawn(async move { native.put(&path, "image/png", picture).await });
        let reader = tokio::task::block_in_place(|| until("a reader", || server.readers().pop()));
        // She may be done before she is stopped: then another is tried.
        if signal(&reader, "-STOP") && reader.join("exe").read_link().is_ok() {
            caught = Some(showing);
            break;
        }
        showing.await.unwrap();
    }
    caught.expect("one of them is stopped while she reads").abort();
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::task::block_in_place(|| until("its end", || server.readers().is_empty().then_some(())));
}
