//! stand-in
use std::path::PathBuf;
use crate::config::{Overrides, Problem};
use super::keep::Kept;
use super::snapshot::Snapshot;
pub struct Look;
#[derive(Debug, Default)]
pub struct Loaded { pub snapshot: Option<Snapshot>, pub problems: Vec<Problem>, pub warnings: Vec<Problem> }
pub struct Loader;
impl Loader {
  pub fn new(_c: Option<PathBuf>, _o: Overrides) -> Self { Self }
  pub fn look(&self) -> Look { Look }
  pub fn load(&mut self, _l: &Look, _p: Option<&Snapshot>, _k: &Kept) -> Loaded { Loaded::default() }
}
