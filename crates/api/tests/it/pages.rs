//! The pages: the whole road of a forgotten password, on every engine, and what a page must never do.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use desk::audit::{AuditFilter, ListAudit};
use desk::message::{Channel, Outbox};
use desk::password::StartPasswordReset;
use desk::session::{SignInAnswer, SignInRequest};
use desk::testing::TestDesk;
use desk::user::{CreateUser, Profile, SuspendUser};
use desk::value::clock::SECOND;
use desk::value::id::{TenantId, UserId};
use desk::value::secret::Secret;
use desk::{Caller, Door};
use http_body_util::BodyExt;
use tower::ServiceExt;

const OLD: &str = "violet kettle harbour";
const NEW: &str = "amber lantern meadow";

/// Somebody with a browser.
struct Visitor(Router);

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Visitor {
    fn of(house: &TestDesk) -> Visitor {
        Visitor(api::pages::routes(house.desk.clone()).merge(api::docs_page::routes()))
    }

    async fn send(&self, request: Request<Body>) -> Page {
        let answer = self.0.clone().oneshot(request).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Page { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    async fn get(&self, path: &str) -> Page {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn choose(&self, token: &str, password: &str, again: &str) -> Page {
        let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        self.post(token, format!("password={}&password_again={}", escape(password), escape(again))).await
    }

    async fn post(&self, token: &str, form: String) -> Page {
        self.send(form_request(token).body(Body::from(form)).unwrap()).await
    }
}

fn form_request(token: &str) -> axum::http::request::Builder {
    Request::post(format!("/reset/{token}")).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

impl Page {
    #[track_caller]
    fn says(&self, status: StatusCode, text: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(self.text.contains(text), "{text:?} is not in: {}", self.text);
    }
}

fn profile(locale: Option<&str>) -> Profile {
    Profile {
        first_name: "Adaeze".to_owned(),
        last_name: "Okafor".to_owned(),
        username: Some("adaeze".to_owned()),
        email: Some("adaeze@mail.example".to_owned()),
        locale: locale.map(str::to_owned),
        ..Profile::default()
    }
}

async fn user(house: &TestDesk, tenant: TenantId, locale: Option<&str>) -> UserId {
    let hash = house.desk.hash_new_password(Secret::new(OLD), 10, Vec::new()).await.unwrap();
    let create = CreateUser { password_hash: Some(hash), ..CreateUser::of(profile(locale)) };
    house.desk.perform(&Caller::house(tenant, Door::Cli), create).await.unwrap().id
}

/// The token of the newest link sent to her.
async fn link(house: &TestDesk, tenant: TenantId, user: UserId) -> String {
    // Messages made in one moment are in no order.
    house.clock.advance(SECOND);
    let caller = Caller::house(tenant, Door::Cli);
    let start = StartPasswordReset { user, method: Channel::Email, reason: None };
    house.desk.perform(&caller, start).await.unwrap();
    let messages = house.desk.ask(&caller, Outbox::After(None)).await.unwrap();
    let letters = messages.into_iter().rev().filter(|message| message.user == Some(user));
    letters.filter_map(|message| message.letter?.token).next().unwrap()
}

async fn signs_in(house: &TestDesk, password: &str) -> bool {
    let request = SignInRequest {
        identifier: "adaeze".to_owned(),
        password: Secret::new(password),
        device: None,
        lives_seconds: None,
    };
    let answer = house.desk.sign_in(&house.nobody(), request).await.unwrap();
    matches!(answer, SignInAnswer::SignedIn { .. })
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_through_the_page() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let user = user(&house, house.tenant, None).await;
        let token = link(&house, house.tenant, user).await;
        let address = format!("/reset/{token}");

        let form = visitor.get(&address).await;
        form.says(StatusCode::OK, "<h1>Choose a new password</h1>");
        form.says(StatusCode::OK, "Harbor &#38; Pine Bank");
        form.says(StatusCode::OK, "At least 10 characters.");
        assert!(!form.text.contains("role=\"alert\""), "{}", form.text);

        let weak: [(&str, &str); 5] = [
            ("plum7", "This password is too short. Use at least 10 characters."),
            ("1234567890", "lists of common or leaked passwords"),
            ("abcabcabcabc", "too easy to guess"),
            ("violet adaeze kettle", "must not contain your name"),
            (&"long enough, surely ".repeat(7), "too long"),
        ];
        for (password, reason) in weak {
            let refused = visitor.choose(&token, password, password).await;
            refused.says(StatusCode::UNPROCESSABLE_ENTITY, reason);
            refused.says(StatusCode::UNPROCESSABLE_ENTITY, "id=\"password-reason\" role=\"alert\"");
            refused.says(StatusCode::UNPROCESSABLE_ENTITY, "aria-describedby=\"password-reason password-hint\"");
            refused.says(StatusCode::UNPROCESSABLE_ENTITY, "<title>Error: ");
            assert!(!refused.text.contains(password), "a password is never sent back: {}", refused.text);
        }
        let differ = visitor.choose(&token, NEW, OLD).await;
        differ.says(StatusCode::UNPROCESSABLE_ENTITY, "id=\"password-again-reason\" role=\"alert\"");
        assert!(signs_in(&house, OLD).await, "nothing has changed yet");

        let done = visitor.choose(&token, NEW, NEW).await;
        done.says(StatusCode::OK, "Your password has been changed");
        done.says(StatusCode::OK, "sign in to Harbor &#38; Pine Bank");
        assert!(signs_in(&house, NEW).await);
        assert!(!signs_in(&house, OLD).await);

        visitor.get(&address).await.says(StatusCode::GONE, "This link no longer works");
        visitor.choose(&token, OLD, OLD).await.says(StatusCode::GONE, "This link no longer works");
        assert!(signs_in(&house, NEW).await);
    }
}

#[tokio::test]
async fn a_link_that_was_replaced_or_has_expired_is_over() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let user = user(&house, house.tenant, None).await;
        let first = link(&house, house.tenant, user).await;
        let second = link(&house, house.tenant, user).await;
        visitor.get(&format!("/reset/{first}")).await.says(StatusCode::GONE, "This link no longer works");
        visitor.choose(&first, NEW, NEW).await.says(StatusCode::GONE, "the newest message");
        visitor.get(&format!("/reset/{second}")).await.says(StatusCode::OK, "<form");
        house.clock.advance(60 * 60 * SECOND);
        visitor.get(&format!("/reset/{second}")).await.says(StatusCode::GONE, "This link no longer works");
        visitor.choose(&second, NEW, NEW).await.says(StatusCode::GONE, "This link no longer works");
        assert!(signs_in(&house, OLD).await);
    }
}

#[tokio::test]
async fn a_link_that_never_was_is_unknown_whatever_tenant_it_names() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let user = user(&house, house.tenant, None).await;
        let token = link(&house, house.tenant, user).await;
        let other = house.other_tenant().await;
        let (_, chance) = token.strip_prefix("bur_").unwrap().split_once('_').unwrap();
        let unknown = [
            format!("bur_{}_{}", house.tenant.0, "A".repeat(43)),
            // The right token under another tenant, and under none.
            format!("bur_{}_{chance}", other.0),
            format!("bur_999999_{chance}"),
            format!("bur_0_{chance}"),
            "nonsense".to_owned(),
            "%00%FF".to_owned(),
            "x".repeat(5000),
        ];
        let pages = unknown.map(|token| {
            let visitor = &visitor;
            async move {
                let shown = visitor.get(&format!("/reset/{token}")).await;
                shown.says(StatusCode::NOT_FOUND, "We do not know this link");
                let chosen = visitor.choose(&token, NEW, NEW).await;
                chosen.says(StatusCode::NOT_FOUND, "We do not know this link");
                assert_eq!(shown.text, chosen.text);
                shown.text
            }
        });
        let mut texts = Vec::new();
        for page in pages {
            texts.push(page.await);
        }
        assert!(texts.windows(2).all(|two| two[0] == two[1]), "all are told alike");
        visitor.get(&format!("/reset/{token}")).await.says(StatusCode::OK, "<form");
    }
}

