//! Staff, teams, roles, permissions and keys.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use desk::authority::{HeldRole, Holder, ListHeldRoles, ShowRole};
use desk::key::{Key, KeyKind, ListKeys, PublicKeys, RevokeKey};
use desk::password::{InviteAgain, InviteStaff};
use desk::request::ProposedKey;
use desk::role::{DefineRole, DeleteRole, Role};
use desk::staff::{
    AddStaff, ConfirmStaff, DisableStaff, EnableStaff, ListStaff, Staff, StaffSignInAnswer, StaffSignOut, WhoAmI,
};
use desk::team::{AddMember, CreateTeam, ListTeams, RemoveMember, Team};
use desk::value::callback_url::CallbackUrl;
use desk::value::id::{KeyId, RoleId, StaffId, TeamId};
use desk::value::secret::Secret;
use desk::{Caller, Error, Permission, Who};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::act::{Call, Reply};
use super::around::{ListOf, list_of};
use super::fault::problem;
use super::sign_in::{is_unknown_tenant, tenant_named};
use super::wire::{chosen, moment, time};
use super::{House, Native, Problems};
use crate::kit::{Body, Fault, Json, SignedBy, Stranger, Text};

pub(super) type Answer = Result<Response, Fault<Native>>;

/// A body without fields.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Empty {}

/// A staff member.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaffWire {
    pub id: String,
    pub name: String,
    pub email: String,
    pub enabled: bool,
    /// Whether another member has confirmed whom somebody brought in; until then neither is the other's second person.
    pub confirmed: bool,
    /// The password was set by somebody else: nothing may be done until it is changed.
    pub password_change_due: bool,
    pub created_at: String,
}

impl From<Staff> for StaffWire {
    fn from(it: Staff) -> Self {
        StaffWire {
            id: it.id.to_string(),
            name: it.profile.name.clone(),
            email: it.profile.email.clone(),
            enabled: it.disabled_at.is_none(),
            confirmed: it.is_confirmed(),
            password_change_due: it.password_change_due,
            created_at: time(it.created_at),
        }
    }
}

/// A staff sign-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffSignInIn {
    /// The tenant; may stand in the header `Bursar-Tenant` instead.
    #[serde(default)]
    pub tenant_id: Option<String>,
    /// The e-mail address.
    pub email: String,
    /// The password.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// A staff session.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaffSessionWire {
    pub session_id: String,
    /// Shown this once: send it as `Authorization: Bearer …`.
    pub token: String,
    pub staff_id: String,
    pub expires_at: String,
    /// The password was set by somebody else: nothing may be done until it is changed (`POST /v1/staff/me/password`).
    pub password_change_due: bool,
}

/// Sign a staff member in. Whatever keeps her out is answered alike.
#[utoipa::path(post, path = "/v1/staff/sessions", tag = "staff", security(()), request_body = StaffSignInIn,
    responses((status = 201, description = "Signed in.", body = StaffSessionWire), Problems))]
pub async fn sign_in(
    State(house): State<House>,
    origin: Stranger<Native>,
    headers: HeaderMap,
    body: Body<Native, StaffSignInIn>,
) -> Answer {
    let body = body.value;
    let caller = Caller::anonymous(tenant_named(body.tenant_id.as_deref(), &headers)?, origin.0.clone());
    let answer = match house.desk.staff_sign_in(&caller, &body.email, body.password.clone()).await {
        Err(error) if is_unknown_tenant(&error) => {
            house.desk.check_for_nobody(body.password).await?;
            StaffSignInAnswer::Wrong { locked: false }
        }
        other => other?,
    };
    match answer {
        StaffSignInAnswer::Wrong { .. } => {
            let detail = "The e-mail or the password is wrong, or sign-in is locked.".to_owned();
            let request_id = &origin.0.request_id;
            Ok(problem(StatusCode::UNAUTHORIZED, "sign_in_failed", "Not signed in", detail, request_id))
        }
        StaffSignInAnswer::SignedIn { session, token, staff, expires_at, password_change_due } => {
            let wire = StaffSessionWire {
                session_id: session.to_string(),
                token: token.expose().to_owned(),
                staff_id: staff.to_string(),
                expires_at: time(expires_at),
                password_change_due,
            };
            Ok((StatusCode::CREATED, [("cache-control", "no-store")], Json(wire)).into_response())
        }
    }
}

