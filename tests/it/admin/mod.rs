//! The admin and the metrics address: who may ask what, the status page, probes.

mod address;
mod explain;
mod health_probes;
mod inspect;
mod inspect_browser;
mod losses;
mod pages;
pub mod status_browser;
pub mod status_page;
