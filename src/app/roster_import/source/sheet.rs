//! The first sheet of a workbook (.xlsx) as records: unpacked and read on a thread of its own, a few rows ahead of whoever
//! takes them, and not longer than somebody does.

use std::collections::VecDeque;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::cell::Cell;
use super::package::{self, DAMAGED};
use super::{Heading, LONGEST, Row, Step, Texts};
use crate::app::{Error, Kind};
use crate::domain::registry::roster::{Code, Column, Header, Warning};

/// Rows that are handed over at once, and how often before somebody took them.
const TOGETHER: usize = 64;
const AHEAD: usize = 4;
/// Columns; Excel has 16,384, a roster some thirty.
const COLUMNS: u32 = 512;
const MOST_CELLS: usize = 512;
/// Sheets, and cells of each, that are looked into for what is left out.
const OTHERS: usize = 16;
const LOOK: usize = 10_000;
/// Cells after which it is asked whether anybody waits.
const STRIDE: usize = 4096;

const TOO_WIDE: &str = "工作表列数过多。The sheet has more columns than any roster";
const NO_SHEET: &str = "工作簿中没有可见的工作表。The workbook has no visible sheet";
const A_DAY: &str = "此格被电子表格存为日期，请将该列设为文本格式后重新填写。The spreadsheet took the value for a day: format the column \
     as text and type it again";
const LINES: &str = "此格含有换行。The cell has several lines";
const FAILED: &str = "此格的公式出错（如 #N/A）。The formula of the cell came to an error, as #N/A";
const NOT_WORKED_OUT: &str = "此格的公式没有保存结果，请用电子表格软件打开文件并重新保存。The file keeps no value of the formula: open it \
     in a spreadsheet and save it again";
const TOO_LONG: &str = "本行过长，未读。The row is longer than any row can be; it was not read";

/// Which sheet is read, and visible ones beside it that hold something too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::app::roster_import) struct Chosen {
    pub(in crate::app::roster_import) name: String,
    pub(in crate::app::roster_import) others: Vec<String>,
}

impl Chosen {
    /// What is said when other sheets hold something too.
    pub(in crate::app::roster_import) fn warning(&self, column: Column) -> Option<Warning> {
        let others = (!self.others.is_empty()).then(|| self.others.join("、"))?;
        let message = format!(
            "只读取了工作表“{}”，未读取：{others}。Only the first visible sheet was read, and not the others that are named",
            self.name
        );
        Some(Warning { column, code: Code::SheetIgnored, message: message.into() })
    }
}

/// What the thread tells.
enum Told {
    Chosen(Chosen),
    Rows(Vec<Line>),
    /// Why it does not go on.
    Refused(&'static str),
}

/// A row of the sheet; those without a value are none.
struct Line {
    /// As the spreadsheet shows it.
    number: u64,
    cells: Vec<(usize, Cell)>,
    size: usize,
}

pub(super) struct Sheet {
    told: mpsc::Receiver<Told>,
    work: Option<JoinHandle<()>>,
    waiting: VecDeque<Line>,
    pub(super) chosen: Chosen,
    at: Arc<AtomicU64>,
    size: u64,
}

impl Sheet {
    /// Begins to read a workbook; the sentence for whoever sent it when it is none.
    pub(super) async fn open(file: Zeroizing<Vec<u8>>) -> Result<Result<Self, &'static str>, Error> {
        let (teller, told) = mpsc::channel(AHEAD);
        let (at, size) = (Arc::new(AtomicU64::new(0)), u64::try_from(file.len()).unwrap_or(u64::MAX));
        let place = Arc::clone(&at);
        let work = tokio::task::spawn_blocking(move || {
            if let Err(why) = read(file, place, &teller) {
                // Whoever does not wait any more need not hear it.
                drop(teller.blocking_send(Told::Refused(why)));
            }
        });
        let chosen = Chosen::default();
        let mut sheet = Self { told, work: Some(work), waiting: VecDeque::new(), chosen, at, size };
        match sheet.told.recv().await {
            Some(Told::Chosen(chosen)) => sheet.chosen = chosen,
            Some(Told::Refused(why)) => return Ok(Err(why)),
            Some(Told::Rows(_)) | None => return Ok(Err(DAMAGED)),
        }
        Ok(Ok(sheet))
    }

    /// How far it is, in bytes of the file.
    pub(super) fn position(&self) -> u64 {
        if self.work.is_none() { self.size } else { self.at.load(Ordering::Relaxed).min(self.size) }
    }

    /// The next row as a header would be read.
    pub(super) async fn texts(&mut self) -> Result<Texts, Error> {
        let Some(line) = self.line().await? else { return Ok(Texts::None) };
        let mut cells = Vec::new();
        for (at, cell) in line.cells {
            if let Cell::Text(text) = cell {
                cells.resize(cells.len().max(at + 1), String::new());
                cells[at] = text;
            }
        }
        Ok(Texts::Heading(Heading { number: line.number, cells, utf8: true }))
    }

