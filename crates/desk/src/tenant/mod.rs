//! The tenant: one institution in one environment, with its keys and settings.

pub mod actions;
pub mod model;
pub mod questions;
pub(crate) mod store;

pub use actions::{ChangeSecuritySettings, ChangeSettings, CreateTenant};
pub use model::{ChecksumMode, Environment, Institution, InstitutionKind, RegistrationField, Settings, Tenant};
pub use questions::{ListTenants, ShowSettings, ShowUserTerms, TenantCard, UserTerms};
