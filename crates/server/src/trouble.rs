//! What went wrong, told to whoever typed the command: what happened, and what to do next.

use std::fmt;

use desk::Error;

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
            Error::Busy(_) => Trouble::new(
                error.to_string(),
                "Another process may be writing, or the disk may be full or read-only; try again.",
            ),
            Error::Internal(source) => {
                Trouble::new(source.to_string(), "If the sentence above does not say what to do, this is a bug.")
            }
            other => Trouble::new(other.to_string(), ""),
        }
    }
}
