//! Every verb of `permission.rs`, run: a verb without an entry in the table below fails by name. For each, who holds
//! exactly what is needed succeeds, who holds everything else is forbidden and on record, and a stranger is not let in.

use std::future::Future;
use std::pin::Pin;

use desk::account::*;
use desk::activity::{ActivityFilter, AllActivity, StaffActivity, UserActivity};
use desk::administrator::callback::{
    self, CallbackState, CallbackTurn, ListCallbacks, RecordCallback, SendCallbackAgain,
};
use desk::administrator::*;
use desk::audit::{AuditFilter, ExportAudit, ListAudit};
use desk::authority::{ExplainPermission, ListHeldRoles, ShowPermissions, ShowRole};
use desk::bulk::*;
use desk::challenge::*;
use desk::device::*;
use desk::event::ListEvents;
use desk::import::*;
use desk::key::*;
use desk::message::*;
use desk::note::*;
use desk::password::{AppointStaff, InviteAgain, RevokePassword, StartPasswordReset};
use desk::permission::{ACTIONS, BUILT_IN_ROLES, Need, Permission as P, Proposable, QUESTIONS};
use desk::request::*;
use desk::role::*;
use desk::second_factor::*;
use desk::session::*;
use desk::staff::*;
use desk::team::*;
use desk::tenant::*;
use desk::testing::{TestDesk, origin};
use desk::user::standing::*;
use desk::user::verification::*;
use desk::user::*;
use desk::value::id::*;
use desk::value::secret::Secret;
use desk::{Action, Caller, Error, Question, Refusal, Result, Subject};
use serde_json::{Map, Value, json};

use crate::papers::{self, show};
use crate::registration::registration;
use crate::support::*;

/// One of everything a verb may be about.
struct Scene {
    t: TestDesk,
    word: String,
    user: UserId,
    herself: Caller,
    session: SessionId,
    device: DeviceId,
    message: MessageId,
    link: Secret,
    staff: StaffId,
    /// A signed-in staff member without any role.
    staff_caller: Caller,
    other_staff: StaffId,
    team: TeamId,
    /// A bulk action that was ended.
    bulk: BulkId,
    /// One that runs.
    running: BulkId,
    role: RoleId,
    held_role: RoleId,
    key: KeyId,
    import: ImportId,
    /// What a colleague has proposed.
    request: RequestId,
    /// What the holder of any permission has proposed.
    own_request: RequestId,
    verification: VerificationId,
    document: DocumentId,
    account: AccountId,
    /// An administrator of it, whom the owner has confirmed.
    administrator: AdministratorId,
    /// What waits for the owner, who was sent no code yet.
    waiting: ChallengeId,
    /// What waits for the administrator, with the code that she was sent.
    asked: ChallengeId,
    code: Secret,
    /// A partner that is called back.
    partner: KeyId,
    /// What it is told.
    callback: CallbackId,
}

/// An account of a user's.
fn account_of(owner: UserId, number: &str) -> OpenAccount {
    let details = Details { number: number.replace('_', "-"), name: "Adaeze Traders".to_owned(), short_code: None };
    OpenAccount { owner, kind: AccountKind::Sme, currency: "KES".to_owned(), balance: 0, details, partner: None }
}

/// Somebody who could become an administrator.
fn administrator(account: AccountId, number: u32) -> AddAdministrator {
    let person = Person {
        id_type: IdType::Passport,
        id_number: format!("P{number:06}"),
        full_name: "Wanjiru Otieno".to_owned(),
        country_code: "254".to_owned(),
        mobile: format!("712{number:06}"),
        email: format!("w{number}@mail.example"),
    };
    AddAdministrator { account, person }
}

/// A partner of the Choice voice that is called back.
fn partner_key(t: &TestDesk, sender: &str, staff: StaffId) -> CreateKey {
    let callback_url = t.desk.callback_url("callback_url", "https://partner.example/callbacks").ok();
    let client_id = Some(sender.to_owned());
    CreateKey { kind: KeyKind::ChoiceSender, client_id, callback_url, ..CreateKey::native(sender, staff) }
}

/// The newest code that somebody was sent.
async fn newest_code(t: &TestDesk) -> Secret {
    let newest = t.desk.ask(&t.house(), Outbox::Before(None)).await.unwrap();
    // What earlier verbs have caused may still be written meanwhile.
    let code = newest.into_iter().filter_map(|it| it.letter).filter(|it| it.reference.is_some()).find_map(|it| it.code);
    Secret::new(code.expect("a code was sent"))
}

/// Ending everything the user has: what a bulk action can do to one.
fn bulk_order(user: UserId) -> BulkOrder {
    let deed = BulkDeed::plain(BulkVerb::Reinstate);
    BulkOrder { deed, selection: Selection::Ids(vec![user]), reason: None, expected: None }
}

async fn start_bulk(t: &TestDesk, user: UserId) -> BulkId {
    let start = t.desk.plan_bulk(&t.house(), bulk_order(user)).await.unwrap();
    t.desk.perform(&t.house(), start).await.unwrap().id
}

