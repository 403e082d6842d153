//! Requests: an action that one person proposes and another decides. The proposal keeps what the action would cause; whoever
//! decides sees that, and an approval that would cause something else is refused. How it behaves: docs/requests.md.

pub mod actions;
pub(crate) mod customer;
pub mod model;
pub mod proposal;
pub mod questions;
pub(crate) mod store;

pub use actions::{AlreadySo, ApproveRequest, DeclineRequest, ExpireRequest, ProposeAction, WithdrawRequest};
pub use model::{Contacts, Customer, CustomerState, EndCause, Hand, Kept, Request, RequestState};
pub use proposal::{Proposal, ProposedAccount, ProposedBulk, ProposedKey, Told};
pub use questions::{
    ListRequests, Outcome, PendingRequests, RequestFilter, RequestPage, RequestRef, SeenRequest, SeenStaff, ShowRequest,
};
