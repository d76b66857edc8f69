//! `nexmo-gate doctor` against real proxies: it names a planted fault and no other, and is silent where all is well.
//!
//! What each proxy is started with is the text of docs/fronts.md, changed by the fault alone. The senders' side has
//! addresses of its own: the proxy listens on one that neither the gate nor the application has.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`plant`] | how a fault is planted, as data |
//! | [`faults`], [`more_faults`] | the tables of faults, and which check must be red |
//! | [`sound`] | deployments in which nothing is to be found |
//! | [`deployment`] | application, gate and proxy of one case |
//! | [`proxy`] | the configuration of each proxy |
//! | [`chain`] | certificates, good and bad |
//! | [`cases`] | runs cases side by side, and says which went wrong |
//! | [`attacks`] | a place that means harm to the doctor |
//! | [`impostors`] | who says something else than the gate, in its name |
//! | [`token`] | the token: who gets one, and what it opens |

mod attacks;
mod cases;
mod chain;
mod deployment;
mod faults;
mod impostors;
mod more_faults;
mod plant;
mod proxy;
mod sound;
mod token;