impl Scene {
    async fn set(t: TestDesk, word: &str) -> Scene {
        let standing = Standing { verification: Verification::Requested, ..Standing::default() };
        let (d, house) = (t.desk.clone(), t.house());
        let user = user_in(&t, word, standing).await;
        let herself = herself(&t, word).await;
        let device = d.ask(&house, ListDevices(user)).await.unwrap()[0].id;
        let reset = StartPasswordReset { user, method: Channel::Email, reason: None };
        d.perform(&house, reset).await.unwrap();
        let message = d.ask(&house, ListMessages(user)).await.unwrap()[0].id;
        let link = secret(&letter(&t, user, "password_reset").await.unwrap().token.unwrap());
        let staff_id = staff(&t, word).await;
        let other_staff = staff(&t, &format!("{word}.two")).await;
        let staff_token = staff_sign_in(&t, word, PASSWORD).await.unwrap();
        let staff_caller = d.caller(staff_token.expose(), origin()).await.unwrap();
        let team = d.perform(&house, CreateTeam { name: format!("Team {word}") }).await.unwrap().id;
        let define = |name: &str| DefineRole { name: format!("{name} {word}"), permissions: Vec::new() };
        let role = d.perform(&house, define("Spare")).await.unwrap().id;
        let held_role = d.perform(&house, define("Held")).await.unwrap().id;
        d.perform(&house, AddMember { team, staff: other_staff, role: held_role }).await.unwrap();
        let key = d.perform(&house, CreateKey::native("CRM", other_staff)).await.unwrap().key.id;
        let session = session_of(&herself);
        let bulk = start_bulk(&t, user).await;
        d.perform(&house, RunBulkSlice { bulk, limit: 10 }).await.unwrap();
        let running = start_bulk(&t, user).await;
        // Those of earlier scenes must not fill the room there is for imports.
        for earlier in d.ask(&house, ListImports { before: None, limit: 200 }).await.unwrap() {
            if !earlier.state.is_over() {
                d.perform(&house, CancelImport(earlier.id)).await.unwrap();
            }
        }
        let import = d.perform(&house, received(&t, &house, word).await.unwrap()).await.unwrap().id;
        let more = AskForMore { user, text: "A sharper picture.".to_owned(), reason: None };
        let verification = d.perform(&house, more).await.unwrap().request.unwrap().id;
        let document = show(&t, &house, user, DocumentKind::PhotoId, &papers::png(8, 8)).await.unwrap().document.id;
        let account = d.perform(&house, account_of(user, &format!("acc-{word}"))).await.unwrap().account.id;
        let partner = d.perform(&house, partner_key(&t, &format!("partner-{word}"), other_staff)).await.unwrap().key;
        let theirs = OpenAccount { partner: partner.client_id, ..account_of(user, &format!("their-{word}")) };
        let theirs = d.perform(&house, theirs).await.unwrap().account.id;
        let known = d.perform(&house, administrator(theirs, 7)).await.unwrap();
        later(&t);
        let send = SendCode { challenge: known.challenge, channel: None, sending: Sending::Any, partner: None };
        d.perform(&house, send).await.unwrap();
        let confirm = ConfirmChallenge { challenge: known.challenge, code: newest_code(&t).await, partner: None };
        d.perform(&house, confirm).await.unwrap();
        let list = ListCallbacks { key: partner.id, state: None, before: None, limit: 1 };
        let callback = d.ask(&house, list).await.unwrap().callbacks[0].id;
        let added = d.perform(&house, administrator(account, 1)).await.unwrap();
        let administrator_id = added.administrator.administrator.id;
        later(&t);
        let send = SendCode { challenge: added.challenge, channel: None, sending: Sending::Any, partner: None };
        d.perform(&house, send).await.unwrap();
        let confirm = ConfirmChallenge { challenge: added.challenge, code: newest_code(&t).await, partner: None };
        assert!(matches!(d.perform(&house, confirm).await.unwrap(), Answered::Confirmed(_)));
        let waiting = d.perform(&house, administrator(account, 2)).await.unwrap().challenge;
        later(&t);
        let (contact, who) = (Contact::Email, Selector::Id(administrator_id));
        let asked = d.perform(&house, VerifyAdministrator { account, who, contact }).await.unwrap().challenge;
        let code = newest_code(&t).await;
        // Last: what would be caused must be the same when it is approved.
        let propose = |action| ProposeAction { proposal: Proposal::plain(action, user), reason: "case 17".to_owned() };
        let holder = t.holder(&[P::RequestsPropose]);
        let colleague = Caller { who: desk::Who::Key { id: key, staff: other_staff }, ..holder.clone() };
        let request = d.perform(&colleague, propose(Proposable::Suspend)).await.unwrap().request.id;
        let own_request = d.perform(&holder, propose(Proposable::Blacklist)).await.unwrap().request.id;
        Scene {
            t,
            word: word.to_owned(),
            user,
            herself,
            session,
            device,
            message,
            link,
            staff: staff_id,
            staff_caller,
            other_staff,
            team,
            bulk,
            running,
            role,
            held_role,
            key,
            import,
            request,
            own_request,
            verification,
            document,
            account,
            administrator: administrator_id,
            waiting,
            asked,
            code,
            partner: partner.id,
            callback,
        }
    }

    fn name(&self, what: &str) -> String {
        format!("{what} {}", self.word)
    }
}

/// A file with one row, received.
async fn received(t: &TestDesk, caller: &Caller, word: &str) -> Result<StartImport> {
    let mut staging = t.desk.stage_import(caller, Format::Csv, false, Naming::default()).await?;
    staging.push(format!("external_id,last_name\n{word},Reyes\n").as_bytes()).await?;
    staging.finish().await
}

type Told<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
type Run = for<'a> fn(&'a Scene, &'a Caller) -> Told<'a>;

async fn act<A: Action>(s: &Scene, caller: &Caller, name: &str, action: A) -> Result<()> {
    assert_eq!(A::NAME, name);
    s.t.desk.perform(caller, action).await.map(drop)
}

async fn ask<Q: Question>(s: &Scene, caller: &Caller, name: &str, question: Q) -> Result<()> {
    assert_eq!(Q::NAME, name);
    s.t.desk.ask(caller, question).await.map(drop)
}

/// A list of verbs: the name, and how it is constructed and run.
macro_rules! verbs {
    ($($name:literal => |$s:ident, $c:ident| $run:expr;)+) => {
        &[$(($name, {
            fn run<'a>($s: &'a Scene, $c: &'a Caller) -> Told<'a> {
                Box::pin(async move { $run.await })
            }
            run as Run
        })),+]
    };
}

/// Verbs made of the scene alone.
macro_rules! plain {
    ($how:ident: $($name:literal => |$s:ident| $verb:expr;)+) => {
        verbs! { $($name => |$s, c| $how($s, c, $name, $verb);)+ }
    };
}

