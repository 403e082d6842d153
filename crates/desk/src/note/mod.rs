//! What agents write about a user. Sealed with the person's key: erasing her makes them unreadable.

use crate::db::params;
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::user::{self, Attempt};
use crate::value::clock::Time;
use crate::value::id::{NoteId, UserId};
use crate::value::seal::{Place, Sealing};
use crate::verb::{Action, Cx, Question, Qx, Subject};

pub(crate) mod store {
    //! The notes' SQL.

    pub(crate) const INSERT: &str = "\
        INSERT INTO note (tenant_id, id, user_id, author, text, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";

    pub(crate) const OF_USER: &str = "\
        SELECT id, author, text, created_at
        FROM note
        WHERE tenant_id = $1 AND user_id = $2
        ORDER BY id DESC
        LIMIT 200";
}

/// The longest note, in characters.
pub const TEXT_MAX: usize = 4_000;

/// Writes a note.
pub struct WriteNote {
    /// About whom.
    pub user: UserId,
    /// The text.
    pub text: String,
}

/// A note.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Note {
    pub id: NoteId,
    pub author: String,
    pub text: String,
    pub created_at: Time,
}

impl Action for WriteNote {
    const NAME: &'static str = "note.write";
    type Output = Note;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Note> {
        let text = self.text.trim();
        if text.is_empty() || text.chars().count() > TEXT_MAX {
            return Err(Error::invalid("text", "invalid", format!("1 to {TEXT_MAX} characters.")));
        }
        let user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        user.try_to(Attempt::Note, cx.now)?;
        let id = NoteId::new(cx.id_time(), cx.random);
        let place = Place { tenant: cx.tenant.id, table: "note", column: "text", row: id.bytes() };
        let sealed = user.key()?.seal(&place, text.as_bytes(), cx.random);
        let author = cx.caller.author();
        cx.tx.put(store::INSERT, params![cx.tenant.id, id, self.user, author, sealed, cx.now]).await?;
        cx.note(Fact::NoteWritten { user: self.user, note: id });
        Ok(Note { id, author, text: text.to_owned(), created_at: cx.now })
    }
}

/// The newest notes about a user, at most 200.
pub struct ListNotes(pub UserId);

impl Question for ListNotes {
    const NAME: &'static str = "note.list";
    type Output = Vec<Note>;

    fn subject(&self) -> Subject {
        Subject::User(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Note>> {
        let user = user::store::load(qx.rd, qx.tenant, qx.caller, self.0).await?;
        let Ok(key) = user.key() else { return Ok(Vec::new()) };
        let mut notes = Vec::new();
        for mut row in qx.rd.all(store::OF_USER, params![qx.tenant.id, self.0]).await? {
            let id: NoteId = row.take()?;
            let author = row.take()?;
            let sealed: Vec<u8> = row.take()?;
            let place = Place { tenant: qx.tenant.id, table: "note", column: "text", row: id.bytes() };
            let text = String::from_utf8(key.open(&place, &sealed)?).map_err(Error::internal)?;
            notes.push(Note { id, author, text, created_at: row.take()? });
        }
        Ok(notes)
    }
}
