//! Who may do what, and why somebody may not.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use desk::authority::{ExplainPermission, Explanation, Obstacle, ShowPermissions, WhoMay};
use desk::permission::Need;
use desk::value::id::{StaffId, UserId};
use desk::{Error, Permission};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{House, Native, Problems};
use crate::kit::{Fault, Json, Query, SignedBy};

type Answer = Result<Response, Fault<Native>>;

/// What an action or question needs, and who may.
#[derive(Debug, Serialize, ToSchema)]
pub struct NeedWire {
    /// The action or question.
    pub verb: &'static str,
    /// The permission that lets one do it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<&'static str>,
    /// Who else may: `anyone`, `oneself`, `signed_in_staff` or `house`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<&'static str>,
    /// The institution wants a second person for it: it is proposed as a request.
    pub second_person: bool,
    /// The institution wants the customer to confirm it: it is proposed as a request, and she is sent a code.
    pub customer_confirms: bool,
    /// The roles that permit it; told to holders of `staff.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Enabled staff who may, at most 50 of them; told to holders of `staff.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<String>>,
    /// How many may; told to holders of `staff.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people_count: Option<usize>,
}

/// The permission that a need asks for, and who else is let in.
fn need_words(need: Need) -> (Option<&'static str>, Option<&'static str>) {
    match need {
        Need::Anyone => (None, Some("anyone")),
        Need::Oneself => (None, Some("oneself")),
        Need::OneselfOr(permission) => (Some(permission.word()), Some("oneself")),
        Need::Holder(permission) => (Some(permission.word()), None),
        Need::SignedInStaff => (None, Some("signed_in_staff")),
        Need::House => (None, Some("house")),
    }
}

impl NeedWire {
    fn of(it: WhoMay, tells_people: bool) -> NeedWire {
        let (permission, who) = need_words(it.need);
        let people = it.people.iter().map(ToString::to_string).collect();
        NeedWire {
            verb: it.verb,
            permission,
            who,
            second_person: it.second_person,
            customer_confirms: it.customer_confirms,
            roles: tells_people.then_some(it.roles),
            people: tells_people.then_some(people),
            people_count: tells_people.then_some(it.people_count),
        }
    }
}

/// Every permission, action and question.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionsWire {
    pub permissions: Vec<&'static str>,
    pub actions: Vec<NeedWire>,
    pub questions: Vec<NeedWire>,
}

/// Who may do what: every permission there is, which action and question needs which, and the roles and people that may.
#[utoipa::path(get, path = "/v1/permissions", tag = "staff",
    responses((status = 200, description = "The tables.", body = PermissionsWire), Problems))]
pub async fn table(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let table = house.desk.ask(&caller, ShowPermissions).await?;
    let wire = |list: Vec<WhoMay>| list.into_iter().map(|it| NeedWire::of(it, table.tells_people)).collect();
    let tables = PermissionsWire {
        permissions: Permission::WORDS.to_vec(),
        actions: wire(table.actions),
        questions: wire(table.questions),
    };
    Ok(Json(tables).into_response())
}

/// Who, what, to whom.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExplainQuery {
    /// The staff member; absent: the caller.
    pub staff: Option<String>,
    /// The action or question, by its name in `GET /v1/permissions`.
    #[param(example = "user.disable")]
    pub action: Option<String>,
    /// The user it would be done to.
    pub user: Option<String>,
}

