//! A CSV file as a stream of rows. UTF-8 with or without BOM, or GB 18030: in neither can a byte of a character be
//! mistaken for a comma, a quote or a line end, so records are cut before they are decoded, and one bad row costs no
//! other: not even one whose quotation mark is never closed.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;

use csv_core::ReadRecordResult;
use encoding_rs::{Encoding, GB18030, UTF_8};

use crate::app::{Error, Kind};
use crate::domain::registry::roster::{Cells, Code, Column, Fault, Header, HeaderError, RosterKind};

/// Bytes. A row of a school is a few hundred; a quote that is never closed would swallow the rest of the file.
const LONGEST: usize = 64 * 1024;
const BUFFER: usize = 64 * 1024;

pub(super) struct Source<R> {
    lines: Lines<R>,
    cutter: Cutter,
    header: Arc<Header>,
    encoding: &'static Encoding,
    row: u64,
}

/// Why a file is no such roster: what the report says, and the sentence for whoever called.
pub(super) struct NoRoster {
    pub(super) faults: Vec<Fault>,
    pub(super) reason: String,
}

/// The decoded cells of one row.
pub(super) struct Row {
    pub(super) number: u64,
    cells: Vec<String>,
    header: Arc<Header>,
    fault: Option<Fault>,
}

impl Row {
    /// A fault when the row cannot be told from its neighbours, or a cell that means something cannot be read.
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.fault.clone().map_or(Ok(()), Err)
    }
}

impl Cells for Row {
    fn cell(&self, column: Column) -> &str {
        self.header.place(column).and_then(|at| self.cells.get(at)).map_or("", |text| text.trim())
    }
}

impl<R: Read> Source<R> {
    /// Reads the header, which tells the encoding too.
    ///
    /// # Errors
    /// A file that cannot be read; [`NoRoster`] for one that is something else.
    pub(super) fn open(kind: RosterKind, file: R) -> Result<Result<Self, NoRoster>, Error> {
        let mut lines = Lines { input: BufReader::with_capacity(BUFFER, file), again: VecDeque::new(), bytes: 0 };
        let first = match lines.next()? {
            Some(Line::Text(first)) => without_mark(first),
            Some(Line::TooLong) => {
                return Ok(Err(NoRoster::because("the first line is longer than any header can be")));
            }
            None => return Ok(Err(NoRoster::because("the file is empty"))),
        };
        if let Some(reason) = something_else(&first) {
            return Ok(Err(NoRoster::because(reason)));
        }
        let mut cutter = Cutter::new();
        let record: Vec<&[u8]> = cutter.cut(&first).into_iter().flatten().collect();
        let read = |encoding: &'static Encoding| {
            let cells: Vec<_> = record.iter().map(|cell| decode(encoding, cell)).collect();
            Header::read(kind, cells.iter().map(|(text, _)| text.as_ref()))
        };
        let utf8 = record.iter().all(|cell| !decode(UTF_8, cell).1);
        let encoding = if utf8 { UTF_8 } else { GB18030 };
        let header = read(encoding);
        Ok(match header {
            Ok(header) => Ok(Self { lines, cutter, header: Arc::new(header), encoding, row: 1 }),
            Err(error) => Err(NoRoster::of_header(&error, &first, utf8)),
        })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.lines.bytes
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Error> {
        let first = loop {
            match self.lines.next()? {
                None => return Ok(None),
                // Files that were put together carry the mark of each in their midst.
                Some(Line::Text(line)) if self.encoding == UTF_8 => match without_mark(line) {
                    line if line.is_empty() => {}
                    line => break Line::Text(line),
                },
                Some(Line::Text(line)) if line.is_empty() => {}
                Some(line) => break line,
            }
        };
        self.row += 1;
        let Line::Text(mut record) = first else {
            return Ok(Some(self.malformed("the row is longer than any row can be; it was not read")));
        };
        let mut more = Vec::new();
        while is_open(&record) {
            match self.lines.next()? {
                Some(Line::Text(line)) if record.len() + line.len() < LONGEST => {
                    record.push(b'\n');
                    record.extend_from_slice(&line);
                    more.push(line);
                }
                behind => {
                    self.lines.put_back(more, behind);
                    return Ok(Some(self.malformed(UNCLOSED)));
                }
            }
        }
        let Some(row) = self.decoded(&record) else {
            self.lines.put_back(more, None);
            return Ok(Some(self.malformed(UNCLOSED)));
        };
        if !more.is_empty() && row.header.places().any(|at| row.cells.get(at).is_some_and(|cell| cell.contains('\n'))) {
            self.lines.put_back(more, None);
            return Ok(Some(self.malformed(UNCLOSED)));
        }
        Ok(Some(row))
    }

