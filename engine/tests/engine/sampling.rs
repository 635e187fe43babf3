//! Tests the sampling kernels against their CPU references.

use llamaglass_engine::forward::Buffer;
use llamaglass_shaders::params::{LogprobsParams, SamplingState};
use llamaglass_shaders::step::{self, Row};
use llamaglass_shaders::{
    IN_PROMPT, NO_SAMPLE, Sampling, argmax, cpu, exp2_table, logprob_words, logprobs, mask_words,
    occurrence_words, sample,
};

use super::gpu::Gpu;

/// Returns a row at `position` of the sequence in `slot`.
const fn row(position: u32, slot: u32) -> Row {
    Row {
        id: 1,
        position,
        blocks: 77 + slot,
        slot,
    }
}

/// Writes a prompt of three rows, of which the last samples.
fn prompt(gpu: &Gpu) -> Buffer {
    gpu.put_u32(&step::words(&[row(7, 0), row(8, 0), row(9, 0)], &[2], true))
}

/// Checks the results of a sample: the id for the host, and the next step.
fn check_sample(gpu: &Gpu, sampled: &Buffer, step: &Buffer, wanted: Option<u32>, what: &str) {
    let id = gpu.get_u32(sampled);
    assert_eq!(id, [wanted.unwrap_or(NO_SAMPLE)], "{what}");
    let next = Row {
        id: wanted.unwrap_or(0),
        ..row(10, 0)
    };
    let next = step::words(&[next], &[0], true);
    assert_eq!(gpu.get_u32(step)[..next.len()], next, "{what}");
}

#[test]
fn argmax_matches_the_cpu_reference() {
    let mut gpu = Gpu::open();
    for v in [1, 2, 255, 256, 257, 1000, 49_155] {
        let mut logits = gpu.noise(v);
        let check = |logits: &[f32]| {
            let (sampled, step) = (gpu.put_u32(&[5]), prompt(&gpu));
            let buffers = [&gpu.put(logits), &sampled, &step];
            gpu.device.launch(&argmax(v), &buffers, &(), [1, 1, 1]);
            check_sample(
                &gpu,
                &sampled,
                &step,
                cpu::argmax(logits),
                &format!("V {v}"),
            );
        };
        check(&logits);
        // On ties the lower id wins, wherever the lanes meet.
        logits[v / 2] = 9.0;
        logits[v - 1] = 9.0;
        check(&logits);
        // Values that are not finite never win.
        logits[v / 2] = f32::NAN;
        logits[v - 1] = f32::INFINITY;
        check(&logits);
        check(&vec![f32::NAN; v]);
    }
}

fn put_states(gpu: &Gpu, states: &[SamplingState]) -> Buffer {
    gpu.put_u32(bytemuck::cast_slice(states))
}

/// Returns settings that exercise every part of the kernel, alone and together.
fn samplings(gpu: &mut Gpu) -> Vec<Sampling> {
    let mut all = Vec::new();
    for scale in [0.0, 20_000.0, 94_548.55, 4e6, 1e30] {
        for (top_k, top_p) in [
            (0, 0),
            (1, 0),
            (40, 0),
            (0, 0xe666_6666),
            (300, 0x8000_0000),
        ] {
            for (penalties, constrained) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let odd = gpu.random().is_multiple_of(3);
                all.push(Sampling {
                    scale,
                    top_k,
                    top_p,
                    min_weight: if odd { 0x0300_0000 } else { 0 },
                    penalties,
                    repetition: 1.3,
                    presence: 0.7,
                    frequency: 0.3,
                    seed: u64::from(gpu.word()) << 20,
                    constrained,
                });
            }
        }
    }
    all
}

