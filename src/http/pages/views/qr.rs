//! A QR code as one path of an SVG, for paper. One stroke for each run of dark modules: a sheet for a whole school stays
//! small enough for a browser to print.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

/// What a template draws: a square of `size` units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    /// Modules in a row, without the quiet zone.
    pub size: usize,
    /// The `d` of the path.
    pub path: String,
}

impl Qr {
    /// The code of an address; `None` when it is too long for any (some 2,300 bytes at this level). Level M forgives the
    /// fold of a slip in a pocket.
    pub fn of(text: &str) -> Option<Self> {
        let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
        let mut path = String::with_capacity(code.size * 64);
        for y in 0..code.size {
            let mut x = 0;
            while x < code.size {
                let run = (x..code.size).take_while(|at| code[y][*at].value()).count();
                if run > 0 {
                    let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
                }
                x += run.max(1);
            }
        }
        Some(Self { size: code.size, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_draws_the_dark_modules_and_nothing_else() {
        let text = "https://id.example.edu.cn/activate?code=7qkd-m2xw-9fhj";
        let qr = Qr::of(text).unwrap();
        let code = QRBuilder::new(text).ecl(ECL::M).build().unwrap();
        let mut drawn = vec![vec![false; qr.size]; qr.size];
        for stroke in qr.path.split_terminator('z') {
            let (place, run) = stroke[1..].split_once('h').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let run: usize = run.split('v').next().unwrap().parse().unwrap();
            drawn[y][x..x + run].fill(true);
        }
        for (y, row) in drawn.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                assert_eq!(*dark, code[y][x].value(), "{x} {y}");
            }
        }
        assert!(Qr::of(&"x".repeat(4000)).is_none());
    }
}
