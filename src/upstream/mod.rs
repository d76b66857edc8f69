//! The application's side: endpoints, connections to them, one exchange, and the whole answer.
//!
//! Nothing here knows of senders and of the replies to them: that is `gate`. Invariant: no message is sent without a
//! `Permit`.
//!
//! | file | noun |
//! | --- | --- |
//! | [`exchange`] | sending a message and getting a complete answer or a failure; the retry on a stale connection |
//! | [`answer`] | reading a whole answer |
//! | [`answer_head`] | the head of an answer |
//! | [`flaw`] | what is wrong with an answer |
//! | [`balancer`] | which endpoint is next |
//! | [`pool`] | the pool of one endpoint: what comes into it, how long it rests, and what ends its use |
//! | [`pools`] | all pools, opened and closed as the configuration changes |
//! | [`connect`] | opening a connection to an endpoint |
//! | [`resolver`] | the addresses of an endpoint's name |
//! | [`health`] | active health checks |

pub(crate) mod answer;
pub(crate) mod answer_head;
pub(crate) mod balancer;
pub(crate) mod connect;
pub(crate) mod exchange;
pub(crate) mod flaw;
pub(crate) mod health;
pub(crate) mod pool;
pub(crate) mod pools;
pub(crate) mod resolver;
