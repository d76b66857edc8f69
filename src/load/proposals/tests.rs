use std::fs;

use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;

use super::history::{KEPT, PENDING, live_digest, read_history};
use super::places::{Places, StoreError};
use super::proposal::Proposal;
use super::publication::{BY_HAND, Digests, digests, end, make_live};
use super::record::{Change, Record, sha256};

fn places() -> (TempDir, Places) {
    let dir = tempfile::tempdir().unwrap();
    let places = Places::new(dir.path());
    (dir, places)
}

fn record(text: &str) -> Record {
    Record {
        as_of: Some("2026-11-27".to_owned()),
        at: 1_800_000_000,
        base: None,
        by: "ada".to_owned(),
        change: Change { added: 1, ..Change::default() },
        document: None,
        sha256: sha256(text.as_bytes()),
        source: "https://vendor.example/ips".to_owned(),
    }
}

fn published(places: &Places, text: &str) -> u64 {
    let record = Record { base: live_digest(places, "sms"), ..record(text) };
    make_live(places, "sms", text.as_bytes(), &record, &Digests::new()).unwrap()
}

/// The number, who, and the text of each generation.
fn told(places: &Places) -> Vec<(u64, String, String)> {
    let all = read_history(places, "sms").generations;
    let text = |one: &super::history::Generation| String::from_utf8(one.text().unwrap()).unwrap();
    all.iter().map(|one| (one.number, one.record.by.clone(), text(one))).collect()
}

