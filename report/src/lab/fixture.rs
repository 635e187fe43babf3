//! Fixtures for the tests of all experiments.

use llamaglass_lab::StubLevel;
use llamaglass_lab::{Data, LabResult, Machine};
use llamaglass_types::timing::{Clock, ClockSource};

use super::{csv, page, text};
use crate::text::escaped;

/// A name with special characters for HTML and terminals.
pub const HOSTILE: &str = "<script>alert('x')</script>\u{1b}[2J&\"";

/// Returns a machine with fixed properties.
pub fn machine() -> Machine {
    Machine {
        model: HOSTILE.into(),
        format: "GGUF".into(),
        quantisation: "Q4_1".into(),
        parameters: 134_515_008,
        backend: "wgpu".into(),
        api: "Vulkan".into(),
        adapter: "a GPU".into(),
        driver: "its driver 1.2".into(),
        software: false,
        fallback_reason: None,
        path: "fast".into(),
        variant: None,
        threads: None,
        instruction_set: None,
        context_length: 2048,
        batch: 4,
        stub: StubLevel::Whole,
    }
}

/// Returns a result with a fixed clock.
pub fn result(machine: Option<Machine>, data: Data) -> LabResult {
    LabResult {
        clock: Clock {
            source: ClockSource::Monotonic,
            resolution_ms: 0.000_04,
        },
        ..LabResult::new(1_700_000_000, machine, 7, data)
    }
}

/// Asserts that `text` contains `part`.
#[track_caller]
pub fn assert_contains(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} in {text}");
}

/// A result rendered in every format.
pub struct Rendered {
    /// HTML page.
    pub page: String,
    /// Terminal text.
    pub text: String,
    /// Names and contents of the CSV files.
    pub files: Vec<(String, String)>,
}

impl Rendered {
    /// Renders `data`, which may contain hostile names, and checks what must hold for every result.
    pub fn of(data: Data) -> Self {
        let result = result(Some(machine()), data);
        let shown = Self {
            page: page(&result).expect("draws"),
            text: text(&result),
            files: csv(&result),
        };
        assert!(!shown.page.contains("<script"), "{}", shown.page);
        assert!(!shown.text.contains('\u{1b}'), "{}", shown.text);
        let files = shown.files.iter().map(|(_, text)| text);
        for text in [&shown.page, &shown.text].into_iter().chain(files) {
            let mut words = text.split(|c: char| !c.is_alphanumeric());
            assert!(!words.any(|word| word == "NaN" || word == "inf"), "{text}");
        }
        for finding in &result.findings {
            assert_contains(&shown.text, &format!("- {}\n", finding.text));
        }
        shown
    }

    /// Asserts that page and text have a row with exactly these cells, given with ` | ` between them.
    pub fn has_row(&self, cells: &str) {
        let cells: Vec<&str> = cells.split(" | ").collect();
        let mut html = format!("<tr><th scope=\"row\">{}</th>", escaped(cells[0]));
        for cell in &cells[1..] {
            html += &format!("<td>{}</td>", escaped(cell));
        }
        assert!(
            self.page.contains(&(html + "</tr>")),
            "{cells:?}: {}",
            self.page
        );
        let words = |text: &str| {
            let words = text.split_whitespace().map(str::to_owned);
            words.collect::<Vec<_>>()
        };
        let wanted = words(&cells.join(" "));
        assert!(
            self.text.lines().any(|line| words(line) == wanted),
            "{cells:?}: {}",
            self.text
        );
    }

    /// Returns the content of a CSV file.
    pub fn csv(&self, name: &str) -> &str {
        let file = self.files.iter().find(|(of, _)| of == name);
        &file.expect("there is one").1
    }
}
