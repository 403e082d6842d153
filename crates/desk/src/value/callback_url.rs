//! Where a partner is called back, and where it must not be: an address of the machine itself or of the network around it
//! would let whoever may name one reach what is not open to the outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

use super::words;

/// The longest address, in bytes.
pub const URL_MAX: usize = 500;

words! {
    /// Where callbacks may go.
    pub enum Reach {
        /// To https addresses of hosts outside.
        Outside = "outside",
        /// To http addresses, too, and to this machine and the networks around it.
        Anywhere = "anywhere",
    }
}

/// An address that a partner is called back at, as it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackUrl(Url);

impl CallbackUrl {
    /// Reads and checks an address; the error is a sentence for people that does not repeat it.
    pub fn parse(text: &str, reach: Reach) -> Result<CallbackUrl, &'static str> {
        let text = text.trim();
        if text.len() > URL_MAX {
            return Err("At most 500 characters.");
        }
        let url = Url::parse(text).map_err(|_| "Not an address of the form https://host/path.")?;
        match (url.scheme(), reach) {
            ("https", _) | ("http", Reach::Anywhere) => {}
            ("http", Reach::Outside) => return Err("Must begin with https://."),
            _ => return Err("Not an address of the form https://host/path."),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("No user and no password: what is sent is signed.");
        }
        if url.fragment().is_some() {
            return Err("Nothing behind a #: it would not be sent.");
        }
        if url.as_str().len() > URL_MAX {
            return Err("At most 500 characters.");
        }
        if reach == Reach::Outside && names_inside(&url) {
            return Err("The host is inside: the setting callbacks_to forbids it.");
        }
        Ok(CallbackUrl(url))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its host, for the record.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl Serialize for CallbackUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Reads what was kept: it was checked before, and is once more when it is called.
impl<'de> Deserialize<'de> for CallbackUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        CallbackUrl::parse(&text, Reach::Anywhere).map_err(D::Error::custom)
    }
}

/// Whether an address says by itself that its host is inside. What a name leads to is seen when it is looked up.
fn names_inside(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_inside(address.into()),
        Some(Host::Ipv6(address)) => is_inside(address.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            // A name without a dot is one of this network.
            !name.contains('.') || [".localhost", ".local", ".internal"].iter().any(|end| name.ends_with(end))
        }
        None => true,
    }
}

/// Whether an address is not one of the public internet.
pub fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_inside_v4(address),
        IpAddr::V6(address) => is_inside_v6(address),
    }
}

fn is_inside_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        // This network; shared by a provider's customers; for protocols; for measuring; many at once, and not in use.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 224
}

fn is_inside_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| is_inside_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match parts {
        // An IPv4 address in IPv6 clothes: mapped, translated, by 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            v4(high, low)
        }
        // Only 2000::/3 is the public internet; of that, Teredo carries an address that is not seen here.
        [0x2001, 0, ..] => true,
        [first, ..] => first & 0xe000 != 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_outside_is_taken_as_it_is() {
        for text in [
            "https://partner.example/callbacks",
            "https://partner.example:8443/a?b=c",
            "https://8.8.8.8/ok",
            "https://[2606:4700::1111]/ok",
        ] {
            assert_eq!(CallbackUrl::parse(text, Reach::Outside).unwrap().as_str(), text);
        }
        assert_eq!(CallbackUrl::parse(" https://Partner.example ", Reach::Outside).unwrap().host(), "partner.example");
    }

    #[test]
    fn what_cannot_be_called_or_would_tell_a_secret_is_refused_wherever_callbacks_may_go() {
        let long = format!("https://partner.example/{}", "a".repeat(URL_MAX));
        let grows = format!("https://partner.example/{}", "ä".repeat(URL_MAX / 2 - 20));
        for text in [
            "",
            "partner.example",
            "ftp://partner.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://",
            "https://user:secret@partner.example/",
            "https://user@partner.example/",
            "https://partner.example/#part",
            "https://partner.example:99999/",
            &long,
            &grows,
        ] {
            for reach in Reach::ALL {
                assert!(CallbackUrl::parse(text, *reach).is_err(), "{text} {reach}");
            }
        }
    }

    #[test]
    fn what_is_inside_is_refused_however_it_is_written_unless_callbacks_may_go_anywhere() {
        for text in [
            "http://partner.example/",
            "https://localhost/",
            "https://localhost./",
            "https://a.localhost/",
            "https://database/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://0.0.0.0/",
            "https://10.0.0.8/",
            "https://172.16.3.4/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest",
            "https://100.64.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:a00:1::]/",
            "https://[ff02::1]/",
        ] {
            assert!(CallbackUrl::parse(text, Reach::Outside).is_err(), "{text}");
            assert!(CallbackUrl::parse(text, Reach::Anywhere).is_ok(), "{text}");
        }
    }
}
