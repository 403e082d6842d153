//! Tells the desk the history of both institutions, with a clock that stands at each day of it and chance from the seed,
//! so that the same seed gives the same ids, numbers and keys. Each institution has streams of chance of its own for the
//! house, the people and the keys: what one draws does not move the others.

use desk::db::{Db, Synchronous};
use desk::note::WriteNote;
use desk::role::ListRoles;
use desk::session::{NewDevice, SignInRequest};
use desk::staff::AddStaff;
use desk::team::{AddMember, CreateTeam};
use desk::tenant::{Environment, Institution, InstitutionKind, RegistrationField, Settings};
use desk::user::verification::{InThisProcess, Vault};
use desk::user::{CreateUser, User, UserKind};
use desk::value::clock::{Clock, DAY, MINUTE, SECOND, Time};
use desk::value::id::{InstitutionId, SessionId, StaffId, TenantId, UserId};
use desk::value::password::Hashing;
use desk::value::random::Random;
use desk::value::seal::MasterKey;
use desk::value::secret::Secret;
use desk::{Caller, Desk, DeskParts, Door, Origin, Permissions, Who};
use serde_json::json;

use super::history::{Happening, History};
use super::people::{self, Flavour, Person};
use super::progress::Progress;
use super::{bridge, folder, in_order};
use crate::cli::Demo;
use crate::config::Config;
use crate::trouble::{Done, Trouble};

/// The day that all days are counted back from. Fixed: ids hold their moment, and must be the same for the same seed.
const TODAY: &str = "2026-10-01T09:00:00Z";
/// So many people have papers to show, if they wait for verification: a demo of a million must not write as many files.
const WITH_PAPERS: usize = 3_000;
/// What passes between two things that are done one after the other, and between one kind of them and the next.
const MOMENT: i64 = SECOND;
const BREAK: i64 = 5 * MINUTE;
/// How long before its first customer an institution was founded.
const FOUNDED_BEFORE: i64 = 30 * DAY;

/// Fills the folder and writes demo.json.
pub async fn everything(demo: &Demo, config: &Config, base_url: &str) -> Done {
    // Nothing of it is needed after a power cut; the server opens the database anew, with the durable setting.
    let options = desk::db::DbOptions { synchronous: Synchronous::Normal, ..Default::default() };
    let db = Db::open(&config.database, &options).await?;
    db.migrate(desk::migrations::ALL).await?;
    MasterKey::read_or_create(&config.master_key_file(), &stream(demo.seed, 0))?;
    let data = std::path::absolute(&demo.data)
        .map_err(|fault| Trouble::new(format!("cannot find the folder {}: {fault}", demo.data.display()), ""))?;
    let second = (demo.users / 5).clamp(70, 2_000);
    let mut papers = Vec::new();
    for (place, flavour, count, pem) in [
        (1, Flavour::Bank, demo.users, "banno-client.pem"),
        (2, Flavour::CreditUnion, second, "banno-client-other.pem"),
    ] {
        let town = Town::found(demo, place, flavour, count, config, &db).await?;
        papers.push(town.paper(&data.join(pem)).await?);
    }
    db.stop().await;
    let other = papers.pop().unwrap_or_default();
    let mut paper = papers.pop().unwrap_or_default();
    let whole = paper.as_object_mut().expect("a paper is an object");
    whole.insert("other".to_owned(), other);
    whole.shift_insert(0, "base_url".to_owned(), json!(base_url));
    folder::write_paper(&demo.data, &paper)
}

/// One of the seed's streams of chance.
pub(super) fn stream(seed: u64, number: u64) -> Random {
    Random::seeded(seed.wrapping_mul(1_000).wrapping_add(number))
}

