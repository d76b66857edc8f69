//! The bodies of the fuzz targets: any bytes in, a panic where an invariant breaks.
//!
//! Each is one reader of what others send or write, and says whether it accepted what it read: a test
//! can then see that not only refusals were tried. `fuzz_targets/` hands them what a fuzzer makes up,
//! `tests/fuzz_cases.rs` a bounded number of mutated seeds. Where an invariant says "equals", the other
//! side is written here in the most obvious way.

use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use nexmo_gate::exports::client_ip::{self, Client, ForwardedHeader, NoClient, Origin};
use nexmo_gate::exports::delivery::{self, OnError, Rules, SuccessSet};
use nexmo_gate::exports::forward::{self, Own};
use nexmo_gate::exports::forwarded::{self, Node};
use nexmo_gate::exports::provider::{self, RelayAs};
use nexmo_gate::exports::proxy_header::{self, Header, MAX_V2};
use nexmo_gate::exports::{
    Address, Decoder, Facts, Framing, Head, MAX_FIELDS, Malformed, Overrides, PrefixSet, Progress,
    ReadBuffer, Reason, Scan, Version, parse_answer_head, parse_config, parse_head, range_list,
};

// By its path: `tests/` has this file under another name.
#[path = "cases/documents.rs"]
mod documents;
#[path = "cases/signatures.rs"]
mod signatures;

pub use documents::range_document;
pub use signatures::{query_json, signed_parameters, token};

/// A target's name and its body, which says whether the bytes were accepted.
pub type Case = (&'static str, fn(&[u8]) -> bool);

/// Every target.
pub const ALL: [Case; 12] = [
    ("range_file", range_file),
    ("forwarding_header", forwarding_header),
    ("proxy_header", proxy_header),
    ("request_head", request_head),
    ("chunked", chunked),
    ("config_text", config_text),
    ("success_range", success_range),
    ("response_head", response_head),
    ("token", token),
    ("signed_parameters", signed_parameters),
    ("query_json", query_json),
    ("range_document", range_document),
];

/// A range file that is accepted holds something, no prefix is a slip of the pen, it can be written and
/// read again, and the look-up equals the loop over its lines.
pub fn range_file(data: &[u8]) -> bool {
    let list = match range_list::parse(data) {
        Ok(list) => list,
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = data.split(|b| *b == b'\n').count();
            assert!(problems.iter().all(|p| p.line as usize <= lines && !p.message.is_empty()));
            return false;
        }
    };
    let prefixes: Vec<IpNet> = list.entries().iter().map(|entry| entry.prefix).collect();
    assert!(!prefixes.is_empty());
    for prefix in &prefixes {
        assert_eq!(prefix.trunc(), *prefix);
        match prefix {
            IpNet::V4(net) => assert!(net.prefix_len() >= range_list::MIN_V4_LENGTH),
            IpNet::V6(net) => {
                assert!(net.prefix_len() >= range_list::MIN_V6_LENGTH);
                assert!(net.network().to_ipv4_mapped().is_none() || net.prefix_len() < 96);
            }
        }
    }
    assert_eq!(range_list::parse(list.render().as_bytes()), Ok(list.clone()));
    for address in prefixes.iter().take(200).flat_map(edges) {
        let longest = prefixes.iter().filter(|p| p.contains(&address)).map(IpNet::prefix_len).max();
        let found = list.set().find(Address::new(address)).map(|place| prefixes[place]);
        assert_eq!(found.map(|p| p.prefix_len()), longest, "{address}");
        assert!(found.is_none_or(|p| p.contains(&address)));
    }
    true
}

/// Both ends of a prefix and their neighbours outside.
fn edges(prefix: &IpNet) -> Vec<IpAddr> {
    let (first, last) = (prefix.network(), prefix.broadcast());
    let (before, after) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => (
            IpAddr::V4(u32::from(first).wrapping_sub(1).into()),
            IpAddr::V4(u32::from(last).wrapping_add(1).into()),
        ),
        (IpAddr::V6(first), IpAddr::V6(last)) => (
            IpAddr::V6(u128::from(first).wrapping_sub(1).into()),
            IpAddr::V6(u128::from(last).wrapping_add(1).into()),
        ),
        _ => (first, last),
    };
    // What is an IPv4 address in the clothes of IPv6 is asked for as IPv4.
    [first, last, before, after].map(|address| address.to_canonical()).into()
}

