//! What rests on a relation ends with it, whoever was erased comes again only by a county's word, and whose rights ended a
//! moment ago has none.

mod ends;
mod erased;
mod kept_away;
mod many;
mod papers;
mod passports;
mod races;
mod slices;
mod undone;
