//! Erasure on request 删除申请 (PIPL 47; ruling R18): most goes at once, what the law keeps is restricted until its term ends, and until
//! it is final it can be taken back.

use std::time::Duration;

use super::codes::codes;
use crate::domain::id::{ErasureId, PersonId};
use crate::domain::time::Timestamp;

/// So long it can be taken back in any case: there is no way back afterwards, and somebody else may have asked at her keyboard.
pub const RECONSIDER: Duration = Duration::from_secs(7 * 86_400);

codes! {
    /// How far it is.
    ErasureState {
        Waiting = "waiting", "待完成";
        Withdrawn = "withdrawn", "已撤回";
        Done = "done", "已完成";
    }
}

codes! {
    /// What the law keeps of somebody, as long as it stands.
    Keeps {
        Stay = "stay", "学籍";
        Post = "post", "任职";
        Role = "role", "管理职责";
        Ward = "ward", "对未成年人的监护";
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct ErasureRequest {
    /// Its id.
    pub id: ErasureId,
    /// Whose record.
    pub person: PersonId,
    /// Who asked: herself, or a guardian.
    pub asked_by: PersonId,
    /// When.
    pub asked_at: Timestamp,
    /// How far it is.
    pub state: ErasureState,
    /// When it was taken back or done.
    pub ended_at: Option<Timestamp>,
    /// Of the code that stands for an account which is gone.
    pub code_digest: Option<[u8; 32]>,
    /// Counts changes.
    pub version: i64,
}

impl ErasureRequest {
    /// From when on it may become final.
    pub fn final_from(&self) -> Timestamp {
        self.asked_at.plus(RECONSIDER)
    }

    /// It is over; its code is nobody's.
    #[must_use]
    pub fn ended(self, state: ErasureState, now: Timestamp) -> Self {
        Self { state, ended_at: Some(now), code_digest: None, version: self.version + 1, ..self }
    }
}