/// The client is the one that the obvious loop finds; several lines are one list; nothing in
/// front of a chain that decides changes the decision; what the gate writes means what it read.
///
/// The first byte chooses the header and how the connection began; then come the chain and, after a
/// zero byte, what a stranger puts in front of it.
pub fn forwarding_header(data: &[u8]) -> bool {
    let [choice, rest @ ..] = data else { return false };
    let header = if choice & 1 == 0 { ForwardedHeader::XForwardedFor } else { ForwardedHeader::Forwarded };
    let address = |last: u8| Address::new(IpAddr::from([10, 0, 0, last]));
    let outside = Address::new(IpAddr::from([192, 0, 2, 77]));
    let origin = match (choice >> 1) & 3 {
        0 | 1 => Origin::Peer,
        2 => Origin::Proxied(Some(if choice & 8 == 0 { address(2) } else { outside })),
        _ => Origin::Proxied(None),
    };
    let (chain, before) = match rest.iter().position(|b| *b == 0) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, &b""[..]),
    };
    let trusted = [IpNet::from(IpAddr::from([10, 0, 0, 0])), IpNet::from(IpAddr::from([10, 0, 0, 9]))];
    let trusted = PrefixSet::new(&[IpNet::new(trusted[0].addr(), 29).unwrap_or(trusted[0]), trusted[1]]);
    let walk =
        |lines: &[&[u8]]| client_ip::resolve(address(1), origin, &trusted, header, lines.iter().copied());

    let lines: Vec<&[u8]> = chain.split(|b| *b == b'\n').collect();
    let found = walk(&lines);
    assert_eq!(found, walk(&[&lines.join(&b","[..])]), "lines joined");
    if found != Err(NoClient::Unnamed) {
        let joined = [before, b",", chain].concat();
        let in_front: Vec<&[u8]> = joined.split(|b| *b == b'\n').collect();
        assert_eq!(found, walk(&in_front), "a prefix was heard");
        let own_lines: Vec<&[u8]> = before.split(|b| *b == b'\n').chain(lines.iter().copied()).collect();
        assert_eq!(found, walk(&own_lines), "a line in front was heard");
    }
    let writer = origin.writer(address(1));
    assert_eq!(
        found.as_ref().map(|client| client.address).map_err(|none| *none),
        plain_walk(writer, &trusted, header, &lines.join(&b","[..]))
    );
    match &found {
        Ok(client) => {
            assert!(!trusted.contains(client.address));
            assert!(client.via.iter().all(|hop| trusted.contains(*hop)));
            read_again(client);
        }
        Err(_) => assert!(writer.is_none_or(|writer| trusted.contains(writer))),
    }
    found.is_ok_and(|client| client.via.len() > 1)
}

/// The walk, written the obvious way: the last word that is not a trusted proxy's, if all after it are.
fn plain_walk(
    writer: Option<Address>,
    trusted: &PrefixSet,
    header: ForwardedHeader,
    line: &[u8],
) -> Result<Address, NoClient> {
    let writer = writer.ok_or(NoClient::Unnamed)?;
    let mut hops = vec![Some(writer)];
    let mut words: Vec<&[u8]> = line.split(|b| *b == b',').map(<[u8]>::trim_ascii).collect();
    words.reverse();
    for word in words.into_iter().filter(|word| !word.is_empty()) {
        match header {
            ForwardedHeader::XForwardedFor => hops.push(Address::from_hop(word)),
            ForwardedHeader::Forwarded => hops.push(match forwarded::read(word) {
                Ok(Some(Node::Address(address))) => Some(address),
                _ => None,
            }),
        }
    }
    match hops.into_iter().find(|hop| !hop.is_some_and(|address| trusted.contains(address))) {
        Some(Some(client)) => Ok(client),
        Some(None) => Err(NoClient::Unreadable),
        None => Err(NoClient::Unnamed),
    }
}

