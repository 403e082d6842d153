//! Every figure there is, and what it must reach: one table to read. Some bounds are set for a hundred thousand users, some
//! for a million; each is shown, with its mark, whatever number was measured.

use desk::db::Engine;
use serde_json::{Map, Value, json};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Rates.
    More,
    /// Times and sizes.
    Less,
}

use Better::{Less, More};

/// A figure: what it is called and what it must reach.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its stable name in the results.
    pub key: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// In what it is measured.
    pub unit: &'static str,
    /// Which way is better.
    pub better: Better,
    /// What it must reach with 100,000 users on the embedded engine, and what part of its floor.
    pub small: Must,
    /// The same with a million users.
    pub large: Must,
    /// What it must reach with a million users on PostgreSQL.
    pub postgres: Option<f64>,
}

/// A bound for the figure itself, and one for the figure divided by its floor.
#[derive(Debug, Clone, Copy)]
pub struct Must {
    /// For the figure.
    pub value: Option<f64>,
    /// For its part of the floor.
    pub ratio: Option<f64>,
}

const OPEN: Must = Must { value: None, ratio: None };

const fn must(value: f64) -> Must {
    Must { value: Some(value), ratio: None }
}

const fn with_floor(value: f64, ratio: f64) -> Must {
    Must { value: Some(value), ratio: Some(ratio) }
}

const fn kind(key: &'static str, name: &'static str, unit: &'static str, better: Better) -> Kind {
    Kind { key, name, unit, better, small: OPEN, large: OPEN, postgres: None }
}

impl Kind {
    const fn small(self, small: Must) -> Kind {
        Kind { small, ..self }
    }

    const fn large(self, large: Must) -> Kind {
        Kind { large, ..self }
    }

    const fn both(self, bound: Must) -> Kind {
        Kind { small: bound, large: bound, ..self }
    }

    const fn postgres(self, value: f64) -> Kind {
        Kind { postgres: Some(value), ..self }
    }
}

/// All of them, in the order in which they are printed.
pub const KINDS: &[Kind] = &[
    kind("binary", "binary", "MB", Less).both(must(30.0)),
    kind("sync", "one write of 4 KiB and its sync, median", "ms", Less),
    kind("import", "import into an empty house, for a million", "s", Less).large(must(120.0)),
    kind("import_rate", "import, rows", "/s", More),
    kind("import_last_tenth", "import, last tenth / first tenth, time", "", Less).large(must(1.2)),
    kind("import_sealed", "until the audit of it is sealed", "s", Less),
    kind("start", "start to the first answer", "ms", Less).both(must(300.0)),
    kind("memory_idle", "memory at rest", "MB", Less).both(must(40.0)),
    kind("get", "get user, 8 connections", "/s", More)
        .small(with_floor(15_000.0, 0.25))
        .large(with_floor(20_000.0, 0.3)),
    kind("get_p99", "get user, p99", "ms", Less).both(must(5.0)),
    kind("find", "find by e-mail, 8 connections", "/s", More).large(with_floor(20_000.0, 0.3)),
    kind("find_p99", "find by e-mail, p99", "ms", Less).large(must(5.0)),
    kind("banno_find", "find by e-mail through Banno, 8 connections", "/s", More).small(with_floor(15_000.0, 0.25)),
    kind("banno_find_p99", "find by e-mail through Banno, p99", "ms", Less).small(must(5.0)),
    kind("prefix", "search, three letters of a common name", "/s", More),
    kind("prefix_p99", "search, three letters of a common name, p99", "ms", Less).large(must(5.0)),
    kind("names", "search, common first and last name", "/s", More),
    kind("names_p99", "search, common first and last name, p99", "ms", Less).large(must(15.0)),
    kind("list", "list, two filters and exact total, first page", "/s", More).large(must(4_000.0)),
    kind("list_p99", "list, two filters and exact total, p99", "ms", Less).large(must(10.0)),
    kind("page", "first page by row, with total, one connection", "/s", More),
    kind("deep", "page at nine tenths of all / first page, cost", "", Less).large(must(1.2)),
    kind("switch_page", "first page through Switch, one connection", "/s", More),
    kind("switch_deep", "Switch page at nine tenths of all / first page, cost", "", Less).large(must(1.2)),
    kind("audit_rows", "rows in the audit", "", More),
    kind("audit", "audit of one user, a page", "/s", More),
    kind("audit_p99", "audit of one user, a page, p99", "ms", Less).large(must(10.0)),
    kind("bulk", "bulk lock, for 100,000 users", "s", Less).large(must(30.0)),
    kind("bulk_beside", "slowest other write beside it", "ms", Less),
    kind("undo", "undo of it, for 100,000 users", "s", Less),
    kind("lock", "lock with audit, event and job, 32 connections", "/s", More)
        .large(with_floor(6_000.0, 0.6))
        .postgres(2_500.0),
    kind("lock_least", "the same beside a writer of five rows only", "/s", More),
    kind("lock_p99", "lock, p99", "ms", Less).large(must(20.0)),
    kind("unlock", "unlock through Banno, 32 connections", "/s", More).small(with_floor(5_000.0, 0.5)),
    kind("unlock_least", "the same beside a writer of four rows only", "/s", More),
    kind("unlock_p99", "unlock through Banno, p99", "ms", Less).small(must(25.0)),
    kind("logins", "sign-ins, 200 connections", "/s", More),
    kind("logins_beside_p99", "get user over 4 connections beside them, p99", "ms", Less).both(must(50.0)),
    kind("logins_memory", "memory, the most while they sign in", "MB", Less).both(must(256.0)),
    kind("choice_rounds", "add, send, confirm through Choice, 16 connections", "/s", More).both(must(500.0)),
    kind("memory_peak", "memory, the most under all of this", "MB", Less).large(must(256.0)),
];

