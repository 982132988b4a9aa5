//! The ZIP around a workbook, measured before anything of it is believed: what it says that it unpacks to, what it really
//! does, and what it promises to hold. Sixteen megabytes of it may unpack to gigabytes.

use std::collections::HashSet;
use std::io::{BufReader, Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;

use crate::domain::registry::errand::LARGEST;

/// Bytes. A sheet unpacks to some ten times its size.
const UNPACKED: u64 = 12 * LARGEST;
/// Bytes of the table of texts, which is held in memory as a whole.
const TEXTS: u64 = 4 * LARGEST;
/// Bytes of whatever else is held in memory: styles, themes, who refers to whom.
const OTHER: u64 = 4 * 1024 * 1024;
/// Parts of a package: a sheet is one, a picture another.
const PARTS: usize = 2000;
/// Bytes of one cell, one text of the table, and of whatever else the reader takes in one piece: it holds three copies.
const PIECE: u64 = 4 * 1024 * 1024;
/// Bytes of what stands in one tag of the styles, but the first: a font and a format are copied for each look of a cell.
const STYLE: usize = 1024;
/// Looks of cells; Excel itself has fewer.
const LOOKS: usize = 70_000;
/// Texts of the table.
const MOST_TEXTS: usize = 2_000_000;
/// Digits of a number of texts: whoever reads the table makes room for as many as it promises.
const DIGITS: usize = 7;

const ROOT: &str = "_rels/.rels";
const RELATIONS: &str = ".rels";
/// How the names of parts end that are held, besides what the root names; sheets are read as a stream, pictures not at all.
const HELD: [&str; 3] = ["styles.xml", "theme1.xml", RELATIONS];
/// What is taken in one piece, with everything in it: a cell, a text.
const PIECES: [&str; 2] = ["c", "si"];

const TABLE: &str = "sst";
const PROMISE: &str = "uniqueCount";

pub(super) const DAMAGED: &str = "文件不是完整的 Excel 工作簿，请重新另存为 .xlsx 或 CSV 后再导入。This is no whole Excel workbook: save it \
     as .xlsx or CSV again and import that";
const TOO_LARGE: &str = "工作簿解压后过大，请删去无关的工作表、图片和格式，或分成几个文件。The workbook unpacks to more than any roster \
     does: take out other sheets, pictures and formats, or divide it";

type Package<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Unpacks everything once and keeps nothing of it; `gone` says that nobody waits for the answer any more. What will be read as
/// XML is read as such here, by the same reader: a guard that looked for bytes would not see what another encoding, or white
/// space where XML allows it, says to whoever reads.
///
/// # Errors
/// Why it is no workbook that can be read.
pub(super) fn check(file: &[u8], gone: &impl Fn() -> bool) -> Result<(), &'static str> {
    let mut package = ZipArchive::new(Cursor::new(file)).map_err(|_| DAMAGED)?;
    if package.len() > PARTS {
        return Err(TOO_LARGE);
    }
    let names = names(&mut package)?;
    let root = text(&mut package, names.iter().position(|name| name == ROOT).ok_or(DAMAGED)?)?;
    let mut named = String::new();
    for (n, name) in names.iter().enumerate() {
        // What the workbook refers to, by whatever name: its sheets.
        if name.strip_suffix(RELATIONS).is_some_and(|of| root.contains(last(of))) {
            named.push_str(&text(&mut package, n)?);
        }
    }
    let mut left = UNPACKED;
    for (n, name) in names.iter().enumerate() {
        let of_texts = name.ends_with("sharedstrings.xml");
        let most = match name {
            _ if of_texts => TEXTS,
            name if HELD.iter().any(|end| name.ends_with(end)) || root.contains(last(name)) => OTHER,
            _ => UNPACKED,
        };
        let part = package.by_index(n).map_err(|_| DAMAGED)?;
        let mut measured = Measured { part, size: 0, most: left.min(most), piece: 0, over: false, gone };
        let is_read = name.ends_with(".xml") || name.ends_with(RELATIONS) || named.contains(last(name));
        let kind = match name {
            _ if of_texts => Kind::Texts,
            name if name.ends_with("styles.xml") => Kind::Styles,
            _ => Kind::Other,
        };
        let told = if is_read { read(&mut measured, kind) } else { skip(&mut measured) };
        if measured.over {
            return Err(TOO_LARGE);
        }
        told?;
        left -= measured.size;
    }
    Ok(())
}

