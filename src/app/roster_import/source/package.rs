//! The ZIP around a workbook, measured before anything of it is believed: what it says that it unpacks to, what it really
//! does, and what it promises to hold. Sixteen megabytes of it may unpack to gigabytes.

use std::io::{Cursor, Read as _};

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
/// Digits of a number of texts: whoever reads the table makes room for as many as it promises.
const DIGITS: usize = 7;
/// What stands between the name of an attribute and its value.
const BETWEEN: usize = 16;

const ROOT: &str = "_rels/.rels";
/// How the names of parts end that are held, besides what the root names; sheets are read as a stream, pictures not at all.
const HELD: [&str; 3] = ["styles.xml", "theme1.xml", ".rels"];

const PROMISE: &[u8] = b"uniqueCount";

pub(super) const DAMAGED: &str = "文件不是完整的 Excel 工作簿，请重新另存为 .xlsx 或 CSV 后再导入。This is no whole Excel workbook: save it \
     as .xlsx or CSV again and import that";
const TOO_LARGE: &str = "工作簿解压后过大，请删去无关的工作表、图片和格式，或分成几个文件。The workbook unpacks to more than any roster \
     does: take out other sheets, pictures and formats, or divide it";

/// Unpacks everything once and keeps nothing of it; `gone` says that nobody waits for the answer any more.
///
/// # Errors
/// Why it is no workbook that can be read.
pub(super) fn check(file: &[u8], gone: &impl Fn() -> bool) -> Result<(), &'static str> {
    let mut package = ZipArchive::new(Cursor::new(file)).map_err(|_| DAMAGED)?;
    if package.len() > PARTS {
        return Err(TOO_LARGE);
    }
    let mut said: u64 = 0;
    for n in 0..package.len() {
        said = said.saturating_add(package.by_index_raw(n).map_err(|_| DAMAGED)?.size());
    }
    if said > UNPACKED {
        return Err(TOO_LARGE);
    }
    let root = root(&mut package)?;
    let (mut left, mut buffer) = (UNPACKED, vec![0; 64 * 1024]);
    for n in 0..package.len() {
        let mut part = package.by_index(n).map_err(|_| DAMAGED)?;
        let name = part.name().map_err(|_| DAMAGED)?.to_ascii_lowercase();
        let of_texts = name.ends_with("sharedstrings.xml");
        let most = match &name {
            _ if of_texts => TEXTS,
            name if HELD.iter().any(|end| name.ends_with(end)) || root.contains(last(name)) => OTHER,
            _ => UNPACKED,
        };
        let (mut size, mut promise) = (0, Promise::default());
        loop {
            let read = part.read(&mut buffer).map_err(|_| DAMAGED)?;
            if read == 0 || gone() {
                break;
            }
            size += u64::try_from(read).unwrap_or(u64::MAX);
            if size > left.min(most) || (of_texts && promise.is_too_large(&buffer[..read])) {
                return Err(TOO_LARGE);
            }
        }
        left -= size;
    }
    Ok(())
}

/// Says which part is the workbook, by whatever name.
fn root(package: &mut ZipArchive<Cursor<&[u8]>>) -> Result<String, &'static str> {
    let mut text = String::new();
    let part = package.by_name(ROOT).map_err(|_| DAMAGED)?;
    part.take(OTHER).read_to_string(&mut text).map_err(|_| DAMAGED)?;
    // A name that is written in another way would not be found.
    if text.contains('&') { Err(DAMAGED) } else { Ok(text.to_ascii_lowercase()) }
}

fn last(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Looks for the number of texts that a table promises, in a stream.
#[derive(Default)]
struct Promise {
    matched: usize,
    between: usize,
    digits: usize,
}

impl Promise {
    fn is_too_large(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            if self.matched < PROMISE.len() {
                let goes_on = *byte == PROMISE[self.matched];
                self.matched = if goes_on { self.matched + 1 } else { usize::from(*byte == PROMISE[0]) };
            } else if byte.is_ascii_digit() {
                self.digits += 1;
                if self.digits > DIGITS {
                    return true;
                }
            } else if self.digits == 0 && self.between < BETWEEN {
                self.between += 1;
            } else {
                *self = Self::default();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_promises_too_many_texts_is_found_across_its_pieces() {
        let found = |text: &str, cut: usize| {
            let mut promise = Promise::default();
            let (first, second) = text.as_bytes().split_at(cut);
            promise.is_too_large(first) || promise.is_too_large(second)
        };
        for cut in 0..30 {
            assert!(found("<sst count='1' uniqueCount = \"99999999999\">", cut));
            assert!(found("<sst count='1' uniqueCount='99999999999'>uniqueCount='5'", cut));
            assert!(!found("<sst count='99999999999' uniqueCount='5'>99999999999", cut));
        }
    }
}
