//! What became of a signature, step by step: a part of the answer to `GET /explain`, and what the command `signature`
//! says.
//!
//! Invariant: nothing of it is a secret, a token, a parameter `sig`, or the text that was signed.

use serde::{Deserialize, Serialize};

/// What the command `signature` found out about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignatureReport {
    /// For when it was judged: RFC 3339, UTC.
    pub at: String,
    /// The length of the body.
    pub body_bytes: usize,
    /// Whether the signature is good enough for the route.
    pub good: bool,
    /// The method of the request.
    pub method: String,
    /// What a person should know of how the request was read.
    pub notes: Vec<String>,
    /// The path, without the query.
    pub path: String,
    /// The route; none where no route matches, or no configuration was read.
    pub route: Option<String>,
    /// What became of it.
    pub signature: SignatureVerdict,
    /// The webhook of the route.
    pub webhook: Option<String>,
}

/// What became of a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignatureVerdict {
    /// The account that it names, if it was made with one of its secrets.
    pub account: Option<String>,
    /// Its age; below zero, it lies in the future.
    pub age_s: Option<i64>,
    /// The application that it names.
    pub application: Option<String>,
    /// What is wrong with it.
    pub fault: Option<String>,
    /// What it is called in the log; none where the body would settle it, or nothing was judged.
    pub finding: Option<String>,
    /// What the route asks: off, note or require; none where there is no route.
    pub need: Option<String>,
    /// What the hash of a token is of.
    pub payload_form: Option<String>,
    /// The reason for which a route that requires a signature denies the request.
    pub reason: Option<String>,
    /// How it is signed; none where it is not.
    pub scheme: Option<String>,
    /// The secret that fitted: whose it is, and its file.
    pub secret: Option<String>,
    /// The steps in their order; none where nothing was judged.
    pub steps: Vec<StepVerdict>,
    /// Its own name: of a token its jti, of parameters their nonce.
    pub token_id: Option<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepVerdict {
    /// What it asks.
    pub question: String,
    /// The answer.
    pub result: StepResult,
}

/// The answer of a step. A word that is not known here is an error: it must not be taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepResult {
    /// Yes.
    Good,
    /// No: it ends the judgement.
    Failed,
    /// An earlier one failed, or what it needs is not there.
    NotJudged,
}
