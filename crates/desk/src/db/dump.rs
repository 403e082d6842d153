//! The whole of a database as lines of JSON, seen at one moment, and back: the same for both engines, so that what was written
//! by one can be loaded into the other. Whatever crosses the border to an engine is null, a number, text or bytes, and so a row
//! is a list of these.
//!
//! The keys of persons go into a file of their own. Only the newest of these files is kept: a row whose key is not in it cannot
//! be read any more, and that is how an erasure reaches a backup from before it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};

use super::value::{Param, ToParam, Value};
use super::{Db, Engine, Migration, Rd, Read, Tx, Weight, Write, slots};
use crate::error::{Error, Result};
use crate::value::clock::Time;
use crate::value::secret::hex;

/// Rows read or written at a time.
const SLICE: usize = 1_000;
/// The version of the files.
const FORMAT: i64 = 1;
/// What the schema keeps about itself: made by the migrations, and not carried over.
const OWN: [&str; 2] = ["schema_migration", "schema_lease"];
/// Where the keys of persons stand, and by what each row is known.
const KEYED: [&str; 2] = ["users", "administrator"];
const KEY: &str = "person_key";

/// What was written or read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dumped {
    /// Tables.
    pub tables: usize,
    /// Rows, of persons' keys apart.
    pub rows: u64,
    /// Keys of persons.
    pub keys: u64,
}

impl Db {
    /// Writes everything that is in the database at one moment to a file, and the keys of persons to another. Both must not
    /// exist, and are readable for this user only.
    pub async fn dump(&self, data: &Path, keys: &Path, at: Time) -> Result<Dumped> {
        let migrations = self.applied_migrations().await?;
        self.read(Dump { data: data.into(), keys: keys.into(), at, migrations }).await
    }

    /// Reads such files into a database without anything in it. Its schema is brought to where that of the files was, and
    /// after the rows are in to the end of the list.
    pub async fn load(&self, list: &'static [Migration], data: &Path, keys: &Path) -> Result<Dumped> {
        let mut lines = Lines::open(data, "data")?;
        let had = lines.migrations()?;
        let until = list.iter().take_while(|it| had.iter().any(|name| name == it.name)).count();
        if until != had.len() {
            let unknown = had.iter().find(|name| list.iter().all(|it| it.name != name.as_str()));
            let what = unknown.map_or("in another order".to_owned(), |name| format!("of a newer version ({name})"));
            return Err(Error::internal(format!("the backup is {what}; use the version that made it, or a newer one")));
        }
        // Looked through before anything is written: a file that was cut must not be loaded by half.
        let mut looked = Lines::open(data, "data")?;
        while looked.next()?.is_some() {}
        let mut looked = Lines::open(keys, "person-keys")?;
        while looked.next()?.is_some() {}
        self.migrate(&list[..until]).await?;
        self.write(Empty).await?;
        let mut loaded = Dumped::default();
        let mut table: Option<Table> = None;
        let mut rows = Vec::new();
        loop {
            let line = lines.next()?;
            if rows.len() == SLICE || !matches!(line, Some(Line::Row(_))) {
                if let Some(table) = table.clone().filter(|_| !rows.is_empty()) {
                    loaded.rows += rows.len() as u64;
                    self.write(Insert { table, rows: std::mem::take(&mut rows) }).await?;
                }
                self.settle().await?;
            }
            match line {
                Some(Line::Table(it)) => {
                    loaded.tables += 1;
                    table = Some(it);
                }
                Some(Line::Row(row)) => rows.push(row),
                None => break,
            }
        }
        let mut lines = Lines::open(keys, "person-keys")?;
        let mut table = String::new();
        let mut keyed = Vec::new();
        loop {
            let line = lines.next()?;
            if keyed.len() == SLICE || !matches!(line, Some(Line::Row(_))) {
                loaded.keys += keyed.len() as u64;
                self.write(SetKeys { table: table.clone(), keys: std::mem::take(&mut keyed) }).await?;
            }
            match line {
                Some(Line::Table(it)) if KEYED.contains(&it.name.as_str()) => table = it.name,
                Some(Line::Table(_)) => return Err(Error::internal("the file of keys names another table")),
                Some(Line::Row(row)) => keyed.push(row),
                None => break,
            }
        }
        self.migrate(list).await?;
        self.learn().await?;
        Ok(loaded)
    }

