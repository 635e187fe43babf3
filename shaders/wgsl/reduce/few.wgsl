// Reduction for few invocations, each of which goes through the values of all. Made for software adapters on a
// CPU, where a barrier costs more than that.

var<workgroup> left: array<Value, INVOCATIONS>;

// Returns the sum over LANES neighbours; `index` is the invocation's index in the workgroup.
fn sum_of_lanes(index: u32, value: Value) -> Value {
    left[index] = value;
    workgroupBarrier();
    let first = index / LANES * LANES;
    var sum = left[first];
    for (var j = 1u; j < LANES; j += 1u) { sum += left[first + j]; }
    return sum;
}
