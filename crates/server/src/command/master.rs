//! `bursar key rotate-master`.

use std::path::{Path, PathBuf};

use desk::value::random::Random;
use desk::value::seal::MasterKey;

use crate::config::Settings;
use crate::trouble::{Done, Trouble};
use crate::wire_up::{self, Absent, Purpose};

/// Where the next master key lies until it is in force.
pub fn next_to(file: &Path) -> PathBuf {
    with_end(file, ".next")
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

pub async fn rotate(settings: &Settings) -> Done {
    if settings.master_key.is_some() {
        return Err(Trouble::usage(
            "the master key is given in the environment, where this command cannot replace it",
            "Write the present key into a file (mode 0600), name it with --master-key-file instead of BURSAR_MASTER_KEY, rotate, \
             and put what the file then holds into the environment.",
        ));
    }
    let file = settings.config.master_key_file();
    let opened = wire_up::open(settings, Absent::Refuse, Purpose::Command).await?;
    // One from an attempt that did not get far is as good as a new one.
    let next = next_to(&file);
    let new = MasterKey::read_or_create(&next, &Random::System)?;
    let wrapped = opened.desk.rotate_master(new).await?;
    opened.db.stop().await;
    let Some(tenants) = wrapped else {
        let _ = std::fs::remove_file(&next);
        return Err(Trouble::new(
            "a server works with this database at this moment, and would not know the new key",
            "Stop every server first. (One that was killed counts as running for 30 seconds.)",
        ));
    };
    let old = with_end(&file, ".old");
    // From here on the new key is the right one; if this process ends now, the next command puts it into its place.
    std::fs::rename(&file, &old).and_then(|()| put_in_place(&file)).map_err(|fault| {
        Trouble::new(
            format!("the keys of {tenants} institutions are wrapped by the new master key, but it cannot be put into its place: {fault}"),
            format!("Rename {} to {}.", next.display(), file.display()),
        )
    })?;
    println!("the keys of {tenants} institutions are wrapped by a new master key, which is in {}", file.display());
    eprintln!(
        "Copy it to where you keep it. The old one is in {}: older backups need it; when there are none, remove it. \
         Programs have to ask for new access tokens.",
        old.display()
    );
    Ok(())
}

/// Puts the next key into its place.
pub fn put_in_place(file: &Path) -> std::io::Result<()> {
    std::fs::rename(next_to(file), file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}
