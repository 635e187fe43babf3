//! Checks that every kernel is valid, matches its description and has a CPU reference, and that kernels use all
//! files.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use llamaglass_shaders::params::LAYOUTS;
use llamaglass_shaders::{Kernel, KernelKey, kernels};
use naga::valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};
use naga::{Module, TypeInner};

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
    check_structs(kernel, &module)?;
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

/// Compares the structs that host and kernel share with the host's.
fn check_structs(kernel: &Kernel, module: &Module) -> Result<(), String> {
    let name = kernel.label();
    let mut globals = module.global_variables.iter();
    let params = globals.find(|(_, global)| global.name.as_deref() == Some("params"));
    let params = params.and_then(|(_, global)| module.types[global.ty].name.as_deref());
    if params.unwrap_or_default() != kernel.params.name {
        let wanted = kernel.params.name;
        return Err(format!(
            "{name}: its parameters are {params:?}, not {wanted:?}"
        ));
    }
    for (_, ty) in module.types.iter() {
        let layout = LAYOUTS
            .iter()
            .find(|layout| ty.name.as_deref() == Some(layout.name));
        let (Some(layout), TypeInner::Struct { members, span }) = (layout, &ty.inner) else {
            continue;
        };
        let fields: Vec<(&str, usize)> = members
            .iter()
            .map(|member| {
                (
                    member.name.as_deref().unwrap_or_default(),
                    member.offset as usize,
                )
            })
            .collect();
        if fields != layout.fields || *span as usize != layout.size {
            return Err(format!(
                "{name}: {fields:?} of {span} bytes, where the host has {layout:?}"
            ));
        }
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
fn kernels_are_valid_and_match_their_descriptions() {
    let kernels = kernels();
    let failures: Vec<String> = kernels.iter().filter_map(|k| check(k).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let keys: HashSet<KernelKey> = kernels.iter().map(Kernel::key).collect();
    assert_eq!(keys.len(), kernels.len(), "two kernels have the same key");
}

#[test]
fn kernels_use_every_wgsl_file() {
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
