//! The one neutral error. Eight kinds and no status codes: each dialect turns a kind into its own voice at the very end,
//! so nothing in here knows of HTTP. Kinds are for programs, few and closed; refusal codes are for people and clients,
//! stable once released.

use crate::value::words;

/// What every verb of the desk answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller has not proved who it is. The text says what was wrong with the proof, never whether somebody exists.
    #[error("not signed in: {0}")]
    Unauthenticated(&'static str),
    /// The caller is known, and may not do this. Names the permission that is missing.
    #[error("permission missing: {0}")]
    Forbidden(&'static str),
    /// The thing does not exist, or lies outside what the caller may know of. Holds the noun.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Fields that cannot be accepted, each with a code and a sentence.
    #[error("invalid input")]
    Invalid(Vec<Field>),
    /// The request collides with what is stored.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// A valid request that may not happen now.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Cannot be served at this moment; trying again later may help.
    #[error("busy: {0}")]
    Busy(Busy),
    /// A fault of ours. The source goes to the log, never to a client.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The error as the customer it concerns may read it (`Refusal::for_customer`); the audit keeps the true one.
    pub(crate) fn for_customer(self) -> Error {
        match self {
            Error::Refused(refusal) => Error::Refused(refusal.for_customer()),
            other => other,
        }
    }

    /// A fault of ours, described for the operator.
    pub fn internal(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Error::Internal(what.into())
    }

    /// One field that cannot be accepted.
    pub fn invalid(path: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Error::Invalid(vec![Field::new(path, code, message)])
    }

    /// The stable word that audit rows and metrics use for this error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Unauthenticated(_) => "unauthenticated",
            Error::Forbidden(_) => "forbidden",
            Error::NotFound(_) => "not_found",
            Error::Invalid(_) => "invalid",
            Error::Conflict(conflict) => conflict.word(),
            Error::Refused(refusal) => refusal.word(),
            Error::Busy(busy) => busy.word(),
            Error::Internal(_) => "internal",
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal)
    }
}

/// One field that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where it stands, e.g. `email` or `address.zip`.
    pub path: String,
    /// A stable word, e.g. `required`, `too_long`, `taken`.
    pub code: &'static str,
    /// One English sentence for people. Never repeats the value.
    pub message: String,
}

impl Field {
    /// A field fault.
    pub fn new(path: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Field { path: path.into(), code, message: message.into() }
    }
}

words! {
    /// How a request collides with what is stored.
    pub enum Conflict {
        /// The thing has changed since the caller looked at it (`If-Match`, or a racing writer).
        Version = "version_conflict",
        /// Something with the same unique value exists already.
        Exists = "already_exists",
        /// The idempotency key was used before with another request.
        KeyReused = "idempotency_key_reused",
        /// The same idempotency key is being worked on at this moment.
        KeyInUse = "idempotency_key_in_use",
        /// A file of migrations differs from what this database was made with.
        Migration = "migration_conflict",
        /// A newer program has worked on this database.
        Newer = "newer_database",
    }
}

words! {
    /// Why nothing can be done at this moment.
    pub enum Busy {
        /// The queue of writes is full.
        Queue = "busy",
        /// The caller has used up its share.
        RateLimited = "rate_limited",
        /// The disk is full or cannot be written: reads go on, writes are refused.
        StorageFull = "storage_full",
        /// The database is read-only.
        StorageReadOnly = "storage_read_only",
        /// The database cannot be reached.
        StorageAway = "storage_away",
        /// The store of documents cannot be reached.
        DocumentsAway = "documents_away",
        /// The server is stopping.
        Stopping = "stopping",
    }
}

impl Busy {
    /// One English sentence for people: what is the matter, and what helps.
    pub fn sentence(self) -> &'static str {
        match self {
            Busy::Queue => "Too much work is waiting at this moment; try again in a second.",
            Busy::RateLimited => "Too many requests; slow down.",
            Busy::StorageFull => {
                "The disk of the database is full: nothing can be changed until its operator has freed some space."
            }
            Busy::StorageReadOnly => {
                "The database is read-only: nothing can be changed until its operator lets this program write to it."
            }
            Busy::StorageAway => {
                "The database cannot be reached; try again, and if that does not help, its operator must see that it runs."
            }
            Busy::DocumentsAway => "The store of documents cannot be reached; try again.",
            Busy::Stopping => "The server is stopping; try again.",
        }
    }
}

