//! Who a request comes from: the peer of its connection, or whom a proxy that is trusted says it speaks for. Each proxy adds the
//! address it was called from at the end, so the lists are read from their end: the last hop that is no trusted proxy is the client.
//! What stands before it anybody can write. Pure.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};

/// Longer ways than this lead to nobody.
const HOPS_MAX: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or an address alone.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(bits.parse().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Network { address, bits })
    }

    fn holds(&self, address: IpAddr) -> bool {
        let begin = |address: u128, width: u32| address.checked_shr(width - self.bits).unwrap_or(0);
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(it)) => begin(u32::from(own).into(), 32) == begin(u32::from(it).into(), 32),
            (IpAddr::V6(own), IpAddr::V6(it)) => begin(own.into(), 128) == begin(it.into(), 128),
            _ => false,
        }
    }
}

/// The proxies whose word counts.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// From the setting `trusted_proxies`, which was checked.
    pub fn of(networks: &[String]) -> Proxies {
        Proxies(networks.iter().filter_map(|text| Network::parse(text)).collect())
    }

    /// Whether this is one of them.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.holds(address))
    }

    /// The client behind a request. Where two headers name two clients, a proxy has let one of them through that somebody else
    /// wrote; which one cannot be known, and neither counts.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        if self.0.is_empty() || !self.trust(peer.ip()) {
            return peer;
        }
        let one = listed(headers, &X_FORWARDED_FOR).map(|text| self.last_untrusted(text.split(',').rev().map(hop)));
        let other = listed(headers, &header::FORWARDED).map(|text| {
            self.last_untrusted(elements(&text).into_iter().rev().map(|element| hop(&named_for(element)?)))
        });
        match (one, other) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client.unwrap_or(peer),
            (None, None) => peer,
        }
    }

    /// From the last hop on: nobody where a hop cannot be read, for whoever stands before it may be anybody.
    fn last_untrusted(&self, hops: impl Iterator<Item = Option<SocketAddr>>) -> Option<SocketAddr> {
        let mut last = None;
        for hop in hops.take(HOPS_MAX) {
            let Some(hop) = hop else { return last };
            last = Some(hop);
            if !self.trust(hop.ip()) {
                break;
            }
        }
        last
    }
}

/// All lines of a header as one list; nothing if there is none, or if it is no text.
fn listed(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("?")).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// An address with or without a port, in brackets or not.
fn hop(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let found = match bare.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, 0),
        Err(_) => {
            // Ports may be hidden behind a name with an underscore (RFC 7239, 6.3).
            let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            SocketAddr::new(host.parse().ok()?, port.parse().unwrap_or(0))
        }
    };
    Some(SocketAddr::new(found.ip().to_canonical(), found.port()))
}

/// The elements of a `Forwarded` header: commas within quotes part nothing.
fn elements(text: &str) -> Vec<&str> {
    parted(text, b',')
}

/// The value of `for` of one element, without its quotes.
fn named_for(element: &str) -> Option<String> {
    let pairs = parted(element, b';');
    let mut named = pairs.iter().filter_map(|pair| pair.split_once('='));
    let (_, value) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let value = value.trim();
    Some(match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(quoted) => quoted.replace('\\', ""),
        None => value.to_owned(),
    })
}

