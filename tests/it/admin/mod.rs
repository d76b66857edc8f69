//! The admin and the metrics address: who may ask what, the status page, probes.

mod address;
mod explain;
mod health_probes;
mod losses;
mod pages;
mod status_browser;
pub mod status_page;
