//! Arguments that are one of a table's codes: help and refusals list them all.

use std::error::Error;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Reads one of `all`, as `code` writes it.
pub fn one_of<T>(all: &[T], code: fn(T) -> &'static str) -> impl TypedValueParser<Value = T> + use<T>
where
    T: Copy + FromStr + Send + Sync + 'static,
    T::Err: Error + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.iter().map(|one| code(*one))).try_map(|text| text.parse::<T>())
}
