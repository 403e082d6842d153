//! The world outside: a mail server and a gateway for text messages, neither of which is needed (without one, messages of its
//! kind rest in the outbox), and partners, who are called back. And the process that reads documents, which is outside, too:
//! what it says is not believed.

mod mail;
mod partners;
mod reader;
mod sms;

pub use mail::Mail;
pub use partners::Partners;
#[cfg(test)]
pub use partners::tests::impatient;
pub use reader::{ReaderApart, this_program};
pub use sms::Sms;

use crate::config::Config;
use crate::trouble::Done;

/// Why something could not be handed over. The text names codes, never people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendFault {
    /// Trying again cannot help.
    Permanent(String),
    /// Trying again may help.
    Temporary(String),
}

/// The gateways there are.
pub struct Outside {
    /// The mail server.
    pub mail: Option<Mail>,
    /// The gateway for text messages.
    pub sms: Option<Sms>,
    /// Partners.
    pub partners: Partners,
}

impl Outside {
    /// The gateways that the settings name.
    pub fn from_config(config: &Config) -> Done<Outside> {
        let mail = match (&config.smtp_url, &config.mail_from) {
            (Some(url), Some(from)) => Some(Mail::new(url, from, &config.public_url())?),
            _ => None,
        };
        let sms = match &config.sms_url {
            Some(url) => Some(Sms::new(url, &config.sms_headers, &config.sms_body)?),
            None => None,
        };
        Ok(Outside { mail, sms, partners: Partners::new(config.callbacks_to)? })
    }
}