#[tokio::test]
async fn the_same_name_at_two_institutions_is_two_people() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let other = house.other_tenant().await;
        let _here = user(&house, house.tenant, None).await;
        let there = user(&house, other, None).await;
        let token = link(&house, other, there).await;
        visitor.get(&format!("/reset/{token}")).await.says(StatusCode::OK, "Fieldlark Credit Union");
        visitor.choose(&token, NEW, NEW).await.says(StatusCode::OK, "sign in to Fieldlark Credit Union");
        assert!(signs_in(&house, OLD).await, "her namesake's password is as it was");
        assert!(!signs_in(&house, NEW).await);
    }
}

#[tokio::test]
async fn the_page_speaks_the_users_language() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let user = user(&house, house.tenant, Some("es-MX")).await;
        let token = link(&house, house.tenant, user).await;
        let form = visitor.get(&format!("/reset/{token}")).await;
        form.says(StatusCode::OK, "<html lang=\"es\">");
        form.says(StatusCode::OK, "Elija una contraseña nueva");
        assert_eq!(form.headers[header::CONTENT_LANGUAGE], "es");
        let refused = visitor.choose(&token, "corta", "corta").await;
        refused.says(StatusCode::UNPROCESSABLE_ENTITY, "Use al menos 10 caracteres.");
        visitor.choose(&token, NEW, NEW).await.says(StatusCode::OK, "Su contraseña ha cambiado");

        // Nobody is known behind a link that is over: the browser's language, then.
        let request =
            Request::get(format!("/reset/{token}")).header(header::ACCEPT_LANGUAGE, "fr-CH, fr;q=0.9, en;q=0.8");
        let over = visitor.send(request.body(Body::empty()).unwrap()).await;
        over.says(StatusCode::GONE, "<html lang=\"fr\">");
        over.says(StatusCode::GONE, "Ce lien n’est plus valable");
    }
}

