use super::*;
use crate::keys::random::SystemRandom;

const PHRASE: &str = "a long enough passphrase";
/// Where the first chunk begins.
const START: usize = HEADER + TAG;

fn sealed(plain: &[u8]) -> Vec<u8> {
    let mut sealing = Sealing::begin(Vec::new(), PHRASE, &SystemRandom::new()).unwrap();
    sealing.write_all(plain).unwrap();
    sealing.finish().unwrap()
}

fn opened(sealed: &[u8], phrase: &str) -> Result<Vec<u8>, ArchiveError> {
    let mut plain = Vec::new();
    Opening::begin(sealed, phrase)
        .and_then(|mut opening| opening.read_to_end(&mut plain))
        .map(|_| plain)
        .map_err(|error| *error.get_ref().unwrap().downcast_ref().unwrap())
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[test]
fn every_length_comes_back() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
        let plain = pattern(length);
        let sealed = sealed(&plain);
        assert_eq!(opened(&sealed, PHRASE).as_ref(), Ok(&plain), "{length}");
        let chunks = length.div_ceil(CHUNK).max(1);
        assert_eq!(sealed.len(), START + length + chunks * TAG, "what it adds is what the page says");
    }
}

#[test]
fn nothing_of_it_lies_open_and_no_two_are_alike() {
    let plain = pattern(CHUNK * 2);
    let (one, other) = (sealed(&plain), sealed(&plain));
    assert!(!one.windows(16).any(|part| part == &plain[..16]));
    assert_ne!(one[HEADER - SALT..HEADER], other[HEADER - SALT..HEADER], "the salt is fresh");
    assert_ne!(one[START..], other[START..]);
}

#[test]
fn a_wrong_passphrase_is_told_from_another_file() {
    let sealed = sealed(b"names");
    assert_eq!(opened(&sealed, "another long passphrase"), Err(ArchiveError::Passphrase));
    assert_eq!(
        opened(b"SQLite format 3\0 and more than a header of it, much more", PHRASE),
        Err(ArchiveError::Foreign)
    );
    assert_eq!(opened(b"", PHRASE), Err(ArchiveError::Foreign));
    let mut costly = sealed;
    costly[MAGIC.len()] = 0xff;
    assert_eq!(opened(&costly, PHRASE), Err(ArchiveError::Foreign), "it does not take 4 TiB to find out");
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let sealed = sealed(&pattern(CHUNK + 100));
    for at in [0, MAGIC.len() + 8, HEADER - 1, HEADER, START, START + CHUNK, START + CHUNK + TAG, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(opened(&changed, PHRASE).is_err(), "byte {at}");
    }
}

#[test]
fn what_was_cut_moved_or_added_is_found() {
    let sealed = sealed(&pattern(3 * CHUNK));
    let block = CHUNK + TAG;
    let chunk = |number: usize| &sealed[START + number * block..START + (number + 1) * block];
    let file = |chunks: &[&[u8]]| [&[&sealed[..START]], chunks].concat().concat();
    assert!(opened(&file(&[chunk(0), chunk(1), chunk(2)]), PHRASE).is_ok());
    for (what, changed) in [
        ("no chunk", file(&[])),
        ("one chunk", file(&[chunk(0)])),
        ("the last one is missing", file(&[chunk(0), chunk(1)])),
        ("one in the middle is missing", file(&[chunk(0), chunk(2)])),
        ("two have changed places", file(&[chunk(1), chunk(0), chunk(2)])),
        ("one is there twice", file(&[chunk(0), chunk(0), chunk(2)])),
        ("more after the end", file(&[chunk(0), chunk(1), chunk(2), chunk(2)])),
        ("a byte after the end", file(&[chunk(0), chunk(1), chunk(2), b"x"])),
        ("a byte short", sealed[..sealed.len() - 1].to_vec()),
        ("only half a proof", sealed[..START - 1].to_vec()),
    ] {
        assert_eq!(opened(&changed, PHRASE), Err(ArchiveError::Damaged), "{what}");
    }
}

#[test]
fn an_unfinished_one_does_not_open() {
    let mut out = Vec::new();
    let mut sealing = Sealing::begin(&mut out, PHRASE, &SystemRandom::new()).unwrap();
    sealing.write_all(&pattern(2 * CHUNK + 1)).unwrap();
    drop(sealing);
    assert_eq!(opened(&out, PHRASE), Err(ArchiveError::Damaged));
}
