//! What went wrong, told to whoever typed the command: what happened, and what to do next.

use std::fmt;

use desk::{Busy, Error};

/// A command could not do its work.
#[derive(Debug)]
pub struct Trouble {
    happened: String,
    next: String,
    code: u8,
}

/// What a command answers.
pub type Done<T = ()> = Result<T, Trouble>;

impl Trouble {
    /// Something went wrong (exit code 1).
    pub fn new(happened: impl Into<String>, next: impl Into<String>) -> Trouble {
        Trouble { happened: happened.into(), next: next.into(), code: 1 }
    }

    /// Settings or arguments cannot be used (exit code 2, as for a misspelt flag).
    pub fn usage(happened: impl Into<String>, next: impl Into<String>) -> Trouble {
        Trouble { happened: happened.into(), next: next.into(), code: 2 }
    }

    /// The storage cannot be used at this moment: what was attempted, why it failed, and what helps.
    pub fn busy(why: Busy, attempted: impl fmt::Display) -> Trouble {
        let next = match why {
            Busy::StorageFull => "Free some space on the disk of the database, and run the command again.",
            Busy::StorageReadOnly => {
                "Let this user write to the database and its folder; the disk may be mounted read-only."
            }
            Busy::StorageAway => "See that PostgreSQL runs and can be reached from here, and run the command again.",
            Busy::DocumentsAway => "See that the store of documents can be reached from here (`document_store`).",
            Busy::Queue => "Another process writes to the database at this moment; run the command again.",
            Busy::RateLimited | Busy::Stopping => "Run the command again.",
        };
        Trouble::new(format!("{attempted} ({})", why.word()), next)
    }

    /// What to do next.
    pub fn next(&self) -> String {
        self.next.clone()
    }

    /// It was done, but not with everything (exit code 3).
    pub fn partly(happened: impl Into<String>, next: impl Into<String>) -> Trouble {
        Trouble { happened: happened.into(), next: next.into(), code: 3 }
    }

    /// Somebody has stopped it by a signal (exit code 130, as a shell has it).
    pub fn interrupted(happened: impl Into<String>, next: impl Into<String>) -> Trouble {
        Trouble { happened: happened.into(), next: next.into(), code: 130 }
    }

    /// What the process ends with.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bursar: {}", self.happened)?;
        if !self.next.is_empty() {
            write!(f, "\n        {}", self.next)?;
        }
        Ok(())
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        match error {
            Error::Invalid(fields) => {
                let told: Vec<String> =
                    fields.iter().map(|field| format!("{}: {}", field.path, field.message)).collect();
                Trouble::usage(told.join(" "), "Change the arguments and try again.")
            }
            Error::Refused(refusal) => Trouble::new(refusal.sentence(), ""),
            Error::Busy(why) => Trouble::busy(why, why.sentence().trim_end_matches('.')),
            Error::Internal(source) => {
                Trouble::new(source.to_string(), "If the sentence above does not say what to do, this is a bug.")
            }
            other => Trouble::new(other.to_string(), ""),
        }
    }
}
