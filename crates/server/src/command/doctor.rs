//! `bursar doctor`: looks at everything that can be wrong with an installation, says what, and what to do. It changes nothing.

use desk::db::{Db, DbOptions};
use desk::value::clock::{Clock, MINUTE, Time};
use desk::value::random::Random;
use desk::value::seal::MasterKey;

use crate::cli::Doctor;
use crate::config::{Settings, without_password};
use crate::letters::Rendered;
use crate::outside::SendFault;
use crate::trouble::{Done, Trouble};
use crate::wire_up;

/// With less room than this, in bytes, a day's work may fill the disk.
const LITTLE_ROOM: u64 = 1 << 30;
/// With less than this the next hour may.
const HARDLY_ANY: u64 = 100 << 20;

/// How many names of several users are told.
const NAMES: usize = 20;

/// What was found so far.
#[derive(Default)]
struct Findings {
    bad: usize,
    worth_a_look: usize,
}

impl Findings {
    fn good(&self, what: &str, how: &str) {
        println!("ok      {what}: {how}");
    }

    fn look(&mut self, what: &str, how: &str, next: &str) {
        self.worth_a_look += 1;
        println!("look    {what}: {how}\n        {next}");
    }

    fn bad(&mut self, what: &str, how: &str, next: &str) {
        self.bad += 1;
        println!("BAD     {what}: {how}\n        {next}");
    }
}

pub async fn run(settings: &Settings, wish: &Doctor) -> Done {
    let mut findings = Findings::default();
    if let Some(db) = database(settings, &mut findings).await {
        let is_current = migrations(&db, &mut findings).await;
        disk(&db, &mut findings);
        if is_current && let Some(master) = key(settings, &db, &mut findings).await {
            let desk = wire_up::desk_over(&settings.config, db.clone(), master);
            audit(&desk, &mut findings).await;
        }
        db.stop().await;
    }
    documents(settings, &mut findings).await;
    gateways(settings, wish, &mut findings).await;
    match (findings.bad, findings.worth_a_look) {
        (0, 0) => println!("everything is well"),
        (0, few) => println!("nothing is wrong; {few} worth a look"),
        (bad, _) => {
            return Err(Trouble::new(format!("{bad} found that must be mended"), "What to do stands below each."));
        }
    }
    Ok(())
}

async fn database(settings: &Settings, findings: &mut Findings) -> Option<Db> {
    let place = without_password(&settings.config.database);
    if let Some(path) = settings.config.database_file()
        && !path.exists()
    {
        findings.bad("database", &format!("there is none at {}", path.display()), "Name one with --database.");
        return None;
    }
    let options = DbOptions { keep_newest: false, ..DbOptions::default() };
    match Db::open(&settings.config.database, &options).await {
        Ok(db) => match db.ready().await {
            Ok(()) => {
                findings.good("database", &place);
                Some(db)
            }
            Err(fault) => {
                findings.bad("database", &fault.to_string(), &Trouble::from(fault).next());
                Some(db)
            }
        },
        Err(fault) => {
            findings.bad("database", &fault.to_string(), &wire_up::cannot_open(&place, &fault).next());
            None
        }
    }
}

/// Whether the schema is that of this version.
async fn migrations(db: &Db, findings: &mut Findings) -> bool {
    let all = desk::migrations::ALL;
    let (Ok(applied), Ok(unknown)) = (db.applied_migrations().await, db.unknown_migrations(all).await) else {
        findings.bad("schema", "there is none in this database", "Run `bursar migrate`, or `bursar serve`.");
        return false;
    };
    let pending: Vec<&str> =
        all.iter().map(|it| it.name).filter(|name| applied.iter().all(|known| known != name)).collect();
    if !unknown.is_empty() {
        let how = format!("a newer version of this program has made it: {}", unknown.join(", "));
        findings.bad("schema", &how, "Use the version that made it, or a newer one.");
    } else if !pending.is_empty() {
        let next = "Make a backup and run `bursar migrate`, with the servers of the older version stopped.";
        findings.look("schema", &format!("{} migrations are not applied yet", pending.len()), next);
    } else {
        findings.good("schema", &format!("{} migrations", applied.len()));
    }
    unknown.is_empty() && pending.is_empty()
}

fn disk(db: &Db, findings: &mut Findings) {
    let Some(room) = db.room() else {
        return findings.good("disk", "PostgreSQL's own; watch it there");
    };
    let how = format!("{} MiB free", room >> 20);
    match room {
        ..HARDLY_ANY => findings.bad("disk", &how, "Free some space: when it is full, nothing can be changed."),
        HARDLY_ANY..LITTLE_ROOM => findings.look("disk", &how, "Free some space soon."),
        _ => findings.good("disk", &how),
    }
}

async fn key(settings: &Settings, db: &Db, findings: &mut Findings) -> Option<MasterKey> {
    let file = settings.config.master_key_file();
    let master = match &settings.master_key {
        Some(text) => MasterKey::from_text(text.expose()),
        None if !file.exists() => {
            let next = "Put your copy of the key there (mode 0600), or name it with --master-key-file.";
            findings.bad("master key", &format!("there is none at {}", file.display()), next);
            return None;
        }
        None => MasterKey::read_or_create(&file, &Random::System),
    };
    match master {
        Err(fault) => {
            findings.bad("master key", &fault.to_string(), "Put the right one into its place.");
            None
        }
        Ok(master) => match desk::job::rotate::opens(db, &master).await {
            Ok(true) => {
                findings.good("master key", "it opens this database");
                Some(master)
            }
            Ok(false) => {
                findings.bad("master key", "it does not open this database", "Put the right one into its place.");
                None
            }
            Err(fault) => {
                findings.bad("master key", &fault.to_string(), "See what is wrong with the database first.");
                None
            }
        },
    }
}

