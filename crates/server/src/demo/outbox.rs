//! The demo's letter-box: `GET /sandbox/v1/outbox?to=&channel=&limit=` shows what was written to anybody, newest first, so
//! that a program can be tried out from end to end without a phone. It is served by a demo alone: what is shown here is what
//! nobody but its reader may ever see elsewhere.

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use desk::message::{Channel, Message, Outbox};
use desk::{Caller, Desk, Door, Error};
use serde_json::{Value, json};

use crate::letters;
use crate::wire_up;

/// How many messages of each institution are looked through.
const LOOKED_AT: usize = 2_000;
/// How many are shown when nothing is said, and at most.
const SHOWN: usize = 20;
const SHOWN_MAX: usize = 200;
/// The fewest digits that name a phone by its end.
const DIGITS: usize = 7;

#[derive(Clone)]
struct House {
    desk: Desk,
    public_url: String,
}

/// The one route.
pub fn router(desk: Desk, public_url: &str) -> Router {
    let house = House { desk, public_url: public_url.to_owned() };
    Router::new().route("/sandbox/v1/outbox", get(list)).with_state(house)
}

/// What is asked for.
struct Wanted {
    to: Option<String>,
    channel: Option<Channel>,
    limit: usize,
}

impl Wanted {
    fn read(query: &str) -> Result<Wanted, &'static str> {
        let pairs = api::kit::pairs(query.as_bytes()).map_err(|_| "the query cannot be read")?;
        let mut wanted = Wanted { to: None, channel: None, limit: SHOWN };
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                // A plus that was not escaped came as a blank.
                "to" => wanted.to = Some(value.trim().to_owned()),
                "channel" => {
                    let channel = Channel::parse(&value.to_ascii_lowercase());
                    wanted.channel = Some(channel.ok_or("`channel` is sms or email")?);
                }
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=SHOWN_MAX).contains(limit));
                    wanted.limit = limit.ok_or("`limit` is from 1 to 200")?;
                }
                _ => return Err("the parameters are `to`, `channel` and `limit`"),
            }
        }
        Ok(wanted)
    }

    fn fits(&self, message: &Message) -> bool {
        let Some(letter) = &message.letter else { return false };
        self.channel.is_none_or(|channel| channel == message.channel)
            && self.to.as_ref().is_none_or(|to| is_address(&letter.to, to))
    }
}

/// Whether this names that address: the whole of it, or the last digits of a phone.
fn is_address(address: &str, named: &str) -> bool {
    let digits: String = named.chars().filter(char::is_ascii_digit).collect();
    let is_phone = address.starts_with('+') && !named.contains('@') && digits.len() >= DIGITS;
    address.eq_ignore_ascii_case(named) || (is_phone && address.ends_with(&digits))
}

async fn list(State(house): State<House>, RawQuery(query): RawQuery) -> Response {
    let wanted = match Wanted::read(&query.unwrap_or_default()) {
        Ok(wanted) => wanted,
        Err(told) => return (StatusCode::BAD_REQUEST, Json(json!({ "error": told }))).into_response(),
    };
    match found(&house, &wanted).await {
        Ok(rows) => ([(header::CACHE_CONTROL, "no-store")], Json(json!({ "data": rows }))).into_response(),
        Err(fault) => {
            let told = Json(json!({ "error": fault.code() }));
            (StatusCode::SERVICE_UNAVAILABLE, told).into_response()
        }
    }
}

async fn found(house: &House, wanted: &Wanted) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    for card in wire_up::tenants(&house.desk).await? {
        let caller = Caller::house(card.id, Door::Cli);
        let (mut before, mut looked_at, mut fitting) = (None, 0, 0);
        while fitting < wanted.limit && looked_at < LOOKED_AT {
            let piece = house.desk.ask(&caller, Outbox::Before(before)).await?;
            let Some(last) = piece.last() else { break };
            before = Some(last.id);
            looked_at += piece.len();
            for message in piece.into_iter().filter(|it| wanted.fits(it)) {
                fitting += 1;
                all.push((message, card.institution.name.clone()));
            }
        }
    }
    all.sort_by_key(|(message, _)| std::cmp::Reverse(message.id));
    all.truncate(wanted.limit);
    all.into_iter().map(|(message, institution)| row(&message, &institution, &house.public_url)).collect()
}

fn row(message: &Message, institution: &str, public_url: &str) -> Result<Value, Error> {
    let letter = message.letter.as_ref().ok_or_else(|| Error::internal("a message without a letter"))?;
    let rendered = letters::render(&message.template, letter, institution, public_url)?;
    let mut row = json!({
        "id": message.id,
        "to": letter.to,
        "channel": message.channel,
        "template": message.template,
        "body": match message.channel {
            Channel::Email => rendered.text,
            Channel::Sms => rendered.sms,
        },
        "created_at": message.created_at.rfc3339_millis(),
    });
    if let Some(fields) = row.as_object_mut() {
        if message.channel == Channel::Email {
            fields.insert("subject".to_owned(), Value::from(rendered.subject));
        }
        for (name, value) in [("code", &letter.code), ("business_id", &letter.reference)] {
            if let Some(value) = value {
                fields.insert(name.to_owned(), Value::from(value.as_str()));
            }
        }
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_named_in_any_of_its_forms_and_an_address_by_all_of_it() {
        for named in ["+254712000345", "254712000345", "712000345", "0712000345"] {
            assert_eq!(is_address("+254712000345", named), named != "0712000345", "{named}");
        }
        assert!(is_address("Ada@mail.example", "ada@mail.example"));
        assert!(!is_address("ada@mail.example", "mail.example") && !is_address("+254712000345", "345"));
    }

    #[test]
    fn what_cannot_be_understood_is_told() {
        assert!(Wanted::read("to=a%40b.example&channel=SMS&limit=5").is_ok());
        for query in ["limit=0", "limit=many", "channel=pigeon", "form=x"] {
            assert!(Wanted::read(query).is_err(), "{query}");
        }
    }
}