/// What the gate writes into `Forwarded` is the chain that it believes.
fn read_again(client: &Client) {
    let mut line = Vec::new();
    forwarded::write(&mut line, client, "https", b"a.example:80");
    let mut hops: Vec<Address> = forwarded::elements(&line)
        .filter_map(|element| match forwarded::read(element) {
            Ok(Some(Node::Address(address))) => Some(address),
            _ => None,
        })
        .collect();
    hops.reverse();
    assert_eq!(hops.first(), Some(&client.address));
    assert_eq!(hops[1..], client.via);
}

/// More bytes never change a verdict, nothing is waited for beyond the bound, and the source of a line
/// is its third word.
pub fn proxy_header(data: &[u8]) -> bool {
    let data = &data[..data.len().min(MAX_V2 + 8)];
    let whole = proxy_header::parse(data);
    let first =
        (0..=data.len()).map(|cut| proxy_header::parse(&data[..cut])).find(|found| *found != Ok(None));
    assert_eq!(first.unwrap_or(Ok(None)), whole, "a verdict was taken back");
    assert!(whole != Ok(None) || data.len() < MAX_V2);
    let Ok(Some((header, len))) = whole else { return false };
    assert_eq!(proxy_header::parse(&data[..len]), whole);
    assert_eq!(proxy_header::parse(&data[..len - 1]), Ok(None));
    if data[0] == b'P' {
        assert!(data[..len].ends_with(b"\r\n"));
        let text = String::from_utf8_lossy(&data[..len - 2]);
        let words: Vec<&str> = text.split(' ').collect();
        let named = words[1] != "UNKNOWN";
        let source = words.get(2).filter(|_| named).and_then(|word| word.parse().ok()).map(Address::new);
        assert_eq!(header, Header { source, tls: false });
        assert_eq!(source.is_some(), named);
    } else {
        assert_eq!(len, 16 + usize::from(u16::from_be_bytes([data[14], data[15]])));
        assert!(data[12] == 0x21 || header.source.is_none());
    }
    true
}

/// Pieces never change a verdict; a head is one head: no bare LF, nothing after its empty line; and
/// what is written for the upstream is one head too, without a framing of the sender's.
///
/// The first byte is the size of the pieces.
pub fn request_head(data: &[u8]) -> bool {
    const MOST: usize = 2048;
    let [piece, rest @ ..] = data else { return false };
    let scan = |piece: usize| {
        let (mut buffer, mut scan) = (ReadBuffer::default(), Scan::default());
        for part in rest.chunks(piece) {
            buffer.append(part);
            match scan.advance(&mut buffer, MOST) {
                Progress::More => {}
                Progress::Whole(len) if !has_no_bare_lf(&buffer.unread()[..len]) => {
                    // In one piece it is left to the parser.
                    assert!(parse_head(&buffer.unread()[..len]).is_err());
                    return (Progress::Refused(Reason::MalformedHead), buffer);
                }
                other => return (other, buffer),
            }
        }
        (Progress::More, buffer)
    };
    let (progress, buffer) = scan(rest.len().max(1));
    let (in_pieces, _) = scan(usize::from(*piece).max(1));
    // What is too long is noticed sooner in pieces.
    if rest.len() <= MOST {
        assert_eq!(progress, in_pieces);
    }
    let Progress::Whole(len) = progress else { return false };
    let bytes = &buffer.unread()[..len];
    assert!(len <= MOST && bytes.ends_with(b"\r\n\r\n"));
    assert_eq!(bytes.windows(4).filter(|w| w == b"\r\n\r\n").count(), 1);
    assert!(has_no_bare_lf(bytes));
    let Ok(head) = parse_head(bytes) else { return false };
    let Ok(facts) = Facts::read(&head) else { return false };
    assert!(!facts.host.is_empty() && facts.path.first() == Some(&b'/'));
    assert!(facts.target.starts_with(facts.path) && !facts.path.contains(&b'?'));
    assert!(
        head.version == Version::Http11
            || (facts.framing != Framing::Chunked && facts.close && !facts.expects_continue)
    );
    let lengths = head.values("content-length").count();
    let codings = head.values("transfer-encoding").count();
    assert_eq!(
        (lengths, codings),
        match facts.framing {
            Framing::None => (0, 0),
            Framing::Length(_) => (1, 0),
            Framing::Chunked => (0, 1),
        }
    );
    forwarded_head(&head, &facts);
    true
}