words! {
    /// Why a valid request may not happen now. A flat list of stable codes.
    pub enum Refusal {
        /// The import has ended.
        ImportOver = "import_over",
        /// The start of the import was not approved yet.
        ImportAwaits = "import_awaits",
        /// As many imports as there may be have not ended yet.
        TooManyImports = "too_many_imports",
        /// The user is not locked.
        NotLocked = "not_locked",
        /// The user is disabled already.
        AlreadyDisabled = "already_disabled",
        /// The user is not disabled.
        NotDisabled = "not_disabled",
        /// The institution does not let strangers make accounts.
        RegistrationClosed = "registration_closed",
        /// The user is dormant at the core.
        UserDormant = "user_dormant",
        /// The user is permanently frozen at the core.
        UserPermanentlyFrozen = "user_permanently_frozen",
        /// The user is locked.
        UserLocked = "user_locked",
        /// The user is disabled.
        UserDisabled = "user_disabled",
        /// The user is suspended.
        UserSuspended = "user_suspended",
        /// The user is blacklisted.
        UserBlacklisted = "user_blacklisted",
        /// The user is on hold.
        UserOnHold = "user_on_hold",
        /// A legal hold forbids erasure.
        LegalHold = "legal_hold",
        /// The user is flagged.
        UserFlagged = "user_flagged",
        /// The user's access was removed.
        UserRemoved = "user_removed",
        /// The user was erased.
        UserErased = "user_erased",
        /// A new password must be chosen first.
        PasswordExpired = "password_expired",
        /// The password must be reset first.
        PasswordNeedsReset = "password_needs_reset",
        /// There is no address on file for this channel.
        NoDeliveryAddress = "no_delivery_address",
        /// A contact was changed lately: nothing that opens the account is sent there by one person alone.
        ContactChanged = "contact_changed",
        /// The link or code was used, replaced or never existed.
        LinkInvalid = "link_invalid",
        /// The link or code has expired.
        LinkExpired = "link_expired",
        /// The code is wrong.
        CodeWrong = "code_wrong",
        /// Too many wrong codes were tried.
        TooManyTries = "too_many_tries",
        /// A session alone is not enough for this.
        ProofNeeded = "proof_needed",
        /// The password or code that was shown besides the session is wrong.
        ProofWrong = "proof_wrong",
        /// Nothing is set up that could be removed.
        NotSetUp = "not_set_up",
        /// It is set up already.
        AlreadySetUp = "already_set_up",
        /// The last one of its kind must stay.
        LastOne = "last_one",
        /// A built-in role cannot be changed.
        BuiltIn = "built_in",
        /// Somebody still holds or uses it.
        InUse = "in_use",
        /// One cannot do this to oneself.
        NotToOneself = "not_to_oneself",
        /// Nobody gives, takes away, or acts on what holds more than they may do themselves.
        BeyondOwnRights = "beyond_own_rights",
        /// The key was revoked, or its time is over, or its owner is disabled.
        KeyDoesNotCount = "key_does_not_count",
        /// The session has ended.
        SessionEnded = "session_ended",
        /// The verification is not in a state that allows this.
        VerificationState = "verification_state",
        /// As many documents of the user are kept as there may be.
        TooManyDocuments = "too_many_documents",
        /// The bulk action has ended.
        BulkEnded = "bulk_ended",
        /// The bulk action has not ended yet.
        BulkNotEnded = "bulk_not_ended",
        /// Another number of users fits than was expected.
        SelectionChanged = "selection_changed",
        /// It has no inverse.
        NotUndoable = "not_undoable",
        /// An undo of it exists already.
        AlreadyUndone = "already_undone",
        /// It has moved since.
        ChangedSince = "changed_since",
        /// The institution wants a second person for this.
        NeedsSecondPerson = "needs_second_person",
        /// The institution wants the customer to confirm this.
        NeedsCustomer = "needs_customer",
        /// Who proposed it may not do it any more.
        ProposerMayNot = "proposer_may_not",
        /// Nothing would come of it.
        NothingToDo = "nothing_to_do",
        /// The same was proposed and is not decided yet.
        RequestPending = "request_pending",
        /// The request was decided or withdrawn.
        RequestDecided = "request_decided",
        /// The request waited too long.
        RequestExpired = "request_expired",
        /// The action would do something else than the request was shown to.
        PlanChanged = "plan_changed",
        /// One does not decide what one has proposed.
        OwnRequest = "own_request",
        /// The password was set by somebody else and not changed since.
        PasswordNotOwn = "password_not_own",
        /// One of the two brought the other in, and nobody else has confirmed that.
        ColleagueUnconfirmed = "colleague_unconfirmed",
        /// Whoever brought a colleague in does not confirm them.
        BroughtInByCaller = "brought_in_by_caller",
        /// Somebody else has proposed it.
        NotTheProposer = "not_the_proposer",
        /// The institution has named a role whose holders decide.
        NotADecider = "not_a_decider",
        /// The account is locked.
        AccountLocked = "account_locked",
        /// The account is closed.
        AccountClosed = "account_closed",
        /// The account is frozen.
        AccountFrozen = "account_frozen",
        /// The account is dormant.
        AccountDormant = "account_dormant",
        /// There is money on the account, or a debt.
        AccountNotEmpty = "account_not_empty",
        /// Only accounts of businesses have administrators.
        NotABusinessAccount = "not_a_business_account",
        /// She is an administrator of this account already.
        AdministratorExists = "administrator_exists",
        /// It is the owner herself.
        AdministratorIsOwner = "administrator_is_owner",
        /// The contact is verified already.
        ContactVerified = "contact_verified",
        /// The contact is not verified.
        ContactNotVerified = "contact_not_verified",
        /// Two ways of naming an administrator name two.
        SelectorsDiffer = "selectors_differ",
        /// It was confirmed or cancelled before.
        ChallengeOver = "challenge_over",
        /// It waited too long.
        ChallengeExpired = "challenge_expired",
        /// A code was sent a moment ago.
        CodeTooSoon = "code_too_soon",
        /// As many codes were sent to this person today as may be.
        TooManyCodes = "too_many_codes",
        /// As many messages went to this person within the hour as may be.
        TooManyMessages = "too_many_messages",
        /// The code's time is over.
        CodeExpired = "code_expired",
    }
}

