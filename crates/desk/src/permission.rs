//! Every permission there is, and which action or question needs which: tables to read. A verb that has no line here
//! cannot run at all (the coverage test names it).

use crate::value::words;

words! {
    /// A right that a role can hold. Stable words: they are stored in roles and printed by every voice.
    pub enum Permission {
        /// Find and see users; contacts and identifiers are masked.
        UsersRead = "users.read",
        /// See e-mail, phone, address and date of birth in full.
        UsersContacts = "users.contacts",
        /// Reveal identifiers in full, with a recorded purpose.
        UsersReveal = "users.reveal",
        /// See users who are employees of the institution, where it hides them.
        UsersEmployees = "users.employees",
        /// Create users.
        UsersCreate = "users.create",
        /// Bring users in from files, with any standing and password hash, and change those who are here.
        UsersImport = "users.import",
        /// Take lists of users out as files; in full only with the right to reveal and a recorded purpose.
        UsersExport = "users.export",
        /// Change profiles.
        UsersEdit = "users.edit",
        /// Lock and unlock.
        UsersLock = "users.lock",
        /// Disable and enable directly.
        UsersDisable = "users.disable",
        /// Suspend and reinstate.
        UsersSuspend = "users.suspend",
        /// Flag and unflag.
        UsersFlag = "users.flag",
        /// Blacklist and clear.
        UsersBlacklist = "users.blacklist",
        /// Set the fraud status.
        UsersFraud = "users.fraud",
        /// Put on hold and release.
        UsersHold = "users.hold",
        /// Set what the core says of a user.
        UsersCore = "users.core",
        /// Withdraw access.
        UsersRemove = "users.remove",
        /// Erase for good.
        UsersErase = "users.erase",
        /// Send password reset links, manage second factors.
        UsersResetPassword = "users.reset_password",
        /// Decide whether a user is verified.
        VerificationsDecide = "verifications.decide",
        /// See the documents that users showed for it, with a recorded purpose.
        DocumentsRead = "documents.read",
        /// See sessions.
        SessionsRead = "sessions.read",
        /// End sessions.
        SessionsEnd = "sessions.end",
        /// See devices.
        DevicesRead = "devices.read",
        /// Unlink devices.
        DevicesUnlink = "devices.unlink",
        /// Read notes.
        NotesRead = "notes.read",
        /// Write notes.
        NotesWrite = "notes.write",
        /// See messages sent to users, without their bodies.
        MessagesRead = "messages.read",
        /// See staff, teams and roles.
        StaffRead = "staff.read",
        /// Manage staff, teams, members and roles.
        TeamManage = "team.manage",
        /// See keys.
        KeysRead = "keys.read",
        /// Create and revoke keys.
        KeysManage = "keys.manage",
        /// Read the audit.
        AuditRead = "audit.read",
        /// Read what staff did to users, in the vendors' histories.
        ActivityStaff = "activity.staff",
        /// Read what users did, in the vendors' histories.
        ActivityUsers = "activity.users",
        /// Read events.
        EventsRead = "events.read",
        /// See the institution's settings.
        SettingsRead = "settings.read",
        /// Change the institution's settings.
        SettingsManage = "settings.manage",
        /// Change the security settings (link lifetime, lock policy).
        SettingsSecurity = "settings.security",
        /// See what was proposed, with its plan, and how it was decided.
        RequestsRead = "requests.read",
        /// Propose an action for somebody else to decide.
        RequestsPropose = "requests.propose",
        /// Decide proposed actions; approving needs what the action itself needs besides.
        RequestsDecide = "requests.decide",
        /// See bulk actions and what became of each user in them.
        BulkRead = "bulk.read",
        /// Start, pause, resume, cancel and undo bulk actions; what they do needs its own permission besides.
        BulkRun = "bulk.run",
        /// See accounts, their administrators and what waits for a code; numbers and contacts are masked.
        AccountsRead = "accounts.read",
        /// Open accounts, freeze, lock and close them.
        AccountsManage = "accounts.manage",
        /// Have codes sent, and tell the code that came back.
        ChallengesManage = "challenges.manage",
        /// Manage account administrators.
        AdministratorsManage = "administrators.manage",
        /// Manage bank connections.
        ConnectionsManage = "connections.manage",
    }
}