/// The head for the upstream, closed with its empty line, is exactly one request.
fn forwarded_head(head: &Head, facts: &Facts<'_>) {
    let client = Client { address: Address::new(IpAddr::from([192, 0, 2, 1])), via: Vec::new() };
    let own = Own {
        client: &client,
        believed: false,
        header: ForwardedHeader::Forwarded,
        host: facts.host,
        forwarded_host: facts.host,
        proto: "http",
        request_id: b"id",
        client_cert: None,
        signature: None,
        account: None,
        repeat: false,
        list: None,
        webhook: "generic",
    };
    let mut out = Vec::new();
    let fields = head.fields();
    forward::write_request_head(&mut out, head.method(), facts.target, fields, &facts.connection, own);
    out.extend_from_slice(b"\r\n");
    let len = out.len();
    assert_eq!(Scan::default().advance(&mut ReadBuffer::of(out.clone()), usize::MAX), Progress::Whole(len));
    let written = &out[head.method().len() + 1..];
    assert!(written.starts_with(facts.target), "the target is passed on byte for byte");
    // `httparse` takes the target for text; the gate lets any byte stand in a query.
    let line = out.iter().position(|b| *b == b'\r').unwrap_or(len);
    let query = out[..line].iter().position(|b| *b == b'?').unwrap_or(line);
    out[query..line].iter_mut().filter(|b| !b.is_ascii()).for_each(|b| *b = b'x');
    let mut slots = [httparse_header(); MAX_FIELDS + 20];
    let mut request = httparse::Request::new(&mut slots);
    assert_eq!(request.parse(&out), Ok(httparse::Status::Complete(len)));
    let count = |name: &str| request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case(name)).count();
    assert_eq!(["host", "x-forwarded-for", "x-real-ip", "forwarded"].map(count), [1; 4]);
    let hop_by_hop = ["content-length", "transfer-encoding", "connection", "te", "expect", "upgrade"];
    assert_eq!(hop_by_hop.map(count), [0; 6]);
    assert_eq!(
        (request.method, request.path.map(str::len)),
        (std::str::from_utf8(head.method()).ok(), Some(facts.target.len()))
    );
}

fn httparse_header<'b>() -> httparse::Header<'b> {
    httparse::EMPTY_HEADER
}

fn has_no_bare_lf(bytes: &[u8]) -> bool {
    (0..bytes.len()).all(|at| bytes[at] != b'\n' || (at > 0 && bytes[at - 1] == b'\r'))
}

/// Pieces never change a verdict, no byte is made up, and a whole message equals what the obvious
/// reader finds in it.
///
/// The first byte is the size of the pieces.
pub fn chunked(data: &[u8]) -> bool {
    let [piece, rest @ ..] = data else { return false };
    let decode = |piece: usize| -> Result<(Vec<u8>, usize, bool), Malformed> {
        let (mut decoder, mut out, mut used) = (Decoder::default(), Vec::new(), 0);
        for part in rest.chunks(piece) {
            used += decoder.feed(part, &mut out)?;
            if decoder.is_done() {
                break;
            }
        }
        Ok((out, used, decoder.is_done()))
    };
    let whole = decode(rest.len().max(1));
    assert_eq!(whole, decode(usize::from(*piece).max(1)));
    let Ok((out, used, done)) = whole else { return false };
    assert!(out.len() <= used && used <= rest.len());
    if done {
        assert!(rest[..used].ends_with(b"\r\n"));
        assert_eq!(plain_chunks(rest), Some((out, used)));
    } else {
        assert_eq!(used, rest.len());
    }
    done
}

