//! What tests of all experiments share.

use llamaglass_engine::StubLevel;
use llamaglass_lab::{Data, LabResult, Machine};
use llamaglass_engine::timing::{Clock, ClockSource};

use super::{csv, page, text};
use crate::text::escaped;

/// A name that means something to HTML and to a terminal.
pub const HOSTILE: &str = "<script>alert('x')</script>\u{1b}[2J&\"";

/// Something of a machine that all tests know.
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
        context_length: 2048,
        batch: 4,
        stub: StubLevel::Whole,
    }
}

/// A result with a clock that all tests know.
pub fn result(machine: Option<Machine>, data: Data) -> LabResult {
    LabResult {
        clock: Clock {
            source: ClockSource::Monotonic,
            resolution_ms: 0.000_04,
        },
        ..LabResult::new(1_700_000_000, machine, 7, data)
    }
}

/// A result, shown in every way.
pub struct Shown {
    /// HTML.
    pub page: String,
    /// For a terminal.
    pub text: String,
    /// Names and contents.
    pub files: Vec<(String, String)>,
}

impl Shown {
    /// Of `data`, which may have hostile names; what has to be so of every result is checked.
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
            assert!(
                shown.text.contains(&format!("- {}\n", finding.text)),
                "{}",
                shown.text
            );
        }
        shown
    }

    /// Whether page and text have a row of exactly these cells.
    pub fn has_row(&self, cells: &[&str]) {
        let mut html = format!("<tr><th scope=\"row\">{}</th>", escaped(cells[0]));
        for cell in &cells[1..] {
            html += &format!("<td>{}</td>", escaped(cell));
        }
        assert!(
            self.page.contains(&(html + "</tr>")),
            "{cells:?}: {}",
            self.page
        );
        self.has_line(cells);
    }

    /// Whether the text has a line of exactly these words.
    pub fn has_line(&self, cells: &[&str]) {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let wanted = words(&cells.join(" "));
        assert!(
            self.text.lines().any(|line| words(line) == wanted),
            "{cells:?}: {}",
            self.text
        );
    }

    /// What is in a file.
    pub fn csv(&self, name: &str) -> &str {
        let file = self.files.iter().find(|(of, _)| of == name);
        &file.expect("there is one").1
    }
}
