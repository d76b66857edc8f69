//! The lists as files that a person looks after: the commands of `nexmo-gate ranges`, and what the gate shows of them.

mod replay;
