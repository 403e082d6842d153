//! Mail and text messages. A message is queued with the change that causes it and sent by the worker; address, link and
//! code are sealed with the person's key and appear nowhere else. Without a gateway messages rest in the outbox.

use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::db::{Row, params};
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::staff::Staff;
use crate::user::model::User;
use crate::user::verification::{self, RequestState};
use crate::user::{self};
use crate::value::clock::Time;
use crate::value::id::{AdministratorId, MessageId, RegistrationId, StaffId, TenantId, UserId, Uuid, VerificationId};
use crate::value::seal::{PersonKey, Place, Sealing};
use crate::value::secret::Secret;
use crate::value::words;
use crate::verb::{Action, Cx, Question, Qx, Subject};

pub(crate) mod limits;

pub(crate) mod store {
    //! The messages' SQL.

    pub(crate) const INSERT: &str = "\
        INSERT INTO message (tenant_id, id, user_id, channel, template, sealed, state, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7)";

    pub(crate) const SELECT: &str = "\
        SELECT id, user_id, channel, template, sealed, state, created_at, sent_at
        FROM message
        WHERE tenant_id = $1 AND id = $2";

    pub(crate) const OF_USER: &str = "\
        SELECT id, user_id, channel, template, sealed, state, created_at, sent_at
        FROM message
        WHERE tenant_id = $1 AND user_id = $2
        ORDER BY id DESC
        LIMIT 100";

    pub(crate) const AFTER: &str = "\
        SELECT id, user_id, channel, template, sealed, state, created_at, sent_at
        FROM message
        WHERE tenant_id = $1 AND id > $2
        ORDER BY id
        LIMIT $3";

    pub(crate) const BEFORE: &str = "\
        SELECT id, user_id, channel, template, sealed, state, created_at, sent_at
        FROM message
        WHERE tenant_id = $1 AND id < $2
        ORDER BY id DESC
        LIMIT $3";

    /// Not once it was destroyed.
    pub(crate) const ADMINISTRATOR_KEY: &str = "\
        SELECT person_key
        FROM administrator
        WHERE tenant_id = $1 AND id = $2 AND person_key IS NOT NULL";

    /// Not once it was confirmed or has expired.
    pub(crate) const REGISTRATION_KEY: &str = "\
        SELECT person_key
        FROM registration
        WHERE tenant_id = $1 AND id = $2 AND person_key IS NOT NULL";

    pub(crate) const QUEUED_SINCE: &str = "\
        SELECT 1
        FROM message
        WHERE tenant_id = $1 AND user_id = $2 AND template = $3 AND created_at > $4
        LIMIT 1";

    pub(crate) const MARK: &str = "\
        UPDATE message
        SET state = $3, sent_at = $4
        WHERE tenant_id = $1 AND id = $2 AND state <> 'sent'";
}

words! {
    /// By which way a message goes.
    pub enum Channel {
        /// Mail.
        Email = "email",
        /// Text message.
        Sms = "sms",
    }
}
words! {
    /// Where a message is.
    pub enum MessageState {
        /// Waits for the worker.
        Queued = "queued",
        /// Rests in the outbox: there is no gateway.
        Resting = "resting",
        /// Handed over.
        Sent = "sent",
        /// Given up.
        Failed = "failed",
    }
}

/// What is to be said; the words are found when it is sent, in the user's language.
pub enum Draft {
    /// A link to choose a new password.
    PasswordReset {
        /// By which way.
        method: Channel,
        /// The token at the end of the link.
        token: Secret,
        /// How long it works, in minutes.
        minutes: i64,
    },
    /// A code for the second step of signing in.
    SignInCode {
        /// The code.
        code: Secret,
    },
    /// A code that opens a lock.
    UnlockCode {
        /// The code.
        code: Secret,
        /// How long it works, in minutes.
        minutes: i64,
    },
    /// A code that shows whose phone it is.
    PhoneCode {
        /// The code.
        code: Secret,
    },
    /// The password was changed.
    PasswordChanged,
    /// Somebody else wanted to register with the user's address or username.
    RegistrationTaken,
    /// What became of her verification.
    Verification {
        /// `verification_approved`, `verification_declined` or `verification_more_needed`.
        template: &'static str,
        /// What staff tell her besides.
        text: Option<String>,
    },
}

/// What is sealed of a message: all that is needed to write it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Letter {
    pub to: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<i64>,
    /// What staff tell her.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What it belongs to: the id of what its code confirms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

fn place(tenant: TenantId, id: &MessageId) -> Place<'_> {
    Place { tenant, table: "message", column: "sealed", row: id.bytes() }
}

