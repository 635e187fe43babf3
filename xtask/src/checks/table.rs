//! Parses ARCHITECTURE.md's import tables: Markdown tables whose headers begin with `| stage | may import |`
//! and `| crate | may import |`.
//!
//! The first cell of a row is a name in backticks. The second lists the names that it may import: `nothing`,
//! `rows above`, or names in backticks, each of which has a row above.

use anyhow::{Context, Result, bail, ensure};

/// An import table.
#[derive(Debug)]
pub struct ImportTable {
    /// Kind of the rows: `stage` or `crate`.
    kind: &'static str,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    /// Names that it may import.
    may_import: Vec<String>,
}

impl ImportTable {
    /// Parses the table of the given kind from the document.
    ///
    /// # Errors
    /// If there is no such table, or one of its rows is invalid.
    pub fn parse(document: &str, kind: &'static str) -> Result<Self> {
        let mut lines = document.lines().map(cells);
        lines
            .by_ref()
            .find(|cells| cells.first() == Some(&kind) && cells.get(1) == Some(&"may import"))
            .with_context(|| {
                format!("ARCHITECTURE.md has no table that begins `| {kind} | may import |`")
            })?;
        let mut rows: Vec<Row> = Vec::new();
        // The line under the header is only a separator.
        for cells in lines.skip(1).take_while(|cells| cells.len() > 1) {
            let name = quoted(cells[0])
                .pop()
                .with_context(|| format!("no name in backticks in `{}`", cells[0]))?;
            ensure!(
                !rows.iter().any(|row| row.name == name),
                "the {kind} table has two rows for `{name}`"
            );
            let above = || rows.iter().map(|row| row.name.clone()).collect();
            let may_import = match cells[1] {
                "nothing" => Vec::new(),
                "rows above" => above(),
                list => quoted(list),
            };
            if may_import.is_empty() && !matches!(cells[1], "nothing" | "rows above") {
                bail!(
                    "the {kind} table's row for `{name}` says neither `nothing` nor `rows above` nor names"
                );
            }
            if let Some(later) = may_import
                .iter()
                .find(|import| !rows.iter().any(|row| row.name == **import))
            {
                bail!("the {kind} table lets `{name}` import `{later}`, which is not above it");
            }
            rows.push(Row { name, may_import });
        }
        ensure!(!rows.is_empty(), "the {kind} table is empty");
        Ok(Self { kind, rows })
    }

    /// Checks that `from` may import `to`.
    ///
    /// # Errors
    /// If it may not, with the reason.
    pub fn allows(&self, from: &str, to: &str) -> Result<(), String> {
        let Some(row) = self.rows.iter().find(|row| row.name == from) else {
            return Err(format!("`{from}` has no row in the {} table", self.kind));
        };
        if from == to || row.may_import.iter().any(|name| name == to) {
            Ok(())
        } else if self.contains(to) {
            Err(format!("`{from}` may not import `{to}`"))
        } else {
            Err(format!(
                "`{from}` imports `{to}`, which is no {}: import from the one that holds it",
                self.kind
            ))
        }
    }

    /// Returns true if the table has a row with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// Returns the names of the rows, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.name.as_str())
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Splits a line of a Markdown table into cells; any other line has none.
fn cells(line: &str) -> Vec<&str> {
    let line = line.trim();
    match line.strip_prefix('|') {
        Some(inner) => inner
            .strip_suffix('|')
            .unwrap_or(inner)
            .split('|')
            .map(str::trim)
            .collect(),
        None => Vec::new(),
    }
}

/// Returns the names in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> Result<ImportTable> {
        ImportTable::parse(
            &format!("Text.\n\n| stage | may import | holds |\n|---|---|---|\n{rows}\nText."),
            "stage",
        )
    }

    #[test]
    fn table_allows_only_listed_imports() {
        let read = table("| `a` | nothing | x |\n| `b` | rows above | y |\n| `c` | `a` | z |\n")
            .expect("read");
        assert_eq!(read.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(
            read.allows("b", "a").is_ok()
                && read.allows("c", "a").is_ok()
                && read.allows("c", "c").is_ok()
        );
        assert!(
            read.allows("a", "b").is_err()
                && read.allows("c", "b").is_err()
                && read.allows("d", "a").is_err()
        );
    }

    #[test]
    fn rejects_inconsistent_table() {
        for rows in [
            "| `a` | `b` |\n| `b` | nothing |\n",
            "| `a` | nothing |\n| `a` | nothing |\n",
            "| `a` | whatever |\n",
            "| a | nothing |\n",
            "",
        ] {
            assert!(table(rows).is_err(), "{rows}");
        }
        assert!(ImportTable::parse("no table", "stage").is_err());
    }
}