#[test]
fn sample_matches_the_cpu_reference() {
    let mut gpu = Gpu::open();
    let table = gpu.put_u32(&exp2_table());
    let mut sampler = cpu::Sampler::default();
    for v in [1, 2, 300, 1000, 49_155] {
        // Logits from -8 to 8, some of them equal, very small or NaN.
        let mut logits: Vec<f32> = gpu.noise(v).iter().map(|x| x * 8.0).collect();
        for i in (0..v).step_by(3) {
            logits[i] = logits[i / 2].round();
        }
        if v > 2 {
            logits[v / 3] = f32::NAN;
            logits[v / 2] = -3e38;
        }
        let seen: Vec<u32> = (0..v)
            .map(|_| match gpu.random() % 5 {
                0 => IN_PROMPT,
                1 => gpu.random() % 4,
                2 => IN_PROMPT + 2,
                _ => 0,
            })
            .collect();
        // A quarter of the ids are allowed; in the smallest vocabularies perhaps none.
        let mask: Vec<u32> = (0..mask_words(v))
            .map(|_| gpu.word() & gpu.word())
            .collect();
        for sampling in samplings(&mut gpu) {
            let draw = u64::from(u32::MAX);
            let [logits_there, scratch] = [&logits, &vec![0.0; v]].map(|values| gpu.put(values));
            let occurrences = gpu.put_u32(&[seen.as_slice(), &mask].concat());
            let settings = put_states(&gpu, &[sampling.state(draw)]);
            let sampled = gpu.put_u32(&[5]);
            let mut counted = seen.clone();
            // Two samples in a row: the second uses the next draw and counts the first.
            for draw in [draw, draw + 1] {
                let what = format!("V {v}, draw {draw} of {sampling:?}");
                let step = prompt(&gpu);
                let buffers = [
                    &logits_there,
                    &occurrences,
                    &settings,
                    &scratch,
                    &table,
                    &sampled,
                    &step,
                ];
                gpu.device.launch(&sample(v), &buffers, &(), [1, 1, 1]);
                let mut penalised = logits.clone();
                let wanted = sampler.sample(&mut penalised, &counted, &mask, &sampling, draw);
                check_sample(&gpu, &sampled, &step, wanted, &what);
                if let (Some(id), true) = (wanted, sampling.penalties) {
                    counted[id as usize] += 1;
                }
            }
            assert_eq!(gpu.get_u32(&occurrences), [counted, mask.clone()].concat());
        }
    }
}

#[test]
fn sample_returns_nothing_when_no_id_is_allowed() {
    let mut gpu = Gpu::open();
    let all = samplings(&mut gpu);
    let mut drawn = all.iter().filter(|one| one.scale > 0.0);
    let [free, constrained] = [false, true].map(|constrained| {
        let wanted = drawn.find(|one| one.constrained == constrained);
        *wanted.unwrap()
    });
    // Either no logit is finite, or no id is allowed.
    for (value, sampling) in [(f32::NAN, free), (1.0, constrained)] {
        let [logits, scratch] = [value, 0.0].map(|value| gpu.put(&[value; 300]));
        let step = prompt(&gpu);
        let seen = [0; occurrence_words(300)];
        let [seen, table, sampled] =
            [&seen[..], &exp2_table(), &[5]].map(|words| gpu.put_u32(words));
        let settings = put_states(&gpu, &[sampling.state(0)]);
        let buffers = [&logits, &seen, &settings, &scratch, &table, &sampled, &step];
        gpu.device.launch(&sample(300), &buffers, &(), [1, 1, 1]);
        check_sample(&gpu, &sampled, &step, None, &format!("only {value}"));
    }
}

