//! Binds [`Value`]s to a query of either driver.

macro_rules! bind_all {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                $crate::store::db::Value::Uuid(v) => query.bind(v),
                $crate::store::db::Value::Int(v) => query.bind(v),
                $crate::store::db::Value::Text(v) => query.bind(v),
                $crate::store::db::Value::Bytes(v) => query.bind(v),
                $crate::store::db::Value::Bool(v) => query.bind(v),
                $crate::store::db::Value::Json(v) => query.bind(v.map(sqlx::types::Json)),
            };
        }
        query
    }};
}

pub(super) use bind_all;
