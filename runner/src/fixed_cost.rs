//! Simulates the scheduler on a virtual clock: step costs follow a formula and nothing is computed.

use llamaglass_engine::scheduler::{BlockPool, Limits, QueuedRequest, RequestId, Scheduler, Step};
use llamaglass_lab::fixed_cost::{Arrival, Room, Served, StepCost};
use llamaglass_shaders::KV_BLOCK;

/// Returns the duration of a step, in milliseconds.
fn step_ms(cost: &StepCost, step: &Step) -> f64 {
    let prefill = step.prefill.iter().map(|chunk| chunk.range.len()).sum();
    let decode = step.decode.len();
    let cost_of = |base: f64, row: f64, rows: usize| match rows {
        0 => 0.0,
        rows => base + row * rows as f64,
    };
    cost_of(cost.prefill_step_ms, cost.prefill_row_ms, prefill)
        + cost_of(cost.decode_step_ms, cost.decode_row_ms, decode)
}

/// Serves `arrivals`, which are in order of time, with the real scheduler on the virtual clock. No prompts share a
/// prefix.
///
/// A request longer than the KV cache is truncated to it.
pub fn serve(arrivals: &[Arrival], room: Room, cost: StepCost) -> Vec<Served> {
    let blocks = room.kv_positions.div_ceil(KV_BLOCK).max(1);
    let limits = Limits {
        slots: room.batch.max(1),
        rows: room.prefill_chunk.max(1),
        tile_rows: 1,
        can_chain: false,
        policy: room.policy,
    };
    let mut scheduler = Scheduler::new(limits, BlockPool::new(blocks, KV_BLOCK, true));
    let mut served = vec![Served::default(); arrivals.len()];
    let mut left: Vec<usize> = arrivals.iter().map(|a| a.output_tokens.max(1)).collect();
    let (mut next, mut now) = (0, 0.0);
    loop {
        while let Some(arrival) = arrivals.get(next).filter(|arrival| arrival.at_ms <= now) {
            scheduler.submit(queued(next, arrival, blocks * KV_BLOCK));
            next += 1;
        }
        let step = scheduler.plan(false);
        if step.is_empty() {
            match arrivals.get(next) {
                Some(arrival) => now = arrival.at_ms,
                None => return served,
            }
            continue;
        }
        now += step_ms(&cost, &step);
        for chunk in step.chunks() {
            scheduler.mark_computed(chunk);
            let index = chunk.request.0 as usize;
            if !chunk.samples {
                continue;
            }
            if served[index].first_token_ms == 0.0 {
                served[index].first_token_ms = now;
            }
            scheduler.push_token(chunk.request, index as u32);
            left[index] -= 1;
            let full = chunk.range.end + 1 >= blocks * KV_BLOCK;
            if left[index] == 0 || full {
                served[index].end_ms = now;
                scheduler.remove(chunk.request);
            }
        }
    }
}

fn queued(index: usize, arrival: &Arrival, positions: usize) -> QueuedRequest {
    // Token ids unique to the request, so that no prefix is shared.
    let input = arrival
        .input_tokens
        .clamp(1, positions.saturating_sub(1).max(1));
    QueuedRequest {
        id: RequestId(index as u64),
        priority: 0,
        tokens: vec![index as u32; input],
        max_len: (input + arrival.output_tokens.max(1)).min(positions),
        waits_for_samples: false,
        deadline_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use llamaglass_engine::scheduler::Policy;
    use llamaglass_lab::Fifo;

    const ROOM: Room = Room {
        batch: 1,
        prefill_chunk: 32,
        kv_positions: 512,
        policy: Policy::PrefillFirst,
    };

    const COST: StepCost = StepCost {
        prefill_step_ms: 10.0,
        prefill_row_ms: 1.0,
        decode_step_ms: 20.0,
        decode_row_ms: 5.0,
    };

    fn arrival(at_ms: f64, input_tokens: usize, output_tokens: usize) -> Arrival {
        Arrival {
            at_ms,
            input_tokens,
            output_tokens,
        }
    }

    #[test]
    fn single_request_takes_sum_of_its_step_costs() {
        // Prefill chunks of 32 and 8 rows: 42 and 18 ms. Then two decode steps of 25 ms.
        let served = serve(&[arrival(100.0, 40, 3)], ROOM, COST);
        let first_token_ms = 160.0;
        assert_eq!(
            served,
            [Served {
                first_token_ms,
                end_ms: 210.0
            }]
        );
    }

    #[test]
    fn two_slots_share_steps_while_one_slot_serves_in_turn() {
        let arrivals = [arrival(0.0, 10, 3), arrival(0.0, 10, 3)];
        let alone = serve(&arrivals, ROOM, COST);
        // 20 ms of prefill and two decode steps of 25 ms, for each request in turn.
        assert_eq!([alone[0].end_ms, alone[1].end_ms], [70.0, 140.0]);
        let room = Room { batch: 2, ..ROOM };
        let both = serve(&arrivals, room, COST);
        // One prefill step of 20 rows takes 30 ms, and each of two decode steps takes 30 ms.
        assert_eq!([both[0].end_ms, both[1].end_ms], [90.0, 90.0]);
    }

    proptest! {
        #[test]
        fn one_slot_with_fixed_token_cost_matches_fifo_queue(
            outputs in prop::collection::vec(1usize..40, 1..20), qps in 0.05f64..20.0,
        ) {
            // The formula serves whole requests, so only answer tokens cost time here. The prefill step yields the
            // first of them.
            let cost = StepCost { prefill_step_ms: 27.0, decode_step_ms: 27.0, ..StepCost::default() };
            let arrivals: Vec<Arrival> = outputs.iter().enumerate()
                .map(|(i, tokens)| arrival(i as f64 / qps * 1e3, 4, *tokens)).collect();
            let served = serve(&arrivals, ROOM, cost);
            let services: Vec<f64> = outputs.iter().map(|tokens| *tokens as f64 * 0.027).collect();
            // The formula adds a request's service time before it waits for the request's arrival, so a request
            // that finds the queue empty counts as served on arrival. `total` starts each service at the arrival
            // instead and is never smaller.
            let formula = Fifo::of(&services, qps);
            let mut total: f64 = 0.0;
            for (index, service) in services.iter().enumerate() {
                total = total.max(index as f64 / qps) + service;
            }
            let end = served.iter().map(|of| of.end_ms).fold(0.0, f64::max) / 1e3;
            prop_assert!((end - total).abs() < 1e-6, "{} {}", end, total);
            prop_assert!(formula.total_s <= total + 1e-9);
        }

        #[test]
        fn every_request_is_served_even_with_few_blocks(
            sizes in prop::collection::vec((0.0f64..500.0, 1usize..300, 1usize..80), 1..12),
            batch in 1usize..5, blocks in 1usize..12, balanced: bool,
        ) {
            let policy = if balanced { Policy::Balanced } else { Policy::PrefillFirst };
            let room = Room { batch, kv_positions: blocks * KV_BLOCK, policy, ..ROOM };
            let mut arrivals: Vec<Arrival> =
                sizes.iter().map(|(at, input, output)| arrival(*at, *input, *output)).collect();
            arrivals.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
            for (served, arrival) in serve(&arrivals, room, COST).iter().zip(&arrivals) {
                prop_assert!(served.first_token_ms > arrival.at_ms);
                prop_assert!(served.end_ms >= served.first_token_ms);
            }
        }
    }
}