words! {
    /// What can be proposed for a second person to decide, and what the institution's policy may want one for: every action
    /// that somebody takes by hand, but those of `NOT_PROPOSABLE`.
    pub enum Proposable {
        /// Create a user.
        CreateUser = "user.create",
        /// Change a profile.
        Edit = "user.edit",
        /// Lock sign-in.
        Lock = "user.lock",
        /// Unlock sign-in.
        Unlock = "user.unlock",
        /// Withdraw admission.
        Disable = "user.disable",
        /// Give admission back.
        Enable = "user.enable",
        /// Suspend.
        Suspend = "user.suspend",
        /// End a suspension.
        Reinstate = "user.reinstate",
        /// Flag, as a whole or for one bank.
        Flag = "user.flag",
        /// Remove a flag.
        Unflag = "user.unflag",
        /// Put on the blacklist.
        Blacklist = "user.blacklist",
        /// Take off the blacklist.
        Unblacklist = "user.unblacklist",
        /// Set the fraud status.
        SetFraudStatus = "user.set_fraud_status",
        /// Put on hold.
        Hold = "user.hold",
        /// Release from hold.
        Release = "user.release",
        /// Set what the core says.
        SetCoreState = "user.set_core_state",
        /// Ask for verification.
        AskVerification = "user.ask_verification",
        /// Decide a verification.
        DecideVerification = "user.decide_verification",
        /// Ask for verification for a user, or say that what she was asked for is there.
        SubmitVerification = "verification.submit",
        /// Approve a request for verification.
        ApproveVerification = "verification.approve",
        /// Decline a request for verification.
        DeclineVerification = "verification.decline",
        /// Ask for more before a verification is decided.
        AskForMore = "verification.ask_more",
        /// Withdraw access for good.
        Remove = "user.remove",
        /// Erase for good.
        Erase = "user.erase",
        /// Begin to bring in the users of a file that was received.
        StartImport = "import.start",
        /// Let an import rest.
        PauseImport = "import.pause",
        /// Go on with an import that rests.
        ResumeImport = "import.resume",
        /// Call an import off.
        CancelImport = "import.cancel",
        /// End one session.
        EndSession = "session.end",
        /// End every session, reset link and pending code.
        EndSessions = "session.end_all",
        /// Have a reset link sent.
        StartReset = "password.start_reset",
        /// Take a password away.
        RevokePassword = "password.revoke",
        /// Remove the second factor.
        RemoveSecondFactor = "second_factor.remove",
        /// Unlink a device.
        UnlinkDevice = "device.unlink",
        /// Unlink every device.
        UnlinkAllDevices = "device.unlink_all",
        /// Write a note about a user.
        WriteNote = "note.write",
        /// Add a staff member.
        AddStaff = "staff.add",
        /// Add a staff member with a role.
        AppointStaff = "staff.appoint",
        /// Disable a staff member.
        DisableStaff = "staff.disable",
        /// Enable a staff member.
        EnableStaff = "staff.enable",
        /// Found a team.
        CreateTeam = "team.create",
        /// Give a staff member a role in a team.
        AddMember = "team.add_member",
        /// Take a staff member out of a team.
        RemoveMember = "team.remove_member",
        /// Define a role, or redefine it.
        DefineRole = "role.define",
        /// Delete a role.
        DeleteRole = "role.delete",
        /// Make a key.
        CreateKey = "key.create",
        /// Revoke a key.
        RevokeKey = "key.revoke",
        /// Say where a partner is called back.
        SetKeyCallback = "key.set_callback",
        /// Have a partner told once more.
        SendCallbackAgain = "callback.send_again",
        /// Start a bulk action.
        StartBulk = "bulk.start",
        /// Turn a bulk action back.
        UndoBulk = "bulk.undo",
        /// Let a bulk action rest.
        PauseBulk = "bulk.pause",
        /// Go on with a bulk action that rests.
        ResumeBulk = "bulk.resume",
        /// End a bulk action where it is.
        CancelBulk = "bulk.cancel",
        /// Open an account.
        OpenAccount = "account.open",
        /// Freeze, lock or close an account, or the opposite.
        ChangeAccount = "account.change",
        /// Propose an administrator of an account to its owner.
        AddAdministrator = "administrator.add",
        /// Have a contact of an administrator verified.
        VerifyAdministrator = "administrator.verify",
        /// Say what an administrator may do.
        SetAdministratorRights = "administrator.set_rights",
        /// Take all power over an account from an administrator.
        RemoveAdministrator = "administrator.remove",
        /// End what waits for a person's code.
        CancelChallenge = "challenge.cancel",
        /// Change settings.
        ChangeSettings = "settings.change",
        /// Change security settings: this policy among them.
        ChangeSecurity = "settings.change_security",
    }
}