/// Sign out: end the staff session that this request came with.
#[utoipa::path(delete, path = "/v1/staff/sessions/current", tag = "staff",
    responses((status = 204, description = "The session has ended."), Problems))]
pub async fn sign_out(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let Who::Staff { id, .. } = caller.who else { return Err(Error::Forbidden("signed_in_staff").into()) };
    house.desk.perform(&caller, StaffSignOut { staff: id }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The caller herself.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeWire {
    /// The staff member behind the session or key.
    pub staff: StaffWire,
    /// What the caller may do now.
    pub permissions: Vec<String>,
}

/// Who is calling, and what she may do now.
#[utoipa::path(get, path = "/v1/staff/me", tag = "staff",
    responses((status = 200, description = "The caller.", body = MeWire), Problems))]
pub async fn me(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let (staff, may) = house.desk.ask(&caller, WhoAmI).await?;
    let permissions = may.list().iter().map(ToString::to_string).collect();
    Ok(Json(MeWire { staff: staff.into(), permissions }).into_response())
}

/// A new password for an old one, of a staff member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStaffPasswordIn {
    /// The password now.
    #[schema(value_type = String)]
    pub current_password: Secret,
    /// The new one.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// Change one's own password. Every session ends, also this one. A key cannot do it.
#[utoipa::path(post, path = "/v1/staff/me/password", tag = "staff", request_body = ChangeStaffPasswordIn,
    responses((status = 204, description = "Changed; sign in again."), Problems))]
pub async fn change_password(
    State(house): State<House>,
    caller: SignedBy<Native>,
    body: Body<Native, ChangeStaffPasswordIn>,
) -> Answer {
    house.desk.change_staff_password(&caller, body.value.current_password, body.value.password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Confirm a colleague whom somebody else brought in: from then on they may be each other's second person.
#[utoipa::path(post, path = "/v1/staff/{staff_id}/confirm", tag = "staff", params(("staff_id" = String, Path)),
    responses((status = 200, description = "Confirmed.", body = StaffWire), Problems))]
pub async fn confirm(State(house): State<House>, id: Text<Native, StaffId>, call: Call<Empty>) -> Answer {
    call.act(&house, ConfirmStaff(id.0), |staff, _| Reply::ok(&StaffWire::from(staff))).await
}

/// Send a member another link to choose a password; it voids the one before, and goes to their own address.
#[utoipa::path(post, path = "/v1/staff/{staff_id}/invitation", tag = "staff", params(("staff_id" = String, Path)),
    responses((status = 200, description = "A link is on its way.", body = StaffWire), Problems))]
pub async fn invite_again(State(house): State<House>, id: Text<Native, StaffId>, call: Call<Empty>) -> Answer {
    call.act(&house, InviteAgain(id.0), |staff, _| Reply::ok(&StaffWire::from(staff))).await
}

/// List staff.
#[utoipa::path(get, path = "/v1/staff", tag = "staff",
    responses((status = 200, description = "All staff.", body = ListOf<StaffWire>), Problems))]
pub async fn list(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let staff = house.desk.ask(&caller, ListStaff).await?;
    Ok(list_of(staff.into_iter().map(StaffWire::from).collect()))
}

/// A new staff member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffIn {
    pub name: String,
    pub email: String,
    /// They act through keys only: no invitation is sent.
    #[serde(default)]
    pub keys_only: bool,
}

/// Add a staff member, who is mailed a link to choose a password: nobody else ever knows it. They may do nothing until they join
/// a team with a role, and are nobody's second person for whoever added them until another member has confirmed them.
#[utoipa::path(post, path = "/v1/staff", tag = "staff", request_body = StaffIn,
    responses((status = 201, description = "Added.", body = StaffWire), Problems))]
pub async fn add(State(house): State<House>, call: Call<StaffIn>) -> Answer {
    let (name, email) = (call.body.name.clone(), call.body.email.clone());
    let added = |staff: Staff| Reply::new(StatusCode::CREATED, &StaffWire::from(staff));
    match call.body.keys_only {
        true => {
            let action = AddStaff { id: None, name, email, password_hash: None };
            call.act(&house, action, move |staff, _| added(staff)).await
        }
        false => call.act(&house, InviteStaff { name, email }, move |staff, _| added(staff)).await,
    }
}

