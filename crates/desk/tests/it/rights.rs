//! Nobody acts beyond their own rights: whoever disables, enables, appoints, edits roles and teams, makes or revokes keys, or
//! changes a setting that guards something holds what they act on.

use desk::caller::{Caller, Door};
use desk::key::{CreateKey, RevokeKey};
use desk::password::AppointStaff;
use desk::permission::{Permission as P, Proposable};
use desk::request::{AlreadySo, ApproveRequest, Proposal, ProposeAction, Told};
use desk::role::{DefineRole, DeleteRole};
use desk::staff::{AddStaff, DisableStaff, EnableStaff};
use desk::team::{AddMember, CreateTeam, RemoveMember};
use desk::tenant::{ChangeSecuritySettings, ChangeSettings, Settings};
use desk::testing::{TestDesk, origin};
use desk::value::clock::{DAY, HOUR};
use desk::value::id::{RoleId, StaffId, TeamId};
use desk::{Refusal, Subject};
use serde_json::{Value, json};

use crate::support::*;

const BEYOND: Refusal = Refusal::BeyondOwnRights;

/// A staff member with a role of these permissions.
async fn member(t: &TestDesk, name: &str, permissions: &[P]) -> (StaffId, TeamId, RoleId) {
    let (d, house) = (&t.desk, t.house());
    let email = format!("{name}@bank.example");
    let add = AddStaff { id: None, name: name.to_owned(), email, password_hash: None };
    let staff = d.perform(&house, add).await.unwrap().id;
    let role = DefineRole { name: format!("role {name}"), permissions: permissions.to_vec() };
    let role = d.perform(&house, role).await.unwrap().id;
    let team = d.perform(&house, CreateTeam { name: format!("team {name}") }).await.unwrap().id;
    d.perform(&house, AddMember { team, staff, role }).await.unwrap();
    (staff, team, role)
}

/// The caller behind a new key of a staff member.
async fn by_key(t: &TestDesk, create: CreateKey) -> Caller {
    let made = t.desk.perform(&t.house(), create).await.unwrap();
    t.desk.caller(made.secret.unwrap().expose(), origin()).await.unwrap()
}

