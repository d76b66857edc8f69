//! Lists as deploys: what is proposed for a list, who would be lost, what holds it, and how it becomes live and comes back.

mod doubted;
mod fetched;
mod killed;
mod lost;
mod proposed;
mod published;
mod replay;
mod stand;
mod story;
mod waiting;