/// Seals a letter and puts it where the worker finds it.
async fn put(
    cx: &mut Cx<'_>,
    key: &impl Sealing,
    person: UserId,
    channel: Channel,
    template: &str,
    letter: &Letter,
) -> Result<MessageId> {
    let id = MessageId::new(cx.id_time(), cx.random);
    let plain = serde_json::to_vec(letter).map_err(Error::internal)?;
    let sealed = key.seal(&place(cx.tenant.id, &id), &plain, cx.random);
    cx.tx.put(store::INSERT, params![cx.tenant.id, id, person, channel, template, sealed, cx.now]).await?;
    Ok(id)
}

/// The letter that `put` has sealed.
fn open(key: &impl Sealing, tenant: TenantId, id: &MessageId, sealed: &[u8]) -> Result<Letter> {
    serde_json::from_slice(&key.open(&place(tenant, id), sealed)?).map_err(Error::internal)
}

/// Queues a message to a user; the fact sends the worker.
pub(crate) async fn queue(cx: &mut Cx<'_>, user: &User, draft: Draft) -> Result<MessageId> {
    let profile = user.profile()?;
    let mut letter = Letter { name: profile.full_name(), locale: profile.locale, ..Letter::default() };
    let (channel, template) = match draft {
        Draft::PasswordReset { method, token, minutes } => {
            letter.token = Some(token.expose().to_owned());
            letter.minutes = Some(minutes);
            (method, "password_reset")
        }
        Draft::SignInCode { code } => {
            letter.code = Some(code.expose().to_owned());
            letter.minutes = Some(cx.tenant.settings.code_seconds / 60);
            (Channel::Email, "sign_in_code")
        }
        Draft::UnlockCode { code, minutes } => {
            letter.code = Some(code.expose().to_owned());
            letter.minutes = Some(minutes);
            (Channel::Email, "unlock_code")
        }
        Draft::PhoneCode { code } => {
            letter.code = Some(code.expose().to_owned());
            letter.minutes = Some(cx.tenant.settings.code_seconds / 60);
            (Channel::Sms, "phone_code")
        }
        Draft::PasswordChanged => (Channel::Email, "password_changed"),
        Draft::RegistrationTaken => (Channel::Email, REGISTRATION_TAKEN),
        Draft::Verification { template, text } => {
            letter.text = text;
            (Channel::Email, template)
        }
    };
    let address = match channel {
        Channel::Email => profile.email,
        Channel::Sms => profile.phone,
    };
    letter.to = address.ok_or(crate::Refusal::NoDeliveryAddress)?;
    let id = put(cx, user.key()?, user.id, channel, template, &letter).await?;
    cx.note(Fact::MessageQueued { user: user.id, message: id, template, channel: channel.word() });
    Ok(id)
}

/// Queues the word to an old address or number that it is no longer the user's; the fact sends the worker.
pub(crate) async fn queue_to_old(
    cx: &mut Cx<'_>,
    user: &User,
    old: &user::Profile,
    channel: Channel,
    address: &str,
) -> Result<MessageId> {
    let (name, locale) = (old.full_name(), old.locale.clone());
    let letter = Letter { to: address.to_owned(), name, locale, ..Letter::default() };
    let template = match channel {
        Channel::Email => "email_changed",
        Channel::Sms => "phone_changed",
    };
    let id = put(cx, user.key()?, user.id, channel, template, &letter).await?;
    cx.note(Fact::MessageQueued { user: user.id, message: id, template, channel: channel.word() });
    Ok(id)
}

/// The one letter that goes to staff. It is sealed with the tenant's key, and `user_id` is the staff member's.
const INVITATION: &str = "staff_invitation";

/// Queues the letter to somebody who was appointed; the fact that tells of it sends the worker.
pub(crate) async fn invite(cx: &mut Cx<'_>, staff: &Staff, token: &Secret, minutes: i64) -> Result<MessageId> {
    let letter = Letter {
        to: staff.profile.email.clone(),
        name: staff.profile.name.clone(),
        token: Some(token.expose().to_owned()),
        minutes: Some(minutes),
        ..Letter::default()
    };
    let tenant = cx.tenant.clone();
    put(cx, &tenant.keys, UserId(staff.id.0), Channel::Email, INVITATION, &letter).await
}

/// The letter to a user whose address or username somebody wanted to register with.
pub(crate) const REGISTRATION_TAKEN: &str = "registration_taken";
/// The letter with the link that makes a registration a user. Sealed with the registration's key, and `user_id` is the
/// registration's: nobody can read it any more once that is gone.
const REGISTRATION: &str = "registration_link";

/// Queues the letter to somebody who wants to make an account; the fact that tells of it sends the worker.
pub(crate) async fn queue_registration(
    cx: &mut Cx<'_>,
    registration: RegistrationId,
    key: &PersonKey,
    profile: &user::Profile,
    token: &Secret,
    minutes: i64,
) -> Result<MessageId> {
    let letter = Letter {
        to: profile.email.clone().ok_or(crate::Refusal::NoDeliveryAddress)?,
        name: profile.full_name(),
        locale: profile.locale.clone(),
        token: Some(token.expose().to_owned()),
        minutes: Some(minutes),
        ..Letter::default()
    };
    put(cx, key, UserId(registration.0), Channel::Email, REGISTRATION, &letter).await
}