/// Something that stands between a person and an action, or that she should know.
#[derive(Debug, Serialize, ToSchema)]
pub struct ObstacleWire {
    /// `not_for_staff`, `permission_missing`, `staff_disabled`, `needs_second_person`,
    /// `needs_customer`, `not_a_decider`, `user_hidden`, `user_refuses`, `nothing_to_do` or `key_narrowed`.
    #[schema(example = "permission_missing")]
    pub code: &'static str,
    /// Whether it keeps her from it; else it is only worth knowing.
    pub bars: bool,
    /// One sentence.
    pub detail: String,
    /// The permission that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<&'static str>,
    /// The roles that would give it, or the role whose holders decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// The code with which the user's standing refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<&'static str>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

impl From<Obstacle> for ObstacleWire {
    fn from(it: Obstacle) -> Self {
        let bars = it.bars();
        let (code, detail) = match &it {
            Obstacle::NotForStaff => ("not_for_staff", "No permission opens it to staff.".to_owned()),
            Obstacle::PermissionMissing(permission, _) => {
                ("permission_missing", format!("None of her roles has `{permission}`."))
            }
            Obstacle::StaffDisabled => {
                ("staff_disabled", "She is disabled: neither sessions nor keys work.".to_owned())
            }
            Obstacle::SecondPerson => {
                ("needs_second_person", "The institution wants a second person: propose it as a request.".to_owned())
            }
            Obstacle::Customer => (
                "needs_customer",
                "The institution wants the customer to confirm it: propose it as a request.".to_owned(),
            ),
            Obstacle::NotADecider(role) => ("not_a_decider", format!("Only holders of the role `{role}` decide.")),
            Obstacle::UserHidden => ("user_hidden", "The user is an employee, and she may not see those.".to_owned()),
            Obstacle::UserRefuses(_) => ("user_refuses", "The user's standing does not allow it now.".to_owned()),
            Obstacle::NothingToDo => ("nothing_to_do", "It is so already.".to_owned()),
            Obstacle::KeyNarrowed(_) => {
                ("key_narrowed", "This key of hers is narrowed and does not permit it.".to_owned())
            }
        };
        let mut wire = ObstacleWire { code, bars, detail, permission: None, roles: None, refusal: None, key_id: None };
        match it {
            Obstacle::PermissionMissing(permission, roles) => {
                (wire.permission, wire.roles) = (Some(permission.word()), Some(roles));
            }
            Obstacle::NotADecider(role) => wire.roles = Some(vec![role]),
            Obstacle::UserRefuses(code) => wire.refusal = Some(code),
            Obstacle::KeyNarrowed(key) => wire.key_id = Some(key.to_string()),
            _ => {}
        }
        wire
    }
}

/// Why somebody may, or may not.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationWire {
    pub staff_id: String,
    pub action: &'static str,
    /// Whether she may, by a session of hers.
    pub allowed: bool,
    /// The permission it needs.
    pub permission: Option<&'static str>,
    /// Who else may: `anyone`, `oneself`, `signed_in_staff` or `house`.
    pub who: Option<&'static str>,
    /// Her roles that give it.
    pub given_by: Vec<String>,
    /// What stands between, in the order in which it would be met; and what she should know.
    pub obstacles: Vec<ObstacleWire>,
}

impl From<Explanation> for ExplanationWire {
    fn from(it: Explanation) -> Self {
        let (permission, who) = need_words(it.need);
        ExplanationWire {
            staff_id: it.staff.to_string(),
            action: it.action,
            allowed: it.allowed,
            permission,
            who,
            given_by: it.given_by,
            obstacles: it.obstacles.into_iter().map(ObstacleWire::from).collect(),
        }
    }
}

/// Why may this person do this, or why not: the missing permission and the roles that would give it, her own state, the
/// policy of the second person, narrowed keys, the user's standing. About oneself without any permission; about others with
/// `staff.read`.
#[utoipa::path(get, path = "/v1/permissions/explain", tag = "staff", params(ExplainQuery),
    responses((status = 200, description = "The explanation.", body = ExplanationWire), Problems))]
pub async fn explain(
    State(house): State<House>,
    caller: SignedBy<Native>,
    query: Query<Native, ExplainQuery>,
) -> Answer {
    let query = query.0;
    let staff = query.staff.map(|text| StaffId::parse(&text).ok_or(Error::NotFound(StaffId::NOUN))).transpose()?;
    let user = query.user.map(|text| UserId::parse(&text).ok_or(Error::NotFound(UserId::NOUN))).transpose()?;
    let action = query.action.ok_or_else(|| Error::invalid("action", "required", "What would she do?"))?;
    let explained = house.desk.ask(&caller, ExplainPermission { staff, action, user }).await?;
    Ok(Json(ExplanationWire::from(explained)).into_response())
}