    /// The names of the migrations that were applied, in their order.
    pub async fn applied_migrations(&self) -> Result<Vec<String>> {
        let mut names = super::migrate::unknown(self, &[]).await?;
        names.sort_unstable();
        Ok(names)
    }
}

/// A table, with the columns in which it is written.
#[derive(Debug, Clone)]
struct Table {
    name: String,
    columns: Vec<String>,
}

impl Table {
    fn head(&self) -> Json {
        json!({ "table": self.name, "columns": self.columns })
    }
}

/// A name as SQL text. Those in a file are looked at: it may come from anywhere.
fn quoted(name: &str) -> Result<String> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        return Err(Error::internal("the backup names a table or column that cannot be one"));
    }
    Ok(format!("\"{name}\""))
}

fn list_of(names: &[String]) -> Result<String> {
    Ok(names.iter().map(|name| quoted(name)).collect::<Result<Vec<_>>>()?.join(", "))
}

async fn texts(rd: &mut Rd, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<String>> {
    rd.all(sql, params).await?.into_iter().map(|mut row| row.take()).collect()
}

/// The tables, in the order in which they were made: what is referred to comes first.
async fn tables(rd: &mut Rd) -> Result<Vec<String>> {
    let sql = match rd.engine() {
        Engine::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
        }
        Engine::Postgres => {
            "SELECT CAST(c.relname AS TEXT) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = current_schema() AND c.relkind = 'r' ORDER BY c.oid"
        }
    };
    let mut names = texts(rd, sql, &[]).await?;
    names.retain(|name| !OWN.contains(&name.as_str()));
    Ok(names)
}

/// Columns of a table, by name.
async fn columns(rd: &mut Rd, table: &str) -> Result<Vec<String>> {
    let sql = match rd.engine() {
        Engine::Sqlite => "SELECT name FROM pragma_table_info($1) ORDER BY name",
        Engine::Postgres => {
            "SELECT CAST(column_name AS TEXT) FROM information_schema.columns \
             WHERE table_schema = current_schema() AND CAST(table_name AS TEXT) = CAST($1 AS TEXT) ORDER BY 1"
        }
    };
    let mut names = texts(rd, sql, &[Param::Text(table)]).await?;
    // Not as a database's collation has it.
    names.sort_unstable();
    Ok(names)
}

/// The columns of its primary key, in their order.
async fn primary_key(rd: &mut Rd, table: &str) -> Result<Vec<String>> {
    let sql = match rd.engine() {
        Engine::Sqlite => "SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk",
        Engine::Postgres => {
            "SELECT CAST(k.column_name AS TEXT) FROM information_schema.table_constraints c \
             JOIN information_schema.key_column_usage k \
             ON k.constraint_schema = c.constraint_schema AND k.constraint_name = c.constraint_name AND k.table_name = c.table_name \
             WHERE c.table_schema = current_schema() AND CAST(c.table_name AS TEXT) = CAST($1 AS TEXT) \
             AND c.constraint_type = 'PRIMARY KEY' ORDER BY k.ordinal_position"
        }
    };
    texts(rd, sql, &[Param::Text(table)]).await
}

struct Dump {
    data: PathBuf,
    keys: PathBuf,
    at: Time,
    migrations: Vec<String>,
}

impl Read for Dump {
    type Output = Dumped;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Dumped> {
        let mut data = Writing::new(&self.data, "data", self)?;
        let mut keys = Writing::new(&self.keys, "person-keys", self)?;
        let mut dumped = Dumped::default();
        for name in tables(rd).await? {
            dumped.tables += 1;
            self.table(rd, &name, &mut data, &mut keys).await?;
        }
        (dumped.rows, dumped.keys) = (data.end()?, keys.end()?);
        Ok(dumped)
    }
}

