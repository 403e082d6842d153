//! Text messages, by a POST to whatever gateway the institution has: address, headers and body are templates of the
//! settings.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::SendFault;
use crate::trouble::{Done, Trouble};

/// How long the gateway may take to be reached, and for all of it.
const CONNECT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(15);

/// A gateway for text messages.
pub struct Sms {
    client: reqwest::Client,
    url: String,
    body: String,
}

impl Sms {
    /// The gateway that the settings name.
    pub fn new(url: &str, headers: &BTreeMap<String, String>, body: &str) -> Done<Sms> {
        let usage = |happened: &str| Trouble::usage(happened, "`bursar config --manual` has examples.");
        let mut all = HeaderMap::new();
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let name: HeaderName =
                name.parse().map_err(|_| usage("the setting sms_headers has a name that is not a header's"))?;
            let mut value: HeaderValue =
                value.parse().map_err(|_| usage("the setting sms_headers has a value that no header can have"))?;
            value.set_sensitive(true);
            all.insert(name, value);
        }
        if !body.contains("{to}") || !body.contains("{text}") {
            return Err(usage("the setting sms_body must contain {to} and {text}"));
        }
        if url.parse::<reqwest::Url>().is_err() {
            return Err(usage("the setting sms_url is not an address"));
        }
        // A redirect would carry somebody's number and code to a place that nobody named.
        let client = reqwest::Client::builder()
            .default_headers(all)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            .build()
            .map_err(|fault| Trouble::new(format!("cannot prepare for text messages: {fault}"), ""))?;
        Ok(Sms { client, url: url.to_owned(), body: body.to_owned() })
    }

    /// Hands a text message over.
    pub async fn send(&self, to: &str, text: &str) -> Result<(), SendFault> {
        let body = filled(&self.body, to, text);
        let answer = self.client.post(&self.url).body(body).send().await;
        let status = match answer {
            Ok(answer) => answer.status(),
            Err(fault) if fault.is_timeout() => {
                return Err(SendFault::Temporary("the gateway did not answer in time".to_owned()));
            }
            Err(_) => return Err(SendFault::Temporary("the gateway cannot be reached".to_owned())),
        };
        let told = format!("the gateway answered {}", status.as_u16());
        match status.as_u16() {
            200..=299 => Ok(()),
            // Too early, too often, or a wrong key that somebody may put right: not the message's fault.
            401 | 403 | 408 | 425 | 429 | 500..=599 => Err(SendFault::Temporary(told)),
            _ => Err(SendFault::Permanent(told)),
        }
    }
}

/// The template with number and text in it, each escaped for a JSON string.
fn filled(template: &str, to: &str, text: &str) -> String {
    let escaped = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    // In one pass, so that a text with {to} in it stays as it is.
    let mut body = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        body.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{to}") {
            body.push_str(&escaped(to));
            rest = after;
        } else if let Some(after) = rest.strip_prefix("{text}") {
            body.push_str(&escaped(text));
            rest = after;
        } else {
            body.push('{');
            rest = &rest[1..];
        }
    }
    body + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_text_are_escaped_and_filled_in_once() {
        let template = r#"{"to":"{to}","body":"{text}","x":{}}"#;
        let body = filled(template, "+15555550101", "say \"{to}\"\nnow");
        assert_eq!(body, r#"{"to":"+15555550101","body":"say \"{to}\"\nnow","x":{}}"#);
    }

    #[test]
    fn a_gateway_that_cannot_work_is_refused() {
        let none = BTreeMap::new();
        assert!(Sms::new("https://gateway.example", &none, "no places").is_err());
        assert!(Sms::new("nowhere", &none, "{to}{text}").is_err());
        let bad = BTreeMap::from([("a b".to_owned(), "c".to_owned())]);
        assert!(Sms::new("https://gateway.example", &bad, "{to}{text}").is_err());
        assert!(Sms::new("https://gateway.example", &none, "{to}{text}").is_ok());
    }
}
