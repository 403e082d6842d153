//! `bursar bench`: hands on to `bursar-bench`, a program of its own, so that what measures is no weight on what serves.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::config::Flags;
use crate::trouble::{Done, Trouble};

pub fn run(arguments: &[OsString], flags: &Flags) -> Done {
    if let Some((setting, _)) = flags.values.first() {
        return Err(Trouble::usage(
            format!("a bench has settings of its own, {setting} is not used"),
            "It never touches an installation: --data and --postgres say where its data are made.",
        ));
    }
    let own = std::env::current_exe()
        .map_err(|fault| Trouble::new(format!("cannot find this program: {fault}"), "Start it by its whole path."))?;
    let program = own.with_file_name("bursar-bench");
    // Comes back only if that program could not be started.
    let fault = Command::new(&program).arg("here").args(arguments).exec();
    Err(Trouble::new(
        format!("cannot start {}: {fault}", program.display()),
        "It measures, and is built with the rest (cargo build --release --workspace --bins): put it beside this program.",
    ))
}
