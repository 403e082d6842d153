//! A small load generator: one thread and one kept connection for each caller, a request written as bytes, the answer read
//! by its length. It costs little, so that two cores are left to what is measured.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What a run found.
#[derive(Debug, Clone)]
pub struct Run {
    /// Answers a second.
    pub rate: f64,
    /// The 50th percentile, in milliseconds.
    pub p50_ms: f64,
    /// The 99th percentile, in milliseconds.
    pub p99_ms: f64,
    /// The slowest, in milliseconds.
    pub max_ms: f64,
    /// Answers other than the expected status.
    pub wrong: usize,
}

/// A request's bytes.
pub fn request(method: &str, path: &str, bearer: Option<&str>, body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n");
    if let Some(bearer) = bearer {
        text.push_str(&format!("authorization: Bearer {bearer}\r\n"));
    }
    match body {
        Some(body) => {
            text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
        }
        None => text.push_str("\r\n"),
    }
    text.into_bytes()
}

/// A kept connection.
pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    /// Connects.
    pub fn to(address: &str) -> std::io::Result<Line> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Line { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads the whole answer: status and body.
    pub fn ask(&mut self, request: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let broken = |what| std::io::Error::new(std::io::ErrorKind::InvalidData, what);
        let mut chunk = [0u8; 16 * 1024];
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end]).map_err(|_| broken("head"))?;
                let status = head.get(9..12).and_then(|text| text.parse().ok()).ok_or_else(|| broken("status"))?;
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
                });
                let whole = end + 4 + length.unwrap_or(0);
                while self.buffer.len() < whole {
                    let read = self.stream.read(&mut chunk)?;
                    if read == 0 {
                        return Err(broken("the answer broke off"));
                    }
                    self.buffer.extend_from_slice(&chunk[..read]);
                }
                return Ok((status, self.buffer[end + 4..whole].to_vec()));
            }
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                return Err(broken("no answer"));
            }
            self.buffer.extend_from_slice(&chunk[..read]);
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// Sends requests over so many connections until the time is over or the requests are used up. Connection `i` of `n` sends
/// requests `i`, `i + n` … and begins again at the end when `again` says so.
pub fn run(address: &str, requests: &[Vec<u8>], connections: usize, time: Duration, expect: u16, again: bool) -> Run {
    let began = Instant::now();
    let mut took: Vec<u32> = Vec::new();
    let mut wrong = 0;
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..connections)
            .map(|caller| {
                scope.spawn(move || {
                    let mut line = Line::to(address).expect("the server listens");
                    let (mut took, mut wrong) = (Vec::with_capacity(200_000), 0usize);
                    loop {
                        for request in requests.iter().skip(caller).step_by(connections) {
                            if began.elapsed() >= time {
                                return (took, wrong);
                            }
                            let asked = Instant::now();
                            let (status, _) = line.ask(request).expect("the server answers");
                            took.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                            wrong += usize::from(status != expect);
                        }
                        if !again {
                            return (took, wrong);
                        }
                    }
                })
            })
            .collect();
        for caller in callers {
            let (theirs, theirs_wrong) = caller.join().expect("no caller panics");
            took.extend(theirs);
            wrong += theirs_wrong;
        }
    });
    let elapsed = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |part: f64| took.get(((took.len() as f64 * part) as usize).min(took.len().saturating_sub(1))).copied();
    let ms = |micros: Option<u32>| f64::from(micros.unwrap_or(0)) / 1000.0;
    Run {
        rate: took.len() as f64 / elapsed,
        p50_ms: ms(at(0.5)),
        p99_ms: ms(at(0.99)),
        max_ms: ms(took.last().copied()),
        wrong,
    }
}
