//! Mail, over SMTP. A message is text and HTML side by side; its Message-ID is the message's own id, so that a mail sent
//! twice (delivery is at least once) can be recognised as one.

use std::time::Duration;

use desk::value::contact::deliverable;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::PoolConfig;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::SendFault;
use crate::letters::Rendered;
use crate::trouble::{Done, Trouble};

/// How long one command of the mail server may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Connections kept open at most.
const CONNECTIONS: u32 = 4;

/// A mail server.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// What stands behind the @ of a Message-ID.
    domain: String,
}

impl Mail {
    /// The server that the settings name. Nothing is connected yet.
    pub fn new(url: &str, from: &str, public_url: &str) -> Done<Mail> {
        let usage = |happened: String| Trouble::usage(happened, "`bursar config --manual` has examples.");
        // The library's fault may quote the address with its password, so it is not told.
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| usage("the setting smtp_url is not an address of a mail server".to_owned()))?;
        let from: Mailbox =
            from.parse().map_err(|fault| usage(format!("the setting mail_from is not a mailbox: {fault}")))?;
        let host = public_url.split("://").nth(1).unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default();
        // An address is no name, and nobody's mail is known by 127.0.0.1.
        let is_name = host.contains('.') && host.bytes().any(|byte| byte.is_ascii_alphabetic());
        let domain = if is_name { host.to_owned() } else { from.email.domain().to_owned() };
        let pool = PoolConfig::new().max_size(CONNECTIONS);
        Ok(Mail { transport: builder.timeout(Some(TIMEOUT)).pool_config(pool).build(), from, domain })
    }

    /// Hands a mail over. `from` is the institution's own sender, if it has one.
    pub async fn send(
        &self,
        id: &str,
        from: Option<&str>,
        to: (&str, &str),
        rendered: &Rendered,
    ) -> Result<(), SendFault> {
        let (name, address) = to;
        // In its ASCII form a domain is taken by every server, with SMTPUTF8 or without.
        let address: Address =
            deliverable(address).parse().map_err(|_| SendFault::Permanent("the address is not one".to_owned()))?;
        // A local part beyond ASCII has no other form.
        let needs_utf8 = !AsRef::<str>::as_ref(&address).is_ascii();
        let from = match from.map(str::parse::<Mailbox>) {
            None => self.from.clone(),
            Some(Ok(from)) => from,
            Some(Err(_)) => {
                tracing::warn!("the institution's mail_from is not a mailbox; the server's own is used");
                self.from.clone()
            }
        };
        let sender = deliverable(from.email.as_ref()).parse::<Address>();
        let from = Mailbox::new(from.name.clone(), sender.unwrap_or(from.email));
        let mut mail = Message::builder()
            .from(from)
            .to(Mailbox::new(Some(name.to_owned()), address))
            .subject(&rendered.subject)
            .message_id(Some(format!("<{id}@{}>", self.domain)))
            .multipart(MultiPart::alternative_plain_html(rendered.text.clone(), rendered.html.clone()))
            .map_err(|_| SendFault::Permanent("the mail cannot be written".to_owned()))?;
        // Nobody's holiday answer is wanted (RFC 3834).
        mail.headers_mut().insert_raw(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
        self.transport.send(mail).await.map(drop).map_err(|fault| match needs_utf8 && fault.is_client() {
            true => SendFault::Permanent("the address needs SMTPUTF8, which the mail server does not have".to_owned()),
            false => told(&fault),
        })
    }
}

/// What a server's own words say may name people; its code does not.
fn told(fault: &lettre::transport::smtp::Error) -> SendFault {
    match fault.status() {
        Some(code) if fault.is_permanent() => SendFault::Permanent(format!("the mail server answered {code}")),
        Some(code) => SendFault::Temporary(format!("the mail server answered {code}")),
        None if fault.is_timeout() => SendFault::Temporary("the mail server did not answer in time".to_owned()),
        None if fault.is_tls() => SendFault::Temporary("TLS with the mail server failed".to_owned()),
        None if fault.is_client() => {
            SendFault::Temporary("the mail server cannot do what the settings ask for".to_owned())
        }
        None => SendFault::Temporary("the mail server cannot be reached".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_needs_an_address_and_a_sender() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        assert!(Mail::new("smtp://localhost:2525", "Bank <a@bank.example>", "http://127.0.0.1:8080").is_ok());
        let told = |url: &str, from: &str| Mail::new(url, from, "").err().unwrap().to_string();
        assert!(told("smtp://me:planted-secret@[", "a@bank.example").contains("smtp_url"));
        assert!(!told("smtp://me:planted-secret@[", "a@bank.example").contains("planted-secret"));
        assert!(told("smtp://localhost", "nobody").contains("mail_from"));
    }

    #[test]
    fn a_message_id_has_a_name_behind_the_at() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let domain = |url: &str| Mail::new("smtp://localhost:2525", "a@bank.example", url).unwrap().domain;
        assert_eq!(domain("https://desk.bank.example/x"), "desk.bank.example");
        assert_eq!(domain("http://127.0.0.1:8080"), "bank.example");
        assert_eq!(domain("http://localhost:8080"), "bank.example");
    }
}
