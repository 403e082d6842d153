//! The migrations, in order: one folder for both engines. A file is never edited after a release.

use crate::db::Migration;

/// Every migration there is.
pub const ALL: &[Migration] = &[
    Migration { name: "0001_house", sql: include_str!("../migrations/0001_house.sql") },
    Migration { name: "0002_users", sql: include_str!("../migrations/0002_users.sql") },
    Migration { name: "0003_lists", sql: include_str!("../migrations/0003_lists.sql") },
    Migration { name: "0004_imports", sql: include_str!("../migrations/0004_imports.sql") },
    Migration { name: "0005_bulk", sql: include_str!("../migrations/0005_bulk.sql") },
    Migration { name: "0006_requests", sql: include_str!("../migrations/0006_requests.sql") },
    Migration { name: "0007_verification", sql: include_str!("../migrations/0007_verification.sql") },
    Migration { name: "0008_switch", sql: include_str!("../migrations/0008_switch.sql") },
    Migration { name: "0009_access", sql: include_str!("../migrations/0009_access.sql") },
    Migration { name: "0010_accounts", sql: include_str!("../migrations/0010_accounts.sql") },
    Migration { name: "0011_choice", sql: include_str!("../migrations/0011_choice.sql") },
    Migration { name: "0013_large", sql: include_str!("../migrations/0013_large.sql") },
    Migration { name: "0014_callbacks", sql: include_str!("../migrations/0014_callbacks.sql") },
    Migration { name: "0015_proposals", sql: include_str!("../migrations/0015_proposals.sql") },
    Migration { name: "0016_close", sql: include_str!("../migrations/0016_close.sql") },
    Migration { name: "0017_seat", sql: include_str!("../migrations/0017_seat.sql") },
    Migration { name: "0018_address_username", sql: include_str!("../migrations/0018_address_username.sql") },
    Migration { name: "0019_unique_moves", sql: include_str!("../migrations/0019_unique_moves.sql") },
    Migration { name: "0020_jobs_clustered", sql: include_str!("../migrations/0020_jobs_clustered.sql") },
    Migration { name: "0021_registration", sql: include_str!("../migrations/0021_registration.sql") },
    Migration { name: "0025_sign_in_tries", sql: include_str!("../migrations/0025_sign_in_tries.sql") },
    Migration { name: "0026_contact_changed", sql: include_str!("../migrations/0026_contact_changed.sql") },
    Migration { name: "0027_staff_passwords", sql: include_str!("../migrations/0027_staff_passwords.sql") },
    Migration { name: "0028_message_limits", sql: include_str!("../migrations/0028_message_limits.sql") },
    Migration { name: "0030_hidden_search", sql: include_str!("../migrations/0030_hidden_search.sql") },
    Migration { name: "0038_import_reading", sql: include_str!("../migrations/0038_import_reading.sql") },
    Migration { name: "0039_import_waiting", sql: include_str!("../migrations/0039_import_waiting.sql") },
    Migration { name: "0040_erasure", sql: include_str!("../migrations/0040_erasure.sql") },
    Migration { name: "0041_audit_proof", sql: include_str!("../migrations/0041_audit_proof.sql") },
];