fn patch(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

const PLAIN_ACTIONS: &[(&str, Run)] = plain! { act:
    "user.create" => |s| CreateUser::of(profile(&s.name("new").replace(' ', "-")));
    "user.edit" => |s| EditUser {
        user: s.user, if_version: None, patch: patch(json!({"middle_name": "Chi"})), kind: None, employee: None, reason: None,
    };
    "user.edit_herself" => |s| EditMyself { user: s.user, patch: patch(json!({"locale": "en"})) };
    "user.find_by_hidden_value" => |_s| FindByHiddenValue { find: FindUsers::of("22123456144") };
    "user.lock" => |s| LockUser { user: s.user, until: None, reason: None };
    "user.unlock" => |s| UnlockUser { user: s.user, reason: None };
    "user.unlock_when_due" => |s| UnlockWhenDue { user: s.user, reason: None };
    "user.apply_queued_unlock" => |s| ApplyQueuedUnlock { user: s.user, reason: None };
    "user.disable" => |s| DisableUser { user: s.user, reason: None };
    "user.enable" => |s| EnableUser { user: s.user, reason: None };
    "user.suspend" => |s| SuspendUser { user: s.user, reason: None };
    "user.reinstate" => |s| ReinstateUser { user: s.user, reason: None };
    "user.flag" => |s| FlagUser { user: s.user, bank: None, reason: None };
    "user.unflag" => |s| UnflagUser { user: s.user, bank: None, reason: None };
    "user.blacklist" => |s| BlacklistUser { user: s.user, reason: None };
    "user.unblacklist" => |s| UnblacklistUser { user: s.user, reason: None };
    "user.set_fraud_status" => |s| SetFraudStatus { user: s.user, status: FraudStatus::Suspicious, reason: None };
    "user.hold" => |s| HoldUser { user: s.user, legal: false, reason: None };
    "user.release" => |s| ReleaseUser { user: s.user, reason: None };
    "user.set_core_state" => |s| SetCoreState { user: s.user, state: CoreState::Dormant, reason: None };
    "user.ask_verification" => |s| AskVerification { user: s.user, reason: None };
    "user.decide_verification" => |s| DecideVerification { user: s.user, verified: true, reason: None };
    "verification.submit" => |s| SubmitVerification { user: s.user };
    "verification.approve" => |s| ApproveVerification { user: s.user, reason: None };
    "verification.decline" => |s| DeclineVerification { user: s.user, reason: "forged".to_owned(), text: None };
    "verification.ask_more" => |s| AskForMore { user: s.user, text: "Her signature.".to_owned(), reason: None };
    "verification.tell" => |s| TellOfVerification { verification: s.verification, step: 2 };
    "user.remove" => |s| RemoveUser { user: s.user, reason: None };
    "user.erase" => |s| EraseUser { user: s.user, reason: None };
    "import.pause" => |s| PauseImport(s.import);
    "import.resume" => |s| ResumeImport(s.import);
    "import.cancel" => |s| CancelImport(s.import);
    "import.fail" => |s| FailImport { import: s.import, code: "busy" };
    "session.confirm_sign_in" => |s| ConfirmSignIn { proof: ProofId(s.user.0), code: secret("123456"), lives_seconds: None };
    "session.sign_out" => |s| SignOut { user: s.user };
    "session.end" => |s| EndSession { user: s.user, session: s.session, reason: None };
    "session.end_all" => |s| EndSessions { user: s.user, reason: None };
    "second_factor.prepare" => |s| PrepareSecondFactor { user: s.user };
    "second_factor.confirm" => |s| ConfirmSecondFactor {
        user: s.user, secret: secret(SEED), code: secret(&totp(SEED, s.t.desk.now().unix_seconds())),
    };
    "second_factor.remove" => |s| RemoveSecondFactor { user: s.user, reason: None };
    "password.start_reset" => |s| StartPasswordReset { user: s.user, method: Channel::Sms, reason: None };
    "password.revoke" => |s| RevokePassword { user: s.user, reason: None };
    "second_factor.send_phone_code" => |s| SendPhoneCode { user: s.user };
    "second_factor.confirm_phone" => |s| ConfirmPhone { user: s.user, code: secret("123456") };
    "device.unlink" => |s| UnlinkDevice { user: s.user, device: s.device, reason: None };
    "device.unlink_all" => |s| UnlinkAllDevices { user: s.user, reason: None };
    "note.write" => |s| WriteNote { user: s.user, text: "She called.".to_owned() };
    "message.mark_sent" => |s| MarkSent { message: s.message, resting: false };
    "message.mark_failed" => |s| MarkFailed { message: s.message, last: true };
    "staff.sign_out" => |s| StaffSignOut { staff: s.staff };
    "staff.add" => |s| AddStaff {
        id: None, name: "Sade".to_owned(), email: format!("sade.{}@bank.example", s.word), password_hash: None,
    };
    "staff.appoint" => |s| AppointStaff {
        email: format!("appointed.{}@bank.example", s.word.replace('_', "-")), role: s.name("Held"),
    };
    "staff.confirm" => |s| ConfirmStaff(s.other_staff);
    "staff.invite_again" => |s| InviteAgain(s.other_staff);
    "staff.require_password_change" => |s| RequirePasswordChange(s.other_staff);
    "staff.disable" => |s| DisableStaff(s.other_staff);
    "staff.enable" => |s| EnableStaff(s.other_staff);
    "team.create" => |s| CreateTeam { name: s.name("New") };
    "team.add_member" => |s| AddMember { team: s.team, staff: s.other_staff, role: s.held_role };
    "team.remove_member" => |s| RemoveMember { team: s.team, staff: s.other_staff };
    "role.define" => |s| DefineRole { name: s.name("New"), permissions: Vec::new() };
    "role.delete" => |s| DeleteRole(s.role);
    "role.settle" => |_s| SettleRoles;
    "key.create" => |s| CreateKey::native("Script", s.other_staff);
    "key.revoke" => |s| RevokeKey(s.key);
    "key.set_callback" => |s| SetCallbackUrl { key: s.partner, url: None };
    "key.remember_assertion" => |s| RememberAssertion {
        key: s.key, jti: "one".to_owned(), expires_at: s.t.desk.now().plus(60_000_000),
    };
    "key.revoke_token" => |s| RevokeToken {
        key: s.key, token: "one".to_owned(), expires_at: s.t.desk.now().plus(60_000_000),
    };
    "bulk.undo" => |s| UndoBulk { bulk: s.bulk, reason: None };
    "bulk.pause" => |s| PauseBulk { bulk: s.running, reason: None };
    "bulk.resume" => |s| ResumeBulk { bulk: s.running, reason: None };
    "bulk.cancel" => |s| CancelBulk { bulk: s.running, reason: None };
    "bulk.run_slice" => |s| RunBulkSlice { bulk: s.running, limit: 10 };
    "bulk.give_up" => |s| GiveUpBulk { bulk: s.running, code: "internal" };
    "request.propose" => |s| ProposeAction {
        proposal: Proposal::plain(Proposable::Disable, s.user), reason: "case 17".to_owned(),
    };
    "request.approve" => |s| ApproveRequest { request: s.request, comment: None, already_so: AlreadySo::Refuse };
    "request.decline" => |s| DeclineRequest { request: s.request, reason: "no grounds".to_owned() };
    "request.withdraw" => |s| WithdrawRequest { request: s.own_request, reason: None };
    "request.expire" => |s| ExpireRequest(s.request);
    "account.open" => |s| account_of(s.user, &format!("new-{}", s.word));
    "account.change" => |s| ChangeAccount { account: s.account, change: AccountChange::Freeze, reason: None };
    "administrator.add" => |s| administrator(s.account, 3);
    "administrator.verify" => |s| VerifyAdministrator {
        account: s.account, who: Selector::Id(s.administrator), contact: Contact::Mobile,
    };
    "administrator.set_rights" => |s| SetAdministratorRights {
        administrator: s.administrator, rights: Rights { approve: false, limit: Some(100), ..Rights::default() }, reason: None,
    };
    "administrator.remove" => |s| RemoveAdministrator {
        account: s.account, who: Selector::Id(s.administrator), reason: None,
    };
    "challenge.send" => |s| SendCode { challenge: s.waiting, channel: None, sending: Sending::Any, partner: None };
    "challenge.confirm" => |s| ConfirmChallenge {
        challenge: s.asked, code: secret(s.code.expose()), partner: None,
    };
    "challenge.cancel" => |s| CancelChallenge { challenge: s.waiting, reason: None };
    "callback.send_again" => |s| SendCallbackAgain(s.callback);
    "callback.record" => |s| RecordCallback { callback: s.callback, told: callback::Told::Ok };
    "settings.change" => |s| ChangeSettings { patch: patch(json!({"memo_mode": s.word.len() > 1})) };
    "settings.change_security" => |s| ChangeSecuritySettings { patch: patch(json!({"mail_from": s.word})) };
};

/// A secret for an authenticator: twenty bytes in base 32.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// Verbs that the desk makes itself, because something slow or secret comes before them.
const MADE_BY_THE_DESK: &[(&str, Run)] = verbs! {
    "session.sign_in" => |s, c| async {
        let identifier = format!("adaeze.{}", s.word);
        s.t.desk.sign_in(c, SignInRequest { identifier, password: secret(PASSWORD), device: None, lives_seconds: None }).await.map(drop)
    };
    "user.register" => |s, c| async {
        let open = ChangeSettings { patch: patch(json!({"self_registration": true})) };
        s.t.desk.perform(&s.t.house(), open).await?;
        let email = profile(&s.name("herself").replace([' ', '_'], "-")).email.unwrap();
        s.t.desk.register(c, registration(&email), secret(PASSWORD)).await
    };
    "user.confirm_registration" => |s, c| async {
        let open = ChangeSettings { patch: patch(json!({"self_registration": true, "registrations_an_hour": 1000})) };
        s.t.desk.perform(&s.t.house(), open).await?;
        let email = profile(&s.name("confirmed").replace([' ', '_'], "-")).email.unwrap();
        s.t.desk.register(&s.t.nobody(), registration(&email), secret(PASSWORD)).await?;
        let letters = s.t.desk.ask(&s.t.house(), Outbox::Before(None)).await?;
        let mut letters = letters.into_iter().filter(|it| it.template == "registration_link").filter_map(|it| it.letter);
        let token = letters.find(|letter| letter.to == email).and_then(|letter| letter.token).unwrap();
        s.t.desk.confirm_registration(c, &secret(&token), secret(PASSWORD)).await.map(drop)
    };
    "session.ask_unlock" => |s, c| s.t.desk.ask_unlock(c, "adaeze.one");
    "session.unlock" => |s, c| async {
        // Nobody is locked here; that a code opens is told by the Switch voice's exchanges.
        match s.t.desk.unlock_by_code(c, &secret("buc_1_none")).await {
            Err(Error::Refused(desk::Refusal::LinkInvalid)) => Ok(()),
            other => other,
        }
    };
    "second_factor.set_pin" => |s, c| s.t.desk.set_pin(c, secret("0417"), OwnProof::default());
    "second_factor.remove_own" => |s, c| s.t.desk.remove_own_second_factor(c, OwnProof::default());
    "second_factor.choose" => |s, c| async {
        // One that is set up.
        let _ = s.t.desk.set_pin(&s.herself, secret("0417"), OwnProof::default()).await;
        s.t.desk.choose_second_factor(c, "pin", OwnProof::default()).await.map(drop)
    };
    "staff.change_password" => |s, c| s.t.desk.change_staff_password(c, secret(PASSWORD), secret(NEW_PASSWORD));
    "staff.choose_password" => |s, c| async {
        let email = format!("chosen.{}@bank.example", s.t.desk.now().0);
        let appoint = AppointStaff { email: email.clone(), role: s.name("Held") };
        s.t.desk.perform(&s.t.house(), appoint).await?;
        let all = s.t.desk.ask(&s.t.house(), Outbox::Before(None)).await?;
        let link = all.into_iter().filter_map(|it| it.letter).find(|it| it.to == email).unwrap().token.unwrap();
        s.t.desk.choose_password(c, &secret(&link), secret(NEW_PASSWORD)).await
    };
    "password.ask_reset" => |s, c| s.t.desk.ask_reset(c, "adaeze.one", Channel::Email);
    "password.choose" => |s, c| s.t.desk.choose_password(c, &s.link, secret(NEW_PASSWORD));
    "password.change" => |s, c| s.t.desk.change_password(c, secret(PASSWORD), secret(NEW_PASSWORD));
    "staff.sign_in" => |s, c| async {
        s.t.desk.staff_sign_in(c, "tunde.one@bank.example", secret(PASSWORD)).await.map(drop)
    };
    "bulk.start" => |s, c| async {
        let order = bulk_order(s.user);
        s.t.desk.perform(c, s.t.desk.plan_bulk(c, order).await?).await.map(drop)
    };
    "verification.add_document" => |s, c| async {
        show(&s.t, c, s.user, DocumentKind::Selfie, &papers::png(8, 8)).await.map(drop)
    };
    "import.receive" => |s, c| async {
        let waits = received(&s.t, &s.t.house(), &s.word).await?.to_wait();
        s.t.desk.perform(c, waits).await.map(drop)
    };
    "import.start" => |s, c| async {
        let start = received(&s.t, c, &s.word).await?;
        s.t.desk.perform(c, start).await.map(drop)
    };
    "import.slice" => |s, c| async {
        // Only the desk makes slices, and only as the house; anybody else is told what the attempt by itself comes to.
        if c.who != desk::Who::House {
            return s.t.desk.perform(c, ImportSlice::of_nothing(s.import)).await.map(drop);
        }
        s.t.desk.run_import(c.tenant, s.import, ToTheEnd).await.map(drop)
    };
    "user.export_page" => |s, c| async {
        let open = ExportUsers { filter: UserFilter::default(), purpose: None };
        let export = s.t.desk.ask(&s.t.house(), open).await?;
        s.t.desk.ask(c, ExportPage { export, after: 0 }).await.map(drop)
    };
    "tenant.create" => |s, _c| async {
        s.t.other_tenant().await;
        Ok(())
    };
};

const PLAIN_QUESTIONS: &[(&str, Run)] = plain! { ask:
    "user.find" => |_s| FindUsers::of("adaeze");
    "user.list" => |_s| ListUsers { filter: UserFilter::default(), after: None, limit: 10, count: true };
    "user.show" => |s| ShowUser(s.user);
    "user.reveal" => |s| RevealUser { user: s.user, purpose: "loan file 17".to_owned() };
    "user.reveal_second_factor" => |s| RevealSecondFactor { user: s.user, purpose: "a lost phone".to_owned() };
    "user.queued_unlocks" => |_s| QueuedUnlocks;
    "user.duplicate_names" => |_s| DuplicateNames { after: 0 };
    "verification.list" => |_s| ListVerifications {
        filter: UserFilter::default(), begin: VerificationBegin::After(None), limit: 10,
    };
    "verification.show" => |s| ShowVerification(s.user);
    "verification.document" => |s| OpenDocument {
        user: s.user, document: s.document, purpose: "deciding on her request".to_owned(),
    };
    "user.export" => |_s| ExportUsers { filter: UserFilter::default(), purpose: None };
    "import.show" => |s| ShowImport(s.import);
    "import.list" => |_s| ListImports { before: None, limit: 10 };
    "import.rejected" => |s| RejectedRows { import: s.import, after: 0, limit: 10 };
    "import.reveal_rejected" => |s| RevealRejected {
        import: s.import, after: 0, limit: 10, purpose: "mending the file".to_owned(),
    };
    "session.list" => |s| ListSessions(s.user);
    "device.list" => |s| ListDevices(s.user);
    "note.list" => |s| ListNotes(s.user);
    "message.list" => |s| ListMessages(s.user);
    "message.outbox" => |s| Outbox::One(s.message);
    "staff.list" => |_s| ListStaff;
    "staff.who_am_i" => |_s| WhoAmI;
    "team.list" => |_s| ListTeams;
    "role.list" => |_s| ListRoles;
    "role.show" => |s| ShowRole(s.role);
    "permission.table" => |_s| ShowPermissions;
    "permission.explain" => |_s| ExplainPermission { staff: None, action: "user.lock".to_owned(), user: None };
    "key.list" => |_s| ListKeys;
    "callback.list" => |s| ListCallbacks { key: s.partner, state: Some(CallbackState::Queued), before: None, limit: 10 };
    "callback.turn" => |s| CallbackTurn(s.callback);
    "audit.list" => |_s| ListAudit(AuditFilter { limit: 10, ..AuditFilter::default() });
    "audit.export" => |_s| ExportAudit { after: 0 };
    "audit.staff_activity" => |s| StaffActivity(ActivityFilter { about: Some(s.user.0), ..ActivityFilter::page(10) });
    "audit.user_activity" => |s| UserActivity(ActivityFilter { about: Some(s.user.0), ..ActivityFilter::page(10) });
    "audit.activity" => |s| AllActivity(ActivityFilter { about: Some(s.user.0), ..ActivityFilter::page(10) });
    "event.list" => |_s| ListEvents { after: None, limit: 10 };
    "bulk.list" => |_s| ListBulks { before: None, limit: 10 };
    "bulk.show" => |s| ShowBulk(s.bulk);
    "bulk.rows" => |s| ListBulkRows { bulk: s.bulk, outcome: None, after: None, limit: 10 };
    "bulk.preview" => |s| PreviewBulk::Start(bulk_order(s.user));
    "request.list" => |_s| ListRequests { limit: 10, ..ListRequests::default() };
    "request.show" => |s| ShowRequest(RequestRef::Id(s.request));
    "request.pending" => |s| PendingRequests(s.user);
    "account.list" => |_s| ListAccounts { user: None, partner: None, after: None, limit: 10 };
    "account.show" => |s| ShowAccount { account: AccountRef::Id(s.account), partner: None };
    "account.reveal" => |s| RevealAccount { account: s.account, purpose: "a complaint".to_owned() };
    "administrator.list" => |s| ListAdministrators { account: s.account, after: None, limit: 10 };
    "administrator.show" => |s| ShowAdministrator(s.administrator);
    "challenge.list" => |s| ListChallenges { account: s.account };
    "challenge.show" => |s| ShowChallenge(s.asked);
    "settings.show" => |_s| ShowSettings;
    "settings.user_terms" => |_s| ShowUserTerms;
    "tenant.list" => |_s| ListTenants;
};

/// What is not as the rule says, and why.
const NO_CALLER: &[(&str, &str)] =
    &[("tenant.create", "Desk::open_tenant takes no caller: whoever holds the desk itself opens tenants")];
const NO_RECORD_WHEN_FORBIDDEN: &[(&str, &str)] = &[
    ("password.change", "there is no user whose old password could be checked, so nothing was attempted on anybody"),
    ("second_factor.set_pin", "as above: a PIN is hashed for whoever has come as a user, and for nobody else"),
    ("second_factor.choose", "as above: it is always about the caller"),
    ("second_factor.remove_own", "as above"),
    ("staff.change_password", "as above, of a member of the staff"),
];

/// What a verb needs besides its own permission: that of what it shall do.
const BESIDES: &[(&str, P)] = &[
    ("bulk.start", P::UsersSuspend),
    ("bulk.undo", P::UsersSuspend),
    ("bulk.resume", P::UsersSuspend),
    ("bulk.preview", P::UsersSuspend),
    ("import.reveal_rejected", P::UsersReveal),
    ("request.approve", P::UsersSuspend),
];

/// The other questions a verb of this name has.
const FURTHER_QUESTIONS: &[(&str, Run)] = plain! { ask:
    "user.find" => |s| UserByName { by: Unique::Username, text: format!("adaeze.{}", s.word) };
    "user.find" => |_s| UserByNumber(1);
    "user.list" => |_s| UsersAtRow { filter: UserFilter::default(), row: 0, limit: 1, order: ListOrder::NewestFirst };
    "user.list" => |_s| UsersNewestFirst {
        filter: UserFilter::default(), containing: Some("a".to_owned()), brought_by: None, row: 0, limit: 1,
    };
    "staff.list" => |_s| StaffCards;
    "staff.list" => |_s| StaffByNumber(1);
    "request.show" => |_s| ShowRequest(RequestRef::Number(1));
    "role.list" => |_s| ListHeldRoles;
};

fn run_of(name: &str) -> Run {
    let all = [PLAIN_ACTIONS, MADE_BY_THE_DESK, PLAIN_QUESTIONS].concat();
    let found = all.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("{name} has no entry in tests/it/coverage.rs: say how it is run")).1
}

