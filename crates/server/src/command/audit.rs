//! `bursar audit`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use desk::audit::{ExportAudit, Heads, verify_export_against};

use super::house;
use crate::cli::At;
use crate::config::Settings;
use crate::trouble::{Done, Trouble};
use crate::wire_up::{self, Absent, Purpose};

pub async fn export(settings: &Settings, out: Option<PathBuf>, at: At) -> Done {
    let failed = |fault: std::io::Error| Trouble::new(format!("cannot write the export: {fault}"), "Check the disk.");
    let house = house::open(settings, &at).await?;
    let mut sink: Box<dyn Write> = match &out {
        Some(path) => Box::new(BufWriter::new(File::create(path).map_err(failed)?)),
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let (mut after, mut lines) = (0, 0_usize);
    loop {
        let piece = house.desk.ask(&house.caller, ExportAudit { after }).await?;
        for line in &piece.lines {
            writeln!(sink, "{line}").map_err(failed)?;
        }
        lines += piece.lines.len();
        match piece.next {
            Some(next) => after = next,
            None => break,
        }
    }
    sink.flush().map_err(failed)?;
    eprintln!(
        "{lines} lines; what happened in the last second or two is not sealed yet and comes with the next export"
    );
    drop(sink);
    house.close().await;
    Ok(())
}

/// Prints where each chain ends.
pub async fn head(settings: &Settings) -> Done {
    let opened = wire_up::open(settings, Absent::Refuse, Purpose::Command).await?;
    for tenant in wire_up::tenants(&opened.desk).await? {
        if let Some((_, line)) = opened.desk.audit_head(tenant.id).await? {
            super::print(&format!("{line}\n"))?;
        }
    }
    opened.db.stop().await;
    Ok(())
}

fn lines_of(file: &Path, made_by: &str) -> Done<impl Iterator<Item = std::io::Result<String>> + use<>> {
    let open = File::open(file).map_err(|fault| {
        Trouble::usage(format!("cannot read {}: {fault}", file.display()), format!("Name a file made by {made_by}."))
    })?;
    Ok(BufReader::new(open).lines())
}

pub fn verify(file: &Path, expected: Option<&str>, witnesses: &[PathBuf]) -> Done {
    let mut heads = Heads::default();
    for witness in witnesses {
        let lines = lines_of(witness, "the server (audit_witness), `bursar audit head` or `bursar audit export`")?;
        heads.read(lines).map_err(|what| {
            Trouble::new(format!("the witness {} does not hold: {what}", witness.display()), "Use another copy of it.")
        })?;
    }
    if !witnesses.is_empty() && heads.is_empty() {
        return Err(Trouble::usage("the witness holds nothing", "Name one with at least one line."));
    }
    let lines: Box<dyn Iterator<Item = std::io::Result<String>>> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin().lines()),
        _ => Box::new(lines_of(file, "`bursar audit export`")?),
    };
    let found = verify_export_against(lines, &heads).map_err(|what| {
        Trouble::new(
            format!("this audit does not hold: {what}"),
            "Export it anew; if that does not hold either, somebody changed the records.",
        )
    })?;
    if expected.is_some_and(|key| key.trim() != found.public_key) {
        return Err(Trouble::new(
            format!("this audit was signed by another key: {}", found.public_key),
            "Whoever made the file does not hold the key you trust.",
        ));
    }
    println!(
        "{} ({}): {} rows, {} checkpoints, nothing changed, nothing missing as of {}",
        found.institution,
        found.tenant,
        found.rows,
        found.checkpoints,
        found.as_of.rfc3339_millis()
    );
    println!("signed by {}", found.public_key);
    match heads.of(&found.tenant) {
        0 => println!("not compared with a witness: rows deleted at the end do not show (--witness)"),
        ends => println!("it has all {ends} ends of the chain that the witness knows"),
    }
    Ok(())
}