/// A chunked message, read the obvious way.
fn plain_chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let line_end = |from: usize| Some(from + bytes[from..].windows(2).position(|w| w == b"\r\n")?);
    let (mut out, mut at) = (Vec::new(), 0);
    loop {
        let end = line_end(at)?;
        let size = bytes[at..end].split(|b| *b == b';').next()?;
        let size =
            usize::from_str_radix(std::str::from_utf8(size).ok()?.trim_end_matches([' ', '\t']), 16).ok()?;
        at = end + 2;
        if size == 0 {
            break;
        }
        out.extend_from_slice(bytes.get(at..at + size)?);
        if bytes.get(at + size..at + size + 2)? != b"\r\n" {
            return None;
        }
        at += size + 2;
    }
    loop {
        let end = line_end(at)?;
        let empty = end == at;
        at = end + 2;
        if empty {
            return Some((out, at));
        }
    }
}

/// Every text has an answer, the same one each time: a configuration that keeps its promises, or
/// problems in words that cannot disturb a terminal.
pub fn config_text(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let read = || parse_config(Some(text), &Overrides::default(), Path::new("/etc/gate"));
    let found = read();
    assert_eq!(found, read());
    match found {
        Ok(parsed) => {
            let config = parsed.config;
            assert!(!config.listen.is_empty() && !config.routes.is_empty());
            assert!(config.routes.iter().all(|route| !route.allow.is_empty()));
            assert!(config.routes.iter().all(|route| route.deadline <= config.drain.grace));
            let limits = config.limits;
            assert!(limits.concurrent_requests <= limits.connections);
            assert!(limits.connections_per_stranger <= limits.connections);
            assert!(!config.trusted_proxies.is_empty() || config.listen.iter().all(|l| !l.proxy_protocol));
            true
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(!problem.message.is_empty());
                let shown = problem.to_string();
                assert!(!shown.contains(|c: char| c.is_control()), "{shown:?}");
            }
            false
        }
    }
}

/// A set of success statuses holds what its text lists and nothing outside 200 to 205, and no answer
/// outside it is ever relayed as a success.
pub fn success_range(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(success) = SuccessSet::parse(text, provider::DEFAULT.other()) else { return false };
    let number = |word: &str| word.trim().parse::<u16>().unwrap_or_default();
    let listed = |status: u16| {
        text.split(',').any(|part| match part.split_once('-') {
            Some((first, last)) => (number(first)..=number(last)).contains(&status),
            None => number(part) == status,
        })
    };
    let mut any = false;
    for status in 0..=999 {
        assert_eq!(success.contains(status), listed(status), "{status}");
        assert!(!success.contains(status) || (200..=205).contains(&status));
        any |= success.contains(status);
        for relay_as in [RelayAs::Same, RelayAs::OkOrNoContent, RelayAs::Ok] {
            for errors in [OnError::Relay, OnError::Retry] {
                let rules = Rules { success, relay_as, client_errors: errors, server_errors: errors };
                let told = delivery::relay(status, rules).status;
                assert_eq!((200..=299).contains(&told), success.contains(status), "{status}");
            }
        }
    }
    assert!(any);
    true
}

/// A head of an answer is whole at exactly one length, whatever follows it; its status is one that may
/// be final or interim; and of its lines none that frames a message or belongs to one connection passes.
pub fn response_head(data: &[u8]) -> bool {
    let Ok(Some((head, len))) = parse_answer_head(data) else { return false };
    assert!(len <= data.len() && (100..=599).contains(&head.status) && head.status != 101);
    assert!(has_no_bare_lf(&data[..len]) && data[..len].ends_with(b"\r\n\r\n"));
    for cut in [0, len / 2, len.saturating_sub(3), len - 1] {
        assert!(matches!(parse_answer_head(&data[..cut]), Ok(None)), "whole at {cut} of {len}");
    }
    assert!(matches!(parse_answer_head(&data[..len]), Ok(Some((_, again))) if again == len));
    for (name, value) in head.fields.iter() {
        assert!(!name.is_empty() && !forward::response_drops(name), "{}", String::from_utf8_lossy(name));
        assert!(!name.contains(&b':') && value == value.trim_ascii());
        assert!([name, value].iter().all(|part| !part.contains(&b'\r') && !part.contains(&b'\n')));
    }
    true
}