/// Disable a staff member: her sessions end and her keys stop working at once.
#[utoipa::path(post, path = "/v1/staff/{staff_id}/disable", tag = "staff", params(("staff_id" = String, Path)),
    responses((status = 200, description = "Disabled.", body = StaffWire), Problems))]
pub async fn disable(State(house): State<House>, id: Text<Native, StaffId>, call: Call<Empty>) -> Answer {
    call.act(&house, DisableStaff(id.0), |staff, _| Reply::ok(&StaffWire::from(staff))).await
}

/// Enable a staff member.
#[utoipa::path(post, path = "/v1/staff/{staff_id}/enable", tag = "staff", params(("staff_id" = String, Path)),
    responses((status = 200, description = "Enabled.", body = StaffWire), Problems))]
pub async fn enable(State(house): State<House>, id: Text<Native, StaffId>, call: Call<Empty>) -> Answer {
    call.act(&house, EnableStaff(id.0), |staff, _| Reply::ok(&StaffWire::from(staff))).await
}

/// A team.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamWire {
    pub id: String,
    pub name: String,
    pub members: Vec<MemberWire>,
}

/// A member of a team, with one of her roles.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberWire {
    pub staff_id: String,
    pub role_id: String,
}

impl From<Team> for TeamWire {
    fn from(it: Team) -> Self {
        let member =
            |(staff, role): (StaffId, RoleId)| MemberWire { staff_id: staff.to_string(), role_id: role.to_string() };
        TeamWire { id: it.id.to_string(), name: it.name, members: it.members.into_iter().map(member).collect() }
    }
}

/// List teams with their members.
#[utoipa::path(get, path = "/v1/teams", tag = "staff",
    responses((status = 200, description = "All teams.", body = ListOf<TeamWire>), Problems))]
pub async fn teams(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let teams = house.desk.ask(&caller, ListTeams).await?;
    Ok(list_of(teams.into_iter().map(TeamWire::from).collect()))
}

/// A new team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamIn {
    pub name: String,
}

/// Found a team.
#[utoipa::path(post, path = "/v1/teams", tag = "staff", request_body = TeamIn,
    responses((status = 201, description = "Founded.", body = TeamWire), Problems))]
pub async fn create_team(State(house): State<House>, call: Call<TeamIn>) -> Answer {
    let action = CreateTeam { name: call.body.name.clone() };
    call.act(&house, action, |team, _| Reply::new(StatusCode::CREATED, &TeamWire::from(team))).await
}

/// A new member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberIn {
    pub staff_id: String,
    pub role_id: String,
}

/// Give a staff member a role in a team. Nobody gives more than she has.
#[utoipa::path(post, path = "/v1/teams/{team_id}/members", tag = "staff", params(("team_id" = String, Path)),
    request_body = MemberIn, responses((status = 204, description = "She is a member."), Problems))]
pub async fn add_member(State(house): State<House>, id: Text<Native, TeamId>, call: Call<MemberIn>) -> Answer {
    let staff = StaffId::parse(&call.body.staff_id).ok_or(Error::NotFound(StaffId::NOUN))?;
    let role = RoleId::parse(&call.body.role_id).ok_or(Error::NotFound(RoleId::NOUN))?;
    call.act(&house, AddMember { team: id.0, staff, role }, |(), _| Ok(Reply::nothing())).await
}

/// Take a staff member out of a team.
#[utoipa::path(delete, path = "/v1/teams/{team_id}/members/{staff_id}", tag = "staff",
    params(("team_id" = String, Path), ("staff_id" = String, Path)),
    responses((status = 204, description = "She is no member."), Problems))]