impl Proposable {
    /// The kind of thing an action is about. What makes something new is about whose it will be, or about the institution.
    pub fn about(self) -> &'static str {
        match self {
            Proposable::CreateKey | Proposable::DisableStaff | Proposable::EnableStaff => "staff",
            Proposable::AddMember | Proposable::RemoveMember => "team",
            Proposable::DeleteRole => "role",
            Proposable::RevokeKey | Proposable::SetKeyCallback => "key",
            Proposable::SendCallbackAgain => "callback",
            Proposable::CreateUser
            | Proposable::AddStaff
            | Proposable::AppointStaff
            | Proposable::CreateTeam
            | Proposable::DefineRole
            | Proposable::StartBulk
            | Proposable::ChangeSettings
            | Proposable::ChangeSecurity => "tenant",
            Proposable::StartImport | Proposable::PauseImport | Proposable::ResumeImport | Proposable::CancelImport => {
                "import"
            }
            Proposable::UndoBulk | Proposable::PauseBulk | Proposable::ResumeBulk | Proposable::CancelBulk => "bulk",
            Proposable::ChangeAccount | Proposable::AddAdministrator => "account",
            Proposable::VerifyAdministrator | Proposable::SetAdministratorRights | Proposable::RemoveAdministrator => {
                "administrator"
            }
            Proposable::CancelChallenge => "challenge",
            _ => "user",
        }
    }
}

/// What somebody takes by hand and nobody can propose, each with its reason. What users do to themselves, what strangers do and
/// what the house does by itself cannot be proposed either: there is no person on the staff whose deed it is.
pub const NOT_PROPOSABLE: &[(&str, &str)] = &[
    ("verification.add_document", "it carries a file and decides nothing; what is decided on the file can be proposed"),
    ("user.find_by_hidden_value", "it only answers, and changes nothing but its own count"),
    ("import.receive", "it keeps a file until somebody else has approved its start, and does nothing with it"),
    ("request.propose", "proposing is what leads to a second person"),
    ("request.approve", "it is the second person's own word"),
    ("request.decline", "it is the second person's own word"),
    ("request.withdraw", "it is the proposer's own word"),
    ("staff.confirm", "it is another member's own word"),
    ("staff.invite_again", "the link would have waited, and it goes to the member's own address"),
    ("challenge.send", "the code would be over before somebody had decided"),
    ("challenge.confirm", "it carries the code of the person who confirms, and is her word"),
];

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u64);

impl Permissions {
    /// No permission at all.
    pub const NONE: Permissions = Permissions(0);

    /// Every permission there is.
    pub fn all() -> Permissions {
        Permission::ALL.iter().copied().collect()
    }