fn parted(text: &str, by: u8) -> Vec<&str> {
    let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if byte == by && !quoted => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let proxies = ["10.0.0.0/8", "2001:db8:aaaa::/48", "192.0.2.1"].map(str::to_owned);
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(*name, line.parse().unwrap());
        }
        Proxies::of(&proxies).client(SocketAddr::new(peer.parse().unwrap(), 4711), &headers).ip().to_string()
    }

    #[test]
    fn the_last_hop_that_is_no_trusted_proxy_is_the_client() {
        const XFF: &str = "x-forwarded-for";
        const FORWARDED: &str = "forwarded";
        /// The peer, the headers it sent, and the client they make it.
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
        let table: &[Case<'_>] = &[
            ("203.0.113.9", &[(XFF, "198.51.100.7")], "203.0.113.9"),
            ("203.0.113.9", &[(FORWARDED, "for=198.51.100.7")], "203.0.113.9"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &[(XFF, "198.51.100.7")], "198.51.100.7"),
            ("::ffff:10.1.2.3", &[(XFF, "198.51.100.7")], "198.51.100.7"),
            ("192.0.2.1", &[(XFF, "198.51.100.7")], "198.51.100.7"),
            ("192.0.2.2", &[(XFF, "198.51.100.7")], "192.0.2.2"),
            // What the client itself wrote stands before what the proxies wrote.
            ("10.1.2.3", &[(XFF, "1.1.1.1, 198.51.100.7")], "198.51.100.7"),
            ("10.1.2.3", &[(XFF, "1.1.1.1,198.51.100.7 , 10.9.9.9")], "198.51.100.7"),
            ("10.1.2.3", &[(XFF, "1.1.1.1"), (XFF, "198.51.100.7"), (XFF, "10.9.9.9")], "198.51.100.7"),
            ("10.1.2.3", &[(XFF, "10.7.7.7, 10.9.9.9")], "10.7.7.7"),
            // Ports and brackets.
            ("10.1.2.3", &[(XFF, "198.51.100.7:1234")], "198.51.100.7"),
            ("10.1.2.3", &[(XFF, "2001:db8::17")], "2001:db8::17"),
            ("10.1.2.3", &[(XFF, "[2001:db8::17]")], "2001:db8::17"),
            ("10.1.2.3", &[(XFF, "[2001:db8::17]:1234, [2001:db8:aaaa::1]:80")], "2001:db8::17"),
            ("2001:db8:aaaa::5", &[(XFF, "::ffff:198.51.100.7")], "198.51.100.7"),
            // What cannot be read is nobody, and whoever stands before it is not believed.
            ("10.1.2.3", &[(XFF, "198.51.100.7, unknown")], "10.1.2.3"),
            ("10.1.2.3", &[(XFF, "198.51.100.7, _hidden, 10.9.9.9")], "10.9.9.9"),
            ("10.1.2.3", &[(XFF, "")], "10.1.2.3"),
            ("10.1.2.3", &[(XFF, "198.51.100.7,")], "10.1.2.3"),
            ("10.1.2.3", &[(XFF, "198.51.100.999")], "10.1.2.3"),
            // RFC 7239.
            ("10.1.2.3", &[(FORWARDED, "for=198.51.100.7;proto=https;by=10.1.2.3")], "198.51.100.7"),
            ("10.1.2.3", &[(FORWARDED, "proto=https; FOR = \"198.51.100.7:80\"")], "198.51.100.7"),
            ("10.1.2.3", &[(FORWARDED, "for=1.1.1.1, for=\"[2001:db8:cafe::17]:4711\"")], "2001:db8:cafe::17"),
            (
                "10.1.2.3",
                &[(FORWARDED, "for=\"1.1.1.1, for=2.2.2.2\", for=198.51.100.7, for=10.9.9.9")],
                "198.51.100.7",
            ),
            ("10.1.2.3", &[(FORWARDED, "for=198.51.100.7, for=_gazonk")], "10.1.2.3"),
            ("10.1.2.3", &[(FORWARDED, "for=198.51.100.7"), (FORWARDED, "for=10.9.9.9:_x")], "198.51.100.7"),
            ("10.1.2.3", &[(FORWARDED, "proto=https")], "10.1.2.3"),
            // Both: only if they agree.
            ("10.1.2.3", &[(XFF, "198.51.100.7"), (FORWARDED, "for=198.51.100.7")], "198.51.100.7"),
            ("10.1.2.3", &[(XFF, "198.51.100.7"), (FORWARDED, "for=1.1.1.1")], "10.1.2.3"),
        ];
        for (peer, lines, right) in table {
            assert_eq!(client(peer, lines), *right, "{peer} {lines:?}");
        }
        let long = vec!["10.0.0.1"; 40].join(", ");
        assert_eq!(client("10.1.2.3", &[(XFF, &format!("198.51.100.7, {long}"))]), "10.0.0.1");
    }

    #[test]
    fn networks_are_read_and_hold_what_begins_alike() {
        let holds = |network: &str, address: &str| Network::parse(network).unwrap().holds(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("10.1.2.3/8", "10.255.0.1"), "what stands behind the prefix does not matter");
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.8"));
        assert!(holds("0.0.0.0/0", "203.0.113.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "2001:db8::1") && holds("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!holds("2001:db8::/33", "2001:db8:8000::1"));
        for bad in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "::/129", "bank.example", "10.0.0.0/8/8"]
        {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }
}
