//! A CSV file as a stream of rows. UTF-8 with or without BOM, or GB 18030: in neither can a byte of a character be
//! mistaken for a comma, a quote or a line end, so records are cut before they are decoded, and one bad row costs no other.

use std::borrow::Cow;
use std::io::Read;

use csv::ByteRecord;
use encoding_rs::{Encoding, GB18030, UTF_8};

use crate::app::{Error, Kind};
use crate::domain::registry::roster::{Cells, Code, Column, Fault, Header, HeaderError, RosterKind};

/// A row of a school is a few hundred bytes; a quote that is never closed would swallow the rest of the file.
const LONGEST: usize = 64 * 1024;

pub(super) struct Source<R> {
    reader: csv::Reader<std::io::Take<R>>,
    record: ByteRecord,
    header: Header,
    encoding: &'static Encoding,
    row: u64,
}

/// The decoded cells of one row.
pub(super) struct Row {
    pub(super) number: u64,
    cells: Vec<String>,
    header: Header,
    undecodable: Option<Column>,
}

impl Row {
    /// A fault when a cell that means something could not be decoded.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.undecodable {
            None => Ok(()),
            Some(column) => Err(Fault::new(
                column,
                Code::Encoding,
                "the cell is neither in UTF-8 nor in GB 18030, as the header is",
            )),
        }
    }
}

impl Cells for Row {
    fn cell(&self, column: Column) -> &str {
        self.header.place(column).and_then(|at| self.cells.get(at)).map_or("", |text| text.trim())
    }
}

impl<R: Read> Source<R> {
    /// Reads the header, which tells the encoding too.
    pub(super) fn open(kind: RosterKind, file: R) -> Result<Self, Error> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file.take(u64::MAX));
        let mut record = ByteRecord::new();
        let there = reader.read_byte_record(&mut record).map_err(unreadable)?;
        if !there {
            return Err(Error::new(Kind::Invalid, "the file is empty"));
        }
        let read = |encoding: &'static Encoding| {
            let cells: Vec<_> = record.iter().map(|cell| decode(encoding, cell)).collect();
            Header::read(kind, cells.iter().map(|(text, _)| text.as_ref()))
        };
        let utf8 = record.iter().all(|cell| !decode(UTF_8, cell).1);
        let encoding = if utf8 { UTF_8 } else { GB18030 };
        let header = read(encoding).map_err(|error| match error {
            HeaderError::Missing(_) if !utf8 => {
                Error::new(Kind::Invalid, format!("{error}; the file was read as GB 18030, because it is not UTF-8"))
            }
            error => Error::new(Kind::Invalid, error.to_string()),
        })?;
        Ok(Self { reader, record: ByteRecord::new(), header, encoding, row: 1 })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        self.reader.position().byte()
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Error> {
        if !self.reader.read_byte_record(&mut self.record).map_err(unreadable)? {
            return Ok(None);
        }
        self.row += 1;
        if self.record.as_slice().len() > LONGEST {
            let why = format!("row {} is longer than any row can be; is a quotation mark not closed?", self.row);
            return Err(Error::new(Kind::Invalid, why));
        }
        let mut undecodable = None;
        let mut cells = Vec::with_capacity(self.record.len());
        for (at, cell) in self.record.iter().enumerate() {
            let (text, broken) = decode(self.encoding, cell);
            if broken && undecodable.is_none() {
                undecodable = self.header.column_at(at);
            }
            cells.push(text.into_owned());
        }
        Ok(Some(Row { number: self.row, cells, header: self.header.clone(), undecodable }))
    }
}

fn decode<'a>(encoding: &'static Encoding, cell: &'a [u8]) -> (Cow<'a, str>, bool) {
    encoding.decode_with_bom_removal(cell)
}

fn unreadable(error: csv::Error) -> Error {
    Error::new(Kind::Invalid, format!("the file cannot be read: {error}"))
}