/// Rows of several sequences, out of slot order: each has its own logits, settings and counts, and the next
/// step has one row for each.
#[test]
fn sampling_kernels_handle_several_rows() {
    let mut gpu = Gpu::open();
    let (v, slots) = (1000, 4);
    let rows = [row(5, 2), row(100, 0), row(8, 3)];
    let logits: Vec<f32> = gpu.noise(rows.len() * v).iter().map(|x| x * 8.0).collect();
    let samplings: Vec<Sampling> = samplings(&mut gpu)
        .into_iter()
        .skip(6)
        .take(slots)
        .collect();
    assert!(samplings.iter().any(|one| one.constrained));
    // Counts, followed by a mask.
    let per_slot = occurrence_words(v);
    let seen: Vec<u32> = (0..slots * per_slot)
        .map(|at| match at % per_slot < v {
            true => gpu.random() % 3,
            false => gpu.word(),
        })
        .collect();
    let states: Vec<SamplingState> = samplings.iter().map(|one| one.state(3)).collect();
    let first_step = step::words(&rows, &[0, 1, 2], true);
    let groups = [rows.len() as u32, 1, 1];
    let mut sampler = cpu::Sampler::default();
    for kernel in [argmax(v), sample(v)] {
        let settings = put_states(&gpu, &states);
        let [step, occurrences, sampled, scratch, table] = [
            &first_step,
            &seen,
            &vec![5; rows.len()],
            &vec![0; rows.len() * v],
            &exp2_table().to_vec(),
        ]
        .map(|words| gpu.put_u32(words));
        let on_gpu = gpu.put(&logits);
        if kernel.key() == argmax(v).key() {
            let buffers = [&on_gpu, &sampled, &step];
            gpu.device.launch(&kernel, &buffers, &(), groups);
        } else {
            let buffers = [
                &on_gpu,
                &occurrences,
                &settings,
                &scratch,
                &table,
                &sampled,
                &step,
            ];
            gpu.device.launch(&kernel, &buffers, &(), groups);
        }
        let mut next = Vec::new();
        for (row, logits) in rows.iter().zip(logits.chunks_exact(v)) {
            let slot = row.slot as usize;
            let (counts, mask) = seen[slot * per_slot..(slot + 1) * per_slot].split_at(v);
            let id = if kernel.key() == argmax(v).key() {
                cpu::argmax(logits)
            } else {
                let sampling = &samplings[slot];
                sampler.sample(&mut logits.to_vec(), counts, mask, sampling, 3)
            };
            next.push(Row {
                id: id.unwrap(),
                position: row.position + 1,
                ..*row
            });
        }
        let ids: Vec<u32> = next.iter().map(|row| row.id).collect();
        assert_eq!(gpu.get_u32(&sampled), ids, "{}", kernel.label());
        let next = step::words(&next, &[0, 1, 2], true);
        assert_eq!(gpu.get_u32(&step), next, "{}", kernel.label());
    }
}

#[test]
fn logprobs_match_the_cpu_reference() {
    let mut gpu = Gpu::open();
    for (v, top, scale) in [
        (1, 2, 1.0),
        (7, 20, 1.0),
        (1000, 0, 30.0),
        (49_155, 20, 8.0),
    ] {
        // Two samples; the logits include ties and values that are not finite.
        let mut logits: Vec<f32> = gpu.noise(2 * v).iter().map(|x| x * scale).collect();
        if v > 2 {
            logits[v / 2] = scale;
            logits[v - 1] = scale;
            logits[v + 1] = f32::NAN;
            logits[v + 2] = f32::INFINITY;
        }
        let ids = [v as u32 - 1, 0];
        let words = logprob_words(top);
        let [sampled, out] = [&ids[..], &vec![5; 2 * words]].map(|words| gpu.put_u32(words));
        let buffers = [&gpu.put(&logits), &sampled, &out];
        let params = LogprobsParams { top: top as u32 };
        gpu.device
            .launch(&logprobs(v), &buffers, &params, [2, 1, 1]);
        let got = gpu.get_u32(&out);
        for (row, got) in got.chunks_exact(words).enumerate() {
            let wanted = cpu::logprobs(&logits[row * v..(row + 1) * v], ids[row], top);
            let close = |got: u32, wanted: f32| {
                let got = f32::from_bits(got);
                let what = format!("V {v}, row {row}: {got}, not {wanted}");
                assert!(
                    (got - wanted).abs() <= 1e-5 * wanted.abs().max(1.0),
                    "{what}"
                );
            };
            close(got[0], wanted.sampled);
            let pairs = got[1..].chunks_exact(2);
            for (n, pair) in pairs.enumerate() {
                match wanted.top.get(n) {
                    Some((id, logprob)) => {
                        assert_eq!(pair[0], *id, "V {v}, row {row}, top {n}");
                        close(pair[1], *logprob);
                    }
                    None => assert_eq!(pair[0], NO_SAMPLE, "V {v}, row {row}, top {n}"),
                }
            }
        }
    }
}
