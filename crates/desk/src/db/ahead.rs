//! What works that share a transaction ask first, asked for all of them in one go (decision 0046). Each finds the answer that its
//! own question would have got: it is laid by under that question, and forgotten as soon as anything is changed that the question
//! looks at.

use super::engine::Changes;
use super::fold::names;
use super::value::Param;
use super::{Row, Sql};
use crate::error::Result;
use crate::value::id::TenantId;

/// How many things a `Look` asks about at most: as many works as share a transaction.
pub(super) const MANY: usize = 16;

/// The slots of so many ids behind a tenant, in the text of a `Look` about several.
macro_rules! many {
    () => {
        "($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
    };
}
pub(crate) use many;

/// A question about one thing of a tenant, and the same about several.
pub struct Look {
    /// About one: `$1` the tenant, `$2` the id. One row or none.
    pub one: &'static str,
    /// About several: `$1` the tenant, `many!()` the ids, some of them more than once. A row for each of which there is one,
    /// with the id and behind it what `one` tells.
    pub many: &'static str,
    /// The tables that it looks at.
    pub tables: &'static [&'static str],
}

/// What a work asks first: two questions about one thing.
#[derive(Clone, Copy)]
pub struct First {
    /// Whose thing it is.
    pub tenant: TenantId,
    /// The thing.
    pub id: [u8; 16],
    /// What is asked; the second sees what the first has waited for.
    pub looks: &'static [Look; 2],
}

/// The answers that lie here.
#[derive(Default)]
pub(super) struct Ahead {
    laid: Vec<Laid>,
    /// Whose turn it is.
    turn: Option<First>,
}

struct Laid {
    look: &'static Look,
    tenant: TenantId,
    id: [u8; 16],
    row: Option<Row>,
}

/// What is asked for several works.
pub(super) struct Asked {
    pub tenant: TenantId,
    pub looks: &'static [Look; 2],
    /// Each once.
    ids: Vec<[u8; 16]>,
}

impl Asked {
    /// What these ask first, as far as the first of them asks the same of the same tenant. Nothing if it is only about one.
    pub fn of(firsts: &[First]) -> Option<Asked> {
        let First { tenant, looks, .. } = *firsts.first()?;
        let alike = firsts.iter().filter(|it| it.tenant == tenant && std::ptr::eq(it.looks, looks));
        let mut ids: Vec<[u8; 16]> = alike.map(|it| it.id).take(MANY).collect();
        ids.sort_unstable();
        ids.dedup();
        (ids.len() > 1).then_some(Asked { tenant, looks, ids })
    }

    /// The parameters of the questions about several.
    pub fn params(&self) -> Vec<Param<'_>> {
        let ids = self.ids.iter().cycle().take(MANY);
        [Param::Int(self.tenant.0)].into_iter().chain(ids.map(|id| Param::Blob(id))).collect()
    }
}

impl Ahead {
    /// Lays by the answers, an answer of none included.
    pub fn lay_by(&mut self, asked: &Asked, answers: [Vec<Row>; 2]) -> Result<()> {
        for (look, rows) in asked.looks.iter().zip(answers) {
            let from = self.laid.len();
            self.laid.extend(asked.ids.iter().map(|id| Laid { look, tenant: asked.tenant, id: *id, row: None }));
            for mut row in rows {
                let id: Vec<u8> = row.take()?;
                if let Some(laid) = self.laid[from..].iter_mut().find(|laid| laid.id == *id) {
                    laid.row = Some(row);
                }
            }
        }
        Ok(())
    }

    /// Says whose turn it is.
    pub fn turn_of(&mut self, first: Option<First>) {
        self.turn = first;
    }