impl Refusal {
    /// The refusal as the customer it concerns may read it. A hold, a flag or a place on the blacklist may mean that somebody
    /// is suspected: telling the suspect is a crime in most countries, so they read a reason that anybody may meet.
    pub fn for_customer(self) -> Refusal {
        match self {
            Refusal::UserOnHold | Refusal::LegalHold => Refusal::UserDisabled,
            Refusal::UserBlacklisted | Refusal::UserFlagged => Refusal::VerificationState,
            other => other,
        }
    }

    /// One English sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Refusal::NotLocked => "The user is not locked.",
            Refusal::AlreadyDisabled => "The user is already disabled.",
            Refusal::NotDisabled => "The user is not disabled.",
            Refusal::RegistrationClosed => "One cannot make an account for oneself here.",
            Refusal::UserDormant => "The user is dormant; only the core can change that.",
            Refusal::UserPermanentlyFrozen => "The user is permanently frozen; only the core can change that.",
            Refusal::UserLocked => "The user is locked.",
            Refusal::UserDisabled => "The user is disabled.",
            Refusal::UserSuspended => "The user is suspended.",
            Refusal::UserBlacklisted => "The user is blacklisted.",
            Refusal::UserOnHold => "The user is on hold.",
            Refusal::LegalHold => "A legal hold forbids this.",
            Refusal::UserFlagged => "The user is flagged.",
            Refusal::UserRemoved => "The user's access was removed.",
            Refusal::UserErased => "The user was erased.",
            Refusal::PasswordExpired => "The password has expired; a new one must be chosen.",
            Refusal::PasswordNeedsReset => "The password must be reset before anything else.",
            Refusal::NoDeliveryAddress => "There is no address on file for this channel.",
            Refusal::ContactChanged => {
                "A contact of the user was changed a short while ago: wait, use the other contact, or propose it as a request."
            }
            Refusal::LinkInvalid => "The link or code is not valid; ask for a new one.",
            Refusal::LinkExpired => "The link or code has expired; ask for a new one.",
            Refusal::CodeWrong => "The code is wrong.",
            Refusal::TooManyTries => "Too many wrong codes were tried; ask for a new one.",
            Refusal::TooManyMessages => "Too many messages were sent to this person; wait an hour.",
            Refusal::ProofNeeded => "A session alone is not enough: show the password or the factor itself, too.",
            Refusal::ProofWrong => "The password or code that was shown is wrong.",
            Refusal::NotSetUp => "It is not set up.",
            Refusal::AlreadySetUp => "It is set up already.",
            Refusal::LastOne => "The last one of its kind must stay.",
            Refusal::BuiltIn => "A built-in role cannot be changed.",
            Refusal::ImportOver => "The import has ended.",
            Refusal::ImportAwaits => "Its start has to be proposed, and approved by somebody else.",
            Refusal::TooManyImports => "Too many imports have not ended yet; wait, or cancel one.",
            Refusal::InUse => "Somebody still holds or uses it.",
            Refusal::NotToOneself => "One cannot do this to oneself.",
            Refusal::BeyondOwnRights => {
                "This needs the rights that you would give, take away, act on, or that the setting guards; you lack some."
            }
            Refusal::KeyDoesNotCount => {
                "The key counts for nothing now: it was revoked, its time is over, or its owner is disabled."
            }
            Refusal::SessionEnded => "The session has ended.",
            Refusal::BulkEnded => "The bulk action has ended.",
            Refusal::BulkNotEnded => "The bulk action has not ended; let it end or cancel it first.",
            Refusal::SelectionChanged => "Another number of users fits than was expected; preview it again.",
            Refusal::NotUndoable => "What it did has no inverse.",
            Refusal::AlreadyUndone => "It was undone already, or is being undone.",
            Refusal::ChangedSince => "It has moved since.",
            Refusal::NeedsSecondPerson => "This needs a second person: propose it as a request.",
            Refusal::NeedsCustomer => {
                "The customer has to confirm this: propose it as a request, and have her told a code."
            }
            Refusal::ProposerMayNot => "Whoever proposed this may not do it any more.",
            Refusal::NothingToDo => "There is nothing to do: it is so already.",
            Refusal::RequestPending => "The same was proposed already, and waits to be decided.",
            Refusal::RequestDecided => "The request is no longer pending.",
            Refusal::RequestExpired => "The request has expired; propose it anew.",
            Refusal::PlanChanged => "It would no longer do what the request was shown to do; propose it anew.",
            Refusal::OwnRequest => "Nobody decides what she has proposed herself.",
            Refusal::PasswordNotOwn => "The password was set by somebody else: change it first.",
            Refusal::ColleagueUnconfirmed => {
                "One of the two brought the other in: another member with team management has to confirm the colleague first."
            }
            Refusal::BroughtInByCaller => {
                "Whoever brought a colleague in does not confirm them: another member with team management does."
            }
            Refusal::NotTheProposer => "Only who has proposed it can withdraw it.",
            Refusal::NotADecider => "Only holders of the role that the institution has named decide requests.",
            Refusal::TooManyDocuments => "As many documents of the user are kept as there may be.",
            Refusal::AccountLocked => "The account is locked.",
            Refusal::AccountClosed => "The account is closed.",
            Refusal::AccountFrozen => "The account is frozen.",
            Refusal::AccountDormant => "The account is dormant.",
            Refusal::AccountNotEmpty => "The account's balance is not zero.",
            Refusal::NotABusinessAccount => "Only the account of a business has administrators.",
            Refusal::AdministratorExists => {
                "There is an administrator of this account with that identity or phone already."
            }
            Refusal::AdministratorIsOwner => "The owner of an account is not its administrator.",
            Refusal::ContactVerified => "The contact is verified already.",
            Refusal::ContactNotVerified => "The contact is not verified.",
            Refusal::SelectorsDiffer => "The identity and the phone are those of two administrators.",
            Refusal::ChallengeOver => "It was confirmed or cancelled already.",
            Refusal::ChallengeExpired => "It was not confirmed in time; begin anew.",
            Refusal::CodeTooSoon => "A code was sent a moment ago; wait a little.",
            Refusal::TooManyCodes => "No more codes are sent to this person today.",
            Refusal::CodeExpired => "The code has expired; ask for a new one.",
            Refusal::VerificationState => "The verification is not in a state that allows this.",
        }
    }
}
