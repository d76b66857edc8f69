//! `ranges fetch`: HTTPS alone, bounded, and unchanged documents are not read again.

use crate::harness::test_ca::Authority;
use crate::harness::upstream::script::{Act, Answer};
use crate::harness::{Setup, Upstream};
use crate::ranges::stand::{Said, alone, list, ranges};

const OLD: &str = "20.30.40.0/24\n";

fn vendor(authority: &Authority) -> Upstream {
    let more = |status: u16, lines: &str, body: &str| {
        let head = format!("HTTP/1.1 {status} Scripted\r\n{lines}Content-Length: {}\r\n\r\n", body.len());
        Answer::raw([head.as_bytes(), body.as_bytes()].concat(), Some(status))
    };
    let large = "#".repeat((1 << 20) + 1);
    Upstream::start_tls(authority.server("localhost"), move |arrival| match arrival.target().as_str() {
        "/tagged" if arrival.head.one("if-none-match").as_deref() == Some("\"one\"") => {
            more(304, "ETag: \"one\"\r\n", "")
        }
        "/tagged" => more(200, "ETag: \"one\"\r\n", "20.30.40.0/24\n20.30.41.0/24\n"),
        "/page" => more(200, "ETag: \"page\"\r\n", "<html><title>Moved</title>"),
        "/here" => more(302, "Location: /tagged\r\n", ""),
        "/plain" => more(302, "Location: http://localhost:1/\r\n", ""),
        "/file" => more(302, "Location: file:///etc/hostname\r\n", ""),
        "/loop" => more(302, "Location: /loop\r\n", ""),
        "/large" => more(200, "", &large),
        "/cut" => Answer::raw(
            "HTTP/1.1 200 Scripted\r\nConnection: close\r\n\r\n20.30.40.0/24\n20.30.41.128/2",
            Some(200),
        )
        .then(Act::Close),
        "/ended" => {
            Answer::raw("HTTP/1.1 200 Scripted\r\nConnection: close\r\n\r\n20.30.40.0/24\n", Some(200))
                .then(Act::Close)
        }
        "/chunked" => Answer::raw(
            "HTTP/1.1 200 Scripted\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n20.30.40.0/24\r\n0\r\n\r\n",
            Some(200),
        ),
        "/endless" => Answer::raw(
            format!("HTTP/1.1 200 Scripted\r\nConnection: close\r\n\r\n{large}{large}"),
            Some(200),
        ),
        _ => Answer::status(404),
    })
}

fn fetched(setup: &Setup, url: &str) -> Said {
    let ca = setup.path().join("ca.pem").display().to_string();
    ranges(setup, &["fetch", "test", "--url", url, "--cacert", &ca], "")
}

#[test]
fn an_unchanged_document_is_read_once() {
    let authority = Authority::new("Vendor CA");
    let vendor = vendor(&authority);
    let setup = alone(OLD);
    setup.dir.write("ca.pem", &authority.pem);
    let url = format!("{}/tagged", vendor.url());
    let first = fetched(&setup, &url);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.out.contains("  added     20.30.41.0/24\n"), "{first:?}");
    let second = fetched(&setup, &url);
    assert_eq!(
        (second.code, second.out.as_str()),
        (0, format!("test: {url} has not changed\n").as_str()),
        "{second:?}"
    );
    assert_eq!(ranges(&setup, &["publish", "test"], "").code, 0);
    assert!(fetched(&setup, &url).out.contains("has not changed"), "it is the list now");
    // Where the list is another one, an unchanged document says something new.
    setup.dir.write("ranges/test.txt", OLD);
    let again = fetched(&setup, &url);
    assert!(again.out.contains("  added     20.30.41.0/24\n"), "{again:?}");
    let tags: Vec<bool> =
        vendor.arrivals().iter().map(|arrival| arrival.head.one("if-none-match").is_some()).collect();
    assert_eq!(tags, [false, true, true, false]);
    assert!(
        fetched(&setup, &format!("{}/here", vendor.url())).out.contains("20.30.41.0/24"),
        "elsewhere by HTTPS"
    );
}

#[test]
fn what_is_not_https_too_large_or_no_list_is_not_taken() {
    let authority = Authority::new("Vendor CA");
    let vendor = vendor(&authority);
    let setup = alone(OLD);
    setup.dir.write("ca.pem", &authority.pem);
    for (path, code, wanted) in [
        ("/missing", 69, "404"),
        ("/plain", 69, "cannot be fetched: "),
        ("/file", 69, "cannot be fetched: "),
        ("/loop", 69, "redirects"),
        ("/large", 65, "is larger than 1 MiB"),
        ("/endless", 65, "is larger than 1 MiB"),
        ("/cut", 65, "does not say where it ends, and its last line has no end"),
        ("/page", 65, "is a web page (\"Moved\")"),
        ("/page", 65, "is a web page (\"Moved\")"),
    ] {
        let said = fetched(&setup, &format!("{}{path}", vendor.url()));
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{path}: {said:?}");
        assert!(said.err.contains(wanted), "{path}: {said:?}");
    }
    for url in ["http://localhost/", "https://user:password@localhost/", "file:///etc/hostname"] {
        assert_eq!(fetched(&setup, url).code, 2, "{url}");
    }
    let url = format!("{}/tagged", vendor.url());
    let stranger = ranges(&setup, &["fetch", "test", "--url", &url], "");
    assert_eq!(stranger.code, 69, "an authority that the system does not know: {stranger:?}");
    assert_eq!(fetched(&setup, "https://localhost:1/").code, 69);
    assert_eq!(list(&setup), OLD);
    assert_eq!(ranges(&setup, &["diff", "test"], "").code, 2, "nothing is proposed");
}

#[test]
fn an_answer_that_says_where_it_ends_needs_no_last_line_end() {
    let authority = Authority::new("Vendor CA");
    let vendor = vendor(&authority);
    let setup = alone(OLD);
    setup.dir.write("ca.pem", &authority.pem);
    for path in ["/ended", "/chunked"] {
        let said = fetched(&setup, &format!("{}{path}", vendor.url()));
        assert_eq!(said.code, 0, "{path}: {said:?}");
        assert!(said.out.contains("says what the list says"), "{path}: {said:?}");
    }
}

#[test]
fn a_kept_tag_that_is_none_is_named_and_not_sent() {
    let authority = Authority::new("Vendor CA");
    let vendor = vendor(&authority);
    let setup = alone(OLD);
    setup.dir.write("ca.pem", &authority.pem);
    let url = format!("{}/tagged", vendor.url());
    assert_eq!(fetched(&setup, &url).code, 0);
    let folder = setup.path().join("ranges/.proposed");
    let kept = std::fs::read_dir(&folder).expect("the folder").flatten().map(|entry| entry.path());
    let kept =
        kept.into_iter().find(|path| path.extension().is_some_and(|end| end == "etag")).expect("a tag");
    for garbage in ["\u{0}\u{1}\u{2}", "\"one\"\r\nX-More: yes", "one", ""] {
        std::fs::write(&kept, garbage).expect("a tag");
        let said = fetched(&setup, &url);
        assert_eq!(said.code, 0, "{garbage:?}: {said:?}");
        assert!(
            said.err.contains(".etag: is no ETag, so the document is fetched whole"),
            "{garbage:?}: {said:?}"
        );
    }
    assert!(fetched(&setup, &url).out.contains("has not changed"), "and a good one is kept again");
    let last = vendor.arrivals();
    let asked = |one: &crate::harness::upstream::Arrival| one.head.one("if-none-match").is_some();
    assert_eq!(last.iter().filter(|one| asked(one)).count(), 1);
}
