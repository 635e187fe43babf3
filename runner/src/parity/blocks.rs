//! Compares dequantised blocks with the reference, bit for bit.

use super::reference::{BlockCase, Cases};
use super::report::{CaseResult, Kind};
use llamaglass_engine::weights::TensorType;

/// Runs the cases of quant_blocks.json.
pub fn block_cases(file: &Cases<BlockCase>) -> impl Iterator<Item = CaseResult> + '_ {
    file.cases.iter().map(|case| {
        let name = format!("{} {} block {}", case.tensor_type, case.tensor, case.block);
        let mut result = CaseResult::new(Kind::QuantBlocks, name);
        if let Err(error) = block_case(&mut result, case) {
            result.fail(error);
        }
        result
    })
}

fn block_case(result: &mut CaseResult, case: &BlockCase) -> Result<(), String> {
    let tensor_type: TensorType = case.tensor_type.parse().map_err(|e| format!("{e}"))?;
    let raw = unhex(&case.raw_hex).ok_or("raw_hex is not hexadecimal")?;
    let mut ours = vec![0.0; case.values.len()];
    let converted = tensor_type.dequantize(&raw, &mut ours);
    converted.map_err(|error| error.to_string())?;
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let differing = ours
        .iter()
        .zip(&case.values)
        .filter(|(a, b)| a.to_bits() != b.to_bits());
    let differing = differing.count();
    result.figure("values", ours.len() as f64);
    result.figure("differing", differing as f64);
    if differing > 0 {
        let at = bits(&ours)
            .iter()
            .zip(bits(&case.values))
            .position(|(a, b)| *a != b);
        let at = at.unwrap_or(0);
        result.fail(format!(
            "{differing} values differ, the first at {at}: {} instead of {}",
            ours[at], case.values[at]
        ));
    }
    Ok(())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match *pair {
            [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(raw_hex: &str, last: f32) -> BlockCase {
        BlockCase {
            tensor: "t".into(),
            tensor_type: "F16".into(),
            block: 0,
            raw_hex: raw_hex.into(),
            values: vec![1.0, last],
        }
    }

    fn run(case: BlockCase) -> CaseResult {
        let file = Cases { cases: vec![case] };
        let mut results: Vec<_> = block_cases(&file).collect();
        results.remove(0)
    }

    #[test]
    fn block_case_compares_bits_including_sign_of_zero() {
        assert!(run(case("003c0080", -0.0)).pass);
        let wrong = run(case("003c0080", 0.0));
        assert!(
            wrong.failures[0].contains("the first at 1"),
            "{:?}",
            wrong.failures
        );
    }

    #[test]
    fn block_case_fails_for_invalid_blocks() {
        for raw_hex in ["003c0", "zz3c0080", "003c", ""] {
            assert!(!run(case(raw_hex, 0.0)).pass, "{raw_hex}");
        }
    }
}
