//! `bursar user`.

use desk::user::FindUsers;

use super::house;
use crate::cli::At;
use crate::config::Settings;
use crate::trouble::Done;

pub async fn find(settings: &Settings, query: String, limit: u16, at: At) -> Done {
    let house = house::open(settings, &at).await?;
    let find = FindUsers { limit: usize::from(limit), ..FindUsers::of(query) };
    let found = house.desk.ask(&house.caller, find).await?;
    for user in &found.users {
        let standing: Vec<&str> = user.standing.deviating().iter().map(|axis| axis.word()).collect();
        let standing = if standing.is_empty() { "ordinary".to_owned() } else { standing.join(",") };
        let email = user.profile.email.as_deref().unwrap_or("-");
        println!("{}  {}  {}  {email}  {standing}", user.id, user.number, user.profile.full_name());
    }
    let total = found.total.unwrap_or_default();
    eprintln!("{} of {total}{}", found.users.len(), if found.capped { " or more" } else { "" });
    Ok(())
}
