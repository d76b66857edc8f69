//! Makes the head for the application, after the body was read and its length is known.
//!
//! This file collects the values (client, host, scheme, request id); `policy::forward` writes the lines, among them
//! `Forwarded` and `X-Forwarded-*`. Invariant: only forwarding fields of a trusted proxy are believed.

use crate::gate::request::context::Context;
use crate::judge::head::Head;
use crate::judge::request::Admitted;
use crate::judge::signature::Judgement;
use crate::policy::admission::Grant;
use crate::policy::client::original::Original;
use crate::policy::forward::{self, Own};
use crate::policy::signature::vouch::Vouched;
use crate::policy::text;
use crate::upstream::exchange::Message;

/// The capacity for the lines that the gate adds.
const OWN_LINES: usize = 512;

/// What is told of the signature.
#[derive(Clone, Copy)]
pub(super) struct SignedAs<'a> {
    /// What became of it, if it was judged.
    pub judgement: Option<&'a Judgement>,
    /// Whether the message was delivered before.
    pub repeat: bool,
}

/// Writes the head of an admitted request whose body has this length.
#[must_use]
pub(super) fn write(
    context: Context<'_>,
    head: &Head,
    original: &Original<'_>,
    request_id: &[u8],
    (admitted, signed): (&Admitted, SignedAs<'_>),
    body_length: usize,
) -> Vec<u8> {
    let Admitted { route, behind_proxy, .. } = admitted;
    let host = head.values("host").next().unwrap_or_default();
    let scheme = original.scheme.unwrap_or_else(|| context.peer.scheme(context.snapshot));
    let own = Own {
        client: admitted.permit.client(),
        believed: *behind_proxy,
        header: context.snapshot.config.forwarded_header,
        host: route.upstream_host.as_ref().map_or(host, |host| host.as_bytes()),
        forwarded_host: original.host.as_deref().unwrap_or(host),
        proto: scheme.word(),
        request_id,
        list: match admitted.permit.grant() {
            Grant::Listed { list, .. } => Some(&route.allow[list].name),
            Grant::Signed | Grant::Observed(_) => None,
        },
        webhook: route.webhook.name(),
        client_cert: context.peer.client_cert.as_deref(),
        signature: signed.judgement.map(|judgement| judgement.finding.word()),
        account: signed.judgement.and_then(|judgement| judgement.vouched.as_ref()).and_then(Vouched::account),
        repeat: signed.repeat,
    };
    let mut out = Vec::with_capacity(head.bytes_len() + OWN_LINES + Message::room_behind(body_length));
    let target = match head.get(admitted.target) {
        [] => b"/",
        target => target,
    };
    forward::write_request_head(
        &mut out,
        head.method(),
        target,
        head.fields(),
        &admitted.named_by_connection,
        own,
    );
    if admitted.announces_body || body_length > 0 {
        out.extend_from_slice(b"Content-Length: ");
        text::decimal(&mut out, body_length as u64);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}
