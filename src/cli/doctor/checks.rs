//! The checks of the doctor: the name of each, and what it asks.
//!
//! docs/doctor.md says the same with the reason for each, and a test compares. Nothing is decided here.

macro_rules! checks {
    ($($name:ident = $word:literal => $asks:literal,)+) => {
        /// One question that the doctor asks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(clippy::missing_docs_in_private_items, reason = "each has its question beside it")]
        pub(crate) enum Check { $($name,)+ }

        impl Check {
            /// Whether it is asked in every look from outside, once the proof is there.
            #[must_use]
            pub(crate) fn is_asked_outside(self) -> bool {
                self != Self::TruthDown && (self <= Self::BypassAddresses || self == Self::TimeClock)
            }

            /// All of them, in the order in which they are shown.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name: the group, and what it looks at.
            #[must_use]
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// What it asks.
            #[must_use]
            pub(crate) fn asks(self) -> &'static str {
                match self { $(Self::$name => $asks,)+ }
            }
        }
    };
}

checks! {
    ProofAnswer = "proof.answer" => "does this gate answer behind the URL, and does it know the token?",
    ProofWhole = "proof.whole" => "was all asked within the bounds of a run?",
    TruthRedirect = "truth.redirect" => "does nothing in front send the sender to another URL?",
    ClientAddress = "client.address" => "does the gate see the address of who asks?",
    ClientForged = "client.forged" => "can nobody choose the address that the gate sees?",
    ClientClaims = "client.claims" => "can nobody choose the scheme and the host that the gate sees?",
    FrontScheme = "front.scheme" => "does the gate learn that the sender came by https?",
    FrontHost = "front.host" => "does the gate see the host that the sender asked for?",
    FrontPath = "front.path" => "does the path reach the gate as the sender wrote it?",
    FrontQuery = "front.query" => "does a query of 4 KiB reach the gate unchanged?",
    FrontMethod = "front.method" => "does a POST reach the gate as a POST?",
    FrontBody = "front.body" => "does a body of 64 KiB reach the gate unchanged?",
    FrontLimit = "front.limit" => "is a body taken that is as large as the gate takes?",
    FrontSignature = "front.signature" => "does the header reach the gate in which signed webhooks bear their token?",
    FrontVersion = "front.version" => "are connections to the gate kept for the next request?",
    FrontOnce = "front.once" => "does each request reach the gate once?",
    FrontCache = "front.cache" => "does every answer come from the gate, and none from a cache?",
    FrontSpeed = "front.speed" => "does nothing in front hold a request up?",
    TruthCodes = "truth.codes" => "do the gate's refusals and failures reach the sender with their status?",
    TruthSuccess = "truth.success" => "do the statuses 200 to 205 reach the sender?",
    TruthRetry = "truth.retry" => "does Retry-After reach the sender?",
    TruthAnswer = "truth.answer" => "does an answer in JSON reach the sender as it is?",
    TruthPatience = "truth.patience" => "does everything in front wait as long as the gate may?",
    TruthDown = "truth.down" => "is the sender told to come again while the gate is down?",
    ProtocolFraming = "protocol.framing" => "is a message whose length can be read two ways one message for all?",
    ProtocolPaths = "protocol.paths" => "does no spelling of a path lead out of its folder?",
    ProtocolTarget = "protocol.target" => "is a target with scheme and host the same request for all?",
    ProtocolUpgrade = "protocol.upgrade" => "does nothing in front turn a request into a tunnel?",
    ProtocolHeads = "protocol.heads" => "are large and slow heads answered?",
    TlsUsed = "tls.used" => "is the URL one of https?",
    TlsChain = "tls.chain" => "can a sender that has only the roots verify the certificate?",
    TlsName = "tls.name" => "is the certificate for the host of the URL?",
    TlsLife = "tls.life" => "is the certificate valid, and for long enough?",
    TlsVersions = "tls.versions" => "is TLS 1.2 or 1.3 spoken, and nothing older?",
    BypassApplication = "bypass.application" => "is the application out of reach past the gate?",
    BypassGate = "bypass.gate" => "is the gate out of reach past what stands in front of it?",
    BypassAdmin = "bypass.admin" => "is the admin address out of reach?",
    BypassMetrics = "bypass.metrics" => "are the metrics out of reach?",
    BypassPlain = "bypass.plain" => "does plain HTTP not lead to the gate?",
    BypassAddresses = "bypass.addresses" => "does every address of the name lead to the gate?",
    ConfigRead = "config.read" => "can the configuration and every list be read?",
    GateRunning = "gate.running" => "does the gate run and serve?",
    GateFiles = "gate.files" => "does the gate serve what the files say?",
    GateMode = "gate.mode" => "are denials carried out?",
    ListsAge = "lists.age" => "was every list compared with the vendor's article lately?",
    ListsCopies = "lists.copies" => "is every list the one of its file, and no stored copy?",
    ListsWaiting = "lists.waiting" => "does no proposal for a list wait?",
    ListsSigned = "lists.signed" => "is no sender left out that signs with your secret?",
    ClientNamed = "client.named" => "do the trusted proxies name who asks?",
    ClientAdmitted = "client.admitted" => "is anybody admitted at all?",
    ClientTrusted = "client.trusted" => "are only your own proxies trusted?",
    UpstreamAnswers = "upstream.answers" => "does the application answer, in HTTP?",
    UpstreamReach = "upstream.reach" => "does the application listen on loopback alone?",
    TlsFiles = "tls.files" => "are the certificate files whole, in order and valid for long enough?",
    AdminReach = "admin.reach" => "does the admin address listen on loopback alone?",
    TimeClock = "time.clock" => "do the clocks agree?",
    SystemFiles = "system.files" => "may the gate open enough files?",
    SystemConntrack = "system.conntrack" => "does the firewall's table of connections have room?",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_stands_on_the_page_of_the_doctor() {
        let page = include_str!("../../../docs/doctor.md");
        let rows: Vec<(&str, &str)> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .filter(|(name, _)| name.contains('.') && !name.contains(' '))
            .map(|(name, rest)| (name, rest.split(" |").next().unwrap_or_default()))
            .collect();
        let wanted: Vec<(&str, &str)> = Check::ALL.iter().map(|one| (one.name(), one.asks())).collect();
        let missing: Vec<_> = wanted.iter().filter(|row| !rows.contains(row)).collect();
        let stray: Vec<_> = rows.iter().filter(|row| !wanted.contains(row)).collect();
        assert!(missing.is_empty() && stray.is_empty(), "missing {missing:#?}\nstray {stray:#?}");
    }
}
