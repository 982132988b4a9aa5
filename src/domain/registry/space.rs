//! Spaces 空间 (网络学习空间): everybody has exactly one personal space, whatever identities come and go.

use super::codes::codes;
use crate::domain::id::SpaceId;
use crate::domain::time::Timestamp;

codes! {
    /// Whose space it is.
    SpaceKind {
        Personal = "personal", "个人空间";
        Class = "class", "班级空间";
        School = "school", "学校空间";
        Region = "region", "区域空间";
        Institution = "institution", "机构空间";
    }
}

codes! {
    /// Its state.
    SpaceStatus {
        Active = "active", "正常";
        Merged = "merged", "已合并";
        Closed = "closed", "已关闭";
    }
}

/// A space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Its id.
    pub id: SpaceId,
    /// Whose.
    pub kind: SpaceKind,
    /// Where it is served, when known.
    pub url: Option<String>,
    /// Its state.
    pub status: SpaceStatus,
    /// The survivor of a merge.
    pub merged_into: Option<SpaceId>,
    /// Since when.
    pub created_at: Timestamp,
}

impl Space {
    /// A fresh personal space.
    pub fn personal(id: SpaceId, url: Option<String>, now: Timestamp) -> Self {
        Self { id, kind: SpaceKind::Personal, url, status: SpaceStatus::Active, merged_into: None, created_at: now }
    }
}
