//! Lists, page by page.

use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::problem::Problem;
use super::take::Administrator;
use crate::app::roster_view::Cut;
use crate::app::walk::Walked;
use crate::app::{App, Ctx, Error};
use crate::domain::id::PersonId;
use crate::domain::registry::approval::MINORS;

/// How many rows a page has where nobody says.
const USUAL: usize = 50;
/// And at most.
pub const MOST: usize = 200;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the list goes on: to be sent back as `cursor`, by the same administrator and for the same list. None: it ends here,
    /// however many rows the page has; with one it goes on, be the page short or empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A list that is being paged through: whose, which, and what it was asked for with.
pub struct List {
    name: Vec<u8>,
    limit: usize,
}

impl List {
    /// A list of this administrator. `asked` is everything that decides what stands in it.
    ///
    /// # Errors
    /// A limit of none or too many.
    pub fn of(admin: &Administrator, name: &str, asked: &[&str], limit: Option<usize>) -> Result<Self, Problem> {
        Self::for_person((&admin.ctx, admin.person), name, asked, limit, MOST)
    }

    /// A list of people: never as many at once as make it a full record (ruling R19).
    ///
    /// # Errors
    /// As [`List::of`].
    pub fn of_people(admin: &Administrator, name: &str, asked: &[&str], limit: Option<usize>) -> Result<Self, Problem> {
        Self::for_person((&admin.ctx, admin.person), name, asked, limit, MINORS - 1)
    }

    /// A list of anybody.
    ///
    /// # Errors
    /// As [`List::of`].
    pub fn for_person(
        (ctx, person): (&Ctx, PersonId),
        name: &str,
        asked: &[&str],
        limit: Option<usize>,
        most: usize,
    ) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(USUAL.min(most));
        if limit == 0 || limit > most {
            return Err(Problem::of(ctx, &Error::invalid(format!("limit is 1 to {most}"))));
        }
        // Each part ends with a byte that stands in no text, so that no two lists have one name.
        let mut whole = person.0.as_bytes().to_vec();
        for part in [name].iter().chain(asked) {
            whole.extend_from_slice(part.as_bytes());
            whole.push(0xff);
        }
        Ok(Self { name: whole, limit })
    }

    /// How many rows a page has.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Where it goes on.
    ///
    /// # Errors
    /// A cursor of another list.
    pub fn place<P: DeserializeOwned>(&self, app: &App, ctx: &Ctx, cursor: Option<&str>) -> Result<Option<P>, Problem> {
        cursor.map(|cursor| app.open_cursor(&self.name, cursor)).transpose().map_err(|error| Problem::of(ctx, &error))
    }

    /// A page of rows that were read one beyond its end, or further.
    ///
    /// # Errors
    /// A failed cipher.
    pub fn page<T, P: Serialize>(
        &self,
        app: &App,
        ctx: &Ctx,
        mut items: Vec<T>,
        place: impl Fn(&T) -> P,
    ) -> Result<Page<T>, Problem> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        self.cut(app, ctx, Cut { items, more }, place)
    }

    /// A page of rows that were cut before, because whoever stands on it is told that she was shown.
    ///
    /// # Errors
    /// A failed cipher.
    pub fn cut<T, P: Serialize>(
        &self,
        app: &App,
        ctx: &Ctx,
        Cut { items, more }: Cut<T>,
        place: impl Fn(&T) -> P,
    ) -> Result<Page<T>, Problem> {
        let next = items.last().filter(|_| more).map(place);
        self.walked(app, ctx, Walked { items, next })
    }

    /// A page of rows that were looked for as far as one request goes.
    ///
    /// # Errors
    /// A failed cipher.
    pub fn walked<T, P: Serialize>(
        &self,
        app: &App,
        ctx: &Ctx,
        Walked { items, next }: Walked<T, P>,
    ) -> Result<Page<T>, Problem> {
        let seal = |place: P| app.seal_cursor(&self.name, &place).map_err(|error| Problem::of(ctx, &error));
        Ok(Page { items, next: next.map(seal).transpose()? })
    }
}