    /// Whether the set holds this permission.
    pub fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u64) != 0
    }

    /// What is in both sets.
    pub fn and(self, other: Permissions) -> Permissions {
        Permissions(self.0 & other.0)
    }

    /// What is in either set.
    pub fn or(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }

    /// Whether everything in this set is in the other too.
    pub fn within(self, other: Permissions) -> bool {
        self.0 & !other.0 == 0
    }

    /// The permissions in the order of declaration.
    pub fn list(self) -> Vec<Permission> {
        Permission::ALL.iter().copied().filter(|permission| self.has(*permission)).collect()
    }

    /// Reads the stored form: words with blanks between, or `*` for all that exist. Unknown words (of a newer version)
    /// give no right.
    pub fn from_stored(text: &str) -> Permissions {
        if text == "*" {
            return Permissions::all();
        }
        text.split(' ').filter_map(Permission::parse).collect()
    }

    /// The stored form.
    pub fn to_stored(self) -> String {
        self.list().iter().map(|permission| permission.word()).collect::<Vec<_>>().join(" ")
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Permissions(permissions.into_iter().fold(0, |set, permission| set | 1 << permission as u64))
    }
}

/// Who may run a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Anybody, also somebody who has not signed in: the short public list.
    Anyone,
    /// A signed-in user, on herself.
    Oneself,
    /// A signed-in user on herself, or a holder of the permission.
    OneselfOr(Permission),
    /// A holder of the permission.
    Holder(Permission),
    /// Any signed-in staff member or key, about itself.
    SignedInStaff,
    /// Only the house itself: the background worker and the operator at the machine.
    House,
}

use Need::{Anyone, Holder, House, Oneself, OneselfOr, SignedInStaff};
use Permission as P;

