//! Who may do what, why somebody may not, and built-in roles that an older tenant gets.

use desk::authority::*;
use desk::caller::Caller;
use desk::key::CreateKey;
use desk::permission::{BUILT_IN_ROLES, Permission as P, Permissions};
use desk::role::{DefineRole, ListRoles};
use desk::staff::DisableStaff;
use desk::team::{AddMember, CreateTeam};
use desk::tenant::ChangeSettings;
use desk::testing::{TestDesk, origin};
use desk::user::standing::*;
use desk::user::*;
use desk::value::id::{RoleId, StaffId};
use serde_json::json;

use crate::support::*;

async fn role(t: &TestDesk, name: &str, permissions: &[P]) -> RoleId {
    let define = DefineRole { name: name.to_owned(), permissions: permissions.to_vec() };
    t.desk.perform(&t.house(), define).await.unwrap().id
}

/// A staff member with this role, signed in.
async fn person(t: &TestDesk, word: &str, role: RoleId) -> (StaffId, Caller) {
    let id = staff(t, word).await;
    let team = t.desk.perform(&t.house(), CreateTeam { name: format!("team {word}") }).await.unwrap().id;
    t.desk.perform(&t.house(), AddMember { team, staff: id, role }).await.unwrap();
    let token = staff_sign_in(t, word, PASSWORD).await.unwrap();
    (id, t.desk.caller(token.expose(), origin()).await.unwrap())
}

