//! `bursar audit`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use desk::audit::{ExportAudit, verify_export};

use super::house;
use crate::cli::At;
use crate::config::Settings;
use crate::trouble::{Done, Trouble};

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

pub fn verify(file: &Path, expected: Option<&str>) -> Done {
    let lines: Box<dyn Iterator<Item = std::io::Result<String>>> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin().lines()),
        _ => {
            let open = File::open(file);
            let open = open.map_err(|fault| {
                Trouble::usage(
                    format!("cannot read {}: {fault}", file.display()),
                    "Name a file made by `bursar audit export`.",
                )
            })?;
            Box::new(BufReader::new(open).lines())
        }
    };
    let found = verify_export(lines).map_err(|what| {
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
    Ok(())
}
