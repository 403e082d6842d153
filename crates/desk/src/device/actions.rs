//! What may be done with devices.

use super::store;
use crate::access;
use crate::db::params;
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::session::NewDevice;
use crate::user::model::User;
use crate::user::{self, Attempt};
use crate::value::id::{DeviceId, ProofId, UserId};
use crate::value::seal::{Place, Sealing};
use crate::verb::{Action, Cx, Subject};

fn details_place<'a>(user: &User, device: &'a DeviceId) -> Place<'a> {
    Place { tenant: user.tenant, table: "device", column: "details", row: device.bytes() }
}

pub(super) fn open_details(user: &User, device: DeviceId, sealed: &[u8]) -> Result<NewDevice> {
    let plain = user.key()?.open(&details_place(user, &device), sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// Seals what is known of a device into a pending second step.
pub(crate) fn seal_new(cx: &Cx<'_>, user: &User, proof: ProofId, device: &NewDevice) -> Result<Vec<u8>> {
    let plain = serde_json::to_vec(device).map_err(Error::internal)?;
    let place = Place { tenant: user.tenant, table: "proof", column: "device", row: proof.bytes() };
    Ok(user.key()?.seal(&place, &plain, cx.random))
}

/// Opens it again.
pub(crate) fn open_new(user: &User, proof: ProofId, sealed: &[u8]) -> Result<NewDevice> {
    let place = Place { tenant: user.tenant, table: "proof", column: "device", row: proof.bytes() };
    let plain = user.key()?.open(&place, sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// A user signed in on a device: it is known from now on.
pub(crate) async fn seen(cx: &mut Cx<'_>, user: &User, device: &NewDevice) -> Result<DeviceId> {
    let new = DeviceId::new(cx.id_time(), cx.random);
    let print = cx.tenant.keys.lookup().of_person(&["device", &device.fingerprint]);
    let plain = serde_json::to_vec(device).map_err(Error::internal)?;
    let sealed = user.key()?.seal(&details_place(user, &new), &plain, cx.random);
    let mut row = cx.tx.one(store::SEEN, params![cx.tenant.id, new, user.id, print, sealed, cx.now]).await?;
    let id: DeviceId = row.take()?;
    if id == new {
        cx.note(Fact::DeviceAdded { user: user.id, device: id });
    } else {
        // The app may have been updated since.
        let sealed = user.key()?.seal(&details_place(user, &id), &plain, cx.random);
        cx.tx.put(store::SAVE_DETAILS, params![cx.tenant.id, id, sealed]).await?;
    }
    Ok(id)
}

/// Unlinks a device; its sessions end.
pub struct UnlinkDevice {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for UnlinkDevice {
    const NAME: &'static str = "device.unlink";
    type Output = bool;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<bool> {
        let user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        user.try_to(Attempt::UnlinkDevice, cx.now)?;
        let known = store::of_user(cx.tx, cx.tenant.id, self.user).await?;
        if !known.iter().any(|device| device.id == self.device) {
            return Err(Error::NotFound(DeviceId::NOUN));
        }
        unlink(cx, self.user, self.device).await
    }
}

async fn unlink(cx: &mut Cx<'_>, user: UserId, device: DeviceId) -> Result<bool> {
    let changed = cx.tx.run(store::UNLINK, params![cx.tenant.id, user, device, cx.now]).await? == 1;
    if changed {
        cx.note(Fact::DeviceUnlinked { user, device });
        access::end_of_device(cx, user, device, "device_unlinked").await?;
    }
    Ok(changed)
}

/// Unlinks every device of a user.
pub struct UnlinkAllDevices {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for UnlinkAllDevices {
    const NAME: &'static str = "device.unlink_all";
    const LONG: bool = true;
    type Output = i64;

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<i64> {
        let user = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.user).await?;
        user.try_to(Attempt::UnlinkDevice, cx.now)?;
        let mut unlinked = 0;
        for device in store::of_user(cx.tx, cx.tenant.id, self.user).await? {
            unlinked += i64::from(unlink(cx, self.user, device.id).await?);
        }
        Ok(unlinked)
    }
}
