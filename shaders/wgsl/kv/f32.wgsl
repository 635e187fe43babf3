// KV cache of f32: two neighbouring values of a head, unconverted.

alias Pair = vec2<f32>;
fn packed(pair: vec2<f32>) -> Pair { return pair; }
fn unpacked(pair: Pair) -> vec2<f32> { return pair; }
