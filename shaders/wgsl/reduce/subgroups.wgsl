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
    var largest = value;
    largest = max(largest, subgroupShuffleXor(largest, 1u));
    largest = max(largest, subgroupShuffleXor(largest, 2u));
    largest = select(largest, max(largest, subgroupShuffleXor(largest, 4u)), size > 4u);
    largest = select(largest, max(largest, subgroupShuffleXor(largest, 8u)), size > 8u);
    largest = select(largest, max(largest, subgroupShuffleXor(largest, 16u)), size > 16u);
    largest = select(largest, max(largest, subgroupShuffleXor(largest, 32u)), size > 32u);
    if (index % size == 0u) { gathered[index / size] = largest; }
    workgroupBarrier();
    let first = index / LANES * (LANES / size);
    largest = gathered[first];
    for (var j = 1u; j < LANES / size; j += 1u) { largest = max(largest, gathered[first + j]); }
    return largest;
}
