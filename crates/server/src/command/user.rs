//! `bursar user`.

use desk::user::questions::{FindUsers, Term, UserSort};

use super::house;
use crate::cli::At;
use crate::config::Settings;
use crate::trouble::Done;

pub async fn find(settings: &Settings, query: String, limit: u16, at: At) -> Done {
    let house = house::open(settings, &at).await?;
    let find = FindUsers { query, term: Term::Anything, sort: UserSort::Best, offset: 0, limit: usize::from(limit) };
    let found = house.desk.ask(&house.caller, find).await?;
    for user in &found.users {
        let standing: Vec<&str> = user.standing.deviating().iter().map(|axis| axis.word()).collect();
        let standing = if standing.is_empty() { "ordinary".to_owned() } else { standing.join(",") };
        let email = user.profile.email.as_deref().unwrap_or("-");
        println!("{}  {}  {}  {email}  {standing}", user.id, user.number, user.profile.full_name());
    }
    eprintln!("{} of {}{}", found.users.len(), found.total, if found.capped { " or more" } else { "" });
    Ok(())
}
