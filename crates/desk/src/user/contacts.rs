//! What follows when a user's e-mail address or phone number changes, whoever changes it: what was sent to the old one dies
//! with it, the new one is not confirmed, and the old one is told.

use super::model::User;
use super::profile::Profile;
use crate::access;
use crate::error::Result;
use crate::message::{self, Channel};
use crate::value::normal;
use crate::verb::Cx;

/// The channels whose address differs; letters in another case are the same address.
fn differing(old: &Profile, new: &Profile) -> Vec<Channel> {
    let form = |text: &Option<String>| text.as_deref().map(normal::lower);
    let mut channels = Vec::new();
    if form(&old.email) != form(&new.email) {
        channels.push(Channel::Email);
    }
    if form(&old.phone) != form(&new.phone) {
        channels.push(Channel::Sms);
    }
    channels
}

/// Takes the confirmation from an address that differs, unless the same change states one (`states`, by the field's name).
pub(crate) fn unconfirm(old: &Profile, new: &mut Profile, states: impl Fn(&str) -> bool) {
    for channel in differing(old, new) {
        match channel {
            Channel::Email if !states("email_confirmed") => new.email_confirmed = None,
            Channel::Sms if !states("phone_verified") => new.phone_verified = None,
            Channel::Email | Channel::Sms => {}
        }
    }
}

/// Before a changed profile is saved: keeps the moment.
pub(crate) fn mark_changed(user: &mut User, old: &Profile, new: &Profile, now: crate::value::clock::Time) {
    for channel in differing(old, new) {
        match channel {
            Channel::Email => user.email_changed_at = Some(now),
            Channel::Sms => user.phone_changed_at = Some(now),
        }
    }
}

/// After a changed profile was saved: ends what was sent to the old addresses, and tells them.
pub(crate) async fn follow(cx: &mut Cx<'_>, user: &User, old: &Profile, new: &Profile) -> Result<()> {
    for channel in differing(old, new) {
        access::end_sent_by(cx, user.id, channel.word()).await?;
        let address = match channel {
            Channel::Email => &old.email,
            Channel::Sms => &old.phone,
        };
        if let Some(address) = address {
            message::queue_to_old(cx, user, old, channel, address).await?;
        }
    }
    Ok(())
}