async fn audit(desk: &desk::Desk, findings: &mut Findings) {
    let tenants = match wire_up::tenants(desk).await {
        Ok(tenants) => tenants,
        Err(fault) => return findings.bad("institutions", &fault.to_string(), "See the log of the server."),
    };
    if tenants.is_empty() {
        return findings.look("institutions", "there is none yet", "bursar tenant create --name \"Your Bank\"");
    }
    for tenant in tenants {
        let what = format!("audit of {}", tenant.id);
        match desk.audit_head(tenant.id).await {
            Ok(Some((seq, _))) => findings.good(&what, &format!("{seq} rows are sealed")),
            Ok(None) => findings.look(&what, "nothing is sealed yet", "A running server seals within seconds."),
            Err(fault) => findings.bad(&what, &fault.to_string(), "`bursar audit export` and `bursar audit verify`."),
        }
        clock(desk, tenant.id, findings).await;
        names(desk, tenant.id, findings).await;
    }
}

/// Whether what somebody signs in with is somebody else's, in data from before that was refused.
async fn names(desk: &desk::Desk, tenant: desk::value::id::TenantId, findings: &mut Findings) {
    let what = format!("sign-in names of {tenant}");
    match desk.duplicate_names_of(tenant, NAMES).await {
        Ok(twins) if twins.is_empty() => findings.good(&what, "each belongs to one user"),
        Ok(twins) => {
            for twin in twins {
                let how = format!("the username of {} is the {} of {}", twin.user, twin.of, twin.other);
                findings.bad(&what, &how, "Give the first another username.");
            }
        }
        Err(fault) => findings.bad(&what, &fault.to_string(), "See the log of the server."),
    }
}

/// What was recorded last must not lie in the future.
async fn clock(desk: &desk::Desk, tenant: desk::value::id::TenantId, findings: &mut Findings) {
    let house = desk::Caller::house(tenant, desk::Door::Cli);
    let last = desk::audit::ListAudit(desk::audit::AuditFilter { limit: 1, ..Default::default() });
    let Ok(page) = desk.ask(&house, last).await else { return };
    let (now, Some(record)) = (Clock::System.now(), page.records.first()) else { return };
    let ahead = record.at.0 - now.0;
    if ahead > MINUTE {
        let how = format!("the last record of {tenant} is of {}, which is to come", Time(record.at.0).rfc3339_millis());
        findings.bad("clock", &how, "Set this machine's clock by NTP; on several machines, all of them.");
    } else {
        findings.good("clock", &now.rfc3339_millis());
    }
}

async fn documents(settings: &Settings, findings: &mut Findings) {
    let vault = wire_up::vault(&settings.config);
    if let desk::user::verification::VaultPlace::Folder(folder) = settings.config.documents()
        && !folder.exists()
    {
        let how = format!("the folder {} is not there yet; it is made with the first", folder.display());
        return findings.good("documents", &how);
    }
    match vault.try_out().await {
        Ok(()) => findings.good("documents", "written, read and removed one on trial"),
        Err(fault) => findings.bad("documents", &fault.to_string(), "Look at document_store and the s3_ settings."),
    }
    if !vault.can_read().await {
        let next = "It needs /proc, execve and prlimit64, and room for 512 MiB.";
        findings.bad("documents", "the process that reads them does not answer", next);
    }
}

async fn gateways(settings: &Settings, wish: &Doctor, findings: &mut Findings) {
    let outside = match wire_up::outside(&settings.config) {
        Ok(outside) => outside,
        Err(trouble) => return findings.bad("gateways", &trouble.to_string(), "Mend the settings."),
    };
    let told = |fault: SendFault| match fault {
        SendFault::Permanent(text) | SendFault::Temporary(text) => text,
    };
    let text = "This is a test message of `bursar doctor`. Nothing is to be done.".to_owned();
    match (&outside.mail, &wish.mail_to) {
        (None, _) => {
            findings.look("mail", "there is no mail server", "Set smtp_url; until then mails rest in the outbox.")
        }
        (Some(_), None) => findings.look("mail", "not tried", "Send one on trial: bursar doctor --mail-to ADDRESS"),
        (Some(mail), Some(to)) => {
            let html = format!("<p>{text}</p>");
            let rendered =
                Rendered { subject: "Test message".to_owned(), text: text.clone(), html, sms: String::new() };
            match mail.send(&format!("doctor-{}", Clock::System.now().0), None, ("", to), &rendered).await {
                Ok(()) => findings.good("mail", "the server has taken a test message"),
                Err(fault) => findings.bad("mail", &told(fault), "Look at smtp_url and mail_from."),
            }
        }
    }
    match (&outside.sms, &wish.text_to) {
        (None, _) => {
            findings.look("text messages", "there is no gateway", "Set sms_url; until then they rest in the outbox.")
        }
        (Some(_), None) => findings.look("text messages", "not tried", "bursar doctor --text-to NUMBER"),
        (Some(sms), Some(to)) => match sms.send(to, &text).await {
            Ok(()) => findings.good("text messages", "the gateway has taken a test message"),
            Err(fault) => findings.bad("text messages", &told(fault), "Look at sms_url, sms_headers and sms_body."),
        },
    }
}