#[test]
fn a_digest_is_that_of_sha256sum() {
    assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn a_proposal_is_read_as_it_was_written_and_not_when_it_was_changed() {
    let (_dir, places) = places();
    assert_eq!(Proposal::read(&places, "sms"), Ok(None));
    let text = "192.0.2.1\n";
    let proposal = Proposal { list: "sms".to_owned(), record: record(text), text: text.as_bytes().to_vec() };
    proposal.write(&places).unwrap();
    assert_eq!(Proposal::read(&places, "sms"), Ok(Some(proposal)));
    assert_eq!(Proposal::lists(&places), ["sms"]);
    let path = places.proposals().join("sms.txt");
    fs::write(&path, "192.0.2.2\n").unwrap();
    let damaged = StoreError::Damaged { list: "sms".to_owned(), error: Box::new(StoreError::Changed(path)) };
    let told = damaged.to_string();
    assert!(told.ends_with("; `nexmo-gate ranges propose sms` or `fetch` replaces the proposal"), "{told}");
    assert_eq!(Proposal::read(&places, "sms"), Err(damaged));
    Proposal::remove(&places, "sms").unwrap();
    assert_eq!((Proposal::read(&places, "sms"), Proposal::lists(&places)), (Ok(None), Vec::new()));
}

#[test]
fn a_publication_is_the_list_and_the_newest_generation() {
    let (_dir, places) = places();
    let text = "192.0.2.1\n";
    let proposal = Proposal { list: "sms".to_owned(), record: record(text), text: text.as_bytes().to_vec() };
    proposal.write(&places).unwrap();
    assert_eq!(published(&places, text), 1);
    assert_eq!(fs::read_to_string(places.live("sms")).unwrap(), text);
    assert_eq!(told(&places), [(1, "ada".to_owned(), text.to_owned())]);
    assert_eq!(Proposal::read(&places, "sms"), Ok(None), "it is published");
    // Somebody saves the file: what they saved can come back.
    fs::write(places.live("sms"), "192.0.2.7\n").unwrap();
    assert_eq!(published(&places, "192.0.2.2\n"), 3);
    let by = |number, by: &str, text: &str| (number, by.to_owned(), text.to_owned());
    let wanted = [by(1, "ada", text), by(2, BY_HAND, "192.0.2.7\n"), by(3, "ada", "192.0.2.2\n")];
    assert_eq!(told(&places), wanted);
    assert_eq!(read_history(&places, "voice").generations, [], "each list has its own");
    let changes = read_history(&places, "sms").generations.into_iter().map(|one| one.record.change);
    let changes: Vec<(usize, usize, u64)> =
        changes.map(|one| (one.added, one.removed, one.lost_v4)).collect();
    assert_eq!(changes[1], (1, 1, 1), "what somebody saved is a change too");
}

#[test]
fn a_pending_record_counts_exactly_when_its_text_is_the_list() {
    let (_dir, places) = places();
    published(&places, "192.0.2.1\n");
    let folder = places.history("sms");
    let pend = |number: u64, text: &str| {
        fs::write(folder.join(format!("{number:06}.txt")), text).unwrap();
        fs::write(folder.join(PENDING), record(text).json()).unwrap();
    };
    // The process ended before the list was replaced.
    pend(2, "192.0.2.2\n");
    assert_eq!(told(&places).len(), 1);
    // And here after that.
    fs::write(places.live("sms"), "192.0.2.2\n").unwrap();
    assert_eq!(told(&places)[1], (2, "ada".to_owned(), "192.0.2.2\n".to_owned()));
    // The next publication settles both.
    assert_eq!(published(&places, "192.0.2.3\n"), 3);
    let texts: Vec<String> = told(&places).into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(texts, ["192.0.2.1\n", "192.0.2.2\n", "192.0.2.3\n"]);
    pend(4, "192.0.2.9\n");
    assert_eq!(told(&places).len(), 3);
    assert_eq!(published(&places, "192.0.2.4\n"), 4);
    assert!(!folder.join(PENDING).exists());
}

#[test]
fn the_newest_fifty_generations_are_kept() {
    let (_dir, places) = places();
    for number in 1..=KEPT + 7 {
        published(&places, &format!("192.0.2.{number}\n"));
    }
    let numbers: Vec<u64> = told(&places).into_iter().map(|(number, _, _)| number).collect();
    assert_eq!(numbers, (8..=57).collect::<Vec<u64>>());
    assert_eq!(fs::read_dir(places.history("sms")).unwrap().count(), 2 * KEPT);
}

#[test]
fn a_link_is_not_replaced_and_two_do_not_publish_at_once() {
    let (_dir, places) = places();
    fs::write(places.ranges().join("real"), "192.0.2.1\n").unwrap();
    std::os::unix::fs::symlink("real", places.live("sms")).unwrap();
    let failed = make_live(&places, "sms", b"192.0.2.2\n", &record("192.0.2.2\n"), &Digests::new());
    assert_eq!(failed, Err(StoreError::Link(places.live("sms"))));
    fs::remove_file(places.live("sms")).unwrap();
    published(&places, "192.0.2.2\n");
    let path = places.ranges().join(".history/.lock");
    let held = Flock::lock(fs::File::open(&path).unwrap(), FlockArg::LockExclusive).unwrap();
    let failed = make_live(&places, "sms", b"192.0.2.3\n", &record("192.0.2.3\n"), &Digests::new());
    assert_eq!(failed, Err(StoreError::Busy(path)));
    held.unlock().unwrap();
    published(&places, "192.0.2.3\n");
}

#[test]
fn a_damaged_record_hides_no_other_generation_and_is_never_lost() {
    let (_dir, places) = places();
    for number in 1..=3 {
        published(&places, &format!("192.0.2.{number}\n"));
    }
    let folder = places.history("sms");
    let damaged = folder.join("000003.json");
    fs::write(&damaged, "{\"at\": ").unwrap();
    let history = read_history(&places, "sms");
    assert_eq!(history.damaged.len(), 1);
    assert!(history.damaged[0].to_string().contains("000003.json"), "{:?}", history.damaged);
    // Nobody knows that the list is that generation, so it becomes one again.
    assert_eq!(published(&places, "192.0.2.4\n"), 5);
    let numbers =
        |places: &Places| -> Vec<u64> { told(places).into_iter().map(|(number, _, _)| number).collect() };
    assert_eq!(numbers(&places), [1, 2, 4, 5]);
    for number in 10..=KEPT + 10 {
        published(&places, &format!("192.0.2.{number}\n"));
    }
    assert_eq!((numbers(&places).len(), fs::read(&damaged).unwrap()), (KEPT, b"{\"at\": ".to_vec()));
    assert!(folder.join("000003.txt").exists());
    // One that was pending is set aside, and the publication goes on.
    fs::write(folder.join(PENDING), [0xFF]).unwrap();
    assert_eq!(read_history(&places, "sms").damaged.len(), 2);
    let next = published(&places, "192.0.2.5\n");
    assert_eq!(fs::read(folder.join(format!(".damaged-{next:06}.json"))).unwrap(), [0xFF]);
}

#[test]
fn a_list_that_somebody_changed_meanwhile_is_not_published_over() {
    let (_dir, places) = places();
    published(&places, "192.0.2.1\n");
    let record = Record { base: live_digest(&places, "sms"), ..record("192.0.2.2\n") };
    fs::write(places.live("sms"), "192.0.2.7\n").unwrap();
    let failed = make_live(&places, "sms", b"192.0.2.2\n", &record, &Digests::new());
    assert_eq!(failed, Err(StoreError::Moved(places.live("sms"))));
    assert_eq!((told(&places).len(), fs::read(places.live("sms")).unwrap()), (1, b"192.0.2.7\n".to_vec()));
}

#[test]
fn a_list_is_not_published_when_another_one_changed_since_it_was_judged() {
    let (_dir, places) = places();
    let others = ["voice".to_owned(), "none".to_owned()];
    fs::write(places.live("voice"), "198.51.100.1\n").unwrap();
    let judged = digests(&places, &others);
    let publish = || make_live(&places, "sms", b"192.0.2.2\n", &record("192.0.2.2\n"), &judged);
    fs::write(places.live("voice"), "198.51.100.2\n").unwrap();
    assert_eq!(publish(), Err(StoreError::Meanwhile(places.live("voice"))));
    fs::write(places.live("voice"), "198.51.100.1\n").unwrap();
    fs::write(places.live("none"), "198.51.100.1\n").unwrap();
    assert_eq!(publish(), Err(StoreError::Meanwhile(places.live("none"))));
    assert_eq!((told(&places), live_digest(&places, "sms")), (Vec::new(), None));
    fs::remove_file(places.live("none")).unwrap();
    assert_eq!(publish(), Ok(1));
}

#[test]
fn whoever_ends_a_publication_hears_whether_there_was_one() {
    let (_dir, places) = places();
    published(&places, "192.0.2.1\n");
    assert_eq!(end(&places, "sms"), Ok(false), "another one ended it");
    let pending = Record { base: live_digest(&places, "sms"), ..record("192.0.2.1\n") };
    fs::write(places.history("sms").join(PENDING), pending.json()).unwrap();
    assert_eq!((end(&places, "sms"), end(&places, "sms")), (Ok(true), Ok(false)));
}

#[test]
fn what_a_record_says_is_seen_whole() {
    let (_dir, places) = places();
    let text = "192.0.2.1\n";
    let record = Record { source: "a\u{202e}\n".to_owned(), by: "\u{1b}[1m".to_owned(), ..record(text) };
    Proposal { list: "sms".to_owned(), record, text: text.as_bytes().to_vec() }.write(&places).unwrap();
    fs::write(places.proposals().join("-x.txt"), "").unwrap();
    let read = Proposal::read(&places, "sms").unwrap().unwrap().record;
    assert_eq!((read.source.as_str(), read.by.as_str()), ("a\\u{202e}\\n", "\\u{1b}[1m"));
    assert_eq!(Proposal::lists(&places), ["sms"], "no list can have the other name");
}
