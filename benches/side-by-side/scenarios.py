"""What is measured: each scenario is one row of this table. How it is driven and judged follows from its fields alone."""

from dataclasses import dataclass

ALL = ("nginx", "haproxy", "gate")
WITH_BUFFERED = ("nginx", "nginx-buffered", "haproxy", "gate")


@dataclass(frozen=True)
class Scenario:
    what: str
    subjects: tuple = ALL
    prefixes: int = 10  # admitted
    denied: bool = False  # the load's own address is not among them
    tls: bool = False
    close: bool = False  # a new connection for each request
    resumed: bool = False  # of the handshakes, all but the first of each sender
    rate: int | None = None  # requests a second; None = as fast as they are answered
    signed: bool = False  # with a token, which the gate requires and verifies, and the others pass on
    dropped: bool = False  # refused connections are closed without an answer

    @property
    def by_wrk(self):
        """wrk cannot pace itself, and cannot be told whether to resume TLS sessions."""
        return not (self.dropped or self.rate or (self.tls and self.close))


SCENARIOS = {
    "post": Scenario("POST of 390 bytes, kept connections, admitted", WITH_BUFFERED),
    "signed": Scenario("the POST with a token over its body: the gate requires and verifies it, the others do not look", signed=True),
    "denied": Scenario("the same POST from an address that no prefix holds: 403 and no upstream", WITH_BUFFERED, denied=True),
    "newconn": Scenario("the same POST, a new connection for each request", WITH_BUFFERED, close=True),
    "newconn-1000": Scenario("the same, 1,000 new connections a second", close=True, rate=1000),
    "tls": Scenario("the POST over kept TLS 1.3 connections", tls=True),
    "handshakes": Scenario("the POST, a new TLS connection for each request, full handshakes", tls=True, close=True),
    "resumed": Scenario("the same, the TLS sessions resumed", tls=True, close=True, resumed=True),
    "prefixes": Scenario("the POST with 10,000 prefixes admitted", prefixes=10_000),
    "drop": Scenario("connections from an address that no prefix holds, closed without an answer", denied=True, dropped=True),
}
