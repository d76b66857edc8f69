//! Whether a request was signed with one of the operator's secrets, and by which account.
//!
//! There are two schemes. A *token* stands in the head and covers the body by a hash; a *parameter* `sig` covers the
//! other parameters. A token is judged in two steps: [`vouch::vouch`] from the head alone, before anything of the body
//! is read, and [`payload::bound`] when the body is there. A parameter is judged by [`sms::judge`] when the body is
//! there. Each gives a value or the first [`fault::Fault`], which knows its step and what it is called in the log.
//!
//! Everything is read strictly and within bounds, because what readers understand differently could be signed in one
//! meaning and used in another. What is compared with a value that only a secret gives is compared in constant time.
//! Time is an argument. Invariant: no fault, and nothing that can be printed, holds a secret, a token, a signature or
//! the text that was signed.
//!
//! | file | noun |
//! | --- | --- |
//! | [`text`] | how the texts are read: base64, JSON, percent-encoding, parameters |
//! | [`secret`] | the bytes of a secret |
//! | [`keyring`] | all secrets, and whose they are |
//! | [`mac`] | the five methods, and the comparison |
//! | [`rules`] | what a signature must be, and the request that is judged |
//! | [`token`] | a token's three parts, and what it says |
//! | [`vouch`](mod@vouch) | the judgement of a head |
//! | [`payload`] | the body or query that a token is bound to |
//! | [`sms`] | the judgement of signed parameters |
//! | [`proof`] | that the holder of a secret made the whole message |
//! | [`fault`] | why a signature is not good |
//! | [`finding`] | what became of it, as the log calls it, and the steps |

pub(crate) mod fault;
pub(crate) mod finding;
pub(crate) mod keyring;
pub(crate) mod mac;
pub(crate) mod payload;
pub(crate) mod proof;
pub(crate) mod rules;
pub(crate) mod secret;
pub(crate) mod sms;
pub(crate) mod text;
pub(crate) mod token;
pub(crate) mod vouch;

#[cfg(test)]
mod tests;
