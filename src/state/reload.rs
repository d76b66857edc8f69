//! stand-in
use std::sync::Arc;
use std::time::SystemTime;
use crate::config::Problem;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause { Request }
impl Cause { pub fn word(self) -> &'static str { "request" } }
#[derive(Debug)]
pub struct Report { pub at: SystemTime, pub cause: Cause, pub generation: u64, pub published: bool, pub changes: Vec<String>, pub problems: Vec<Problem>, pub held: Vec<String>, pub needs_restart: Vec<String> }
#[derive(Clone, Debug)]
pub struct Reloader;
impl Reloader { pub async fn reload(&self, _c: Cause) -> Arc<Report> { unimplemented!() } }
