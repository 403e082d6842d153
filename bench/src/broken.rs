//! Why a measurement could not be made.

/// The reason in words: nobody does anything about it but read it.
#[derive(Debug)]
pub struct Broken(pub String);

/// A measurement, or why it could not be made.
pub type Result<T> = std::result::Result<T, Broken>;

impl<E: std::error::Error> From<E> for Broken {
    fn from(error: E) -> Broken {
        Broken(error.to_string())
    }
}

/// An error in words.
pub fn broken<T>(words: impl Into<String>) -> Result<T> {
    Err(Broken(words.into()))
}
