//! A statement is a constant at the top of its aggregate's file, so that a test can prepare every one of
//! them on both engines.

/// One SQL text; two where an engine needs its own clause (`statements!` and its `claim`).
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// `table.NAME`, for error messages and the test that prepares it.
    pub name: &'static str,
    pub(super) lite: &'static str,
    pub(super) pg: &'static str,
}

impl Statement {
    #[doc(hidden)]
    pub const fn shared(name: &'static str, sql: &'static str) -> Self {
        Self { name, lite: sql, pg: sql }
    }

    #[doc(hidden)]
    pub const fn claim(name: &'static str, lite: &'static str, pg: &'static str) -> Self {
        Self { name, lite, pg }
    }

    /// Its text, for the test that looks for what it writes.
    #[cfg(test)]
    pub(crate) const fn text(&self) -> &'static str {
        self.lite
    }

    /// The same question on either engine, without keeping what it finds from anybody.
    pub(super) const fn unheld(self) -> Self {
        Self::shared(self.name, self.lite)
    }
}

/// Declares the statements of a file and the list `STATEMENTS` of all of them.
///
/// `@claim NAME = "UPDATE … WHERE id = (SELECT id … LIMIT 1", ") AND …";` takes one job: PostgreSQL's
/// inner SELECT gets `FOR UPDATE SKIP LOCKED`, SQLite's writer is alone anyway (R20). `@hold NAME = "SELECT …";` keeps the
/// rows it reads from everybody else until the transaction ends; `@share NAME = "SELECT …";` from whoever would hold them;
/// `@still NAME = "SELECT … FROM … held …";` those of the table that it calls `held` from whoever would change them, one
/// after the other: many who share a row would never let go of it for whoever wants to end it. `@still_after NAME = "SELECT
/// … FROM … first … held …";` shares the row that it calls `first` before it holds those of `held`, in the order in which
/// whoever ends them takes them: two who take them the other way round would wait for each other.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)* $(@claim $claim:ident = $head:literal, $tail:literal;)* $(@hold $hold:ident = $held:literal;)* $(@share $share:ident = $shared:literal;)* $(@still $still:ident = $stilled:literal;)* $(@still_after $after:ident = $ordered:literal;)*) => {
        $($(#[$doc])* const $name: $crate::store::db::Statement =
            $crate::store::db::Statement::shared(concat!(module_path!(), "::", stringify!($name)), $sql);)*
        $(const $claim: $crate::store::db::Statement = $crate::store::db::Statement::claim(
            concat!(module_path!(), "::", stringify!($claim)), concat!($head, $tail), concat!($head, " FOR UPDATE SKIP LOCKED", $tail));)*
        $(const $hold: $crate::store::db::Statement = $crate::store::db::Statement::claim(
            concat!(module_path!(), "::", stringify!($hold)), $held, concat!($held, " FOR UPDATE"));)*
        $(const $share: $crate::store::db::Statement = $crate::store::db::Statement::claim(
            concat!(module_path!(), "::", stringify!($share)), $shared, concat!($shared, " FOR KEY SHARE"));)*
        $(const $still: $crate::store::db::Statement = $crate::store::db::Statement::claim(
            concat!(module_path!(), "::", stringify!($still)), $stilled, concat!($stilled, " FOR NO KEY UPDATE OF held"));)*
        $(const $after: $crate::store::db::Statement = $crate::store::db::Statement::claim(
            concat!(module_path!(), "::", stringify!($after)), $ordered, concat!($ordered, " FOR KEY SHARE OF first FOR NO KEY UPDATE OF held"));)*
        /// Every statement of this file, for the test that prepares them.
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[$crate::store::db::Statement] = &[$($name,)* $($claim,)* $($hold,)* $($share,)* $($still,)* $($after,)*];
    };
}

/// The values of a statement, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Value::from($value)),*] };
}

pub(crate) use {args, statements};
