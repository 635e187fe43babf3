//! Packs rows of stored blocks, ggml's layout, into the words that kernels read.

use crate::Format;

/// Packs a row of whole blocks of `stored` as `format`. The bits only change order. `quants`
/// ([`Format::quant_words`]) and `scales` ([`Format::scale_words`]) must be zero.
pub fn pack_row(format: Format, stored: &[u8], quants: &mut [u32], scales: &mut [u32]) {
    use Format as F;
    let blocks = stored.chunks_exact(format.stored_block().1).enumerate();
    match format {
        F::F32 | F::F16 | F::Bf16 => words(stored, quants),
        F::Q8_0 => {
            for (i, block) in blocks {
                scales[i / 2] |= half(block) << (16 * (i & 1));
                words(&block[2..], &mut quants[8 * i..]);
            }
            // Maps -128..=127 to 0..=255.
            quants.iter_mut().for_each(|word| *word ^= 0x8080_8080);
        }
        F::Q4_0 => {
            for (i, block) in blocks {
                scales[i / 2] |= half(block) << (16 * (i & 1));
                words(&block[2..], &mut quants[4 * i..]);
            }
        }
        F::Q4_1 => {
            for (i, block) in blocks {
                words(&block[..4], &mut scales[i..]);
                words(&block[4..], &mut quants[4 * i..]);
            }
        }
        F::Q5_0 => {
            for (i, block) in blocks {
                let at = i / 2 * 3;
                scales[at] |= half(block) << (16 * (i & 1));
                scales[at + 1 + (i & 1)] = fifths(|j| u32::from(block[2 + j / 8]) >> (j % 8));
                words(&block[6..], &mut quants[4 * i..]);
            }
        }
        F::Q5_1 => {
            for (i, block) in blocks {
                words(&block[..4], &mut scales[2 * i..]);
                scales[2 * i + 1] = fifths(|j| u32::from(block[4 + j / 8]) >> (j % 8));
                words(&block[8..], &mut quants[4 * i..]);
            }
        }
        F::Q4K => {
            for (i, block) in blocks {
                k_scales(block, &mut scales[5 * i..]);
                k_nibbles(&block[16..], &mut quants[32 * i..]);
            }
        }
        F::Q5K => {
            for (i, block) in blocks {
                let scales = &mut scales[13 * i..];
                k_scales(block, scales);
                for (group, word) in scales[5..13].iter_mut().enumerate() {
                    *word = fifths(|j| u32::from(block[16 + j]) >> group);
                }
                k_nibbles(&block[48..], &mut quants[32 * i..]);
            }
        }
        F::Q6K => {
            for (i, block) in blocks {
                q6_k(block, &mut quants[32 * i..], &mut scales[21 * i..]);
            }
        }
    }
}

/// Converts bytes to words, low byte first. The last word may be incomplete.
fn words(bytes: &[u8], to: &mut [u32]) {
    for (word, bytes) in to.iter_mut().zip(bytes.chunks(4)) {
        let mut four = [0; 4];
        four[..bytes.len()].copy_from_slice(bytes);
        *word = u32::from_le_bytes(four);
    }
}

/// Returns the bits of the f16 at the start of a block.
fn half(block: &[u8]) -> u32 {
    u32::from(block[0]) | u32::from(block[1]) << 8
}

/// Collects fifth bits, each the lowest bit of `bit`, in the positions that the kernels expect.
fn fifths(bit: impl Fn(usize) -> u32) -> u32 {
    (0..32).fold(0, |word, j| word | (bit(j) & 1) << (8 * (j % 4) + j / 4))
}

/// Packs the nibbles of a block's 32 values into four words.
fn nibbles(nibble: impl Fn(usize) -> u32, to: &mut [u32]) {
    for j in 0..32 {
        to[j % 16 / 4] |= (nibble(j) & 15) << (8 * (j % 4) + 4 * (j / 16));
    }
}

/// Packs the scales of Q4_K and Q5_K for eight blocks into five words.
fn k_scales(block: &[u8], scales: &mut [u32]) {
    words(&block[..4], scales);
    for group in 0..8 {
        let (scale, min) = scale_min(group, &block[4..16]);
        let both = u32::from(scale) | u32::from(min) << 8;
        scales[1 + group / 2] |= both << (16 * (group & 1));
    }
}

/// Packs the nibbles of Q4_K and Q5_K: 32 bytes hold one block in their low halves and the next in their
/// high.
fn k_nibbles(quants: &[u8], to: &mut [u32]) {
    for group in 0..8 {
        let bytes = &quants[group / 2 * 32..];
        let shift = 4 * (group & 1);
        nibbles(|j| u32::from(bytes[j]) >> shift, &mut to[4 * group..]);
    }
}

/// Packs a block of Q6_K (eight of ours): 128 bytes of low nibbles, 64 of upper bits, 16 scales, d.
fn q6_k(block: &[u8], quants: &mut [u32], scales: &mut [u32]) {
    scales[0] = half(&block[208..]);
    words(&block[192..208], &mut scales[1..5]);
    for run in 0..8 {
        // Four runs of 32 values share 64 bytes of nibbles and 32 bytes of upper bits.
        let (fours, run_of_four) = (run / 4, run % 4);
        let lows = &block[64 * fours + 32 * (run_of_four & 1)..];
        let shift = 4 * (run_of_four / 2);
        nibbles(|j| u32::from(lows[j]) >> shift, &mut quants[4 * run..]);
        let uppers = &block[128 + 32 * fours..];
        for j in 0..32 {
            let bits = u32::from(uppers[j]) >> (2 * run_of_four) & 3;
            scales[5 + 2 * run + j / 16] |= bits << (8 * (j % 4) + 2 * (j % 16 / 4));
        }
    }
}

/// Returns scale and minimum of group `j` of 8, which are packed as 6 bits each in 12 bytes. Groups 0 to 3 have
/// theirs in the lower 6 bits of bytes 0..4 and 4..8; groups 4 to 7 have their low nibbles in bytes 8..12 and
/// their upper 2 bits in the top bits of bytes 0..8.
pub fn scale_min(j: usize, packed: &[u8]) -> (u8, u8) {
    if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        (
            packed[j + 4] & 15 | (packed[j - 4] >> 6) << 4,
            packed[j + 4] >> 4 | (packed[j] >> 6) << 4,
        )
    }
}
