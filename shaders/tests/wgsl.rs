//! Every `.wgsl` file is valid, is in the table as it is written, and has a CPU reference.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::Path;

use llamaglass_shaders::KERNELS;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// What is wrong with the kernel named `name`, if anything.
fn check(name: &str, source: &str, root: &Path) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(source)
        .map_err(|error| error.emit_to_string_with_path(source, name))?;
    Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .map_err(|error| format!("{name}: {error:?}"))?;
    let row = KERNELS
        .iter()
        .find(|kernel| kernel.name == name)
        .ok_or(format!("{name} is not in KERNELS"))?;
    let entry = module
        .entry_points
        .iter()
        .find(|entry| entry.name == "main")
        .ok_or(format!("{name} has no entry point main"))?;
    if entry.workgroup_size != row.workgroup_size {
        return Err(format!(
            "{name}: the file says {:?}, the table {:?}",
            entry.workgroup_size, row.workgroup_size
        ));
    }
    if !root.join("src/cpu").join(format!("{name}.rs")).is_file() {
        return Err(format!("{name} has no CPU reference"));
    }
    Ok(())
}

#[test]
fn every_kernel_is_valid_listed_and_has_a_cpu_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = 0;
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(root.join("wgsl")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let source = std::fs::read_to_string(&path).unwrap();
        found += 1;
        failures.extend(check(name, &source, root).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(found, KERNELS.len(), "a row of KERNELS has no file");
}