/// What each action needs.
pub const ACTIONS: &[(&str, Need)] = &[
    // users
    ("user.create", Holder(P::UsersCreate)),
    ("user.edit", Holder(P::UsersEdit)),
    ("user.find_by_hidden_value", Holder(P::UsersRead)),
    ("user.register", Anyone),
    ("user.confirm_registration", Anyone),
    ("user.edit_herself", Oneself),
    ("user.lock", Holder(P::UsersLock)),
    ("user.unlock", Holder(P::UsersLock)),
    ("user.unlock_when_due", House),
    ("user.apply_queued_unlock", House),
    ("user.disable", Holder(P::UsersDisable)),
    ("user.enable", Holder(P::UsersDisable)),
    ("user.suspend", Holder(P::UsersSuspend)),
    ("user.reinstate", Holder(P::UsersSuspend)),
    ("user.flag", Holder(P::UsersFlag)),
    ("user.unflag", Holder(P::UsersFlag)),
    ("user.blacklist", Holder(P::UsersBlacklist)),
    ("user.unblacklist", Holder(P::UsersBlacklist)),
    ("user.set_fraud_status", Holder(P::UsersFraud)),
    ("user.hold", Holder(P::UsersHold)),
    ("user.release", Holder(P::UsersHold)),
    ("user.set_core_state", Holder(P::UsersCore)),
    ("user.ask_verification", OneselfOr(P::VerificationsDecide)),
    ("user.decide_verification", Holder(P::VerificationsDecide)),
    ("verification.submit", OneselfOr(P::VerificationsDecide)),
    ("verification.add_document", OneselfOr(P::VerificationsDecide)),
    ("verification.approve", Holder(P::VerificationsDecide)),
    ("verification.decline", Holder(P::VerificationsDecide)),
    ("verification.ask_more", Holder(P::VerificationsDecide)),
    ("verification.tell", House),
    ("user.remove", Holder(P::UsersRemove)),
    ("user.erase", Holder(P::UsersErase)),
    // bringing users in
    ("import.receive", Holder(P::UsersImport)),
    ("import.start", Holder(P::UsersImport)),
    ("import.pause", Holder(P::UsersImport)),
    ("import.resume", Holder(P::UsersImport)),
    ("import.cancel", Holder(P::UsersImport)),
    ("import.slice", House),
    ("import.fail", House),
    // signing in
    ("session.sign_in", Anyone),
    ("session.confirm_sign_in", Anyone),
    ("session.sign_out", Oneself),
    ("session.end", Holder(P::SessionsEnd)),
    ("session.end_all", OneselfOr(P::SessionsEnd)),
    ("session.ask_unlock", Anyone),
    ("session.unlock", Anyone),
    ("second_factor.set_pin", Oneself),
    ("second_factor.send_phone_code", Oneself),
    ("second_factor.confirm_phone", Oneself),
    ("second_factor.choose", Oneself),
    ("second_factor.prepare", Oneself),
    ("second_factor.confirm", Oneself),
    ("second_factor.remove", Holder(P::UsersResetPassword)),
    ("second_factor.remove_own", Oneself),
    ("password.start_reset", Holder(P::UsersResetPassword)),
    ("password.revoke", Holder(P::UsersResetPassword)),
    ("password.ask_reset", Anyone),
    ("password.choose", Anyone),
    ("password.change", Oneself),
    ("device.unlink", OneselfOr(P::DevicesUnlink)),
    ("device.unlink_all", OneselfOr(P::DevicesUnlink)),
    // around users
    ("note.write", Holder(P::NotesWrite)),
    ("message.mark_sent", House),
    ("message.mark_failed", House),
    // staff
    ("staff.sign_in", Anyone),
    ("staff.sign_out", SignedInStaff),
    ("staff.add", Holder(P::TeamManage)),
    ("staff.appoint", Holder(P::TeamManage)),
    ("staff.choose_password", Anyone),
    ("staff.change_password", SignedInStaff),
    ("staff.require_password_change", House),
    ("staff.invite_again", Holder(P::TeamManage)),
    ("staff.confirm", Holder(P::TeamManage)),
    ("staff.disable", Holder(P::TeamManage)),
    ("staff.enable", Holder(P::TeamManage)),
    ("team.create", Holder(P::TeamManage)),
    ("team.add_member", Holder(P::TeamManage)),
    ("team.remove_member", Holder(P::TeamManage)),
    ("role.define", Holder(P::TeamManage)),
    ("role.delete", Holder(P::TeamManage)),
    ("role.settle", House),
    ("key.create", Holder(P::KeysManage)),
    ("key.revoke", Holder(P::KeysManage)),
    ("key.set_callback", Holder(P::KeysManage)),
    ("key.remember_assertion", Anyone),
    ("key.revoke_token", Anyone),
    // many users at once
    ("bulk.start", Holder(P::BulkRun)),
    ("bulk.undo", Holder(P::BulkRun)),
    ("bulk.pause", Holder(P::BulkRun)),
    ("bulk.resume", Holder(P::BulkRun)),
    ("bulk.cancel", Holder(P::BulkRun)),
    ("bulk.run_slice", House),
    ("bulk.give_up", House),
    // what a second person decides
    ("request.propose", Holder(P::RequestsPropose)),
    ("request.approve", Holder(P::RequestsDecide)),
    ("request.decline", Holder(P::RequestsDecide)),
    ("request.withdraw", Holder(P::RequestsPropose)),
    ("request.expire", House),
    // accounts
    ("account.open", Holder(P::AccountsManage)),
    ("account.change", Holder(P::AccountsManage)),
    ("administrator.add", Holder(P::AdministratorsManage)),
    ("administrator.verify", Holder(P::AdministratorsManage)),
    ("administrator.set_rights", Holder(P::AdministratorsManage)),
    ("administrator.remove", Holder(P::AdministratorsManage)),
    ("challenge.send", Holder(P::ChallengesManage)),
    ("challenge.confirm", Holder(P::ChallengesManage)),
    ("challenge.cancel", Holder(P::ChallengesManage)),
    ("callback.send_again", Holder(P::KeysManage)),
    ("callback.record", House),
    ("settings.change", Holder(P::SettingsManage)),
    ("settings.change_security", Holder(P::SettingsSecurity)),
    ("tenant.create", House),
];

