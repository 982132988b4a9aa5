//! Why a request of a relying party failed, and what its developer does about it.

use super::faults_en::en;
use super::faults_zh::zh;
use crate::domain::oidc::fault::FaultKind;
use crate::domain::oidc::redirect::Part;

/// One kind of failure: what happened, and the way out.
#[derive(Clone, Copy)]
pub struct FaultText {
    pub what: &'static str,
    pub way_out: &'static str,
}

/// The texts of one language.
pub struct Faults {
    pub of: fn(FaultKind) -> FaultText,
    pub part: fn(Part) -> &'static str,
}

pub(super) const fn text(what: &'static str, way_out: &'static str) -> FaultText {
    FaultText { what, way_out }
}

/// 中文。
pub const ZH: Faults = Faults { of: zh, part: part_zh };
/// English.
pub const EN: Faults = Faults { of: en, part: part_en };

fn part_zh(part: Part) -> &'static str {
    match part {
        Part::Unreadable => "不是完整的网址",
        Part::Scheme => "协议不同（http 与 https）",
        Part::Host => "主机名不同",
        Part::HostCase => "主机名的大小写不同",
        Part::Port => "端口不同，或者一边写了端口、一边没有写",
        Part::Path => "路径不同",
        Part::PathCase => "路径的大小写不同",
        Part::TrailingSlash => "只差末尾的斜杠“/”",
        Part::Query => "问号后面的参数不同",
        Part::Fragment => "带了“#”后面的部分",
        Part::Spelling => "写法不同（转义或“./”）",
    }
}

fn part_en(part: Part) -> &'static str {
    match part {
        Part::Unreadable => "it is not a whole address",
        Part::Scheme => "the scheme differs (http and https)",
        Part::Host => "the host differs",
        Part::HostCase => "the host is written in other letter case",
        Part::Port => "the port differs, or only one of the two names it",
        Part::Path => "the path differs",
        Part::PathCase => "the path is written in other letter case",
        Part::TrailingSlash => "only the slash at the end differs",
        Part::Query => "the parameters after the question mark differ",
        Part::Fragment => "it carries a part behind “#”",
        Part::Spelling => "it is spelled differently (escapes, or “./”)",
    }
}
