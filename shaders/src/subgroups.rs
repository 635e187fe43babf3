//! Properties of a device's subgroups.

use crate::Kernel;

/// Number of invocations of [`SUBGROUP_PROBE`], and of words that it writes.
pub const SUBGROUP_PROBE_WORDS: usize = 256;

/// Reports how a workgroup's invocations are assigned to subgroups. Buffer `assignment` u32, one word per
/// invocation, for [`subgroup_size`]; no parameters. One workgroup.
pub const SUBGROUP_PROBE: Kernel = Kernel {
    subgroups: true,
    ..Kernel::new::<(), 1>(
        "subgroup_probe",
        [include_str!("../wgsl/subgroup_probe.wgsl")],
        [SUBGROUP_PROBE_WORDS as u32, 1, 1],
    )
};

/// Returns the subgroup size if the result of [`SUBGROUP_PROBE`] is what the variants with subgroups rely on: all
/// subgroups are complete and equally large, and invocation i is in subgroup i / size.
pub fn subgroup_size(assignment: &[u32]) -> Option<u32> {
    let size = assignment.first()? >> 16;
    // Sizes that WebGPU permits (https://www.w3.org/TR/webgpu/#gpuadapterinfo).
    let known = size.is_power_of_two() && (4..=128).contains(&size);
    (known && crate::cpu::subgroup_probe(assignment.len(), size) == assignment).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::subgroup_probe;

    #[test]
    fn subgroup_size_requires_complete_subgroups_of_neighbours() {
        assert_eq!(subgroup_size(&subgroup_probe(256, 4)), Some(4));
        assert_eq!(subgroup_size(&subgroup_probe(256, 128)), Some(128));
        // Too small, not a power of two, empty, interleaved invocations, changing sizes.
        assert_eq!(subgroup_size(&subgroup_probe(256, 1)), None);
        assert_eq!(subgroup_size(&subgroup_probe(256, 12)), None);
        assert_eq!(subgroup_size(&[]), None);
        let every_second: Vec<u32> = (0..256).map(|i| (i % 64) | (4 << 16)).collect();
        assert_eq!(subgroup_size(&every_second), None);
        let mut changing = subgroup_probe(128, 8);
        changing.extend(subgroup_probe(256, 16).into_iter().skip(128));
        assert_eq!(subgroup_size(&changing), None);
    }
}