/// The names of the parts as they are looked for, whatever case they are written in. Two that are looked for as one would be
/// measured by one of them and read by the other.
fn names(package: &mut Package<'_>) -> Result<Vec<String>, &'static str> {
    let (mut said, mut names) = (0_u64, Vec::with_capacity(package.len()));
    for n in 0..package.len() {
        let part = package.by_index_raw(n).map_err(|_| DAMAGED)?;
        said = said.saturating_add(part.size());
        names.push(part.name().map_err(|_| DAMAGED)?.replace('\\', "/").to_ascii_lowercase());
    }
    if names.iter().collect::<HashSet<_>>().len() != names.len() {
        return Err(DAMAGED);
    }
    if said > UNPACKED { Err(TOO_LARGE) } else { Ok(names) }
}

/// A part that says which part is what, by whatever name.
fn text(package: &mut Package<'_>, n: usize) -> Result<String, &'static str> {
    let mut text = String::new();
    let part = package.by_index(n).map_err(|_| DAMAGED)?;
    part.take(OTHER).read_to_string(&mut text).map_err(|_| DAMAGED)?;
    let text = text.to_ascii_lowercase();
    // A name that is written in another way would not be found.
    let is_said_otherwise = text.contains('&') || (text.contains("encoding") && !text.contains("utf-8"));
    if is_said_otherwise { Err(DAMAGED) } else { Ok(text) }
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// What is looked for in a part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Texts,
    Styles,
    Other,
}

/// A part, as much of it as may be.
struct Measured<'a, R, G> {
    part: R,
    size: u64,
    most: u64,
    /// Since the last piece that was whole.
    piece: u64,
    over: bool,
    gone: &'a G,
}

impl<R: Read, G: Fn() -> bool> Read for Measured<'_, R, G> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if (self.gone)() {
            return Ok(0);
        }
        let read = self.part.read(buffer)?;
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        (self.size, self.piece) = (self.size.saturating_add(bytes), self.piece.saturating_add(bytes));
        self.over = self.size > self.most || self.piece > PIECE;
        if self.over { Err(std::io::Error::other(TOO_LARGE)) } else { Ok(read) }
    }
}

/// Reads a part as the workbook's reader will.
fn read<R: Read, G: Fn() -> bool>(part: &mut Measured<'_, R, G>, kind: Kind) -> Result<(), &'static str> {
    let mut xml = Reader::from_reader(BufReader::new(part));
    xml.config_mut().expand_empty_elements = true;
    let (mut buffer, mut inside) = (Vec::new(), 0_usize);
    let (mut texts, mut looks) = (0_usize, 0_usize);
    loop {
        buffer.clear();
        match xml.read_event_into(&mut buffer).map_err(|_| DAMAGED)? {
            Event::Start(tag) => {
                let name = tag.local_name();
                texts += usize::from(kind == Kind::Texts && name.as_ref() == "si");
                looks += usize::from(kind == Kind::Styles && name.as_ref() == "xf");
                let is_too_much = match kind {
                    Kind::Texts => name.as_ref() == TABLE && promises_too_many(tag.attributes_raw()),
                    Kind::Styles => name.as_ref() != "styleSheet" && tag.attributes_raw().len() > STYLE,
                    Kind::Other => false,
                };
                if is_too_much || texts > MOST_TEXTS || looks > LOOKS {
                    return Err(TOO_LARGE);
                }
                inside += usize::from(inside > 0 || PIECES.contains(&name.as_ref()));
            }
            Event::End(_) => inside = inside.saturating_sub(1),
            Event::Eof => return Ok(()),
            _ => {}
        }
        if inside == 0 {
            xml.get_mut().get_mut().piece = 0;
        }
    }
}

/// Unpacks a part that nobody reads.
fn skip<R: Read, G: Fn() -> bool>(part: &mut Measured<'_, R, G>) -> Result<(), &'static str> {
    let mut buffer = vec![0; 64 * 1024];
    while part.read(&mut buffer).map_err(|_| DAMAGED)? > 0 {
        part.piece = 0;
    }
    Ok(())
}

/// Whether the table of texts promises so many that the room for them would end the program.
fn promises_too_many(attributes: &str) -> bool {
    attributes.match_indices(PROMISE).any(|(at, word)| {
        let behind = attributes[at + word.len()..].trim_ascii_start();
        let Some(value) = behind.strip_prefix('=').map(str::trim_ascii_start) else { return false };
        let value = value.trim_start_matches(['"', '\'']);
        value.find(['"', '\'']).unwrap_or(value.len()) > DIGITS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_promises_too_many_texts_is_found_however_it_is_written() {
        for many in [
            "count='1' uniqueCount = \"99999999999\"",
            "uniqueCount\n                       =   '99999999999'",
            "x:uniqueCount='a' uniqueCount='99999999999'",
            "uniqueCount='5' uniqueCount='00000000000009'",
        ] {
            assert!(promises_too_many(many), "{many}");
        }
        for few in [
            "",
            "count='99999999999' uniqueCount='5'",
            "uniqueCount",
            "uniqueCount=",
            "uniqueCount='9999999' x='99999999999'",
        ] {
            assert!(!promises_too_many(few), "{few}");
        }
    }
}