/// A figure that was measured.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Which.
    pub kind: &'static Kind,
    /// What it came to.
    pub value: f64,
    /// What the machine gives without us, where that was measured.
    pub floor: Option<f64>,
}

impl Figure {
    fn ratio(&self) -> Option<f64> {
        self.floor.filter(|floor| *floor > 0.0).map(|floor| self.value / floor)
    }

    /// The bounds in words, each with its mark.
    fn judged(&self, must: Must) -> String {
        let reached = |value: f64, bound: f64, better: Better| match better {
            More => value >= bound,
            Less => value <= bound,
        };
        let word = |value: f64, bound: f64, better: Better, what: &str| {
            let sign = if better == More { '≥' } else { '≤' };
            let mark = if reached(value, bound, better) { '✓' } else { '✗' };
            format!("{what}{sign} {} {mark}", short(bound))
        };
        let own = must.value.map(|bound| word(self.value, bound, self.kind.better, ""));
        let part = match (must.ratio, self.ratio()) {
            (Some(bound), Some(ratio)) => Some(word(ratio, bound, More, "ratio ")),
            _ => None,
        };
        own.into_iter().chain(part).collect::<Vec<_>>().join(", ")
    }
}

/// What one run found, in one house.
#[derive(Debug, Clone)]
pub struct Run {
    /// Which engine.
    pub engine: Engine,
    /// How many users.
    pub users: u64,
    /// How long each figure was measured, in seconds.
    pub seconds: u64,
    /// What was measured, as it came.
    pub figures: Vec<Figure>,
}

/// An engine's name in results.
pub fn word(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    }
}

impl Run {
    /// An empty one.
    pub fn new(engine: Engine, users: u64, seconds: u64) -> Run {
        Run { engine, users, seconds, figures: Vec::new() }
    }

    /// Adds a figure.
    pub fn add(&mut self, key: &str, value: f64) {
        self.add_beside(key, value, None);
    }

    /// Adds a figure with its floor.
    pub fn add_beside(&mut self, key: &str, value: f64, floor: Option<f64>) {
        let kind = KINDS.iter().find(|kind| kind.key == key).expect("every figure has its line in KINDS");
        self.figures.push(Figure { kind, value, floor });
    }

    fn ordered(&self) -> Vec<&Figure> {
        KINDS.iter().filter_map(|kind| self.figures.iter().find(|it| it.kind.key == kind.key)).collect()
    }

