// Product of a block of w with 32 values of x, for methods that use a block once.

// 32 values of x, multiplied by the factors of a block's numbers, and the sum of each half of the values.
struct Input { fours: Fours, sums: vec2<f32> }

fn input(at: u32) -> Input {
    let v0 = x[at];
    let v1 = x[at + 1u];
    let v2 = x[at + 2u];
    let v3 = x[at + 3u];
    let v4 = x[at + 4u];
    let v5 = x[at + 5u];
    let v6 = x[at + 6u];
    let v7 = x[at + 7u];
    let one = vec4<f32>(1.0);
    let sums = vec2<f32>(dot(v0 + v1 + v2 + v3, one), dot(v4 + v5 + v6 + v7, one));
    return Input(
        Fours(
            v0 * IN_PLACE, v1 * IN_PLACE, v2 * IN_PLACE, v3 * IN_PLACE,
            v4 * IN_PLACE, v5 * IN_PLACE, v6 * IN_PLACE, v7 * IN_PLACE,
        ),
        sums,
    );
}

fn dot_block(b: Block, i: Input) -> f32 {
    var low = four_0(b.quants) * i.fours.v0;
    low += four_1(b.quants) * i.fours.v1;
    low += four_2(b.quants) * i.fours.v2;
    low += four_3(b.quants) * i.fours.v3;
    var high = four_4(b.quants) * i.fours.v4;
    high += four_5(b.quants) * i.fours.v5;
    high += four_6(b.quants) * i.fours.v6;
    high += four_7(b.quants) * i.fours.v7;
    return dot(low * b.scale.x + high * b.scale.y, vec4<f32>(1.0)) + dot(b.low, i.sums);
}