#[test]
fn every_verb_has_one_entry_and_every_entry_a_verb() {
    let listed: Vec<&str> = ACTIONS.iter().chain(QUESTIONS).map(|(name, _)| *name).collect();
    for name in &listed {
        run_of(name);
    }
    for (name, _) in [PLAIN_ACTIONS, MADE_BY_THE_DESK, PLAIN_QUESTIONS, FURTHER_QUESTIONS].concat() {
        assert!(listed.contains(&name), "{name} has no line in permission.rs");
    }
    for (name, reason) in NO_CALLER.iter().chain(NO_RECORD_WHEN_FORBIDDEN) {
        assert!(listed.contains(name) && !reason.is_empty(), "{name}");
    }
}

/// Everything but these.
fn all_but(missing: &[P]) -> Vec<P> {
    P::ALL.iter().copied().filter(|permission| !missing.contains(permission)).collect()
}

/// Who may run it, each with nothing more than is needed; and who may not, with everything else.
fn callers(s: &Scene, need: Need) -> (Vec<Caller>, Vec<Caller>) {
    let holder = |permission| s.t.holder(&[permission]);
    let others = |permission| s.t.holder(&all_but(&[permission]));
    let stranger = Caller { may: s.t.admin().may, ..s.herself.clone() };
    let stranger = match stranger.who {
        desk::Who::User { session, .. } => {
            Caller { who: desk::Who::User { id: UserId(s.staff.0), session }, ..stranger }
        }
        _ => stranger,
    };
    let powerless = Caller { may: Default::default(), ..stranger };
    match need {
        Need::Anyone => (vec![s.t.nobody()], vec![]),
        Need::Oneself => (vec![s.herself.clone()], vec![s.t.admin(), powerless]),
        Need::OneselfOr(permission) => {
            (vec![s.herself.clone(), holder(permission)], vec![others(permission), powerless])
        }
        Need::Holder(permission) => (vec![holder(permission)], vec![others(permission), s.herself.clone()]),
        Need::SignedInStaff => (vec![s.staff_caller.clone()], vec![s.herself.clone()]),
        Need::House => (vec![s.t.house()], vec![s.t.admin()]),
    }
}

