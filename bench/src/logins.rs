//! Very many who sign in at once: passwords are hashed dearly, and whoever asks for something else must not wait for that.

use serde_json::json;

use crate::broken::broken;
use crate::figures::Run;
use crate::load::{self, Line, request};
use crate::measure::Scene;
use crate::{Broken, Result};

/// Who sign in at once, each over a connection of her own.
const AT_ONCE: usize = 200;
/// Connections of those who look at users meanwhile.
const BESIDE: usize = 4;
/// Users who are looked at.
const ASKED: usize = 10_000;
/// The password of those who sign in.
const PASSWORD: &str = "Lantern-Gravel-77-Orchid";

impl Scene<'_> {
    /// Sign-ins with the right password at its full cost, and others beside them.
    pub fn logins(&mut self, run: &mut Run) -> Result<()> {
        let tenant = self.people_who_sign_in()?;
        // The most that was resident is of these sign-ins alone.
        let people = std::mem::take(&mut self.people);
        self.at_rest(|_| Ok(()))?;
        self.people = people;
        let sign_in = |at: usize| {
            let body = json!({ "tenant_id": tenant, "identifier": username(at), "password": PASSWORD });
            request("POST", "/v1/sessions", None, Some(&body.to_string()))
        };
        let sign_ins: Vec<_> = (0..AT_ONCE).map(sign_in).collect();
        let asked = self.people.iter().take(ASKED);
        let gets: Vec<_> =
            asked.map(|it| request("GET", &format!("/v1/users/{}", it.id), Some(self.key()), None)).collect();
        let (address, time) = (&self.address, self.time);
        let (signed_in, beside) = std::thread::scope(|scope| {
            let signing = scope.spawn(|| load::run(address, &sign_ins, AT_ONCE, time, 201, true));
            let beside = load::run(address, &gets, BESIDE, time, 200, true);
            (signing.join(), beside)
        });
        let signed_in = signed_in.map_err(|_| Broken("a caller has panicked".to_owned()))??;
        run.add("logins", signed_in.load().rate);
        run.add("logins_beside_p99", beside?.load().p99_ms);
        run.add("logins_memory", self.server().peak_mb());
        Ok(())
    }

    /// Makes those who sign in, unless a run before has; the institution's name in a sign-in.
    fn people_who_sign_in(&self) -> Result<&'static str> {
        let mut line = Line::to(&self.address)?;
        for at in 0..AT_ONCE {
            let name = username(at);
            let body = json!({
                "first_name": "Login", "last_name": "Sample", "username": name, "email": format!("{name}@mail.example"),
                "password": PASSWORD,
            });
            let ask = request("POST", "/v1/users", Some(self.key()), Some(&body.to_string()));
            let (status, answer) = line.ask(&ask)?;
            let text = String::from_utf8_lossy(&answer);
            if status != 201 && !text.contains("\"taken\"") {
                return broken(format!("{name} could not be made: {status}: {text}"));
            }
        }
        // The first one that was opened here.
        Ok("ten_1")
    }
}

fn username(at: usize) -> String {
    format!("bench.login.{at}")
}
