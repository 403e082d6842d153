//! Who a request comes from, behind a proxy and without one, and how much room one address has.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::bank::{Bank, Server};
use crate::running::exchange;

struct Case {
    bank: Bank,
    _server: Server,
    host: String,
}

impl Case {
    fn begin(more: &[&str]) -> Case {
        let bank = Bank::embedded();
        let mut server = bank.launch(more);
        server.wait(&bank);
        let host = server.base.strip_prefix("http://").unwrap().to_owned();
        Case { bank, _server: server, host }
    }

    /// Status and body of a request with these lines in its head.
    fn get(&self, path: &str, bearer: &str, lines: &str) -> (u16, String) {
        let host = &self.host;
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer {bearer}\r\n{lines}\r\n"
        );
        exchange(host, &head).expect("an answer")
    }

    /// The address that the audit has of an export made with these lines.
    fn recorded(&self, lines: &str) -> String {
        assert_eq!(self.get("/v1/users/export", &self.bank.key, lines).0, 200);
        let (_, book) = self.get("/v1/audit?limit=1", &self.bank.key, "");
        let book: serde_json::Value = serde_json::from_str(book.split("\r\n\r\n").last().unwrap()).unwrap();
        assert_eq!(book["data"][0]["action"], "user.export", "{book}");
        book["data"][0]["address"].as_str().unwrap_or_default().to_owned()
    }
}

#[test]
fn a_trusted_proxy_says_who_the_client_is_and_nobody_else_does() {
    let trusting = Case::begin(&["--trusted-proxies", "127.0.0.0/8, 10.0.0.0/8"]);
    for (lines, address) in [
        ("x-forwarded-for: 203.0.113.7\r\n", "203.0.113.7"),
        ("x-forwarded-for: 1.1.1.1, 203.0.113.7:4711, 10.1.1.1\r\n", "203.0.113.7"),
        ("x-forwarded-for: 1.1.1.1\r\nx-forwarded-for: [2001:db8::17]:80\r\n", "2001:db8::17"),
        ("forwarded: for=1.1.1.1, for=\"[2001:db8::18]:80\";proto=https\r\n", "2001:db8::18"),
        ("x-forwarded-for: nonsense\r\n", "127.0.0.1"),
        // A header that proxies hand on as it came.
        ("x-real-ip: 1.1.1.1\r\n", "127.0.0.1"),
        ("", "127.0.0.1"),
    ] {
        assert_eq!(trusting.recorded(lines), address, "{lines:?}");
    }
    let alone = Case::begin(&[]);
    assert_eq!(alone.recorded("x-forwarded-for: 203.0.113.7\r\nforwarded: for=203.0.113.7\r\n"), "127.0.0.1");
}

#[test]
fn bad_bearers_are_limited_by_the_address_of_the_client_and_right_ones_are_not() {
    let case = Case::begin(&["--trusted-proxies", "127.0.0.1", "--anonymous-rate-limit-per-second", "1"]);
    let guess = |client: &str| case.get("/v1/users", "bsk_live_1_wrong", &format!("x-forwarded-for: {client}\r\n")).0;
    let many = |prefix: &str| (0..20).map(|n| guess(&format!("{prefix}{n:x}"))).collect::<Vec<u16>>();
    // One IPv6 client has 64 bits of addresses.
    let own = many("2001:db8:1:2::");
    assert_eq!(own[0], 401);
    assert!(own.contains(&429), "{own:?}");
    let others: Vec<u16> = (0..20).map(|n| guess(&format!("2001:db8:1:{n:x}::1"))).collect();
    assert!(others.iter().filter(|status| **status == 401).count() >= 18, "{others:?}");
    let right = case.get("/v1/users", &case.bank.key, "x-forwarded-for: 2001:db8:1:2::1\r\n").0;
    assert_eq!(right, 200, "whoever has a key is served, whoever guesses next door");
}

#[test]
fn one_address_holds_a_tenth_of_the_connections_and_slow_ones_give_way() {
    let case = Case::begin(&["--max-connections", "80"]);
    let connect = || TcpStream::connect(&case.host).unwrap();
    // Whether the server has closed it.
    let is_closed = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        matches!(stream.read(&mut [0; 16]), Ok(0))
    };
    let mut idle: Vec<TcpStream> = (0..8).map(|_| connect()).collect();
    std::thread::sleep(Duration::from_millis(200));
    assert!(!idle.iter_mut().any(is_closed), "eight of eighty are one's own");
    // A body that trickles: its head is there, so it gives way only once it is slow.
    let mut slow = connect();
    let head = format!(
        "POST /v1/users HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{",
        case.bank.key
    );
    slow.write_all(head.as_bytes()).unwrap();
    // Whoever comes now is served, and the oldest idle ones make room.
    let began = Instant::now();
    for _ in 0..30 {
        assert_eq!(case.get("/v1/users", &case.bank.key, "").0, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(is_closed(&mut idle[0]), "the oldest has left");
    // With nobody idle left, the trickle is next.
    std::thread::sleep(Duration::from_secs(4));
    let busy: Vec<TcpStream> = (0..16).map(|_| connect()).collect();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(case.get("/v1/users", &case.bank.key, "").0, 200);
    drop(busy);
}
