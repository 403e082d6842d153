//! `bursar outbox`: messages as their readers get them. Works beside a running server: it only reads.

use std::io::Write;
use std::time::Duration;

use desk::message::{Channel, Message, Outbox};
use desk::tenant::TenantCard;
use desk::value::id::MessageId;
use desk::{Caller, Desk, Door};

use crate::cli;
use crate::config::Settings;
use crate::letters;
use crate::trouble::Done;
use crate::wire_up::{self, Absent, Purpose};

/// How often to look for more.
const LOOK_EVERY: Duration = Duration::from_millis(300);

pub async fn run(command: cli::Outbox, settings: Settings, public_url: Option<String>) -> Done {
    let public_url = public_url.unwrap_or_else(|| settings.config.public_url());
    let desk = wire_up::open(&settings, Absent::Refuse, Purpose::Command).await?.desk;
    let mut seen: Vec<(TenantCard, Option<MessageId>)> =
        wire_up::tenants(&desk).await?.into_iter().map(|card| (card, None)).collect();
    loop {
        for (card, after) in &mut seen {
            while let Some(piece) = piece(&desk, card, after).await? {
                for message in piece.iter().filter(|message| is_to(message, command.to.as_deref())) {
                    let text = shown(message, &card.institution.name, &public_url)?;
                    // A reader that has seen enough (head, grep -m) is no error.
                    if writeln!(std::io::stdout(), "{text}").is_err() {
                        return Ok(());
                    }
                }
            }
        }
        if !command.follow {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn piece(desk: &Desk, card: &TenantCard, after: &mut Option<MessageId>) -> Done<Option<Vec<Message>>> {
    let messages = desk.ask(&Caller::house(card.id, Door::Cli), Outbox::After(*after)).await?;
    match messages.last() {
        None => Ok(None),
        Some(last) => {
            *after = Some(last.id);
            Ok(Some(messages))
        }
    }
}

fn is_to(message: &Message, to: Option<&str>) -> bool {
    match (to, &message.letter) {
        (None, _) => true,
        (Some(to), Some(letter)) => letter.to.eq_ignore_ascii_case(to.trim()),
        (Some(_), None) => false,
    }
}

fn shown(message: &Message, institution: &str, public_url: &str) -> Done<String> {
    let head = format!(
        "--- {} · {} · {} · {} · {} · {institution}",
        message.id,
        message.created_at.rfc3339_millis(),
        message.channel.word(),
        message.template,
        message.state.word()
    );
    let Some(letter) = &message.letter else { return Ok(format!("{head}\n(the person was erased)\n")) };
    let rendered = letters::render(&message.template, letter, institution, public_url)?;
    Ok(match message.channel {
        Channel::Email => format!(
            "{head}\nTo: {} <{}>\nSubject: {}\n\n{}\n",
            letter.name,
            letter.to,
            rendered.subject,
            rendered.text.trim_end()
        ),
        Channel::Sms => format!("{head}\nTo: {}\n\n{}\n", letter.to, rendered.sms.trim_end()),
    })
}