fn patch(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_disables_or_enables_whoever_holds_more() {
    for t in TestDesk::all().await {
        let (d, house) = (&t.desk, t.house());
        let (boss, ..) = member(&t, "boss", &[P::UsersErase, P::TeamManage]).await;
        let (peer, ..) = member(&t, "peer", &[P::TeamManage]).await;
        let lead = t.holder(&[P::TeamManage]);
        later(&t);
        assert_eq!(refusal(d.perform(&lead, DisableStaff(boss)).await), BEYOND);
        assert_eq!(last_audit(&t).await.outcome, "refused");
        assert!(d.preview(&lead, DisableStaff(boss)).await.is_err());
        d.perform(&lead, DisableStaff(peer)).await.unwrap();
        d.perform(&lead, EnableStaff(peer)).await.unwrap();
        // What somebody held when they were disabled counts, too.
        d.perform(&house, DisableStaff(boss)).await.unwrap();
        assert_eq!(refusal(d.perform(&lead, EnableStaff(boss)).await), BEYOND);
        assert_eq!(refusal(d.perform(&lead, DisableStaff(boss)).await), BEYOND);
        assert_eq!(
            refusal(d.perform(&t.holder(&[P::KeysManage]), CreateKey::native("Sly", boss)).await.map(drop)),
            BEYOND
        );
        // The operator at the machine is the way back in.
        d.perform(&Caller::house(t.tenant, Door::Cli), EnableStaff(boss)).await.unwrap();
        // Whoever only proposes acts on nobody; whoever decides does.
        let (one, ..) = member(&t, "one", &[P::RequestsPropose]).await;
        let one = by_key(&t, CreateKey::native("one", one)).await;
        let proposal =
            Proposal { action: Proposable::DisableStaff, about: Subject::Staff(boss), told: Told::default() };
        let propose = ProposeAction { proposal, reason: "left the bank".to_owned() };
        let request = d.perform(&one, propose).await.unwrap().request.id;
        later(&t);
        let approve = || ApproveRequest { request, comment: None, already_so: AlreadySo::Refuse };
        let two = t.holder(&[P::RequestsDecide, P::TeamManage]);
        assert_eq!(refusal(d.perform(&two, approve()).await), BEYOND);
        d.perform(&t.holder(&[P::RequestsDecide, P::TeamManage, P::UsersErase]), approve()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_edits_roles_and_teams_or_appoints_beyond_their_own_rights() {
    for t in TestDesk::all().await {
        let (d, house) = (&t.desk, t.house());
        let (boss, team, role) = member(&t, "boss", &[P::UsersErase]).await;
        let (peer, ..) = member(&t, "peer", &[]).await;
        let spare = DefineRole { name: "Spare eraser".to_owned(), permissions: vec![P::UsersErase] };
        let spare = d.perform(&house, spare).await.unwrap().id;
        let lead = t.holder(&[P::TeamManage]);
        assert_eq!(refusal(d.perform(&lead, DeleteRole(spare)).await), BEYOND);
        let redefine = |permissions| DefineRole { name: "Spare eraser".to_owned(), permissions };
        assert_eq!(refusal(d.perform(&lead, redefine(vec![])).await), BEYOND);
        assert_eq!(refusal(d.perform(&lead, AddMember { team, staff: peer, role }).await), BEYOND);
        assert_eq!(refusal(d.perform(&lead, RemoveMember { team, staff: boss }).await), BEYOND);
        let appoint = |role: &str| AppointStaff { email: "new@bank.example".to_owned(), role: role.to_owned() };
        assert_eq!(refusal(d.perform(&lead, appoint("Spare eraser")).await), BEYOND);
        assert_eq!(refusal(d.perform(&lead, appoint("admin")).await), BEYOND);
        let full = t.holder(&[P::TeamManage, P::UsersErase]);
        d.perform(&full, DeleteRole(spare)).await.unwrap();
        d.perform(&full, RemoveMember { team, staff: boss }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_revokes_a_key_that_may_do_more() {
    for t in TestDesk::all().await {
        let (d, house) = (&t.desk, t.house());
        let (boss, ..) = member(&t, "boss", &[P::UsersErase, P::UsersRead]).await;
        let wide = d.perform(&house, CreateKey::native("wide", boss)).await.unwrap().key.id;
        let narrow = CreateKey { permissions: Some(vec![P::UsersRead]), ..CreateKey::native("narrow", boss) };
        let narrow = d.perform(&house, narrow).await.unwrap().key.id;
        let manager = t.holder(&[P::KeysManage, P::UsersRead]);
        assert_eq!(refusal(d.perform(&manager, RevokeKey(wide)).await), BEYOND);
        d.perform(&manager, RevokeKey(narrow)).await.unwrap();
        d.perform(&house, DisableStaff(boss)).await.unwrap();
        assert_eq!(
            refusal(d.perform(&manager, RevokeKey(wide)).await),
            BEYOND,
            "it counts again once they are enabled"
        );
        d.perform(&t.holder(&[P::KeysManage, P::UsersRead, P::UsersErase]), RevokeKey(wide)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_key_makes_no_wider_one() {
    for t in TestDesk::all().await {
        let (d, house) = (&t.desk, t.house());
        let (owner, team, _) = member(&t, "owner", &[P::KeysManage, P::UsersRead]).await;
        let ends = t.desk.now().plus(DAY);
        let narrowed = CreateKey {
            permissions: Some(vec![P::KeysManage, P::UsersRead]),
            expires_at: Some(ends),
            ..CreateKey::native("narrowed", owner)
        };
        let narrowed = by_key(&t, narrowed).await;
        // It may do all that its owner may today, and yet what it makes does not grow with the owner.
        let made = d.perform(&narrowed, CreateKey::native("child", owner)).await.unwrap();
        assert_eq!(made.key.permissions, Some([P::KeysManage, P::UsersRead].into_iter().collect()));
        assert_eq!(made.key.expires_at, Some(ends), "nor does it live longer");
        let longer = CreateKey { expires_at: Some(ends.plus(HOUR)), ..CreateKey::native("longer", owner) };
        assert_eq!(refusal(d.perform(&narrowed, longer).await.map(drop)), BEYOND);
        let asks =
            CreateKey { permissions: Some(vec![P::UsersRead, P::UsersErase]), ..CreateKey::native("asks", owner) };
        let asks = d.perform(&narrowed, asks).await.unwrap();
        assert_eq!(asks.key.permissions, Some([P::UsersRead].into_iter().collect()));
        let eraser = DefineRole { name: "eraser".to_owned(), permissions: vec![P::UsersErase] };
        let role = d.perform(&house, eraser).await.unwrap().id;
        d.perform(&house, AddMember { team, staff: owner, role }).await.unwrap();
        let child = d.caller(made.secret.unwrap().expose(), origin()).await.unwrap();
        assert!(child.may(P::UsersRead) && !child.may(P::UsersErase));
        assert_eq!(refusal(d.perform(&narrowed, CreateKey::native("late", owner)).await.map(drop)), BEYOND);
        // A key that is not narrowed makes one that is not.
        let whole = by_key(&t, CreateKey::native("whole", owner)).await;
        let made = d.perform(&whole, CreateKey::native("child of whole", owner)).await.unwrap();
        assert_eq!(made.key.permissions, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_guards_something_needs_the_right_it_guards() {
    for t in TestDesk::all().await {
        let d = &t.desk;
        let other = |name: &str, was: &Value| match was {
            _ if name == "switch_checksum" => json!("off"),
            _ if name == "switch_app_url" => json!("https://app.bank.example"),
            _ if name == "mail_from" => json!("Bank <no-reply@bank.example>"),
            _ if name == "deciding_role" => json!("compliance"),
            _ if name == "registration_fields" => json!(["bvn"]),
            _ if name == "second_person" => json!(["user.erase"]),
            _ if name == "customer_confirms" => json!(["user.disable"]),
            Value::Bool(was) => json!(!was),
            was => json!(was.as_i64().unwrap() + 1),
        };
        let defaults = serde_json::to_value(Settings::default()).unwrap();
        for (name, guards) in Settings::SECURITY {
            let change = || ChangeSettings { patch: patch(json!({ *name: other(name, &defaults[*name]) })) };
            let bare = t.holder(&[P::SettingsManage, P::SettingsSecurity]);
            if *guards != P::SettingsSecurity {
                assert_eq!(refusal(d.perform(&bare, change()).await), BEYOND, "{name}");
            }
            let ordinary = t.holder(&[P::SettingsManage, *guards]);
            if *guards != P::SettingsSecurity {
                assert_eq!(code(d.perform(&ordinary, change()).await), "forbidden", "{name}");
            }
            let entitled = t.holder(&[P::SettingsManage, P::SettingsSecurity, *guards]);
            d.perform(&entitled, change()).await.unwrap();
        }
        // Taking an action off the list of what nobody does alone needs what the action needs, or one does it alone then.
        let free = || ChangeSecuritySettings { patch: patch(json!({"second_person": []})) };
        let security = t.holder(&[P::SettingsSecurity, P::RequestsDecide]);
        assert_eq!(refusal(d.perform(&security, free()).await), BEYOND);
        d.perform(&t.holder(&[P::SettingsSecurity, P::RequestsDecide, P::UsersErase]), free()).await.unwrap();
        // Who decides is said by those who decide.
        let name_another = || ChangeSecuritySettings { patch: patch(json!({"deciding_role": null})) };
        assert_eq!(refusal(d.perform(&security, name_another()).await), BEYOND);
        let (judge, team, _) = member(&t, "judge", &[P::SettingsSecurity, P::RequestsDecide, P::TeamManage]).await;
        let judge_caller = by_key(&t, CreateKey::native("judge", judge)).await;
        assert_eq!(refusal(d.perform(&judge_caller, name_another()).await), BEYOND);
        let roles = d.ask(&t.house(), desk::role::ListRoles).await.unwrap();
        let compliance = roles.iter().find(|role| role.name == "compliance").unwrap().clone();
        // Nor do they give themselves the role that decides, whatever they may besides.
        let all = Caller { may: P::ALL.iter().copied().collect(), ..judge_caller.clone() };
        let seize = || AddMember { team, staff: judge, role: compliance.id };
        assert_eq!(refusal(d.perform(&all, seize()).await), BEYOND);
        d.perform(&t.house(), seize()).await.unwrap();
        d.perform(&judge_caller, name_another()).await.unwrap();
    }
}
