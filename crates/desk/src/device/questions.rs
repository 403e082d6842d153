//! What may be asked about devices.

use super::{actions, store};
use crate::error::Result;
use crate::session::NewDevice;
use crate::user;
use crate::value::clock::Time;
use crate::value::id::{DeviceId, UserId};
use crate::verb::{Question, Qx, Subject};

/// A device in a list.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct SeenDevice {
    pub id: DeviceId,
    pub details: NewDevice,
    pub first_seen_at: Time,
    pub last_seen_at: Time,
    pub unlinked_at: Option<Time>,
}

/// The devices of a user, oldest first.
pub struct ListDevices(pub UserId);

impl Question for ListDevices {
    const NAME: &'static str = "device.list";
    type Output = Vec<SeenDevice>;

    fn subject(&self) -> Subject {
        Subject::User(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<SeenDevice>> {
        let user = user::store::load(qx.rd, qx.tenant, qx.caller, self.0).await?;
        if user.person.is_none() {
            return Ok(Vec::new());
        }
        let mut devices = Vec::new();
        for row in store::of_user(qx.rd, qx.tenant.id, self.0).await? {
            let mut details = actions::open_details(&user, row.id, &row.details)?;
            // The app's own name for the device is a credential of sorts: it stays inside.
            details.fingerprint.clear();
            let (first_seen_at, last_seen_at, unlinked_at) = (row.first_seen_at, row.last_seen_at, row.unlinked_at);
            devices.push(SeenDevice { id: row.id, details, first_seen_at, last_seen_at, unlinked_at });
        }
        Ok(devices)
    }
}
