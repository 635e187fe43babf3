// Each invocation goes through what all have left: for few of them, on adapters that are programs on a
// CPU, where a barrier costs more than that.

var<workgroup> left: array<Value, INVOCATIONS>;

// Of LANES neighbours, one of which is `index` in the workgroup.
fn sum_of_lanes(index: u32, value: Value) -> Value {
    left[index] = value;
    workgroupBarrier();
    let first = index / LANES * LANES;
    var sum = left[first];
    for (var j = 1u; j < LANES; j += 1u) { sum += left[first + j]; }
    return sum;
}