pub async fn remove_member(State(house): State<House>, id: Text<Native, TeamId, StaffId>, call: Call<Empty>) -> Answer {
    call.act(&house, RemoveMember { team: id.0, staff: id.1 }, |(), _| Ok(Reply::nothing())).await
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleWire {
    pub id: String,
    pub name: String,
    /// Built-in roles cannot be changed.
    pub built_in: bool,
    pub permissions: Vec<String>,
    /// Who has it, once for each team; absent in the answer to defining it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holders: Option<Vec<HolderWire>>,
}

/// Somebody who has a role.
#[derive(Debug, Serialize, ToSchema)]
pub struct HolderWire {
    pub staff_id: String,
    pub name: String,
    pub enabled: bool,
    pub team_id: String,
    pub team: String,
}

impl From<Role> for RoleWire {
    fn from(it: Role) -> Self {
        let permissions = it.permissions.list().iter().map(ToString::to_string).collect();
        RoleWire { id: it.id.to_string(), name: it.name, built_in: it.built_in, permissions, holders: None }
    }
}

impl From<HeldRole> for RoleWire {
    fn from(it: HeldRole) -> Self {
        let holder = |it: Holder| HolderWire {
            staff_id: it.staff.to_string(),
            name: it.name,
            enabled: it.enabled,
            team_id: it.team.to_string(),
            team: it.team_name,
        };
        RoleWire { holders: Some(it.holders.into_iter().map(holder).collect()), ..RoleWire::from(it.role) }
    }
}

/// List roles, with who has them.
#[utoipa::path(get, path = "/v1/roles", tag = "staff",
    responses((status = 200, description = "All roles.", body = ListOf<RoleWire>), Problems))]
pub async fn roles(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let roles = house.desk.ask(&caller, ListHeldRoles).await?;
    Ok(list_of(roles.into_iter().map(RoleWire::from).collect()))
}

/// A role, with who has it.
#[utoipa::path(get, path = "/v1/roles/{role_id}", tag = "staff", params(("role_id" = String, Path)),
    responses((status = 200, description = "The role.", body = RoleWire), Problems))]
pub async fn role(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, RoleId>) -> Answer {
    let role = house.desk.ask(&caller, ShowRole(id.0)).await?;
    Ok(Json(RoleWire::from(role)).into_response())
}

/// A role to define.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleIn {
    pub name: String,
    /// Words of `GET /v1/permissions`.
    pub permissions: Vec<String>,
}

/// The permissions of these words.
pub fn permissions(words: &[String]) -> desk::Result<Vec<Permission>> {
    let read =
        |word: &String| chosen("permissions", Some(word.as_str()), Permission::parse, &["see GET /v1/permissions"]);
    words.iter().map(read).filter_map(Result::transpose).collect()
}

/// Define a role, or redefine the one of this name. Nobody gives more than she has.
#[utoipa::path(post, path = "/v1/roles", tag = "staff", request_body = RoleIn,
    responses((status = 200, description = "Defined.", body = RoleWire), Problems))]
pub async fn define_role(State(house): State<House>, call: Call<RoleIn>) -> Answer {
    let action = DefineRole { name: call.body.name.clone(), permissions: permissions(&call.body.permissions)? };
    call.act(&house, action, |role, _| Reply::ok(&RoleWire::from(role))).await
}

/// Delete a role that nobody holds.
#[utoipa::path(delete, path = "/v1/roles/{role_id}", tag = "staff", params(("role_id" = String, Path)),
    responses((status = 204, description = "Deleted."), Problems))]
pub async fn delete_role(State(house): State<House>, id: Text<Native, RoleId>, call: Call<Empty>) -> Answer {
    call.act(&house, DeleteRole(id.0), |(), _| Ok(Reply::nothing())).await
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyWire {
    pub id: String,
    /// `native`, `banno`, `switch_client` or `choice_sender`.
    pub kind: String,
    pub name: String,
    /// Whom it acts as.
    pub staff_id: String,
    pub client_id: Option<String>,
    /// Narrowed to these; absent: all that its owner may.
    pub permissions: Option<Vec<String>>,
    pub enforce_scopes: bool,
    pub scopes: Vec<String>,
    pub expires_at: Option<String>,
    pub revoked_at: Option<String>,
    pub created_at: String,
    /// Where a `choice_sender` is called back; absent: it is not.
    pub callback_url: Option<String>,
    /// The secret, shown this once; of a `switch_client` it makes the checksums, of a `choice_sender` the signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl KeyWire {
    pub(super) fn of(it: Key, secret: Option<&Secret>) -> KeyWire {
        KeyWire {
            id: it.id.to_string(),
            kind: it.kind.to_string(),
            name: it.name,
            staff_id: it.staff.to_string(),
            client_id: it.client_id,
            permissions: it.permissions.map(|may| may.list().iter().map(ToString::to_string).collect()),
            enforce_scopes: it.enforce_scopes,
            scopes: it.scopes,
            expires_at: it.expires_at.map(time),
            revoked_at: it.revoked_at.map(time),
            created_at: time(it.created_at),
            callback_url: it.callback_url,
            secret: secret.map(|secret| secret.expose().to_owned()),
        }
    }
}

/// List keys, without secrets.
#[utoipa::path(get, path = "/v1/keys", tag = "staff",
    responses((status = 200, description = "All keys.", body = ListOf<KeyWire>), Problems))]
