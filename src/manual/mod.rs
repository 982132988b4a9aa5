//! The manual: why Mingji is as it is. What the code does stands beside the code; these pages hold what no
//! single file could say.

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("decisions.md")]
pub mod decisions {}

#[doc = include_str!("threats.md")]
pub mod threats {}

#[doc = include_str!("asvs.md")]
pub mod asvs {}

#[doc = include_str!("conformance.md")]
pub mod conformance {}

#[doc = include_str!("add_an_endpoint.md")]
pub mod add_an_endpoint {}

#[doc = include_str!("glossary.md")]
pub mod glossary {}

#[doc = include_str!("visual_language.md")]
pub mod visual_language {}
