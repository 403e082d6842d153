//! A small bank with invented customers at home and abroad, and the ways to call it as the vendor's programs do.

use std::net::SocketAddr;

use api::Options;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use desk::key::{CreateKey, KeyKind};
use desk::role::ListRoles;
use desk::session::{NewDevice, SignInAnswer, SignInRequest};
use desk::staff::AddStaff;
use desk::team::{AddMember, CreateTeam};
use desk::tenant::ChangeSettings;
use desk::testing::TestDesk;
use desk::user::standing::{Admission, Blacklist, Standing, Verification};
use desk::user::{
    Address, CreateUser, Demographic, HomeContact, HouseAccount, Identifiers, NextOfKin, Profile, UserByNumber, Wallet,
};
use desk::value::clock::Time;
use desk::value::id::{StaffId, UserId};
use desk::value::secret::Secret;
use desk::{Caller, Door};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

pub const PUBLIC_URL: &str = "https://desk.bank.example";
/// The password of everybody here.
pub const PASSWORD: &str = "Lantern-Gravel-77-Orchid";
/// The client of the bank, and one of another institution.
pub const CLIENT: &str = "switch-app";
pub const FOREIGN: &str = "foreign-app";

/// The customers in the order of their numbers, from 1.
pub const PEOPLE: &[&str] = &["ada", "tunde", "bisi", "chidi", "ngozi", "silent", "emeka", "gone"];

/// The admins in the order of their numbers, from 1, with the names of their roles.
pub const ADMINS: &[(&str, &str)] = &[
    ("super_admin", "super_admin"),
    ("other_super_admin", "super_admin"),
    ("customer_success", "customer_success"),
    ("banking_operations", "banking_operations"),
    ("admin", "user_admin"),
];

pub struct World {
    pub test: TestDesk,
    pub app: Router,
    /// What makes the checksums of `CLIENT`, and of `FOREIGN`.
    pub secret: String,
    pub foreign_secret: String,
}

impl World {
    /// The bank on each engine there is.
    pub async fn all() -> Vec<World> {
        let mut all = Vec::new();
        for test in TestDesk::all().await {
            all.push(World::over(test).await);
        }
        all
    }

    async fn over(test: TestDesk) -> World {
        let other = test.other_tenant().await;
        let banno = dialects::banno::Settings::default();
        let app = dialects::app(test.desk.clone(), &options(), banno);
        let app = api::app(test.desk.clone(), options()).merge(app);
        let mut world = World { test, app, secret: String::new(), foreign_secret: String::new() };
        let hash = world.test.desk.hash_new_password(Secret::new(PASSWORD), 10, Vec::new()).await.unwrap();
        let house = world.house();
        world.secret = world.staff(&house, CLIENT, &hash).await;
        for name in PEOPLE {
            let create = CreateUser { password_hash: Some(hash.clone()), ..person(name) };
            world.test.desk.perform(&house, create).await.unwrap();
        }
        let erase = desk::user::EraseUser { user: world.user("gone").await, reason: None };
        world.test.desk.perform(&house, erase).await.unwrap();
        let foreign = Caller::house(other, Door::Cli);
        world.foreign_secret = world.staff(&foreign, FOREIGN, &hash).await;
        let create = CreateUser { password_hash: Some(hash), ..person("tunde") };
        world.test.desk.perform(&foreign, create).await.unwrap();
        for fingerprint in ["old-phone", "new-phone"] {
            world.test.clock.advance(60_000_000);
            world.sign_in("emeka", Some(phone(fingerprint))).await;
        }
        world
    }

    pub fn house(&self) -> Caller {
        self.test.house()
    }

