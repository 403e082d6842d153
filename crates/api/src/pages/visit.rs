//! What a request to one of our pages tells about itself: by which way it came, in which language to answer, and
//! whether a form was sent from our own page.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use desk::{Desk, Door, Origin};

use super::Language;

/// A request to one of our pages.
pub(super) struct Visit {
    pub origin: Origin,
    pub language: Language,
    pub is_from_our_page: bool,
}

impl FromRequestParts<Desk> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Visit, Infallible> {
        // Strangers come here: an id that they chose would stand in the log and in the audit as they wrote it.
        let request_id = format!("{:032x}", u128::from_be_bytes(desk.random().bytes()));
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let language = text(&parts.headers, header::ACCEPT_LANGUAGE.as_str()).and_then(Language::accepted);
        Ok(Visit {
            origin: Origin { door: Door::Page, request_id, address, on_behalf: None },
            language: language.unwrap_or_default(),
            is_from_our_page: is_from_our_page(&parts.headers),
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a form comes from a page of ours. A second lock: the first is that the address holds a secret token, which
/// another site does not know. Browsers leave `Sec-Fetch-Site` out on plain http, and our own `no-referrer` makes them
/// send `Origin: null`; both say nothing, so neither can be refused.
fn is_from_our_page(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match (headers.get(header::ORIGIN), text(headers, header::HOST.as_str())) {
        (None, _) => true,
        (Some(origin), _) if origin == "null" => true,
        (Some(origin), Some(host)) => {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
        }
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_form_of_another_site_is_known_as_such() {
        let host = ("host", "bank.example");
        let table: [(&[(&str, &str)], bool); 10] = [
            (&[host], true),
            (&[host, ("sec-fetch-site", "same-origin")], true),
            (&[host, ("sec-fetch-site", "none")], true),
            (&[host, ("sec-fetch-site", "cross-site")], false),
            (&[host, ("sec-fetch-site", "same-site")], false),
            (&[host, ("sec-fetch-site", "cross-site"), ("origin", "https://bank.example")], false),
            (&[host, ("origin", "null")], true),
            (&[host, ("origin", "https://bank.example")], true),
            (&[host, ("origin", "https://evil.example")], false),
            (&[("origin", "https://bank.example")], false),
        ];
        for (given, expected) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.insert(*name, HeaderValue::from_str(value).expect("a header"));
            }
            assert_eq!(is_from_our_page(&headers), expected, "{given:?}");
        }
    }
}