    /// The table.
    pub fn table(&self) -> String {
        let engine = match self.engine {
            Engine::Sqlite => "SQLite, synchronous = FULL",
            Engine::Postgres => "PostgreSQL, fsync and synchronous_commit on",
        };
        let (second, first) = match self.engine {
            Engine::Sqlite => ("must, 1,000,000 users", "must, 100,000 users"),
            Engine::Postgres => ("must, 1,000,000 users", ""),
        };
        let mut out = format!("\n{} users, {engine}, {} s a figure\n\n", short(self.users as f64), self.seconds);
        let line = |cells: [&str; 6]| {
            let text = format!(
                "{:<50} {:>13} {:>13} {:>6}   {:<28} {}",
                cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]
            );
            format!("{}\n", text.trim_end())
        };
        out.push_str(&line(["figure", "measured", "floor", "ratio", second, first]));
        for it in self.ordered() {
            let with_unit = |value: f64| match it.kind.unit {
                "" => short(value),
                "/s" => format!("{}/s", short(value)),
                unit => format!("{} {unit}", short(value)),
            };
            let (large, small) = match self.engine {
                Engine::Sqlite => (it.judged(it.kind.large), it.judged(it.kind.small)),
                Engine::Postgres => (it.judged(Must { value: it.kind.postgres, ratio: None }), String::new()),
            };
            let floor = it.floor.map(with_unit).unwrap_or_default();
            let ratio = it.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
            out.push_str(&line([it.kind.name, &with_unit(it.value), &floor, &ratio, &large, &small]));
        }
        out
    }

    /// The figures as JSON.
    pub fn json(&self) -> Value {
        let one = |it: &&Figure| {
            let mut out = Map::new();
            let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
            put("key", json!(it.kind.key));
            put("name", json!(it.kind.name));
            put("unit", json!(it.kind.unit));
            put("value", json!(rounded(it.value)));
            if let Some(floor) = it.floor {
                put("floor", json!(rounded(floor)));
                put("ratio", json!(it.ratio().map(rounded)));
            }
            let bounds = match self.engine {
                Engine::Sqlite => [("must_at_1000000", it.kind.large), ("must_at_100000", it.kind.small)],
                Engine::Postgres => {
                    [("must_at_1000000", Must { value: it.kind.postgres, ratio: None }), ("must_at_100000", OPEN)]
                }
            };
            for (name, must) in bounds {
                if must.value.is_some() || must.ratio.is_some() {
                    let sense = if it.kind.better == More { "at_least" } else { "at_most" };
                    put(name, json!({ sense: must.value, "ratio_at_least": must.ratio }));
                }
            }
            Value::Object(out)
        };
        let figures: Vec<Value> = self.ordered().iter().map(one).collect();
        json!({ "engine": word(self.engine), "users": self.users, "seconds_a_figure": self.seconds, "figures": figures })
    }
}

/// Four digits are more than a figure is worth.
fn rounded(value: f64) -> f64 {
    if !value.is_finite() || value == 0.0 {
        return 0.0;
    }
    let scale = 10f64.powi(3 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    if rounded.abs() >= 1000.0 { rounded.round() } else { rounded }
}

/// A number for people: thousands apart, few decimals.
pub fn short(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    if value.abs() >= 100.0 {
        let digits = format!("{value:.0}");
        let mut out = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        return out;
    }
    let text = if value.abs() >= 10.0 { format!("{value:.1}") } else { format!("{value:.2}") };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_thousands_stand_apart() {
        for (value, text) in [
            (1_000_000.0, "1,000,000"),
            (20_000.0, "20,000"),
            (123.4, "123"),
            (0.3, "0.3"),
            (30.0, "30"),
            (1.25, "1.25"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(rounded(12_345.6), 12_350.0);
        assert_eq!(rounded(0.012_345), 0.012_35);
    }

    #[test]
    fn every_key_and_every_name_stands_once() {
        for (at, kind) in KINDS.iter().enumerate() {
            assert!(
                KINDS[at + 1..].iter().all(|other| other.key != kind.key && other.name != kind.name),
                "{}",
                kind.key
            );
        }
    }

    #[test]
    fn a_missed_bound_is_marked() {
        let mut run = Run::new(Engine::Sqlite, 1_000_000, 5);
        run.add_beside("get", 19_000.0, Some(50_000.0));
        let table = run.table();
        assert!(table.contains("≥ 20,000 ✗, ratio ≥ 0.3 ✓"), "{table}");
        assert!(table.contains("≥ 15,000 ✓, ratio ≥ 0.25 ✓"), "{table}");
    }
}
