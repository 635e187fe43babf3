// Reduction by subgroups: each combines the values of its invocations, then all combine the subgroups' results.
// For devices on which the probe (subgroup_probe.wgsl) found that invocation i of a workgroup is in subgroup i
// / size. A kernel must have a barrier of its own between two calls.

// The smallest possible subgroup has 4 invocations.
var<workgroup> gathered: array<Value, INVOCATIONS / 4>;

// Returns the number of invocations that exchange values: those of a subgroup, but at most LANES.
fn exchanging() -> u32 {
    return min(subgroupAdd(1u), LANES);
}

// Returns the sum over LANES neighbours; `index` is the invocation's index in the workgroup. Shuffles beyond
// the subgroup are undefined, and their results are not used: this way all shuffles are in uniform control
// flow.
fn sum_of_lanes(index: u32, value: Value) -> Value {
    let size = exchanging();
    var sum = value;
    sum += subgroupShuffleXor(sum, 1u);
    sum += subgroupShuffleXor(sum, 2u);
    sum += select(Value(), subgroupShuffleXor(sum, 4u), size > 4u);
    sum += select(Value(), subgroupShuffleXor(sum, 8u), size > 8u);
    sum += select(Value(), subgroupShuffleXor(sum, 16u), size > 16u);
    sum += select(Value(), subgroupShuffleXor(sum, 32u), size > 32u);
    if (index % size == 0u) { gathered[index / size] = sum; }
    workgroupBarrier();
    let first = index / LANES * (LANES / size);
    sum = gathered[first];
    for (var j = 1u; j < LANES / size; j += 1u) { sum += gathered[first + j]; }
    return sum;
}

fn largest_of_lanes(index: u32, value: Value) -> Value {
    let size = exchanging();
    var most = value;
    most = max(most, subgroupShuffleXor(most, 1u));
    most = max(most, subgroupShuffleXor(most, 2u));
    most = select(most, max(most, subgroupShuffleXor(most, 4u)), size > 4u);
    most = select(most, max(most, subgroupShuffleXor(most, 8u)), size > 8u);
    most = select(most, max(most, subgroupShuffleXor(most, 16u)), size > 16u);
    most = select(most, max(most, subgroupShuffleXor(most, 32u)), size > 32u);
    if (index % size == 0u) { gathered[index / size] = most; }
    workgroupBarrier();
    let first = index / LANES * (LANES / size);
    most = gathered[first];
    for (var j = 1u; j < LANES / size; j += 1u) { most = max(most, gathered[first + j]); }
    return most;
}