async fn explain(t: &TestDesk, staff: StaffId, action: &str) -> Explanation {
    let question = ExplainPermission { staff: Some(staff), action: action.to_owned(), user: None };
    t.desk.ask(&t.house(), question).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_listed_with_who_has_them_and_actions_with_who_may() {
    for t in TestDesk::all().await {
        let locker = role(&t, "locker", &[P::UsersLock]).await;
        let reader = role(&t, "reader", &[P::StaffRead]).await;
        let ((ada, ada_caller), (ben, ben_caller)) = (person(&t, "ada", locker).await, person(&t, "ben", reader).await);
        let roles = t.desk.ask(&ben_caller, ListHeldRoles).await.unwrap();
        let held = roles.iter().find(|held| held.role.id == locker).unwrap();
        let told: Vec<_> = held.holders.iter().map(|it| (it.staff, &*it.name, it.enabled, &*it.team_name)).collect();
        assert_eq!(told, [(ada, "Tunde ada", true, "team ada")]);
        let shown = t.desk.ask(&ben_caller, ShowRole(locker)).await.unwrap();
        assert_eq!((shown.role.name.as_str(), shown.holders.len()), ("locker", 1));
        assert_eq!(code(t.desk.ask(&ben_caller, ShowRole(RoleId(ada.0))).await), "not_found");
        let stranger = Caller { tenant: t.other_tenant().await, ..t.admin() };
        assert_eq!(code(t.desk.ask(&stranger, ShowRole(locker)).await), "not_found");

        let table = t.desk.ask(&ben_caller, ShowPermissions).await.unwrap();
        let lock = table.actions.iter().find(|it| it.verb == "user.lock").unwrap();
        assert_eq!((&*lock.people, lock.people_count), (&[ada][..], 1));
        assert_eq!(lock.roles, ["admin", "compliance", "locker", "super_admin", "support"]);
        let anyone = table.actions.iter().find(|it| it.verb == "staff.sign_out").unwrap();
        assert_eq!(anyone.people_count, 2);
        let house = table.actions.iter().find(|it| it.verb == "bulk.run_slice").unwrap();
        assert!(house.people.is_empty() && house.roles.is_empty());
        t.desk.perform(&t.house(), DisableStaff(ada)).await.unwrap();
        let table = t.desk.ask(&ben_caller, ShowPermissions).await.unwrap();
        assert_eq!(table.actions.iter().find(|it| it.verb == "user.lock").unwrap().people_count, 0);
        // Without the right to see staff: the tables alone.
        let table = t.desk.ask(&t.holder(&[]), ShowPermissions).await.unwrap();
        assert!(!table.tells_people && table.actions.iter().all(|it| it.people.is_empty() && it.roles.is_empty()));
        let _ = (ben, ada_caller);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn why_somebody_may_not_is_told_by_every_reason() {
    for t in TestDesk::all().await {
        let d = &t.desk;
        let locker = role(&t, "locker", &[P::UsersLock]).await;
        let (ada, ada_caller) = person(&t, "ada", locker).await;
        let told = explain(&t, ada, "user.lock").await;
        assert!(told.allowed && told.obstacles.is_empty());
        assert_eq!(told.given_by, ["locker"]);
        let told = explain(&t, ada, "user.disable").await;
        let roles: Vec<String> = ["admin", "compliance", "super_admin"].map(str::to_owned).to_vec();
        assert!(!told.allowed && told.given_by.is_empty());
        assert_eq!(told.obstacles, [Obstacle::PermissionMissing(P::UsersDisable, roles)]);
        assert_eq!(explain(&t, ada, "bulk.run_slice").await.obstacles, [Obstacle::NotForStaff]);
        // About herself she may ask without any right, about others not.
        let herself = ExplainPermission { staff: None, action: "user.lock".to_owned(), user: None };
        assert_eq!(d.ask(&ada_caller, herself).await.unwrap().staff, ada);
        let (ben, _) = person(&t, "ben", locker).await;
        let other = ExplainPermission { staff: Some(ben), action: "user.lock".to_owned(), user: None };
        assert!(matches!(d.ask(&ada_caller, other).await, Err(desk::Error::Forbidden("staff.read"))));
        let unknown = ExplainPermission { staff: None, action: "user.juggle".to_owned(), user: None };
        assert_eq!(faults(d.ask(&ada_caller, unknown).await), [("action".to_owned(), "unknown")]);
        let nobody = ExplainPermission { staff: Some(StaffId(uuid_of(5))), action: "user.lock".to_owned(), user: None };
        assert_eq!(code(d.ask(&t.admin(), nobody).await), "not_found");

        // A key of hers that is narrowed does not keep her from it.
        let narrowed = CreateKey { permissions: Some(vec![P::NotesRead]), ..CreateKey::native("narrow", ada) };
        let key = d.perform(&t.house(), narrowed).await.unwrap().key.id;
        let told = explain(&t, ada, "user.lock").await;
        assert!(told.allowed);
        assert_eq!(told.obstacles, [Obstacle::KeyNarrowed(key)]);
        // The policy, and the role that decides.
        let patch = json!({"second_person": ["user.lock"], "deciding_role": "compliance", "hide_employees": true});
        let patch = patch.as_object().unwrap().clone();
        d.perform(&t.house(), ChangeSettings { patch }).await.unwrap();
        assert_eq!(explain(&t, ada, "user.lock").await.obstacles, [Obstacle::KeyNarrowed(key), Obstacle::SecondPerson]);
        let told = explain(&t, ada, "request.approve").await;
        assert_eq!(told.obstacles.last(), Some(&Obstacle::NotADecider("compliance".to_owned())));
        // The user: her standing, and whether she is to be seen.
        let removed = Standing { presence: Presence::Removed, ..Standing::default() };
        let gone = user_in(&t, "gone", removed).await;
        let about = |user| ExplainPermission { staff: Some(ada), action: "user.lock".to_owned(), user: Some(user) };
        let told = d.ask(&t.house(), about(gone)).await.unwrap();
        assert_eq!(told.obstacles.last(), Some(&Obstacle::UserRefuses("user_removed")));
        let employee = CreateUser { employee: true, ..CreateUser::of(profile("colleague")) };
        let employee = d.perform(&t.house(), employee).await.unwrap().id;
        let told = d.ask(&t.house(), about(employee)).await.unwrap();
        assert_eq!(told.obstacles.last(), Some(&Obstacle::UserHidden));
        assert_eq!(code(d.ask(&t.holder(&[P::StaffRead, P::UsersRead]), about(employee)).await), "not_found");
        assert_eq!(code(d.ask(&t.holder(&[P::StaffRead]), about(gone)).await), "forbidden");
        // Herself.
        d.perform(&t.house(), DisableStaff(ada)).await.unwrap();
        assert_eq!(explain(&t, ada, "note.list").await.obstacles[0], Obstacle::StaffDisabled);
    }
}

fn uuid_of(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_tenant_gets_the_built_in_roles_of_this_version() {
    for t in TestDesk::all().await {
        assert!(!t.desk.settle_roles(t.tenant).await.unwrap(), "a new one has them");
        let before = audit(&t).await.len();
        // As an older version has left it: two roles are not there, one permits less, one name is somebody's own.
        tamper(&t, "DELETE FROM role WHERE name IN ('super_admin', 'user_admin', 'banking_operations')").await;
        tamper(&t, "UPDATE role SET permissions = 'users.read' WHERE name = 'support'").await;
        let own = role(&t, "banking_operations", &[P::NotesRead]).await;
        assert!(t.desk.settle_roles(t.tenant).await.unwrap());
        let roles = t.desk.ask(&t.house(), ListRoles).await.unwrap();
        for (name, permissions) in BUILT_IN_ROLES {
            let role = roles.iter().find(|role| role.name == *name).unwrap();
            if *name == "banking_operations" {
                assert_eq!((role.id, role.built_in), (own, false), "what is somebody's own stays");
                assert_eq!(role.permissions, [P::NotesRead].into_iter().collect());
                continue;
            }
            let wanted: Permissions = permissions.iter().copied().collect();
            assert_eq!((role.built_in, role.permissions), (true, wanted), "{name}");
        }
        let records = audit(&t).await;
        let record = records.iter().rfind(|record| record.action == "role.settle").unwrap();
        assert_eq!(facts_of(record), ["role.defined"; 3]);
        assert_eq!(records.len(), before + 2);
        assert!(!t.desk.settle_roles(t.tenant).await.unwrap(), "once");
        assert_eq!(audit(&t).await.len(), before + 2, "and leaves no record where there is nothing to do");
    }
}
