// KV cache of f16: a word holds two neighbouring values of a head. Requires no device feature.

alias Pair = u32;
fn packed(pair: vec2<f32>) -> Pair { return pack2x16float(pair); }
fn unpacked(pair: Pair) -> vec2<f32> { return unpack2x16float(pair); }
