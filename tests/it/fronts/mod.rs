//! The recipes of docs/fronts.md with the real proxies, and those of docs/platforms.md with what those platforms send.
//!
//! What is tested is the text of the document: only ports and paths are the test's own. A proxy that this machine does
//! not have is named, and its tests end. Each recipe shows who asks and how, is green to its own health checks, and
//! lets the gate start anew without losing a message.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`page`] | a section of a document and its blocks |
//! | [`front`] | a proxy that runs |
//! | [`stand`] | a proxy, the gate and an application, as a recipe says |
//! | [`who_asks`], [`probes`], [`restart`] | what every recipe must show |
//! | [`network`] | a network of the test's own, where every address is this machine's |
//! | [`proxies`], [`platforms`] | the recipes of the two pages |

pub mod front;
mod network;
pub mod page;
mod platforms;
mod probes;
mod proxies;
mod restart;
pub mod stand;
mod who_asks;
