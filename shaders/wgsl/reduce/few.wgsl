// Reduction for few invocations: each one reads the values of all. For software adapters on a CPU, where that
// costs less than a barrier.

var<workgroup> values: array<Value, INVOCATIONS>;

// Returns the sum over LANES neighbours; `index` is the invocation's index in the workgroup.
fn sum_of_lanes(index: u32, value: Value) -> Value {
    values[index] = value;
    workgroupBarrier();
    let first = index / LANES * LANES;
    var sum = values[first];
    for (var j = 1u; j < LANES; j += 1u) { sum += values[first + j]; }
    return sum;
}