#[tokio::test]
async fn the_link_of_somebody_suspended_is_over_and_does_not_say_why() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let user = user(&house, house.tenant, None).await;
        let token = link(&house, house.tenant, user).await;
        let suspend = SuspendUser { user, reason: Some("a court order".to_owned()) };
        house.desk.perform(&house.house(), suspend).await.unwrap();
        let page = visitor.get(&format!("/reset/{token}")).await;
        page.says(StatusCode::GONE, "This link no longer works");
        assert!(!page.text.contains("suspend") && !page.text.contains("court"), "{}", page.text);
        visitor.choose(&token, NEW, NEW).await.says(StatusCode::GONE, "from your institution");
    }
}

#[tokio::test]
async fn a_house_that_cannot_write_says_so_and_keeps_the_link() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let user = user(&house, house.tenant, None).await;
        let token = link(&house, house.tenant, user).await;
        house.desk.db().stop().await;
        let page = visitor.choose(&token, NEW, NEW).await;
        page.says(StatusCode::SERVICE_UNAVAILABLE, "your link still works");
        assert_eq!(page.headers[header::RETRY_AFTER], "5");
    }
}

#[tokio::test]
async fn forms_that_cannot_be_read_change_nothing_and_are_answered_plainly() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let user = user(&house, house.tenant, None).await;
        let token = link(&house, house.tenant, user).await;
        let good = format!("password={}&password_again={}", NEW.replace(' ', "+"), NEW.replace(' ', "+"));

        let no_text = ["password=a%00b&password_again=a%00b", "password=%ED%A0%80&password_again=%ED%A0%80"];
        for broken in
            ["", "password=x", "password=x&password=y&password_again=x", "%%%", "{}"].into_iter().chain(no_text)
        {
            let page = visitor.post(&token, broken.to_owned()).await;
            page.says(StatusCode::BAD_REQUEST, "We could not read the form");
        }
        let huge = format!("password={}&password_again=x", "x".repeat(20_000));
        visitor.post(&token, huge).await.says(StatusCode::PAYLOAD_TOO_LARGE, "We could not read the form");
        let json = Request::post(format!("/reset/{token}")).header(header::CONTENT_TYPE, "application/json");
        let page = visitor.send(json.body(Body::from("{}")).unwrap()).await;
        page.says(StatusCode::UNSUPPORTED_MEDIA_TYPE, "We could not read the form");
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let request = form_request(&token).header(header::HOST, "bank.example").header(name, value);
            let page = visitor.send(request.body(Body::from(good.clone())).unwrap()).await;
            page.says(StatusCode::FORBIDDEN, "We could not read the form");
        }
        let put = Request::put(format!("/reset/{token}")).body(Body::empty()).unwrap();
        assert_eq!(visitor.send(put).await.status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(signs_in(&house, OLD).await);

        let ours = form_request(&token).header("sec-fetch-site", "same-origin").body(Body::from(good)).unwrap();
        visitor.send(ours).await.says(StatusCode::OK, "Your password has been changed");
    }
}

