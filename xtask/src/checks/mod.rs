//! Lists the checks in the order in which they run: quick ones, and those whose builds others reuse, come first.

use anyhow::Result;

use crate::context::Need::{
    self, Browser, Clients, GuideLlm, Model, Tools, Vulkan, Wasm, WasmClippy, WasmOpt, Webkit,
    Window,
};
use crate::context::{Context, Verdict};

mod book;
mod clients;
mod cpu;
mod deny;
mod imports;
mod native;
mod page;
mod parity;
mod targets;
mod wasm;

/// One check.
pub struct Step {
    /// Name for `--only`.
    pub name: &'static str,
    /// Short description of what it checks.
    pub about: &'static str,
    /// Needs that are installed before it runs.
    pub needs: &'static [Need],
    /// Function that runs the check.
    pub run: fn(&Context<'_>) -> Result<Verdict>,
}

/// Steps that `cargo xtask test` runs by default.
pub const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "formatting",
        needs: &[],
        run: native::fmt,
    },
    Step {
        name: "imports",
        about: "no modules of a crate import each other in a circle",
        needs: &[],
        run: imports::run,
    },
    Step {
        name: "targets",
        about: "target-specific code of the engine stays in platform/ and bytes/",
        needs: &[],
        run: targets::run,
    },
    Step {
        name: "book",
        about: "chapters, links and anchors of the documentation, and the files and flags that it names",
        needs: &[],
        run: book::run,
    },
    Step {
        name: "deny",
        about: "licences, bans and sources of dependencies",
        needs: &[],
        run: deny::run,
    },
    Step {
        name: "clippy",
        about: "lints, native, all targets",
        needs: &[Webkit],
        run: native::clippy,
    },
    Step {
        name: "doc",
        about: "documentation without warnings",
        needs: &[Webkit],
        run: native::doc,
    },
    Step {
        name: "native-tests",
        about: "unit, golden, property tests; the engine on the CPU and on a Vulkan adapter",
        needs: &[Webkit, Vulkan],
        run: native::tests,
    },
    Step {
        name: "miri",
        about: "the CPU path's unsafe code in Miri",
        needs: &[],
        run: cpu::miri,
    },
    Step {
        name: "parity",
        about: "the native command against reference results",
        needs: &[Webkit, Vulkan, Model],
        run: parity::run,
    },
    Step {
        name: "clients",
        about: "OpenAI's client packages, litellm, langchain and instructor against the native server",
        needs: &[Webkit, Clients],
        run: clients::run,
    },
    Step {
        name: "wasm-clippy",
        about: "lints and the ban list for code that reaches the browser",
        needs: &[Wasm, WasmClippy],
        run: wasm::clippy,
    },
    Step {
        name: "wasm-tests",
        about: "engine and page in headless Chromium",
        needs: &[Wasm, Tools, Browser, Model],
        run: wasm::tests,
    },
    Step {
        name: "page",
        about: "the page as it ships, and its size",
        needs: &[Wasm, Tools, WasmOpt],
        run: page::run,
    },
    Step {
        name: "e2e",
        about: "the page in Chromium: scenarios, random walks, and every control used",
        needs: &[Wasm, Tools, WasmOpt, Webkit, Browser, Model],
        run: crate::e2e::run,
    },
    Step {
        name: "desktop",
        about: "the program in its own window: open, ask, stop, quit, start again",
        needs: &[Wasm, Tools, WasmOpt, Webkit, Window, Vulkan, Model],
        run: crate::e2e::desktop::run,
    },
];

/// Steps that run only if `--only` names them, because they take too long or install too much.
pub const OPT_IN_STEPS: &[Step] = &[Step {
    name: "guidellm",
    about: "GuideLLM, unmodified, against the native server; installs 6 GB",
    needs: &[Webkit, GuideLlm],
    run: clients::guidellm,
}];
