//! Lists as deploys: what is proposed for a list, what holds it, and how it becomes live and comes back.

mod fetched;
mod killed;
mod proposed;
mod published;
mod stand;
mod story;
