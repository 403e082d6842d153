//! Clients that are broken, careless or hostile: whatever they send, they get a clear error or a closed connection, the
//! others are served, and the log holds neither a panic nor anything personal.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::bank::{Bank, Server};
use crate::running::{PATIENCE, exchange};

/// What no log may hold, wherever it was sent.
const PLANTED: &[&str] =
    &["planted.mail", "Plantedname", "planted-token-0815", "Planted-Password-4711", "plantedquery"];

struct Case {
    bank: Bank,
    server: Server,
    host: String,
}

impl Case {
    /// A server that logs much and waits little.
    fn begin() -> Case {
        let bank = Bank::embedded();
        let mut server = bank.launch(&["--log-level", "debug", "--request-seconds", "2"]);
        server.wait(&bank);
        let host = server.base.strip_prefix("http://").unwrap().to_owned();
        Case { bank, server, host }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes and reads until the server closes. Whoever is cut off while still sending may lose the answer.
    fn answer(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        let sent = stream.write_all(bytes);
        let mut answer = Vec::new();
        let got = stream.read_to_end(&mut answer);
        if let Err(fault) = got {
            let cut = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&fault.kind());
            assert!(
                cut,
                "{fault} after {sent:?}: it hangs on {:?}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(200)])
            );
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status of the answer, 0 where the connection was just closed.
    fn status(&self, request: impl AsRef<[u8]>) -> u16 {
        let answer = self.answer(request.as_ref());
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The usual head of a request that changes something, with these lines besides.
    fn head(&self, line: &str, more: &str) -> String {
        let (host, key) = (&self.host, &self.bank.key);
        format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer {key}\r\n{more}\r\n")
    }

    fn serves(&mut self, after: &str) {
        let (status, _) = exchange(&self.host, &self.head("GET /v1/users", "")).expect("an answer");
        assert!(status == 200 && self.server.runs(), "after {after}: {status}");
    }

    /// Nothing broke, and nothing was told that should not be.
    fn ends_well(mut self) {
        self.serves("all of it");
        let log = self.bank.log();
        assert!(log.contains("request"), "it logs at all: {log}");
        for word in PLANTED.iter().copied().chain(["panic", self.bank.key.as_str()]) {
            let line = log.lines().find(|line| line.contains(word));
            assert!(line.is_none(), "{word} in the log: {line:?}");
        }
    }
}

const JSON: &str = "content-type: application/json\r\n";

fn with_body(case: &Case, line: &str, body: &[u8]) -> Vec<u8> {
    let head = case.head(line, &format!("{JSON}content-length: {}\r\n", body.len()));
    [head.as_bytes(), body].concat()
}

#[test]
fn what_cannot_be_read_is_told_and_never_a_fault_of_ours() {
    let mut case = Case::begin();
    let big = vec![b'x'; 2 * 1024 * 1024];
    let chunked = |chunks: usize| {
        let mut bytes = case.head("POST /v1/users", &format!("{JSON}transfer-encoding: chunked\r\n")).into_bytes();
        for _ in 0..chunks {
            bytes.extend_from_slice(b"10000\r\n");
            bytes.extend_from_slice(&big[..0x10000]);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    };
    let post = |body: &[u8]| with_body(&case, "POST /v1/users", body);
    let get = |path: &str| case.head(&format!("GET {path}"), "").into_bytes();
    let host = case.host.clone();
    let long = "a".repeat(9_000);
    // What is sent, and what may come back; 0 is a closed connection.
    let requests: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("malformed JSON", post(br#"{"first_name":"Plantedname","email":"planted.mail@x.example","#), &[400]),
        ("wrong types", post(br#"{"first_name":["Plantedname"],"email":7}"#), &[400]),
        ("an array", post(br#"["Plantedname"]"#), &[400]),
        ("an unknown field", post(br#"{"first_name":"Plantedname","plantedquery":1}"#), &[400]),
        ("bad UTF-8", post(b"{\"first_name\":\"Plantedname\xff\xfe\"}"), &[400]),
        ("a lone surrogate", post(br#"{"first_name":"Plantedname\ud800"}"#), &[400]),
        ("a NUL", post(br#"{"first_name":"Plantedname\u0000","last_name":"x"}"#), &[400]),
        ("deep nesting", post("[".repeat(100_000).as_bytes()), &[400]),
        ("deep objects", post("{\"a\":".repeat(100_000).as_bytes()), &[400]),
        ("huge numbers", post(br#"{"employee":1e999999}"#), &[400]),
        ("no body", case.head("POST /v1/users", JSON).into_bytes(), &[400]),
        ("another type", with_body(&case, "POST /v1/sessions", b"").into_iter().collect(), &[400]),
        ("a huge body with its length", post(&big), &[413, 0]),
        (
            "a length that is a lie of a terabyte",
            case.head("POST /v1/users", &format!("{JSON}content-length: 1099511627776\r\n")).into_bytes(),
            &[413],
        ),
        ("a length beyond numbers", case.head("POST /v1/users", "content-length: 99999999999999999999999\r\n").into(), &[400]),
        ("a negative length", case.head("POST /v1/users", "content-length: -1\r\n").into(), &[400]),
        ("two lengths", case.head("POST /v1/users", "content-length: 1\r\ncontent-length: 2\r\n").into(), &[400]),
        ("a huge body in chunks", chunked(32), &[413, 0]),
        ("a body in chunks that is no JSON", chunked(1), &[400]),
        (
            "chunks that are none",
            [case.head("POST /v1/users", &format!("{JSON}transfer-encoding: chunked\r\n")).as_bytes(), b"zz\r\nPlantedname"]
                .concat(),
            &[400],
        ),
        (
            "a chunk of endless size",
            [
                case.head("POST /v1/users", &format!("{JSON}transfer-encoding: chunked\r\n")).as_bytes(),
                b"ffffffffffffffffff\r\nPlantedname",
            ]
            .concat(),
            &[400],
        ),
        (
            "both a length and chunks",
            case.head("POST /v1/users", &format!("{JSON}content-length: 5\r\ntransfer-encoding: chunked\r\n")).into_bytes()
                .into_iter()
                .chain(*b"0\r\n\r\n")
                .collect(),
            &[400],
        ),
        ("an unknown transfer coding", case.head("POST /v1/users", "transfer-encoding: plantedquery\r\n").into(), &[400, 501]),
        ("an unknown method", case.head("PLANT /v1/users", "").into(), &[405]),
        ("TRACE", case.head("TRACE /v1/users", "").into(), &[405]),
        ("CONNECT", case.head("CONNECT planted.mail:443", "").into(), &[400, 404, 405]),
        ("a method with signs", case.head("G\u{1}T /v1/users", "").into(), &[400]),
        ("a path of garbage", get("/v1/users/%ff%fe%00%zz%"), &[400, 404]),
        ("a path of garbage at Banno", get("/a/consumer-status/api/v0/users/%ff%00planted.mail/status"), &[400, 401, 404]),
        ("a path upwards", get("/v1/../../etc/planted.mail"), &[404]),
        ("a personal path", get("/v1/users/planted.mail@x.example"), &[404]),
        ("a personal query", get("/v1/users?plantedquery=planted.mail@x.example"), &[400]),
        ("a query of garbage", get("/v1/users?limit=%ff%00&cursor=plantedquery"), &[400]),
        ("a query of another type", get("/v1/users?limit=plantedquery"), &[400]),
        ("a long path", get(&format!("/v1/users/{long}")), &[404, 414]),
        ("a path beyond reason", get(&format!("/v1/users/{}", "a".repeat(300_000))), &[414, 431, 0]),
        ("raw bytes in the path", b"GET /v1/users/\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_vec(), &[400, 401, 404]),
        ("a huge header", case.head("GET /v1/users", &format!("x-agent: {}\r\n", "a".repeat(300_000))).into(), &[431, 0]),
        ("many headers", case.head("GET /v1/users", &"x-planted: plantedquery\r\n".repeat(200)).into(), &[431, 0]),
        ("a header of garbage", case.head("GET /v1/users", "x-agent: \u{1}\u{2}\r\n").into(), &[200, 400]),
        ("a header without a colon", case.head("GET /v1/users", "plantedquery\r\n").into(), &[400]),
        ("a header that is not UTF-8", [b"GET /v1/users HTTP/1.1\r\nconnection: close\r\nhost: x\r\nauthorization: Bearer \xff\xfe\r\n\r\n".to_vec()].concat(), &[401]),
        ("a folded header", case.head("GET /v1/users", "x-agent: a\r\n b\r\n").into(), &[200, 400]),
        ("a token that is none", format!("GET /v1/users HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer planted-token-0815\r\n\r\n").into(), &[401]),
        ("a basic sign-in", format!("GET /v1/users HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Basic cGxhbnRlZA==\r\n\r\n").into(), &[401]),
        ("a wrong password", with_body(&case, "POST /v1/sessions", br#"{"tenant_id":"ten_1","identifier":"planted.mail@x.example","password":"Planted-Password-4711"}"#), &[401]),
        ("a tenant that is none", with_body(&case, "POST /v1/sessions", br#"{"tenant_id":"ten_99999999999999999999","identifier":"planted.mail@x.example","password":"x"}"#), &[400, 404]),
        ("another host", case.head("GET /v1/users", "").replace(&host, "planted.mail").into(), &[200]),
        ("no host", b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec(), &[200, 400]),
        ("HTTP/1.0", b"GET /healthz HTTP/1.0\r\n\r\n".to_vec(), &[200]),
        ("HTTP/0.9", b"GET /healthz\r\n\r\n".to_vec(), &[400, 0]),
        ("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[400, 505, 0]),
        ("HTTP/9.9", b"GET /healthz HTTP/9.9\r\n\r\n".to_vec(), &[400, 505]),
        ("the start of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03planted.mail\r\n\r\n".to_vec(), &[400, 0]),
        ("an asterisk", case.head("OPTIONS *", "").into(), &[400, 404, 405]),
        ("a whole URL", case.head("GET http://planted.mail/v1/users", "").into(), &[200, 404]),
    ];
    for (what, bytes, may) in requests {
        let status = case.status(&bytes);
        assert!(may.contains(&status), "{what}: {status}, not one of {may:?}");
        case.serves(what);
    }
    case.ends_well();
}

#[test]
fn whoever_leaves_in_the_middle_harms_nobody() {
    let mut case = Case::begin();
    let body = br#"{"first_name":"Plantedname","last_name":"x","email":"planted.mail@x.example"}"#;
    let whole = with_body(&case, "POST /v1/users", body);
    // At every byte of a request that would make a user.
    for end in 0..whole.len() {
        let mut stream = case.connect();
        stream.write_all(&whole[..end]).unwrap();
        if end % 3 == 0 {
            stream.shutdown(Shutdown::Both).unwrap();
        }
    }
    // And after the request, without waiting for the answer.
    for _ in 0..20 {
        case.connect().write_all(&case.head("GET /v1/users", "").into_bytes()).unwrap();
    }
    case.serves("those who left");
    // A body that stops is waited for as long as a request may take, and then told.
    let mut stream = case.connect();
    stream.write_all(&whole[..whole.len() - 5]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("timed_out"), "{answer}");
    // Its length said less than came: the rest is no request.
    let mut short = case.head("POST /v1/users", &format!("{JSON}content-length: 10\r\n")).into_bytes();
    short.extend_from_slice(body);
    assert_eq!(case.status(&short), 400);
    let (_, page) = exchange(&case.host, &case.head("GET /v1/users", "")).unwrap();
    assert!(!page.contains("usr_"), "no half request made a user: {page}");
    case.ends_well();
}

#[test]
fn requests_in_a_row_are_answered_in_a_row() {
    let case = Case::begin();
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", case.bank.key);
    let row: String = ["/healthz", "/v1/nowhere", "/v1/users", "/v1/users?limit=plantedquery"].map(one).concat();
    let answer = case.answer(format!("{}{}", row.repeat(50), case.head("GET /healthz", "")).as_bytes());
    let statuses: Vec<&str> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
    assert_eq!(statuses.len(), 201);
    assert!(statuses.chunks(4).take(50).all(|four| four == ["200", "404", "200", "400"]), "{statuses:?}");
    case.ends_well();
}

#[test]
fn those_who_say_nothing_or_little_wait_at_their_own_cost() {
    let mut case = Case::begin();
    // Some never say a word, some drip.
    let idle: Vec<TcpStream> = (0..1000).map(|_| case.connect()).collect();
    let mut slow: Vec<TcpStream> = (0..20).map(|_| case.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /v1/users/planted.mail HTTP/1.1\r\nx-drip: ").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    }
    let began = Instant::now();
    for _ in 0..20 {
        case.serves("a thousand who say nothing");
    }
    let took = began.elapsed() / 20;
    assert!(took < Duration::from_millis(500), "{took:?} for a request beside a thousand idle connections");
    // Whoever drips is cut off, however long he would go on.
    let mut cut = 0;
    while cut < slow.len() {
        assert!(began.elapsed() < Duration::from_secs(45), "only {cut} were cut off");
        std::thread::sleep(Duration::from_millis(500));
        cut = 0;
        for stream in &mut slow {
            let gone = stream.write_all(b"a").is_err() || stream.read(&mut [0; 512]).is_ok();
            cut += usize::from(gone);
        }
    }
    eprintln!(
        "{took:?} a request beside 1000 idle connections; drips cut off after {:?}; {:?} MiB",
        began.elapsed(),
        case.server.resident_mib()
    );
    drop(idle);
    case.ends_well();
}
