//! The time of day. For dates in prompts; durations are `timing`'s.

/// Seconds since 1970-01-01 00:00 UTC; 0 where the clock is set before that.
pub fn unix_time_seconds() -> i64 {
    #[cfg(not(target_arch = "wasm32"))]
    {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
            })
    }
    #[cfg(target_arch = "wasm32")]
    {
        // A date in milliseconds fits; `as` would saturate.
        (js_sys::Date::now() / 1000.0) as i64
    }
}