impl Dump {
    async fn table(&self, rd: &mut Rd, name: &str, data: &mut Writing, keys: &mut Writing) -> Result<()> {
        let table = Table { name: name.to_owned(), columns: columns(rd, name).await? };
        let key = primary_key(rd, name).await?;
        if key.is_empty() {
            return Err(Error::internal(format!("the table {name} has no primary key")));
        }
        let apart = table.columns.iter().position(|it| it == KEY).filter(|_| KEYED.contains(&name));
        let places: Vec<usize> = key.iter().filter_map(|part| table.columns.iter().position(|it| it == part)).collect();
        // By what a row of persons is known in the other file: their key is apart from where they lie.
        let known: Vec<String> = ["tenant_id", "id"].map(str::to_owned).to_vec();
        let known_at: Vec<usize> =
            known.iter().filter_map(|part| table.columns.iter().position(|it| it == part)).collect();
        let (all, order) = (list_of(&table.columns)?, list_of(&key)?);
        let from = format!("SELECT {all} FROM {}", quoted(name)?);
        let first = format!("{from} ORDER BY {order} LIMIT {SLICE}");
        let next = format!("{from} WHERE ({order}) > ({}) ORDER BY {order} LIMIT {SLICE}", slots(1, key.len()));
        data.line(&table.head())?;
        if apart.is_some() {
            let columns = [&known[..], &[KEY.to_owned()]].concat();
            keys.line(&json!({ "table": name, "columns": columns }))?;
        }
        let mut last: Option<Vec<Value>> = None;
        loop {
            let rows = match &last {
                None => rd.all(first.clone(), &[]).await?,
                Some(last) => rd.all(next.clone(), &last.iter().map(ToParam::to_param).collect::<Vec<_>>()).await?,
            };
            let read = rows.len();
            for mut row in rows {
                let mut values: Vec<Value> = (0..table.columns.len()).map(|_| row.take()).collect::<Result<_>>()?;
                last = Some(places.iter().map(|at| values[*at].clone()).collect());
                if let Some(at) = apart {
                    let key = std::mem::replace(&mut values[at], Value::Null);
                    if key != Value::Null {
                        let known: Vec<Value> = known_at.iter().map(|at| values[*at].clone()).chain([key]).collect();
                        keys.row(&known)?;
                    }
                }
                data.row(&values)?;
            }
            if read < SLICE {
                return Ok(());
            }
        }
    }
}

/// A file that is being written: a head, tables, rows, and an end that says how much there was.
struct Writing {
    file: BufWriter<File>,
    digest: Context,
    rows: u64,
}

fn cannot_write(fault: std::io::Error) -> Error {
    Error::internal(format!("cannot write the backup: {fault}; check the disk, and that the folder has none yet"))
}

impl Writing {
    fn new(path: &Path, what: &str, dump: &Dump) -> Result<Writing> {
        // A question may be asked again from its beginning; whether a file was there before is the caller's affair.
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = BufWriter::new(file.map_err(cannot_write)?);
        let mut writing = Writing { file, digest: Context::new(&SHA256), rows: 0 };
        writing.line(&json!({
            "bursar_backup": FORMAT, "what": what, "at": dump.at, "migrations": dump.migrations,
        }))?;
        Ok(writing)
    }

    fn line(&mut self, line: &Json) -> Result<()> {
        let line = format!("{line}\n");
        self.digest.update(line.as_bytes());
        self.file.write_all(line.as_bytes()).map_err(cannot_write)
    }

    fn row(&mut self, values: &[Value]) -> Result<()> {
        self.rows += 1;
        self.line(&Json::Array(values.iter().map(to_json).collect()))
    }

    fn end(self) -> Result<u64> {
        let Writing { mut file, digest, rows } = self;
        let line = json!({ "end": rows, "sha256": hex(digest.finish().as_ref()) });
        writeln!(file, "{line}").map_err(cannot_write)?;
        let file = file.into_inner().map_err(|fault| cannot_write(fault.into_error()))?;
        file.sync_all().map_err(cannot_write)?;
        Ok(rows)
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Int(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!({ "b": BASE64.encode(bytes) }),
    }
}

fn from_json(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Null => Value::Null,
        Json::Number(number) => Value::Int(number.as_i64()?),
        Json::String(text) => Value::Text(text.clone()),
        Json::Object(_) => Value::Blob(BASE64.decode(value["b"].as_str()?).ok()?),
        Json::Bool(_) | Json::Array(_) => return None,
    })
}