/// An institution while it is seeded.
pub(super) struct Town {
    pub(super) seed: u64,
    resend_seconds: Option<u32>,
    pub(super) place: u64,
    pub(super) flavour: Flavour,
    pub(super) tenant: TenantId,
    pub(super) institution: InstitutionId,
    pub(super) db: Db,
    pub(super) config: Config,
    pub(super) staff: Vec<(StaffId, &'static str, String)>,
    pub(super) users: Vec<Option<(UserId, i64)>>,
    pub(super) people: Vec<Person>,
    pub(super) history: History,
}

/// The staff of an institution: role, name, mailbox, team.
const STAFF: [(&str, &str, &str, &str); 7] = [
    ("admin", "Ada Marlowe", "ada.marlowe", "Operations"),
    ("support", "Sam Okafor", "sam.okafor", "Support"),
    ("compliance", "Carla Nyström", "carla.nystrom", "Compliance"),
    ("auditor", "Aldo Reyes", "aldo.reyes", "Audit"),
    // Whom the Banno client acts as; nobody signs in as her.
    ("support", "Support Service", "support-service", "Support"),
    // Who sign in through the Switch voice.
    ("super_admin", "Sola Adeyinka", "sola.adeyinka", "Switch"),
    ("customer_success", "Chidera Mba", "chidera.mba", "Switch"),
];
pub(super) const ADMIN: usize = 0;
const COMPLIANCE: usize = 2;
pub(super) const SERVICE: usize = 4;
pub(super) const SUPER_ADMIN: usize = 5;
pub(super) const CUSTOMER_SUCCESS: usize = 6;

impl Flavour {
    fn kind(self) -> InstitutionKind {
        match self {
            Flavour::Bank => InstitutionKind::Bank,
            Flavour::CreditUnion => InstitutionKind::CreditUnion,
        }
    }

    fn domain(self) -> &'static str {
        match self {
            Flavour::Bank => "harborpine.example",
            Flavour::CreditUnion => "fieldlark.example",
        }
    }

    pub(super) fn staff_password(self) -> &'static str {
        match self {
            Flavour::Bank => "harbor-desk-tour-2026",
            Flavour::CreditUnion => "fieldlark-desk-tour-2026",
        }
    }

    pub(super) fn user_password(self) -> &'static str {
        match self {
            Flavour::Bank => "lantern-tidewater-88",
            Flavour::CreditUnion => "meadow-silo-starling-88",
        }
    }
}

pub(super) fn today() -> Time {
    Time::parse_rfc3339(TODAY).expect("the constant is RFC 3339")
}

fn days_ago(days: u32) -> Time {
    today().plus(-i64::from(days) * DAY)
}

impl Town {
    /// Founds the institution and tells its whole history.
    async fn found(demo: &Demo, place: u64, flavour: Flavour, count: u32, config: &Config, db: &Db) -> Done<Town> {
        let seed = demo.seed;
        let people = people::people(seed, count as usize, flavour);
        let history = History::of(&people)
            .ok_or_else(|| Trouble::new("among so few people somebody is missing", "Use more: --users 200."))?;
        let begin = history.days.first().map_or(today(), |(ago, _)| days_ago(*ago)).plus(-FOUNDED_BEFORE);
        let random = stream(seed, place * 10);
        let institution = InstitutionId::new(begin, &random);
        let mut town = Town {
            seed,
            resend_seconds: demo.otp_resend_seconds,
            place,
            flavour,
            tenant: TenantId(0),
            institution,
            db: db.clone(),
            config: config.clone(),
            staff: Vec::new(),
            users: vec![None; people.len()],
            people,
            history,
        };
        town.open(begin, random).await?;
        town.live().await?;
        Ok(town)
    }

    /// A desk whose clock stands still, with one of the town's streams. Its hashing is cheap: hashes that matter are made
    /// once and handed in, and are checked at their own cost.
    pub(super) fn desk(&self, clock: Clock, random: Random) -> Done<Desk> {
        let master = MasterKey::read_or_create(&self.config.master_key_file(), &Random::System)?;
        // It shows pictures of its own making.
        let (hashing, vault) =
            (Hashing::cheap(), Vault::new(self.config.documents(), std::sync::Arc::new(InThisProcess)));
        Ok(Desk::open(DeskParts {
            db: self.db.clone(),
            master,
            clock,
            random,
            hashing,
            hashing_at_once: 2,
            vault,
            callbacks_to: self.config.callbacks_to,
        }))
    }

    pub(super) fn house(&self) -> Caller {
        Caller::house(self.tenant, Door::Cli)
    }

    fn hash(&self, password: &str, random: &Random) -> Done<String> {
        Ok(self.config.hashing().hash(&Secret::new(password), random)?)
    }