    fn decoded(&mut self, record: &[u8]) -> Option<Row> {
        let mut fault = None;
        let mut cells = Vec::new();
        for (at, cell) in self.cutter.cut(record)?.enumerate() {
            let Some(column) = self.header.column_at(at) else {
                cells.push(String::new());
                continue;
            };
            let (text, broken) = decode(self.encoding, cell);
            if fault.is_none() && broken {
                let why = "the cell is neither in UTF-8 nor in GB 18030, as the header is";
                fault = Some(Fault::new(column, Code::Encoding, why));
            } else if fault.is_none() && text.trim().chars().any(char::is_control) && !text.contains('\n') {
                fault = Some(Fault::new(column, Code::ValueInvalid, "the cell holds a control character"));
            }
            cells.push(text.into_owned());
        }
        Some(Row { number: self.row, cells, header: Arc::clone(&self.header), fault })
    }

    fn malformed(&self, why: &'static str) -> Row {
        let fault = Fault::new(self.header.first(), Code::RowMalformed, why);
        Row { number: self.row, cells: Vec::new(), header: Arc::clone(&self.header), fault: Some(fault) }
    }
}

const UNCLOSED: &str = "a quotation mark in the row is not closed; the row was not read, those behind it were";

impl NoRoster {
    fn because(reason: impl Into<String>) -> Self {
        Self { faults: Vec::new(), reason: reason.into() }
    }

    fn of_header(error: &HeaderError, line: &[u8], utf8: bool) -> Self {
        let mut reason = error.to_string();
        if matches!(error, HeaderError::Missing(_)) {
            if [b'\t', b';'].iter().any(|mark| line.contains(mark)) && !line.contains(&b',') {
                reason += "; its columns are not separated by commas: save it as CSV (UTF-8, comma)";
            } else if !utf8 {
                reason += "; the file was read as GB 18030, because it is not UTF-8";
            }
        }
        Self { faults: error.faults(), reason }
    }
}

/// What people take for CSV.
fn something_else(line: &[u8]) -> Option<&'static str> {
    if line.starts_with(b"PK\x03\x04") || line.starts_with(b"\xD0\xCF\x11\xE0") {
        Some("this is an Excel workbook: save it as CSV UTF-8 (comma) and import that")
    } else if line.starts_with(b"\xFF\xFE") || line.starts_with(b"\xFE\xFF") || line.contains(&0) {
        Some("encoding: the file is in UTF-16: save it as CSV UTF-8 (comma) and import that")
    } else {
        None
    }
}

/// Physical lines: cut at any kind of line end, and never more of one in memory than a row may have.
struct Lines<R> {
    input: BufReader<R>,
    again: VecDeque<Line>,
    bytes: u64,
}

enum Line {
    Text(Vec<u8>),
    TooLong,
}

impl<R: Read> Lines<R> {
    fn next(&mut self) -> Result<Option<Line>, Error> {
        if let Some(line) = self.again.pop_front() {
            return Ok(Some(line));
        }
        let (mut line, mut too_long, mut any) = (Vec::new(), false, false);
        loop {
            let buffer = self.input.fill_buf().map_err(unreadable)?;
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let text = &buffer[..end.unwrap_or(buffer.len())];
            too_long |= line.len() + text.len() > LONGEST;
            if !too_long {
                line.extend_from_slice(text);
            }
            let (used, mark) = end.map_or((buffer.len(), None), |end| (end + 1, Some(buffer[end])));
            self.consume(used);
            if mark == Some(b'\r') && self.input.fill_buf().map_err(unreadable)?.first() == Some(&b'\n') {
                self.consume(1);
            }
            if mark.is_some() {
                break;
            }
        }
        Ok(any.then_some(if too_long { Line::TooLong } else { Line::Text(line) }))
    }

    fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
        self.bytes += u64::try_from(bytes).unwrap_or(0);
    }

    /// Lines that belong to no record after all, and the one behind them.
    fn put_back(&mut self, lines: Vec<Vec<u8>>, behind: Option<Line>) {
        for line in lines.into_iter().map(Line::Text).chain(behind).rev() {
            self.again.push_front(line);
        }
    }
}

/// Whether a quoted cell goes on behind the record (RFC 4180, 2.5 to 2.7). A quotation mark inside a cell that does not
/// begin with one is a character like others.
fn is_open(record: &[u8]) -> bool {
    let (mut quoted, mut start) = (false, true);
    let mut bytes = record.iter().peekable();
    while let Some(byte) = bytes.next() {
        match (quoted, byte) {
            (true, b'"') if bytes.peek() == Some(&&b'"') => {
                bytes.next();
            }
            (true, b'"') => quoted = false,
            (false, b'"') if start => quoted = true,
            _ => {}
        }
        start = !quoted && *byte == b',';
    }
    quoted
}

