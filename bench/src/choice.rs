//! Rounds through the Choice Bank voice: an administrator is added, a code is sent, and what it confirms is done; every
//! request signed. Reading the codes out of the outbox is no part of the time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use desk::value::clock::Clock;
use desk::value::secret;
use serde_json::{Value, json};

use crate::broken::broken;
use crate::figures::Run;
use crate::house::House;
use crate::load::{Line, ask, request};
use crate::measure::Scene;
use crate::{Broken, Result};

/// Connections, each with an account and an owner of its own.
const CALLERS: usize = 16;
const SENDER: &str = "benchpay";

/// A partner's program.
struct Partner {
    address: String,
    key: String,
}

/// What one connection has begun.
#[derive(Default)]
struct Begun {
    /// What waits, in the order in which codes were sent.
    waiting: Vec<String>,
}

impl Partner {
    /// A signed request.
    fn signed(&self, path: &str, id: &str, params: &[(&str, &str)]) -> Vec<u8> {
        let now = Clock::System.now().0 / 1000;
        let mut leaves = vec![
            format!("requestId={id}"),
            format!("sender={SENDER}"),
            format!("senderKey={}", self.key),
            "locale=en_KE".to_owned(),
            "salt=s4lt".to_owned(),
            format!("timestamp={now}"),
        ];
        leaves.extend(params.iter().map(|(name, value)| format!("params.{name}={value}")));
        leaves.sort_unstable();
        let signature = secret::hex(&secret::digest(leaves.join("&").as_bytes()));
        let params: serde_json::Map<String, Value> =
            params.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        let body = json!({
            "requestId": id, "sender": SENDER, "locale": "en_KE", "timestamp": now, "salt": "s4lt",
            "signature": signature, "params": params,
        });
        request("POST", path, None, Some(&body.to_string()))
    }

    /// Asks, and must be told `00000`; the data.
    fn ask(&self, line: &mut Line, path: &str, id: &str, params: &[(&str, &str)]) -> Result<Value> {
        let (status, body) = line.ask(&self.signed(path, id, params))?;
        let answer: Value = serde_json::from_slice(&body)?;
        if status != 200 || answer["code"] != "00000" {
            return broken(format!("{path}: {status}: {answer}"));
        }
        Ok(answer["data"].clone())
    }

    /// Adds administrators to an account and has a code sent for each, until the time is over.
    fn begin(&self, caller: usize, account: &str, time: Duration, begun: &mut Begun) -> Result<()> {
        let (mut line, started) = (Line::to(&self.address)?, Instant::now());
        while started.elapsed() < time {
            let at = begun.waiting.len();
            let (number, mobile) = (format!("B{caller:02}{at:07}"), format!("7{at:08}"));
            let person = [
                ("accountId", account),
                ("idType", "103"),
                ("idNumber", &number),
                ("fullName", "Bench Sample"),
                ("countryCode", "254"),
                ("mobile", &mobile),
                ("email", "bench@mail.example"),
            ];
            let path = "/account/v2/addAccountAdministrator";
            let data = self.ask(&mut line, path, &format!("a-{caller}-{at}"), &person)?;
            let waiting = data["accAdminRequestId"].as_str().unwrap_or_default().to_owned();
            let code = [("businessId", waiting.as_str()), ("otpType", "SMS")];
            self.ask(&mut line, "/common/sendOtp", &format!("s-{caller}-{at}"), &code)?;
            begun.waiting.push(waiting);
        }
        Ok(())
    }

    /// Confirms what one connection has begun.
    fn end(&self, caller: usize, begun: &Begun, codes: &[String]) -> Result<()> {
        let mut line = Line::to(&self.address)?;
        for (at, (waiting, code)) in begun.waiting.iter().zip(codes).enumerate() {
            let params = [("businessId", waiting.as_str()), ("otpCode", code.as_str())];
            self.ask(&mut line, "/common/confirmOperation", &format!("c-{caller}-{at}"), &params)?;
        }
        Ok(())
    }
}

impl Scene<'_> {
    /// Rounds of add, send and confirm.
    pub fn rounds(&mut self, run: &mut Run) -> Result<()> {
        let patch = json!({ "challenge_resend_seconds": 0, "challenge_codes_a_day": 100_000 });
        ask(&self.address, &request("PATCH", "/v1/settings", Some(self.key()), Some(&patch.to_string())), 200)?;
        let words =
            ["key", "create", "--kind", "choice_sender", "--staff", "bench@bank.example", "--name", "bench, Choice"];
        let told = self.house.told(&[&words[..], &["--client-id", SENDER]].concat())?;
        let key = told.split_whitespace().last().unwrap_or_default().to_owned();
        let partner = Partner { address: self.address.clone(), key };
        let mut accounts = Vec::new();
        for (at, person) in self.people.iter().take(CALLERS).enumerate() {
            let number = format!("4601770{at:07}");
            let open = json!({
                "owner_id": person.id, "number": number, "name": "Bench Traders", "kind": "sme", "currency": "KES",
                "partner": SENDER,
            });
            ask(&self.address, &request("POST", "/v1/accounts", Some(self.key()), Some(&open.to_string())), 201)?;
            let owner =
                ask(&self.address, &request("GET", &format!("/v1/users/{}", person.id), Some(self.key()), None), 200)?;
            let owner: Value = serde_json::from_slice(&owner)?;
            accounts.push((number, owner["phone"].as_str().unwrap_or_default().to_owned()));
        }
        let mut begun: Vec<Begun> = accounts.iter().map(|_| Begun::default()).collect();
        let started = Instant::now();
        all(accounts.iter().zip(&mut begun).enumerate().map(|(caller, ((account, _), begun))| {
            let (partner, time) = (&partner, self.time);
            move || partner.begin(caller, account, time, begun)
        }))?;
        let mut took = started.elapsed();
        let codes = codes(self.house)?;
        let none = Vec::new();
        let started = Instant::now();
        all(accounts.iter().zip(&begun).enumerate().map(|(caller, ((_, phone), begun))| {
            let (partner, codes) = (&partner, codes.get(phone).unwrap_or(&none));
            move || partner.end(caller, begun, codes)
        }))?;
        took += started.elapsed();
        let rounds: usize = begun.iter().map(|it| it.waiting.len()).sum();
        run.add("choice_rounds", rounds as f64 / took.as_secs_f64());
        Ok(())
    }
}

/// Runs them side by side; the first that fails fails all.
fn all<W: FnOnce() -> Result<()> + Send>(works: impl Iterator<Item = W>) -> Result<()> {
    std::thread::scope(|scope| {
        let running: Vec<_> = works.map(|work| scope.spawn(work)).collect();
        running.into_iter().try_for_each(|it| it.join().map_err(|_| Broken("a caller has panicked".to_owned()))?)
    })
}

/// The codes that were sent to each phone, in their order.
fn codes(house: &House) -> Result<HashMap<String, Vec<String>>> {
    let mut codes: HashMap<String, Vec<String>> = HashMap::new();
    let mut to = String::new();
    for line in house.told(&["outbox"])?.lines() {
        if let Some(phone) = line.strip_prefix("To: ") {
            phone.clone_into(&mut to);
        }
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(code) = line.split_whitespace().find(is_code).filter(|_| line.contains("agrees to a change")) {
            codes.entry(to.clone()).or_default().push(code.to_owned());
        }
    }
    Ok(codes)
}
