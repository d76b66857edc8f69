//! The application's side: endpoints, connections to them, one exchange, and its answer read whole.
//!
//! It does not know who asks: a sender's request is one user of it.
//!
//! | file | noun |
//! | --- | --- |
//! | [`exchange`] | a message becomes a complete answer, or a failure |
//! | [`answer`] | an answer, read whole |
//! | [`answer_head`] | its head |
//! | [`flaw`] | what is wrong with it |
//! | [`balancer`] | which endpoint is next |
//! | [`pool`] | idle connections to an endpoint |
//! | [`pools`] | all pools, opened and closed as the configuration changes |
//! | [`connect`] | how an endpoint is connected to |
//! | [`resolver`] | the addresses of its name |
//! | [`health`] | whether it says that it is well |

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
