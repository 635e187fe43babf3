// Reduction in two stages: a few invocations combine the values of all, then all combine those results. It
// takes two barriers for any number of invocations. A kernel must have a barrier of its own between two calls.

const GATHERERS: u32 = 8u;

var<workgroup> values: array<Value, INVOCATIONS>;
var<workgroup> gathered: array<Value, INVOCATIONS / LANES * GATHERERS>;

// Returns the sum over LANES neighbours; `index` is the invocation's index in the workgroup.
fn sum_of_lanes(index: u32, value: Value) -> Value {
    values[index] = value;
    workgroupBarrier();
    let lane = index % LANES;
    let first = index / LANES * GATHERERS;
    if (lane < GATHERERS) {
        var sum = value;
        for (var j = GATHERERS; j + lane < LANES; j += GATHERERS) { sum += values[index + j]; }
        gathered[first + lane] = sum;
    }
    workgroupBarrier();
    var sum = gathered[first];
    for (var j = 1u; j < GATHERERS; j += 1u) { sum += gathered[first + j]; }
    return sum;
}

fn largest_of_lanes(index: u32, value: Value) -> Value {
    values[index] = value;
    workgroupBarrier();
    let lane = index % LANES;
    let first = index / LANES * GATHERERS;
    if (lane < GATHERERS) {
        var largest = value;
        for (var j = GATHERERS; j + lane < LANES; j += GATHERERS) { largest = max(largest, values[index + j]); }
        gathered[first + lane] = largest;
    }
    workgroupBarrier();
    var largest = gathered[first];
    for (var j = 1u; j < GATHERERS; j += 1u) { largest = max(largest, gathered[first + j]); }
    return largest;
}
