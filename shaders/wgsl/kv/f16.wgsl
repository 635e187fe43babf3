// A cache of f16: two neighbouring values of a head in a word. Needs no feature of the device.

alias Pair = u32;
fn packed(pair: vec2<f32>) -> Pair { return pack2x16float(pair); }
fn unpacked(pair: Pair) -> vec2<f32> { return unpack2x16float(pair); }
