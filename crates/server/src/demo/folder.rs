//! The demo's folder. Only what a demo wrote is ever deleted, and only where a demo has been: a marker says so.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::trouble::{Done, Trouble};

/// Says that a demo lives here; also the lock of the one that runs.
const MARKER: &str = ".bursar-demo";
/// What a visitor is handed.
const PAPER: &str = "demo.json";
/// Everything a demo writes.
const OURS: &[&str] =
    &[PAPER, "bursar.db", "bursar.db-wal", "bursar.db-shm", "master.key", "banno-client.pem", "banno-client-other.pem"];

/// The folder with what the demo's people show for verification.
const DOCUMENTS: &str = "documents";

/// The demo's database, as a setting.
pub fn database(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("bursar.db").display())
}

/// The file with the demo's master key.
pub fn master_key(folder: &Path) -> PathBuf {
    folder.join("master.key")
}

/// Makes the folder, or clears it of the demo before. The file that is returned holds the folder.
pub fn prepare(folder: &Path) -> Done<File> {
    let shown = folder.display();
    let failed = |fault: std::io::Error| {
        Trouble::new(format!("cannot prepare the folder {shown}: {fault}"), "Name another with --data DIR.")
    };
    if folder.exists() && !is_ours_or_empty(folder).map_err(failed)? {
        return Err(Trouble::new(
            format!("the folder {shown} holds something that is not a demo"),
            "A demo begins by clearing its folder, so it takes only an empty one, or one of its own: name another with --data DIR.",
        ));
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let marker = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(folder.join(MARKER));
    let marker = marker.map_err(failed)?;
    if marker.try_lock().is_err() {
        return Err(Trouble::new(
            format!("another demo runs in the folder {shown}"),
            "Stop it first, or name another folder with --data DIR.",
        ));
    }
    for name in OURS {
        match std::fs::remove_file(folder.join(name)) {
            Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => return Err(failed(fault)),
            _ => {}
        }
    }
    match std::fs::remove_dir_all(folder.join(DOCUMENTS)) {
        Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => Err(failed(fault)),
        _ => Ok(marker),
    }
}

fn is_ours_or_empty(folder: &Path) -> std::io::Result<bool> {
    if folder.join(MARKER).is_file() {
        return Ok(true);
    }
    let is_paper = std::fs::read(folder.join(PAPER))
        .ok()
        .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
        .is_some_and(|paper| paper["base_url"].is_string() && paper["native"].is_object());
    Ok(is_paper || std::fs::read_dir(folder)?.next().is_none())
}

/// Writes a file that nobody else may read, whole or not at all.
pub fn write(path: &Path, text: &str) -> Done {
    let failed =
        |fault: std::io::Error| Trouble::new(format!("cannot write {}: {fault}", path.display()), "Check the disk.");
    let unfinished = path.with_extension("new");
    let mut file =
        OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&unfinished).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(failed)
}

/// Writes demo.json.
pub fn write_paper(folder: &Path, paper: &Value) -> Done {
    write(&folder.join(PAPER), &format!("{paper:#}\n"))
}

/// Reads demo.json.
pub fn read(folder: &Path) -> Done<Value> {
    let path = folder.join(PAPER);
    let text = std::fs::read(&path).map_err(|fault| {
        Trouble::new(
            format!("cannot read {}: {fault}", path.display()),
            "Start `bursar demo` first, or name its folder.",
        )
    })?;
    serde_json::from_slice(&text)
        .map_err(|_| Trouble::new(format!("{} is not JSON", path.display()), "Start `bursar demo` again."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demo_or_nothing_is_cleared_and_only_of_what_a_demo_wrote() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("demo");
        drop(prepare(&folder).unwrap());
        std::fs::write(folder.join("bursar.db"), "old").unwrap();
        std::fs::write(folder.join("mine.txt"), "kept").unwrap();
        std::fs::create_dir_all(folder.join("documents/ten_1")).unwrap();
        drop(prepare(&folder).unwrap());
        assert!(!folder.join("bursar.db").exists() && folder.join("mine.txt").exists());
        assert!(!folder.join("documents").exists());

        let other = home.path().join("other");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join("bursar.db"), "somebody's").unwrap();
        assert!(prepare(&other).unwrap_err().to_string().contains("--data"));
        assert!(other.join("bursar.db").exists());
    }

    #[test]
    fn two_demos_do_not_share_a_folder() {
        let home = tempfile::tempdir().unwrap();
        let held = prepare(home.path()).unwrap();
        assert!(prepare(home.path()).unwrap_err().to_string().contains("another demo"));
        drop(held);
        prepare(home.path()).unwrap();
    }
}
