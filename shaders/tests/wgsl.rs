//! Every kernel is valid, is as its row says, and has a CPU reference; every file is in a kernel.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::{Path, PathBuf};

use llamaglass_shaders::{KERNELS, Kernel};
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// What is wrong with the kernel, if anything.
fn check(kernel: &Kernel) -> Result<(), String> {
    let name = kernel.name;
    let module = naga::front::wgsl::parse_str(kernel.source)
        .map_err(|error| error.emit_to_string_with_path(kernel.source, name))?;
    Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .map_err(|error| format!("{name}: {error:?}"))?;
    let entry = module
        .entry_points
        .iter()
        .find(|entry| entry.name == "main")
        .ok_or(format!("{name} has no entry point main"))?;
    if entry.workgroup_size != kernel.workgroup_size {
        return Err(format!(
            "{name}: the source says {:?}, the table {:?}",
            entry.workgroup_size, kernel.workgroup_size
        ));
    }
    let file = format!("src/cpu/{}.rs", kernel.reference);
    if !root().join(&file).is_file() {
        return Err(format!("{name} has no CPU reference {file}"));
    }
    Ok(())
}

/// Cargo says where the crate is when it runs a test, which may be elsewhere than where it was built.
fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").unwrap().into()
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_kernel_is_valid_and_has_a_cpu_reference() {
    let failures: Vec<String> = KERNELS.iter().filter_map(|k| check(k).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let mut names: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KERNELS.len(), "two kernels have one name");
}

#[test]
fn every_file_is_in_a_kernel() {
    let mut found = Vec::new();
    sources(&root().join("wgsl"), &mut found);
    for source in found {
        assert!(
            KERNELS.iter().any(|kernel| kernel.source.contains(&source)),
            "no kernel holds the file that begins with {:?}",
            source.lines().next()
        );
    }
}
