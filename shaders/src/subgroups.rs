//! What a device's subgroups are like.

use crate::Kernel;

/// Invocations of [`SUBGROUP_PROBE`], and words that it leaves.
pub const SUBGROUP_PROBE_WORDS: usize = 256;

/// How a workgroup's invocations are put into subgroups: buffer `found` u32 of a word an invocation, for
/// [`subgroup_size`]; info: 0. One workgroup.
pub const SUBGROUP_PROBE: Kernel = Kernel {
    subgroups: true,
    ..Kernel::one(
        "subgroup_probe",
        include_str!("../wgsl/subgroup_probe.wgsl"),
        [SUBGROUP_PROBE_WORDS as u32, 1, 1],
        "subgroup_probe",
    )
};

/// Invocations of a subgroup, where [`SUBGROUP_PROBE`] found what the variants with subgroups rely on: all
/// subgroups are whole and as large, and invocation i is in subgroup i / size.
pub fn subgroup_size(found: &[u32]) -> Option<u32> {
    let size = found.first()? >> 16;
    // Sizes that WebGPU allows (https://www.w3.org/TR/webgpu/#gpuadapterinfo).
    let known = size.is_power_of_two() && (4..=128).contains(&size);
    (known && crate::cpu::subgroup_probe(found.len(), size) == found).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::subgroup_probe;

    #[test]
    fn whole_subgroups_of_neighbours_are_what_is_relied_on() {
        assert_eq!(subgroup_size(&subgroup_probe(256, 4)), Some(4));
        assert_eq!(subgroup_size(&subgroup_probe(256, 128)), Some(128));
        // Too small, no power of two, not whole, every second invocation, sizes that change.
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