/// Whether a letter of this template was queued for a user since then.
pub(crate) async fn was_queued(cx: &mut Cx<'_>, user: UserId, template: &str, since: Time) -> Result<bool> {
    let row = cx.tx.find(store::QUEUED_SINCE, params![cx.tenant.id, user, template, since]).await?;
    Ok(row.is_some())
}

/// The letter with a code to the owner of an account.
pub(crate) const OWNER_CODE: &str = "account_code";
/// The same to an administrator of one: sealed with her own key, and `user_id` is the administrator's.
pub(crate) const ADMINISTRATOR_CODE: &str = "administrator_code";

/// The same to a user, who has to confirm what staff have proposed about her.
pub(crate) const CUSTOMER_CODE: &str = "customer_code";

/// To whom a code goes.
pub(crate) struct Addressee<'a> {
    /// The user, or the administrator.
    pub person: Uuid,
    /// Her own key.
    pub key: &'a PersonKey,
    /// `OWNER_CODE`, `ADMINISTRATOR_CODE` or `CUSTOMER_CODE`.
    pub template: &'static str,
    /// Her name.
    pub name: String,
    /// Her language.
    pub locale: Option<String>,
    /// Address or number.
    pub to: String,
    /// By which way.
    pub channel: Channel,
}

/// Queues a letter with a code; the fact that tells of it sends the worker.
pub(crate) async fn queue_code(
    cx: &mut Cx<'_>,
    to: Addressee<'_>,
    code: &Secret,
    minutes: i64,
    reference: String,
) -> Result<MessageId> {
    let letter = Letter {
        to: to.to,
        name: to.name,
        locale: to.locale,
        code: Some(code.expose().to_owned()),
        minutes: Some(minutes),
        reference: Some(reference),
        ..Letter::default()
    };
    put(cx, to.key, UserId(to.person), to.channel, to.template, &letter).await
}

/// A message, opened; only the house sees the letter.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Message {
    pub id: MessageId,
    /// To whom: a user,
    pub user: Option<UserId>,
    /// or a staff member.
    pub staff: Option<StaffId>,
    /// or an administrator of an account.
    pub administrator: Option<AdministratorId>,
    pub channel: Channel,
    pub template: String,
    /// Gone once the person is erased.
    pub letter: Option<Letter>,
    pub state: MessageState,
    pub created_at: Time,
    pub sent_at: Option<Time>,
}

struct MessageRow {
    message: Message,
    sealed: Vec<u8>,
}

fn read(mut row: Row) -> Result<MessageRow> {
    let (id, user, channel, template) = (row.take()?, row.take()?, row.take()?, row.take()?);
    let sealed = row.take()?;
    let (state, created_at, sent_at) = (row.take()?, row.take()?, row.take()?);
    Ok(MessageRow {
        message: Message {
            id,
            user: Some(user),
            staff: None,
            administrator: None,
            channel,
            template,
            letter: None,
            state,
            created_at,
            sent_at,
        },
        sealed,
    })
}

async fn opened(qx: &mut Qx<'_>, row: MessageRow) -> Result<Message> {
    let MessageRow { mut message, sealed } = row;
    if message.template == INVITATION {
        message.letter = Some(open(&qx.tenant.keys, qx.tenant.id, &message.id, &sealed)?);
        (message.staff, message.user) = (message.user.map(|user| StaffId(user.0)), None);
        return Ok(message);
    }
    if message.template == REGISTRATION {
        let id = message.user.take().ok_or_else(|| Error::internal("a message to nobody"))?;
        if let Some(mut row) = qx.rd.find(store::REGISTRATION_KEY, params![qx.tenant.id, id]).await? {
            let wrapped: Vec<u8> = row.take()?;
            let key = PersonKey::unwrap(&qx.tenant.keys, qx.tenant.id, id.bytes(), &wrapped)?;
            message.letter = Some(open(&key, qx.tenant.id, &message.id, &sealed)?);
        }
        return Ok(message);
    }
    if message.template == ADMINISTRATOR_CODE {
        let person = message.user.take().ok_or_else(|| Error::internal("a message to nobody"))?;
        message.administrator = Some(AdministratorId(person.0));
        if let Some(mut row) = qx.rd.find(store::ADMINISTRATOR_KEY, params![qx.tenant.id, person]).await? {
            let wrapped: Vec<u8> = row.take()?;
            let key = PersonKey::unwrap(&qx.tenant.keys, qx.tenant.id, person.bytes(), &wrapped)?;
            message.letter = Some(open(&key, qx.tenant.id, &message.id, &sealed)?);
        }
        return Ok(message);
    }
    let house = Caller::house(qx.tenant.id, qx.caller.origin.door);
    let Some(user) = message.user else { return Ok(message) };
    let user = user::store::load(qx.rd, qx.tenant, &house, user).await?;
    if let Ok(key) = user.key() {
        message.letter = Some(open(key, qx.tenant.id, &message.id, &sealed)?);
    }
    Ok(message)
}

