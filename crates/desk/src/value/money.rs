//! Currencies of ISO 4217 with the decimals each of them has, and amounts in minor units as plain decimals. An amount is
//! stored as a whole number of the currency's smallest unit: 150 is 1.50 in KES, 150 in UGX, 0.150 in KWD.

use iso_currency::Currency as Iso;

use crate::db::{FromValue, Param, ToParam};
use crate::error::{Error, Result};

/// A currency in which accounts can be kept: it has a code of ISO 4217 and a smallest unit. Metals, test codes and
/// drawing rights have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    iso: Iso,
    decimals: u8,
}

impl Currency {
    /// Reads a code in capital letters, e.g. `KES`.
    ///
    /// # Errors
    /// `Invalid` at `path`: not three capital letters, or no currency of ISO 4217 in which money can be kept.
    pub fn parse(code: &str, path: &str) -> Result<Currency> {
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Error::invalid(path, "invalid", "Three capital letters, e.g. KES."));
        }
        Currency::of(code)
            .ok_or_else(|| Error::invalid(path, "unknown_currency", "Not a currency of ISO 4217 with a smallest unit."))
    }

    fn of(code: &str) -> Option<Currency> {
        let iso = Iso::from_code(code)?;
        let decimals = u8::try_from(iso.exponent()?).ok()?;
        Some(Currency { iso, decimals })
    }

    /// The code of ISO 4217, three capital letters.
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// How many decimals an amount has: 0 for UGX, 2 for KES, 3 for KWD, 4 for CLF.
    pub fn decimals(self) -> u8 {
        self.decimals
    }

    /// An amount of minor units as a plain decimal with the currency's decimals, e.g. `-0.05`; without a point where it
    /// has none.
    pub fn decimal(self, minor: i64) -> String {
        let sign = if minor < 0 { "-" } else { "" };
        let minor = minor.unsigned_abs();
        match u32::from(self.decimals) {
            0 => format!("{sign}{minor}"),
            decimals => {
                let unit = 10_u64.pow(decimals);
                format!("{sign}{}.{:0width$}", minor / unit, minor % unit, width = usize::from(self.decimals))
            }
        }
    }
}

impl ToParam for Currency {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self.code())
    }
}

impl FromValue for Currency {
    fn from_value(value: Param<'_>) -> std::result::Result<Self, &'static str> {
        match value {
            Param::Text(code) => Currency::of(code).ok_or("a currency of ISO 4217"),
            _ => Err("a currency of ISO 4217"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(code: &str, minor: i64) -> String {
        Currency::parse(code, "currency").unwrap().decimal(minor)
    }

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        let cases = [
            ("KES", 0, "0.00"),
            ("KES", 5, "0.05"),
            ("KES", -5, "-0.05"),
            ("KES", 123_456, "1234.56"),
            ("UGX", 1_000_000, "1000000"),
            ("JPY", -150, "-150"),
            ("KWD", 1_500, "1.500"),
            ("KWD", -1, "-0.001"),
            ("CLF", 10_001, "1.0001"),
            ("USD", i64::MAX, "92233720368547758.07"),
            ("USD", i64::MIN, "-92233720368547758.08"),
            ("JPY", i64::MIN, "-9223372036854775808"),
        ];
        for (code, minor, expected) in cases {
            assert_eq!(decimal(code, minor), expected, "{code} {minor}");
        }
    }

    #[test]
    fn what_is_no_currency_with_a_smallest_unit_is_refused() {
        for code in ["", "K", "kes", "KESX", "ABC", "QQQ", "XAU", "XXX", "XTS", "K3S", "ΚΕS", " KES"] {
            assert!(Currency::parse(code, "currency").is_err(), "{code:?} was taken");
        }
    }
}
