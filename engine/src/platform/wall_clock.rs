//! Wall-clock time, for dates in prompts and results; `timing` measures durations.

/// Returns the seconds since 1970-01-01 00:00 UTC; 0 if the clock is set to an earlier time.
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
        // A date in milliseconds fits; `as` would saturate otherwise.
        (js_sys::Date::now() / 1000.0) as i64
    }
}
