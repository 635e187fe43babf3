//! The study's queue model: one server, first come, first served.

use serde::{Deserialize, Serialize};

/// Figures of the queue model, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fifo {
    /// Sum of all service times.
    pub infer_s: f64,
    /// Idle time if each request is served before the next one arrives: the sum of `max(0, 1/qps - service)`.
    pub bubble_s: f64,
    /// Time at which the last request has been served.
    pub total_s: f64,
    /// Largest wait: the maximum over requests i (from 0) of `total - i/qps`, with `total` as it is after request
    /// i.
    pub max_wait_s: f64,
}

impl Fifo {
    /// Computes the figures for requests that arrive `1/qps` seconds apart, the first at 0, and take `services_s`
    /// seconds each: `total = max(total + service, i / qps)`.
    pub fn of(services_s: &[f64], qps: f64) -> Self {
        let mut fifo = Self::default();
        for (index, service) in services_s.iter().enumerate() {
            let arrival = index as f64 / qps;
            fifo.infer_s += service;
            fifo.bubble_s += (1.0 / qps - service).max(0.0);
            fifo.total_s = (fifo.total_s + service).max(arrival);
            fifo.max_wait_s = fifo.max_wait_s.max(fifo.total_s - arrival);
        }
        fifo
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fifo_matches_hand_computed_figures() {
        // Two requests per second. Total and wait after each: 1.0 (1.0), 1.1 (0.6), max(1.2, 1.0) (0.2), max(1.3,
        // 1.5) (0).
        let of = Fifo::of(&[1.0, 0.1, 0.1, 0.1], 2.0);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(of.infer_s, 1.3) && close(of.bubble_s, 1.2), "{of:?}");
        assert!(
            close(of.total_s, 1.5) && close(of.max_wait_s, 1.0),
            "{of:?}"
        );
        assert_eq!(Fifo::of(&[], 2.0), Fifo::default());
    }

    proptest! {
        #[test]
        fn fifo_total_is_at_least_service_time_and_last_arrival(
            services in prop::collection::vec(0.0f64..10.0, 1..50), qps in 0.01f64..100.0,
        ) {
            let of = Fifo::of(&services, qps);
            prop_assert!(of.total_s >= of.infer_s - 1e-9);
            prop_assert!(of.total_s >= (services.len() - 1) as f64 / qps - 1e-9);
            prop_assert!(of.max_wait_s <= of.total_s + 1e-9);
        }
    }
}
