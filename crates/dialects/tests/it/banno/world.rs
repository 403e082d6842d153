//! A small bank with invented people, the same in every test, and the ways to call it.

use std::net::SocketAddr;

use api::Options;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use desk::key::{CreateKey, Key, KeyKind, PublicKeys};
use desk::role::DefineRole;
use desk::staff::AddStaff;
use desk::team::{AddMember, CreateTeam};
use desk::testing::TestDesk;
use desk::user::standing::{CoreState, LockCause, SignInLock, Standing, Suspension};
use desk::user::{Address, CreateUser, Demographic, Identifiers, Profile};
use desk::value::clock::Time;
use desk::value::id::{StaffId, TeamId, TenantId, UserId};
use desk::{Caller, Door, Permission};
use dialects::banno::Settings;
use http_body_util::BodyExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tower::ServiceExt;

pub const PUBLIC_URL: &str = "https://desk.bank.example";
pub const TOKEN_URL: &str = "https://desk.bank.example/a/oidc-provider/api/v0/token";
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion by a key that is too short, for the client `weak`.
pub const WEAK_RSA_ASSERTION: &str = include_str!("../../keys/test-only-weak-rsa-1024.assertion.txt");

macro_rules! key_files {
    ($($name:ident = $file:literal;)+) => {$( pub const $name: &str = include_str!(concat!("../../keys/test-only-", $file, ".pem")); )+};
}
key_files! {
    RSA = "client-rsa.private";
    RSA_PUBLIC = "client-rsa.public";
    FOREIGN_RSA = "foreign-rsa.private";
    WEAK_RSA_PUBLIC = "weak-rsa-1024.public";
    P256 = "client-p256.private";
    P256_PUBLIC = "client-p256.public";
    P384 = "client-p384.private";
    P384_PUBLIC = "client-p384.public";
}

/// Everybody, by the names that transcripts use; ids differ in their last digits.
pub const PEOPLE: &[&str] =
    &["marta", "adaeze", "bakery", "tomasz", "ines", "ruth", "yusuf", "noor", "silent", "wendell", "gone"];

