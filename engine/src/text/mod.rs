//! Ids to UTF-8-safe text, and stop strings.