pub async fn keys(State(house): State<House>, caller: SignedBy<Native>) -> Answer {
    let keys = house.desk.ask(&caller, ListKeys).await?;
    Ok(list_of(keys.into_iter().map(|key| KeyWire::of(key, None)).collect()))
}

/// A new key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyIn {
    /// `native`, `banno`, `switch_client` or `choice_sender`.
    pub kind: String,
    pub name: String,
    /// Whom it acts as; absent: the caller.
    #[serde(default)]
    pub staff_id: Option<String>,
    /// Narrow it to these.
    #[serde(default)]
    pub permissions: Option<Vec<String>>,
    /// For all but `native`: the client id, of a `choice_sender` its sender id; absent: one is made.
    #[serde(default)]
    pub client_id: Option<String>,
    /// For `banno`: one public key in PEM.
    #[serde(default)]
    pub public_key_pem: Option<String>,
    /// For `banno`: a JSON Web Key Set.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<serde_json::Value>,
    #[serde(default)]
    pub enforce_scopes: bool,
    #[serde(default)]
    pub scopes: Vec<String>,
    /// RFC 3339.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// For `choice_sender`: where it is called back; absent: it is not.
    #[serde(default)]
    pub callback_url: Option<String>,
}

/// Where a partner is called back.
pub fn called_back(house: &House, text: Option<&str>) -> desk::Result<Option<CallbackUrl>> {
    text.map(|text| house.desk.callback_url("callback_url", text)).transpose()
}

impl KeyIn {
    /// The key, whosever it shall be.
    pub fn key(&self, house: &House) -> desk::Result<ProposedKey> {
        let expires_at = moment("expires_at", self.expires_at.as_deref())?;
        let public_keys = match (&self.public_key_pem, &self.jwks) {
            (Some(pem), _) => Some(PublicKeys::Pem(pem.clone())),
            (None, Some(set)) => Some(PublicKeys::Jwks(set.clone())),
            (None, None) => None,
        };
        Ok(ProposedKey {
            kind: chosen("kind", Some(&self.kind), KeyKind::parse, KeyKind::WORDS)?.unwrap_or(KeyKind::Native),
            name: self.name.clone(),
            permissions: self.permissions.as_deref().map(permissions).transpose()?,
            client_id: self.client_id.clone(),
            public_keys,
            enforce_scopes: self.enforce_scopes,
            scopes: self.scopes.clone(),
            expires_at,
            callback_url: called_back(house, self.callback_url.as_deref())?,
        })
    }
}

/// Make a key. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/keys", tag = "staff", request_body = KeyIn,
    responses((status = 201, description = "Made.", body = KeyWire), Problems))]
pub async fn create_key(State(house): State<House>, call: Call<KeyIn>) -> Answer {
    let staff = match &call.body.staff_id {
        Some(text) => StaffId::parse(text).ok_or(Error::NotFound(StaffId::NOUN))?,
        None => call.caller.staff().ok_or_else(|| Error::invalid("staff_id", "required", "Whom does it act as?"))?,
    };
    let action = call.body.key(&house)?.for_staff(staff);
    call.act(&house, action, |new, _| {
        let whole = KeyWire::of(new.key.clone(), new.secret.as_ref());
        Reply::new(StatusCode::CREATED, &whole)?.again(&KeyWire::of(new.key, None))
    })
    .await
}

/// Revoke a key: it is worthless at once and for good.
#[utoipa::path(post, path = "/v1/keys/{key_id}/revoke", tag = "staff", params(("key_id" = String, Path)),
    responses((status = 204, description = "Revoked."), Problems))]
pub async fn revoke_key(State(house): State<House>, id: Text<Native, KeyId>, call: Call<Empty>) -> Answer {
    call.act(&house, RevokeKey(id.0), |(), _| Ok(Reply::nothing())).await
}