/// A line of a file.
enum Line {
    Table(Table),
    Row(Vec<Value>),
}

/// A file that is being read. Its end is checked.
struct Lines {
    file: BufReader<File>,
    digest: Context,
    head: Json,
    number: u64,
    rows: u64,
    shown: String,
}

impl Lines {
    fn open(path: &Path, what: &str) -> Result<Lines> {
        let shown = path.display().to_string();
        let file = File::open(path).map_err(|fault| Error::internal(format!("cannot read {shown}: {fault}")))?;
        let (file, digest) = (BufReader::new(file), Context::new(&SHA256));
        let mut lines = Lines { file, digest, head: Json::Null, number: 0, rows: 0, shown };
        let head = lines.line()?;
        if head["bursar_backup"] != FORMAT || head["what"] != what {
            return Err(lines.bad("not the head of such a file of a backup"));
        }
        lines.head = head;
        Ok(lines)
    }

    fn migrations(&self) -> Result<Vec<String>> {
        serde_json::from_value(self.head["migrations"].clone()).map_err(|_| self.bad("it does not say what made it"))
    }

    fn bad(&self, what: &str) -> Error {
        Error::internal(format!("{}, line {}: {what}", self.shown, self.number))
    }

    fn line(&mut self) -> Result<Json> {
        let so_far = self.digest.clone().finish();
        let mut line = String::new();
        self.number += 1;
        self.file.read_line(&mut line).map_err(|fault| self.bad(&fault.to_string()))?;
        if !line.ends_with('\n') {
            return Err(self.bad("the file was cut"));
        }
        self.digest.update(line.as_bytes());
        let line: Json = serde_json::from_str(&line).map_err(|_| self.bad("not JSON"))?;
        if let Some(end) = line["end"].as_u64()
            && (end != self.rows || line["sha256"].as_str() != Some(&hex(so_far.as_ref())))
        {
            return Err(self.bad("the file was changed, or something in it is missing"));
        }
        Ok(line)
    }

    fn next(&mut self) -> Result<Option<Line>> {
        let line = self.line()?;
        if let Json::Array(values) = &line {
            self.rows += 1;
            let values = values.iter().map(from_json).collect::<Option<_>>().ok_or_else(|| self.bad("not a row"))?;
            return Ok(Some(Line::Row(values)));
        }
        if let Some(name) = line["table"].as_str() {
            let columns = serde_json::from_value(line["columns"].clone()).map_err(|_| self.bad("no columns"))?;
            return Ok(Some(Line::Table(Table { name: name.to_owned(), columns })));
        }
        if line["end"].is_u64() { Ok(None) } else { Err(self.bad("not a line of a backup")) }
    }
}

/// Takes out what migrations have put in: the files have it, too.
struct Empty;

impl Write for Empty {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for name in tables(tx).await?.into_iter().rev() {
            tx.run(format!("DELETE FROM {}", quoted(&name)?), &[]).await?;
        }
        Ok(())
    }
}

struct Insert {
    table: Table,
    rows: Vec<Vec<Value>>,
}

impl Write for Insert {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let Table { name, columns } = &self.table;
        if OWN.contains(&name.as_str()) {
            return Err(Error::internal("the backup holds a table that it must not hold"));
        }
        let sql = format!("INSERT INTO {} ({}) VALUES ({})", quoted(name)?, list_of(columns)?, slots(1, columns.len()));
        for row in &self.rows {
            if row.len() != columns.len() {
                return Err(Error::internal(format!("a row of the table {name} in the backup has other columns")));
            }
            tx.put(sql.clone(), &row.iter().map(ToParam::to_param).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }
}

struct SetKeys {
    table: String,
    keys: Vec<Vec<Value>>,
}

impl Write for SetKeys {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let sql = format!("UPDATE {} SET {KEY} = $3 WHERE tenant_id = $1 AND id = $2", quoted(&self.table)?);
        for key in &self.keys {
            // A key of somebody who came after the backup finds nobody.
            tx.put(sql.clone(), &key.iter().map(ToParam::to_param).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }
}
