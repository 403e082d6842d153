//! A PostgreSQL of our own, with durable settings: `scripts/with-postgres` starts it, and stops it when we let go.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::{Broken, Result};

/// A running PostgreSQL.
pub struct Postgres {
    child: Child,
    /// Where it is.
    pub url: String,
}

impl Postgres {
    /// Starts one; with its data in this folder, if they shall be kept.
    pub fn start(root: &Path, data: Option<&Path>) -> Result<Postgres> {
        let mut command = Command::new(root.join("scripts/with-postgres"));
        command.arg("--durable");
        if let Some(data) = data {
            command.arg("--data").arg(data);
        }
        // It lives until its command ends, and that ends with our end of the pipe.
        command.args(["sh", "-c", "echo \"$BURSAR_TEST_POSTGRES_URL\"; exec cat >/dev/null"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        let url = url.trim().to_owned();
        if url.is_empty() {
            return Err(Broken("PostgreSQL did not start".to_owned()));
        }
        Ok(Postgres { child, url })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