/// Messages with their letters, for the worker and for `bursar outbox`.
pub enum Outbox {
    /// This one.
    One(MessageId),
    /// Those after this one, oldest first, at most 200.
    After(Option<MessageId>),
    /// Those before this one, newest first, at most 200.
    Before(Option<MessageId>),
}

impl Question for Outbox {
    const NAME: &'static str = "message.outbox";
    type Output = Vec<Message>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Message>> {
        let tenant = qx.tenant.id;
        let rows = match self {
            Outbox::One(id) => qx.rd.all(store::SELECT, params![tenant, id]).await?,
            Outbox::After(after) => {
                let after = after.map_or([0; 16], |id| *id.bytes());
                qx.rd.all(store::AFTER, params![tenant, after, 200]).await?
            }
            Outbox::Before(before) => {
                let before = before.map_or([0xff; 16], |id| *id.bytes());
                qx.rd.all(store::BEFORE, params![tenant, before, 200]).await?
            }
        };
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows {
            messages.push(opened(qx, read(row)?).await?);
        }
        Ok(messages)
    }
}

/// The newest messages to a user, without their letters.
pub struct ListMessages(pub UserId);

impl Question for ListMessages {
    const NAME: &'static str = "message.list";
    type Output = Vec<Message>;

    fn subject(&self) -> Subject {
        Subject::User(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Message>> {
        user::store::load(qx.rd, qx.tenant, qx.caller, self.0).await?;
        let rows = qx.rd.all(store::OF_USER, params![qx.tenant.id, self.0]).await?;
        rows.into_iter().map(|row| Ok(read(row)?.message)).collect()
    }
}

/// The worker handed a message over, or laid it to rest.
pub struct MarkSent {
    /// Which.
    pub message: MessageId,
    /// There is no gateway: it rests in the outbox.
    pub resting: bool,
}

impl Action for MarkSent {
    const NAME: &'static str = "message.mark_sent";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Message(self.message)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let (state, sent_at) = match self.resting {
            true => (MessageState::Resting, None),
            false => (MessageState::Sent, Some(cx.now)),
        };
        let changed = cx.tx.run(store::MARK, params![cx.tenant.id, self.message, state, sent_at]).await?;
        if changed == 1 && !self.resting {
            cx.note(Fact::MessageSent { message: self.message });
        }
        Ok(())
    }
}

/// A message could not be handed over.
pub struct MarkFailed {
    /// Which.
    pub message: MessageId,
    /// It will not be tried again.
    pub last: bool,
}

impl Action for MarkFailed {
    const NAME: &'static str = "message.mark_failed";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Message(self.message)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let state = if self.last { MessageState::Failed } else { MessageState::Queued };
        let none: Option<Time> = None;
        if cx.tx.run(store::MARK, params![cx.tenant.id, self.message, state, none]).await? == 1 {
            cx.note(Fact::MessageFailed { message: self.message, last: self.last });
        }
        Ok(())
    }
}

/// Writes to a user what became of her verification: once for each step, and not if the request has moved on since.
pub struct TellOfVerification {
    /// Which request.
    pub verification: VerificationId,
    /// Which of its steps.
    pub step: i64,
}

impl Action for TellOfVerification {
    const NAME: &'static str = "verification.tell";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        let tenant = cx.tenant.id;
        let request = verification::store::find(cx.tx, tenant, self.verification).await?;
        let request = request.ok_or(Error::NotFound(VerificationId::NOUN))?;
        let user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, request.user).await?;
        let steps = verification::store::steps(cx.tx, &user, request.id).await?;
        let Some(step) = steps.last().filter(|step| step.seq == self.step) else { return Ok(()) };
        let template = match step.state {
            RequestState::Approved => "verification_approved",
            RequestState::Declined => "verification_declined",
            RequestState::MoreNeeded => "verification_more_needed",
            RequestState::Requested | RequestState::Withdrawn => return Ok(()),
        };
        let text = step.said.as_ref().and_then(|said| said.text.clone());
        // Who is gone, or has no address, is not written to.
        if user.person.is_none() || user.profile()?.email.is_none() {
            return Ok(());
        }
        if verification::store::tell(cx.tx, tenant, request.id, self.step).await? {
            queue(cx, &user, Draft::Verification { template, text }).await?;
        }
        Ok(())
    }
}
