//! The documents say what is so: links lead somewhere, tables name what the code names.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every page: those of the root, and all under `docs`.
fn pages() -> Vec<PathBuf> {
    fn under(folder: &Path, into: &mut Vec<PathBuf>, deeper: bool) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if deeper {
                    under(&path, into, true);
                }
            } else if path.extension().is_some_and(|end| end == "md") {
                into.push(path);
            }
        }
    }
    let mut all = Vec::new();
    under(&root(), &mut all, false);
    under(&root().join("docs"), &mut all, true);
    assert!(all.len() > 20, "{all:?}");
    all
}

/// What a page's links point to; what stands in fences is no link.
fn targets(text: &str) -> Vec<&str> {
    let mut in_fence = false;
    let mut all = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_fence = !in_fence;
        }
        if !in_fence {
            all.extend(line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target));
        }
    }
    all
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            let file = target.split('#').next().unwrap();
            let is_elsewhere = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
            if !is_elsewhere && !page.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}

/// The facts of `fact.rs`: name, and names of the fields.
fn facts(source: &str) -> Vec<(String, Vec<String>)> {
    let table = source.split_once("\nfacts! {").unwrap().1.split_once("\n}\n").unwrap().0;
    let declared = table.lines().filter_map(|line| {
        let (fields, rest) = line.split_once(" { ")?.1.split_once(" } = \"")?;
        let name = rest.split('"').next()?;
        let fields = fields.split(", ").filter_map(|field| field.split_once(':')).map(|(field, _)| field.to_owned());
        Some((name.to_owned(), fields.collect()))
    });
    declared.collect()
}

#[test]
fn the_page_of_events_names_every_fact_with_its_fields() {
    let declared = facts(&read("crates/desk/src/fact.rs"));
    let names: Vec<&str> = declared.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, desk::fact::Fact::NAMES, "the reader of fact.rs in this test no longer fits");
    let page = read("docs/events.md");
    let told: Vec<(String, Vec<String>)> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            let named = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
            (named(cells[0]), cells[2].split(" · ").map(named).collect())
        })
        .collect();
    assert_eq!(told, declared, "docs/events.md and fact.rs differ");
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let table: toml::Table = read("Cargo.toml").parse().unwrap();
    let all = table["workspace"]["dependencies"].as_table().unwrap();
    let page = read("docs/dependencies.md");
    let ours = |spec: &toml::Value| spec.get("path").is_some();
    let missing: Vec<_> = all
        .iter()
        .filter(|(name, spec)| !ours(spec) && !page.contains(&format!("`{name}`")))
        .map(|(name, _)| name)
        .collect();
    assert!(missing.is_empty(), "docs/dependencies.md does not say why {missing:?} are here");
    let named =
        page.lines().filter(|line| line.starts_with("| `")).flat_map(|line| line.split('|').nth(1).unwrap().split(','));
    let gone: Vec<_> =
        named.map(|name| name.trim().trim_matches('`')).filter(|name| !all.contains_key(*name)).collect();
    assert!(gone.is_empty(), "docs/dependencies.md speaks of {gone:?}, which are not here");
}

#[test]
fn the_page_of_settings_names_every_setting_of_an_institution() {
    let page = read("docs/settings.md");
    let settings = serde_json::to_value(desk::tenant::Settings::default()).unwrap();
    for (name, _) in settings.as_object().unwrap() {
        let is_security = desk::tenant::Settings::is_security(name);
        let row = if is_security { format!("| `{name}` 🔒 |") } else { format!("| `{name}` |") };
        assert!(page.contains(&row), "docs/settings.md has no row {row}");
    }
}

#[test]
fn the_settings_files_that_are_shipped_can_be_used() {
    for file in ["deploy/bursar.toml", "deploy/container.toml"] {
        let path = root().join(file);
        let printed = crate::running::printed(&["config", "--config", path.to_str().unwrap()]);
        assert!(printed.contains("# file ("), "{file}: {printed}");
    }
}