    /// The staff of an institution, and its client; the client's secret.
    async fn staff(&self, house: &Caller, client: &str, hash: &str) -> String {
        let desk = &self.test.desk;
        let team = desk.perform(house, CreateTeam { name: "Switch".to_owned() }).await.unwrap().id;
        let mut first: Option<StaffId> = None;
        for (name, role) in ADMINS {
            let roles = desk.ask(house, ListRoles).await.unwrap();
            let role = roles.into_iter().find(|known| known.name == *role).expect("a built-in role").id;
            let add = AddStaff {
                id: None,
                name: (*name).to_owned(),
                email: format!("{}@bank.example", name.replace('_', ".")),
                password_hash: Some(hash.to_owned()),
            };
            let staff = desk.perform(house, add).await.unwrap().id;
            desk.perform(house, AddMember { team, staff, role }).await.unwrap();
            first = first.or(Some(staff));
        }
        let create = CreateKey {
            kind: KeyKind::SwitchClient,
            client_id: Some(client.to_owned()),
            ..CreateKey::native(client, first.unwrap())
        };
        desk.perform(house, create).await.unwrap().secret.unwrap().expose().to_owned()
    }

    /// The number of a customer.
    pub fn number(&self, name: &str) -> i64 {
        PEOPLE.iter().position(|known| *known == name).expect("a known name") as i64 + 1
    }

    pub async fn user(&self, name: &str) -> UserId {
        let found = self.test.desk.ask(&self.house(), UserByNumber(self.number(name))).await.unwrap();
        found.expect("she was created")
    }

    pub async fn settings(&self, patch: Value) {
        let patch: Map<String, Value> = patch.as_object().unwrap().clone();
        self.test.desk.perform(&self.house(), ChangeSettings { patch }).await.unwrap();
    }

    /// Signs a customer in at our own door.
    pub async fn sign_in(&self, name: &str, device: Option<NewDevice>) -> SignInAnswer {
        let (password, identifier) = (Secret::new(PASSWORD), format!("{name}@mail.example"));
        let request = SignInRequest { identifier, password, device, lives_seconds: None };
        self.test.desk.sign_in(&self.test.nobody(), request).await.unwrap()
    }

