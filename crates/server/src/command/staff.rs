//! `bursar staff`.

use std::io::Read;

use desk::Caller;
use desk::role::ListRoles;
use desk::staff::{AddStaff, RequirePasswordChange};
use desk::team::{AddMember, CreateTeam, ListTeams};
use desk::value::id::TeamId;
use desk::value::random::Random;
use desk::value::secret::{Secret, new_token};

use super::house::{self, House};
use crate::cli::StaffAdd;
use crate::config::Settings;
use crate::trouble::{Done, Trouble};

/// The longest password read from standard input, in bytes.
const PASSWORD_MAX: u64 = 1024;

pub async fn add(add: StaffAdd, settings: &Settings) -> Done {
    let given = if add.password_stdin { Some(from_stdin()?) } else { None };
    let house = house::open(settings, &add.at).await?;
    let House { desk, caller } = &house;
    let roles = desk.ask(caller, ListRoles).await?;
    let Some(role) = roles.iter().find(|role| role.name == add.role) else {
        let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
        return Err(Trouble::usage(
            format!("there is no role {}", add.role),
            format!("There are {}.", names.join(", ")),
        ));
    };
    let made = given.is_none() && !add.no_password;
    let password = match given {
        None if made => Some(new_token("", &Random::System)),
        given => given,
    };
    let tenant = desk.tenant(caller.tenant).await?;
    let password_hash = match &password {
        Some(password) => {
            let personal = vec![add.name.clone(), add.email.clone(), tenant.institution.name.clone()];
            let chars_min = tenant.settings.password_min_length;
            Some(desk.hash_new_password(password.clone(), chars_min, personal).await?)
        }
        None => None,
    };
    let (name, email) = (add.name.clone(), add.email.clone());
    let has_password = password_hash.is_some();
    let staff = desk.perform(caller, AddStaff { id: None, name, email, password_hash }).await?;
    if has_password {
        desk.perform(caller, RequirePasswordChange(staff.id)).await?;
    }
    let team = team(&house, caller, &add.team).await?;
    desk.perform(caller, AddMember { team, staff: staff.id, role: role.id }).await?;
    println!("{}  {}  {}", staff.id, staff.profile.email, role.name);
    if let (true, Some(password)) = (made, &password) {
        println!("password (shown this once): {}", password.expose());
    }
    if has_password {
        println!("It opens nothing but its own change: sign in, then POST /v1/staff/me/password.");
    }
    house.close().await;
    Ok(())
}

/// The team of this name, founded if there is none.
async fn team(house: &House, caller: &Caller, name: &str) -> Done<TeamId> {
    let teams = house.desk.ask(caller, ListTeams).await?;
    match teams.iter().find(|team| team.name == name.trim()) {
        Some(team) => Ok(team.id),
        None => Ok(house.desk.perform(caller, CreateTeam { name: name.to_owned() }).await?.id),
    }
}

fn from_stdin() -> Done<Secret> {
    let mut text = String::new();
    std::io::stdin()
        .take(PASSWORD_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|fault| Trouble::new(format!("cannot read the password: {fault}"), ""))?;
    let password = text.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(Trouble::usage(
            "standard input holds no password",
            "For example: bursar staff add … --password-stdin < FILE",
        ));
    }
    Ok(Secret::new(password))
}
