#![no_main]

use libfuzzer_sys::fuzz_target;
use llamaglass_engine::weights::fuzz;

// An error is the usual answer to what a fuzzer writes; a panic is a finding.
fuzz_target!(|data: &[u8]| drop(fuzz::safetensors(data)));
