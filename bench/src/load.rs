//! A small load generator: one thread and one kept connection for each caller, a request written as bytes, the answer read
//! by its length. It costs little, so that two cores are left to what is measured.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::broken::broken;
use crate::{Broken, Result};

/// What a load found.
#[derive(Debug, Clone)]
pub struct Load {
    /// Answers.
    pub count: usize,
    /// The fewest that one connection had: so many times the connections, the first requests were all sent.
    pub fewest: usize,
    /// Answers a second.
    pub rate: f64,
    /// The 99th percentile, in milliseconds.
    pub p99_ms: f64,
    /// The slowest, in milliseconds.
    pub max_ms: f64,
}

/// A request's bytes.
pub fn request(method: &str, path: &str, bearer: Option<&str>, body: Option<&str>) -> Vec<u8> {
    let bearer = bearer.map(|bearer| format!("authorization: Bearer {bearer}"));
    request_with(method, path, bearer.as_slice(), body)
}

/// The same with any headers, as lines.
pub fn request_with(method: &str, path: &str, headers: &[String], body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n");
    for line in headers {
        text.push_str(line);
        text.push_str("\r\n");
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
    pub fn to(address: &str) -> Result<Line> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Line { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads the whole answer: status and body.
    pub fn ask(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>)> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end])?;
                let status = head.get(9..12).and_then(|text| text.parse().ok());
                let status = status.ok_or_else(|| Broken(format!("no status: {head}")))?;
                let value = |wanted: &str| {
                    head.lines().find_map(|line| {
                        let (name, value) = line.split_once(':')?;
                        name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_ascii_lowercase())
                    })
                };
                if value("transfer-encoding").is_some_and(|it| it == "chunked") {
                    return Ok((status, self.chunks(end + 4)?));
                }
                let whole = end + 4 + value("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
                while self.buffer.len() < whole {
                    self.more()?;
                }
                return Ok((status, self.buffer[end + 4..whole].to_vec()));
            }
            self.more()?;
        }
    }

    /// A body in chunks, as some servers send it.
    fn chunks(&mut self, mut at: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match find(&self.buffer[at..], b"\r\n") {
                    Some(length) => break at + length,
                    None => self.more()?,
                }
            };
            let length = std::str::from_utf8(&self.buffer[at..end])?;
            let length = usize::from_str_radix(length.split(';').next().unwrap_or_default().trim(), 16)?;
            while self.buffer.len() < end + 2 + length + 2 {
                self.more()?;
            }
            if length == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&self.buffer[end + 2..end + 2 + length]);
            at = end + 2 + length + 2;
        }
    }

    fn more(&mut self) -> Result<()> {
        let mut chunk = [0u8; 16 * 1024];
        let read = self.stream.read(&mut chunk)?;
        if read == 0 {
            return broken("the answer broke off");
        }
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(())
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// One request, which must be answered so; the body.
pub fn ask(address: &str, request: &[u8], expect: u16) -> Result<Vec<u8>> {
    let (status, body) = Line::to(address)?.ask(request)?;
    if status != expect {
        return broken(format!("{status} instead of {expect}: {}", String::from_utf8_lossy(&body)));
    }
    Ok(body)
}

/// Sends requests over so many connections until the time is over or the requests are used up. Connection `i` of `n` sends
/// requests `i`, `i + n` … and begins again at the end when `again` says so. Every answer must have the expected status: a
/// rate of refusals is no figure.
pub fn run(
    address: &str,
    requests: &[Vec<u8>],
    connections: usize,
    time: Duration,
    expect: u16,
    again: bool,
) -> Result<Took> {
    let began = Instant::now();
    let calls = |caller: usize| -> Result<Vec<u32>> {
        let mut line = Line::to(address)?;
        let mut took = Vec::with_capacity(200_000);
        loop {
            for request in requests.iter().skip(caller).step_by(connections) {
                if began.elapsed() >= time {
                    return Ok(took);
                }
                let asked = Instant::now();
                let (status, body) = line.ask(request)?;
                took.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                if status != expect {
                    let line = String::from_utf8_lossy(request);
                    let line = line.lines().next().unwrap_or_default().to_owned();
                    return broken(format!("{line}: {status}: {}", String::from_utf8_lossy(&body)));
                }
            }
            if !again || took.is_empty() {
                return Ok(took);
            }
        }
    };
    let mut run = Took { fewest: usize::MAX, ..Took::default() };
    std::thread::scope(|scope| {
        let calls = &calls;
        let callers: Vec<_> = (0..connections).map(|caller| scope.spawn(move || calls(caller))).collect();
        for caller in callers {
            let theirs = caller.join().map_err(|_| Broken("a caller has panicked".to_owned()))??;
            run.fewest = run.fewest.min(theirs.len());
            run.each.extend(theirs);
        }
        Ok::<(), Broken>(())
    })?;
    run.seconds = began.elapsed().as_secs_f64();
    Ok(run)
}

/// How long each answer of a run took, or of several.
#[derive(Default)]
pub struct Took {
    /// In microseconds.
    each: Vec<u32>,
    fewest: usize,
    seconds: f64,
}

impl Took {
    /// How many answers there were.
    pub fn count(&self) -> usize {
        self.each.len()
    }

    /// Adds another run of the same.
    pub fn add(&mut self, other: Took) {
        self.each.extend(other.each);
        self.fewest += other.fewest;
        self.seconds += other.seconds;
    }

    /// What it comes to.
    pub fn load(mut self) -> Load {
        let took = &mut self.each;
        took.sort_unstable();
        let at = |part: f64| took.get(((took.len() as f64 * part) as usize).min(took.len().saturating_sub(1))).copied();
        let ms = |micros: Option<u32>| f64::from(micros.unwrap_or(0)) / 1000.0;
        Load {
            count: took.len(),
            fewest: self.fewest,
            rate: took.len() as f64 / self.seconds,
            p99_ms: ms(at(0.99)),
            max_ms: ms(took.last().copied()),
        }
    }
}