pub struct World {
    pub test: TestDesk,
    pub app: Router,
    /// A user of another institution.
    pub stranger: UserId,
    pub other: TenantId,
    serial: std::sync::atomic::AtomicU64,
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
        let app = dialects::app(test.desk.clone(), &options(), Settings::default());
        let stranger = UserId(uuid(0xfff));
        let world = World { test, app, stranger, other, serial: Default::default() };
        world.staff().await;
        for (index, name) in PEOPLE.iter().enumerate() {
            let create = CreateUser { id: Some(UserId(uuid(index as u128 + 1))), ..person(name) };
            world.test.desk.perform(&world.house(), create).await.unwrap();
        }
        let erase = desk::user::EraseUser { user: world.user("gone"), reason: None };
        world.test.desk.perform(&world.house(), erase).await.unwrap();
        let create = CreateUser { id: Some(stranger), ..person("marta") };
        world.test.desk.perform(&Caller::house(other, Door::Cli), create).await.unwrap();
        world
    }

    pub fn house(&self) -> Caller {
        self.test.house()
    }

    pub fn user(&self, name: &str) -> UserId {
        UserId(uuid(PEOPLE.iter().position(|known| *known == name).expect("a known name") as u128 + 1))
    }

    pub async fn institution(&self) -> String {
        self.test.desk.tenant(self.test.tenant).await.unwrap().institution.id.0.to_string()
    }

    /// Clients, named after what they may: each acts as an employee of its own.
    async fn staff(&self) {
        let (desk, house) = (&self.test.desk, self.house());
        let team = desk.perform(&house, CreateTeam { name: "Support".to_owned() }).await.unwrap().id;
        let all = Permission::ALL;
        let search = "https://jackhenry.com/consumer-user-search";
        let no_employees: Vec<Permission> =
            all.iter().copied().filter(|it| *it != Permission::UsersEmployees).collect();
        for (index, (client, permissions, scopes)) in [
            ("everything", all, None),
            ("viewer", &[Permission::UsersRead][..], None),
            ("nothing", &[], None),
            ("no-employees", &no_employees, None),
            ("scoped", all, Some(search)),
        ]
        .into_iter()
        .enumerate()
        {
            let staff = self.employee(team, client, 0xa00 + index as u128, permissions).await;
            self.client(client, staff, both_keys(), scopes).await;
        }
    }

    async fn employee(&self, team: TeamId, name: &str, number: u128, permissions: &[Permission]) -> StaffId {
        let (desk, house) = (&self.test.desk, self.house());
        let staff = StaffId(uuid(number));
        let email = format!("{name}@bank.example");
        let add = AddStaff { id: Some(staff), name: format!("Support Service {name}"), email, password_hash: None };
        desk.perform(&house, add).await.unwrap();
        let define = DefineRole { name: format!("role of {name}"), permissions: permissions.to_vec() };
        let role = desk.perform(&house, define).await.unwrap().id;
        desk.perform(&house, AddMember { team, staff, role }).await.unwrap();
        staff
    }

    pub async fn client(&self, name: &str, staff: StaffId, keys: PublicKeys, scopes: Option<&str>) -> Key {
        let create = CreateKey {
            kind: KeyKind::Banno,
            client_id: Some(name.to_owned()),
            public_keys: Some(keys),
            enforce_scopes: scopes.is_some(),
            scopes: scopes.iter().map(|it| (*it).to_owned()).collect(),
            ..CreateKey::native(name, staff)
        };
        self.test.desk.perform(&self.house(), create).await.unwrap().key
    }

    pub fn now_seconds(&self) -> i64 {
        self.test.desk.now().unix_seconds()
    }

    /// Claims as they should be, each time with another `jti`.
    pub fn claims(&self, client: &str) -> Value {
        let serial = self.serial.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let exp = self.now_seconds() + 240;
        json!({ "iss": client, "sub": client, "aud": TOKEN_URL, "exp": exp, "jti": format!("once-{serial}") })
    }

    pub fn assertion(&self, client: &str) -> String {
        signed(&self.claims(client), Algorithm::ES256, P256)
    }

    /// A token, asked for in the ordinary way.
    pub async fn token(&self, client: &str) -> String {
        self.token_with(client, "openid").await
    }

    pub async fn token_with(&self, client: &str, scope: &str) -> String {
        let answer = self.ask_token(&self.assertion(client), &[("scope", scope)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn ask_token(&self, assertion: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ];
        form.extend(more);
        self.form("/a/oidc-provider/api/v0/token", &form).await
    }

    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let body = fields.iter().map(|(name, text)| format!("{name}={}", escape(text))).collect::<Vec<_>>().join("&");
        self.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], body).await
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.send("GET", path, &[("authorization", &format!("Bearer {token}"))], "").await
    }

    pub async fn put(&self, token: &str, path: &str, body: &str) -> Answer {
        let headers = [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
        let headers = headers.each_ref().map(|(name, text)| (*name, text.as_str()));
        self.send("PUT", path, &headers, body.to_owned()).await
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
}

pub fn options() -> Options {
    Options { public_url: PUBLIC_URL.to_owned(), anonymous_rate_limit_per_second: 100_000, ..Options::default() }
}

/// An assertion signed with a PEM key.
pub fn signed(claims: &Value, algorithm: Algorithm, pem: &str) -> String {
    signed_as(claims, Header::new(algorithm), pem)
}

pub fn signed_as(claims: &Value, header: Header, pem: &str) -> String {
    let key = match header.alg {
        Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem.as_bytes()).unwrap(),
        Algorithm::HS256 => EncodingKey::from_secret(pem.as_bytes()),
        _ => EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
    };
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}

