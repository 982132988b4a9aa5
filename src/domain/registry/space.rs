//! Spaces 空间 (网络学习空间): everybody has exactly one personal space, whatever identities come and go.

use thiserror::Error;
use url::Url;

use super::codes::codes;
use crate::domain::id::SpaceId;
use crate::domain::issuer::is_loopback;
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

/// Where the people of a platform open their space: one address for all of them, so that it names nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceAddress(String);

/// Why a text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it must be an https address (http on localhost only) without user name, password or fragment")]
pub struct SpaceAddressFault;

impl SpaceAddress {
    /// Reads one.
    ///
    /// # Errors
    /// [`SpaceAddressFault`].
    pub fn parse(text: &str) -> Result<Self, SpaceAddressFault> {
        let url = Url::parse(text).map_err(|_| SpaceAddressFault)?;
        let secure = match (url.scheme(), url.host()) {
            ("https", Some(_)) => true,
            ("http", Some(host)) => is_loopback(&host),
            _ => false,
        };
        if !secure || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(SpaceAddressFault);
        }
        Ok(Self(url.into()))
    }

    /// As it stands in claims.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_secure_and_names_nobody() {
        for good in ["https://space.edu.example/enter?from=mingji", "http://localhost:8081/space"] {
            assert_eq!(SpaceAddress::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "space.edu.example",
            "http://space.edu.example/",
            "ftp://space.edu.example/",
            "https://u@space.edu.example/",
            "https://u:p@space.edu.example/",
            "https://space.edu.example/#me",
            "javascript:alert(1)",
        ] {
            assert_eq!(SpaceAddress::parse(bad), Err(SpaceAddressFault), "{bad}");
        }
    }
}
