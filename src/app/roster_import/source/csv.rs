//! A CSV file as records. UTF-8 with or without BOM, or GB 18030: in neither can a byte of a character be mistaken for a
//! comma, a quote or a line end, so records are cut before they are decoded, and one bad row costs no other: not even
//! one whose quotation mark is never closed.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::Arc;

use csv_core::ReadRecordResult;
use encoding_rs::{Encoding, GB18030, UTF_8};

use super::{Heading, LONGEST, Row, Step, Texts, unreadable};
use crate::app::Error;
use crate::domain::registry::roster::{Code, Header};

const BUFFER: usize = 64 * 1024;
/// Lines of a record: a remark has some. Each is read again for every mark before it that is not closed, so that these
/// are what such a mark costs.
const LINES: usize = 32;

const UNCLOSED: &str = "引号没有成对，本行未读，其后各行照常读取。A quotation mark is not closed; the row was not read, those behind it were";
const TOO_LONG: &str = "本行过长，未读。The row is longer than any row can be; it was not read";

pub(super) struct Csv<R> {
    lines: Lines<R>,
    cutter: Cutter,
    encoding: &'static Encoding,
    /// Of the record that was read last.
    number: u64,
}

/// What the next lines are.
enum Raw {
    End,
    Blank,
    TooLong,
    Unclosed,
    /// A record, and its lines behind the first.
    Record(Vec<u8>, Vec<Vec<u8>>),
}

impl<R: Read> Csv<R> {
    pub(super) fn new(file: R) -> Self {
        let lines = Lines { input: BufReader::with_capacity(BUFFER, file), again: VecDeque::new(), bytes: 0 };
        Self { lines, cutter: Cutter::new(), encoding: UTF_8, number: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.lines.bytes
    }

    /// The next record as a header would be read; its encoding is that of the file.
    pub(super) fn texts(&mut self) -> Result<Texts, Error> {
        let record = match self.raw()? {
            Raw::End => return Ok(Texts::None),
            Raw::TooLong => return Ok(Texts::Not("首行过长。The first line is longer than any header can be")),
            Raw::Blank | Raw::Unclosed => Vec::new(),
            Raw::Record(record, _) => record,
        };
        self.number += 1;
        if record.starts_with(b"\xFF\xFE") || record.starts_with(b"\xFE\xFF") || record.contains(&0) {
            return Ok(Texts::Not(
                "文件编码为 UTF-16，请另存为“CSV UTF-8（逗号分隔）”。encoding: the file is in UTF-16: save it as CSV UTF-8 (comma)",
            ));
        }
        let cells: Vec<&[u8]> = self.cutter.cut(&record).into_iter().flatten().collect();
        let utf8 = cells.iter().all(|cell| !decode(UTF_8, cell).1);
        self.encoding = if utf8 { UTF_8 } else { GB18030 };
        let cells = cells.iter().map(|cell| decode(self.encoding, cell).0.into_owned()).collect();
        Ok(Texts::Heading(Heading { number: self.number, cells, utf8 }))
    }

    /// The next row.
    pub(super) fn step(&mut self, header: &Arc<Header>) -> Result<Step, Error> {
        let (record, more) = match self.raw()? {
            Raw::End => return Ok(Step::End),
            Raw::Blank => return Ok(Step::Nothing),
            Raw::TooLong => return Ok(self.malformed(header, TOO_LONG)),
            Raw::Unclosed => return Ok(self.malformed(header, UNCLOSED)),
            Raw::Record(record, more) => (record, more),
        };
        // A cell that means something has no lines: the mark was one too many, and these are other rows.
        match self.decoded(&record, header) {
            Some(row) if more.is_empty() || !row.has_lines() => {
                self.number += 1;
                Ok(Step::Row(row))
            }
            _ => {
                self.lines.put_back(more, None);
                Ok(self.malformed(header, UNCLOSED))
            }
        }
    }

    fn raw(&mut self) -> Result<Raw, Error> {
        let mut record = match self.lines.next()? {
            None => return Ok(Raw::End),
            Some(Line::TooLong) => return Ok(Raw::TooLong),
            // Files that were put together carry the mark of each in their midst.
            Some(Line::Text(line)) if self.encoding == UTF_8 => without_mark(line),
            Some(Line::Text(line)) => line,
        };
        if record.is_empty() {
            return Ok(Raw::Blank);
        }
        let (mut quote, mut more) = (Quote::default(), Vec::new());
        quote.read(&record);
        while quote.open {
            match self.lines.next()? {
                Some(Line::Text(line)) if record.len() + line.len() < LONGEST && more.len() + 1 < LINES => {
                    quote.read(&line);
                    record.push(b'\n');
                    record.extend_from_slice(&line);
                    more.push(line);
                }
                behind => {
                    self.lines.put_back(more, behind);
                    return Ok(Raw::Unclosed);
                }
            }
        }
        Ok(Raw::Record(record, more))
    }

    fn decoded(&mut self, record: &[u8], header: &Arc<Header>) -> Option<Row> {
        let mut row = Row::new(self.number + 1, header);
        for (at, cell) in self.cutter.cut(record)?.enumerate() {
            let Some(column) = header.column_at(at) else { continue };
            let (text, broken) = decode(self.encoding, cell);
            if broken {
                let why = "此格的编码与表头不同。The cell is neither in UTF-8 nor in GB 18030, as the header is";
                row.doubt(column, Code::Encoding, why);
            } else {
                row.fill(at, column, text.into_owned());
            }
        }
        Some(row)
    }

    fn malformed(&mut self, header: &Arc<Header>, why: &'static str) -> Step {
        self.number += 1;
        Step::Row(Row::malformed(self.number, header, why))
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

/// Whether a quoted cell goes on behind the lines that were read (RFC 4180, 2.5 to 2.7). A quotation mark inside a cell
/// that does not begin with one is a character like others.
#[derive(Default)]
struct Quote {
    open: bool,
}

impl Quote {
    /// The next line of the record: a record goes on within a cell only, so that a line begins a cell or is inside one.
    fn read(&mut self, line: &[u8]) {
        let mut start = !self.open;
        let mut bytes = line.iter().peekable();
        while let Some(byte) = bytes.next() {
            match (self.open, byte) {
                (true, b'"') if bytes.peek() == Some(&&b'"') => {
                    bytes.next();
                }
                (true, b'"') => self.open = false,
                (false, b'"') if start => self.open = true,
                _ => {}
            }
            start = !self.open && *byte == b',';
        }
    }
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
