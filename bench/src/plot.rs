//! What one request costs against the number of users, as an SVG: a small panel for each figure, a line for each engine.
//! A level line means that size costs nothing.

use std::fmt::Write;
use std::path::Path;

use crate::Result;
use crate::figures::short;
use serde_json::Value;

/// Heading of a panel, and how its cost in microseconds comes from a run's figures.
type Panel = (&'static str, fn(&dyn Fn(&str) -> Option<f64>) -> Option<f64>);

const PANELS: [Panel; 8] = [
    ("get user", |of| of("get").map(per_second)),
    ("find by e-mail", |of| of("find").map(per_second)),
    ("search, three letters", |of| of("prefix").map(per_second)),
    ("search, first + last name", |of| of("names").map(per_second)),
    ("list, two filters, exact total", |of| of("list").map(per_second)),
    ("page at nine tenths of all", |of| Some(per_second(of("page")?) * of("deep")?)),
    ("lock: audit, event, job", |of| of("lock").map(per_second)),
    ("import of a row", |of| of("import_rate").map(per_second)),
];

fn per_second(rate: f64) -> f64 {
    1e6 / rate
}

const ENGINES: [(&str, &str); 2] = [("sqlite", "embedded (SQLite)"), ("postgres", "PostgreSQL")];
const COLUMNS: usize = 4;
const WIDE: f64 = 230.0;
const HIGH: f64 = 170.0;
const TOP: f64 = 40.0;
/// Within a panel: left, right, top, bottom.
const EDGE: (f64, f64, f64, f64) = (42.0, 16.0, 34.0, 26.0);

const STYLE: &str = "\
text{font:11px system-ui,sans-serif;fill:#444}.head{font-weight:600;fill:#222}.grid{stroke:#ddd}\
.sqlite{stroke:#1464b4;fill:#1464b4}.postgres{stroke:#c2571a;fill:#c2571a}.line{fill:none;stroke-width:2}\
.line.postgres{stroke-dasharray:5 3}text.sqlite,text.postgres{stroke:none}\
@media(prefers-color-scheme:dark){text{fill:#bbb}.head{fill:#eee}.grid{stroke:#444}\
.sqlite{stroke:#6cb2ff;fill:#6cb2ff}.postgres{stroke:#ff9d5c;fill:#ff9d5c}.line{fill:none}}";

/// Draws what the results in this folder say. Nothing if there are none.
pub fn draw(results: &Path) -> Result<Option<String>> {
    let mut runs = Vec::new();
    for (engine, _) in ENGINES {
        for users in [10_000u64, 100_000, 1_000_000] {
            let path = results.join(format!("{engine}-{users}.json"));
            if path.exists() {
                let run: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
                runs.push((engine, users, run));
            }
        }
    }
    if runs.is_empty() {
        return Ok(None);
    }
    Ok(Some(svg(&runs)?))
}

fn svg(runs: &[(&'static str, u64, Value)]) -> Result<String> {
    let (width, height) = (WIDE * COLUMNS as f64, TOP + HIGH * PANELS.len().div_ceil(COLUMNS) as f64);
    let mut out = String::new();
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"Cost of a request against the number of users\"><style>{STYLE}</style>\n\
         <text class=\"head\" x=\"12\" y=\"20\">Microseconds a request, by number of users (log scale)</text>\n"
    )?;
    for (place, (engine, name)) in ENGINES.iter().enumerate() {
        let x = width - 300.0 + place as f64 * 150.0;
        writeln!(
            out,
            "<path class=\"line {engine}\" d=\"M{x} 16h24\"/><text class=\"{engine}\" x=\"{}\" y=\"20\">{name}</text>",
            x + 30.0
        )?;
    }
    for (place, (heading, cost)) in PANELS.iter().enumerate() {
        let corner = ((place % COLUMNS) as f64 * WIDE, TOP + (place / COLUMNS) as f64 * HIGH);
        let points: Vec<(&str, u64, f64)> = runs
            .iter()
            .filter_map(|(engine, users, run)| Some((*engine, *users, cost(&|key| figure(run, key))?)))
            .collect();
        panel(&mut out, corner, heading, &points)?;
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn figure(run: &Value, key: &str) -> Option<f64> {
    run["figures"].as_array()?.iter().find(|it| it["key"] == key)?["value"].as_f64().filter(|value| *value > 0.0)
}

fn panel(out: &mut String, (left, top): (f64, f64), heading: &str, points: &[(&str, u64, f64)]) -> Result<()> {
    let most = points.iter().map(|(_, _, cost)| *cost).fold(0.0, f64::max);
    let step = step(most / 3.0);
    let lines = (most / step).ceil().max(1.0) as usize;
    let (x0, x1) = (left + EDGE.0, left + WIDE - EDGE.1);
    let (y0, y1) = (top + HIGH - EDGE.3, top + EDGE.2);
    let y = |cost: f64| y0 - (y0 - y1) * cost / (step * lines as f64);
    // From ten thousand to a million: two decades.
    let x = |users: u64| x0 + (x1 - x0) * (0.04 + 0.92 * ((users as f64).log10() - 4.0) / 2.0);
    writeln!(out, "<text class=\"head\" x=\"{}\" y=\"{}\">{heading}</text>", left + 12.0, top + 20.0)?;
    for line in 0..=lines {
        let (at, value) = (y(step * line as f64), short(step * line as f64));
        writeln!(
            out,
            "<path class=\"grid\" d=\"M{x0} {at:.1}H{x1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            x0 - 5.0,
            at + 4.0
        )?;
    }
    for (users, name) in [(10_000, "10k"), (100_000, "100k"), (1_000_000, "1M")] {
        writeln!(out, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", x(users), y0 + 16.0)?;
    }
    for (engine, _) in ENGINES {
        let own: Vec<String> = points
            .iter()
            .filter(|(of, ..)| *of == engine)
            .map(|(_, users, cost)| format!("{:.1} {:.1}", x(*users), y(*cost)))
            .collect();
        if own.len() > 1 {
            writeln!(out, "<path class=\"line {engine}\" d=\"M{}\"/>", own.join("L"))?;
        }
        for point in own {
            let (cx, cy) = point.split_once(' ').unwrap_or_default();
            writeln!(out, "<circle class=\"{engine}\" cx=\"{cx}\" cy=\"{cy}\" r=\"3\"/>")?;
        }
    }
    Ok(())
}

/// 1, 2 or 5 times a power of ten, not below this.
fn step(least: f64) -> f64 {
    if least <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|it| it * power).find(|it| *it >= least).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_needs_two_sizes_and_a_missing_figure_is_left_out() {
        let run = |rate: f64| json!({ "figures": [{ "key": "get", "value": rate }] });
        let all = [
            ("sqlite", 10_000, run(20_000.0)),
            ("sqlite", 1_000_000, run(10_000.0)),
            ("postgres", 10_000, run(5_000.0)),
        ];
        let drawn = svg(&all).unwrap_or_default();
        // One in the legend for each engine, and one in the panel.
        assert_eq!(drawn.matches("class=\"line sqlite\"").count(), 2);
        assert_eq!(drawn.matches("class=\"line postgres\"").count(), 1);
        assert_eq!(drawn.matches("<circle").count(), 3);
        assert_eq!(drawn.matches("class=\"head\"").count(), 1 + PANELS.len());
    }

    #[test]
    fn steps_are_round() {
        for (least, is) in [(0.7, 1.0), (1.2, 2.0), (30.0, 50.0), (99.0, 100.0)] {
            assert!((step(least) - is).abs() < 1e-9, "{least}");
        }
    }
}