async fn cover(table: &[(&str, Need)], are_actions: bool) {
    for engine in 0..TestDesk::all().await.len() {
        let mut t = TestDesk::all().await.remove(engine);
        for (index, (name, need)) in table.iter().enumerate() {
            let first = if *name == "password.ask_reset" || *name == "staff.sign_in" { "one" } else { "" };
            let word = if first.is_empty() { format!("v{index}") } else { format!("{first}{index}") };
            let s = Scene::set(t, &word).await;
            let run = run_of(name);
            let (mut may, mut may_not) = callers(&s, *need);
            for (_, besides) in BESIDES.iter().filter(|(known, _)| known == name) {
                for caller in &mut may {
                    caller.may = caller.may.or([*besides].into_iter().collect());
                }
            }
            let about_the_caller =
                ["password.change", "second_factor.set_pin", "second_factor.choose", "second_factor.remove_own"];
            if about_the_caller.contains(name) {
                // It is always about the caller: there is no other user whose password it could be asked for.
                may_not.truncate(1);
            }
            if !NO_CALLER.iter().any(|(known, _)| known == name) {
                for caller in &may_not {
                    later(&s.t);
                    let records = audit_rows(&s.t, name).await;
                    let told = run(&s, caller).await;
                    assert!(matches!(told, Err(Error::Forbidden(_))), "{name} by {:?}: {}", caller.who, code(told));
                    let left = audit_rows(&s.t, name).await - records;
                    let silent = !are_actions
                        && !matches!(
                            *name,
                            "user.reveal"
                                | "account.reveal"
                                | "user.reveal_second_factor"
                                | "user.export"
                                | "verification.document"
                                | "import.reveal_rejected"
                                | "audit.export"
                        )
                        || NO_RECORD_WHEN_FORBIDDEN.iter().any(|(known, _)| known == name);
                    assert_eq!(left, i64::from(!silent), "{name} forbidden leaves a record");
                }
                if *need != Need::Anyone {
                    let told = run(&s, &s.t.nobody()).await;
                    assert!(matches!(told, Err(Error::Unauthenticated(_))), "{name} by a stranger: {}", code(told));
                }
            }
            for caller in &may {
                later(&s.t);
                let told = run(&s, caller).await;
                assert!(told.is_ok(), "{name} by {:?}: {told:?}", caller.who);
            }
            t = s.t;
        }
    }
}

