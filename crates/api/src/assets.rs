//! Files that ship inside the binary. Each is served under a name that holds a mark of its content, so that a browser
//! may keep it for ever and still gets the new one after an upgrade.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

/// A file inside the binary.
pub(crate) struct Asset {
    /// Its path, mark included, e.g. `/assets/page-0123456789abcdef.css`.
    pub path: String,
    content_type: &'static str,
    bytes: &'static [u8],
    is_gzip: bool,
}

impl Asset {
    /// A file of this name and ending.
    pub fn plain(name: &str, ending: &str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
        Asset { path: format!("/assets/{name}-{:016x}.{ending}", mark(bytes)), content_type, bytes, is_gzip: false }
    }

    /// A file that is kept compressed, and is never unpacked by us.
    pub fn gzip(name: &str, ending: &str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
        Asset { is_gzip: true, ..Asset::plain(name, ending, content_type, bytes) }
    }

    /// The route that serves it.
    pub fn route<S: Clone + Send + Sync + 'static>(asset: &'static LazyLock<Asset>) -> MethodRouter<S> {
        get(async move |headers: HeaderMap| asset.answer(&headers))
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        if self.is_gzip && !takes_gzip(asked) {
            // Every browser takes it; whoever does not is told, rather than handed bytes it cannot read.
            return (StatusCode::NOT_ACCEPTABLE, "This file is kept compressed: send Accept-Encoding: gzip.\n")
                .into_response();
        }
        let mut answer = self.bytes.into_response();
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self.is_gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        answer
    }
}

/// Whether whoever asks takes an answer that is compressed.
pub(crate) fn takes_gzip(asked: &HeaderMap) -> bool {
    let wanted = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    wanted.flat_map(|list| list.split(',')).any(|one| {
        let (coding, weight) = one.split_once(';').unwrap_or((one, ""));
        let is_refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0));
        matches!(coding.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip" | "*") && !is_refused
    })
}

/// FNV-1a: tells contents apart, and keeps nothing secret.
fn mark(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_files_go_only_to_those_who_take_them() {
        let table = [
            (Some("gzip"), true),
            (Some("br;q=1, gzip;q=0.5"), true),
            (Some("*"), true),
            (Some("GZIP"), true),
            (Some("gzip;q=0"), false),
            (Some("br"), false),
            (None, false),
        ];
        for (asked, expected) in table {
            let mut headers = HeaderMap::new();
            if let Some(asked) = asked {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(asked));
            }
            assert_eq!(takes_gzip(&headers), expected, "{asked:?}");
        }
    }

    #[test]
    fn another_content_has_another_path() {
        let path = |bytes| Asset::plain("page", "css", "text/css", bytes).path;
        assert_eq!(path(b"a"), "/assets/page-af63dc4c8601ec8c.css");
        assert_ne!(path(b"a"), path(b"b"));
    }
}