/// What each question needs.
pub const QUESTIONS: &[(&str, Need)] = &[
    ("user.find", Holder(P::UsersRead)),
    ("user.list", Holder(P::UsersRead)),
    ("user.show", OneselfOr(P::UsersRead)),
    ("user.reveal", Holder(P::UsersReveal)),
    ("user.reveal_second_factor", Holder(P::UsersReveal)),
    ("user.queued_unlocks", House),
    ("user.duplicate_names", House),
    ("verification.list", Holder(P::UsersRead)),
    ("verification.show", OneselfOr(P::UsersRead)),
    ("verification.document", Holder(P::DocumentsRead)),
    ("user.export", Holder(P::UsersExport)),
    ("user.export_page", Holder(P::UsersExport)),
    ("import.show", Holder(P::UsersImport)),
    ("import.list", Holder(P::UsersImport)),
    ("import.rejected", Holder(P::UsersImport)),
    ("import.reveal_rejected", Holder(P::UsersImport)),
    ("session.list", OneselfOr(P::SessionsRead)),
    ("device.list", OneselfOr(P::DevicesRead)),
    ("note.list", Holder(P::NotesRead)),
    ("message.list", Holder(P::MessagesRead)),
    ("message.outbox", House),
    ("staff.list", Holder(P::StaffRead)),
    ("staff.who_am_i", SignedInStaff),
    ("team.list", Holder(P::StaffRead)),
    ("role.list", Holder(P::StaffRead)),
    ("role.show", Holder(P::StaffRead)),
    ("permission.table", SignedInStaff),
    ("permission.explain", SignedInStaff),
    ("key.list", Holder(P::KeysRead)),
    ("callback.list", Holder(P::KeysRead)),
    ("callback.turn", House),
    ("audit.list", Holder(P::AuditRead)),
    ("audit.export", Holder(P::AuditRead)),
    ("audit.staff_activity", Holder(P::ActivityStaff)),
    ("audit.activity", Holder(P::ActivityStaff)),
    ("audit.user_activity", Holder(P::ActivityUsers)),
    ("event.list", Holder(P::EventsRead)),
    ("bulk.list", Holder(P::BulkRead)),
    ("bulk.show", Holder(P::BulkRead)),
    ("bulk.rows", Holder(P::BulkRead)),
    ("bulk.preview", Holder(P::BulkRun)),
    ("request.list", Holder(P::RequestsRead)),
    ("request.show", Holder(P::RequestsRead)),
    ("request.pending", Holder(P::UsersRead)),
    ("account.list", Holder(P::AccountsRead)),
    ("account.show", Holder(P::AccountsRead)),
    ("account.reveal", Holder(P::UsersReveal)),
    ("administrator.list", Holder(P::AccountsRead)),
    ("administrator.show", Holder(P::AccountsRead)),
    ("challenge.list", Holder(P::AccountsRead)),
    ("challenge.show", Holder(P::AccountsRead)),
    ("settings.show", Holder(P::SettingsRead)),
    ("settings.user_terms", Holder(P::UsersRead)),
    ("tenant.list", House),
];

/// The need of a verb; a verb without a line in the tables is open to nobody.
pub fn need_of(table: &[(&str, Need)], name: &str) -> Option<Need> {
    table.iter().find(|(known, _)| *known == name).map(|(_, need)| *need)
}

/// The built-in roles that keep every right a later version adds.
pub const ALL_POWERFUL: &[&str] = &["admin", "super_admin"];

