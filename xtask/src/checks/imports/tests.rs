#![expect(
    clippy::unwrap_used,
    reason = "a test that can't write its scratch files has failed"
)]

use tempfile::TempDir;

use super::*;

const TABLE: &str = "Text.\n\n| stage | may import | holds |\n| --- | --- | --- |\n\
    | `timing` | nothing | clocks |\n| `bytes` | `timing` | sources |\n| `weights` | rows above | tensors |\n\nMore.\n";

/// A crate with the table's three stages, in a scratch folder.
struct Crate(TempDir);

impl Crate {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = [
            (
                "lib.rs",
                "pub mod timing;\npub mod bytes;\npub mod weights;\npub use bytes::Source;\n",
            ),
            ("timing.rs", ""),
            ("bytes/mod.rs", ""),
            ("weights/mod.rs", ""),
        ];
        for (name, text) in start.iter().chain(files) {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(folder)
    }

    fn faults(&self) -> Vec<String> {
        check(self.0.path(), &ImportTable::parse(TABLE, "stage").unwrap())
            .unwrap()
            .1
    }
}

#[test]
fn allowed_imports_pass() {
    let files = [
        (
            "bytes/mod.rs",
            "mod file;\nuse crate::timing::Span;\nuse self::file::File;",
        ),
        (
            "bytes/file.rs",
            "use super::Source;\nuse crate::bytes::Other;",
        ),
        (
            "weights/mod.rs",
            "use crate::{bytes::Source, timing};\nuse std::fs; fn f(_: super::bytes::A) {}",
        ),
    ];
    assert_eq!(Crate::new(&files).faults(), [""; 0]);
}

#[test]
fn forbidden_import_is_reported_in_every_syntax() {
    let against = [
        "use crate::weights::Tensor;",
        "use crate::{timing::Span, weights::{self}};",
        "use super::weights;",
        "use super::*;",
        "fn f() -> crate::weights::Tensor { todo!() }",
        "fn f() { crate::weights::load(); }",
        "fn f() { println!(\"{}\", crate::weights::COUNT); }",
        "some_macro! { use crate::{timing, weights}; }",
        "mod inner { use super::super::weights; }",
        "mod inner { use crate::weights as w; }",
        "#[cfg(test)] mod tests { use crate::weights; }",
        "impl crate::weights::Load for A {}",
        "fn f<T: Into<crate::weights::Tensor>>(_: T) {}",
    ];
    for text in against {
        let faults = Crate::new(&[("bytes/mod.rs", text)]).faults();
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
        assert!(
            faults[0].starts_with("bytes/mod.rs:1: `bytes`"),
            "{text}: {faults:?}"
        );
    }
}

#[test]
fn nested_module_belongs_to_its_stage() {
    let files = [
        ("bytes/mod.rs", "mod inner;"),
        ("bytes/inner/mod.rs", "mod deep;"),
        (
            "bytes/inner/deep.rs",
            "\nuse super::super::super::weights::Tensor;",
        ),
    ];
    assert_eq!(
        Crate::new(&files).faults(),
        ["bytes/inner/deep.rs:2: `bytes` may not import `weights`"]
    );
}

#[test]
fn modules_beside_a_folder_or_with_a_path_attribute_are_checked() {
    let files = [
        (
            "timing.rs",
            "mod span;\n#[path = \"elsewhere.rs\"]\nmod clock;",
        ),
        ("timing/span.rs", "use crate::bytes::Source;"),
        ("elsewhere.rs", "use crate::weights::Tensor;"),
    ];
    assert_eq!(Crate::new(&files).faults().len(), 2);
}

#[test]
fn paths_outside_the_crate_are_ignored() {
    let text = "use weights::Tensor;\nuse ::weights::A;\nfn f(crate_weights: u8) { weights::load(); }\n\
                x! { weights::A, a::weights::B, crate::{timing::weights} }";
    assert_eq!(Crate::new(&[("bytes/mod.rs", text)]).faults(), [""; 0]);
}

#[test]
fn reexport_of_the_root_is_rejected() {
    let faults = Crate::new(&[("timing.rs", "use crate::Source;")]).faults();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].contains("no stage"), "{faults:?}");
}

#[test]
fn stage_without_row_or_module_is_reported() {
    let faults = Crate::new(&[
        ("lib.rs", "pub mod timing;\npub mod bytes;\npub mod extra;"),
        ("extra.rs", ""),
    ])
    .faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].contains("`weights`") && faults[1].contains("`extra`"),
        "{faults:?}"
    );
}