    /// The next row.
    pub(super) async fn step(&mut self, header: &Arc<Header>) -> Result<Step, Error> {
        let Some(line) = self.line().await? else { return Ok(Step::End) };
        if line.size > LONGEST {
            return Ok(Step::Row(Row::malformed(line.number, header, TOO_LONG)));
        }
        let mut row = Row::new(line.number, header);
        for (at, cell) in line.cells {
            let Some(column) = header.column_at(at) else { continue };
            match cell {
                Cell::Text(text) if text.trim().contains('\n') => row.doubt(column, Code::ValueInvalid, LINES),
                Cell::Text(text) => row.fill(at, column, text),
                Cell::Day(day) if column == Column::BirthDate => row.fill(at, column, day),
                Cell::Day(_) => row.doubt(column, Code::ValueInvalid, A_DAY),
                Cell::Failed => row.doubt(column, Code::ValueInvalid, FAILED),
                Cell::NotWorkedOut => row.doubt(column, Code::ValueInvalid, NOT_WORKED_OUT),
                Cell::TooLong => row.doubt(column, Code::ValueInvalid, "内容过长。Longer than any value"),
            }
        }
        Ok(Step::Row(row))
    }

    async fn line(&mut self) -> Result<Option<Line>, Error> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                return Ok(Some(line));
            }
            match self.told.recv().await {
                Some(Told::Rows(lines)) => self.waiting.extend(lines),
                Some(Told::Chosen(_)) => {}
                Some(Told::Refused(why)) => return Err(Error::new(Kind::Invalid, why)),
                None => {
                    let Some(work) = self.work.take() else { return Ok(None) };
                    // It may have stumbled over what no workbook holds.
                    return work.await.map(|()| None).map_err(|_| Error::new(Kind::Invalid, DAMAGED));
                }
            }
        }
    }
}

fn damaged(_: calamine::XlsxError) -> &'static str {
    DAMAGED
}

/// Reads the workbook to its end, or until nobody listens.
fn read(file: Zeroizing<Vec<u8>>, at: Arc<AtomicU64>, teller: &mpsc::Sender<Told>) -> Result<(), &'static str> {
    let gone = || teller.is_closed();
    package::check(&file, &gone)?;
    let mut book = Xlsx::new(Watched { file: Cursor::new(file), at }).map_err(damaged)?;
    let shown = book.sheets_metadata().iter();
    let shown = shown.filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible);
    let names: Vec<String> = shown.map(|sheet| sheet.name.clone()).collect();
    let (name, rest) = names.split_first().ok_or(NO_SHEET)?;
    let mut others = Vec::new();
    for other in rest.iter().take(OTHERS) {
        if gone() {
            return Ok(());
        }
        if holds_anything(&mut book, other) {
            others.push(other.clone());
        }
    }
    let mut cells = book.worksheet_cells_reader(name).map_err(damaged)?;
    if teller.blocking_send(Told::Chosen(Chosen { name: name.clone(), others })).is_err() {
        return Ok(());
    }
    let (mut lines, mut line, mut count): (_, Option<Line>, usize) = (Vec::new(), None, 0);
    while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(damaged)? {
        count += 1;
        if count.is_multiple_of(STRIDE) && gone() {
            return Ok(());
        }
        // Programs write formulas without what they come to: an empty cell would say that there is nothing.
        let said = Cell::read(&cell.value)
            .or_else(|| (cell.formula.is_some() && cell.value == DataRef::Empty).then_some(Cell::NotWorkedOut));
        let Some(value) = said else { continue };
        let (row, column) = cell.pos;
        let number = u64::from(row) + 1;
        if column >= COLUMNS {
            return Err(TOO_WIDE);
        }
        match line.as_ref().map(|line| line.number) {
            Some(open) if open == number => {}
            Some(open) if open > number => return Err(DAMAGED),
            _ => {
                lines.extend(line.take());
                if lines.len() >= TOGETHER && teller.blocking_send(Told::Rows(std::mem::take(&mut lines))).is_err() {
                    return Ok(());
                }
            }
        }
        let open = line.get_or_insert_with(|| Line { number, cells: Vec::new(), size: 0 });
        open.size += value.size();
        // What is too long is told, and not held.
        if open.size <= LONGEST && open.cells.len() < MOST_CELLS {
            open.cells.push((usize::try_from(column).unwrap_or(usize::MAX), value));
        }
    }
    lines.extend(line);
    // The end is told by silence.
    drop(teller.blocking_send(Told::Rows(lines)));
    Ok(())
}

fn holds_anything(book: &mut Xlsx<Watched>, name: &str) -> bool {
    let Ok(mut cells) = book.worksheet_cells_reader(name) else { return false };
    let looked = std::iter::from_fn(|| cells.next_cell().ok().flatten());
    looked.take(LOOK).any(|cell| Cell::read(cell.get_value()).is_some())
}

/// A file that says where it is read.
struct Watched {
    file: Cursor<Zeroizing<Vec<u8>>>,
    at: Arc<AtomicU64>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.at.store(self.file.position(), Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}