#[tokio::test]
async fn every_page_keeps_its_address_to_itself() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let user = user(&house, house.tenant, None).await;
        let token = link(&house, house.tenant, user).await;
        let pages = [
            visitor.get(&format!("/reset/{token}")).await,
            visitor.get("/reset/nonsense").await,
            visitor.choose(&token, "weak", "weak").await,
            visitor.post(&token, String::new()).await,
            visitor.choose(&token, NEW, NEW).await,
            visitor.get(&format!("/reset/{token}")).await,
        ];
        for page in pages {
            assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
            assert_eq!(page.headers[header::REFERRER_POLICY], "no-referrer");
            assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(
                page.headers[header::CONTENT_SECURITY_POLICY],
                "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            );
            assert!(!page.text.contains(&token), "the token is in the address only: {}", page.text);
            assert!(!page.text.contains("<script") && !page.text.contains("style="), "{}", page.text);
        }
    }
}

#[tokio::test]
async fn the_name_of_an_institution_is_text_and_nothing_else() {
    use desk::tenant::{Environment, Institution, InstitutionKind, Settings};
    use desk::value::id::InstitutionId;
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let id = InstitutionId::new(house.clock.now(), house.desk.random());
        let name = "<script>alert(1)</script> {institution} O'Neil".to_owned();
        let bank = Institution { id, kind: InstitutionKind::Bank, name };
        let tenant = house.desk.open_tenant(Door::Cli, bank, Environment::Live, Settings::default()).await.unwrap();
        let user = user(&house, tenant, None).await;
        let token = link(&house, tenant, user).await;
        for page in [visitor.get(&format!("/reset/{token}")).await, visitor.choose(&token, NEW, NEW).await] {
            page.says(StatusCode::OK, "&#60;script&#62;alert(1)&#60;/script&#62; {institution} O&#39;Neil");
            assert!(!page.text.contains("<script"), "{}", page.text);
        }
    }
}

/// The paths of the files a page asks for.
fn files(page: &Page) -> Vec<String> {
    let quoted = page.text.split('"').filter(|part| part.starts_with("/assets/"));
    quoted.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_files_of_a_page_are_there_and_may_be_kept_for_ever() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let mut paths = files(&visitor.get("/reset/nonsense").await);
        let docs = visitor.get("/docs").await;
        docs.says(StatusCode::OK, "<div id=\"docs\"></div>");
        paths.extend(files(&docs));
        assert_eq!(paths.len(), 5, "{paths:?}");
        for path in paths {
            let request = Request::get(&path).header(header::ACCEPT_ENCODING, "gzip, br").body(Body::empty()).unwrap();
            let file = visitor.send(request).await;
            assert_eq!(file.status, StatusCode::OK, "{path}");
            assert_eq!(file.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
            let expected = if path.ends_with(".css") { "text/css" } else { "text/javascript" };
            assert!(file.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with(expected), "{path}");
            let plain = visitor.get(&path).await.status;
            let is_gzip = file.headers.contains_key(header::CONTENT_ENCODING);
            assert_eq!(plain, if is_gzip { StatusCode::NOT_ACCEPTABLE } else { StatusCode::OK }, "{path}");
        }
    }
}

#[tokio::test]
async fn the_docs_page_may_speak_with_this_server_only() {
    for house in TestDesk::all().await {
        let docs = Visitor::of(&house).get("/docs").await;
        let policy = docs.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.contains("connect-src 'self'") && !policy.contains("unsafe") && !policy.contains("http"));
        assert!(!docs.text.contains("://"), "{}", docs.text);
    }
}

#[tokio::test]
async fn an_id_that_a_stranger_chose_for_a_request_is_not_stored() {
    for house in TestDesk::all().await {
        let visitor = Visitor::of(&house);
        let user = user(&house, house.tenant, None).await;
        for planted in ["planted-id-0001", "' OR 1=1 -- planted", &"planted".repeat(2_000)] {
            let token = link(&house, house.tenant, user).await;
            let form = serde_urlencoded::to_string([("password", NEW), ("password_again", NEW)]).unwrap();
            let request = form_request(&token).header("x-request-id", planted).body(Body::from(form)).unwrap();
            visitor.send(request).await.says(StatusCode::OK, "Your password has been changed");
            let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
            let records = house.desk.ask(&house.house(), ListAudit(filter)).await.unwrap().records;
            let chosen: Vec<_> = records.iter().filter(|it| it.action == "password.choose").collect();
            assert!(!chosen.is_empty());
            assert!(chosen.iter().all(|it| !it.request_id.contains("planted") && it.request_id.len() <= 64));
        }
    }
}
