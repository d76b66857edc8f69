//! All of an exchange: heads and bodies as they may be shown.

use crate::admin::api::exchanges::{Message, Whole};
use crate::admin::inspect::{raw, row};
use crate::policy::mask::body::Given;
use crate::policy::mask::head::ShownHead;
use crate::policy::mask::json::Layout;
use crate::policy::mask::mode::{Bodies, Mask};
use crate::state::capture::exchange::{Cut, Exchange, Part};

/// All of it.
#[must_use]
pub(crate) fn of(exchange: &Exchange, mask: Mask, shown: Bodies) -> Whole {
    let parts = &exchange.parts;
    let of_part = |part: &Part, head: ShownHead| message(&part.head, &part.body, head, mask);
    let there = |cut: &Cut| !cut.bytes.is_empty();
    let request = there(&parts.request.head)
        .then(|| of_part(&parts.request, mask.request_head(&parts.request.head.bytes)));
    let request_lines = raw::Request::of(exchange, mask);
    Whole {
        answer: there(&parts.answer.head)
            .then(|| of_part(&parts.answer, mask.answer_head(&parts.answer.head.bytes))),
        bodies: shown.word().to_owned(),
        curl: request_lines.as_ref().map(raw::Request::curl),
        file: request_lines.as_ref().map(raw::Request::file),
        forwarded: there(&parts.forwarded).then(|| {
            let none = Cut::default();
            message(&parts.forwarded, &none, mask.request_head(&parts.forwarded.bytes), mask)
        }),
        reply: there(&parts.reply.head)
            .then(|| of_part(&parts.reply, mask.answer_head(&parts.reply.head.bytes))),
        request,
        row: row::of(exchange, mask),
    }
}

fn message(head: &Cut, body: &Cut, shown: ShownHead, mask: Mask) -> Message {
    let given = Given { head: &head.bytes, body: &body.bytes, cut: body.is_cut() };
    let read = mask.body(given, Layout::Indented);
    let mut left_out = shown.left_out;
    left_out.add(&read.left_out);
    Message {
        body: read.text,
        bytes: body.whole,
        cut: head.is_cut() || body.is_cut(),
        fields: shown.fields,
        kind: read.kind,
        left_out: left_out.into_names(),
        line: shown.line,
    }
}
