//! Checks that every kernel is valid, matches its description and has a CPU reference, and that kernels use all
//! files.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::{Path, PathBuf};

use llamaglass_shaders::{Kernel, kernels};
use naga::valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};

/// Returns an error that describes what is wrong with the kernel.
fn check(kernel: &Kernel) -> Result<(), String> {
    let name = kernel.label();
    let source = kernel.source();
    let module = naga::front::wgsl::parse_str(&source)
        .map_err(|error| error.emit_to_string_with_path(&source, &name))?;
    // unpack2x16float: naga requires a capability for what WebGPU always supports.
    let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    // Not set for kernels that claim not to use subgroups.
    capabilities.set(Capabilities::SUBGROUP, kernel.subgroups);
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    if kernel.subgroups {
        validator
            .subgroup_stages(ShaderStages::COMPUTE)
            .subgroup_operations(SubgroupOperationSet::all());
    }
    let info = validator
        .validate(&module)
        .map_err(|error| format!("{name}: {error:?}"))?;
    // A launch binds every buffer, but the layout has only those that the entry point uses.
    for (handle, variable) in module.global_variables.iter() {
        if variable.binding.is_some() && info.get_entry_point(0)[handle].is_empty() {
            return Err(format!("{name} does not use {:?}", variable.name));
        }
    }
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

/// Returns the crate's folder. Cargo sets the variable when it runs the test, which may be elsewhere than where
/// it built it.
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
    let kernels = kernels();
    let failures: Vec<String> = kernels.iter().filter_map(|k| check(k).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let mut names: Vec<String> = kernels.iter().map(Kernel::label).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), kernels.len(), "two kernels have one name");
}

#[test]
fn every_file_is_part_of_a_kernel() {
    let mut found = Vec::new();
    sources(&root().join("wgsl"), &mut found);
    let kernels: Vec<String> = kernels().iter().map(Kernel::source).collect();
    for source in found {
        assert!(
            kernels.iter().any(|kernel| kernel.contains(&source)),
            "no kernel holds the file that begins with {:?}",
            source.lines().next()
        );
    }
}
