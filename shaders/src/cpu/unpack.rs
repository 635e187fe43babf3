//! Unpacks rows as the device does: each format's WGSL, in Rust.

use half::f16;

use crate::{BLOCK, Format};

/// Returns the values of a row of whole blocks, from its `quants` and `scales`.
pub fn unpack(format: Format, quants: &[u32], scales: &[u32]) -> Vec<f32> {
    let blocks = quants.len() / format.quant_words(1);
    (0..blocks)
        .flat_map(|block| {
            let words = &quants[format.quant_words(block)..format.quant_words(block + 1)];
            let Scales { scale, low, extra } = block_scales(format, scales, block);
            (0..BLOCK).map(move |i| {
                let number = number(format, words, extra, i);
                number * scale[i / 16] + low[i / 16]
            })
        })
        .collect()
}

/// Scale and offset of each half of a block, and the upper bits of its numbers.
struct Scales {
    scale: [f32; 2],
    low: [f32; 2],
    extra: [u32; 2],
}

fn block_scales(format: Format, scales: &[u32], block: usize) -> Scales {
    let half =
        |word: u32, which: usize| f16::from_bits((word >> (16 * (which & 1))) as u16).to_f32();
    let both = |scale: f32, low: f32, extra: u32| Scales {
        scale: [scale; 2],
        low: [low; 2],
        extra: [extra, 0],
    };
    let k_scales = |words: usize| {
        let at = block / 8 * words;
        let s_m = scales[at + 1 + block % 8 / 2] >> (16 * (block & 1));
        let scale = half(scales[at], 0) * (s_m & 0xff) as f32;
        (scale, -half(scales[at], 1) * (s_m >> 8 & 0xff) as f32)
    };
    match format {
        Format::F32 | Format::F16 | Format::Bf16 => both(1.0, 0.0, 0),
        Format::Q8_0 => {
            let d = half(scales[block / 2], block);
            both(d, -128.0 * d, 0)
        }
        Format::Q4_0 => {
            let d = half(scales[block / 2], block);
            both(d, -8.0 * d, 0)
        }
        Format::Q4_1 => both(half(scales[block], 0), half(scales[block], 1), 0),
        Format::Q5_0 => {
            let at = block / 2 * 3;
            let d = half(scales[at], block);
            both(d, -16.0 * d, scales[at + 1 + (block & 1)])
        }
        Format::Q5_1 => both(
            half(scales[2 * block], 0),
            half(scales[2 * block], 1),
            scales[2 * block + 1],
        ),
        Format::Q4K => {
            let (scale, low) = k_scales(5);
            both(scale, low, 0)
        }
        Format::Q5K => {
            let (scale, low) = k_scales(13);
            both(scale, low, scales[block / 8 * 13 + 5 + block % 8])
        }
        Format::Q6K => {
            let at = block / 8 * 21;
            let bytes = scales[at + 1 + block % 8 / 2].to_le_bytes();
            let scale = [0, 1]
                .map(|i| half(scales[at], 0) * f32::from(bytes[2 * (block & 1) + i].cast_signed()));
            let uppers = at + 5 + block % 8 * 2;
            Scales {
                scale,
                low: scale.map(|scale| -32.0 * scale),
                extra: [scales[uppers], scales[uppers + 1]],
            }
        }
    }
}

/// Returns number `i` of a block, before scaling.
fn number(format: Format, words: &[u32], extra: [u32; 2], i: usize) -> f32 {
    let byte = |words: &[u32], i: usize| words[i / 4] >> (8 * (i % 4)) & 0xff;
    let nibble = byte(words, i % 16) >> (4 * (i / 16)) & 0xf;
    // Position of a number's upper bits in their word: byte i % 4, then in the order of i / 4.
    let (column, four) = (8 * (i % 4), i / 4);
    match format {
        Format::F32 => f32::from_bits(words[i]),
        Format::F16 => f16::from_bits((words[i / 2] >> (16 * (i % 2))) as u16).to_f32(),
        Format::Bf16 => f32::from_bits((words[i / 2] >> (16 * (i % 2))) << 16),
        Format::Q8_0 => byte(words, i) as f32,
        Format::Q4_0 | Format::Q4_1 | Format::Q4K => nibble as f32,
        Format::Q5_0 | Format::Q5_1 | Format::Q5K => {
            (nibble | (extra[0] >> (column + four) & 1) << 4) as f32
        }
        Format::Q6K => {
            let upper = extra[i / 16] >> (column + 2 * (four % 4)) & 3;
            (nibble | upper << 4) as f32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpack_reads_low_nibbles_before_high_nibbles() {
        // d 2, m 0.5; every number 3 in the first half, 12 in the second.
        let scales = [0x3800_4000];
        let values = unpack(Format::Q4_1, &[0xc3c3_c3c3; 4], &scales);
        assert_eq!(values[..16], [6.5; 16]);
        assert_eq!(values[16..], [24.5; 16]);
    }
}
