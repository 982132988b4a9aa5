//! The line of a file that names its columns, and what is said of a file that has none.

use std::io::Read;
use std::sync::Arc;

use super::{Rows, Source, Texts};
use crate::app::Error;
use crate::domain::registry::roster::{Fault, Header, HeaderError, RosterKind};

/// Lines in which a header is looked for that is not the first: above it stand a title and who filled it in.
const LINES: usize = 10;

/// A record that may be a header.
pub(super) struct Heading {
    /// Of the record, or the row of the sheet.
    pub(super) number: u64,
    pub(super) cells: Vec<String>,
    pub(super) utf8: bool,
}

impl Heading {
    fn read(&self, kind: RosterKind) -> Result<Header, HeaderError> {
        Header::read(kind, self.cells.iter().map(String::as_str))
    }
}

/// Why a file is no such roster: what the report says, and the sentence for whoever called.
pub(in crate::app::roster_import) struct NoRoster {
    pub(in crate::app::roster_import) faults: Vec<Fault>,
    pub(in crate::app::roster_import) reason: String,
}

impl NoRoster {
    pub(super) fn because(reason: &str) -> Self {
        Self { faults: Vec::new(), reason: reason.to_owned() }
    }

    /// Said of a file whose header stands lower than it should, or is none.
    fn of(error: &HeaderError, heading: &Heading, lower: Option<u64>, sheet: Option<&str>) -> Self {
        let mut reason = error.to_string();
        if let Some(line) = lower {
            reason = above(line);
        } else if matches!(error, HeaderError::Missing(_)) {
            if heading.cells.len() == 1 && heading.cells.iter().any(|cell| cell.contains(['\t', ';'])) {
                reason += "；各列不是用逗号分隔的，请另存为 CSV（UTF-8，逗号分隔）。Its columns are not separated by commas: save it as CSV (UTF-8, comma)";
            } else if !heading.utf8 {
                reason += "；文件不是 UTF-8，按 GB 18030 读取。The file was read as GB 18030, because it is not UTF-8";
            }
        }
        if let Some(name) = sheet {
            reason +=
                &format!("（工作表“{name}”，只读取第一个可见的工作表。Of a workbook the first visible sheet is read）");
        }
        Self { faults: error.faults(), reason }
    }
}

fn above(line: u64) -> String {
    format!(
        "表头必须在第一行：第 {line} 行才是表头，请删去它上面的各行。The header must be the first line: it is line {line}, delete what stands above it"
    )
}

/// Reads the header.
pub(super) async fn read<R: Read + Send>(
    kind: RosterKind,
    mut rows: Rows<R>,
) -> Result<Result<Source<R>, NoRoster>, Error> {
    let heading = match rows.texts().await? {
        Texts::Heading(heading) => heading,
        Texts::None => return Ok(Err(NoRoster::because("文件是空的。The file is empty"))),
        Texts::Not(why) => return Ok(Err(NoRoster::because(why))),
    };
    let error = match heading.read(kind) {
        Ok(header) if heading.number == 1 => return Ok(Ok(Source { rows, header: Arc::new(header), read: 0 })),
        Ok(_) => return Ok(Err(NoRoster::because(&above(heading.number)))),
        Err(error) => error,
    };
    let mut lower = None;
    for _ in 1..LINES {
        let Ok(Texts::Heading(next)) = rows.texts().await else { break };
        if next.read(kind).is_ok() {
            lower = Some(next.number);
            break;
        }
    }
    Ok(Err(NoRoster::of(&error, &heading, lower, rows.sheet().map(|sheet| sheet.name.as_str()))))
}