/// Cuts a record into its cells. The automaton and the space are made once for a file, not for each row.
struct Cutter {
    automaton: csv_core::Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl Cutter {
    fn new() -> Self {
        Self { automaton: csv_core::Reader::new(), cells: Vec::new(), ends: Vec::new() }
    }

    /// The cells of one record without its line end; `None` when a quotation mark in it is not closed.
    fn cut(&mut self, record: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
        self.cells.resize(record.len() + 1, 0);
        self.ends.resize(record.iter().filter(|byte| **byte == b',').count() + 2, 0);
        let (_, read, text, first) = self.automaton.read_record(record, &mut self.cells, &mut self.ends);
        let (end, .., last) = self.automaton.read_record(b"\n", &mut self.cells[text..], &mut self.ends[first..]);
        if read < record.len() || !matches!(end, ReadRecordResult::Record) {
            self.automaton.reset();
            return None;
        }
        let (cells, mut start) = (self.cells.as_slice(), 0);
        Some(self.ends[..first + last].iter().map(move |end| {
            let cell = &cells[start..*end];
            start = *end;
            cell
        }))
    }
}

/// A line without the byte order mark that it may begin with.
fn without_mark(mut line: Vec<u8>) -> Vec<u8> {
    if line.starts_with(b"\xEF\xBB\xBF") {
        line.drain(..3);
    }
    line
}

fn decode<'a>(encoding: &'static Encoding, cell: &'a [u8]) -> (Cow<'a, str>, bool) {
    encoding.decode_with_bom_removal(cell)
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::new(Kind::Invalid, format!("the file cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "学校标识码,姓名,身份证件号,备注\n";

    fn rows(file: &[u8]) -> Vec<(u64, Option<Code>, String)> {
        let mut source = Source::open(RosterKind::Staff, file).unwrap().ok().unwrap();
        let mut found = Vec::new();
        while let Some(row) = source.next().unwrap() {
            found.push((row.number, row.check().err().map(|fault| fault.code), row.cell(Column::Name).to_owned()));
        }
        assert_eq!(source.position(), u64::try_from(file.len()).unwrap());
        found
    }

    fn good(number: u64, name: &str) -> (u64, Option<Code>, String) {
        (number, None, name.to_owned())
    }

    #[test]
    fn lines_end_as_they_like() {
        let file = format!("{HEAD}1,甲,x,\r\n\r\n1,乙,x,\r1,丙,x,\n1,丁,x,");
        assert_eq!(rows(file.as_bytes()), [good(2, "甲"), good(3, "乙"), good(4, "丙"), good(5, "丁")]);
    }

    #[test]
    fn a_mark_that_is_not_closed_costs_its_row() {
        let bad = |number| (number, Some(Code::RowMalformed), String::new());
        let file = format!("{HEAD}1,\"甲,x,\n1,乙,x,\n1,丙,x,\n");
        assert_eq!(rows(file.as_bytes()), [bad(2), good(3, "乙"), good(4, "丙")]);
        let later = format!("{HEAD}1,\"甲,x,\n1,乙,x,\n1,\"丙\",x,\n");
        assert_eq!(
            rows(later.as_bytes())[1..],
            [good(3, "乙"), good(4, "丙")],
            "nor when another one seems to close it"
        );
        let remark = format!("{HEAD}1,\"甲\",x,\"one\nand, two\"\n1,5\" 乙,x,\n");
        assert_eq!(rows(remark.as_bytes()), [good(2, "甲"), good(3, "5\" 乙")], "a remark may have lines");
    }

    #[test]
    fn a_row_without_end_costs_neither_memory_nor_its_neighbours() {
        let mut file = format!("{HEAD}1,甲,x,\n1,").into_bytes();
        file.extend(std::iter::repeat_n(b'x', 3 * LONGEST));
        file.extend_from_slice("\n1,乙,x,\n".as_bytes());
        let found = rows(&file);
        assert_eq!(
            (found[0].clone(), found[1].1, found[2].clone()),
            (good(2, "甲"), Some(Code::RowMalformed), good(4, "乙"))
        );
    }

    #[test]
    fn marks_of_files_put_together_cost_nothing() {
        let file = format!("\u{feff}{HEAD}1,甲,x,\n\u{feff}\n\u{feff}1,乙,x,\n\u{feff}\"1\",丙,x,\n");
        assert_eq!(rows(file.as_bytes()), [good(2, "甲"), good(3, "乙"), good(4, "丙")]);
        for nothing in ["\n1,甲\n", "\u{feff}", "\u{feff}\n"] {
            let refused = Source::open(RosterKind::Staff, nothing.as_bytes()).unwrap().err().unwrap();
            assert!(!refused.faults.is_empty(), "the report names the columns that are missing");
        }
    }

    #[test]
    fn control_characters_stay_out() {
        let found = rows(format!("{HEAD}1,甲\u{0},x,\n1,乙,x,\u{7}\n").as_bytes());
        assert_eq!(found[0].1, Some(Code::ValueInvalid));
        assert_eq!(found[1], good(3, "乙"), "what means nothing may hold anything");
    }

    #[test]
    fn what_is_no_csv_is_told_so() {
        let told = |file: &[u8]| Source::open(RosterKind::Staff, file).unwrap().err().unwrap().reason;
        assert!(told(b"PK\x03\x04rest").contains("Excel"));
        assert!(told(b"\xFF\xFEx\0y\0").contains("UTF-16"));
        assert!(told("学校标识码\t姓名\t身份证件号".as_bytes()).contains("commas"));
        assert!(told(b"").contains("empty"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let file = [HEAD.as_bytes(), &bytes].concat();
            let found = rows(&file);
            let numbers: Vec<u64> = found.iter().map(|row| row.0).collect();
            prop_assert_eq!(numbers, (2..).take(found.len()).collect::<Vec<u64>>());
        }
    }
}