/// How many refused attempts of this verb are on record.
async fn audit_rows(t: &TestDesk, name: &str) -> i64 {
    let sql =
        format!("SELECT COUNT(*) FROM audit WHERE action = '{name}' AND outcome = 'refused' AND code = 'forbidden'");
    count(t, sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_action_is_open_to_whom_it_needs_and_to_nobody_else() {
    cover(ACTIONS, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_question_is_open_to_whom_it_needs_and_to_nobody_else() {
    cover(QUESTIONS, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_further_questions_of_a_name_need_the_same() {
    for t in TestDesk::all().await {
        let s = Scene::set(t, "one").await;
        for (name, run) in FURTHER_QUESTIONS {
            let need = desk::permission::need_of(QUESTIONS, name).unwrap();
            let (may, may_not) = callers(&s, need);
            assert!(run(&s, &may[0]).await.is_ok(), "{name}");
            assert!(matches!(run(&s, &may_not[0]).await, Err(Error::Forbidden(_))), "{name}");
        }
    }
}

/// What has to be done before there is anything to propose.
const BEFORE: &[(&str, &str)] = &[
    ("user.unlock", "user.lock"),
    ("user.enable", "user.disable"),
    ("user.reinstate", "user.suspend"),
    ("user.unflag", "user.flag"),
    ("user.unblacklist", "user.blacklist"),
    ("user.release", "user.hold"),
    ("user.ask_verification", "verification.decline"),
    ("second_factor.remove", "second_factor.confirm"),
    ("staff.enable", "staff.disable"),
    ("bulk.undo", "bulk.run_slice"),
    ("bulk.resume", "bulk.pause"),
    ("import.resume", "import.pause"),
    ("callback.send_again", "callback.record"),
];

/// Does in this scene what has to be done before there is anything to propose.
async fn prepare(s: &Scene, action: Proposable) {
    for (_, before) in BEFORE.iter().filter(|(known, _)| *known == action.word()) {
        let by = if *before == "second_factor.confirm" { &s.herself } else { &s.t.house() };
        run_of(before)(s, by).await.unwrap();
    }
    match action {
        // What the scene has proposed already.
        Proposable::Suspend => run_of("request.decline")(s, &s.t.admin()).await.unwrap(),
        Proposable::Blacklist => run_of("request.withdraw")(s, &s.t.admin()).await.unwrap(),
        _ => {}
    }
}

/// What is proposed, told all that it needs, as it stands in this scene.
async fn proposal(s: &Scene, action: Proposable) -> Proposal {
    use Proposable as A;
    let (t, house) = (&s.t, s.t.house());
    let text = |text: &str| Some(text.to_owned());
    let mut told = desk::request::Told::default();
    let mut about = match action.about() {
        "staff" => Subject::Staff(s.other_staff),
        "team" => Subject::Team(s.team),
        "role" => Subject::Role(s.role),
        "key" => Subject::Key(s.key),
        "account" => Subject::Account(s.account),
        "administrator" => Subject::Administrator(s.administrator),
        "challenge" => Subject::Challenge(s.waiting),
        "bulk" => Subject::Bulk(s.running),
        "import" => Subject::Import(s.import),
        "callback" => Subject::Callback(s.callback),
        "tenant" => Subject::Tenant,
        _ => Subject::User(s.user),
    };
    match action {
        A::SetFraudStatus => told.deed.status = Some(FraudStatus::Suspicious),
        A::SetCoreState => told.deed.state = Some(CoreState::Dormant),
        A::DecideVerification => told.deed.verified = Some(true),
        A::CreateUser => told.profile = json!({"first_name": "Ngozi", "last_name": s.word}).as_object().cloned(),
        A::Edit => told.profile = json!({"middle_name": "Chi"}).as_object().cloned(),
        A::StartReset => told.method = Some(Channel::Email),
        A::UnlinkDevice => told.device = Some(s.device),
        A::EndSession => told.session = Some(s.session),
        A::WriteNote | A::AskForMore => told.text = text("Her signature."),
        A::AddMember => (told.staff, told.role) = (Some(s.staff), Some(s.held_role)),
        A::RemoveMember => told.staff = Some(s.other_staff),
        A::AddStaff => (told.name, told.email) = (text("Sade"), Some(format!("s.{}@bank.example", s.word))),
        A::AppointStaff => {
            (told.email, told.role_name) = (Some(format!("a.{}@bank.example", s.word)), Some(s.name("Held")));
        }
        A::CreateTeam | A::DefineRole => {
            told.name = Some(s.name("Proposed"));
            told.permissions = (action == A::DefineRole).then(Vec::new);
        }
        A::ChangeSettings => told.settings = json!({"bulk_max": 1000 + s.word.len()}).as_object().cloned(),
        A::ChangeSecurity => told.settings = json!({"lock_after": 20 + s.word.len()}).as_object().cloned(),
        A::CreateKey => {
            told.key = Some(native_key("Script"));
        }
        A::SetKeyCallback => about = Subject::Key(s.partner),
        A::StartBulk => {
            let filter = Some(UserFilter::default());
            told.bulk = Some(ProposedBulk { deed: BulkDeed::plain(BulkVerb::Flag), filter, ids: None });
        }
        A::UndoBulk => {
            // One that has changed somebody.
            let deed = BulkDeed::plain(BulkVerb::Flag);
            let selection = Selection::Ids(vec![s.user]);
            let order = BulkOrder { deed, selection, reason: None, expected: None };
            let start = t.desk.plan_bulk(&house, order).await.unwrap();
            let bulk = t.desk.perform(&house, start).await.unwrap().id;
            t.desk.perform(&house, RunBulkSlice { bulk, limit: 10 }).await.unwrap();
            about = Subject::Bulk(bulk);
        }
        A::StartImport => {
            let waits = received(t, &house, &format!("waits-{}", s.word)).await.unwrap().to_wait();
            about = Subject::Import(t.desk.perform(&house, waits).await.unwrap().id);
        }
        A::OpenAccount => {
            let OpenAccount { kind, currency, balance, details, partner, .. } =
                account_of(s.user, &format!("prop-{}", s.word));
            told.account = Some(ProposedAccount { kind, currency, balance, details, partner });
        }
        A::ChangeAccount => told.change = Some(AccountChange::Freeze),
        A::AddAdministrator => told.person = Some(administrator(s.account, 4).person),
        A::VerifyAdministrator => {
            (told.of_account, told.contact) = (Some(s.account), Some(Contact::Mobile));
        }
        A::SetAdministratorRights => told.rights = Some(Rights { approve: false, ..Rights::default() }),
        A::RemoveAdministrator => told.of_account = Some(s.account),
        _ => {}
    }
    Proposal { action, about, told }
}

/// Makes this, and nothing else, an action that needs a second person.
async fn only_by_two(t: &TestDesk, name: &str) {
    let patch = patch(json!({"second_person": [name]}));
    t.desk.perform(&t.house(), ChangeSecuritySettings { patch }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_can_be_proposed_is_done_by_nobody_alone_where_the_policy_says_so() {
    for mut t in TestDesk::all().await {
        for (index, action) in Proposable::ALL.iter().enumerate() {
            let s = Scene::set(t, &format!("s{index}")).await;
            let name = action.word();
            // What the way to it needs besides is done by the house, whom the policy does not hold.
            only_by_two(&s.t, name).await;
            later(&s.t);
            for caller in [s.t.admin(), Caller::house(s.t.tenant, desk::Door::Worker)] {
                let told = run_of(name)(&s, &caller).await;
                assert_eq!(refusal(told), Refusal::NeedsSecondPerson, "{name} by {:?}", caller.who);
            }
            let sql = format!("SELECT COUNT(*) FROM audit WHERE action = '{name}' AND code = 'needs_second_person'");
            assert_eq!(count(&s.t, sql).await, 2, "{name} is on record");
            only_by_two(&s.t, "user.erase").await;
            t = s.t;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_can_be_proposed_is_done_in_the_name_of_who_approves_it() {
    for mut t in TestDesk::all().await {
        for (index, action) in Proposable::ALL.iter().enumerate() {
            let s = Scene::set(t, &format!("p{index}")).await;
            let name = action.word();
            prepare(&s, *action).await;
            let proposal = proposal(&s, *action).await;
            only_by_two(&s.t, name).await;
            later(&s.t);
            // She may do nothing but propose.
            let may = s.t.holder(&[P::RequestsPropose]);
            let proposer = Caller { who: desk::Who::Key { id: s.key, staff: s.staff }, ..may };
            let propose = || ProposeAction { proposal: proposal.clone(), reason: "case 17".to_owned() };
            let seen = s.t.desk.perform(&proposer, propose()).await;
            let seen = seen.unwrap_or_else(|error| panic!("{name} is not proposed: {error:?}"));
            let request = seen.request.id;
            later(&s.t);
            let again = s.t.desk.perform(&proposer, propose()).await;
            assert_eq!(refusal(again), Refusal::RequestPending, "{name}: the same is proposed once");
            let approve = || ApproveRequest { request, comment: None, already_so: AlreadySo::Refuse };
            let bare = s.t.holder(&[P::RequestsDecide]);
            assert!(matches!(s.t.desk.perform(&bare, approve()).await, Err(Error::Forbidden(_))), "{name}");
            later(&s.t);
            let seen = s.t.desk.perform(&s.t.admin(), approve()).await;
            let seen = seen.unwrap_or_else(|error| panic!("{name} is not approved: {error:?}"));
            assert_eq!(seen.state, desk::request::RequestState::Approved);
            let outcome = seen.outcome.unwrap();
            assert!(!outcome.facts.is_empty(), "{name}");
            assert_eq!(outcome.secret.is_some(), *action == Proposable::CreateKey, "{name}");
            let sql = format!(
                "SELECT COUNT(*) FROM audit WHERE action = '{name}' AND outcome = 'done' AND at = {}",
                s.t.desk.now().0
            );
            assert_eq!(count(&s.t, sql).await, 1, "{name} has a record of its own");
            only_by_two(&s.t, "user.erase").await;
            t = s.t;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_about_a_user_can_be_hers_to_confirm_at_every_door() {
    let about_users = || Proposable::ALL.iter().filter(|action| action.about() == "user");
    for mut t in TestDesk::all().await {
        for (index, action) in about_users().enumerate() {
            let s = Scene::set(t, &format!("c{index}")).await;
            let (name, house) = (action.word(), s.t.house());
            prepare(&s, *action).await;
            // Somebody who may do it, as the tables say.
            let admin =
                s.t.desk.ask(&house, ListRoles).await.unwrap().into_iter().find(|it| it.name == "admin").unwrap();
            let add = AddMember { team: s.team, staff: s.staff, role: admin.id };
            s.t.desk.perform(&house, add).await.unwrap();
            let proposal = proposal(&s, *action).await;
            let confirms = |names: &[&str]| patch(json!({ "customer_confirms": names }));
            let settings = ChangeSecuritySettings { patch: confirms(&[name]) };
            s.t.desk.perform(&house, settings).await.unwrap();
            later(&s.t);
            for caller in [s.t.admin(), Caller::house(s.t.tenant, desk::Door::Worker)] {
                let told = run_of(name)(&s, &caller).await;
                assert_eq!(refusal(told), Refusal::NeedsCustomer, "{name} by {:?}", caller.who);
            }
            let proposer = Caller { may: P::ALL.iter().copied().collect(), ..s.staff_caller.clone() };
            let propose = ProposeAction { proposal, reason: "case 17".to_owned() };
            let seen = s.t.desk.perform(&proposer, propose).await;
            let seen = seen.unwrap_or_else(|error| panic!("{name} is not proposed: {error:?}")).request;
            assert!(!seen.needs_decider, "{name}");
            let challenge = seen.customer.unwrap().challenge;
            later(&s.t);
            let send = SendCode { challenge, channel: None, sending: Sending::Any, partner: None };
            s.t.desk.perform(&s.t.admin(), send).await.unwrap();
            let confirm = ConfirmChallenge { challenge, code: newest_code(&s.t).await, partner: None };
            let told = s.t.desk.perform(&s.t.admin(), confirm).await;
            assert!(matches!(told, Ok(Answered::Confirmed(_))), "{name}: {told:?}");
            let sql = format!(
                "SELECT COUNT(*) FROM audit WHERE action = '{name}' AND outcome = 'done' AND at = {}",
                s.t.desk.now().0
            );
            assert_eq!(count(&s.t, sql).await, 1, "{name} has a record of its own");
            s.t.desk.perform(&house, ChangeSecuritySettings { patch: confirms(&[]) }).await.unwrap();
            t = s.t;
        }
    }
}

/// What a role's permissions open, by the table alone.
fn is_open_to(need: Need, permissions: &[P], subject: Subject) -> bool {
    let id = StaffId(uuid_of(1));
    let who = desk::Who::Staff { id, session: SessionId(uuid_of(2)) };
    let may = permissions.iter().copied().collect();
    let caller = Caller { who, tenant: TenantId(1), may, origin: origin() };
    caller.lacks(need, subject).is_none()
}

fn uuid_of(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

/// The page `docs/permissions.md`.
fn permissions_page() -> String {
    let mut page = String::from(
        "# Who may do what\n\n\
         Generated from `permission.rs`; a test compares this page with the tables, and every cell with what the desk\n\
         does. Columns are the roles that every tenant is born with; a role of one's own may hold any set of permissions.\n\
         *Anyone*: no sign-in needed. *Herself*: the user on herself. *Staff*: any staff member or key, about itself.\n\
         *House*: the background worker and the operator at the machine. A running server says who has which role, and why\n\
         somebody may not: `GET /v1/permissions`, `GET /v1/permissions/explain`. What is [proposed](requests.md) to a second\n\
         person needs `requests.propose` alone; to approve it, what the action needs besides.\n",
    );
    for (title, table) in [("Actions", ACTIONS), ("Questions", QUESTIONS)] {
        page.push_str(&format!("\n## {title}\n\n| verb | needs |"));
        for (role, _) in BUILT_IN_ROLES {
            page.push_str(&format!(" {role} |"));
        }
        page.push_str("\n|---|---|");
        page.push_str(&":-:|".repeat(BUILT_IN_ROLES.len()));
        for (name, need) in table {
            let needs = match need {
                Need::Anyone => "*anyone*".to_owned(),
                Need::Oneself => "*herself*".to_owned(),
                Need::OneselfOr(permission) => format!("*herself* or `{permission}`"),
                Need::Holder(permission) => format!("`{permission}`"),
                Need::SignedInStaff => "*staff*".to_owned(),
                Need::House => "*house*".to_owned(),
            };
            page.push_str(&format!("\n| `{name}` | {needs} |"));
            for (_, permissions) in BUILT_IN_ROLES {
                let open = is_open_to(*need, permissions, Subject::Tenant);
                page.push_str(if open { " ✓ |" } else { "  |" });
            }
        }
        page.push('\n');
    }
    page
}

#[test]
fn the_page_of_permissions_is_what_the_tables_say() {
    same_as_document("permissions.md", &permissions_page());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_built_in_role_may_do_what_the_page_says() {
    for t in TestDesk::all().await {
        let roles = t.desk.ask(&t.house(), ListRoles).await.unwrap();
        let mut t = t;
        for (role, permissions) in BUILT_IN_ROLES {
            let stored = roles.iter().find(|stored| stored.name == *role).unwrap();
            assert_eq!(stored.permissions, permissions.iter().copied().collect(), "{role} is stored as declared");
            assert!(stored.built_in);
            // A real member of the role, through a real session.
            let s = Scene::set(t, role).await;
            let add = AddMember { team: s.team, staff: s.staff, role: stored.id };
            s.t.desk.perform(&s.t.house(), add).await.unwrap();
            let member = s.t.desk.caller(staff_sign_in(&s.t, role, PASSWORD).await.unwrap().expose(), origin()).await;
            let member = member.unwrap();
            for (name, need) in ACTIONS.iter().chain(QUESTIONS) {
                if NO_CALLER.iter().any(|(known, _)| known == name) {
                    continue;
                }
                let told = run_of(name)(&s, &member).await;
                let forbidden = matches!(told, Err(Error::Forbidden(_)));
                assert!(!matches!(told, Err(Error::Internal(_))), "{role} {name}: {told:?}");
                assert_eq!(!forbidden, is_open_to(*need, permissions, Subject::Tenant), "{role} {name}: {told:?}");
            }
            t = s.t;
        }
    }
}
