//! Limits and the drain, alone and against each other.

use crate::config::tests::sections::rows;
use crate::config::tests::*;

#[test]
fn limits_and_drain_report_every_bad_value() {
    rows(&[
        ("limits: 5", "limits: found the number 5, wanted a mapping of keys"),
        (
            "limits: { max_boddy: 1MiB }",
            "limits.max_boddy: unknown key; did you mean \"max_body\"? There are: max_body, max_response, max_head, head_timeout, body_timeout, keepalive, connections, connections_per_stranger, connections_per_client, concurrent_requests, buffers",
        ),
        ("limits: { max_body: 0B }", "limits.max_body: 0B is not from 1B to 1GiB"),
        ("limits: { max_body: 1048576 }", "limits.max_body: 1048576 has no unit; write 1048576B"),
        ("limits: { max_head: 1023B }", "limits.max_head: 1023B is not from 1KiB to 1MiB"),
        ("limits: { keepalive: 99ms }", "limits.keepalive: 99ms is not from 100ms to 3600s"),
        ("limits: { head_timeout: 0s }", "limits.head_timeout: 0s is not from 100ms to 3600s"),
        ("limits: { body_timeout: 2h }", "limits.body_timeout: 7200s is not from 100ms to 3600s"),
        (
            "limits: { connections: -1 }",
            "limits.connections: found the number -1, wanted a whole number from 1 to 1000000",
        ),
        (
            "limits: { connections: 1.5 }",
            "limits.connections: found the number 1.5, wanted a whole number from 1 to 1000000",
        ),
        (
            "limits: { connections: \"9\" }",
            "limits.connections: found the text \"9\", wanted a whole number from 1 to 1000000",
        ),
        (
            "limits: { connections_per_stranger: off }",
            "limits.connections_per_stranger: found the text \"off\", wanted a whole number from 1 to 100000",
        ),
        (
            "limits: { connections_per_stranger: 0 }",
            "limits.connections_per_stranger: 0 is not from 1 to 100000",
        ),
        (
            "limits: { connections: 10, connections_per_stranger: 11 }",
            "limits.connections_per_stranger: 11 can never be reached with 10 connections",
        ),
        (
            "limits: { connections_per_client: many }",
            "limits.connections_per_client: found the text \"many\", wanted off or a number from 1 to 100000",
        ),
        (
            "limits: { connections_per_client: 100001 }",
            "limits.connections_per_client: 100001 is not from 1 to 100000",
        ),
        (
            "limits: { connections_per_client: true }",
            "limits.connections_per_client: found true, wanted off or a number from 1 to 100000",
        ),
        (
            "limits: { connections: 10, connections_per_client: 11 }",
            "limits.connections_per_client: 11 can never be reached with 10 connections",
        ),
        (
            "limits: { connections: 10, concurrent_requests: 11 }",
            "limits.concurrent_requests: 11 can never be reached with 10 connections",
        ),
        (
            "limits: { buffers: 2MiB }",
            "limits.buffers: 2MiB does not hold one largest message: max_head, max_body and max_response are 2064KiB together",
        ),
        (
            "limits: { max_body: 100MiB }",
            "limits.buffers: 64MiB does not hold one largest message: max_head, max_body and max_response are 103440KiB together",
        ),
        (
            "drain: { grace: 13999ms }",
            "drain.grace: 13999ms is shorter than the 14s that the one route (/*) may take: a stop would cut its requests off",
        ),
        (
            "routes: [{ path: /a, deadline: 20s }, { path: /b, deadline: 30s }]",
            "drain.grace: 15s is shorter than the 30s that routes[1] (/b) may take: a stop would cut its requests off",
        ),
        ("drain: { delay: 0 }", "drain.delay: 0 has no unit; write 0s"),
        ("drain: { delay: 2h }", "drain.delay: 7200s is not from 0s to 3600s"),
    ]);
    let few = good("limits: { connections: 10, connections_per_client: false }").limits;
    assert_eq!(
        (few.concurrent_requests, few.connections_per_stranger, few.connections_per_client),
        (10, 10, None)
    );
    assert_eq!(good("limits:\ndrain:\nlog:\nstate:\n"), good(""));
    assert_eq!(good("limits: { buffers: 2064KiB }\ndrain: { grace: 14s }").limits.buffers, 2064 << 10);
}
