//! Partners, called back at the addresses that their keys name. Whoever may manage keys names them, so they are not trusted:
//! what a name leads to is looked at before it is called, nothing is followed, and little is read.

use std::net::SocketAddr;
use std::time::Duration;

use desk::value::callback_url::{CallbackUrl, Reach, is_inside};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use crate::trouble::{Done, Trouble};

/// How long a partner may take to be reached, and for all of it; well within a lease.
const CONNECT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes: it should be two letters.
const ANSWER_MAX: usize = 1024;

/// Calls partners back.
pub struct Partners {
    client: reqwest::Client,
    reach: Reach,
}

impl Partners {
    /// Calls only where callbacks may go.
    pub fn new(reach: Reach) -> Done<Partners> {
        Partners::patient(reach, TIMEOUT)
    }

    /// The same with another patience.
    fn patient(reach: Reach, timeout: Duration) -> Done<Partners> {
        let client = reqwest::Client::builder()
            // A redirect would carry somebody's papers to a place that nobody named.
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would look names up where we cannot look at what they lead to.
            .no_proxy()
            .dns_resolver(LookedAt(reach))
            // Each call looks its name up anew.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .timeout(timeout)
            .build()
            .map_err(|fault| Trouble::new(format!("cannot prepare to call partners back: {fault}"), ""))?;
        Ok(Partners { client, reach })
    }

    /// Posts a message and answers what the partner says; else why there is no answer, in words that name nobody.
    pub async fn post(&self, url: &str, message: String) -> Result<Vec<u8>, String> {
        // Looked at again: what may be called now need not be what might when it was named.
        let url = CallbackUrl::parse(url, self.reach).map_err(|_| "the address may not be called".to_owned())?;
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        let sent = self.client.post(url.as_str()).header(CONTENT_TYPE, json).body(message).send().await;
        let mut answer = sent.map_err(|fault| unreached(&fault))?;
        if !answer.status().is_success() {
            return Err(format!("the partner answered {}", answer.status().as_u16()));
        }
        let mut said = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|fault| unreached(&fault))? {
            said.extend_from_slice(&piece);
            if said.len() > ANSWER_MAX {
                return Err("the partner answered too much".to_owned());
            }
        }
        Ok(said)
    }
}

/// What went wrong on the way; the library's own words would repeat the address.
fn unreached(fault: &reqwest::Error) -> String {
    let what = if fault.is_timeout() {
        "the partner did not answer in time"
    } else if fault.is_connect() {
        "the partner cannot be reached"
    } else {
        "the partner's answer broke off"
    };
    what.to_owned()
}

/// Looks names up and leaves out what is inside, unless callbacks may go there; the client connects to nothing else.
struct LookedAt(Reach);

impl Resolve for LookedAt {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may = |address: &SocketAddr| reach == Reach::Anywhere || !is_inside(address.ip());
            let found: Vec<SocketAddr> = found.filter(may).collect();
            if found.is_empty() {
                return Err("no address that may be called".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Calls anywhere, and does not wait long.
    pub fn impatient() -> Partners {
        Partners::patient(Reach::Anywhere, Duration::from_millis(400)).unwrap()
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_leads_nowhere() {
        let look = |reach| LookedAt(reach).resolve("localhost".parse().unwrap());
        assert!(look(Reach::Outside).await.is_err());
        assert!(look(Reach::Anywhere).await.unwrap().all(|address| address.ip().is_loopback()));
    }

    #[tokio::test]
    async fn an_address_inside_is_not_called_although_it_was_named() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let partners = Partners::new(Reach::Outside).unwrap();
        assert_eq!(partners.post(&url, "{}".to_owned()).await, Err("the address may not be called".to_owned()));
        let called = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
        assert!(called.is_err(), "nobody came");
    }
}