    async fn open(&mut self, begin: Time, random: Random) -> Done {
        let password_hash = self.hash(self.flavour.staff_password(), &random)?;
        let desk = self.desk(Clock::fixed(begin), random)?;
        let institution = Institution {
            id: self.institution,
            kind: self.flavour.kind(),
            name: self.flavour.institution().to_owned(),
        };
        let mut settings = settings();
        if let Some(seconds) = self.resend_seconds {
            settings.challenge_resend_seconds = i64::from(seconds);
            // Who tries out how often a code can be sent is not to be stopped at the tenth.
            settings.challenge_codes_a_day = 100_000;
        }
        self.tenant = desk.open_tenant(Door::Cli, institution, Environment::Live, settings).await?;
        let house = self.house();
        let roles = desk.ask(&house, ListRoles).await?;
        let mut teams = std::collections::BTreeMap::new();
        for (index, (role, name, mailbox, team)) in STAFF.into_iter().enumerate() {
            let email = format!("{mailbox}@{}", self.flavour.domain());
            let password_hash = (index != SERVICE).then(|| password_hash.clone());
            let add = AddStaff { id: None, name: name.to_owned(), email: email.clone(), password_hash };
            let id = desk.perform(&house, add).await?.id;
            let team = match teams.get(team) {
                Some(id) => *id,
                None => {
                    let made = desk.perform(&house, CreateTeam { name: team.to_owned() }).await?.id;
                    teams.insert(team, made);
                    made
                }
            };
            let role_id = roles.iter().find(|known| known.name == role).map(|known| known.id);
            let role_id = role_id.ok_or_else(|| Trouble::new(format!("there is no role {role}"), ""))?;
            desk.perform(&house, AddMember { team, staff: id, role: role_id }).await?;
            self.staff.push((id, role, email));
        }
        Ok(())
    }

    /// One of the staff at work. The desk trusts its doors, and here we are one.
    pub(super) fn at_work(&self, index: usize, random: &Random) -> Caller {
        let session = SessionId::new(today(), random);
        let origin = Origin { door: Door::Console, request_id: String::new(), address: None, on_behalf: None };
        Caller {
            who: Who::Staff { id: self.staff[index].0, session },
            tenant: self.tenant,
            may: Permissions::all(),
            origin,
        }
    }

    /// Day by day, whatever happened.
    async fn live(&mut self) -> Done {
        let random = stream(self.seed, self.place * 10 + 1);
        let password_hash = self.hash(self.flavour.user_password(), &random)?;
        let ids = stream(self.seed, self.place * 10 + 2);
        let staff = self.at_work(COMPLIANCE, &ids);
        let mut progress = Progress::new(self.flavour.institution(), self.history.len());
        let clock = Clock::fixed(days_ago(self.history.days.first().map_or(0, |(ago, _)| *ago)));
        let desk = self.desk(clock.clone(), random)?;
        let days = std::mem::take(&mut self.history.days);
        for (ago, happenings) in &days {
            clock.advance(days_ago(*ago).0 - clock.now().0);
            let mut rest = happenings.as_slice();
            while let Some(first) = rest.first() {
                let alike = rest.iter().take_while(|it| std::mem::discriminant(*it) == std::mem::discriminant(first));
                let (run, others) = rest.split_at(alike.count());
                self.happen(&desk, &staff, run, &ids, &password_hash).await?;
                progress.done(run.len());
                clock.advance(BREAK);
                rest = others;
            }
        }
        self.history.days = days;
        // What was told is sealed now, so that the server does not begin with a backlog.
        while desk.seal_audit(self.tenant).await? == desk::audit::chain::BATCH {}
        progress.end();
        Ok(())
    }

