#![no_main]

use libfuzzer_sys::fuzz_target;
use llamaglass_engine::weights::fuzz;

// Most fuzzer inputs are invalid, so an error is expected; only a panic is a finding.
fuzz_target!(|data: &[u8]| drop(fuzz::gguf(data)));
