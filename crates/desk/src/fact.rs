//! Everything that can have happened: a table to read. Facts name fields and words, never values that say who
//! somebody is: they are kept for ever, in audit and events, and must outlive the erasure of the person.

use serde::Serialize;
use serde_json::Value;

use crate::error::Result;
use crate::value::clock::Time;
use crate::value::id::*;
use crate::verb::Subject;

macro_rules! facts {
    ($($(#[$meta:meta])* $name:ident { $subject:ident: $id:ty $(, $(#[$fmeta:meta])* $field:ident: $type:ty)* $(,)? } = $word:literal as $kind:ident;)+) => {
        /// What has happened.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        #[expect(missing_docs, reason = "the fields say what they are; the shapes are in docs/events.md")]
        pub enum Fact {
            $($(#[$meta])* $name { $subject: $id $(, $(#[$fmeta])* $field: $type)* },)+
        }

        impl Fact {
    /// Whether it changes what some staff member or key may do.
    pub fn moves_rights(&self) -> bool {
        matches!(
            self,
            Fact::StaffDisabled { .. }
                | Fact::StaffEnabled { .. }
                | Fact::MemberAdded { .. }
                | Fact::MemberRemoved { .. }
                | Fact::RoleDefined { .. }
                | Fact::RoleDeleted { .. }
                | Fact::KeyRevoked { .. }
                | Fact::TokenRevoked { .. }
        )
    }

            /// The stable name of the event.
            pub fn name(&self) -> &'static str {
                match self { $(Fact::$name { .. } => $word,)+ }
            }

            /// Every name, in the order of declaration.
            pub const NAMES: &'static [&'static str] = &[$($word,)+];

            /// What it happened to.
            pub fn subject(&self) -> Subject {
                match self { $(Fact::$name { $subject, .. } => { let _ = $subject; facts!(@subject $kind $subject) })+ }
            }
        }
    };
    (@subject Tenant $id:ident) => { Subject::Tenant };
    (@subject $kind:ident $id:ident) => { Subject::$kind(*$id) };
}

facts! {
    /// A user exists.
    UserCreated { user: UserId, number: i64 } = "user.created" as User;
    /// Somebody wants to make an account, and a link is on its way.
    RegistrationAsked { tenant: TenantId, registration: RegistrationId, message: MessageId } = "registration.asked" as Tenant;
    /// The link came back: a user exists.
    RegistrationConfirmed { user: UserId, registration: RegistrationId } = "registration.confirmed" as User;
    /// Fields of the profile changed.
    UserEdited { user: UserId, fields: Vec<String> } = "user.edited" as User;
    /// Sign-in is locked.
    UserLocked { user: UserId, cause: &'static str, until: Option<Time> } = "user.locked" as User;
    /// Sign-in is open again.
    UserUnlocked { user: UserId, cause: &'static str } = "user.unlocked" as User;
    /// An unlock waits for the core to leave memo mode.
    UserUnlockQueued { user: UserId } = "user.unlock_queued" as User;
    /// Admission was withdrawn.
    UserDisabled { user: UserId } = "user.disabled" as User;
    /// Admission was given back.
    UserEnabled { user: UserId } = "user.enabled" as User;
    /// Suspended.
    UserSuspended { user: UserId } = "user.suspended" as User;
    /// Reinstated, by staff or by signing in.
    UserReinstated { user: UserId } = "user.reinstated" as User;
    /// Flagged, as a whole or for one bank.
    UserFlagged { user: UserId, bank: Option<String> } = "user.flagged" as User;
    /// No longer flagged.
    UserUnflagged { user: UserId, bank: Option<String> } = "user.unflagged" as User;
    /// Blacklisted.
    UserBlacklisted { user: UserId } = "user.blacklisted" as User;
    /// No longer blacklisted.
    UserUnblacklisted { user: UserId } = "user.unblacklisted" as User;
    /// The fraud status changed.
    UserFraudStatusChanged { user: UserId, from: &'static str, to: &'static str } = "user.fraud_status_changed" as User;
    /// Put on hold.
    UserHeld { user: UserId, legal: bool } = "user.held" as User;
    /// Released from hold.
    UserReleased { user: UserId } = "user.released" as User;
    /// The core says something else of the user.
    UserCoreStateChanged { user: UserId, from: &'static str, to: &'static str } = "user.core_state_changed" as User;
    /// Verification was asked for or decided.
    UserVerificationChanged { user: UserId, from: &'static str, to: &'static str } = "user.verification_changed" as User;
    /// A request for verification was opened.
    VerificationOpened { user: UserId, verification: VerificationId } = "verification.opened" as User;
    /// The user was asked for more before anything is decided.
    VerificationMoreAsked { user: UserId, verification: VerificationId, step: i64 } = "verification.more_asked" as User;
    /// What the user was asked for is there.
    VerificationAnswered { user: UserId, verification: VerificationId } = "verification.answered" as User;
    /// A request for verification was decided.
    VerificationClosed { user: UserId, verification: VerificationId, outcome: &'static str, step: i64 } = "verification.closed" as User;
    /// A document was shown.
    DocumentAdded { user: UserId, document: DocumentId, kind: &'static str } = "document.added" as User;
    /// Access was withdrawn.
    UserRemoved { user: UserId } = "user.removed" as User;
    /// The person's key is destroyed.
    UserErased { user: UserId } = "user.erased" as User;
    /// A wrong password or code.
    UserSignInFailed { user: UserId, step: &'static str, failures: i64 } = "user.sign_in_failed" as User;
    /// The right password, and a second factor is asked for.
    UserSecondFactorAsked { user: UserId, factor: &'static str } = "user.second_factor_asked" as User;
    /// Signed in.
    UserSignedIn { user: UserId, session: SessionId, device: Option<DeviceId> } = "user.signed_in" as User;
    /// Signed out.
    UserSignedOut { user: UserId, session: SessionId } = "user.signed_out" as User;
    /// Sessions, links and codes ended with a change of standing or password.
    UserAccessEnded { user: UserId, sessions: i64, proofs: i64, cause: &'static str } = "user.access_ended" as User;
    /// A device was seen for the first time.
    DeviceAdded { user: UserId, device: DeviceId } = "device.added" as User;
    /// A device was unlinked.
    DeviceUnlinked { user: UserId, device: DeviceId } = "device.unlinked" as User;
    /// A reset link was made and a message is on its way.
    PasswordResetAsked { user: UserId, method: &'static str, message: MessageId } = "password.reset_asked" as User;
    /// A new password was chosen.
    PasswordChanged { user: UserId, way: &'static str } = "password.changed" as User;
    /// The password was taken away, and a link to choose a new one is on its way.
    PasswordRevoked { user: UserId } = "password.revoked" as User;
    /// A code that opens the lock is on its way.
    UnlockAsked { user: UserId, message: MessageId } = "user.unlock_asked" as User;
    /// A PIN for payments was set.
    PinSet { user: UserId } = "second_factor.pin_set" as User;
    /// A code was sent to her phone.
    PhoneCodeSent { user: UserId, message: MessageId } = "second_factor.phone_code_sent" as User;
    /// Her phone was shown to be hers.
    PhoneVerified { user: UserId } = "second_factor.phone_verified" as User;
    /// She chose another second factor.
    SecondFactorChosen { user: UserId, choice: &'static str } = "second_factor.chosen" as User;
    /// A second factor was set up.
    SecondFactorSetUp { user: UserId } = "second_factor.set_up" as User;
    /// The second factor was removed.
    SecondFactorRemoved { user: UserId } = "second_factor.removed" as User;
    /// A message waits to be sent.
    MessageQueued { user: UserId, message: MessageId, template: &'static str, channel: &'static str } = "message.queued" as User;
    /// A message was handed over to the mail or text gateway.
    MessageSent { message: MessageId } = "message.sent" as Message;
    /// A message could not be delivered.
    MessageFailed { message: MessageId, last: bool } = "message.failed" as Message;
    /// An agent wrote a note.
    NoteWritten { user: UserId, note: NoteId } = "note.written" as User;
    /// Personal data was revealed.
    UserRevealed { user: UserId } = "user.revealed" as User;
    /// A staff member joined.
    StaffAdded { staff: StaffId } = "staff.added" as Staff;
    /// A staff member may no longer act.
    StaffDisabled { staff: StaffId } = "staff.disabled" as Staff;
    /// A staff member may act again.
    StaffEnabled { staff: StaffId } = "staff.enabled" as Staff;
    /// A staff member signed in.
    StaffSignedIn { staff: StaffId, session: SessionId } = "staff.signed_in" as Staff;
    /// A wrong password at the staff door.
    StaffSignInFailed { staff: StaffId, failures: i64 } = "staff.sign_in_failed" as Staff;
    /// Too many wrong passwords at the staff door.
    StaffLocked { staff: StaffId, until: Option<Time> } = "staff.locked" as Staff;
    /// A staff member signed out.
    StaffSignedOut { staff: StaffId, session: SessionId } = "staff.signed_out" as Staff;
    /// A staff member was appointed, and a link to choose her password is on its way.
    StaffInvited { staff: StaffId, message: MessageId } = "staff.invited" as Staff;
    /// A staff member chose a password.
    StaffPasswordChosen { staff: StaffId } = "staff.password_chosen" as Staff;
    /// A staff member's password was set by somebody else, and has to be changed before anything else.
    StaffPasswordChangeRequired { staff: StaffId } = "staff.password_change_required" as Staff;
    /// A staff member changed their password.
    StaffPasswordChanged { staff: StaffId } = "staff.password_changed" as Staff;
    /// Another member has confirmed a colleague whom somebody brought in.
    StaffConfirmed { staff: StaffId } = "staff.confirmed" as Staff;
    /// A team was founded.
    TeamCreated { team: TeamId, name: String } = "team.created" as Team;
    /// Somebody joined a team with a role.
    MemberAdded { team: TeamId, staff: StaffId, role: RoleId } = "team.member_added" as Team;
    /// Somebody left a team.
    MemberRemoved { team: TeamId, staff: StaffId } = "team.member_removed" as Team;
    /// A role was defined or redefined.
    RoleDefined { role: RoleId, name: String, permissions: Vec<&'static str> } = "role.defined" as Role;
    /// A role was deleted.
    RoleDeleted { role: RoleId } = "role.deleted" as Role;
    /// A key was made.
    KeyCreated { key: KeyId, kind: &'static str } = "key.created" as Key;
    /// A key was revoked.
    KeyRevoked { key: KeyId } = "key.revoked" as Key;
    /// A partner is called back there from now on; without a host: not at all.
    KeyCallbackSet { key: KeyId, host: Option<String> } = "key.callback_set" as Key;
    /// A client assertion was accepted.
    AssertionAccepted { key: KeyId } = "key.assertion_accepted" as Key;
    /// A token was revoked before it expired.
    TokenRevoked { key: KeyId } = "key.token_revoked" as Key;
    /// A bulk action was started.
    BulkStarted { bulk: BulkId, action: &'static str, selected: i64, undo_of: Option<BulkId> } = "bulk.started" as Bulk;
    /// It rests until it is resumed.
    BulkPaused { bulk: BulkId } = "bulk.paused" as Bulk;
    /// It goes on.
    BulkResumed { bulk: BulkId } = "bulk.resumed" as Bulk;
    /// It was ended before its end.
    BulkCancelled { bulk: BulkId } = "bulk.cancelled" as Bulk;
    /// It came to its end.
    BulkCompleted { bulk: BulkId, changed: i64, unchanged: i64, refused: i64 } = "bulk.completed" as Bulk;
    /// It could not go on; a missing permission is named.
    BulkFailed { bulk: BulkId, code: &'static str, permission: Option<&'static str> } = "bulk.failed" as Bulk;
    /// A file of users was received, and waits for somebody to approve its start.
    ImportReceived { import: ImportId, dry_run: bool } = "import.received" as Import;
    /// Users are being brought in from a file.
    ImportStarted { import: ImportId, dry_run: bool } = "import.started" as Import;
    /// Rows of the file were dealt with; the numbers are those of the users it created, without gaps.
    ImportAdvanced { import: ImportId, created: i64, edited: i64, unchanged: i64, rejected: i64, first_number: Option<i64>, last_number: Option<i64> } = "import.advanced" as Import;
    /// The import rests until somebody resumes it.
    ImportPaused { import: ImportId } = "import.paused" as Import;
    /// The import goes on.
    ImportResumed { import: ImportId } = "import.resumed" as Import;
    /// The rest of the file will not be brought in.
    ImportCancelled { import: ImportId } = "import.cancelled" as Import;
    /// Every row of the file was dealt with.
    ImportCompleted { import: ImportId, created: i64, edited: i64, unchanged: i64, rejected: i64 } = "import.completed" as Import;
    /// The import cannot go on.
    ImportFailed { import: ImportId, code: &'static str } = "import.failed" as Import;
    /// An action waits for a second person.
    RequestProposed { request: RequestId, number: i64, action: &'static str, about: Option<String>, proposer: StaffId, expires_at: Time } = "request.proposed" as Request;
    /// The second person has said yes, and it was done.
    RequestApproved { request: RequestId, number: i64, action: &'static str, about: Option<String>, proposer: StaffId, decider: StaffId } = "request.approved" as Request;
    /// The customer whom it is about has confirmed it; `done`: and so it was done, with nobody else wanted.
    RequestConfirmed { request: RequestId, number: i64, action: &'static str, about: Option<String>, proposer: StaffId, challenge: ChallengeId, done: bool } = "request.confirmed" as Request;
    /// The second person has said no.
    RequestDeclined { request: RequestId, number: i64, action: &'static str, about: Option<String>, proposer: StaffId, decider: StaffId } = "request.declined" as Request;
    /// Who proposed it took it back.
    RequestWithdrawn { request: RequestId, number: i64, action: &'static str, about: Option<String>, proposer: StaffId } = "request.withdrawn" as Request;
    /// Nobody decided it in time, or whom it is about is gone.
    RequestExpired { request: RequestId, number: i64, action: &'static str, about: Option<String>, proposer: StaffId, cause: &'static str } = "request.expired" as Request;
    /// An account was opened.
    AccountOpened { account: AccountId, owner: UserId, kind: &'static str } = "account.opened" as Account;
    /// An account moved: `freeze`, `unfreeze`, `lock`, `unlock`, `make_dormant`, `wake`, `close`.
    AccountChanged { account: AccountId, change: &'static str } = "account.changed" as Account;
    /// Somebody shall become an administrator; the owner has not confirmed it yet.
    AdministratorProposed { administrator: AdministratorId, account: AccountId, challenge: ChallengeId } = "administrator.proposed" as Administrator;
    /// The owner has confirmed it: there is another administrator, with no contact verified.
    AdministratorAdded { administrator: AdministratorId, account: AccountId } = "administrator.added" as Administrator;
    /// A contact is to be verified, by a code sent there.
    AdministratorVerifying { administrator: AdministratorId, contact: &'static str, challenge: ChallengeId } = "administrator.verifying" as Administrator;
    /// A contact is hers.
    AdministratorVerified { administrator: AdministratorId, account: AccountId, contact: &'static str } = "administrator.verified" as Administrator;
    /// What an administrator may do was changed; the limit is in minor units.
    AdministratorRightsSet { administrator: AdministratorId, view: bool, initiate: bool, approve: bool, limit: Option<i64> } = "administrator.rights_set" as Administrator;
    /// She may do nothing on the account any more.
    AdministratorRemoved { administrator: AdministratorId, account: AccountId } = "administrator.removed" as Administrator;
    /// She never became one: superseded, removed before it was confirmed, or the account's owner is gone.
    AdministratorEnded { administrator: AdministratorId, cause: &'static str } = "administrator.ended" as Administrator;
    /// A partner is to be told what became of an administrator.
    CallbackQueued { callback: CallbackId, key: KeyId, administrator: AdministratorId, about: &'static str } = "callback.queued" as Callback;
    /// The partner has answered that it knows.
    CallbackDelivered { callback: CallbackId, tries: i64 } = "callback.delivered" as Callback;
    /// The partner has not answered so; the last time, it is given up.
    CallbackFailed { callback: CallbackId, tries: i64, last: bool } = "callback.failed" as Callback;
    /// There is nobody to tell it to, or about, any more.
    CallbackDropped { callback: CallbackId, cause: &'static str } = "callback.dropped" as Callback;
    /// A code is on its way.
    ChallengeCodeSent { challenge: ChallengeId, channel: &'static str, message: MessageId } = "challenge.code_sent" as Challenge;
    /// A wrong code came.
    ChallengeCodeWrong { challenge: ChallengeId, tries: i64 } = "challenge.code_wrong" as Challenge;
    /// It was confirmed, and what it waited for was done.
    ChallengeConfirmed { challenge: ChallengeId, purpose: &'static str } = "challenge.confirmed" as Challenge;
    /// It will not be confirmed any more.
    ChallengeCancelled { challenge: ChallengeId, cause: &'static str } = "challenge.cancelled" as Challenge;
    /// Settings changed.
    SettingsChanged { tenant: TenantId, fields: Vec<String> } = "settings.changed" as Tenant;
    /// A tenant was opened.
    TenantCreated { tenant: TenantId } = "tenant.created" as Tenant;
}

impl Fact {
    /// The fact as audit and events store it: `{"event": name, …fields}`.
    pub fn to_json(&self) -> Result<Value> {
        let mut fields = serde_json::Map::new();
        fields.insert("event".to_owned(), Value::from(self.name()));
        if let Value::Object(rest) = serde_json::to_value(self).map_err(crate::Error::internal)? {
            fields.extend(rest);
        }
        Ok(Value::Object(fields))
    }
}