    /// A run of happenings of one kind, on one day.
    async fn happen(
        &mut self,
        desk: &Desk,
        staff: &Caller,
        run: &[Happening],
        ids: &Random,
        hash: &str,
    ) -> desk::Result<()> {
        match run[0] {
            Happening::Came(_) => {
                let works: Vec<_> = run.iter().filter_map(|it| self.coming(desk, *it, ids, hash)).collect();
                for (index, user) in in_order::all(works).await? {
                    self.users[index] = Some((user.id, user.number));
                }
            }
            Happening::Noted(..) => {
                let works = run.iter().filter_map(|it| match *it {
                    Happening::Noted(index, note) => {
                        let text = self.people[index].notes[note].text.to_owned();
                        Some(desk.perform(staff, WriteNote { user: self.users[index]?.0, text }))
                    }
                    _ => None,
                });
                in_order::all(works).await?;
            }
            Happening::SignedIn(..) | Happening::Mistyped(_) => {
                // Passwords are checked outside the writer, so these come one after the other.
                for it in run {
                    desk.clock().advance(MOMENT);
                    match *it {
                        Happening::SignedIn(index, device) => self.sign_in(desk, index, Some(device)).await?,
                        Happening::Mistyped(index) => {
                            for _ in 0..settings().lock_after {
                                desk.clock().advance(MOMENT);
                                self.sign_in(desk, index, None).await?;
                            }
                        }
                        _ => {}
                    }
                }
            }
            Happening::Dealt(_) => {
                let (house, real_now) = (self.house(), Clock::System.now());
                for it in run {
                    desk.clock().advance(MOMENT);
                    if let Happening::Dealt(index) = *it
                        && let Some((user, _)) = self.users[index]
                    {
                        let person = &self.people[index];
                        let name = format!("{} {}", person.first_name, person.last_name);
                        let papers_of = (index < WITH_PAPERS).then_some(name.as_str());
                        bridge::deeds(desk, staff, &house, (user, papers_of), &person.standing, real_now).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn coming<'a>(
        &self,
        desk: &'a Desk,
        happening: Happening,
        ids: &Random,
        hash: &str,
    ) -> Option<impl Future<Output = desk::Result<(usize, User)>> + use<'a>> {
        let Happening::Came(index) = happening else { return None };
        let person = &self.people[index];
        let came = desk.now();
        let create = CreateUser {
            id: Some(UserId::new(came, ids)),
            kind: if person.business_name.is_some() { UserKind::Business } else { UserKind::Individual },
            employee: person.employee,
            password_hash: self.history.with_password[index].then(|| hash.to_owned()),
            standing: bridge::first_standing(&person.standing, self.history.mistyping[index], Clock::System.now()),
            created_at: Some(came),
            last_seen_at: person.last_seen_days_ago.map(|ago| days_ago(ago.min(person.created_days_ago))),
            ..CreateUser::of(bridge::profile(index, person))
        };
        let house = self.house();
        Some(async move { Ok((index, desk.perform(&house, create).await?)) })
    }

    /// Signs somebody in on a device of hers, or mistypes her password.
    pub(super) async fn sign_in(&self, desk: &Desk, index: usize, device: Option<usize>) -> desk::Result<()> {
        let person = &self.people[index];
        let password = if device.is_some() { self.flavour.user_password() } else { "not-her-password" };
        let origin = Origin { door: Door::Native, request_id: String::new(), address: None, on_behalf: None };
        let request = SignInRequest {
            identifier: person.username.clone(),
            password: Secret::new(password),
            device: device.map(|device| new_device(person, device)),
            lives_seconds: None,
        };
        desk.sign_in(&Caller::anonymous(self.tenant, origin), request).await.map(drop)
    }
}

/// The settings of both institutions: a lock stays until somebody unlocks, so that there is something to unlock.
fn settings() -> Settings {
    let on = ["rdc", "billPay", "accountToAccount", "schedulableTransfers", "externalAccounts", "p2pEnabled", "zelle"];
    let abilities = on.into_iter().map(|name| (name.to_owned(), true)).collect();
    Settings {
        lock_seconds: None,
        self_registration: true,
        registration_fields: RegistrationField::ALL.iter().copied().collect(),
        abilities,
        ..Settings::default()
    }
}

fn new_device(person: &Person, index: usize) -> NewDevice {
    let device = &person.devices[index];
    let text = |text: &str| Some(text.to_owned());
    NewDevice {
        fingerprint: format!("{}-{index}", person.username),
        name: Some(format!("{}'s {}", person.preferred_name.as_ref().unwrap_or(&person.first_name), device.model)),
        brand: text(device.brand),
        model: text(device.model),
        os: text(device.os),
        os_version: text(device.os_version),
        app_version: text(device.app_version),
    }
}
