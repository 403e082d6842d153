//! Chance is handed in like time: the system's source in service, a seeded stream in tests and demo data.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use zeroize::Zeroize;

/// Where random bytes come from.
#[derive(Debug, Clone)]
pub enum Random {
    /// The system's source.
    System,
    /// A deterministic stream: SHA-256 over seed and counter.
    Seeded(Arc<Mutex<Stream>>),
}

/// So many bytes are drawn from the system's source at a time: ids and nonces need a few each, and each draw costs as much
/// as hundreds of bytes.
const DRAWN: usize = 512;

/// Bytes of the system's source that nobody has had yet. Each is given once and forgotten.
struct Reserve {
    bytes: [u8; DRAWN],
    left: usize,
}

impl Reserve {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's chance")]
    fn fill(&mut self, out: &mut [u8]) {
        if self.left < out.len() {
            aws_lc_rs::rand::fill(&mut self.bytes).expect("the system's random source works");
            self.left = DRAWN;
        }
        let given = &mut self.bytes[self.left - out.len()..self.left];
        out.copy_from_slice(given);
        given.zeroize();
        self.left -= out.len();
    }
}

thread_local! {
    static RESERVE: RefCell<Reserve> = const { RefCell::new(Reserve { bytes: [0; DRAWN], left: 0 }) };
}

/// The state of a seeded stream.
#[derive(Debug)]
pub struct Stream {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    /// A stream that gives the same bytes for the same seed.
    pub fn seeded(seed: u64) -> Random {
        let mut bytes = [0u8; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        Random::Seeded(Arc::new(Mutex::new(Stream { seed: bytes, counter: 0 })))
    }

    /// Fills the slice.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's chance")]
    pub fn fill(&self, out: &mut [u8]) {
        match self {
            Random::System if out.len() <= DRAWN / 4 => RESERVE.with_borrow_mut(|reserve| reserve.fill(out)),
            Random::System => aws_lc_rs::rand::fill(out).expect("the system's random source works"),
            Random::Seeded(stream) => {
                let mut stream = stream.lock().unwrap_or_else(|broken| broken.into_inner());
                for chunk in out.chunks_mut(32) {
                    let mut input = [0u8; 40];
                    input[..32].copy_from_slice(&stream.seed);
                    input[32..].copy_from_slice(&stream.counter.to_be_bytes());
                    stream.counter += 1;
                    let block = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &input);
                    chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
                }
            }
        }
    }

    /// So many random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0u8; N];
        self.fill(&mut out);
        out
    }

    /// A number below `bound` (which must not be zero), without bias that matters (64 bits folded by 128-bit product).
    pub fn below(&self, bound: u64) -> u64 {
        let wide = u128::from(u64::from_be_bytes(self.bytes())) * u128::from(bound);
        (wide >> 64) as u64
    }
}