    /// Whether the answer to a question lies here.
    pub fn knows(&self, sql: &Sql, params: &[Param<'_>]) -> bool {
        self.place(sql, params).is_some()
    }

    /// The answer to a question, if it lies here. It is told once.
    pub fn take(&mut self, sql: &Sql, params: &[Param<'_>]) -> Option<Option<Row>> {
        let at = self.place(sql, params)?;
        Some(self.laid.swap_remove(at).row)
    }

    fn place(&self, sql: &Sql, params: &[Param<'_>]) -> Option<usize> {
        let [Param::Int(tenant), Param::Blob(id)] = params else { return None };
        let is_it = |laid: &Laid| laid.tenant.0 == *tenant && laid.id == *id && laid.look.one == sql.0;
        self.laid.iter().position(is_it)
    }

    /// Forgets what may be otherwise behind this statement, which changes rows.
    pub fn changes(&mut self, sql: &Sql, params: &[Param<'_>], changes: Changes) {
        let own = match (self.turn, changes, params) {
            (Some(turn), Changes::One, [Param::Int(tenant), Param::Blob(id), ..]) => {
                (*tenant == turn.tenant.0 && *id == turn.id).then_some(turn.id)
            }
            _ => None,
        };
        self.laid.retain(|laid| {
            let is_another = own.is_some_and(|own| laid.id != own);
            is_another || !laid.look.tables.iter().any(|table| names(&sql.0, table))
        });
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.laid.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "SELECT name FROM item WHERE tenant_id = $1 AND id = $2 FOR UPDATE";
    const OPEN: &str = "SELECT 1 FROM door WHERE tenant_id = $1 AND id = $2";
    static LOOKS: [Look; 2] =
        [Look { one: ONE, many: "", tables: &["item"] }, Look { one: OPEN, many: "", tables: &["door", "gate"] }];

    fn first(tenant: i64, id: u8) -> First {
        First { tenant: TenantId(tenant), id: [id; 16], looks: &LOOKS }
    }

    fn row(id: u8, told: i64) -> Row {
        let mut row = Row::build(2);
        row.blob(&[id; 16]);
        row.int(told);
        row.finish()
    }

    /// Answers about 1, 2 and 3, of which 2 has nothing open; it is the turn of 1.
    fn ahead() -> Ahead {
        let asked = Asked::of(&[first(7, 3), first(7, 1), first(8, 4), first(7, 2), first(7, 1)]).unwrap();
        assert_eq!(asked.params().len(), 1 + MANY);
        let mut ahead = Ahead::default();
        ahead.lay_by(&asked, [vec![row(1, 10), row(2, 20), row(3, 30)], vec![row(1, 1), row(3, 1)]]).unwrap();
        ahead.turn_of(Some(first(7, 1)));
        ahead
    }

    /// What is told of a question: nothing lies here, no row, or what the row has.
    fn told(ahead: &mut Ahead, sql: &'static str, tenant: i64, id: u8) -> Option<Option<i64>> {
        let answer = ahead.take(&sql.into(), &[Param::Int(tenant), Param::Blob(&[id; 16])])?;
        Some(answer.map(|mut row| row.take().unwrap()))
    }

    #[test]
    fn each_finds_its_own_answer_once() {
        let mut ahead = ahead();
        assert_eq!(told(&mut ahead, ONE, 7, 2), Some(Some(20)));
        assert_eq!(told(&mut ahead, ONE, 7, 2), None);
        assert_eq!(told(&mut ahead, OPEN, 7, 2), Some(None), "that there is none is an answer");
        assert_eq!(told(&mut ahead, ONE, 8, 3), None, "another tenant's");
        assert_eq!(told(&mut ahead, ONE, 7, 4), None, "nobody has asked");
        assert_eq!(told(&mut ahead, "SELECT 2", 7, 3), None, "another question");
    }

    #[test]
    fn a_work_of_another_tenant_finds_nothing_even_if_it_names_the_thing() {
        let mut ahead = ahead();
        ahead.turn_of(Some(first(8, 1)));
        assert_eq!(told(&mut ahead, ONE, 8, 1), None);
        assert_eq!(told(&mut ahead, OPEN, 8, 1), None);
    }

    #[test]
    fn what_is_about_one_is_not_asked_ahead() {
        assert!(Asked::of(&[]).is_none());
        assert!(Asked::of(&[first(7, 1), first(8, 2), first(7, 1)]).is_none());
    }

    #[test]
    fn an_answer_is_forgotten_once_it_may_be_another() {
        let change = |sql: &'static str, tenant, id: u8, changes| {
            let mut ahead = ahead();
            ahead.changes(&sql.into(), &[Param::Int(tenant), Param::Blob(&[id; 16]), Param::Int(1)], changes);
            [(ONE, 1), (ONE, 2), (OPEN, 1), (OPEN, 2)].map(|(sql, id)| told(&mut ahead, sql, 7, id).is_some())
        };
        let save = "UPDATE item SET name = $4 WHERE tenant_id = $1 AND id = $2 AND version = $3";
        assert_eq!(change(save, 7, 1, Changes::One), [false, true, true, true], "her own row");
        assert_eq!(change(save, 7, 2, Changes::One), [false, false, true, true], "somebody else's row");
        assert_eq!(change(save, 8, 1, Changes::One), [false, false, true, true], "another tenant's row");
        assert_eq!(change(save, 7, 1, Changes::Any), [false, false, true, true], "however many rows");
        assert_eq!(change("INSERT INTO gate (a) VALUES ($1)", 7, 1, Changes::Any), [true, true, false, false]);
        assert_eq!(change("INSERT INTO items (a) VALUES ($1)", 7, 1, Changes::Any), [true; 4], "another table");
    }
}
