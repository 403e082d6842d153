//! Pages by number (contract 3 and 5.1): twenty rows unless another number is asked for, a hundred at most, and a `meta` that
//! tells the truth past the end, too.

use serde::Serialize;
use serde_json::{Value, json};

use super::Answer;
use super::fault::Wrong;

const PER_PAGE: i64 = 20;
const PER_PAGE_MAX: i64 = 100;

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    number: i64,
    per_page: i64,
}

impl Page {
    /// From `page` and `per_page` as they were sent; empty ones count as not sent.
    pub fn read(page: Option<&str>, per_page: Option<&str>) -> Answer<Page> {
        let number = counted("page", page, 1)?;
        let per_page = counted("per_page", per_page, PER_PAGE)?.min(PER_PAGE_MAX);
        Ok(Page { number, per_page })
    }

    /// How many rows come before.
    pub fn row(self) -> i64 {
        (self.number - 1).saturating_mul(self.per_page)
    }

    /// How many rows it has.
    pub fn limit(self) -> i64 {
        self.per_page
    }

    /// The page of rows that are all at hand.
    pub fn of<T>(self, rows: Vec<T>) -> Vec<T> {
        let row = usize::try_from(self.row()).unwrap_or(usize::MAX);
        rows.into_iter().skip(row).take(self.per_page as usize).collect()
    }

    /// The envelope of a list.
    pub fn told<T: Serialize>(self, message: &str, data: &[T], total: i64) -> Value {
        let pages = total.div_euclid(self.per_page) + i64::from(total % self.per_page != 0);
        let meta = json!({ "total": total, "per_page": self.per_page, "page": self.number, "page_count": pages });
        json!({ "message": message, "data": data, "meta": meta })
    }
}

fn counted(name: &str, text: Option<&str>, otherwise: i64) -> Answer<i64> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(otherwise) };
    let is_plain = text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_plain.then(|| text.parse::<i64>().ok()).flatten().filter(|number| *number >= 1);
    number.ok_or_else(|| Wrong::field(name, "must be a whole number from 1 on"))
}

/// `true`, `false`, or not asked for (contract 5.1 and A8).
pub(super) fn truth(name: &str, text: Option<&str>) -> Answer<Option<bool>> {
    match text {
        None | Some("") => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Wrong::field(name, "must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(page: Option<&str>, per_page: Option<&str>, total: i64) -> String {
        let page = Page::read(page, per_page).unwrap_or_else(|_| panic!("{page:?} {per_page:?}"));
        page.told::<()>("", &[], total)["meta"].to_string()
    }

    #[test]
    fn the_arithmetic_of_pages_is_the_vendors() {
        assert_eq!(meta(None, None, 192), r#"{"total":192,"per_page":20,"page":1,"page_count":10}"#);
        assert_eq!(meta(Some("3"), Some("7"), 21), r#"{"total":21,"per_page":7,"page":3,"page_count":3}"#);
        assert_eq!(meta(Some(""), Some("1000"), 0), r#"{"total":0,"per_page":100,"page":1,"page_count":0}"#);
        assert_eq!(Page::read(Some("999999999999999999"), Some("100")).ok().map(Page::row), Some(i64::MAX));
        for bad in ["0", "-1", "1.0", "x", "+1", " 1", "9999999999999999999"] {
            assert!(Page::read(Some(bad), None).is_err() && Page::read(None, Some(bad)).is_err(), "{bad}");
        }
    }
}
