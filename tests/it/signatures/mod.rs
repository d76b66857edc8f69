//! Signatures of webhooks: what the sender hears, what the application and the log are told.

mod answers;
mod command;
mod copies;
mod secrecy;
mod seen;
mod strangers;
