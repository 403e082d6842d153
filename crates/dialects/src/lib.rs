//! Vendors' ways of speaking to the desk, one folder each. A dialect reads its wire, asks the desk once, prints its wire;
//! it knows neither SQL nor rules. This file is the list.

pub mod banno;
pub mod choice;
pub mod switch;

use axum::Router;
use desk::Desk;

/// Every dialect's routes.
pub fn app(desk: Desk, options: &api::Options, banno: banno::Settings) -> Router {
    Router::new()
        .merge(banno::app(desk.clone(), options, banno))
        .merge(choice::app(desk.clone(), options))
        .merge(switch::app(desk, options))
}