    /// An admin's token, got in the vendor's way.
    pub async fn admin(&self, name: &str) -> String {
        let body = json!({ "email": format!("{}@bank.example", name.replace('_', ".")), "password": PASSWORD });
        let answer = self.call(None, "POST", "/admin/login", &body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["data"]["auth_token"].as_str().unwrap().to_owned()
    }

    /// A customer's token.
    pub async fn customer(&self, name: &str) -> String {
        let answer = self.log_in(name).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["data"]["auth_token"].as_str().unwrap().to_owned()
    }

    pub async fn log_in(&self, name: &str) -> Answer {
        let body = json!({ "email": format!("{name}@mail.example"), "password": PASSWORD });
        self.call(None, "POST", "/user/login", &body.to_string()).await
    }

    pub fn checksum(&self, body: &str) -> String {
        checksum(&self.secret, body)
    }

    /// A call as the vendor's programs make it: client, token, checksum.
    pub async fn call(&self, token: Option<&str>, method: &str, path: &str, body: &str) -> Answer {
        let (checksum, bearer) = (self.checksum(body), token.map(|token| format!("Bearer {token}")));
        let mut headers = vec![("swi-cid", CLIENT), ("content-type", "application/json")];
        if method != "GET" {
            headers.push(("swi-cs", &checksum));
        }
        if let Some(bearer) = &bearer {
            headers.push(("authorization", bearer));
        }
        self.send(method, path, &headers, body.to_owned()).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(Some(token), "GET", path, "").await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.call(Some(token), "POST", path, &body.to_string()).await
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, text) in headers {
            request = request.header(*name, *text);
        }
        let mut request = request.body(body.into()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 10], 4711))));
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// What stands in the newest letter of this kind to a customer: its link's token, or its code.
    pub async fn letter(&self, name: &str, template: &str) -> String {
        let user = self.user(name).await;
        for _ in 0..200 {
            let all = self.test.desk.ask(&self.house(), desk::message::Outbox::After(None)).await.unwrap();
            let letter = all.into_iter().rev().find(|it| it.user == Some(user) && it.template == template);
            if let Some(letter) = letter.and_then(|it| it.letter) {
                return letter.token.or(letter.code).unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no {template} for {name}");
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    pub fn told(&self) -> (u16, String) {
        (self.status.as_u16(), self.message())
    }
}

pub fn options() -> Options {
    Options { public_url: PUBLIC_URL.to_owned(), anonymous_rate_limit_per_second: 100_000, ..Options::default() }
}

pub fn checksum(secret: &str, body: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    aws_lc_rs::hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn phone(fingerprint: &str) -> NewDevice {
    let text = |text: &str| Some(text.to_owned());
    NewDevice {
        fingerprint: fingerprint.to_owned(),
        model: text("Camon 20"),
        brand: text("Tecno"),
        os: text("Android"),
        os_version: text("11"),
        ..NewDevice::default()
    }
}

fn person(name: &str) -> CreateUser {
    let text = |text: &str| Some(text.to_owned());
    let mut first = name.to_owned();
    first[..1].make_ascii_uppercase();
    let plain = |last: &str, place: &str| Profile {
        first_name: first.clone(),
        last_name: last.to_owned(),
        email: Some(format!("{name}@mail.example")),
        phone: Some(format!("+23492000000{place}")),
        date_of_birth: text("1990-04-17"),
        address: Address {
            line_one: text("19 Palm Close"),
            city: text("Ikoyi"),
            state: text("Lagos"),
            zip: text("101233"),
            country: text("NG"),
            ..Address::default()
        },
        ..Profile::default()
    };
    let in_standing = |standing: Standing, profile: Profile| CreateUser { standing, ..CreateUser::of(profile) };
    let mut user = match name {
        "ada" => CreateUser { last_seen_at: Time::parse_rfc3339("2024-05-06T07:08:09.120Z"), ..CreateUser::of(ada()) },
        "tunde" => in_standing(
            Standing { verification: Verification::Verified, ..Standing::default() },
            Profile { sales_agent_code: text("AGENT7"), payment_slug: text("tunde"), ..plain("Bello", "12") },
        ),
        "bisi" => in_standing(
            Standing { verification: Verification::Requested, ..Standing::default() },
            Profile { sales_agent_code: text("AGENT7"), ..plain("Adeyemi", "13") },
        ),
        "chidi" => in_standing(Standing { admission: Admission::Disabled, ..Standing::default() }, plain("Eze", "14")),
        "ngozi" => in_standing(
            Standing { blacklist: Blacklist::Blacklisted, ..Standing::default() },
            Profile { is_diaspora: Some(true), ..plain("Okoro", "15") },
        ),
        "silent" => CreateUser::of(Profile { email: None, username: text("silent"), ..plain("Grove", "16") }),
        _ => CreateUser::of(plain("Sample", "17")),
    };
    user.created_at = Time::parse_rfc3339("2024-02-06T16:50:04.592Z");
    user
}

/// She has everything there is, and lives abroad.
fn ada() -> Profile {
    let text = |text: &str| Some(text.to_owned());
    Profile {
        first_name: "Ada".to_owned(),
        last_name: "Nwosu".to_owned(),
        email: text("ada@mail.example"),
        phone: text("+12025550111"),
        date_of_birth: text("1989-11-02"),
        is_diaspora: Some(true),
        address: Address {
            line_one: text("4 Harbour Row"),
            city: text("Hamilton"),
            state: text("Ontario"),
            zip: text("L8P"),
            country: text("CA"),
            landmark: text("the old mill"),
            ..Address::default()
        },
        identifiers: Identifiers { bvn: text("22000000144"), ..Identifiers::default() },
        demographic: Demographic { gender: text("Female"), ..Demographic::default() },
        home_contact: HomeContact {
            name: text("Ify Nwosu"),
            phone: text("+2349200000021"),
            address: text("20 Marina, Lagos"),
            relationship: text("sister"),
        },
        next_of_kin: NextOfKin {
            name: text("Obi Nwosu"),
            relationship: text("father"),
            phone: text("+2349200000022"),
            email: text("obi@mail.example"),
        },
        house_account: HouseAccount { name: text("Ada Nwosu"), number: text("0123451234"), customer_id: text("C-77") },
        wallet: Wallet { balance: text("2978497"), soft_balance: text("3993500.50") },
        email_confirmed: Some(true),
        phone_verified: Some(true),
        security_questions: text("1"),
        ..Profile::default()
    }
}
