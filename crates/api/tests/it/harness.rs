//! Callers as handles: `support.post(..)`, `auditor.get(..)`, `nobody.get(..)`, against the real router in process.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use desk::key::CreateKey;
use desk::role::DefineRole;
use desk::staff::AddStaff;
use desk::team::{AddMember, CreateTeam};
use desk::testing::TestDesk;
use desk::value::id::{StaffId, TenantId};
use desk::{Caller, Door, Permission};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// A house with its doors.
pub struct House {
    /// The desk behind them.
    pub desk: TestDesk,
    router: Router,
}

/// Somebody who calls, with a credential or without.
#[derive(Clone)]
pub struct Handle {
    router: Router,
    bearer: Option<String>,
    /// The staff member behind it.
    pub staff: Option<StaffId>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON ({}): {}", self.status, self.text))
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The problem's code, after checking that it is a problem.
    #[track_caller]
    pub fn code(&self) -> String {
        let kind = self.headers.get("content-type").and_then(|it| it.to_str().ok()).unwrap_or_default();
        assert_eq!(kind, "application/problem+json", "{} {}", self.status, self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"].as_str(), self.headers["x-request-id"].to_str().ok());
        problem["code"].as_str().unwrap().to_owned()
    }
}

impl House {
    /// One on each engine there is.
    pub async fn all() -> Vec<House> {
        House::all_with(api::Options::default()).await
    }

    /// The same with other options.
    pub async fn all_with(options: api::Options) -> Vec<House> {
        let desks = TestDesk::all().await;
        let open = |desk: TestDesk| House { router: api::app(desk.desk.clone(), options.clone()), desk };
        desks.into_iter().map(open).collect()
    }

    /// Somebody without a credential.
    pub fn nobody(&self) -> Handle {
        Handle { router: self.router.clone(), bearer: None, staff: None }
    }

    /// Somebody with this credential.
    pub fn bearing(&self, bearer: &str) -> Handle {
        Handle { bearer: Some(bearer.to_owned()), ..self.nobody() }
    }

    /// A key of a new staff member with these permissions.
    pub async fn holder(&self, name: &str, permissions: &[Permission]) -> Handle {
        self.holder_in(self.desk.tenant, name, permissions).await
    }

    /// The same in another tenant.
    pub async fn holder_in(&self, tenant: TenantId, name: &str, permissions: &[Permission]) -> Handle {
        let (desk, house) = (&self.desk.desk, Caller::house(tenant, Door::Cli));
        let email = format!("{name}@bank.example");
        let add = AddStaff { id: None, name: name.to_owned(), email, password_hash: None };
        let staff = desk.perform(&house, add).await.unwrap().id;
        let role = DefineRole { name: format!("role of {name}"), permissions: permissions.to_vec() };
        let role = desk.perform(&house, role).await.unwrap().id;
        let team = desk.perform(&house, CreateTeam { name: format!("team of {name}") }).await.unwrap().id;
        desk.perform(&house, AddMember { team, staff, role }).await.unwrap();
        let key = desk.perform(&house, CreateKey::native(name, staff)).await.unwrap();
        Handle { staff: Some(staff), ..self.bearing(key.secret.unwrap().expose()) }
    }

    /// Somebody who may do everything.
    pub async fn admin(&self) -> Handle {
        self.holder("admin", Permission::ALL).await
    }
}

impl Handle {
    /// Sends any request.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, &[("content-type", "application/json")], body.to_string()).await
    }
}