/// The roles every tenant has. They are rows like any other, marked as built in; a tenant of an older version gets what is new
/// when the program starts. The last four are those of the Switch voice, whose `admin` is our `user_admin`
/// (docs/decisions/0019-switch-roles.md).
pub const BUILT_IN_ROLES: &[(&str, &[Permission])] = &[
    ("admin", Permission::ALL),
    (
        "support",
        &[
            P::UsersRead,
            P::UsersContacts,
            P::UsersEdit,
            P::UsersLock,
            P::UsersResetPassword,
            P::SessionsRead,
            P::SessionsEnd,
            P::DevicesRead,
            P::DevicesUnlink,
            P::NotesRead,
            P::NotesWrite,
            P::MessagesRead,
            P::StaffRead,
            P::ActivityStaff,
            P::ActivityUsers,
            P::SettingsRead,
            P::RequestsRead,
            P::RequestsPropose,
        ],
    ),
    (
        "compliance",
        &[
            P::UsersRead,
            P::UsersContacts,
            P::UsersReveal,
            P::UsersEmployees,
            P::UsersLock,
            P::UsersDisable,
            P::UsersSuspend,
            P::UsersFlag,
            P::UsersBlacklist,
            P::UsersFraud,
            P::UsersHold,
            P::UsersRemove,
            P::UsersErase,
            P::VerificationsDecide,
            P::DocumentsRead,
            P::SessionsRead,
            P::SessionsEnd,
            P::DevicesRead,
            P::NotesRead,
            P::NotesWrite,
            P::MessagesRead,
            P::StaffRead,
            P::KeysRead,
            P::AuditRead,
            P::ActivityStaff,
            P::ActivityUsers,
            P::EventsRead,
            P::SettingsRead,
            P::RequestsRead,
            P::RequestsPropose,
            P::RequestsDecide,
            P::BulkRead,
            P::BulkRun,
        ],
    ),
    (
        "auditor",
        &[
            P::UsersRead,
            P::StaffRead,
            P::KeysRead,
            P::AuditRead,
            P::ActivityStaff,
            P::ActivityUsers,
            P::SettingsRead,
            P::RequestsRead,
        ],
    ),
    ("super_admin", Permission::ALL),
    (
        "user_admin",
        &[
            P::UsersRead,
            P::UsersContacts,
            P::UsersFraud,
            P::UsersResetPassword,
            P::SessionsRead,
            P::DevicesRead,
            P::DevicesUnlink,
            P::NotesRead,
            P::NotesWrite,
            P::MessagesRead,
            P::StaffRead,
            P::AuditRead,
            P::ActivityStaff,
            P::ActivityUsers,
            P::SettingsRead,
            P::RequestsRead,
        ],
    ),
    (
        "customer_success",
        &[
            P::UsersRead,
            P::UsersContacts,
            P::UsersFraud,
            P::UsersResetPassword,
            P::SessionsRead,
            P::DevicesRead,
            P::DevicesUnlink,
            P::NotesRead,
            P::NotesWrite,
            P::MessagesRead,
            P::StaffRead,
            P::AuditRead,
            P::ActivityStaff,
            P::ActivityUsers,
            P::SettingsRead,
            P::RequestsRead,
            P::RequestsPropose,
        ],
    ),
    (
        "banking_operations",
        &[
            P::UsersRead,
            P::UsersContacts,
            P::SessionsRead,
            P::DevicesRead,
            P::NotesRead,
            P::MessagesRead,
            P::StaffRead,
            P::AuditRead,
            P::ActivityStaff,
            P::ActivityUsers,
            P::SettingsRead,
            P::RequestsRead,
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_name_each_verb_once() {
        for table in [ACTIONS, QUESTIONS] {
            let mut names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count);
        }
        assert!(Permission::ALL.len() <= 64, "the set is one u64");
    }

    #[test]
    fn what_somebody_takes_by_hand_can_be_proposed_or_is_listed_with_a_reason() {
        for (name, need) in ACTIONS {
            let is_by_hand = matches!(need, Holder(_) | OneselfOr(_));
            let is_listed = NOT_PROPOSABLE.iter().any(|(known, reason)| known == name && !reason.is_empty());
            assert_eq!(Proposable::parse(name).is_some(), is_by_hand && !is_listed, "{name}");
            assert!(is_by_hand || !is_listed, "{name} is listed and nobody takes it by hand");
        }
        let listed = NOT_PROPOSABLE.iter().map(|(name, _)| *name);
        for name in listed.chain(Proposable::WORDS.iter().copied()) {
            assert!(need_of(ACTIONS, name).is_some(), "{name} is no action");
        }
    }

    #[test]
    fn a_set_reads_back_what_it_stores() {
        let set: Permissions = [P::UsersRead, P::AuditRead].into_iter().collect();
        assert_eq!(Permissions::from_stored(&set.to_stored()), set);
        assert_eq!(Permissions::from_stored("*"), Permissions::all());
        assert_eq!(Permissions::from_stored("users.read no.such"), [P::UsersRead].into_iter().collect());
        assert!(!Permissions::from_stored("").has(P::UsersRead));
    }
}
