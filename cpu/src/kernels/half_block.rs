//! Values of single rows of a matrix.

use llamaglass_shaders::Format;

use super::weights::{
    Bf16, F16, F32, NUMBERS, Place, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0, STEPS, Scales,
    Weights,
};
use crate::matrix::{GROUP, Group, Matrix};

/// Returns 16 values of a row of `matrix`: half block `index`. For the embedding, of which a step needs few rows; not
/// compiled for any instruction set.
pub fn half_block(matrix: &Matrix, row: usize, index: usize) -> [f32; GROUP] {
    let values = match matrix.format {
        Format::F32 => half_of_row::<F32>,
        Format::F16 => half_of_row::<F16>,
        Format::Bf16 => half_of_row::<Bf16>,
        Format::Q8_0 => half_of_row::<Q8_0>,
        Format::Q4_0 => half_of_row::<Q4_0>,
        Format::Q4_1 => half_of_row::<Q4_1>,
        Format::Q5_0 => half_of_row::<Q5_0>,
        Format::Q5_1 => half_of_row::<Q5_1>,
        Format::Q4K => half_of_row::<Q4K>,
        Format::Q5K => half_of_row::<Q5K>,
        Format::Q6K => half_of_row::<Q6K>,
    };
    values(matrix.group(row / GROUP), row % GROUP, index)
}

fn half_of_row<W: Weights>(group: Group<'_>, lane: usize, index: usize) -> [f32; GROUP] {
    let (block, half) = (index / 2, index % 2);
    let words = &group.quants[block * W::WORDS..(block + 1) * W::WORDS];
    let Scales {
        scale,
        min,
        mut upper,
    } = W::scales::<1>(group.scales, block, lane);
    let min = min.map_or(0.0, |[min]| min);
    let mut values = [0.0; GROUP];
    for step in 0..STEPS {
        for index in 0..NUMBERS {
            let place = Place { step, index, half };
            let [number] = W::number::<1>(words, upper[half], lane, place);
            values[NUMBERS * step + index] = (number + W::OFFSET) * scale[half][0] + min;
        }
        upper = W::next(upper);
    }
    values
}
