//! A roster file as a stream of rows: CSV ([`csv`]) or the first sheet of a workbook ([`sheet`]), told by its first bytes
//! and not by its name. Whoever asks for the next row lets others have their turn meanwhile.

mod cell;
mod csv;
mod heading;
mod package;
mod sheet;

use std::io::{Chain, Cursor, Read};
use std::sync::Arc;

use zeroize::Zeroizing;

use self::csv::Csv;
use self::heading::{Heading, NoRoster};
use self::sheet::{Chosen, Sheet};
use crate::app::{Error, Kind};
use crate::domain::registry::errand::LARGEST;
use crate::domain::registry::roster::{Cells, Code, Column, Fault, Header, RosterKind};

/// Bytes. A row of a school is a few hundred; a quote that is never closed would swallow the rest of the file.
const LONGEST: usize = 64 * 1024;
/// Records after which others have their turn: some milliseconds of the worst of them.
const TURN: u32 = 64;
/// Bytes that tell what a file is.
const HEAD: u64 = 8;

pub(super) struct Source<R> {
    rows: Rows<R>,
    header: Arc<Header>,
    read: u32,
}

enum Rows<R> {
    Csv(Box<Csv<Chain<Cursor<Vec<u8>>, R>>>),
    Sheet(Sheet),
}

/// What comes next.
enum Step {
    Row(Row),
    /// A line without anything on it.
    Nothing,
    End,
}

/// What comes next where a header is looked for.
enum Texts {
    Heading(Heading),
    None,
    /// Why it is none.
    Not(&'static str),
}

/// The cells of one row that mean something.
pub(super) struct Row {
    pub(super) number: u64,
    cells: Vec<String>,
    header: Arc<Header>,
    malformed: Option<Fault>,
    faults: Vec<Fault>,
}

impl Row {
    fn new(number: u64, header: &Arc<Header>) -> Self {
        Self { number, cells: Vec::new(), header: Arc::clone(header), malformed: None, faults: Vec::new() }
    }

    fn malformed(number: u64, header: &Arc<Header>, why: &'static str) -> Self {
        let fault = Fault::new(header.first(), Code::RowMalformed, why);
        Self { malformed: Some(fault), ..Self::new(number, header) }
    }

    fn fill(&mut self, at: usize, column: Column, text: String) {
        if text.trim().chars().any(|c| c.is_control() && c != '\n') {
            self.doubt(column, Code::ValueInvalid, "此格含有控制字符。The cell holds a control character");
            return;
        }
        if self.cells.len() <= at {
            self.cells.resize(at + 1, String::new());
        }
        self.cells[at] = text;
    }

    fn doubt(&mut self, column: Column, code: Code, why: &'static str) {
        self.faults.push(Fault::new(column, code, why));
    }

    /// Whether a cell that means something has several lines.
    fn has_lines(&self) -> bool {
        self.cells.iter().any(|cell| cell.contains('\n'))
    }

    /// A row in which nothing stands that means something: a spreadsheet writes a million of them behind the last one.
    fn is_empty(&self) -> bool {
        self.malformed.is_none() && self.faults.is_empty() && self.cells.iter().all(|cell| cell.trim().is_empty())
    }

    /// A fault when the row cannot be told from its neighbours, or a cell that it needs cannot be read.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let wrong = self.faults.iter().find(|fault| !fault.column.is_of_a_guardian());
        self.malformed.as_ref().or(wrong).map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// Cells of guardians that cannot be read: they cost no child.
    pub(super) fn beside(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(|fault| fault.column.is_of_a_guardian())
    }
}

impl Cells for Row {
    fn cell(&self, column: Column) -> &str {
        self.header.place(column).and_then(|at| self.cells.get(at)).map_or("", |text| text.trim())
    }
}

impl<R: Read + Send> Source<R> {
    /// Reads the header, which tells the encoding of a CSV file too.
    ///
    /// # Errors
    /// A file that cannot be read; [`NoRoster`] for one that is something else.
    pub(super) async fn open(kind: RosterKind, mut file: R) -> Result<Result<Self, NoRoster>, Error> {
        let mut head = Vec::new();
        file.by_ref().take(HEAD).read_to_end(&mut head).map_err(unreadable)?;
        let rows = if head.starts_with(b"\xD0\xCF\x11\xE0") {
            return Ok(Err(NoRoster::because(OLD_WORKBOOK)));
        } else if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            let Some(whole) = whole(head, file)? else { return Ok(Err(NoRoster::because(TOO_LARGE))) };
            match Sheet::open(whole).await? {
                Ok(sheet) => Rows::Sheet(sheet),
                Err(why) => return Ok(Err(NoRoster::because(why))),
            }
        } else {
            Rows::Csv(Box::new(Csv::new(Cursor::new(head).chain(file))))
        };
        heading::read(kind, rows).await
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The sheet that is read of a workbook.
    pub(super) fn sheet(&self) -> Option<&Chosen> {
        self.rows.sheet()
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        match &self.rows {
            Rows::Csv(csv) => csv.position(),
            Rows::Sheet(sheet) => sheet.position(),
        }
    }

    /// The next row in which anything stands.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Error> {
        loop {
            self.read = self.read.wrapping_add(1);
            if self.read.is_multiple_of(TURN) {
                tokio::task::yield_now().await;
            }
            let step = match &mut self.rows {
                Rows::Csv(csv) => csv.step(&self.header)?,
                Rows::Sheet(sheet) => sheet.step(&self.header).await?,
            };
            match step {
                Step::End => return Ok(None),
                Step::Row(row) if !row.is_empty() => return Ok(Some(row)),
                Step::Row(_) | Step::Nothing => {}
            }
        }
    }
}

impl<R: Read> Rows<R> {
    async fn texts(&mut self) -> Result<Texts, Error> {
        match self {
            Self::Csv(csv) => csv.texts(),
            Self::Sheet(sheet) => sheet.texts().await,
        }
    }

    fn sheet(&self) -> Option<&Chosen> {
        match self {
            Self::Csv(_) => None,
            Self::Sheet(sheet) => Some(&sheet.chosen),
        }
    }
}

const OLD_WORKBOOK: &str = "旧版或加密的 Excel 工作簿（.xls）无法读取，请另存为 .xlsx 或 CSV 后再导入。An old Excel workbook (.xls), or one \
     with a password: save it as .xlsx or CSV and import that";
const TOO_LARGE: &str =
    "工作簿超过 16 MiB，请分成几个文件或另存为 CSV。The workbook is larger than 16 MiB: divide it, or save it as CSV";

/// A file that can only be read from its end; nothing when it is larger than any may be.
fn whole(head: Vec<u8>, file: impl Read) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let mut whole = Zeroizing::new(head);
    file.take(LARGEST).read_to_end(&mut whole).map_err(unreadable)?;
    let fits = u64::try_from(whole.len()).is_ok_and(|size| size <= LARGEST);
    Ok(fits.then_some(whole))
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::new(Kind::Invalid, format!("文件无法读取。The file cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
