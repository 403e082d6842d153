//! `bursar tenant`.

use desk::Door;
use desk::tenant::{Institution, Settings as TenantSettings};
use desk::value::id::InstitutionId;

use crate::cli::Tenant;
use crate::config::Settings;
use crate::trouble::{Done, Trouble};
use crate::wire_up::{self, Absent, Purpose};

pub async fn run(command: Tenant, settings: &Settings) -> Done {
    match command {
        Tenant::Create { name, kind, environment } => {
            let name = name.trim().to_owned();
            if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
                return Err(Trouble::usage("the name of an institution has 1 to 120 printable characters", ""));
            }
            let desk = wire_up::open(settings, Absent::Make, Purpose::Command).await?.desk;
            let id = InstitutionId::new(desk.now(), desk.random());
            let institution = Institution { id, kind, name };
            let tenant = desk.open_tenant(Door::Cli, institution, environment, TenantSettings::default()).await?;
            println!("{tenant}  institution {}", id.0);
            desk.db().stop().await;
        }
        Tenant::List => {
            let desk = wire_up::open(settings, Absent::Refuse, Purpose::Command).await?.desk;
            for card in wire_up::tenants(&desk).await? {
                let institution = card.institution;
                let (kind, environment) = (institution.kind.word(), card.environment.word());
                println!("{}  {environment}  {kind}  {}  {}", card.id, institution.id.0, institution.name);
            }
        }
    }
    Ok(())
}