/// The client's two keys as a set, each with a name.
pub fn both_keys() -> PublicKeys {
    let mut keys = Vec::new();
    for (kid, algorithm, pem) in [("r1", Algorithm::RS256, RSA), ("e1", Algorithm::ES256, P256)] {
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()).unwrap(),
            _ => EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        };
        let mut jwk =
            serde_json::to_value(jsonwebtoken::jwk::Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap();
        let fields = jwk.as_object_mut().unwrap();
        // An RSA key may sign PS256 as well as RS256.
        fields.remove("alg");
        fields.insert("kid".to_owned(), json!(kid));
        keys.push(jwk);
    }
    PublicKeys::Jwks(json!({ "keys": keys }))
}

pub fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(0x018f_4d2a_7b1a_7f3c_9a51_0000_0000_0000 + number)
}

fn person(name: &str) -> CreateUser {
    let profile = |first: &str, last: &str| Profile {
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        username: Some(format!("{first}{last}").to_lowercase()),
        email: Some(format!("{first}.{last}@example.com").to_lowercase()),
        ..Profile::default()
    };
    let of_core = |core: CoreState| Standing { core, ..Standing::default() };
    let mut user = match name {
        "marta" => CreateUser {
            standing: Standing {
                lock: SignInLock::Locked { cause: LockCause::FailedSignIns, until: None },
                ..Standing::default()
            },
            risk_locked: true,
            last_seen_at: Time::parse_rfc3339("2024-05-06T07:08:09.120Z"),
            ..CreateUser::of(marta())
        },
        "adaeze" => CreateUser::of(Profile { middle_name: Some("Ngozi".to_owned()), ..profile("Adaeze", "Okafor") }),
        "bakery" => CreateUser {
            kind: desk::user::UserKind::Business,
            ..CreateUser::of(Profile {
                business_name: Some("Old Mill Bakery".to_owned()),
                email: Some("till@oldmill.example".to_owned()),
                ..Profile::default()
            })
        },
        "tomasz" => CreateUser { standing: of_core(CoreState::Dormant), ..CreateUser::of(profile("Tomasz", "Wilk")) },
        "ines" => {
            CreateUser { standing: of_core(CoreState::PermanentlyFrozen), ..CreateUser::of(profile("Ines", "Duarte")) }
        }
        "ruth" => {
            CreateUser { standing: of_core(CoreState::PasswordExpired), ..CreateUser::of(profile("Ruth", "Abara")) }
        }
        "yusuf" => {
            CreateUser { standing: of_core(CoreState::PasswordNeedsReset), ..CreateUser::of(profile("Yusuf", "Demir")) }
        }
        "noor" => CreateUser {
            standing: Standing { suspension: Suspension::Suspended, ..Standing::default() },
            ..CreateUser::of(profile("Noor", "Haddad"))
        },
        "silent" => CreateUser::of(Profile { email: None, ..profile("Silent", "Grove") }),
        "wendell" => CreateUser { employee: true, ..CreateUser::of(profile("Wendell", "Castor")) },
        _ => CreateUser::of(profile("Gone", "Person")),
    };
    user.created_at = Time::parse_rfc3339("2023-02-01T10:00:00Z");
    user
}

/// She has everything there is.
fn marta() -> Profile {
    let text = |text: &str| Some(text.to_owned());
    Profile {
        first_name: "Marta".to_owned(),
        last_name: "Reyes".to_owned(),
        preferred_name: text("Marti"),
        username: text("mreyes"),
        email: text("marta.reyes@example.com"),
        phone: text("+12025550101"),
        date_of_birth: text("1984-11-02"),
        address: Address {
            line_one: text("12 Harbor Lane"),
            city: text("Portland"),
            state: text("ME"),
            zip: text("04101"),
            ..Address::default()
        },
        identifiers: Identifiers {
            ssn: text("900-12-1234"),
            net_teller_id: text("NT100200"),
            customer_id: text("C0042"),
            ..Identifiers::default()
        },
        demographic: Demographic {
            customer_importance: text("Yes"),
            gender: text("Female"),
            education_level: text("AssocDegree"),
            ..Demographic::default()
        },
        abilities: [("zelle".to_owned(), true), ("rdcOnboarddingEnabled".to_owned(), true)].into(),
        ..Profile::default()
    }
}
