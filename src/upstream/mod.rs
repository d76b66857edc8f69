//! The application's side: endpoints, connections to them, one exchange, and its answer read whole.
//!
//! It does not know who asks: a sender's request is one user of it.
//!
//! | file | noun |
//! | --- | --- |
//! | [`exchange`] | a message becomes a complete answer, or a failure |
//! | [`answer`] | an answer, read whole |
//! | [`answer_head`] | its head |
//! | [`balancer`] | which endpoint is next |
//! | [`pool`] | idle connections to an endpoint |
//! | [`pools`] | all pools, opened and closed as the configuration changes |
//! | [`connect`] | how an endpoint is connected to |
//! | [`resolver`] | the addresses of its name |
//! | [`health`] | whether it says that it is well |

pub mod answer;
pub mod answer_head;
pub mod balancer;
pub mod connect;
pub mod exchange;
pub mod health;
pub mod pool;
pub mod pools;
pub mod resolver;
